"""Sign-in, sessions, passwords, tokens, roles."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from stb_service.shared.access import (
    EVERYTHING,
    ROLE_NAMES,
    VERBS,
    Actor,
    allowed_verbs,
    builtin_verbs,
)
from stb_service.shared.errors import Conflict, Invalid
from stb_service.staff import operations, queries
from stb_service.staff.models import Person
from stb_service.staff.rules import FAILURES_BEFORE_LOCK, LOCKED_FOR

PASSWORD = "correct horse battery staple"
SECOND = timedelta(seconds=1)
IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)


def try_password(
    session: Session, now: datetime, password: str = PASSWORD, username: str = "ann"
) -> tuple[Person | None, str]:
    return operations.sign_in(
        session,
        username=username,
        password=password,
        address="192.0.2.1",
        agent="test",
        longest=LONGEST,
        now=now,
    )


def fail(session: Session, now: datetime, times: int) -> None:
    for _ in range(times):
        try_password(session, now, "wrong password")


def signed_in(session: Session, now: datetime) -> str:
    person, secret = try_password(session, now)
    assert person is not None
    return secret


def alive(session: Session, secret: str, now: datetime) -> bool:
    return queries.session_by_secret(session, secret, now=now, idle=IDLE) is not None


class TestLockOut:
    @pytest.mark.parametrize(
        ("failures", "outcome"),
        [
            (FAILURES_BEFORE_LOCK - 1, True),
            (FAILURES_BEFORE_LOCK, False),
            (FAILURES_BEFORE_LOCK + 1, False),
        ],
    )
    def test_an_account_is_locked_by_so_many_wrong_passwords(
        self, session: Session, ann: Person, now: datetime, failures: int, outcome: bool
    ) -> None:
        fail(session, now, failures)
        assert (try_password(session, now)[0] is not None) is outcome

    @pytest.mark.parametrize(
        ("later", "outcome"),
        [(LOCKED_FOR - SECOND, False), (LOCKED_FOR, True), (LOCKED_FOR + SECOND, True)],
    )
    def test_the_lock_ends(
        self, session: Session, ann: Person, now: datetime, later: timedelta, outcome: bool
    ) -> None:
        fail(session, now, FAILURES_BEFORE_LOCK)
        assert (try_password(session, now + later)[0] is not None) is outcome

    def test_a_success_forgets_earlier_failures(
        self, session: Session, ann: Person, now: datetime
    ) -> None:
        fail(session, now, FAILURES_BEFORE_LOCK - 1)
        signed_in(session, now)
        fail(session, now, FAILURES_BEFORE_LOCK - 1)
        assert try_password(session, now)[0] is not None

    def test_an_unknown_name_is_refused_like_a_wrong_password(
        self, session: Session, ann: Person, now: datetime
    ) -> None:
        unknown = try_password(session, now, username="nobody")
        assert unknown == try_password(session, now, "wrong password") == (None, "wrong")

    def test_an_administrators_new_password_lifts_the_lock(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        fail(session, now, FAILURES_BEFORE_LOCK)
        operations.set_password(
            session,
            person=ann,
            password="another fine password",
            must_change=True,
            actor=actor,
            now=now,
        )
        assert try_password(session, now, "another fine password")[0] is not None


class TestSessions:
    @pytest.mark.parametrize(
        ("later", "outcome"), [(IDLE - SECOND, True), (IDLE, False), (IDLE + SECOND, False)]
    )
    def test_a_session_dies_of_idleness(
        self, session: Session, ann: Person, now: datetime, later: timedelta, outcome: bool
    ) -> None:
        secret = signed_in(session, now)
        assert alive(session, secret, now + later) is outcome

    @pytest.mark.parametrize(
        ("later", "outcome"),
        [(LONGEST - SECOND, True), (LONGEST, False), (LONGEST + SECOND, False)],
    )
    def test_a_busy_session_ends_too(
        self, session: Session, ann: Person, now: datetime, later: timedelta, outcome: bool
    ) -> None:
        secret = signed_in(session, now)
        operations.mark_seen(session, secret=secret, now=now + LONGEST - 2 * SECOND)
        assert alive(session, secret, now + later) is outcome

    def test_being_seen_is_written_once_a_minute(
        self, session: Session, ann: Person, now: datetime
    ) -> None:
        secret = signed_in(session, now)
        operations.mark_seen(session, secret=secret, now=now + timedelta(seconds=60))
        operations.mark_seen(session, secret=secret, now=now + timedelta(seconds=61))
        operations.mark_seen(session, secret=secret, now=now + timedelta(seconds=100))
        found = queries.session_by_secret(session, secret, now=now, idle=IDLE)
        assert found is not None
        assert found.seen_at == now + timedelta(seconds=61)

    def test_an_own_new_password_ends_the_other_sessions(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        here, elsewhere = signed_in(session, now), signed_in(session, now)
        operations.change_password(
            session,
            person=ann,
            old=PASSWORD,
            new="another fine password",
            keep_secret=here,
            actor=actor,
            now=now,
        )
        assert (alive(session, here, now), alive(session, elsewhere, now)) == (True, False)

    def test_a_wrong_old_password_changes_nothing(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        with pytest.raises(Invalid):
            operations.change_password(
                session,
                person=ann,
                old="wrong password",
                new="another fine password",
                keep_secret=None,
                actor=actor,
                now=now,
            )
        assert try_password(session, now)[0] is ann


class TestTokens:
    @pytest.mark.parametrize(
        ("later", "outcome"), [(-SECOND, True), (0 * SECOND, False), (SECOND, False)]
    )
    def test_a_token_expires(
        self,
        session: Session,
        ann: Person,
        actor: Actor,
        now: datetime,
        later: timedelta,
        outcome: bool,
    ) -> None:
        token, secret = operations.create_token(
            session, person=ann, name="script", days=30, actor=actor, now=now
        )
        found = queries.token_by_secret(session, secret, now=now + timedelta(days=30) + later)
        assert (found is token) is outcome

    def test_a_revoked_token_is_dead(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        token, secret = operations.create_token(
            session, person=ann, name="script", days=30, actor=actor, now=now
        )
        operations.revoke_token(session, token=token, actor=actor, now=now)
        assert queries.token_by_secret(session, secret, now=now) is None

    @pytest.mark.parametrize(
        ("days", "accepted"), [(0, False), (1, True), (730, True), (731, False)]
    )
    def test_a_token_lives_one_day_to_two_years(
        self,
        session: Session,
        ann: Person,
        actor: Actor,
        now: datetime,
        days: int,
        accepted: bool,
    ) -> None:
        try:
            operations.create_token(
                session, person=ann, name="script", days=days, actor=actor, now=now
            )
        except Invalid:
            assert not accepted
        else:
            assert accepted

    def test_the_secret_is_not_kept(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        token, secret = operations.create_token(
            session, person=ann, name="script", days=30, actor=actor, now=now
        )
        assert secret not in {str(value) for value in vars(token).values()}
        assert secret.startswith(token.hint)
        assert len(token.hint) < len(secret) / 4


def changed(session: Session, person: Person, actor: Actor, now: datetime, **new: object) -> None:
    values = {
        "name": person.name,
        "email": person.email,
        "role": person.role.name,
        "organisation": person.organisation,
        "is_active": True,
    }
    operations.change_person(
        session,
        person=person,
        actor=actor,
        now=now,
        **{**values, **new},  # type: ignore[arg-type]
    )


def second_administrator(session: Session, ann: Person, actor: Actor, now: datetime) -> Person:
    return operations.create_person(
        session,
        username="second",
        name="Second",
        password=PASSWORD,
        organisation=ann.organisation,
        role="administrator",
        actor=actor,
        now=now,
    )


class TestPeople:
    def test_a_dealers_administrator_does_not_count_as_one(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        dealer = operations.create_organisation(
            session, code="dealer", name="Dealer", kind="dealer", actor=actor, now=now
        )
        with pytest.raises(Conflict):
            changed(session, ann, actor, now, organisation=dealer)
        moved = second_administrator(session, ann, actor, now)
        changed(session, moved, actor, now, organisation=dealer)
        with pytest.raises(Conflict):
            changed(session, ann, actor, now, is_active=False)

    @pytest.mark.parametrize("loss", [{"role": "viewer"}, {"is_active": False}])
    def test_the_last_administrator_is_kept(
        self,
        session: Session,
        ann: Person,
        actor: Actor,
        now: datetime,
        loss: dict[str, object],
    ) -> None:
        with pytest.raises(Conflict):
            changed(session, ann, actor, now, **loss)
        second_administrator(session, ann, actor, now)
        changed(session, ann, actor, now, **loss)

    def test_who_is_deactivated_is_signed_out(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        bob = operations.create_person(
            session,
            username="bob",
            name="Bob",
            password=PASSWORD,
            organisation=ann.organisation,
            role="viewer",
            actor=actor,
            now=now,
        )
        person, secret = try_password(session, now, username="bob")
        assert person is bob
        changed(session, bob, actor, now, is_active=False)
        assert not alive(session, secret, now)
        assert try_password(session, now, username="bob") == (None, "wrong")

    def test_a_dealers_administrator_holds_no_verb_of_the_operator(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        dealer = operations.create_organisation(
            session, code="dealer", name="Dealer", kind="dealer", actor=actor, now=now
        )
        second_administrator(session, ann, actor, now)
        changed(session, ann, actor, now, organisation=dealer)
        session.flush()
        acting = queries.actor_of(ann)
        assert acting.organisation_id == dealer.id
        assert {verb for verb in acting.verbs if VERBS[verb].operator_only} == set()
        assert "devices.view" in acting.verbs


class TestRoles:
    @pytest.mark.parametrize("name", list(ROLE_NAMES))
    def test_the_built_in_roles_are_the_table(
        self, session: Session, ann: Person, name: str
    ) -> None:
        role = queries.role_by_name(session, name)
        assert {granted.verb for granted in role.verbs} == builtin_verbs(name)

    def test_installing_them_again_gives_back_what_was_lost(
        self, session: Session, ann: Person
    ) -> None:
        role = queries.role_by_name(session, "agent")
        role.verbs.clear()
        session.flush()
        operations.install_builtin_roles(session)
        assert {granted.verb for granted in role.verbs} == builtin_verbs("agent")

    def test_an_added_role_allows_what_it_names(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        role = operations.create_role(
            session,
            name="night_shift",
            label="Night",
            verbs=["self.use", "staff.view"],
            actor=actor,
            now=now,
        )
        granted = {row.verb for row in role.verbs}
        assert allowed_verbs(granted, of_operator=True) == {"self.use", "staff.view"}
        assert allowed_verbs(granted, of_operator=False) == {"self.use"}

    @pytest.mark.parametrize(
        ("name", "verbs", "field"),
        [("Night", ["self.use"], "name"), ("agent", [], "name"), ("night", ["no.verb"], "verbs")],
    )
    def test_a_role_that_makes_no_sense_is_refused(
        self,
        session: Session,
        ann: Person,
        actor: Actor,
        now: datetime,
        name: str,
        verbs: list[str],
        field: str,
    ) -> None:
        with pytest.raises(Invalid) as refusal:
            operations.create_role(session, name=name, label="x", verbs=verbs, actor=actor, now=now)
        assert set(refusal.value.fields) == {field}

    def test_the_version_of_a_role_moves_with_its_verbs(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        role = operations.create_role(
            session, name="night", label="Night", verbs=["self.use"], actor=actor, now=now
        )
        before = role.row_version
        operations.change_role(
            session, name="night", label="Night", verbs=["jobs.view"], actor=actor, now=now
        )
        session.flush()
        assert role.row_version == before + 1

    def test_a_built_in_role_cannot_be_changed(
        self, session: Session, ann: Person, actor: Actor, now: datetime
    ) -> None:
        with pytest.raises(Conflict):
            operations.change_role(
                session, name="agent", label="Agent", verbs=[], actor=actor, now=now
            )


def test_there_is_one_operator(session: Session, ann: Person, actor: Actor, now: datetime) -> None:
    with pytest.raises(Conflict):
        operations.create_organisation(
            session, code="second", name="Second", kind="operator", actor=actor, now=now
        )
    assert [found.code for found in queries.organisations(session, EVERYTHING)] == ["operator"]
