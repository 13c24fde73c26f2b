"""Puts boxes and the reference service into one virtual time."""

from dataclasses import replace

from lab.box.box import Box
from lab.box.ddi import DdiServer
from lab.box.identity import Identity, Wire
from lab.box.image import make_image
from lab.box.poller import Pace
from lab.box.xconf import XconfServer
from lab.fleet.fleet import Fleet, Plan
from lab.fleet.identity_files import Listed
from lab.fleet.summary import Run
from lab.kernel import Kernel, VirtualClock
from lab.units import NS_PER_S, from_seconds
from tests.lab.reference_service import MemoryCourier, ReferenceService

START_NS = 1_790_000_000 * NS_PER_S
OLD, NEW = "1.0.0", "1.2.0"


def a_service(**changes: object) -> ReferenceService:
    """Offers NEW, which refuses to boot on revision B2."""
    service = ReferenceService(make_image(NEW, 100_000, 1, ("B2",)), NEW)
    for name, value in changes.items():
        assert hasattr(service, name)
        setattr(service, name, value)
    return service


def a_box(wire: Wire = Wire.DDI, *, revision: str = "A1", number: int = 1) -> Identity:
    serial, mac = f"062014N06777{number}", f"00:1A:79:00:00:{number:02X}"
    return Identity(serial, mac, "MAG524", revision, OLD, wire, serial, "secret")


def a_plan(**changes: object) -> Plan:
    plan = Plan(
        DdiServer("http://boxes.test"),
        XconfServer("http://boxes.test"),
        pace=Pace(xconf_poll_ns=10 * NS_PER_S),
        duration_ns=from_seconds(120),
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def run_fleet(
    service: ReferenceService, listed: list[Listed], plan: Plan | None = None
) -> tuple[Fleet, Run]:
    """Live through the plan in virtual time."""
    kernel = Kernel(VirtualClock(START_NS))
    fleet = Fleet(plan or a_plan(), listed, kernel)
    run = fleet.run(MemoryCourier(kernel, service), lambda _members, _elapsed: None)
    assert [member.box.record.crashed for member in fleet.members] == [""] * len(listed)
    return fleet, run


def live(
    service: ReferenceService,
    personality: str = "healthy",
    client: str = "swupdate",
    *,
    identity: Identity | None = None,
    plan: Plan | None = None,
) -> Box:
    """One box's life in virtual time."""
    fleet, _ = run_fleet(service, [Listed(identity or a_box(), personality, client)], plan)
    return fleet.members[0].box


def finals(box: Box) -> list[tuple[str, str]]:
    """(action id, success or failure) of the final reports the box sent."""
    return [
        (report.action_id, report.finished)
        for report in box.record.reports
        if report.execution == "closed" and report.about == "deploymentBase"
    ]


def events(box: Box, *names: str) -> list[str]:
    """The journal's events among `names`, in order."""
    return [entry.event for entry in box.record.journal if entry.event in names]


def rules(box: Box) -> list[object]:
    """The rules that replies broke."""
    return [found["rule"] for found in box.record.violations()]
