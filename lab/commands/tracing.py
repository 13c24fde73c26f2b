"""`stb-lab trace`: what a link's trace is like, and traces that are made from a seed."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.network.trace_files import FORMATS, as_sabre, read_trace
from lab.network.traces import LATEST_NS, LONGEST_S, Trace, generate
from lab.units import NS_PER_MS, from_seconds

MOST_STEPS = 400_000  # as Sabre JSON they are within what the readers take
DURATION_S = 300.0
MODEL = ("duration_s", "step_s", "variation", "correlation", "latency_ms", "seed")
TRACE_HELP = """\
FILE is a Sabre JSON array, two columns of seconds and Mbit/s, or milliseconds
as mahimahi has them. The hash is of the steps; among the facts of a run it is
`trace sha256`.

examples:
  stb-lab trace street.txt
  stb-lab trace street.txt --out street.json     the same trace in Sabre JSON
  stb-lab trace --generate 20 --seed 7 --out evening.json

A scenario takes it as `link: {trace: {file: evening.json}}`.
"""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "trace",
        help="tell what a link's trace is like, or make one",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Tell the form, statistics and hash of a trace, read from a file or made from "
        "a seed.",
        epilog=TRACE_HELP,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", metavar="FILE")
    rate = _number(0.001, 100_000)
    what.add_argument("--generate", type=rate, metavar="MBPS", help="make one of this mean rate")
    add = parser.add_argument
    add("--form", choices=FORMATS, help="of the file (default: told by what is in it)")
    add("--out", type=Path, metavar="FILE", help="write it as Sabre JSON, which loses nothing")
    add("--json", action="store_true", help="print JSON")
    _add_model(parser)
    parser.set_defaults(command=run_trace)


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Add what goes with --generate; what is not given is not there."""
    add = parser.add_argument_group(
        "with --generate", "log-normal rates whose logarithm is a first-order autoregression"
    ).add_argument
    none = argparse.SUPPRESS
    seconds = _number(0.01, LONGEST_S)
    add("--duration-s", type=seconds, default=none, metavar="S", help="default 300")
    add("--step-s", type=seconds, default=none, metavar="S", help="a rate holds so long: 1")
    add("--variation", type=float, default=none, metavar="X", help="coefficient of variation: 0.3")
    add("--correlation", type=float, default=none, metavar="X", help="from step to step: 0.9")
    latest = _number(0, LATEST_NS / NS_PER_MS)
    add("--latency-ms", type=latest, default=none, metavar="MS", help="default 0")
    add("--seed", type=int, default=none, metavar="S", help="same seed, same trace: 1")


def _number(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number that lies between two others."""

    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} does not lie in {least:g}..{most:g}")
        return value

    return number


def run_trace(options: argparse.Namespace) -> int:
    """Read or make a trace, tell what it is like, and write it where that was asked for."""
    trace = _trace(options)
    if options.out:
        _write(trace, options.out, options.file)
    told = trace.statistics()
    if options.json:
        facts = {"trace": trace.origin, "sha256": trace.digest, **asdict(told)}
        Console(soft_wrap=True).print_json(data=facts)
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, words in {"trace": trace.origin, **told.told(), "sha256": trace.digest}.items():
        table.add_row(name, Text(words))
    Console(highlight=False).print(table)
    return 0


def _write(trace: Trace, path: Path, read: Path | None) -> None:
    if read and path.resolve() == read.resolve():
        raise ValueError(f"{path} is the file that is read; name another")
    if len(trace.steps) > MOST_STEPS:
        raise ValueError(_too_many(len(trace.steps)))
    path.write_text(as_sabre(trace), encoding="utf-8")


def _too_many(steps: float) -> str:
    return f"a file of a trace holds {MOST_STEPS} steps at most, not {steps:.0f}"


def _trace(options: argparse.Namespace) -> Trace:
    """Return the trace that is meant.

    Raises:
        ValueError: options that do not go together, or the file is no trace.
        OSError: it cannot be read.
    """
    model = {name: getattr(options, name) for name in MODEL if hasattr(options, name)}
    if options.file is not None:
        if model:
            given = ", ".join(f"--{name.replace('_', '-')}" for name in model)
            raise ValueError(f"{given}: only with --generate")
        return read_trace(options.file, options.form)
    if options.form:
        raise ValueError("--form: only with a file")
    return _generated(round(options.generate * 1e6), **model)


def _generated(
    mean_bps: int,
    *,
    seed: int = 1,
    duration_s: float = DURATION_S,
    step_s: float = 1.0,
    latency_ms: float = 0.0,
    **shape: Any,
) -> Trace:
    if duration_s / step_s > MOST_STEPS:
        raise ValueError(_too_many(duration_s / step_s))
    return generate(
        seed,
        mean_bps=mean_bps,
        duration_ns=from_seconds(duration_s),
        step_ns=from_seconds(step_s),
        latency_ns=round(latency_ms * NS_PER_MS),
        **shape,
    )
