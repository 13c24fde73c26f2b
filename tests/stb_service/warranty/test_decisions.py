"""Deciding on faults, on both databases: which policy a box has, what is kept, what is granted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, NotFound, Refused
from stb_service.warranty import decisions, operations, queries
from stb_service.warranty.cover import Outcome
from stb_service.warranty.facts import Bought, Fit, Happened, Replaced, Stay, Transferred
from stb_service.warranty.judging import judge
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.policy import Basis
from stb_service.warranty.traces import known_of, trace_json
from tests.stb_service.warranty.conftest import SOLD, Desk, terms
from tests.stb_service.warranty.test_operations import refused_by

TODAY = date(2026, 3, 2)


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk with a policy of all boxes in force."""
    desk.in_force()
    desk.assign("plain")
    return desk


def names(decision: WarrantyDecision) -> list[str]:
    return [rule["name"] for rule in decision.trace]


def policy_of(decision: WarrantyDecision) -> tuple[str, int]:
    return decision.version.policy.code, decision.version.number


def test_a_decision_holds_its_version_its_facts_and_every_rule(ready: Desk) -> None:
    found = ready.decide(ready.sold(made_on=date(2025, 1, 1)), subject_ref="R-1")

    assert (found.outcome, found.covered_until, found.is_presumed) == (
        "covered",
        date(2027, 5, 5),
        False,
    )
    assert policy_of(found) == ("plain", 1)
    assert names(found) == ["given_out", "policy", "start", "term", "covered"]
    assert found.facts["days"] == {"production": "2025-01-01", "sale": "2025-05-05"}
    assert (found.subject_ref, found.decided_by) == ("R-1", "test-admin")


@pytest.mark.parametrize(
    ("reported", "outcome"),
    [
        (date(2025, 5, 4), Outcome.NOT_YET),
        (date(2025, 5, 5), Outcome.DEAD_ON_ARRIVAL),
        (date(2025, 5, 19), Outcome.DEAD_ON_ARRIVAL),
        (date(2025, 5, 20), Outcome.COVERED),
    ],
)
def test_a_fault_is_judged_on_the_day_it_was_reported(
    ready: Desk, reported: date, outcome: Outcome
) -> None:
    assert ready.decide(ready.sold(), reported_on=reported).outcome == outcome


@pytest.mark.parametrize(
    ("component", "outcome"),
    [("", Outcome.COVERED), ("remote", Outcome.EXPIRED), ("tuner", Outcome.COVERED)],
)
def test_a_component_has_its_own_term(ready: Desk, component: str, outcome: Outcome) -> None:
    assert ready.decide(ready.sold(), component=component).outcome == outcome


@pytest.mark.parametrize(("tenure", "name"), [("rented", "rented"), ("on_loan", "on_loan")])
def test_a_box_of_the_operator_has_no_consumer_warranty(
    ready: Desk, tenure: str, name: str
) -> None:
    found = ready.decide(ready.sold(tenure=tenure))

    assert (found.outcome, found.covered_until) == (Outcome.NO_COVER, None)
    assert found.trace[-2] == {"name": "tenure", "day": None, "values": {"tenure": name}}


def test_a_tenure_that_is_not_stated_counts_as_sold_and_is_told(ready: Desk) -> None:
    found = ready.decide(ready.box("SN-9", sold_on=SOLD))

    assert (found.outcome, names(found)[0]) == (Outcome.COVERED, "tenure_presumed")


def test_a_box_that_nobody_dated_has_no_cover_and_the_trace_says_so(ready: Desk) -> None:
    found = ready.decide(ready.box("SN-9"))

    assert found.outcome == Outcome.NO_COVER
    assert "given_out_unknown" in names(found)
    assert names(found)[-2:] == ["no_evidence", "no_cover"]


@pytest.mark.parametrize(
    ("reported", "refused"),
    [(date(2026, 3, 2), False), (date(2026, 3, 3), False), (date(2026, 3, 4), True)],
)
def test_a_fault_is_not_reported_before_its_day_has_come_anywhere(
    ready: Desk, reported: date, refused: bool
) -> None:
    box = ready.sold()

    ends = ended(lambda: ready.decide(box, reported_on=reported))

    assert ends == ("Invalid" if refused else "done")


def ended(act: Any) -> str:
    try:
        act()
    except DomainError as refusal:
        return type(refusal).__name__
    return "done"


def test_an_unknown_cause_is_refused(ready: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        ready.decide(ready.sold(), cause="ghosts")

    assert list(refused.value.fields) == ["cause"]


def test_an_unknown_component_is_refused(ready: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        ready.decide(ready.sold(), component="engine")

    assert list(refused.value.fields) == ["component"]


def test_the_database_keeps_no_decision_on_an_unknown_component(ready: Desk) -> None:
    made = ready.decide(ready.sold(), component="tuner")
    columns = [column.name for column in WarrantyDecision.__table__.columns if column.name != "id"]
    taken = {"component": "'engine'", "public_id": "'another'"}
    copied = ", ".join(taken.get(name, name) for name in columns)

    with pytest.raises(IntegrityError, match="component"), ready.db.write() as session:
        session.execute(
            text(
                f"INSERT INTO warranty_decisions ({', '.join(columns)})"
                f" SELECT {copied} FROM warranty_decisions WHERE id = :id"
            ),
            {"id": made.id},
        )


def test_a_cause_found_later_is_another_decision(ready: Desk) -> None:
    box = ready.sold()

    before = ready.decide(box)
    after = ready.decide(box, cause="liquid")

    assert (before.outcome, after.outcome) == (Outcome.COVERED, Outcome.EXCLUDED)
    found = ready.ask(queries.decisions_of, box.public_id, EVERYTHING, limit=9)
    assert [row.id for row in found] == [after.id, before.id]


# --- whose policy --------------------------------------------------------------------------------


def test_without_a_policy_nothing_is_decided(desk: Desk) -> None:
    box = desk.sold()

    with pytest.raises(Refused, match="assign one first") as refused:
        desk.decide(box)

    assert refused.value.code == "no-policy"


@pytest.mark.parametrize(
    ("sold", "version"),
    [(date(2026, 3, 31), 1), (date(2026, 4, 1), 2), (date(2026, 4, 2), 2)],
)
def test_a_box_has_the_version_of_the_day_it_was_given_out(
    ready: Desk, sold: date, version: int
) -> None:
    ready.change(operations.write_draft, "plain", terms=terms(months=12))
    ready.change(operations.publish, "plain", in_force_from=date(2026, 4, 1))

    found = ready.decide(ready.sold(sold_on=sold))

    assert policy_of(found) == ("plain", version)


def test_the_more_special_assignment_comes_first(ready: Desk) -> None:
    for code in ("of-model", "of-seller", "of-tenure"):
        ready.in_force(code)
    ready.assign("of-model", model="AUR-1")
    ready.assign("of-seller", seller="north")
    ready.assign("of-tenure", tenure="rented")
    boxes = [
        ready.sold("SN-1", seller="north", tenure="rented"),
        ready.sold("SN-2", model="BOR-2", seller="north", tenure="rented"),
        ready.sold("SN-3", model="BOR-2", tenure="rented"),
        ready.sold("SN-4", model="BOR-2", seller="south"),
    ]

    found = [policy_of(ready.decide(box))[0] for box in boxes]

    assert found == ["of-model", "of-seller", "of-tenure", "plain"]


def test_an_assignment_without_version_in_force_is_passed_over_and_told(ready: Desk) -> None:
    ready.in_force("late", since=date(2026, 1, 1))
    ready.policy("draft")
    ready.assign("late", model="AUR-1")
    ready.assign("draft", seller="north")

    found = ready.decide(ready.sold(seller="north"))

    assert policy_of(found) == ("plain", 1)
    passed = [rule["values"]["code"] for rule in found.trace if rule["name"] == "passed"]
    assert passed == ["late", "draft"]


def test_a_retired_policy_stays_with_the_boxes_that_have_it(ready: Desk) -> None:
    ready.change(operations.retire, "plain", retired_on=date(2026, 4, 1))

    before = ready.decide(ready.sold("SN-1"))

    assert policy_of(before) == ("plain", 1)
    with pytest.raises(Refused):
        ready.decide(ready.sold("SN-2", sold_on=date(2026, 4, 1)))


# --- facts of other rooms ------------------------------------------------------------------------


def source(*facts: object) -> Any:
    def told(session: Session, uid: str) -> Iterator[object]:
        yield from facts

    return told


@pytest.mark.parametrize(
    ("facts", "last"),
    [
        ([Happened(Basis.SALE, date(2025, 5, 10))], date(2027, 5, 10)),
        (
            [Happened(Basis.SALE, date(2025, 5, 12)), Happened(Basis.SALE, date(2025, 5, 11))],
            date(2027, 5, 11),
        ),
        ([Replaced(date(2025, 6, 1), date(2026, 6, 1))], date(2026, 6, 1)),
        ([Bought(date(2025, 6, 1))], date(2027, 6, 1)),
        ([Bought(date(2025, 6, 1)), Replaced(date(2025, 5, 20), None)], date(2027, 6, 1)),
        (
            [Bought(date(2025, 6, 1)), Replaced(date(2025, 6, 20), date(2026, 7, 1))],
            date(2026, 7, 1),
        ),
        ([Transferred(date(2026, 1, 1))], date(2027, 5, 5)),
        ([Stay(date(2025, 6, 1), date(2025, 6, 10))], date(2027, 5, 5)),
    ],
)
def test_what_other_rooms_know_counts(ready: Desk, facts: list[object], last: date) -> None:
    assert ready.decide(ready.sold(), sources=[source(*facts)]).covered_until == last


def test_what_is_no_fact_is_a_mistake(ready: Desk) -> None:
    with pytest.raises(TypeError, match="no fact"):
        ready.decide(ready.sold(), sources=[source("rumour")])


def test_a_decision_can_be_made_again_from_what_it_holds(ready: Desk) -> None:
    ready.in_force(
        "rich",
        repairs={"suspends": True, "tail_days": 90, "extend_months": 12},
        transfer="once",
        replacement="at_least",
        replacement_days=90,
    )
    ready.assign("rich", model="AUR-1")
    facts = [
        Stay(date(2025, 6, 1), date(2025, 6, 10), frozenset({"tuner"}), chose_repair=True),
        Stay(date(2026, 1, 30)),
        Fit("tuner", date(2025, 6, 9)),
        Transferred(date(2025, 12, 1)),
        Replaced(date(2025, 5, 20), date(2027, 1, 1)),
    ]
    made = ready.decide(ready.sold(), sources=[source(*facts)], component="tuner")
    ready.box("SN-2", sold_on=SOLD)

    with ready.db.read() as session:
        kept = queries.decision_by_ref(session, made.public_id, EVERYTHING)
        known = known_of(kept.facts)
        again = judge(kept.version, known, component="tuner", day=kept.reported_on)

    assert (again.outcome, again.cover.last) == (made.outcome, made.covered_until)
    assert trace_json(again.trace) == made.trace[-len(again.trace) :]
    assert {"start_replaced", "suspended", "extended"} <= set(names(made))


# --- granting ------------------------------------------------------------------------------------


def test_what_is_granted_stands_beside_what_was_decided(ready: Desk) -> None:
    made = ready.decide(ready.sold(), cause="liquid")

    ready.grant(made, "goodwill", "long loyal")
    ready.grant(made, "covered", "lab says condensation")

    found = ready.ask(queries.decision_by_ref, made.public_id, EVERYTHING)
    assert (found.outcome, found.effective_outcome) == ("excluded", "covered")
    assert [(row.number, row.outcome, row.reason) for row in found.overrides] == [
        (1, "goodwill", "long loyal"),
        (2, "covered", "lab says condensation"),
    ]


@pytest.mark.parametrize("outcome", ["excluded", "expired", "no_cover", "not_yet"])
def test_neither_dates_nor_what_counts_is_granted(ready: Desk, outcome: str) -> None:
    made = ready.decide(ready.sold(), cause="liquid")

    with pytest.raises(Refused):
        ready.grant(made, outcome)


def test_an_override_needs_its_reason(ready: Desk) -> None:
    made = ready.decide(ready.sold())

    with pytest.raises(Invalid) as refused:
        ready.grant(made, "goodwill", "  ")

    assert list(refused.value.fields) == ["reason"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE warranty_decisions SET outcome = 'covered'",
        "DELETE FROM warranty_decisions",
        "UPDATE warranty_overrides SET reason = 'forged'",
        "DELETE FROM warranty_overrides",
    ],
)
def test_what_was_decided_never_changes(ready: Desk, statement: str) -> None:
    ready.grant(ready.decide(ready.sold()), "goodwill")

    assert "what was decided is never changed" in refused_by(ready.db, statement)


def test_sqlite_refuses_to_replace_a_decision(one: Desk) -> None:
    one.decide(one.sold())

    said = refused_by(
        one.db, "INSERT OR REPLACE INTO warranty_decisions SELECT * FROM warranty_decisions"
    )

    assert "what was decided is never changed" in said


@pytest.mark.parametrize("tables", ["warranty_decisions CASCADE", "policy_versions CASCADE"])
def test_postgresql_refuses_to_empty_what_was_decided(postgresql_db: Database, tables: str) -> None:
    assert "never changed" in refused_by(postgresql_db, f"TRUNCATE {tables}")


@pytest.mark.race
def test_racing_overrides_are_numbered_one_after_the_other(ready: Desk) -> None:
    made = ready.decide(ready.sold(), cause="liquid")

    with ThreadPoolExecutor(8) as pool:
        ends = list(
            pool.map(lambda n: ended(lambda: ready.grant(made, "goodwill", f"by {n}")), range(8))
        )

    found = ready.ask(queries.decision_by_ref, made.public_id, EVERYTHING)
    assert (ends.count("done"), ends.count("Refused")) == (1, 7)
    assert [row.number for row in found.overrides] == [1]


# --- who sees it ---------------------------------------------------------------------------------


def test_a_dealer_decides_on_and_sees_the_boxes_of_its_own_alone(ready: Desk) -> None:
    own, other = ready.sold("SN-1", seller="north"), ready.sold("SN-2", seller="south")
    north = ready.dealer("north")
    made = ready.decide(own, actor=north)
    foreign = ready.decide(other)

    page = ready.ask(
        queries.decisions_page, queries.DecisionFilter(), north.scope, cursor=None, limit=9
    )

    assert [row.id for row in page.rows] == [made.id]
    with pytest.raises(NotFound):
        ready.ask(queries.decision_by_ref, foreign.public_id, north.scope)
    with pytest.raises(NotFound):
        ready.decide(other, actor=north)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 3),
        ({"outcome": "excluded"}, 1),
        ({"overridden": True}, 1),
        ({"overridden": False}, 2),
        ({"policy": "plain"}, 3),
        ({"policy": "other"}, 0),
        ({"subject": "R-1"}, 1),
        ({"text": "SN-0002"}, 1),
        ({"text": "SN-0002", "outcome": "excluded"}, 0),
    ],
)
def test_decisions_are_narrowed(ready: Desk, wanted: dict[str, Any], count: int) -> None:
    first, second = ready.sold("SN-0001"), ready.sold("SN-0002")
    ready.decide(first, subject_ref="R-1")
    ready.grant(ready.decide(first, cause="liquid"), "goodwill")
    ready.decide(second)

    page = ready.ask(
        queries.decisions_page, queries.DecisionFilter(**wanted), EVERYTHING, cursor=None, limit=9
    )

    assert len(page.rows) == count


def test_a_row_without_policy_ends_what_was_assigned(ready: Desk) -> None:
    ready.assign(None, since=SOLD)

    with pytest.raises(Refused):
        ready.decide(ready.sold())
    assert policy_of(ready.decide(ready.sold("SN-2", sold_on=date(2025, 5, 4)))) == ("plain", 1)


def test_deciding_is_audited(ready: Desk) -> None:
    made = ready.decide(ready.sold())

    with ready.db.read() as session:
        row = session.execute(
            text("SELECT verb, subject_ref FROM audit_entries ORDER BY id DESC LIMIT 1")
        ).one()

    assert tuple(row) == ("warranty_decision.make", made.public_id)
    assert decisions.subject_of(made)[2] == "SN-0001"
