"""Sends real streams through a network that loses datagrams, into real decoders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import av

from lab.engines.outcome import Line, Marks, Outcome, Plot, Progress, Table, counted, part_of
from lab.measures.fidelity import Fidelity, compare
from lab.measures.transport import TransportReport, examine, meant_of
from lab.media.content import Content
from lab.media.damage import Damage, drop_clock, drop_key_picture, lose_datagrams, swap_continuity
from lab.media.decode import Account, Shown, decode, start_of
from lab.media.encode import Cache, Recipe
from lab.media.ts import NULL_PID
from lab.network.loss import GilbertElliott
from lab.scenarios.schema import Fault, Scenario, Stream

Planted = Callable[[bytes, Fault], tuple[bytes, Damage]]
PLANTED: dict[str, Planted] = {
    "drop_key_picture": lambda data, fault: drop_key_picture(data, fault.number),
    "swap_continuity": lambda data, fault: swap_continuity(data, fault.start),
    "drop_clock": lambda data, fault: drop_clock(data, fault.start, fault.end),
}
DB = "dB"


@dataclass(frozen=True)
class Viewing:
    """One stream, damaged and decoded."""

    damages: tuple[Damage, ...]
    transport: TransportReport
    account: Account
    fidelity: Fidelity


def run_streams(scenario: Scenario, *, seed: int, cache: Cache, tell: Progress) -> Outcome:
    """Damage and decode every stream of a scenario.

    Raises:
        ValueError: a fault finds no place in its stream.
    """
    work = scenario.work
    assert isinstance(work, Stream)
    outcome = Outcome({})
    total = 2 * sum(recipe.content.frames for recipe in work.streams.values())
    done = 0
    for name, recipe in work.streams.items():
        seeded = with_seed(recipe, seed)
        frames = seeded.content.frames
        clean = cache.path_of(seeded, part_of(tell, done, total)).read_bytes()
        faults = [fault for fault in work.faults if fault.stream == name]
        data, damages = _damaged(clean, work.loss, faults, seed, name)
        seen = part_of(tell, done + frames, total)
        viewing = _view(clean, data, damages, seeded.content, seen, strict=work.strict)
        done += 2 * frames
        tell(done, total)
        _add(outcome, name, viewing, scenario)
        outcome.facts[f"{name} recipe"] = seeded.digest
    return outcome


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return a recipe whose pictures are those of a seed."""
    content = Content(**{**vars(recipe.content), "seed": seed})
    return Recipe(**{**vars(recipe), "content": content})


def _damaged(
    data: bytes, loss: GilbertElliott | None, faults: list[Fault], seed: int, name: str
) -> tuple[bytes, tuple[Damage, ...]]:
    """Plant the faults, then let the network lose what it loses."""
    damages = []
    for fault in faults:
        data, damage = PLANTED[fault.kind](data, fault)
        damages.append(damage)
    if loss is not None:
        data, damage = lose_datagrams(data, loss.losses(seed, name))
        damages.append(damage)
    return data, tuple(damages)


def _view(
    clean: bytes,
    data: bytes,
    damages: tuple[Damage, ...],
    content: Content,
    tell: Progress,
    *,
    strict: bool,
) -> Viewing:
    account = Account()
    shown = decode(data, account, fps=content.fps, start_s=start_of(clean), strict=strict)
    coming = counted(_as_far_as_it_goes(shown, account), content.frames, tell)
    fidelity = compare(content, coming)
    return Viewing(damages, examine(data, meant_of(clean)), account, fidelity)


def _as_far_as_it_goes(shown: Iterator[Shown], account: Account) -> Iterator[Shown]:
    """Hand out pictures until the decoder finds nothing more that it can read."""
    try:
        yield from shown
    except (av.error.FFmpegError, IndexError):  # no stream at all, or none of pictures
        account.refused += 1


def _add(outcome: Outcome, name: str, viewing: Viewing, scenario: Scenario) -> None:
    work = scenario.work
    assert isinstance(work, Stream)
    least = f"{name}.psnr_worst_second_db"
    limit = next((one.at_least for one in scenario.expect if one.measure == least), None)
    figures = _figures(viewing)
    outcome.measures |= {f"{name}.{measure}": value for measure, value in figures.items()}
    outcome.plots += _plots(name, viewing, limit)
    rows = tuple((damage.kind, str(len(damage.touched))) for damage in viewing.damages)
    if rows:
        outcome.tables.append(Table(f"{name}: what was done", ("fault", "packets"), rows))
    if work.loss is not None:
        outcome.facts["mean loss of datagrams"] = f"{work.loss.mean_loss:.4%}"
        outcome.facts["mean stay in the bad state"] = f"{work.loss.mean_burst:.2f} datagrams"


def _figures(viewing: Viewing) -> dict[str, float]:
    transport, account, fidelity = viewing.transport, viewing.account, viewing.fidelity
    seconds = fidelity.by_second_db()
    return {
        "datagrams_lost": sum(damage.datagrams_lost for damage in viewing.damages),
        "packets_removed": sum(
            count
            for damage in viewing.damages
            for pid, count in damage.removed.items()
            if pid != NULL_PID
        ),
        "sync_byte_errors": transport.sync_errors,
        "continuity_errors": len(transport.breaks),
        "missing_packets": transport.missing_packets,
        "lost_packets": transport.lost_packets or 0,
        "transport_errors": transport.transport_errors,
        "pat_gap_ms": transport.pat_gap_ms,
        "pmt_gap_ms": transport.pmt_gap_ms,
        "pcr_gap_ms": transport.pcr_gap_ms,
        "pcr_jumps": transport.pcr_jumps,
        "corrupt_packets": account.corrupt_packets,
        "corrupt_frames": len(account.corrupt),
        "refused_packets": account.refused,
        "missing_frames": len(fidelity.missing),
        "decoder_messages": account.logged.total(),
        "psnr_mean_db": sum(seconds) / len(seconds),
        "psnr_worst_second_db": fidelity.worst_second_db,
    }


def _plots(name: str, viewing: Viewing, limit: float | None) -> list[Plot]:
    fidelity, fps = viewing.fidelity, viewing.fidelity.fps
    by_frame = [(number / fps, value) for number, value in enumerate(fidelity.by_frame_db())]
    seconds = fidelity.by_second_db()
    steps = list(
        chain.from_iterable(
            ((float(at), value), (float(at + 1), value)) for at, value in enumerate(seconds)
        )
    )
    breaks = [round(found.at_s, 3) for found in viewing.transport.breaks]
    marks = (
        Marks("continuity error", breaks),
        Marks("picture missing", [round(number / fps, 3) for number in fidelity.missing]),
        Marks("picture corrupt", [round(number / fps, 3) for number in viewing.account.corrupt]),
        *(
            (Marks("longest gap in the PCR", [round(viewing.transport.pcr_gap_at_s, 3)]),)
            if viewing.transport.pcr_jumps
            else ()
        ),
    )
    lines = (Line("picture", by_frame), Line("second", steps))
    return [Plot(f"{name}: PSNR of the luma", DB, lines, tuple(m for m in marks if m.at_s), limit)]
