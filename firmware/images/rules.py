"""What an image may be called, what it may fit, and what bars it from being used."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text

EVERY_REVISION = "*"
SEQUENCE_STEP = 1000  # the room left between two versions for one that comes later
SEQUENCE_MAX = 2**31 - 1
NOTES_MAX = 10_000
NAME_MAX = 128
REASON_MAX = 500
FITS_MAX = 100

# A version stands in addresses, in file names and in what boxes report.
VERSION_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._+~\-]{0,63}"
_VERSION = re.compile(VERSION_PATTERN)
# A code is compared with what boxes report; "/" and "," separate codes in forms.
_CODE = re.compile(r"[^\s/,*\x00-\x1f\x7f]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._+~-]")


class State(StrEnum):
    """Whether an image may be offered."""

    AVAILABLE = "available"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.AVAILABLE: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset({State.AVAILABLE}),
}

STATE_NAMES: dict[State, Text] = {
    State.AVAILABLE: text("Available"),
    State.WITHDRAWN: text("Withdrawn"),
}


@dataclass(frozen=True, order=True)
class Fit:
    """A kind of box an image is for: a model, and one revision or every one."""

    model_code: str
    revision_code: str = EVERY_REVISION

    def __str__(self) -> str:
        """Return `model/revision`, as it is typed."""
        return f"{self.model_code}/{self.revision_code}"

    def meets(self, other: Fit) -> bool:
        """Whether some box is of both kinds."""
        return self.model_code == other.model_code and (
            EVERY_REVISION in {self.revision_code, other.revision_code}
            or self.revision_code == other.revision_code
        )


def parse_fit(written: str) -> Fit:
    """Read `model` or `model/revision`; an empty revision means every one."""
    model, _, revision = written.partition("/")
    return Fit(model.strip(), revision.strip() or EVERY_REVISION)


def name_problems(name: str) -> list[Text]:
    """Return what is wrong with an image's name."""
    if not name.strip():
        return [text("Give the image a name.")]
    if len(name) > NAME_MAX or not name.isprintable():
        return [text("At most %(limit)s printable characters.", limit=NAME_MAX)]
    return []


def version_problems(version: str) -> list[Text]:
    """Return what is wrong with a version."""
    if not version:
        return [text("State the version, exactly as boxes report it.")]
    if not _VERSION.fullmatch(version):
        return [
            text(
                "A version is up to 64 letters and digits with . _ + ~ - between, "
                "and begins with a letter or digit."
            )
        ]
    return []


def notes_problems(notes: str) -> list[Text]:
    """Return what is wrong with release notes."""
    if len(notes) > NOTES_MAX:
        return [text("At most %(limit)s characters.", limit=NOTES_MAX)]
    if "\x00" in notes:
        return [text("A zero character cannot be stored.")]
    return []


def fits_problems(fits: Collection[Fit]) -> list[Text]:
    """Return what is wrong with the list of boxes an image is for."""
    if not fits:
        return [text("Name at least one model the image fits.")]
    if len(fits) > FITS_MAX:
        return [text("At most %(limit)s models and revisions.", limit=FITS_MAX)]
    return [*_code_problems(fits), *_overlaps(sorted(fits))]


def _code_problems(fits: Collection[Fit]) -> list[Text]:
    bad = [
        fit
        for fit in fits
        if not is_code(fit.model_code)
        or not (fit.revision_code == EVERY_REVISION or is_code(fit.revision_code))
    ]
    return [
        text(
            "%(fit)s: a code is 1 to 64 characters without blanks, commas, slashes or stars.",
            fit=str(fit)[:140],
        )
        for fit in bad
    ]


def is_code(code: str) -> bool:
    """Whether this can be the code of a model or a revision."""
    return _CODE.fullmatch(code) is not None and code.isprintable()


def _overlaps(fits: list[Fit]) -> list[Text]:
    return [
        text("%(one)s and %(other)s name the same boxes.", one=str(one), other=str(other))
        for place, one in enumerate(fits)
        for other in fits[place + 1 :]
        if one.meets(other)
    ]


def sequence_problems(sequence: int | None, after: str | None) -> list[Text]:
    """Return what is wrong with the stated place of a version."""
    if sequence is None:
        return []
    if after is not None:
        return [text("State a sequence or the version before, not both.")]
    if not 0 <= sequence <= SEQUENCE_MAX:
        return [text("A sequence lies between 0 and %(limit)s.", limit=SEQUENCE_MAX)]
    return []


def place_after(taken: Collection[int], anchor: int | None) -> int | None:
    """Return a free place between an anchor and what follows it; None if there is no room.

    Without an anchor it is a place after everything.
    """
    start = max(taken, default=0) if anchor is None else anchor
    later = [place for place in taken if place > start]
    place = (start + min(later)) // 2 if later else start + SEQUENCE_STEP
    return place if start < place <= SEQUENCE_MAX else None


def reason_problems(reason: str) -> list[Text]:
    """Return what is wrong with the reason of a withdrawal."""
    if not reason.strip():
        return [text("Say why; people who look for the image read it.")]
    if len(reason) > REASON_MAX or "\x00" in reason:
        return [text("At most %(limit)s characters.", limit=REASON_MAX)]
    return []


def plain_filename(filename: str) -> str:
    """Return the last part of a file's name, with nothing in it that a path or header minds."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return _UNSAFE.sub("_", last).lstrip(".")[-128:]


def served_filename(model_code: str, version: str) -> str:
    """Return the name under which boxes of a model download an image.

    It ends in `.swu` (SWUpdate refuses other names) and contains the model (RDK's
    updater refuses a name without its model).
    """
    return f"{_UNSAFE.sub('_', model_code).lstrip('.')}-{_UNSAFE.sub('_', version)}.swu"


def newer(sequence_a: int, sequence_b: int) -> bool:
    """Whether version a of a model comes after version b."""
    return sequence_a > sequence_b


def obstacles(*, state: State, fits: Collection[Fit], file_present: bool) -> list[Obstacle]:
    """Return what bars an image from being offered to any box."""
    found = []
    if state is State.WITHDRAWN:
        found.append(Obstacle("image-withdrawn", text("The image was withdrawn.")))
    if not fits:
        found.append(Obstacle("image-fits-nothing", text("The image fits no model.")))
    if not file_present:
        found.append(Obstacle("image-file-missing", text("The image's file is missing.")))
    return found


def transition_obstacles(state: State, wanted: State) -> list[Obstacle]:
    """Return what bars an image from changing to a state."""
    if wanted in TRANSITIONS[state]:
        return []
    return [
        Obstacle(
            f"image-already-{state}", text("The image is already %(state)s.", state=state.value)
        )
    ]
