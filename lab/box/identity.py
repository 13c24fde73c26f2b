"""Who a box is: maker, model, revision, serial number and MAC as they look in the field.

Sources: the makers' organisation prefixes of the IEEE registry; an Infomir serial is
month, year, a letter and six digits (as sent by real MAG clients); an Amino serial is
two digits, a dash and seven digits.
"""

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.kernel import seeded

TOKEN_LENGTH = 32
ALPHANUMERIC = string.ascii_letters + string.digits


class Wire(StrEnum):
    """The dialect a box speaks."""

    DDI = "ddi"
    XCONF = "xconf"


@dataclass(frozen=True, slots=True)
class Identity:
    """One box as its label and its firmware state it.

    `controller_id` is the name it uses on the DDI wire; `token` its own DDI security
    token, empty if it has none.
    """

    serial: str
    mac: str
    model: str
    revision: str
    version: str
    wire: Wire
    controller_id: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Make:
    """A model of box and how its maker numbers it. The pattern: see `_serial`."""

    model: str
    revisions: tuple[str, ...]
    ouis: tuple[str, ...]
    serial_pattern: str


INFOMIR_SERIAL = "MMYYYYA######"
MAKES = (
    Make("MAG524", ("A1", "B2"), ("00:1A:79",), INFOMIR_SERIAL),
    Make("MAG254", ("A1", "C3"), ("00:1A:79",), INFOMIR_SERIAL),
    Make("TVIP605", ("R1", "R2"), ("10:27:BE",), "TV########"),
    Make("AMINO-H200", ("1", "2"), ("00:02:02", "5C:0F:FB"), "##-#######"),
    Make("SDMC-DV8919", ("V1", "V2"), ("B4:9D:FD", "B0:B3:69", "5C:7B:5C"), "SD##########"),
    Make("SEI-X4", ("P1", "P2"), ("D4:CF:F9",), "SE##########"),
)


def make_identities(
    *,
    seed: int,
    models: Sequence[tuple[str, str]],
    wires: Sequence[Wire],
    version: str,
    with_tokens: bool,
) -> list[Identity]:
    """One identity for each (model, revision) and wire given; serials and MACs are unique.

    A model that is not in MAKES is numbered as Infomir's are.

    Raises:
        ValueError: `models` and `wires` have different lengths.
    """
    taken: set[str] = set()
    found = []
    for index, ((model, revision), wire) in enumerate(zip(models, wires, strict=True)):
        rng = seeded(seed, "identity", index)
        serial, mac = _number(make_of(model), rng, taken)
        token = "".join(rng.choices(ALPHANUMERIC, k=TOKEN_LENGTH))
        has_token = with_tokens and wire is Wire.DDI
        found.append(
            Identity(serial, mac, model, revision, version, wire, serial, token * has_token)
        )
    return found


def make_of(model: str) -> Make:
    """The catalogue's entry for a model, or one numbered as Infomir's are."""
    known = {make.model: make for make in MAKES}
    return known.get(model, Make(model, ("A1",), ("00:1A:79",), INFOMIR_SERIAL))


def _number(make: Make, rng: random.Random, taken: set[str]) -> tuple[str, str]:
    """A serial number and a MAC that no box has yet."""
    while True:
        serial, mac = _serial(make.serial_pattern, rng), _mac(rng.choice(make.ouis), rng)
        if taken.isdisjoint((serial, mac)):
            taken.update((serial, mac))
            return serial, mac


def _serial(pattern: str, rng: random.Random) -> str:
    """A serial number: `MM` month, `YYYY` year of make, `A` a letter, `#` a digit."""
    text = pattern.replace("MMYYYY", f"{rng.randint(1, 12):02}{rng.randint(2014, 2023)}")
    if pattern is INFOMIR_SERIAL:
        text = text.replace("A", rng.choice(string.ascii_uppercase))
    return "".join(rng.choice(string.digits) if letter == "#" else letter for letter in text)


def _mac(oui: str, rng: random.Random) -> str:
    """A MAC under this prefix, upper case with colons."""
    tail = ":".join(f"{rng.randrange(256):02X}" for _ in range(3))
    return f"{oui}:{tail}"
