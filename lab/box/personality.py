"""Personalities: the ways in which a box behaves well or badly, and its pace, from its seed."""

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lab.units import from_seconds

HOUR_S = 3600
YEAR_S = 365 * 24 * HOUR_S


class Personality(StrEnum):
    """What is wrong with a box, if anything."""

    HEALTHY = "healthy"
    POWER_CUT = "power_cut"
    BOOT_LOOP = "boot_loop"
    LIAR = "liar"
    SILENT = "silent"
    WRONG_CLOCK = "wrong_clock"
    DUPLICATE = "duplicate"
    REVERT = "revert"
    FLAKY_LINK = "flaky_link"


MEANING = {
    Personality.HEALTHY: "installs, reboots into the new image, says so",
    Personality.POWER_CUT: "loses power once while flashing, comes back on the old slot, retries",
    Personality.BOOT_LOOP: "no new image ever comes up; falls back, then reports failure",
    Personality.LIAR: "flashes nothing, reboots into the old image, says success",
    Personality.SILENT: "downloads, then never speaks again",
    Personality.WRONG_CLOCK: "its clock is years off, in the past or in the future",
    Personality.DUPLICATE: "says everything final two to four times",
    Personality.REVERT: "runs the new image for a while, then falls back to the old one",
    Personality.FLAKY_LINK: "its connection breaks up to three times while downloading",
}


@dataclass(frozen=True, slots=True)
class Temper:
    """One box's pace and faults; durations before the run's time scale.

    `cut_at` is the part of the flashing (0 to 1) after which power goes; `link_drops`
    the parts of the file after which the connection breaks, ascending.
    """

    personality: Personality
    flash_ns: int
    reboot_ns: int
    rate_bps: int
    power_cuts: int = 0
    cut_at: float = 0.5
    new_images_come_up: bool = True
    lies: bool = False
    falls_silent: bool = False
    clock_offset_ns: int = 0
    copies_of_final_words: int = 1
    revert_after_ns: int | None = None
    link_drops: tuple[float, ...] = ()


def draw_temper(personality: Personality, rng: random.Random) -> Temper:
    """Draw a box's temper; its pace does not depend on its personality."""
    temper = Temper(
        personality,
        flash_ns=from_seconds(rng.uniform(0.5, 2.0)),
        reboot_ns=from_seconds(rng.uniform(1.0, 3.0)),
        rate_bps=rng.randrange(20_000_000, 200_000_000),
        cut_at=rng.uniform(0.05, 0.95),
    )
    faults = _draw_faults(personality, rng)
    return replace(temper, **faults)


def _draw_faults(personality: Personality, rng: random.Random) -> dict[str, Any]:
    """The fields of Temper that make this personality."""
    faults: dict[str, Any] = {}
    match personality:
        case Personality.POWER_CUT:
            faults["power_cuts"] = 1
        case Personality.BOOT_LOOP:
            faults["new_images_come_up"] = False
        case Personality.LIAR:
            faults["lies"] = True
        case Personality.SILENT:
            faults["falls_silent"] = True
        case Personality.WRONG_CLOCK:
            offset_s = rng.choice((-1, 1)) * rng.uniform(YEAR_S, 20 * YEAR_S)
            faults["clock_offset_ns"] = from_seconds(offset_s)
        case Personality.DUPLICATE:
            faults["copies_of_final_words"] = rng.randint(2, 4)
        case Personality.REVERT:
            faults["revert_after_ns"] = from_seconds(rng.uniform(5.0, 15.0))
        case Personality.FLAKY_LINK:
            drops = sorted(rng.uniform(0.05, 0.95) for _ in range(rng.randint(1, 3)))
            faults["link_drops"] = tuple(drops)
    return faults
