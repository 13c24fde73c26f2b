"""All that is known of one person, handed out to them (GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from stb_service.shared import personal
from stb_service.shared.access import Scope
from stb_service.shared.registries import PersonalData
from stb_service.subscribers import queries
from stb_service.subscribers.models import Account, Subscriber

HISTORY = 10_000


def data_of_person(
    session: Session, uid: str, ref: str, scope: Scope, *, others: Sequence[PersonalData]
) -> dict[str, Any]:
    """Return everything in plain values: what stands there now, what the audit keeps under the
    person's key, and what `others` (the other rooms) know.

    Raises:
        NotFound: there is no such person in the scope.
    """
    person = queries.person_by_ref(session, uid, ref, scope)
    account = person.account
    is_theirs = person.is_holder and account.is_of_person
    return {
        "account": _account(account, is_theirs=is_theirs),
        "person": _person(person),
        "sites": [_site(site) for site in account.sites] if is_theirs else [],
        "history": list(_history(session, account, person, scope)),
        "rooms": {other.name: other.export(session, uid, ref) for other in others},
    }


def _account(account: Account, *, is_theirs: bool) -> dict[str, Any]:
    names = ("number", "kind", "name", "currency", "credit_days", "language", "external_id")
    told = names if is_theirs else ("number", "kind", "name")
    return {name: getattr(account, name) for name in told} | {
        "opened_at": account.opened_at.isoformat()
    }


def _person(person: Subscriber) -> dict[str, Any]:
    return {
        "id": person.public_id,
        "name": person.name,
        "language": person.language,
        "is_holder": person.is_holder,
        "phones": person.phones,
        "emails": person.emails,
        "erased_at": person.erased_at.isoformat() if person.erased_at else None,
    }


def _site(site: Any) -> dict[str, Any]:
    names = ("name", "street", "postcode", "city", "country", "timezone")
    return {name: getattr(site, name) for name in names}


def _history(
    session: Session, account: Account, person: Subscriber, scope: Scope
) -> Iterator[dict[str, Any]]:
    """Yield what was done, the newest first, with the values that only this person's key opens."""
    keys = personal.keys_of(session, [person.public_id])
    entries = queries.entries_of_account(session, account.public_id, scope, limit=HISTORY)
    for entry in entries:
        theirs = {
            name: value
            for name, value in entry.changes.items()
            if personal.is_sealed(value) and value[personal.OF] == person.public_id
        }
        changes = personal.opened(theirs, keys)
        readable = {n: v for n, v in changes.items() if v is not personal.UNREADABLE}
        if theirs or entry.changes.get("person") == person.public_id:
            yield {"at": entry.at.isoformat(), "what": entry.verb, "changes": readable}
