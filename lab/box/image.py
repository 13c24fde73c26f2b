"""Emulated firmware images: a one-line header that a box can read, then padding.

Layout: the first line is JSON in UTF-8, ended by a newline, at most 4096 bytes long:

    {"stb_image":1,"version":"1.2.0","refuses_to_boot_on":["B2"]}

`version` is what a box runs after it booted the image; `refuses_to_boot_on` lists
the hardware revisions on which the image never comes up (empty: boots everywhere).
The rest is padding drawn from a seed. A file without this line, as a real `.swu`,
carries what its order says it carries, and boots.
"""

import json
from dataclasses import dataclass

from lab.kernel import seeded

HEADER_LIMIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Image:
    """What an image file would do to a box."""

    version: str
    refuses_to_boot_on: frozenset[str] = frozenset()

    def boots_on(self, revision: str) -> bool:
        """Whether a box of this hardware revision comes up with it."""
        return revision not in self.refuses_to_boot_on


def make_image(
    version: str, size_bytes: int, seed: int, refuses_to_boot_on: tuple[str, ...] = ()
) -> bytes:
    """An image file of exactly `size_bytes`; the same arguments give the same bytes.

    Raises:
        ValueError: the header does not fit the size, or is longer than a box reads.
    """
    header = {"stb_image": 1, "version": version, "refuses_to_boot_on": list(refuses_to_boot_on)}
    line = json.dumps(header, separators=(",", ":")).encode() + b"\n"
    if len(line) > min(size_bytes, HEADER_LIMIT_BYTES):
        raise ValueError(f"the header takes {len(line)} bytes and does not fit {size_bytes}")
    return line + seeded(seed, "image", version).randbytes(size_bytes - len(line))


def read_image(head: bytes, *, otherwise: str) -> Image:
    """Read the beginning of a file; without a header it carries version `otherwise`."""
    line, newline, _ = head[:HEADER_LIMIT_BYTES].partition(b"\n")
    if not newline or not line.startswith(b'{"stb_image"'):
        return Image(version=otherwise)
    try:
        header = json.loads(line)
        return Image(str(header["version"]), frozenset(map(str, header["refuses_to_boot_on"])))
    except (ValueError, KeyError, TypeError):
        return Image(version=otherwise)
