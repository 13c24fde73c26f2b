"""The real parts that are no Python packages: found, installed when root on Debian, or named.

`python -m tests.parts` runs before the suite. A part that is missing makes the tests that need it
skip by name; with STB_TEST_ALL=1 it makes them fail. `python -m tests.parts service` is for those
alone that the service itself does better with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A program, or else a file, and the Debian packages that bring it."""

    name: str
    program: str
    packages: tuple[str, ...]
    file: str = ""  # a pattern, from the root of the machine

    @property
    def path(self) -> str | None:
        """Where the program or file is."""
        if self.file:
            return next((str(path) for path in Path("/").glob(self.file)), None)
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
        Part(
            "pango",
            "",
            ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
            file="usr/lib/*/libpangoft2-1.0.so.0",
        ),
        Part(
            "fonts of all customers",  # Latin with Vietnamese, Greek, Arabic, Devanagari
            "",
            ("fonts-noto-core",),
            file="usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf",
        ),
    )
}
OF_THE_SERVICE = {"pango", "fonts of all customers"}  # without them letters are no PDF


def missing(names: Collection[str] = PARTS) -> list[Part]:
    """Return the parts that are not on this machine."""
    return [part for name, part in PARTS.items() if name in names and part.path is None]


def wants_all() -> bool:
    """Tell whether a missing part is a failure."""
    return os.environ.get("STB_TEST_ALL") == "1"


def main(arguments: list[str] | None = None) -> int:
    """Install what is missing, or say how."""
    of_the_service = arguments == ["service"]
    names = OF_THE_SERVICE if of_the_service else set(PARTS)
    absent = missing(names)
    if not absent:
        return 0
    packages = [package for part in absent for package in part.packages]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        lacking = ", ".join(part.name for part in absent)
        then = "letters are pages to print, no PDF" if of_the_service else "their tests are skipped"
        print(f"not on this machine: {lacking}; {then}. To have them, as root:")
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
    if absent := missing(names):
        print(f"could not be installed: {', '.join(part.name for part in absent)}")
        return 1 if wants_all() and not of_the_service else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
