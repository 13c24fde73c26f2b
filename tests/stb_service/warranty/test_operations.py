"""Writing, publishing, retiring and assigning policies, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict, DomainError, Invalid, NotFound, Refused
from stb_service.warranty import operations, queries
from stb_service.warranty.models import PolicyAssignment, WarrantyPolicy
from tests.stb_service.warranty.conftest import LONG_AGO, PRESETS, Desk, terms

TODAY, LATER = date(2026, 3, 2), date(2026, 6, 1)


def policy_of(desk: Desk, code: str = "plain") -> WarrantyPolicy:
    found: WarrantyPolicy
    (found,) = [p for p in desk.ask(queries.all_policies) if p.code == code]
    return found


def verbs(desk: Desk, subject: str) -> list[str]:
    with desk.db.read() as session:
        found = select(AuditEntry.verb).where(AuditEntry.subject_label == subject)
        return list(session.scalars(found.order_by(AuditEntry.id)))


def test_a_policy_goes_from_draft_to_published_to_retired(desk: Desk) -> None:
    desk.policy()
    desk.change(operations.write_draft, "plain", title="Better", terms=terms(months=36))
    desk.change(operations.publish, "plain", in_force_from=LONG_AGO)
    desk.change(operations.retire, "plain", retired_on=TODAY, reason="sold out")

    (version,) = policy_of(desk).versions
    assert (version.title, version.terms["months"]) == ("Better", 36)
    assert (version.in_force_from, version.retired_on) == (LONG_AGO, TODAY)
    assert verbs(desk, "plain") == [
        "warranty_policy.create",
        "warranty_policy.draft",
        "warranty_policy.publish",
        "warranty_policy.retire",
    ]


def test_a_new_draft_begins_as_the_newest_version(desk: Desk) -> None:
    desk.in_force()
    desk.change(operations.write_draft, "plain", note="shorter remotes")

    first, second = policy_of(desk).versions
    assert (second.number, second.is_draft, second.terms) == (2, True, first.terms)
    assert (first.note, second.note) == ("", "shorter remotes")


def test_a_draft_that_says_the_same_is_no_change(desk: Desk) -> None:
    desk.policy()

    desk.change(operations.write_draft, "plain", terms=terms())

    assert verbs(desk, "plain") == ["warranty_policy.create"]


def test_a_draft_is_thrown_away_but_not_the_only_one(desk: Desk) -> None:
    desk.in_force()
    desk.change(operations.write_draft, "plain", title="Worse")
    desk.policy("lonely")

    desk.change(operations.discard_draft, "plain")

    assert [v.number for v in policy_of(desk).versions] == [1]
    with pytest.raises(Conflict, match="at all times"):
        desk.change(operations.discard_draft, "lonely")
    with pytest.raises(Conflict, match="no draft"):
        desk.change(operations.discard_draft, "plain")


def test_a_code_is_taken_once(desk: Desk) -> None:
    desk.policy()

    with pytest.raises(Conflict, match="already"):
        desk.policy()


@pytest.mark.parametrize("code", PRESETS)
def test_a_preset_is_loaded_once_and_waits_for_a_lawyer(desk: Desk, code: str) -> None:
    desk.do(operations.load_preset, preset=code)
    waiting = policy_of(desk, code).newest.needs_check
    desk.change(operations.publish, code, in_force_from=LONG_AGO, checked_by="Dr Lex")

    assert (waiting, policy_of(desk, code).newest.needs_check) == (True, False)
    with pytest.raises(Conflict):
        desk.do(operations.load_preset, preset=code)


def test_an_unknown_preset_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.do(operations.load_preset, preset="nowhere")


def test_a_preset_that_is_written_anew_needs_its_check_anew(desk: Desk) -> None:
    desk.do(operations.load_preset, preset="eu-consumer")
    desk.change(operations.publish, "eu-consumer", in_force_from=LONG_AGO, checked_by="Dr Lex")
    desk.change(operations.write_draft, "eu-consumer", terms=terms())

    assert [v.needs_check for v in policy_of(desk, "eu-consumer").versions] == [False, True]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"starts": [{"basis": "rumour"}]}, "terms.starts.0.basis"),
        ({"components": {"psu": -1}}, "terms.components.psu.value"),
        ({"components": {"engine": 6}}, "terms.components"),
        ({"repairs": {"tail_days": 9999}}, "terms.repairs.tail_days"),
        ({"excluded": ["firmware"]}, "terms.excluded.0"),
        ({"tenures": []}, "terms.tenures"),
    ],
)
def test_terms_that_are_none_are_refused_at_their_place(
    desk: Desk, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(Invalid) as refused:
        desk.policy(**change)

    assert list(refused.value.fields) == [place]


def test_the_draft_says_what_it_takes_away(desk: Desk) -> None:
    desk.in_force()
    desk.change(operations.write_draft, "plain", terms=terms(months=12, doa_days=0))

    with desk.db.read() as session:
        policy = queries.policy_by_ref(session, policy_of(desk).public_id)
        warnings = [str(warning) for warning in policy.newest.warnings]
        former = policy.versions[0].warnings

    assert warnings == ["The box: 12 months, not 24.", "Fewer days of dead on arrival."]
    assert former == []


# --- assignments ---------------------------------------------------------------------------------


def test_an_assignment_of_the_same_day_takes_the_place_of_the_one_before(desk: Desk) -> None:
    desk.in_force()
    desk.in_force("other")

    first = desk.assign("plain", model="AUR-1")
    second = desk.assign("other", model="AUR-1")
    third = desk.assign("other", model="AUR-1", since=LATER)

    assert (first.public_id == second.public_id, second.public_id == third.public_id) == (
        True,
        False,
    )
    with desk.db.read() as session:
        rows = session.scalars(select(PolicyAssignment)).all()
        assert [row.policy.code for row in rows if row.policy] == ["other", "other"]


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"model": "NONE"}, "model"),
        ({"seller": "nobody"}, "seller"),
        ({"tenure": "stolen"}, "tenure"),
    ],
)
def test_an_assignment_names_what_there_is(desk: Desk, named: dict[str, Any], field: str) -> None:
    desk.in_force()

    with pytest.raises(Invalid) as refused:
        desk.assign("plain", **named)

    assert list(refused.value.fields) == [field]


def test_what_is_assigned_so_already_is_refused(desk: Desk) -> None:
    desk.in_force()
    desk.assign("plain")

    with pytest.raises(Invalid, match="already"):
        desk.assign("plain")


# --- what the database refuses -------------------------------------------------------------------


def refused_by(db: Database, statement: str) -> str:
    """Return what the database says to a statement past the service."""
    with (
        pytest.raises(DBAPIError) as refused,
        db.engine.execution_options(writes=True).begin() as connection,
    ):
        connection.execute(text(statement))
    return str(refused.value.orig)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policy_versions SET terms = '{}'",
        "UPDATE policy_versions SET title = 'forged'",
        "UPDATE policy_versions SET in_force_from = '2000-01-01'",
        "UPDATE policy_versions SET published_at = NULL, in_force_from = NULL",
        "UPDATE policy_versions SET checked_by = 'me'",
        "DELETE FROM policy_versions",
    ],
)
def test_a_published_version_never_changes(desk: Desk, statement: str) -> None:
    desk.in_force()

    said = refused_by(desk.db, statement)

    assert "a version that was published is never changed" in said


def test_a_version_is_retired_once(desk: Desk) -> None:
    desk.in_force()
    desk.change(operations.retire, "plain", retired_on=LATER)

    with pytest.raises(Refused, match="retired already"):
        desk.change(operations.retire, "plain", retired_on=LATER)
    said = refused_by(desk.db, "UPDATE policy_versions SET retired_on = '2027-01-01'")
    assert "a version that was published is never changed" in said


def test_a_draft_may_change_past_the_service(desk: Desk) -> None:
    desk.policy()

    with desk.db.write() as session:
        session.execute(text("UPDATE policy_versions SET title = 'mended'"))

    assert policy_of(desk).newest.title == "mended"


def test_two_rows_for_one_day_and_a_key_that_lies_are_refused(desk: Desk) -> None:
    desk.in_force()
    desk.assign("plain")
    again = (
        "INSERT INTO warranty_assignments (key, from_on, assigned_at, assigned_by, public_id, "
        "row_version) SELECT {key}, from_on, assigned_at, assigned_by, 'other', 1 "
        "FROM warranty_assignments"
    )

    assert "unique" in refused_by(desk.db, again.format(key="key")).lower()
    assert "check" in refused_by(desk.db, again.format(key="'1/0/'")).lower()


# --- races ---------------------------------------------------------------------------------------


def raced(count: int, act: Callable[[int], Any]) -> list[str]:
    """Return how each of several who act at once ended: done, or the kind of the refusal."""

    def one(number: int) -> str:
        try:
            act(number)
        except (DomainError, DBAPIError) as refusal:
            return type(refusal).__name__
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.race
def test_a_draft_is_published_once(desk: Desk) -> None:
    desk.policy()

    def publish(number: int) -> None:
        day = date(2026, 4, 1 + number)
        desk.change(operations.publish, "plain", in_force_from=day)

    ends = raced(8, publish)

    assert (ends.count("done"), set(ends)) == (1, {"done", "Refused"})
    assert len(policy_of(desk).published) == 1


@pytest.mark.race
def test_racing_drafts_are_one_draft(desk: Desk) -> None:
    desk.in_force()

    ends = raced(8, lambda n: desk.change(operations.write_draft, "plain", title=f"By number {n}"))

    assert ends == ["done"] * 8
    assert [v.number for v in policy_of(desk).versions] == [1, 2]
