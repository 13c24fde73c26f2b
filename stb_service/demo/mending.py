"""What a bench of the demonstration does with a box: it inspects, mends, refurbishes, or scraps it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from stb_service.demo.money import LABOUR_CENTS, in_currency
from stb_service.demo.returning import DAY, Returning, Steps
from stb_service.devices.components import Component
from stb_service.rma import bench, cores, deciding, photographs, stating
from stb_service.rma.bench_facts import SERIALISED
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.queries import order_of_case
from stb_service.rma.verdicts import Verdict
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Refused
from stb_service.warranty.policy import Cause

FIRMWARE = ("2.2.0", "2.3.1")
FAILS: Mapping[str, str] = {
    Component.POWER_SUPPLY: "power",
    Component.MAINBOARD: "picture",
    Component.TUNER: "picture",
    Component.WIFI: "network",
    Component.REMOTE: "remote",
    Component.CASE: "outside",
}
"""Which point of the checklist a component that failed does not pass."""
WORK_WAITS_DAYS = 7
"""So often a bench that lacks a part looks again."""


class Mending(Returning):
    """A return whose box is on the bench."""

    # --- the inspection --------------------------------------------------------------------------

    def _bench(self) -> Steps:
        """Take the box in, look at it, and say what was found."""
        said = {"scanned": self.box.life.serial, "location": self.place}
        self.on_case("receive", actor=self.op.store, **said)
        yield self._days(1, 4)
        self.on_order("inspect")
        yield self._days(0, 2)
        self._check(self.technician)
        self._judge(self.technician, self.fault.trouble.cause)
        self.on_order("judge")
        yield self._days(0, 2)

    def _check(self, actor: Actor) -> None:
        fails = FAILS.get(self.fault.trouble.component, "")
        for code in CHECKLIST:
            self.say(
                bench.record_check,
                code=code,
                result="fail" if code == fails else "pass",
                actor=actor,
            )

    def _judge(self, actor: Actor, cause: Cause) -> None:
        none = cause == Cause.NO_FAULT_FOUND
        found = self.say(
            deciding.judge_fault,
            number=1,
            confirmed="no" if none else "yes",
            fault_class="none_found" if none else cause.value,
            note="" if none else self.fault.trouble.symptom,
            sources=self.op.sources,
            actor=actor,
        )
        if found.effective_verdict == Verdict.USER_FAULT:
            shade = self.chance.randrange(80, 200)
            self.say(
                photographs.add_photo,
                data=photograph(shade),
                fault=1,
                note=self.fault.trouble.symptom,
                files=self.files,
                actor=actor,
            )

    # --- the work --------------------------------------------------------------------------------

    def _repair(self, *, actor: Actor | None = None, fault: int | None = 1) -> Steps:
        """Mend the box at its bench with what it needs, as soon as that is there."""
        who, spare = actor or self.technician, self._spare_part()
        planned = None
        if spare is not None:
            planned = self.say(bench.plan_part, part=spare.sku, fault=fault, actor=who)
        yield self._days(0, 2)
        while self.say(bench.reserve_planned, actor=who):
            yield WORK_WAITS_DAYS * DAY
        self.on_order("reserve", actor=who)
        yield self._days(0, 3)
        yield from self._begin(who)
        yield self._days(0, 2)
        if planned is not None and spare is not None:
            self.say(bench.use_part, part=planned.public_id, actor=who)
            if spare.component in SERIALISED:
                serial = f"{spare.sku}-{self.case.ordinal:05d}{'' if fault else '-R'}"
                self.say(
                    bench.swap_component,
                    component=spare.component,
                    old_serial=self._old_serial(spare.component),
                    new_serial=serial,
                    fault=fault,
                    actor=who,
                )
        self._record_work(who, fault)
        self.on_order("test", actor=who)
        yield self._days(0, 2)
        self.say(bench.record_test, passed=True, note="Ran for a night", actor=who)
        self.on_order("finish", actor=who)
        yield self._days(0, 2)

    def _old_serial(self, component: str) -> str:
        """Return what is read off the old component; what is known of it need not be read."""
        order = order_of_case(self.op.session, self.case, EVERYTHING)
        assert order is not None
        known = cores.known_serial(self.op.session, order, component)
        return "" if known else f"{self.box.life.serial}-{component}"

    def _begin(self, actor: Actor) -> Steps:
        """Begin the work; where the account is overdue, the customer pays first."""
        try:
            with self.op.session.begin_nested():
                self.on_order("begin", actor=actor)
        except Refused:
            yield 4 * DAY
            self._pay_account()
            self.on_order("begin", actor=actor)

    def _record_work(self, actor: Actor, fault: int | None) -> None:
        self.say(
            bench.record_labour,
            what="Mended" if self.fault.trouble.component else "Set up anew",
            minutes=self.chance.choice((20, 30, 45)),
            rate_minor=in_currency(self.customer, 2 * LABOUR_CENTS),
            fault=fault,
            actor=actor,
        )
        self.say(bench.record_firmware, before=FIRMWARE[0], after=FIRMWARE[1], actor=actor)

    def _waive_fees(self) -> None:
        """Waive what the terms ask for in money that the customer's account is not kept in."""
        facts = self.facts
        if facts.damage_elsewhere or facts.handling_elsewhere:
            why = "Waived: the account is kept in other money"
            self.say(stating.state, kind="fee_settled", note=why, actor=self.op.agent)

    def _see_to_kept(self, actor: Actor, *, arrived: bool = False) -> Steps:
        """See to a box that is the operator's now: refurbish it, or scrap what is worn."""
        if arrived:
            self.on_order("inspect", actor=actor)
            self._check(actor)
            self._judge(actor, self.fault.trouble.cause)
            self.on_order("judge", actor=actor)
            self._waive_fees()
            self.on_order("shelve", actor=actor)
            yield self._days(1, 5)
        if self.box.life.is_former:
            self._scrap("Not worth a repair")
            return
        self.on_order("plan_refurbishment", actor=actor)
        if arrived:
            self.on_order("reserve", actor=actor)
            self.on_order("begin", actor=actor)
            self._record_work(actor, None)
            self.on_order("test", actor=actor)
            self.say(bench.record_test, passed=True, actor=actor)
            self.on_order("finish", actor=actor)
        else:
            yield from self._repair(actor=actor, fault=None)
        self.on_order("shelve", actor=actor)
        self.say(
            stating.state,
            kind="wiped",
            method="key_destroyed",
            note="Report of the tool",
            actor=actor,
        )
        self.on_order("wipe", actor=actor)
        self.say(bench.grade_box, grade=self.chance.choice("AAB"), actor=actor)
        yield self._days(1, 3)
        self.on_order("restock", location="MAIN", actor=self.op.store)
        self.box.stands, self.box.is_refurbished = "MAIN", True

    def _scrap(self, reason: str) -> None:
        self.say(
            stating.state,
            kind="wiped",
            method="storage_destroyed",
            note="Shredded with others",
            actor=self.op.store,
        )
        self.on_order("scrap", reason=reason, location="SCRAP", actor=self.op.store)


def photograph(shade: int) -> bytes:
    """Return a small picture that stands in for a photograph: a plain field of a brown."""
    width, height = 96, 72

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + bytes((shade, shade // 2, 40)) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * height, 9))
        + chunk(b"IEND", b"")
    )
