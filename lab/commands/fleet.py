"""`stb-lab fleet`, `identities`, `make-image`: emulated boxes against a live service."""

import argparse
import contextlib
import json
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from lab.box.ddi import ATTRIBUTES, FLAVOURS, DdiServer
from lab.box.identity import MAKES, Identity, Wire, make_identities, make_of
from lab.box.image import make_image
from lab.box.personality import MEANING, Personality
from lab.box.poller import Pace
from lab.box.xconf import XconfServer
from lab.fleet.courier import HttpCourier
from lab.fleet.fleet import Fleet, Plan
from lab.fleet.identity_files import COLUMNS, Listed, read_identities, write_identities
from lab.fleet.mixture import deal, read_mixture
from lab.fleet.screen import LiveScreen, PlainScreen
from lab.fleet.summary import Run, summarise
from lab.kernel import Kernel, WallClock, seeded
from lab.units import from_seconds

LAB_FAULT = 1
MODEL_SHARES = ",".join(f"{make.model}=1" for make in MAKES)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the three commands."""
    _add_fleet(commands)
    _add_identities(commands)
    _add_make_image(commands)


def _add_fleet(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fleet = commands.add_parser(
        "fleet",
        help="run a live fleet against a service",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run many emulated boxes against a service, live, and sum up what they did.",
        epilog=_FLEET_HELP,
    )
    add = fleet.add_argument
    add("--url", type=_url, required=True, help="where boxes poll, e.g. http://127.0.0.1:8081")
    add("--seed", type=int, default=1, help="same seed, same boxes and tempers (default 1)")
    add("--personalities", default="healthy=1", metavar="MIX", help="e.g. healthy=50,liar=2")
    add("--clients", default="swupdate=3,rauc=1", metavar="MIX", help="DDI clients: swupdate, rauc")
    add("--identities", type=Path, metavar="FILE", help="boxes the service knows (CSV, JSON lines)")
    add("--write-identities", type=Path, metavar="FILE", help="write who took part")
    add("--tenant", default="default", help="DDI tenant in the path (default: default)")
    add("--gateway-token", default="", metavar="TOKEN", help="for boxes without their own token")
    add(
        "--attribute",
        action="append",
        default=[],
        metavar="OWN=NAME",
        help=f"send an attribute under another name; own: {', '.join(ATTRIBUTES)}",
    )
    add("--environment", default="PROD", help="`env` that XConf boxes state (default PROD)")
    add("--duration", type=_positive, metavar="S", help="end after so many seconds")
    add("--until-idle", type=_positive, metavar="S", help="end when no box changed for S seconds")
    add("--summary", type=Path, metavar="FILE", help="write the summary as JSON")
    add("--journal", action="store_true", help="put every box's last events into the summary")
    add("--threads", type=int, default=16, help="HTTP exchanges at a time (default 16)")
    add("--timeout", type=_positive, default=30.0, metavar="S", help="of one exchange (default 30)")
    _add_pace(fleet)
    _add_population(fleet)
    fleet.set_defaults(command=run_fleet)


def _add_pace(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("pace").add_argument
    add(
        "--poll-scale", type=_positive, default=1.0, metavar="X", help="multiply the asked interval"
    )
    add("--min-poll", type=float, default=0.0, metavar="S", help="never poll more often than this")
    add(
        "--xconf-poll",
        type=_positive,
        default=300.0,
        metavar="S",
        help="interval of XConf boxes before --poll-scale (default 300)",
    )
    add(
        "--time-scale",
        type=_positive,
        default=1.0,
        metavar="X",
        help="multiply download, flash and reboot times and waits between retries",
    )
    add(
        "--start-spread",
        type=float,
        default=3.0,
        metavar="S",
        help="boxes switch on within so many seconds (default 3)",
    )


def _add_population(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("boxes that are not in a file").add_argument
    add(
        "--boxes",
        type=int,
        metavar="N",
        help="how many (of a file: its first N; default: all of it, or what --wires adds up to)",
    )
    add("--wires", default="ddi=2,xconf=1", metavar="MIX", help="default ddi=2,xconf=1")
    add(
        "--models",
        default=MODEL_SHARES,
        metavar="MIX",
        help=f"MODEL or MODEL:REVISION shares (default {MODEL_SHARES})",
    )
    add("--start-version", default="1.0.0", metavar="V", help="what they run (default 1.0.0)")


def _add_identities(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    identities = commands.add_parser(
        "identities",
        help="make up boxes for a service to import",
        description="Write identities of made-up boxes, to be imported into a service and given "
        f"to `fleet --identities`. Columns: {', '.join(COLUMNS)}.",
    )
    add = identities.add_argument
    add("--seed", type=int, default=1, help="same seed, same boxes (default 1)")
    add("--out", type=Path, required=True, metavar="FILE", help=".csv, or .jsonl for JSON lines")
    add("--no-tokens", action="store_true", help="leave the token column empty")
    _add_population(identities)
    identities.set_defaults(command=run_identities)


def _add_make_image(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    image = commands.add_parser(
        "make-image",
        help="make an emulated firmware image",
        description="Write an image file whose first line tells emulated boxes which version it "
        "carries and on which hardware revisions it never boots; the rest is padding.",
    )
    add = image.add_argument
    add("--version", required=True, metavar="V", help="what a box runs after booting it")
    add("--size", type=int, default=1_000_000, metavar="BYTES", help="default 1000000")
    add("--refuses", nargs="*", default=[], metavar="REV", help="revisions on which it never boots")
    add("--seed", type=int, default=1, help="of the padding (default 1)")
    add("--out", type=Path, required=True, metavar="FILE", help="DDI clients insist on *.swu")
    image.set_defaults(command=run_make_image)


def run_fleet(options: argparse.Namespace) -> int:
    """Run the fleet until its end or a signal; the summary is written in both cases."""
    plan = _plan(options)
    listed = _boxes(options)
    if options.write_identities:
        write_identities(options.write_identities, (one.identity for one in listed))
    clock = WallClock(epoch_ns=time.time_ns(), monotonic_ns=time.monotonic_ns)
    kernel = Kernel(clock)
    fleet = Fleet(plan, listed, kernel)
    _allow_many_connections()
    courier = HttpCourier(kernel, threads=options.threads, timeout_s=options.timeout)
    console = Console()
    screen = LiveScreen(console) if console.is_terminal else PlainScreen(console)
    with _stopped_by_signals(fleet), contextlib.closing(courier):
        with screen:
            run = fleet.run(courier, screen)
        return _finish(options, run, fleet, console)


def _allow_many_connections() -> None:
    """Raise the soft limit of open files to the hard one: every download holds a connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _stopped_by_signals(fleet: Fleet) -> Iterator[None]:
    """SIGINT and SIGTERM end the fleet, also in the background, where a shell ignores SIGINT."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: fleet.stop("signal")) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run_identities(options: argparse.Namespace) -> int:
    """Write made-up boxes."""
    write_identities(options.out, _made_up(options, with_tokens=not options.no_tokens))
    return 0


def run_make_image(options: argparse.Namespace) -> int:
    """Write an emulated image."""
    data = make_image(options.version, options.size, options.seed, tuple(options.refuses))
    options.out.write_bytes(data)
    return 0


def _positive(text: str) -> float:
    """A number above zero."""
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _url(text: str) -> str:
    """An address of the web."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text} does not begin with http:// or https://")
    return text


def _plan(options: argparse.Namespace) -> Plan:
    names = dict(part.partition("=")[::2] for part in options.attribute)
    unknown = set(names) - set(ATTRIBUTES)
    if unknown:
        raise ValueError(
            f"unknown attribute {', '.join(sorted(unknown))}: own are {', '.join(ATTRIBUTES)}"
        )
    pace = Pace(
        poll_scale=options.poll_scale,
        min_poll_ns=from_seconds(options.min_poll),
        time_scale=options.time_scale,
        start_spread_ns=from_seconds(options.start_spread),
        xconf_poll_ns=from_seconds(options.xconf_poll),
    )
    return Plan(
        ddi=DdiServer(options.url, options.tenant, options.gateway_token, names),
        xconf=XconfServer(options.url, options.environment),
        seed=options.seed,
        pace=pace,
        personalities=read_mixture(options.personalities),
        clients=read_mixture(options.clients),
        duration_ns=None if options.duration is None else from_seconds(options.duration),
        idle_ns=None if options.until_idle is None else from_seconds(options.until_idle),
    )


def _boxes(options: argparse.Namespace) -> list[Listed]:
    if options.identities:
        listed = read_identities(options.identities, version=options.start_version)
        return listed[: options.boxes]
    made_up = _made_up(options, with_tokens=not options.gateway_token)
    return [Listed(identity) for identity in made_up]


def _made_up(options: argparse.Namespace, *, with_tokens: bool) -> list[Identity]:
    """Boxes from the seed. Without --boxes there are as many as the wires add up to."""
    wires = read_mixture(options.wires)
    unknown = set(wires) - set(Wire)
    if unknown:
        raise ValueError(f"unknown wire {', '.join(sorted(unknown))}: one of {', '.join(Wire)}")
    total = sum(wires.values()) if options.boxes is None else options.boxes
    if total < 1:
        raise ValueError(f"a fleet needs at least one box, not {total}")
    rng = seeded(options.seed, "population")
    models = []
    for name in deal(read_mixture(options.models), total, rng):
        model, _, revision = name.partition(":")
        models.append((model, revision or rng.choice(make_of(model).revisions)))
    dealt = [Wire(name) for name in deal(wires, total, rng)]
    return make_identities(
        seed=options.seed,
        models=models,
        wires=dealt,
        version=options.start_version,
        with_tokens=with_tokens,
    )


def _finish(options: argparse.Namespace, run: Run, fleet: Fleet, console: Console) -> int:
    summary = summarise(run, fleet.members, journal=options.journal)
    if options.summary:
        options.summary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    console.print_json(data={"run": summary["run"], "totals": summary["totals"]})
    if any(member.box.record.crashed for member in fleet.members):
        return LAB_FAULT
    if all(member.box.record.replies == 0 for member in fleet.members):
        raise OSError(f"no box got any answer from {options.url}")
    return 0


_FLEET_HELP = "\n".join(
    [
        "MIX is name=number,... The numbers are shares; when they add up to the number of boxes",
        "they are exact counts. A name alone counts one.",
        "",
        "personalities:",
        *(f"  {name.value:<12} {MEANING[name]}" for name in Personality),
        "",
        "DDI clients:",
        "  swupdate     says success or failure only after the reboot",
        "  rauc         says success before the reboot, and nothing after it",
        f"  ({', '.join(FLAVOURS)}; boxes on the XConf wire never report, they only state a version)",
        "",
        "examples:",
        "  stb-lab identities --boxes 60 --seed 7 --out boxes.csv",
        "  stb-lab make-image --version 1.2.0 --refuses B2 --out mag524-1.2.0.swu",
        "  stb-lab fleet --url http://127.0.0.1:8081 --identities boxes.csv --seed 7 \\",
        "      --personalities healthy=50,power_cut=4,boot_loop=3,liar=2,silent=1 \\",
        "      --poll-scale 0.01 --min-poll 1 --until-idle 30 --summary fleet.json",
        "",
        "SIGINT and SIGTERM end the run; the summary is written all the same.",
        "Exit: 0 done, 1 a fault of the lab itself, 2 could not run.",
    ]
)
