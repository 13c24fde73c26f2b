"""`stb-lab list`, `describe`, `run`, `compare`."""

import argparse
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from lab.commands.progress import RunsProgress
from lab.commands.sending import send
from lab.measures.catalogue import MEASURES, measure_of
from lab.report.comparison import differences
from lab.report.result import Verdict, changes_of, read_result
from lab.runs import Done, Job, make_all
from lab.scenarios.files import path_of, read_scenario, shipped

PASSED, FAILED, COULD_NOT_RUN = 0, 1, 2
MOST_RUNS = 1000
DIGEST_SIGNS = 6
RUN_HELP = """\
SCENARIO is the name of one that ships (see `stb-lab list`) or a file. Each run writes a folder:

  OUT/SCENARIO-seedN/result.json   all figures; the same scenario, seed and wheel give the same bytes
  OUT/SCENARIO-seedN/report.html   one page with plots that loads nothing
  OUT/SCENARIO-seedN/wall.json     what the wall's clock says

With --set the folder is SCENARIO-seedN-DIGEST, by a short digest of the changes, so a run stays beside
the one that it is to be held against. A run made again takes the place of the former.

Encoded streams are kept in the cache, so a second run begins at once.

examples:
  stb-lab run peak-hour
  stb-lab run burst-loss --seed 1-8 --jobs 2
  stb-lab run burst-loss --set loss.times=3         three times the loss
  stb-lab run street.yaml --report-to http://127.0.0.1:8000

A token for --report-to stands in the environment, as STB_LAB_TOKEN.
Exit: 0 every expectation holds, 1 one does not, 2 a run could not be made or sent,
130 it was ended by Ctrl-C.
"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the four commands."""
    listing = commands.add_parser("list", help="list the scenarios that ship")
    listing.set_defaults(command=list_scenarios)
    describing = commands.add_parser(
        "describe",
        help="tell what a scenario does, expects and measures",
        description="Tell what a scenario replays, what it expects, and what its figures mean.",
    )
    describing.add_argument("scenario", help="a name or a file")
    describing.set_defaults(command=describe)
    _add_run(commands)
    comparing = commands.add_parser(
        "compare",
        help="hold two runs against each other",
        description="Print every figure of two runs; those that differ stand first.",
    )
    comparing.add_argument("before", type=Path, help="folder or result.json of a run")
    comparing.add_argument("after", type=Path, help="folder or result.json of another")
    comparing.set_defaults(command=compare)


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    running = commands.add_parser(
        "run",
        help="replay scenarios and judge them",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Replay scenarios in virtual time, with real streams, and judge what came out.",
        epilog=RUN_HELP,
    )
    add = running.add_argument
    add("scenarios", nargs="+", metavar="SCENARIO")
    add("--seed", type=_seeds, default=[1], metavar="S", help="1, or 1,2,5, or 1-8 (default 1)")
    add(
        "--out",
        type=a_folder,
        default=Path("lab-results"),
        metavar="DIR",
        help="default lab-results",
    )
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="default: the cores")
    add("--set", action="append", default=[], metavar="A.B=C", help="change a value of the file")
    add("--cache", type=a_folder, default=default_cache(), metavar="DIR", help="of encoded streams")
    add("--report-to", metavar="URL", help="send results to the back office at this address")
    add("--image", metavar="ID", help="the image tried, by its id in the back office")
    running.set_defaults(command=run)


def a_folder(text: str) -> Path:
    """A folder, which has a name: nothing would be the present folder, which is written as a dot.

    Raises:
        ArgumentTypeError: it has none.
    """
    if not text:
        raise argparse.ArgumentTypeError("no folder is named; the present one is .")
    return Path(text)


def default_cache() -> Path:
    """Return where encoded streams are kept (XDG Base Directory Specification)."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "stb-lab"


def _seeds(text: str) -> list[int]:
    """Seeds as people write them: numbers and ranges, separated by commas."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        if match is None:
            raise argparse.ArgumentTypeError(f"{part!r} is no seed: 1, or 1,2,5, or 1-8")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + MOST_RUNS:
            raise argparse.ArgumentTypeError(f"{part} is no range of at most {MOST_RUNS} seeds")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def list_scenarios(_options: argparse.Namespace) -> int:
    """Print the scenarios that ship."""
    table = Table("name", "kind", "what it replays", "expects")
    for name, path in shipped().items():
        scenario = read_scenario(path)
        expects = f"{len(scenario.expect)} figures"
        table.add_row(name, scenario.kind.value, scenario.title, expects)
    Console().print(table)
    return PASSED


def _figures() -> Column:
    """A column of figures' names, which are never cut: people copy them."""
    return Column("figure", no_wrap=True)


def describe(options: argparse.Namespace) -> int:
    """Print what a scenario is."""
    path = path_of(options.scenario)
    scenario = read_scenario(path)
    console = Console(highlight=False)
    console.print(f"[bold]{scenario.title}[/bold]  ({scenario.name}, {scenario.kind.value})")
    console.print(scenario.about, "\n")
    expected = Table(_figures(), "expected", "unit", title="Expectations", title_justify="left")
    for one in scenario.expect:
        measure = measure_of(one.measure)
        expected.add_row(one.measure, str(one), measure.unit if measure else "")
    console.print(expected)
    measured = Table(
        _figures(), "unit", "meaning, and its source", title="Figures", title_justify="left"
    )
    for measure in MEASURES:
        if measure.kind == scenario.kind:
            name = {"a stream": "STREAM.", "a stream on a box": "STREAM.BOX."}.get(
                measure.subject, ""
            )
            meaning = f"{measure.about} [dim]{measure.source}[/dim]"
            measured.add_row(name + measure.name, measure.unit, meaning)
    console.print(measured)
    console.print(f"The file, to copy and change: {path}", soft_wrap=True)
    return PASSED


def run(options: argparse.Namespace) -> int:
    """Make the runs that were asked for, and send them where it was asked for."""
    if options.image and not options.report_to:
        raise ValueError("--image goes with --report-to")
    token = _token() if options.report_to else ""
    changes = dict(_change(text) for text in options.set)
    jobs = [
        Job(path, seed, options.out / _folder(path, seed, changes), options.cache, changes)
        for path in map(path_of, dict.fromkeys(options.scenarios))
        for seed in options.seed
    ]
    if len({job.folder for job in jobs}) < len(jobs):
        raise ValueError("two of these scenarios have one name and would share a folder")
    done = _with_progress(jobs, options.jobs)
    console = Console(highlight=False)
    console.print(_summary(done, is_changed=any(_changes(one) for one in done)))
    _tell_failures(done, console)
    if any(one.result is not None for one in done):
        console.print(f"reports: {options.out}/*/report.html", markup=False, soft_wrap=True)
    sent = True
    if options.report_to:
        to = partial(send, options.report_to, token, image=options.image)
        sent = _send_all(done, to, console)
    if not sent or any(one.result is None for one in done):
        return COULD_NOT_RUN
    return PASSED if all(_passed(one) for one in done) else FAILED


def _folder(path: Path, seed: int, changes: Mapping[str, str]) -> str:
    """Return the name of a run's folder; the same changes in the same order give the same one."""
    words = json.dumps(list(changes.items())).encode()
    digest = f"-{hashlib.sha256(words).hexdigest()[:DIGEST_SIGNS]}" if changes else ""
    return f"{path.stem}-seed{seed}{digest}"


def _change(text: str) -> tuple[str, str]:
    where, equals, value = text.partition("=")
    if not equals or not where:
        raise ValueError(f"--set {text}: write it as path.to.value=new")
    return where, value


def _token() -> str:
    """Return the API token, which is asked for before any run is made.

    Raises:
        ValueError: there is none.
    """
    token = os.environ.get("STB_LAB_TOKEN", "")
    if not token:
        raise ValueError("--report-to needs an API token in the environment, as STB_LAB_TOKEN")
    return token


def _with_progress(jobs: Sequence[Job], workers: int) -> list[Done]:
    """Make all runs, and tell how far they are."""
    names = [job.folder.name for job in jobs]
    with RunsProgress(names, Console(stderr=True)) as progress:
        return make_all(jobs, workers=max(1, workers), tell=progress.tell, ended=progress.end)


def _passed(done: Done) -> bool:
    return done.result is not None and done.result["verdict"] == Verdict.PASS


def _changes(done: Done) -> list[str]:
    return changes_of(done.result) if done.result is not None else []


def _summary(runs: Sequence[Done], *, is_changed: bool) -> Table:
    changed = ["changed for this run"] if is_changed else []
    table = Table("run", "verdict", "holds", "took", *changed)
    for done in runs:
        name = done.job.folder.name
        if done.result is None:
            table.add_row(name, "[red]could not run[/red]", "", "")
            continue
        checked = done.result["expectations"]
        holds = sum(one["holds"] for one in checked)
        verdict = "[green]pass[/green]" if _passed(done) else "[red]fail[/red]"
        row = [name, verdict, f"{holds} of {len(checked)}", f"{done.took_s:.1f} s"]
        table.add_row(*row, *[escape("\n".join(_changes(done)))] * is_changed)
    return table


def _tell_failures(runs: Sequence[Done], console: Console) -> None:
    """Name every expectation that does not hold, and why a run could not be made."""
    for done in runs:
        name = done.job.folder.name
        if done.result is None:
            console.print(f"{name}: {done.error}", markup=False, soft_wrap=True)
            continue
        for one in done.result["expectations"]:
            if not one["holds"]:
                told = f"{one['value']:g} {one['unit']}".rstrip()
                console.print(
                    f"{name}: {one['measure']} is {told}, expected {one['expected']}",
                    markup=False,
                    soft_wrap=True,
                )


def _send_all(runs: Sequence[Done], to: Callable[[Path], str], console: Console) -> bool:
    """Send every result; tell where each can be seen, or why it was not taken."""
    all_sent = True
    for done in runs:
        if done.result is None:
            continue
        try:
            where = to(done.job.folder)
        except OSError as error:
            all_sent = False
            where = f"not sent: {error}"
        console.print(f"{done.job.folder.name}: {where}", markup=False, soft_wrap=True)
    return all_sent


def compare(options: argparse.Namespace) -> int:
    """Print two runs beside each other."""
    before, after = read_result(options.before), read_result(options.after)
    console = Console(highlight=False)
    if before["scenario"]["digest"] != after["scenario"]["digest"]:
        told = "These are not runs of the same scenario file with the same changes."
        console.print(f"[yellow]{told}[/yellow]")
    if before["made_with"] != after["made_with"]:
        console.print("[yellow]These runs were made with other versions of the lab.[/yellow]")
    table = Table(_figures(), "unit", "before", "after", "change", "")
    colours = {"worse": "red", "better": "green", "": "default"}
    for found in differences(before, after):
        change = "" if not found.change else f"{found.change:+g}"
        trend = f"[{colours[found.trend]}]{found.trend}[/]"
        table.add_row(
            found.measure, found.unit, _word(found.before), _word(found.after), change, trend
        )
    for word, result in (("before:", before), ("after: ", after)):
        console.print(f"{word} {_named(result)}", markup=False, soft_wrap=True)
        for change in changes_of(result):
            console.print(f"        {change}", markup=False, soft_wrap=True)
    console.print(table)
    return PASSED


def _named(result: dict[str, object]) -> str:
    scenario = result["scenario"]
    assert isinstance(scenario, dict)
    return f"{scenario['name']}, seed {result['seed']}: {result['verdict']}"


def _word(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
