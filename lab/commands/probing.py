"""`stb-lab probe`: what a file holds, and which boxes can play it."""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.box.profiles import (
    Basis,
    Profile,
    audio_refusals,
    read_profile,
    refusals,
    shipped_profiles,
)
from lab.media.facts import AudioFacts, MediaFacts, VideoFacts
from lab.media.probe import Unreadable, probe

PROBE_HELP = """\
FILE is a transport stream, MP4, Matroska or a local HLS playlist (.m3u8).

A box is asked three things: whether its firmware takes what the stream declares, whether what it
advertises covers what the pictures need, and whether it can really do it. Where a file has several
tracks of a kind, one that plays is enough: "1 of 2" says how many do.

examples:
  stb-lab probe channel.ts
  stb-lab probe film.mp4 --profile my-box.yaml
  stb-lab probe live.m3u8 --json
"""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
CONTAINERS = {
    "mov,mp4,m4a,3gp,3g2,mj2": "MP4",
    "mpegts": "MPEG-TS",
    "matroska,webm": "Matroska",
    "hls": "HLS",
}
LEGEND = """\
firmware  whether it takes what the stream declares
by need   whether what the box advertises covers what the pictures need
really    whether the box can do it"""
PARTS_LEGEND = "1 of 2    it plays one track of two; why not says what is with the other"
KEYS_LEGEND = "A box is held against protected streams as if it had their keys."


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    probing = commands.add_parser(
        "probe",
        help="tell what a media file holds and which boxes can play it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Read a media file: streams, codecs, levels, protection, and who can play it.",
        epilog=PROBE_HELP,
    )
    probing.add_argument("file", metavar="FILE")
    probing.add_argument(
        "--profile",
        type=Path,
        action="append",
        default=[],
        metavar="YAML",
        help="a box of your own",
    )
    probing.add_argument("--json", action="store_true", help="print JSON")
    probing.set_defaults(command=run_probe)


def run_probe(options: argparse.Namespace) -> int:
    """Print what there is."""
    profiles = [*shipped_profiles().values(), *map(read_profile, options.profile)]
    found = probe(_local(options.file))
    if options.json:
        Console(soft_wrap=True).print_json(data=[as_data(facts, profiles) for facts in found])
        return 0
    console = Console(highlight=False)
    for facts in found:
        _print_facts(facts, console)
        _print_boxes(facts, profiles, console)
    console.print(LEGEND, style="dim")
    if any(len(tracks) > 1 for facts in found for tracks in (facts.video, facts.audio)):
        console.print(PARTS_LEGEND, style="dim")
    if any(facts.protection for facts in found):
        console.print(KEYS_LEGEND, style="dim")
    return 0


def _local(file: str) -> Path:
    """Return the path of a file.

    Raises:
        Unreadable: it is an address, and no file has that name.
    """
    path = Path(file)
    if ADDRESS.match(file) and not path.exists():
        raise Unreadable(f"{file}: only files on this machine are read")
    return path


def as_data(facts: MediaFacts, profiles: list[Profile]) -> dict[str, Any]:
    """Return what is printed as JSON: the facts, with each video's needed level, and `boxes`."""
    data = _plain(asdict(facts))
    for told, video in zip(data["video"], facts.video, strict=True):
        told["needed_level"] = video.needed_level
    return {**data, "boxes": judged(facts, profiles)}


def judged(facts: MediaFacts, profiles: list[Profile]) -> dict[str, Any]:
    """Return for each box, track by track, why it does not play it (nothing: it plays); None where
    nothing is known of the pictures.
    """
    return {
        profile.name: {
            "video": [
                {basis.value: refusals(profile, video, basis) for basis in Basis}
                if _is_seen(video)
                else None
                for video in facts.video
            ],
            "audio": [audio_refusals(profile, audio) for audio in facts.audio],
        }
        for profile in profiles
    }


def _is_seen(video: VideoFacts) -> bool:
    return bool(video.width and video.height)


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    return float(part) if isinstance(part, Fraction) else part


def _print_facts(facts: MediaFacts, console: Console) -> None:
    container = facts.container
    for form, words in CONTAINERS.items():
        container = container.replace(form, words)
    length = f", {facts.duration_s:.1f} s" if facts.duration_s else ""
    console.print(Text.assemble((facts.name, "bold"), f"  {container}{length}"))
    table = _table()
    for name, video in zip(_names("video", facts.video), facts.video, strict=True):
        table.add_row(name, _plain_cell(_video(video)))
    for name, audio in zip(_names("audio", facts.audio), facts.audio, strict=True):
        table.add_row(name, _plain_cell(_sound(audio)))
    for other in facts.others:
        table.add_row("other", _plain_cell(other))
    for words in facts.protection or ("none seen",):
        table.add_row("protection", _plain_cell(words))
    for note in facts.notes:
        table.add_row("note", _plain_cell(note))
    console.print(table)
    console.print()


def _names(kind: str, tracks: Sequence[object]) -> list[str]:
    """Name the tracks of one kind; they are numbered where there are several."""
    return [f"{kind} {n}" if len(tracks) > 1 else kind for n in range(1, len(tracks) + 1)]


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, padding=(0, 2, 0, 0), show_header=bool(columns))


def _plain_cell(words: str) -> Text:
    """Words of a file, whose brackets are no markup."""
    return Text(words)


def _video(video: VideoFacts) -> str:
    if not _is_seen(video):
        return f"{video.codec}, nothing else can be seen (scrambled, or no key picture)"
    tier = f" {video.tier} tier" if video.tier else ""
    level = f"declares level {video.level or '?'}{tier}, needs {video.needed_level or '?'}"
    return (
        f"{video.codec} {video.profile or '?'}, {level}\n{_picture(video)}{_rate(video.rate_bps)}"
    )


def _sound(audio: AudioFacts) -> str:
    if not audio.channels:
        return f"{audio.codec}, nothing else can be seen"
    profile = f" {audio.profile}" if audio.profile else ""
    sound = f"{audio.channels} channels, {audio.sample_rate_hz} Hz"
    return f"{audio.codec}{profile}, {sound}{_rate(audio.rate_bps)}"


def _picture(video: VideoFacts) -> str:
    scan = "i" if video.is_interlaced else "p"
    words = f"{video.width}x{video.height}{scan}, {float(video.fps):g} frames/s"
    transfer = f", {video.transfer}" if video.transfer else ""
    return f"{words}, {video.bit_depth} bit {video.chroma}{transfer}"


def _rate(rate_bps: int | None) -> str:
    if not rate_bps:
        return ""
    is_small = rate_bps < 1_000_000
    return f", {rate_bps / 1e3:.0f} kbit/s" if is_small else f", {rate_bps / 1e6:.2f} Mbit/s"


def _print_boxes(facts: MediaFacts, profiles: list[Profile], console: Console) -> None:
    if not facts.video and not facts.audio:
        return
    table = _table("box", "firmware", "by need", "really", "sound", "why not")
    for name, found in judged(facts, profiles).items():
        video, audio = found["video"], found["audio"]
        by_basis = [[whys and whys[basis.value] for whys in video] for basis in Basis]
        by_track = [whys and _once(why for part in whys.values() for why in part) for whys in video]
        reasons = [*_reasons("video", by_track), *_reasons("audio", audio)]
        verdicts = [_verdict(whys) for whys in (*by_basis, audio)]
        table.add_row(name, *verdicts, _plain_cell("; ".join(_once(reasons))))
    console.print(table)
    console.print()


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _reasons(kind: str, tracks: list[list[str] | None]) -> list[str]:
    """Return why tracks of one kind do not play, each with its name where there are several."""
    if len(tracks) == 1:
        return tracks[0] or []
    if all(whys is None for whys in tracks):
        return []
    told = [["nothing can be seen"] if whys is None else whys for whys in tracks]
    names = _names(kind, tracks)
    return [f"{name}: {', '.join(whys)}" for name, whys in zip(names, told, strict=True) if whys]


def _verdict(tracks: list[list[str] | None]) -> Text:
    """Return whether tracks of one kind play, given why each does not (None: nothing is known)."""
    plays = sum(whys == [] for whys in tracks)
    if plays:
        return Text("yes" if plays == len(tracks) else f"{plays} of {len(tracks)}", "green")
    if not tracks:
        return Text("-")
    return Text("?") if None in tracks else Text("no", "red")
