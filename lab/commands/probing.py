"""`stb-lab probe`: what a file holds, and which boxes can play it."""

import argparse
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.box.profiles import (
    Basis,
    Profile,
    audio_refusals,
    read_profile,
    refusals,
    shipped_profiles,
)
from lab.media.facts import MediaFacts, VideoFacts
from lab.media.probe import probe

PROBE_HELP = """\
FILE is a transport stream, MP4, Matroska or a local HLS playlist (.m3u8).

A box is asked three things: whether its firmware takes what the stream declares, whether what it
advertises covers what the pictures need, and whether it can really do it.

examples:
  stb-lab probe channel.ts
  stb-lab probe film.mp4 --profile my-box.yaml
  stb-lab probe live.m3u8 --json
"""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    probing = commands.add_parser(
        "probe",
        help="tell what a media file holds and which boxes can play it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Read a media file: streams, codecs, levels, protection, and who can play it.",
        epilog=PROBE_HELP,
    )
    probing.add_argument("file", type=Path, metavar="FILE")
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
    found = probe(options.file)
    if options.json:
        data = [{**_plain(asdict(facts)), "boxes": judged(facts, profiles)} for facts in found]
        Console(soft_wrap=True).print_json(data=data)
        return 0
    console = Console(highlight=False)
    for facts in found:
        _print_facts(facts, console)
        _print_boxes(facts, profiles, console)
    return 0


def judged(facts: MediaFacts, profiles: list[Profile]) -> dict[str, Any]:
    """Return for each box which of the streams it plays, and why not."""
    return {
        profile.name: {
            "video": [
                {basis.value: refusals(profile, video, basis) for basis in Basis}
                for video in facts.video
            ],
            "audio": [audio_refusals(profile, audio) for audio in facts.audio],
        }
        for profile in profiles
    }


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    return float(part) if isinstance(part, Fraction) else part


def _print_facts(facts: MediaFacts, console: Console) -> None:
    length = f", {facts.duration_s:.1f} s" if facts.duration_s else ""
    console.print(f"[bold]{facts.name}[/bold]  {facts.container}{length}")
    table = Table("stream", "codec", "profile", "declares", "needs", "picture or sound", "Mbit/s")
    for video in facts.video:
        table.add_row(
            "video",
            video.codec,
            video.profile or "?",
            f"{video.level or '?'}{f' {video.tier} tier' if video.tier else ''}",
            video.needed_level or "?",
            _picture(video),
            _mbps(video.rate_bps),
        )
    for audio in facts.audio:
        sound = f"{audio.channels} channels, {audio.sample_rate_hz} Hz"
        rate = _mbps(audio.rate_bps)
        table.add_row("audio", audio.codec, audio.profile or "", "", "", sound, rate)
    for other in facts.others:
        table.add_row(other, "", "", "", "", "", "")
    console.print(table)
    console.print(f"protection: {', '.join(facts.protection) or 'none seen'}")
    for note in facts.notes:
        console.print(note)


def _picture(video: VideoFacts) -> str:
    scan = "i" if video.is_interlaced else "p"
    words = f"{video.width}x{video.height}{scan} {float(video.fps):g} fps, {video.bit_depth} bit"
    return f"{words} {video.chroma}{', ' + video.transfer if video.transfer else ''}"


def _mbps(rate_bps: int | None) -> str:
    return f"{rate_bps / 1e6:.2f}" if rate_bps else "?"


def _print_boxes(facts: MediaFacts, profiles: list[Profile], console: Console) -> None:
    if not facts.video and not facts.audio:
        return
    table = Table("box", "firmware", "by need", "really", "why not")
    for profile in profiles:
        by_basis = {
            basis: [why for video in facts.video for why in refusals(profile, video, basis)]
            for basis in Basis
        }
        sound = [why for audio in facts.audio for why in audio_refusals(profile, audio)]
        cells = ["[red]no[/red]" if by_basis[basis] else "[green]yes[/green]" for basis in Basis]
        why = dict.fromkeys([*(why for found in by_basis.values() for why in found), *sound])
        table.add_row(profile.name, *cells, "; ".join(why))
    console.print(table)
