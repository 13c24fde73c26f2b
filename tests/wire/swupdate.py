"""A box that runs Debian's SWUpdate: signed images for it, and one run of the real program."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.live import Live


class Signer:
    """A key pair, and `.swu` images signed with it (CMS over sw-description, cpio with CRC)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "signer.pem"
        self._key = folder / "signer.key"
        folder.mkdir(parents=True, exist_ok=True)
        _run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=stb test signer", "-addext", "extendedKeyUsage=emailProtection"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def image(self, version: str, target: Path, *, payload: bytes, digest: str = "") -> bytes:
        """Return an image that writes `payload` to the file `target`.

        `digest` replaces the payload's SHA-256 in the description, for an image that must fail.
        """
        work = self.folder / f"image-{version}"
        work.mkdir()
        (work / "payload.bin").write_bytes(payload)
        sha256 = digest or hashlib.sha256(payload).hexdigest()
        (work / "sw-description").write_text(
            "software = {\n"
            f'  version = "{version}";\n'
            '  hardware-compatibility = ["1.0"];\n'
            '  files: ({ filename = "payload.bin"; path = "' + str(target) + '";\n'
            f'    sha256 = "{sha256}"; }});\n'
            "}\n"
        )
        _run(
            *("openssl", "cms", "-sign", "-in", str(work / "sw-description")),
            *("-out", str(work / "sw-description.sig"), "-signer", str(self.certificate)),
            *("-inkey", str(self._key), "-outform", "DER", "-nosmimecap", "-binary"),
        )
        names = "sw-description\nsw-description.sig\npayload.bin\n"
        done = subprocess.run(
            ["cpio", "-o", "-H", "crc"],
            cwd=work,
            input=names.encode(),
            capture_output=True,
            check=True,
            timeout=30,
        )
        return done.stdout


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started; SWUpdate does not always hear the first signal."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)


@dataclass
class Box:
    """One box, which states itself what it runs: in the section `identify` of its configuration,
    that SWUpdate sends as its configData. Only one instance of the program may run at a time on a
    machine.
    """

    live: Live
    folder: Path
    serial: str
    token: str
    certificate: Path
    version: str = "1.0.0"
    boots: int = 1

    def reboot(self, version: str) -> None:
        """Come up again, running a version; SWUpdate is started by the next `run`."""
        self.version = version
        self.boots += 1

    def _configuration(self) -> str:
        stated = {
            "sw_version": self.version,
            "boot_id": f"boot-{self.boots}",
            "model": "AX1",
            "hw_revision": "A",
        }
        rows = ",\n".join(f'  {{ name = "{k}"; value = "{v}"; }}' for k, v in stated.items())
        return f"globals : {{ }};\nidentify : (\n{rows}\n);\n"

    def run(
        self, until: Callable[[], bool], *, seconds: float = 40, confirm: int | None = None
    ) -> str:
        """Run SWUpdate until a condition holds, and return what it printed.

        `confirm` is what the box says after its reboot: 2 success, 3 failure.
        """
        self.folder.mkdir(exist_ok=True)
        hardware = self.folder / "hwrevision"
        hardware.write_text("stb 1.0\n")
        log = self.folder / "swupdate.log"
        suricatta = [
            *("-t", self.live.settings.tenant, "-u", self.live.edge_url, "-i", self.serial),
            *("-k", self.token, "-p", "1"),
        ]
        suricatta += [] if confirm is None else ["-c", str(confirm), "-m", "1"]
        config = self.folder / "swupdate.cfg"
        config.write_text(self._configuration())
        command = [
            *(
                "timeout",
                "-k",
                "5",
                str(int(seconds) + 10),
                "swupdate",
                "-v",
                "-M",
                "-H",
                "stb:1.0",
            ),
            *("-f", str(config), "-k", str(self.certificate), "-u", " ".join(suricatta)),
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )
            try:
                limit = time.monotonic() + seconds
                while not until() and time.monotonic() < limit and process.poll() is None:
                    time.sleep(0.2)
            finally:
                _end(process)
        return log.read_text(errors="replace")
