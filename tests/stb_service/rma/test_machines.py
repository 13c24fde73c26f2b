"""The tables of the two machines: complete, reachable, without dead ends; and random walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.guards import GUARDS, STATED
from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Position
from stb_service.rma.needs import Need
from stb_service.rma.rules import MACHINES, obstacles, obstacles_ahead
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.rma.workshop import ORDER, PARTING
from stb_service.shared.access import VERBS
from stb_service.shared.errors import Refused
from tests.stb_service.rma.journey import ALL_WELL, DAY, START, Journey, lines

both = pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))


def reached(machine: Machine, start: str) -> set[str]:
    """Return the states that can follow a state, however many steps later."""
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        new = {step.to_state for step in machine.moves if step.from_state == here} - found
        found |= new
        waiting.extend(new)
    return found


@both
def test_every_state_is_reached(machine: Machine) -> None:
    assert reached(machine, NEW) == set(machine.places)


@both
def test_from_every_state_an_end_is_reached(machine: Machine) -> None:
    stuck = [s for s in machine.places if not reached(machine, s) & machine.final_states]

    assert stuck == []


@both
def test_only_final_states_have_nothing_after_them(machine: Machine) -> None:
    left = {step.from_state for step in machine.steps}

    assert machine.final_states == set(machine.places) - left


@both
def test_an_event_leads_from_one_place_to_one_other(machine: Machine) -> None:
    starts = [(step.start, step.event) for step in machine.steps]

    assert len(starts) == len(set(starts))


@both
def test_every_event_is_in_the_table_and_every_verb_is_one(machine: Machine) -> None:
    assert {step.event for step in machine.steps} == set(machine.events)
    assert {step.verb for step in machine.steps if step.verb} <= set(VERBS)


@both
def test_what_is_carried_exists_on_the_other_side(machine: Machine) -> None:
    other = CASE if machine is ORDER else ORDER
    carried = {event for step in machine.moves for event in step.carries}

    assert carried <= set(other.events)


@both
def test_an_event_that_nobody_says_by_hand_is_carried_by_the_other_machine(
    machine: Machine,
) -> None:
    other = CASE if machine is ORDER else ORDER
    carried = {event for step in other.moves for event in step.carries}

    assert {step.event for step in machine.moves if not step.verb} <= carried


@both
def test_holding_and_resuming_lead_back_to_where_they_began(machine: Machine) -> None:
    for state in machine.live_states:
        held = machine.step(Position(state), HOLD)
        assert held is not None
        back = machine.step(held.end, RESUME)
        assert back is not None
        assert (held.end, back.end) == (Position(state, held=True), Position(state))


@both
def test_nothing_but_resuming_follows_a_hold(machine: Machine) -> None:
    assert {s.event for s in machine.steps if s.from_held} == {RESUME}


@both
def test_what_has_ended_moves_no_more(machine: Machine) -> None:
    for state in machine.final_states:
        assert machine.steps_from(Position(state)) == []


def test_every_need_has_its_guard_and_is_needed_somewhere() -> None:
    needed = {need for m in MACHINES.values() for step in m.steps for need in step.needs}

    assert set(GUARDS) == set(Need) == needed


def test_the_only_ways_out_of_the_house_need_a_settled_balance() -> None:
    leaving = [s for s in CASE.moves if s.event in {"ship", "hand_over", "send_ahead"}]
    leaving += [s for s in CASE.moves if s.event.startswith("swap_")]

    assert len(leaving) == 15
    assert all(Need.BALANCE in step.needs for step in leaving)


def test_nothing_is_begun_unpaid() -> None:
    begins = [s for s in CASE.moves if s.event in {"begin", "approve_repair", "release_repair"}]

    assert len(begins) == 3
    assert all(Need.PAID in step.needs for step in begins)


ACCESSORY = ("request", "approve_accessory", "ship")

# each need by itself: what is wrong, and where it is noticed
BREACHES: list[tuple[Need, Machine, str, Callable[[Journey], Journey], dict[str, Any]]] = [
    (Need.REASON, CASE, "reject", lambda j: j.case("request"), {"reason": "  "}),
    (Need.ONLY_CASE, CASE, "request", lambda j: j, {"other_cases": 1}),
    (Need.REPEATS, CASE, "repeat", lambda j: j, {"repeats_ended_case": False}),
    (Need.CHECKS, CASE, "approve", lambda j: j.case("request"), {"unrecorded_checks": ["reboot"]}),
    (Need.DEADLINE, CASE, "expire", lambda j: j.case("request"), {"due_at": START + DAY}),
    (Need.SAME_BOX, CASE, "receive", lambda j: j.to("authorised"), {"scanned": "SN7"}),
    (Need.PARCEL, CASE, "post", lambda j: j.to("authorised"), {"tracking": ""}),
    (Need.SIGNATURE, CASE, "hand_over", lambda j: j.to("repaired"), {"signed_by": ""}),
    (
        *(Need.LOSS_CONFIRMED, CASE, "approve_replace"),
        *(lambda j: j.to("authorised").case("post", "lose"), {"loss_confirmed": False}),
    ),
    (
        *(Need.NOTICE, CASE, "abandon"),
        *(lambda j: j.to("outbound").case("bounce"), {"notice_sent": False}),
    ),
    (
        *(Need.ACCESSORY, CASE, "approve_accessory"),
        *(lambda j: j.case("request").know(remedy="accessory"), {"accessory_reserved": False}),
    ),
    (Need.FOR_BOX, CASE, "approve", lambda j: j.case("request"), {"remedy": "accessory"}),
    (Need.FOR_PART, CASE, "approve_accessory", lambda j: j.case("request"), {}),
    (Need.SPARE, CASE, "send_ahead", lambda j: j.to("authorised"), {"spare": ""}),
    (Need.SPARE_FITS, CASE, "send_ahead", lambda j: j.to("authorised"), {"spare_fits": False}),
    (
        *(Need.MAY_SEND_AHEAD, CASE, "send_ahead"),
        *(lambda j: j.to("authorised"), {"may_send_ahead": False}),
    ),
    (Need.FEE_AGREED, CASE, "send_ahead", lambda j: j.to("authorised"), {"fee_agreed": False}),
    (Need.RENTED, CASE, "charge_fee", lambda j: j.to("authorised"), {}),
    (Need.NO_FEE_DUE, CASE, "expire", lambda j: j.to("authorised"), {"rented": True}),
    (
        *(Need.CHARGED, CASE, "return_other_unreturned"),
        *(lambda j: j.to("authorised").know(scanned="SN7").case("mismatch"), {}),
    ),
    (
        *(Need.NOT_CHARGED, CASE, "return_other"),
        *(lambda j: j.to("unreturned").know(scanned="SN7").case("mismatch"), {}),
    ),
    (Need.AHEAD_LOST, CASE, "ahead_lost", lambda j: j.to("ahead"), {"ahead_lost": False}),
    (Need.AHEAD_BACK, CASE, "cancel", lambda j: j.to("ahead"), {"ahead_back": False}),
    (
        *(Need.WARRANTY, ORDER, "judge"),
        *(lambda j: j.to("received").order("inspect"), {"warranty_decided": False}),
    ),
    (
        *(Need.CHECKLIST, ORDER, "judge"),
        *(lambda j: j.to("received").order("inspect"), {"open_checks": ["HDMI"]}),
    ),
    (
        *(Need.JUDGED, ORDER, "judge"),
        *(lambda j: j.to("received").order("inspect"), {"lines": lines(None)}),
    ),
    (
        *(Need.EVIDENCE, ORDER, "judge"),
        lambda j: j.to("received").order("inspect"),
        {"lines": lines(Verdict.USER_FAULT, photos=0)},
    ),
    (Need.MORE_FAULTS, ORDER, "find_more", lambda j: j.to("repairing"), {"new_lines": 0}),
    (Need.CHOICE, CASE, "approve_repair", lambda j: j.to("deciding"), {"choice_needed": True}),
    (Need.IS_NFF, CASE, "return_nff", lambda j: j.to("deciding"), {}),
    (Need.OPERATORS_BOX, CASE, "recover", lambda j: j.to("deciding"), {}),
    (
        *(Need.QUOTE_READY, CASE, "send_quote"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("deciding").case("quote"),
        {"quote_leaves_out": [1]},
    ),
    (
        *(Need.OFFERS_SHOWN, CASE, "send_quote"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("deciding").case("quote"),
        {"side_by_side": False},
    ),
    (
        *(Need.OTHER_CHOSEN, CASE, "choose_replacement"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"),
        {"other_chosen": False},
    ),
    (
        *(Need.QUOTE_STANDS, CASE, "accept"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"),
        {"now": START + 30 * DAY},
    ),
    (
        *(Need.CONSENT, CASE, "choose_disposal"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"),
        {"disposal_consent": False},
    ),
    (Need.PAID, ORDER, "begin", lambda j: j.to("repair").order("reserve"), {"to_pay_minor": 1}),
    (Need.BALANCE, CASE, "ship", lambda j: j.to("repaired"), {"balance_minor": 1}),
    (Need.NOT_OVERPAID, CASE, "close", lambda j: j.to("completed"), {"balance_minor": -1}),
    (
        *(Need.REFUND, CASE, "refund"),
        *(lambda j: j.to("deciding").case("approve_refund"), {"refund_minor": 9_901}),
    ),
    (Need.PAYEE, CASE, "approve_refund", lambda j: j.to("deciding"), {"has_account": False}),
    (Need.PARTS, ORDER, "reserve", lambda j: j.to("repair"), {"missing_parts": ["PSU-12V"]}),
    (Need.COMPARED, ORDER, "condemn", lambda j: j.to("repairing"), {"compared": False}),
    (
        *(Need.TESTED, ORDER, "finish"),
        *(lambda j: j.to("repairing").order("test"), {"test_passed": False}),
    ),
    (Need.NOT_FAILED, CASE, "ship", lambda j: j.to("repaired"), {"test_failed": True}),
    (
        *(Need.PARTS_SETTLED, ORDER, "finish"),
        *(lambda j: j.to("repairing").order("test"), {"parts_unsettled": 1}),
    ),
    (
        *(Need.FIRMWARE, ORDER, "finish"),
        *(lambda j: j.to("repairing").order("test"), {"firmware_recorded": False}),
    ),
    (
        *(Need.WORK, ORDER, "finish"),
        *(lambda j: j.to("repairing").order("test"), {"work_recorded": False}),
    ),
    (
        *(Need.COMPONENTS, ORDER, "finish"),
        *(lambda j: j.to("repairing").order("test"), {"components_recorded": False}),
    ),
    (
        *(Need.GRADED, ORDER, "restock"),
        *(lambda j: j.to("deciding").case("approve_replace").order("wipe"), {"grade": ""}),
    ),
    (Need.PARTED, ORDER, "shelve", lambda j: j.to("deciding"), {}),
    (Need.OTHER_BOX, CASE, "mismatch", lambda j: j.to("authorised"), {}),
    (Need.NO_ORDER, CASE, "request", lambda j: j.order("admit"), {}),
    (Need.NO_CASE, ORDER, "admit", lambda j: j.case("request"), {}),
    (
        *(Need.OTHER_FITS, CASE, "accept_other"),
        lambda j: j.to("authorised").know(scanned="SN7").case("mismatch"),
        {"other_is_theirs": False},
    ),
    (
        *(Need.STRAY_GONE, CASE, "return_other"),
        lambda j: j.to("authorised").know(scanned="SN7").case("mismatch"),
        {"stray_gone": False, "tracking": ""},
    ),
    (
        *(Need.AHEAD, CASE, "return_other_ahead"),
        lambda j: j.to("authorised").know(scanned="SN7").case("mismatch"),
        {},
    ),
    (
        *(Need.NOT_AHEAD, CASE, "return_other"),
        lambda j: j.to("ahead").know(scanned="SN7").case("mismatch"),
        {},
    ),
    (Need.OWN_PARCEL, CASE, "abandon", lambda j: j.to("replaced").case("bounce"), {}),
    (Need.SPARE_PARCEL, CASE, "unclaimed", lambda j: j.to("outbound").case("bounce"), {}),
    (
        *(Need.NOT_ACCESSORY, CASE, "approve_refund"),
        *(lambda j: j.know(remedy="accessory").case(*ACCESSORY, "lose"), {}),
    ),
    (
        *(Need.ACCESSORY_FREE, CASE, "approve_accessory"),
        *(lambda j: j.case("request"), {"remedy": "accessory", "all_covered": False}),
    ),
    (Need.ACCESSORY_PAYS, CASE, "quote_accessory", lambda j: j.case("request"), {}),
    (
        *(Need.NO_BOX, CASE, "decline_accessory"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"), {}),
    ),
    (Need.OWN_STOCK, CASE, "to_stock", lambda j: j.to("deciding"), {}),
    (
        *(Need.PAYER, CASE, "quote"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("deciding"),
        {"has_account": False},
    ),
    (Need.FOR_ACCESSORY, CASE, "send_again", lambda j: j.to("outbound").case("lose"), {}),
    (
        *(Need.ADDRESS, CASE, "ship"),
        *(lambda j: j.to("outbound").case("bounce"), {"address_confirmed": False}),
    ),
    (
        *(Need.SPARE_NEW, CASE, "allocate"),
        lambda j: j.to("replace"),
        {"lines": lines(Verdict.DOA), "spare_condition": "refurbished"},
    ),
    (
        *(Need.SPARE_PROMISED, CASE, "allocate"),
        lambda j: j.to("replace"),
        {"promised_condition": "new", "spare_condition": "refurbished"},
    ),
    (
        *(Need.ONE_FOR_ONE, CASE, "ship"),
        *(lambda j: j.to("replace").case("allocate"), {"boxes_given": 1}),
    ),
    (
        *(Need.COVERED_AHEAD, CASE, "settle_ahead"),
        lambda j: j.to("ahead").case("receive").order("inspect", "judge"),
        {"lines": lines(Verdict.OUT_OF_WARRANTY)},
    ),
    (
        *(Need.NOT_COVERED, CASE, "settle_uncovered"),
        *(lambda j: j.to("ahead").case("receive").order("inspect", "judge"), {}),
    ),
    (
        *(Need.DAMAGE_MONEY, CASE, "recover"),
        *(lambda j: j.know(rented=True).to("deciding"), {"damage_elsewhere": True}),
    ),
    (
        *(Need.HANDLING_MONEY, CASE, "return_nff"),
        lambda j: j.know(lines=lines(Verdict.NFF)).to("deciding"),
        {"handling_elsewhere": True},
    ),
    (
        *(Need.FEE_CHARGEABLE, CASE, "send_ahead"),
        *(lambda j: j.to("authorised"), {"fee_chargeable": False}),
    ),
    (
        *(Need.NOTHING_PAID, CASE, "lapse"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept"),
        {"quote_paid_minor": 1},
    ),
    (
        *(Need.PART_PAID, CASE, "lapse_part_paid"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept"),
        {},
    ),
    (
        *(Need.MAY_SWAP, CASE, "swap_at_counter"),
        *(lambda j: j.to("authorised"), {"cover_presumed": False}),
    ),
    (Need.DISPUTABLE, CASE, "dispute", lambda j: j.to("deciding"), {}),
    (
        *(Need.SECOND_INSPECTOR, ORDER, "judge_again"),
        lambda j: j.know(lines=lines(Verdict.USER_FAULT)).to("deciding").case("dispute"),
        {"lines": lines(Verdict.USER_FAULT, disputed=True, second_inspector="ines")},
    ),
    (
        *(Need.MAY_REPAIR, CASE, "approve_repair"),
        *(lambda j: j.to("deciding"), {"beyond_repair": True}),
    ),
    (
        *(Need.MAY_REPLACE, CASE, "approve_replace"),
        *(lambda j: j.to("deciding"), {"lines": lines(Verdict.USER_FAULT)}),
    ),
    (
        *(Need.MAY_REFUND, CASE, "approve_refund"),
        *(lambda j: j.to("deciding"), {"lines": lines(Verdict.NFF)}),
    ),
    (Need.IS_BILLABLE, CASE, "quote", lambda j: j.to("deciding"), {}),
    (
        *(Need.NOT_BILLABLE, CASE, "redecide"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"), {}),
    ),
    (
        *(Need.QUOTE_GONE, CASE, "redecide"),
        *(lambda j: j.know(lines=lines(Verdict.USER_FAULT)).to("quoted").case("accept"), {}),
    ),
    (
        *(Need.BOX_HERE, CASE, "withdraw"),
        *(lambda j: j.to("repairing").order("wait_for_supplier", "supplier_keeps"), {}),
    ),
    (
        *(Need.BEYOND_REPAIR, CASE, "reconsider"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"), {}),
    ),
    (
        *(Need.QUOTE_LAPSED, CASE, "lapse"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"), {}),
    ),
    (
        *(Need.NOTHING_COVERED, CASE, "decline"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY, Verdict.DOA)).to("quoted"), {}),
    ),
    (
        *(Need.SOMETHING_COVERED, CASE, "decline_part"),
        *(lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted"), {}),
    ),
    (
        *(Need.QUOTE_ACCEPTED, CASE, "release_repair"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept"),
        {"quote_accepted": False},
    ),
    (
        *(Need.FOR_REPAIR, CASE, "release_repair"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept"),
        {"quoted_remedy": "replace"},
    ),
    (
        *(Need.FOR_REPLACEMENT, CASE, "release_replacement"),
        lambda j: j.know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept"),
        {},
    ),
    (Need.CUSTOMERS_BOX, ORDER, "find_more", lambda j: j.to("refurbishing"), {}),
    (Need.WIPED, ORDER, "wipe", lambda j: j.to("replace"), {"wiping_proven": False}),
    (
        *(Need.NO_DISPOSAL, ORDER, "plan_refurbishment"),
        lambda j: j.to("outbound").case("bounce", "abandon"),
        {},
    ),
    (Need.DISPOSED, CASE, "dispose", lambda j: j.to("outbound").case("bounce", "abandon"), {}),
    (
        *(Need.PROVISIONED, CASE, "confirm"),
        *(lambda j: j.to("replaced").case("deliver"), {"provisioned": False}),
    ),
    (
        *(Need.PINS, CASE, "confirm"),
        *(lambda j: j.to("replaced").case("deliver"), {"pins_released": False}),
    ),
]
CHOOSING = {Need.FREE_WORK, Need.PAID_WORK}
"""These bar nothing: one of the two is always met, and says which step the case follows by."""


def test_every_need_is_seen_to_bar_a_step() -> None:
    assert {need for need, *_ in BREACHES} == set(Need) - CHOOSING


@pytest.mark.parametrize(
    ("need", "machine", "event", "walk", "wrong"),
    BREACHES,
    ids=[f"{need.value}" for need, *_ in BREACHES],
)
def test_a_need_that_is_not_met_bars_the_step_with_one_sentence(
    need: Need,
    machine: Machine,
    event: str,
    walk: Callable[[Journey], Journey],
    wrong: dict[str, Any],
) -> None:
    facts = replace(walk(Journey()).facts, **wrong)

    found = obstacles(machine, event, facts)

    assert [o.code for o in found] == [need]
    assert str(found[0]).endswith(".")
    assert [o.code for o in obstacles_ahead(machine, event, facts)] == [
        o.code for o in found if o.code not in STATED
    ]


@pytest.mark.parametrize(
    ("balance", "terms", "expected"),
    [(-1, False, []), (0, False, []), (1, False, ["balance"]), (1, True, [])],
)
def test_a_box_leaves_with_nothing_open_or_on_credit(
    balance: int, terms: bool, expected: list[str]
) -> None:
    journey = Journey().to("repaired").know(balance_minor=balance, credit_terms=terms)

    assert journey.bars(CASE, "ship") == expected


@pytest.mark.parametrize(
    ("refund", "expected"), [(None, ["refund"]), (0, ["refund"]), (9_900, []), (9_901, ["refund"])]
)
def test_no_more_is_refunded_than_was_paid(refund: int | None, expected: list[str]) -> None:
    journey = Journey().to("deciding").case("approve_refund").know(refund_minor=refund)

    assert journey.bars(CASE, "refund") == expected


def test_nothing_known_bars_every_step_that_needs_something() -> None:
    """Facts that a caller forgets to gather are never taken for granted."""
    unknown = Facts()
    lenient = {
        *(Need.ONLY_CASE, Need.CHECKS, Need.CHECKLIST, Need.EVIDENCE, Need.NOT_AHEAD),
        *(Need.CHOICE, Need.FREE_WORK, Need.NOTHING_COVERED, Need.FOR_REPAIR, Need.PAID),
        *(
            Need.BALANCE,
            Need.NOTHING_PAID,
            Need.NOT_OVERPAID,
            Need.CUSTOMERS_BOX,
            Need.PARTS,
            Need.PARTS_SETTLED,
        ),
        *(
            Need.NO_CASE,
            Need.NO_ORDER,
            Need.NO_DISPOSAL,
            Need.PROVISIONED,
            Need.PINS,
            Need.NO_BOX,
            Need.SPARE_NEW,
            Need.SPARE_PROMISED,
            Need.NOT_FAILED,
            Need.DAMAGE_MONEY,
            Need.HANDLING_MONEY,
        ),
        *(
            Need.FOR_BOX,
            Need.OWN_PARCEL,
            Need.NOT_ACCESSORY,
            Need.QUOTE_LAPSED,
            Need.COVERED_AHEAD,
            Need.FEE_CHARGEABLE,
        ),
        *(Need.NO_FEE_DUE, Need.NOT_CHARGED),
    }

    met = {need for need, guard in GUARDS.items() if guard.is_met(unknown)}

    assert met == lenient


def test_an_unknown_event_is_an_error_and_no_answer() -> None:
    with pytest.raises(KeyError):
        obstacles(CASE, "evaporate", Facts())


def test_an_event_of_the_other_machine_is_not_said_by_hand() -> None:
    assert Journey().to("received").bars(CASE, "inspect") == ["follows"]


def test_a_case_on_hold_holds_the_bench_where_both_would_move() -> None:
    journey = Journey().to("repair").order("reserve").case("hold")
    journey.know(held_because="the customer asks us to stop")

    found = obstacles(ORDER, "begin", journey.facts)

    assert [o.code for o in found] == ["held"]
    assert "the customer asks us to stop" in str(found[0])
    assert journey.case("resume").order("begin").states == ("repairing", "in_repair")


def test_a_refusal_carries_what_the_page_shows() -> None:
    journey = Journey().to("repaired").know(balance_minor=1, tracking="")

    with pytest.raises(Refused) as refused:
        journey.case("ship")

    assert [o.code for o in refused.value.obstacles] == ["balance", "parcel"]


def test_what_has_ended_says_so() -> None:
    found = obstacles(CASE, "approve", Journey().case("request", "cancel").facts)

    assert [str(o) for o in found] == ["It has ended as “Cancelled” and moves no more."]


# random walks: what people do is drawn, what is known is drawn, and the promises hold

APART_FROM_HISTORY = {
    *("case", "order", "parted", "boxes_taken", "boxes_given", "sent_ahead", "fee_charged"),
    *("content", "lines", "now"),
}
FLAGS = sorted(
    f.name for f in fields(Facts) if f.type == "bool" and f.name not in APART_FROM_HISTORY
)
VERDICTS = st.lists(st.sampled_from([*Verdict, None]), min_size=1, max_size=3)


class Walk(RuleBasedStateMachine):
    """People who try anything, whatever is known, with two machines that must not be fooled."""

    def __init__(self) -> None:
        super().__init__()
        self.journey = Journey()
        self.shipped_with_debt = self.begun_unpaid = 0

    def _try(self, machine: Machine, event: str) -> None:
        journey = self.journey
        before = journey.facts
        found = obstacles(machine, event, before)
        if found:
            with pytest.raises(Refused):
                journey.fire(machine, event)
            assert journey.facts == before
            return
        journey.fire(machine, event)
        self._witness(machine, event, before)

    def _witness(self, machine: Machine, event: str, before: Facts) -> None:
        open_debt = before.balance_minor > 0 and not before.credit_terms
        unpaid = before.to_pay_minor > 0 and not before.credit_terms
        leaves = event in {"ship", "hand_over", "send_ahead"} or event.startswith("swap_")
        self.shipped_with_debt += machine is CASE and leaves and open_debt
        self.begun_unpaid += event == "begin" and unpaid and not before.parted

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Try what the tables offer from here; everything that they name is tried now and then."""
        machine = data.draw(st.sampled_from([CASE, ORDER]))
        here = [s.event for s in machine.steps_from(self._position(machine))]
        events = here or sorted(machine.events)
        self._try(machine, data.draw(st.sampled_from(events)))

    @rule(data=st.data())
    def anything(self, data: st.DataObject) -> None:
        machine = data.draw(st.sampled_from([CASE, ORDER]))
        self._try(machine, data.draw(st.sampled_from(sorted(machine.events))))

    @rule(flag=st.sampled_from(FLAGS), value=st.booleans())
    def learn(self, flag: str, value: bool) -> None:
        self.journey.know(**{flag: value})

    @rule(balance=st.integers(-2, 2), to_pay=st.integers(-1, 2))
    def pay(self, balance: int, to_pay: int) -> None:
        self.journey.know(balance_minor=balance, to_pay_minor=to_pay)

    @rule(scanned=st.sampled_from(["SN1", "SN7"]), tracking=st.sampled_from(["", "1Z"]))
    def scan(self, scanned: str, tracking: str) -> None:
        self.journey.know(scanned=scanned, tracking=tracking)

    @rule(verdicts=VERDICTS, agreed=st.booleans(), second=st.sampled_from(["", "ines", "omar"]))
    def inspect(self, verdicts: list[Verdict | None], agreed: bool, second: str) -> None:
        found = lines(*verdicts, agreed=agreed, disputed=bool(second), second_inspector=second)
        self.journey.know(lines=found)

    @rule()
    def put_in_order(self) -> None:
        """Everything is in order again, so that walks get far."""
        self.journey.know(**{f.name: getattr(ALL_WELL, f.name) for f in fields(Facts)})

    def _position(self, machine: Machine) -> Position:
        return self.journey.facts.case if machine is CASE else self.journey.facts.order

    @precondition(lambda self: self.journey.facts.case.state in CASE.final_states)
    @rule(event=st.sampled_from(sorted(CASE.events)))
    def move_the_closed(self, event: str) -> None:
        assert obstacles(CASE, event, self.journey.facts)

    @invariant()
    def nothing_left_with_a_balance_open_and_nothing_was_begun_unpaid(self) -> None:
        assert (self.shipped_with_debt, self.begun_unpaid) == (0, 0)

    @invariant()
    def never_more_given_than_taken(self) -> None:
        facts = self.journey.facts
        assert 0 <= facts.boxes_given <= facts.boxes_taken + facts.sent_ahead

    @invariant()
    def one_second_inspection_for_each_dispute(self) -> None:
        events = [happened.event for happened in self.journey.happened["case"]]
        waiting = self.journey.facts.case.state == "second_inspection"
        assert events.count("judge_again") == events.count("dispute") - waiting

    @invariant()
    def each_event_begins_where_the_one_before_it_ended(self) -> None:
        for name, machine in MACHINES.items():
            position = Position()
            for happened in self.journey.happened[name]:
                assert happened.start == position
                step = machine.step(position, happened.event)
                assert step is not None
                assert step.end == happened.end
                position = happened.end

    @invariant()
    def the_box_parts_from_the_promise_once(self) -> None:
        events = [happened.event for happened in self.journey.happened["order"]]
        assert sum(event in PARTING for event in events) <= 2  # kept, or swapped in; then gone


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_the_outcome_that_asks_for_a_price_is_never_repaired_for_nothing() -> None:
    facts = Journey().know(lines=lines(Verdict.USER_FAULT, Verdict.IN_WARRANTY)).facts

    assert facts.outcome is Outcome.BILLABLE
    assert not GUARDS[Need.MAY_REPAIR].is_met(facts)
