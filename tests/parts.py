"""The real parts that are no Python packages: found, installed when root on Debian, or named.

`python -m tests.parts` runs before the suite. A part that is missing makes the tests that need it
skip by name; with STB_TEST_ALL=1 it makes them fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A program, and the Debian packages that bring it."""

    name: str
    program: str
    packages: tuple[str, ...]

    @property
    def path(self) -> str | None:
        """Where the program is."""
        return shutil.which(self.program)


PARTS = {
    part.name: part
    for part in (
        Part(
            "chromium",
            "chromium-headless-shell",  # Chromium without windows: two thirds of the time
            ("chromium-headless-shell", "libatomic1", "fonts-dejavu-core"),
        ),
        Part("swupdate", "swupdate", ("swupdate",)),
        Part("openssl", "openssl", ("openssl",)),
        Part("cpio", "cpio", ("cpio",)),
    )
}


def missing() -> list[Part]:
    """Return the parts that are not on this machine."""
    return [part for part in PARTS.values() if part.path is None]


def wants_all() -> bool:
    """Tell whether a missing part is a failure."""
    return os.environ.get("STB_TEST_ALL") == "1"


def main() -> int:
    """Install what is missing, or say how."""
    absent = missing()
    if not absent:
        return 0
    packages = [package for part in absent for package in part.packages]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        names = ", ".join(part.name for part in absent)
        print(f"not on this machine: {names}; their tests are skipped. To have them, as root:")
        print("  apt-get update && " + " ".join(command))
        return 0
    print("installing " + " ".join(packages), flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, env=environ)  # offline: what is known
    subprocess.run(
        ["apt-get", "-o", "Dpkg::Use-Pty=0", *command[1:]],
        check=False,
        env=environ,
        stdout=subprocess.DEVNULL,
    )
    if absent := missing():
        print(f"could not be installed: {', '.join(part.name for part in absent)}")
        return 1 if wants_all() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
