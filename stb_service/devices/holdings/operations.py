"""Verbs on who has a box: give it to an account, pass it on, take it back, say where it stands.

Each is audited with the box; what was said as reason or proof stands in the holding alone, from
where it goes when the account's holder is erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.holdings import chain
from stb_service.devices.holdings.rules import (
    ERASED_ACCOUNT,
    GIVEN_FROM,
    NOT_HELD,
    WITH_CUSTOMER,
    obstacles_to_giving,
    obstacles_to_taking_back,
    obstacles_to_transfer,
)
from stb_service.devices.models import Device, Holding
from stb_service.devices.operations import hand_over, organisation_of, renew, subject_of, touch
from stb_service.devices.rules import Status, Tenure, obstacles_to_handing_over
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.shared.registries import Keeper, Leaver, why_kept
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator
from stb_service.subscribers import queries as accounts
from stb_service.subscribers.models import Account, Site


def give_to_account(
    session: Session,
    *,
    uid: str,
    account: str,
    tenure: str,
    site: str | None = None,
    reason: str = "",
    proof: str = "",
    since: datetime | None = None,
    moves: bool = True,
    keepers: Sequence[Keeper] = (),
    leavers: Sequence[Leaver] = (),
    actor: Actor,
    now: datetime,
) -> Holding:
    """Give a box to an account (its number, external id or public id).

    A box on the shelf is out with this, and it `moves` into the customer's hands unless it is only
    recorded who has it. `since` is now, unless it was earlier. `keepers` and `leavers` are the
    registries'.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: there is no such account in the actor's scope, or the site or instant does not fit.
        Refused: an account has it already, another room keeps it, or it is not the actor's to give.
    """
    device = touch(session, uid, actor=actor)
    found = _account(session, account, actor)
    obstacles = obstacles_to_giving(
        device.status,
        is_held=chain.current_holding(session, device) is not None,
        is_erased=found.is_erased,
    )
    obstacles += obstacles_to_handing_over(device.custodian_id, actor.organisation_id)
    obstacles += why_kept(session, keepers, uid)
    if obstacles:
        raise Refused(obstacles)
    begun = _since(session, device, since, now)
    changes = {"account": [None, found.number], **_taken(device, tenure)}
    chain.lock_accounts(session, [found.id])
    row = Holding(device_id=device.id, account_id=found.id, tenure=tenure, since=begun)
    row.site = _site(found, site)
    _begin(session, row, reason, proof)
    if moves:
        for leave in leavers:
            leave(session, device.public_id, found.number, actor, now)
        hand_over(session, device, None, holder=found.number, actor=actor, now=now)
    _finish(session, device, "device.give", changes, actor, now)
    return row


def remember_holding(
    session: Session,
    *,
    uid: str,
    account: str,
    tenure: str,
    since: datetime,
    until: datetime,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Holding:
    """Write down that an account had a box from an instant to another. The box itself stays as it
    is, and with whoever has it; it may be a scrapped one.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: there is no such account in the actor's scope, or the instants do not fit.
        Refused: another account, or the same, had it in some of this time; or its holder was erased.
    """
    device = touch(session, uid, actor=actor, retired=True)
    found = _account(session, account, actor)
    if not since < until <= now:
        raise Invalid.field("until", text("After the beginning, and not to come."))
    if tenure not in set(Tenure):
        raise Invalid.field("tenure", text("One of: %(names)s", names=", ".join(Tenure)))
    obstacles = [ERASED_ACCOUNT] if found.is_erased else []
    obstacles += chain.overlaps(session, device, since, until)
    if obstacles:
        raise Refused(obstacles)
    chain.lock_accounts(session, [found.id])
    row = Holding(device_id=device.id, account_id=found.id, tenure=tenure, since=since)
    row.until, row.reason = until, reason[:500]
    session.add(row)
    changes: dict[str, Any] = {"account": [None, found.number], "tenure": tenure}
    changes |= {"since": since, "until": until}
    _finish(session, device, "device.held", changes, actor, now)
    return row


def correct_holding(
    session: Session,
    *,
    holding: Holding,
    tenure: str | None = None,
    reason: str | None = None,
    actor: Actor,
    now: datetime,
) -> bool:
    """Correct how an account has or had a box, and why; return whether anything changed.

    Raises:
        Refused: the box is scrapped or lost for good and still held.
    """
    device = touch(
        session, holding.device.public_id, actor=actor, retired=holding.until is not None
    )
    changes: dict[str, Any] = {}
    if tenure is not None:
        changes |= audit.apply_changes(holding, {"tenure": tenure})
        if changes and holding.until is None:
            audit.apply_changes(device, {"tenure": tenure})
    is_other = reason is not None and reason[:500] != holding.reason
    if is_other and reason is not None:
        holding.reason = reason[:500]
    if not changes and not is_other:
        return False
    _finish(session, device, "device.holding-correct", changes, actor, now)
    return True


def transfer(
    session: Session,
    *,
    uid: str,
    account: str,
    proof: str,
    tenure: str | None = None,
    site: str | None = None,
    reason: str = "",
    since: datetime | None = None,
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> Holding:
    """Pass a box from the account that has it to another, by a proof in words (a bill of sale, a
    letter). The other has it from the instant the former no longer does.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: there is no such account in the actor's scope, no proof, or the site or instant
            does not fit.
        Refused: no account has it, the same one does, another room keeps it, or it is not the
            actor's to pass on.
    """
    device = touch(session, uid, actor=actor)
    found = _account(session, account, actor)
    current = chain.current_holding(session, device)
    obstacles = obstacles_to_transfer(
        device.status,
        held_by=current.account_id if current else None,
        to=found.id,
        is_erased=found.is_erased,
    )
    obstacles += obstacles_to_handing_over(device.custodian_id, actor.organisation_id)
    obstacles += why_kept(session, keepers, uid)
    if obstacles:
        raise Refused(obstacles)
    assert current is not None
    if not proof.strip():
        raise Invalid.field("proof", text("Say what proves that the owner has changed."))
    begun = since or now
    if not current.since <= begun <= now:
        raise Invalid.field("since", text("Not before the former owner had it, and not to come."))
    former = accounts.account_by_id(session, current.account_id, EVERYTHING)
    kept = tenure or current.tenure
    changes = {"account": [former.number, found.number], **_taken(device, kept)}
    chain.lock_accounts(session, [former.id, found.id])
    chain.end_holding(session, device, at=begun, reason=reason)
    row = Holding(device_id=device.id, account_id=found.id, tenure=kept, since=begun)
    row.follows_id, row.site = current.id, _site(found, site)
    _begin(session, row, reason, proof)
    if device.custodian_id is None:
        hand_over(session, device, None, holder=found.number, actor=actor, now=now)
    _finish(session, device, "device.transfer", changes, actor, now)
    return row


def take_back(
    session: Session,
    *,
    uid: str,
    organisation: str | None = None,
    reason: str = "",
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> Device:
    """Take a box back from the account that has it, into the hands of an organisation: the one that
    is named, else the actor's. A box that was with a customer is in return then.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: there is no such organisation.
        Refused: no account has it, another organisation than the actor's holds it, or another room
            keeps it.
    """
    device = touch(session, uid, actor=actor)
    current = chain.current_holding(session, device)
    obstacles = obstacles_to_taking_back(is_held=current is not None)
    obstacles += obstacles_to_handing_over(device.custodian_id, actor.organisation_id)
    obstacles += why_kept(session, keepers, uid)
    if obstacles:
        raise Refused(obstacles)
    assert current is not None
    to = organisation_of(session, organisation) if organisation else _own(session, actor)
    former = accounts.account_by_id(session, current.account_id, EVERYTHING)
    changes: dict[str, Any] = {"account": [former.number, None]}
    changes |= audit.apply_changes(device, {"tenure": None})
    if device.status in WITH_CUSTOMER:
        changes |= audit.apply_changes(device, {"status": Status.IN_RMA})
    chain.end_holding(session, device, at=now, reason=reason)
    hand_over(session, device, to, actor=actor, now=now)
    _finish(session, device, "device.take-back", changes, actor, now)
    return device


def place_at_site(
    session: Session, *, uid: str, site: str | None, actor: Actor, now: datetime
) -> Holding:
    """Say at which site of its account a box stands; None for none in particular.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: the account that has it has no such site.
        Refused: no account that the actor sees has it.
    """
    device = touch(session, uid, actor=actor)
    current = chain.current_holding(session, device)
    if current is None or accounts.find_by_id(session, current.account_id, actor.scope) is None:
        raise Refused([NOT_HELD])
    found = accounts.account_by_id(session, current.account_id, actor.scope)
    wanted = _site(found, site)
    if wanted is not current.site:
        current.site = wanted
        changes = {"site": wanted.public_id if wanted else None}
        _finish(session, device, "device.place", changes, actor, now)
    return current


def _account(session: Session, called: str, actor: Actor) -> Account:
    found = accounts.find_account(session, called, actor.scope)
    if found is None:
        raise Invalid.field("account", text("There is no such account."))
    return accounts.account_by_id(session, found.id, actor.scope)


def _site(account: Account, ref: str | None) -> Site | None:
    if not ref:
        return None
    for site in account.sites:
        if site.public_id == ref:
            return site
    raise Invalid.field("site", text("This account has no such site."))


def _since(session: Session, device: Device, since: datetime | None, now: datetime) -> datetime:
    last = chain.last_end(session, device)
    if since is not None and (since > now or (last is not None and since < last)):
        raise Invalid.field(
            "since", text("Not before the former owner gave it back, and not to come.")
        )
    return since or now


def _own(session: Session, actor: Actor) -> Organisation | None:
    if actor.organisation_id is None:
        return operator(session)
    return session.get_one(Organisation, actor.organisation_id)


def _taken(device: Device, tenure: str) -> Mapping[str, Any]:
    """Write into the registry what being given out makes of a box; return what changed.

    The day of sale is not among it: it is stated or not known. An account may be recorded years
    after the sale, and a rented box was never sold; what a holding says of it, warranty asks.
    """
    if tenure not in set(Tenure):
        raise Invalid.field("tenure", text("One of: %(names)s", names=", ".join(Tenure)))
    new: dict[str, Any] = {"tenure": tenure}
    if device.status in GIVEN_FROM:
        new["status"] = Status.SOLD
    return audit.apply_changes(device, new)


def _begin(session: Session, row: Holding, reason: str, proof: str) -> None:
    row.reason, row.proof = reason[:500], proof[:500]
    session.add(row)
    session.flush()
    chain.tell_sellers(session, row.account_id)


def _finish(
    session: Session,
    device: Device,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    renew(device, now)
    session.flush()
    audit.record(
        session, actor=actor, verb=verb, subject=subject_of(device), changes=changes, now=now
    )
