"""Reads about people, roles and organisations, and who a session or token belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor, Scope, allowed_verbs
from stb_service.shared.db import once
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page
from stb_service.staff.models import ApiToken, Organisation, Person, Role, StaffSession
from stb_service.staff.rules import OrganisationKind, digest


def actor_of(person: Person, token: ApiToken | None = None) -> Actor:
    """Return what a person may do, and where; by the token they act through, if any."""
    of_operator = person.organisation.kind == OrganisationKind.OPERATOR
    return Actor(
        kind="person",
        ref=person.public_id,
        label=person.username,
        verbs=allowed_verbs(
            {granted.verb for granted in person.role.verbs}, of_operator=of_operator
        ),
        organisation_id=None if of_operator else person.organisation_id,
        language=person.language,
        timezone=person.timezone,
        token_ref=token.public_id if token else None,
        token_label=token.name if token else None,
    )


def session_by_secret(
    session: Session, secret: str, *, now: datetime, idle: timedelta
) -> StaffSession | None:
    """Return the living sign-in of a cookie, or None."""
    found = session.scalar(select(StaffSession).where(StaffSession.digest == digest(secret)))
    if found is None or not found.person.is_active:
        return None
    if now >= found.expires_at or now - found.seen_at >= idle:
        return None
    return found


def token_by_secret(session: Session, secret: str, *, now: datetime) -> ApiToken | None:
    """Return the living token of a secret, or None."""
    found = session.scalar(select(ApiToken).where(ApiToken.digest == digest(secret)))
    if found is None or found.revoked_at is not None or now >= found.expires_at:
        return None
    return found if found.person.is_active else None


def person_by_username(session: Session, username: str) -> Person | None:
    """Return the person who signs in with this name."""
    return session.scalar(select(Person).where(Person.username == username.strip().lower()))


def person_by_ref(session: Session, ref: str, scope: Scope) -> Person:
    """Return a person of the scope.

    Raises:
        NotFound: there is none.
    """
    statement = select(Person).where(Person.public_id == ref)
    if not scope.is_everything:
        statement = statement.where(Person.organisation_id == scope.organisation_id)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(text("There is no such person."))
    return found


def people_page(session: Session, scope: Scope, *, cursor: str | None, limit: int) -> Page[Person]:
    """Return people by user name."""
    statement = select(Person)
    if not scope.is_everything:
        statement = statement.where(Person.organisation_id == scope.organisation_id)
    return keyset_page(
        session, statement, order=[(Person.username, False)], cursor=cursor, limit=limit
    )


def roles(session: Session) -> Sequence[Role]:
    """Return all roles, built-in ones first."""
    return session.scalars(select(Role).order_by(Role.is_builtin.desc(), Role.name)).all()


def role_by_name(session: Session, name: str) -> Role:
    """Return a role.

    Raises:
        NotFound: there is none of this name.
    """
    found = session.scalar(select(Role).where(Role.name == name))
    if found is None:
        raise NotFound(text("There is no role %(name)s.", name=name))
    return found


@once
def organisations(session: Session, scope: Scope) -> Sequence[Organisation]:
    """Return the organisations of the scope, the operator first."""
    statement = select(Organisation).order_by(Organisation.kind != "operator", Organisation.name)
    if not scope.is_everything:
        statement = statement.where(Organisation.id == scope.organisation_id)
    return session.scalars(statement).all()


def organisation_by_ref(session: Session, ref: str, scope: Scope) -> Organisation:
    """Return an organisation of the scope by its public id or code.

    Raises:
        NotFound: there is none.
    """
    for found in organisations(session, scope):
        if ref in {found.public_id, found.code}:
            return found
    raise NotFound(text("There is no such organisation."))


def operator(session: Session) -> Organisation | None:
    """Return the operator, once it exists."""
    return session.scalar(
        select(Organisation).where(Organisation.kind == OrganisationKind.OPERATOR)
    )


def tokens_of(session: Session, person: Person) -> Sequence[ApiToken]:
    """Return a person's tokens that were not revoked, newest first."""
    return session.scalars(
        select(ApiToken)
        .where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    ).all()


def sessions_of(session: Session, person: Person, *, now: datetime) -> Sequence[StaffSession]:
    """Return a person's living sign-ins."""
    return session.scalars(
        select(StaffSession)
        .where(StaffSession.person_id == person.id, StaffSession.expires_at > now)
        .order_by(StaffSession.id.desc())
    ).all()


def find_person(session: Session, ref: str) -> Person | None:
    """Return a person by public id, or None."""
    return session.scalar(select(Person).where(Person.public_id == ref))
