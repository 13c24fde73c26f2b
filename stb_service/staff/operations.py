"""Verbs on people, roles, organisations, sign-ins and tokens."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from stb_service.shared import audit
from stb_service.shared.access import ADMINISTRATOR, ROLE_NAMES, Actor, builtin_verbs
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.staff import queries
from stb_service.staff.models import ApiToken, Organisation, Person, Role, RoleVerb, StaffSession
from stb_service.staff.rules import (
    TOKEN_PREFIX,
    OrganisationKind,
    after_failure,
    digest,
    is_locked,
    new_secret,
    password_problems,
    person_problems,
    role_problems,
)

_hasher = PasswordHasher()  # argon2id, RFC 9106 second recommended option
SEEN_STEP = timedelta(minutes=1)


def subject_of(row: Person | Role | Organisation | ApiToken) -> tuple[str, str, str]:
    """Return what the audit calls a row of this room."""
    label = row.username if isinstance(row, Person) else row.name
    return type(row).__name__.lower(), row.public_id, label


def install_builtin_roles(session: Session) -> None:
    """Make the built-in roles equal to the table in `shared.access`; added roles stay."""
    for name, label in ROLE_NAMES.items():
        role = session.scalar(select(Role).where(Role.name == name))
        if role is None:
            role = Role(name=name, label=label.msgid, is_builtin=True)
            session.add(role)
        _set_verbs(role, builtin_verbs(name))
    session.flush()


def _set_verbs(role: Role, verbs: Collection[str]) -> None:
    held = {granted.verb: granted for granted in role.verbs}
    for verb in set(held) - set(verbs):
        role.verbs.remove(held[verb])
    for verb in sorted(set(verbs) - set(held)):
        role.verbs.append(RoleVerb(verb=verb))


def create_role(
    session: Session, *, name: str, label: str, verbs: Collection[str], actor: Actor, now: datetime
) -> Role:
    """Add a role beside the built-in ones.

    Raises:
        Invalid: the name or a verb is not acceptable.
        Conflict: the name is taken.
    """
    if problems := role_problems(name, verbs):
        raise Invalid(fields=problems)
    if session.scalar(select(Role.id).where(Role.name == name)) is not None:
        raise Conflict(text("There is a role %(name)s already.", name=name))
    role = Role(name=name, label=label, is_builtin=False)
    _set_verbs(role, verbs)
    session.add(role)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="role.create",
        subject=subject_of(role),
        changes={"label": label, "verbs": sorted(verbs)},
        now=now,
    )
    return role


def change_role(
    session: Session, *, name: str, label: str, verbs: Collection[str], actor: Actor, now: datetime
) -> Role:
    """Change an added role.

    Raises:
        NotFound: there is none of this name.
        Conflict: it is built in.
        Invalid: a verb is unknown.
    """
    role = queries.role_by_name(session, name)
    if role.is_builtin:
        raise Conflict(text("A built-in role cannot be changed; add a role of your own."))
    if problems := role_problems(name, verbs):
        raise Invalid(fields=problems)
    before = sorted(granted.verb for granted in role.verbs)
    changes = audit.apply_changes(role, {"label": label})
    if before != sorted(verbs):
        changes["verbs"] = [before, sorted(verbs)]
        _set_verbs(role, verbs)
        flag_modified(role, "label")  # the row's version stands for its verbs too
    audit.record(
        session, actor=actor, verb="role.change", subject=subject_of(role), changes=changes, now=now
    )
    return role


def create_organisation(
    session: Session, *, code: str, name: str, kind: str, actor: Actor, now: datetime
) -> Organisation:
    """Add an organisation.

    Raises:
        Invalid: the kind is unknown.
        Conflict: the code is taken, or there is an operator already.
    """
    if kind not in set(OrganisationKind):
        raise Invalid.field("kind", text("One of: %(names)s", names=", ".join(OrganisationKind)))
    if session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None:
        raise Conflict(text("There is an organisation %(code)s already.", code=code))
    if kind == OrganisationKind.OPERATOR and queries.operator(session) is not None:
        raise Conflict(text("There is one operator only."))
    row = Organisation(code=code, name=name, kind=kind, created_at=now)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="organisation.create",
        subject=subject_of(row),
        changes={"code": code, "name": name, "kind": kind},
        now=now,
    )
    return row


def change_organisation(
    session: Session, *, organisation: Organisation, actor: Actor, now: datetime, **fields: str
) -> Organisation:
    """Change the name, address, phone or mail of an organisation; what is left out stays."""
    changes = audit.apply_changes(organisation, fields)
    if changes:
        audit.record(
            session,
            actor=actor,
            verb="organisation.change",
            subject=subject_of(organisation),
            changes=changes,
            now=now,
        )
    return organisation


def create_person(
    session: Session,
    *,
    username: str,
    name: str,
    password: str | NewPassword,
    organisation: Organisation,
    role: str,
    actor: Actor,
    now: datetime,
    email: str | None = None,
    language: str | None = None,
    timezone: str | None = None,
    must_change_password: bool = True,
) -> Person:
    """Add a person who may sign in.

    Raises:
        Invalid: a field or the password is not acceptable.
        Conflict: the user name is taken.
        NotFound: there is no such role.
    """
    username = username.strip().lower()
    problems = person_problems(username=username, language=language, timezone=timezone)
    wanted = _hashed(password, username)
    if wanted.problems:
        problems["password"] = list(wanted.problems)
    if problems:
        raise Invalid(fields=problems)
    if queries.person_by_username(session, username) is not None:
        raise Conflict(text("There is a person %(name)s already.", name=username))
    person = Person(
        username=username,
        name=name,
        email=email,
        password_hash=wanted.hash,
        organisation=organisation,
        role=queries.role_by_name(session, role),
        language=language,
        timezone=timezone,
        must_change_password=must_change_password,
        created_at=now,
        password_changed_at=now,
    )
    session.add(person)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="person.create",
        subject=subject_of(person),
        changes={"name": name, "role": role, "organisation": organisation.code},
        now=now,
    )
    return person


def change_person(
    session: Session,
    *,
    person: Person,
    name: str,
    email: str | None,
    role: str,
    organisation: Organisation,
    is_active: bool,
    actor: Actor,
    now: datetime,
) -> Person:
    """Change a person; one who is no longer active is signed out everywhere.

    Raises:
        Conflict: the operator's last active administrator would be lost.
        NotFound: there is no such role.
    """
    former = person.role.name
    new_role = queries.role_by_name(session, role)
    stays = role == former and is_active and organisation is person.organisation
    if former == ADMINISTRATOR and not stays:
        _keep_an_administrator(session, person)
    new = {"name": name, "email": email, "is_active": is_active}
    changes = audit.apply_changes(person, new)
    if new_role is not person.role:
        changes["role"] = [former, role]
    if organisation is not person.organisation:
        changes["organisation"] = [person.organisation.code, organisation.code]
    person.role, person.organisation = new_role, organisation
    audit.record(
        session,
        actor=actor,
        verb="person.change",
        subject=subject_of(person),
        changes=changes,
        now=now,
    )
    if not is_active:
        end_sessions(session, person=person, actor=actor, now=now)
    return person


def _keep_an_administrator(session: Session, person: Person) -> None:
    """Refuse to lose the operator's last one; a dealer's administrator could not add another."""
    if person.organisation.kind != OrganisationKind.OPERATOR:
        return
    others = session.scalar(
        select(func.count())
        .select_from(Person)
        .join(Role)
        .join(Organisation)
        .where(
            Role.name == ADMINISTRATOR,
            Organisation.kind == OrganisationKind.OPERATOR,
            Person.is_active,
            Person.id != person.id,
        )
    )
    if not others:
        raise Conflict(text("The last active administrator cannot be taken away."))


def change_own_settings(
    session: Session,
    *,
    person: Person,
    name: str,
    email: str | None,
    language: str | None,
    timezone: str | None,
    theme: str,
    actor: Actor,
    now: datetime,
) -> Person:
    """Change what a person decides for themselves.

    Raises:
        Invalid: the language or time zone is unknown.
    """
    problems = person_problems(username=person.username, language=language, timezone=timezone)
    if problems:
        raise Invalid(fields=problems)
    new = {"name": name, "email": email, "language": language, "timezone": timezone, "theme": theme}
    changes = audit.apply_changes(person, new)
    audit.record(
        session,
        actor=actor,
        verb="person.settings",
        subject=subject_of(person),
        changes=changes,
        now=now,
    )
    return person


@dataclass(frozen=True)
class NewPassword:
    """A password that somebody is to have, hashed before the unit of work that stores it.

    Hashing is slow on purpose; SQLite's one writer must not wait for it. `hash` is empty
    where there are problems.
    """

    hash: str
    problems: tuple[Text, ...] = ()


@dataclass(frozen=True)
class PasswordCheck:
    """What came of a password and a stored hash, before the unit of work that asks.

    `renewed` is the hash of today's cost, where the stored one is weaker.
    """

    stored: str | None
    holds: bool
    renewed: str | None = None

    def is_for(self, person: Person) -> bool:
        """Tell whether it was the password, and still is."""
        return self.holds and person.password_hash == self.stored


def new_password(password: str, *, username: str) -> NewPassword:
    """Judge and hash a password; takes long, so it comes before a unit of work that writes."""
    if problems := password_problems(password, username=username):
        return NewPassword("", tuple(problems))
    return NewPassword(_hasher.hash(password))


def check_password(stored: str | None, password: str) -> PasswordCheck:
    """Hold a password against a stored hash, or for as long against one that nobody has (None)."""
    matches = _matches(stored or _nobodys(), password)
    holds = matches and stored is not None
    weak = holds and stored is not None and _hasher.check_needs_rehash(stored)
    return PasswordCheck(stored, holds, _hasher.hash(password) if weak else None)


@functools.cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hashed(password: str | NewPassword, person_name: str) -> NewPassword:
    return new_password(password, username=person_name) if isinstance(password, str) else password


def sign_in(
    session: Session,
    *,
    username: str,
    password: str | PasswordCheck,
    address: str,
    agent: str,
    longest: timedelta,
    now: datetime,
) -> tuple[Person | None, str]:
    """Open a session for a password that was checked; return the person and the session's secret.

    A refusal returns (None, "wrong") instead of raising, since the count of failures must be kept.
    It is the same for a wrong password, a locked account and an unknown name, and each
    costs one write, so that neither words nor time tell which names exist.
    """
    person = queries.person_by_username(session, username)
    if isinstance(password, str):
        password = check_password(person.password_hash if person else None, password)
    if person is not None:
        lock_row(session, Person, person.id)
    if person is None or is_locked(person.locked_until, now):
        _write_nothing(session)
        return None, "wrong"
    if not password.is_for(person) or not person.is_active:
        count_failure(session, person=person, now=now)
        return None, "wrong"
    person.failures, person.locked_until = 0, None
    person.password_hash = password.renewed or person.password_hash
    secret = new_secret()
    session.add(
        StaffSession(
            digest=digest(secret),
            person_id=person.id,
            created_at=now,
            seen_at=now,
            expires_at=now + longest,
            address=address[:45],
            agent=agent[:200],
        )
    )
    _record_own(session, person, "person.sign-in", now)
    session.flush()
    return person, secret


def _write_nothing(session: Session) -> None:
    """Write as a counted failure does, and change nothing."""
    session.execute(update(Role).where(Role.name == ADMINISTRATOR).values(label=Role.label))


def count_failure(session: Session, *, person: Person, now: datetime) -> None:
    """Count a wrong password, and lock the account when there were too many."""
    person.failures, person.locked_until = after_failure(person.failures, now)
    _record_own(session, person, "person.sign-in-refused", now)
    if person.locked_until is not None:
        session.flush()  # the lock comes after the refusal
        _record_own(session, person, "person.lock", now, locked_until=person.locked_until)


def _record_own(
    session: Session, person: Person, verb: str, now: datetime, **changes: object
) -> None:
    actor = Actor("person", person.public_id, person.username)
    subject = subject_of(person)
    audit.record(session, actor=actor, verb=verb, subject=subject, changes=changes, now=now)


def sign_out(session: Session, *, secret: str, now: datetime) -> None:
    """End the session of a cookie."""
    mine = StaffSession.digest == digest(secret)
    owner = session.scalar(delete(StaffSession).where(mine).returning(StaffSession.person_id))
    if owner is not None:
        _record_own(session, session.get_one(Person, owner), "person.sign-out", now)


def end_sessions(
    session: Session,
    *,
    person: Person,
    actor: Actor,
    now: datetime,
    only: str | None = None,
    except_secret: str | None = None,
) -> int:
    """Sign a person out everywhere, `only` of one session (a public id), or of all but one.

    Return how many sign-ins have ended.
    """
    statement = delete(StaffSession).where(StaffSession.person_id == person.id)
    if only is not None:
        statement = statement.where(StaffSession.public_id == only)
    if except_secret is not None:
        statement = statement.where(StaffSession.digest != digest(except_secret))
    ended = len(session.scalars(statement.returning(StaffSession.id)).all())
    if ended:
        audit.record(
            session,
            actor=actor,
            verb="person.sessions-end",
            subject=subject_of(person),
            changes={"sessions": ended},
            now=now,
        )
    return ended


def mark_seen(session: Session, *, secret: str, now: datetime) -> None:
    """Prolong a session, at most once a minute."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.digest == digest(secret), StaffSession.seen_at < now - SEEN_STEP)
        .values(seen_at=now)
    )


def change_password(
    session: Session,
    *,
    person: Person,
    old: str | PasswordCheck,
    new: str | NewPassword,
    keep_secret: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change the own password and end all other sessions; API tokens stay.

    Raises:
        Invalid: the old password is wrong, or the new one not acceptable.
    """
    check = check_password(person.password_hash, old) if isinstance(old, str) else old
    if not check.is_for(person):
        raise Invalid.field("old", text("The present password is wrong."))
    wanted = _hashed(new, person.username)
    if wanted.problems:
        raise Invalid(fields={"new": wanted.problems})
    set_password(
        session,
        person=person,
        password=wanted,
        must_change=False,
        actor=actor,
        now=now,
        keep_secret=keep_secret,
    )


def set_password(
    session: Session,
    *,
    person: Person,
    password: str | NewPassword,
    must_change: bool,
    actor: Actor,
    now: datetime,
    keep_secret: str | None = None,
) -> None:
    """Give a person another password and end their sessions.

    One that was given, and so must be changed, also revokes the person's API tokens: whoever
    had the old password may have made some.

    Raises:
        Invalid: it is not acceptable.
    """
    wanted = _hashed(password, person.username)
    if wanted.problems:
        raise Invalid(fields={"password": wanted.problems})
    person.password_hash = wanted.hash
    person.password_changed_at = now
    person.must_change_password = must_change
    person.failures, person.locked_until = 0, None
    audit.record(session, actor=actor, verb="person.password", subject=subject_of(person), now=now)
    end_sessions(session, person=person, except_secret=keep_secret, actor=actor, now=now)
    if must_change:
        for token in queries.tokens_of(session, person):
            revoke_token(session, token=token, actor=actor, now=now)


def create_token(
    session: Session, *, person: Person, name: str, days: int, actor: Actor, now: datetime
) -> tuple[ApiToken, str]:
    """Make an API token for a person; return it with its secret, which is never shown again.

    Raises:
        Invalid: the name is empty or the days are not 1 to 730.
    """
    if not name.strip():
        raise Invalid.field("name", text("A token needs a name."))
    if not 1 <= days <= 730:
        raise Invalid.field("days", text("Between 1 and 730 days."))
    secret = TOKEN_PREFIX + new_secret()
    token = ApiToken(
        name=name.strip()[:64],
        digest=digest(secret),
        hint=secret[:8],
        person_id=person.id,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="token.create",
        subject=("token", token.public_id, token.name),
        changes={"person": person.username, "expires_at": token.expires_at},
        now=now,
    )
    return token, secret


def revoke_token(session: Session, *, token: ApiToken, actor: Actor, now: datetime) -> None:
    """End a token. Doing it twice changes nothing."""
    if token.revoked_at is not None:
        return
    token.revoked_at = now
    audit.record(
        session,
        actor=actor,
        verb="token.revoke",
        subject=("token", token.public_id, token.name),
        now=now,
    )


def mark_token_used(session: Session, *, token_id: int, now: datetime) -> None:
    """Remember when a token was last used, at most once a minute."""
    session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            or_(ApiToken.used_on.is_(None), ApiToken.used_on <= now - SEEN_STEP),
        )
        .values(used_on=now)
    )


def forget_expired(session: Session, *, now: datetime) -> None:
    """Remove sessions that are over."""
    session.execute(delete(StaffSession).where(StaffSession.expires_at < now))
