"""Returns of the demonstration: which faults come to one, how each goes, and what the board shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from stb_service.demo import calls
from stb_service.demo.journeys import Journey
from stb_service.demo.model import RETURN_SHARE, Fault, Phase, Trouble
from stb_service.demo.money import DAMAGE_CENTS, LABOUR_CENTS, LOST_CENTS, OTHER_TAX_PPM
from stb_service.demo.operator import SELLER, Box, Operator
from stb_service.demo.returning import Answer, Returning, Steps, Way
from stb_service.demo.stock import BOX_PRICE, REFURBISHED_WORTH, spare_for
from stb_service.devices.components import Component
from stb_service.devices.demo import MODELS
from stb_service.rma.cases import CASE
from stb_service.rma.lists import Stated
from stb_service.rma.operations import act
from stb_service.rma.terms import set_model_terms, set_return_terms
from stb_service.shared.access import SYSTEM
from stb_service.shared.errors import Refused
from stb_service.shared.files import FileStore
from stb_service.warranty.policy import Cause

SENT_AHEAD_MODELS = frozenset({"AUR-300", "AUR-500", "BOR-40"})
"""Models of which a replacement may go ahead of the box."""
CONFIRM_DAYS = 14
WAYS: Sequence[Way] = (
    *(Way.PARCEL, Way.COUNTER, Way.AHEAD, Way.PARCEL, Way.OTHER_BOX, Way.PARCEL, Way.LOST_IN),
    *(Way.PARCEL, Way.KEPT_BOTH, Way.BOUNCED, Way.PARCEL, Way.COUNTER, Way.LOST_OUT, Way.PARCEL),
)
"""How returns come about, in the order in which they do so again and again."""
ANSWERS: Sequence[Answer] = (
    *(Answer.PAYS, Answer.CONTESTS, Answer.DECLINES, Answer.PAYS, Answer.GIVES_UP_THE_BOX),
)
"""What customers say to a price, in the same manner."""


@dataclass(frozen=True)
class Shown:
    """A return that was begun so many days ago and stands at a state, or has been closed, if none is
    named; it is about a box that is rented, or that was given out just before.
    """

    days: int
    until: str
    way: Way = Way.PARCEL
    answer: Answer = Answer.PAYS
    cause: Cause = Cause.MANUFACTURING
    hold: str = ""
    is_lent: bool = False
    is_fresh: bool = False


_BILL = Cause.LIQUID
BOARD: Sequence[Shown] = (
    Shown(300, "", cause=_BILL, is_lent=True),
    Shown(262, "", is_fresh=True),
    Shown(241, "", Way.LOST_IN),
    Shown(215, "", Way.COUNTER),
    Shown(190, "", Way.KEPT_BOTH),
    Shown(160, "", Way.PARCEL, Answer.CONTESTS, _BILL),
    Shown(130, "", Way.PARCEL, Answer.GIVES_UP_THE_BOX, _BILL),
    Shown(1, "requested"),
    Shown(4, "requested", hold="Waits for the receipt"),
    Shown(6, "authorised"),
    Shown(7, "in_transit_in"),
    Shown(34, "replacement_shipped_ahead", Way.AHEAD),
    Shown(12, "mismatch", Way.OTHER_BOX),
    Shown(19, "lost_inbound", Way.LOST_IN),
    Shown(10, "received"),
    Shown(15, "received", hold="Customer wants to be called first"),
    Shown(13, "inspecting"),
    Shown(24, "second_inspection", Way.PARCEL, Answer.CONTESTS, _BILL),
    Shown(16, "decision_pending"),
    Shown(17, "quoting", cause=_BILL),
    Shown(19, "quoted", cause=_BILL),
    Shown(26, "awaiting_payment", cause=_BILL),
    Shown(18, "approved_repair"),
    Shown(21, "approved_repair", hold="Part is on its way"),
    Shown(24, "repairing"),
    Shown(30, "repaired"),
    Shown(17, "nff_return", cause=Cause.NO_FAULT_FOUND),
    Shown(28, "return_unrepaired", Way.PARCEL, Answer.DECLINES, _BILL),
    Shown(34, "in_transit_out"),
    Shown(95, "undelivered", Way.BOUNCED),
    Shown(40, "lost_outbound", Way.LOST_OUT),
    Shown(36, "completed", cause=Cause.NO_FAULT_FOUND),
    Shown(110, "", Way.NEVER_CAME, is_lent=True),
    Shown(38, "not_returned", Way.NEVER_CAME, is_lent=True),
)
"""One of each that is rare, and then something in each column: some overdue, some on hold."""
TROUBLES: Mapping[Cause, Trouble] = {
    Cause.MANUFACTURING: Trouble("Stays dark", Component.POWER_SUPPLY, Cause.MANUFACTURING, 1),
    Cause.LIQUID: Trouble("Something was spilled on it", Component.MAINBOARD, Cause.LIQUID, 1),
    Cause.NO_FAULT_FOUND: Trouble("Stutters in the evening", "", Cause.NO_FAULT_FOUND, 1),
}
"""What the returns on the board are about."""


class Returns:
    """Answers calls with a return, for the most part, and lets each of them go on by the calendar."""

    def __init__(self, op: Operator, files: FileStore, *, otherwise: calls.Answer) -> None:
        self._op = op
        self._files = files
        self._otherwise = otherwise
        self._ways = self._answers = 0

    def set_terms(self) -> None:
        """Say what returns of each model go by, and how long each wait may take."""
        op = self._op
        for model in MODELS:
            code = model["code"]
            set_model_terms(
                op.session,
                model=code,
                new_minor=2 * BOX_PRICE[code],
                refurbished_minor=round(2 * REFURBISHED_WORTH * BOX_PRICE[code]),
                unreturned_minor=LOST_CENTS,
                damage_minor=DAMAGE_CENTS,
                labour_minor=2 * LABOUR_CENTS,
                tax_ppm=OTHER_TAX_PPM,
                may_send_ahead=code in SENT_AHEAD_MODELS,
                actor=SYSTEM,
                now=op.begun,
            )
        set_return_terms(op.session, confirm_days=CONFIRM_DAYS, actor=SYSTEM, now=op.begun)

    # --- calls -----------------------------------------------------------------------------------

    def answer(self, box: Box, fault: Fault, now: datetime) -> None:
        """Have a box returned, or settle its fault otherwise."""
        chance = self._op.chance(f"comes/{box.life.serial}/{fault.reported_on}")
        if chance.random() >= RETURN_SHARE:
            self._otherwise(box, fault, now)
        elif fault.trouble.component == Component.REMOTE:
            self._start(box, fault, Way.ACCESSORY, now)
        else:
            self._start(box, fault, self._next_way(box), now)

    def _next_way(self, box: Box) -> Way:
        """Return the way whose turn it is; by parcel where that one cannot be."""
        way = WAYS[self._ways % len(WAYS)]
        self._ways += 1
        return way if _can_go(box, way) else Way.PARCEL

    def _start(
        self, box: Box, fault: Fault, way: Way, now: datetime, shown: Shown | None = None
    ) -> None:
        journey = Journey(
            self._op,
            self._files,
            self.go_on,
            box,
            fault,
            way,
            shown.answer if shown else ANSWERS[self._answers % len(ANSWERS)],
            shown.until if shown else "",
            shown.hold if shown else "",
        )
        self._answers += shown is None
        self.go_on(journey, journey.walk(), now)

    def go_on(self, journey: Returning, steps: Steps, now: datetime) -> None:
        """Let the next steps of a journey happen at an instant, and those after them in their time."""
        self._op.calendar.add(now, partial(self._step, journey, steps))

    def _step(self, journey: Returning, steps: Steps, now: datetime) -> None:
        """Make the steps of a moment. What is barred stays as it is."""
        journey.now = now
        try:
            with self._op.session.begin_nested():
                wait = next(steps, None)
        except Refused as refusal:
            reason = " ".join(str(one.message) for one in refusal.obstacles)
            self._op.barred.append(f"{journey.box.life.serial}, {journey.way}: {reason}")
            return
        if journey.until and journey.case.state == journey.until:
            if journey.hold:
                self._hold(journey, now)
        elif wait is not None:
            self.go_on(journey, steps, now + wait)

    def _hold(self, journey: Returning, now: datetime) -> None:
        act(
            self._op.session,
            ref=journey.case.number,
            machine=CASE,
            event="hold",
            stated=Stated(reason=journey.hold),
            actor=self._op.agent,
            now=now + timedelta(minutes=30),
        )

    # --- the board -------------------------------------------------------------------------------

    def plan_board(self) -> None:
        """Let somebody call in the last weeks about each return that the board is to show."""
        for number, shown in enumerate(BOARD):
            at = self._op.now - timedelta(days=shown.days, hours=number % 5)
            self._op.calendar.add(at, partial(self._show, number, shown))

    def _show(self, number: int, shown: Shown, now: datetime) -> None:
        box = self._box_for(shown, self._op.chance(f"board/{number}").random(), now)
        if box is None:
            return
        day = now.date()
        fault = Fault(day - timedelta(days=1), day, Phase.CONSTANT, TROUBLES[shown.cause])
        self._start(box, fault, shown.way, now, shown)

    def _box_for(self, shown: Shown, draw: float, now: datetime) -> Box | None:
        """Return a box that somebody has had for a while, in warranty, with a part that mends it."""
        component = TROUBLES[shown.cause].component
        since, until = (2, 20) if shown.is_fresh else (60, 700)

        def fits(box: Box) -> bool:
            return (
                box.held_by is not None
                and not box.in_return
                and box.is_lent == shown.is_lent
                and since < (now.date() - box.held_since_on).days < until
                and (not component or spare_for(box.life.model, component) is not None)
                and _can_go(box, shown.way)
            )

        found = [box for box in self._op.boxes if fits(box)]
        return found[int(draw * len(found))] if found else None


def _can_go(box: Box, way: Way) -> bool:
    """Tell whether a return of a box can come about in a way."""
    assert box.held_by is not None
    if way == Way.COUNTER:
        return box.life.shop in SELLER and box.life.shop == box.held_by.shop
    in_euros = box.held_by.country.currency == "EUR"
    if way == Way.NEVER_CAME:
        return box.is_lent and in_euros
    if way in {Way.AHEAD, Way.KEPT_BOTH}:
        return box.life.model in SENT_AHEAD_MODELS and in_euros  # as the fee of the terms is
    return True
