"""Reads across rooms: search, audit, jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import Text, text
from stb_service.shared.jobs import Job
from stb_service.shared.outbox import GIVEN_UP, OutboxEntry
from stb_service.shared.paging import Page, keyset_page
from stb_service.shared.registries import Hit, SearchProvider

SEARCH_LEAST = 2
SEARCH_LONGEST = 100


@dataclass(frozen=True)
class HitGroup:
    """The results of one provider."""

    name: Text
    hits: Sequence[Hit]


def search(
    session: Session,
    providers: Sequence[SearchProvider],
    words: str,
    *,
    actor: Actor,
    limit: int,
) -> list[HitGroup]:
    """Return what the providers find that this actor may use; groups without hits are left out."""
    words = " ".join(words.split())[:SEARCH_LONGEST]
    if len(words) < SEARCH_LEAST or not words.isprintable():
        return []
    groups = [
        HitGroup(provider.name, provider.find(session, words, actor.scope, limit))
        for provider in providers
        if actor.can(provider.verb)
    ]
    return [group for group in groups if group.hits]


@dataclass(frozen=True)
class AuditFilter:
    """Which entries to show; days are whole days of the reader's zone."""

    actor: str | None = None
    verb: str | None = None
    subject: str | None = None
    from_on: date | None = None
    to_on: date | None = None


def audit_page(
    session: Session, wanted: AuditFilter, *, zone: tzinfo, cursor: str | None, limit: int
) -> Page[AuditEntry]:
    """Return entries, newest first."""
    statement = select(AuditEntry)
    if wanted.actor:
        statement = statement.where(
            or_(
                AuditEntry.actor_ref == wanted.actor,
                AuditEntry.actor_label == wanted.actor,
                AuditEntry.token_ref == wanted.actor,
            )
        )
    if wanted.verb:
        statement = statement.where(AuditEntry.verb == wanted.verb)
    if wanted.subject:
        statement = statement.where(
            or_(
                AuditEntry.subject_ref == wanted.subject,
                AuditEntry.subject_label == wanted.subject,
                AuditEntry.subject_kind == wanted.subject,
            )
        )
    if wanted.from_on:
        statement = statement.where(AuditEntry.at >= _midnight(wanted.from_on, zone))
    if wanted.to_on and wanted.to_on < date.max:
        statement = statement.where(
            AuditEntry.at < _midnight(wanted.to_on + timedelta(days=1), zone)
        )
    return keyset_page(
        session, statement, order=[(AuditEntry.id, True)], cursor=cursor, limit=limit
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return the day's first instant, kept within what can be expressed in every zone."""
    day = max(date(1900, 1, 1), min(day, date(9999, 1, 1)))
    return datetime.combine(day, time(), tzinfo=zone)


def changes_of_box(session: Session, uid: str, *, limit: int) -> Sequence[AuditEntry]:
    """Return the newest entries about a box, in the registry and in the update service."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_kind.in_(("device", "box")), AuditEntry.subject_ref == uid)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    ).all()


def given_up_page(session: Session, *, cursor: str | None, limit: int) -> Page[OutboxEntry]:
    """Return the effects that were given up, newest first."""
    statement = select(OutboxEntry).where(GIVEN_UP)
    return keyset_page(
        session, statement, order=[(OutboxEntry.id, True)], cursor=cursor, limit=limit
    )


def effect_by_ref(session: Session, ref: str) -> OutboxEntry:
    """Return an effect.

    Raises:
        NotFound: there is none.
    """
    wanted = OutboxEntry.public_id == ref
    found = session.scalar(select(OutboxEntry).where(wanted)) if ref.isprintable() else None
    if found is None:
        raise NotFound(text("There is no such follow-up."))
    return found


def sees_all_jobs(actor: Actor) -> bool:
    """Tell whether somebody may read what others have set going: whoever may read the audit."""
    return actor.scope.is_everything and actor.can("audit.view")


def jobs_page(session: Session, actor: Actor, *, cursor: str | None, limit: int) -> Page[Job]:
    """Return long work, newest first: the own, or everybody's for the operator's administrators.

    Work is shown to who may do such work today, and what was asked for in another organisation
    stays there.
    """
    # a kind of work is called as the verb that allows it
    statement = select(Job).where(Job.kind.in_(actor.verbs))
    if not sees_all_jobs(actor):
        statement = statement.where(
            Job.actor_ref == actor.ref,
            Job.organisation_id.is_not_distinct_from(actor.organisation_id),
        )
    return keyset_page(session, statement, order=[(Job.id, True)], cursor=cursor, limit=limit)


def job_by_ref(session: Session, ref: str, actor: Actor) -> Job:
    """Return one piece of long work.

    Raises:
        NotFound: there is none that the actor may see (`jobs_page`).
    """
    found = session.scalar(select(Job).where(Job.public_id == ref)) if ref.isprintable() else None
    if found is None or found.kind not in actor.verbs:
        raise NotFound(text("There is no such work."))
    own = (found.actor_ref, found.organisation_id) == (actor.ref, actor.organisation_id)
    if not (own or sees_all_jobs(actor)):
        raise NotFound(text("There is no such work."))
    return found
