"""Accounts of the demonstration: households and businesses, with people and sites."""

from __future__ import annotations

import random
from datetime import datetime

from stb_service.demo.inventions import Invented
from stb_service.demo.model import BUSINESS_SHARE, KNOWN_SHARE
from stb_service.demo.operator import SELLER, Customer, Operator
from stb_service.shared.access import Actor
from stb_service.subscribers.operations import (
    add_person,
    add_site,
    change_account,
    create_account,
)

CREDIT_DAYS = 30
"""What a business is given; a household pays at once."""
SITES = {True: ("Reception", "Annex"), False: ("Home",)}


def customer_for(
    op: Operator, chance: random.Random, shop: str, actor: Actor, now: datetime
) -> Customer:
    """Return whom a box is given to in a shop: somebody who has some already, or somebody new."""
    known = op.customers.setdefault(shop, [])
    if known and chance.random() < KNOWN_SHARE:
        wanted = [one for one in known if one.is_business] or known
        return chance.choice(wanted if chance.random() < 0.5 else known)
    return open_account(op, chance, shop, actor, now)


def open_account(
    op: Operator, chance: random.Random, shop: str, actor: Actor, now: datetime
) -> Customer:
    """Open an account for somebody new."""
    session = op.session
    is_business = chance.random() < BUSINESS_SHARE
    who = op.inventor.invent(chance, shop, is_business=is_business)
    account = create_account(
        session,
        kind="business" if is_business else "person",
        name=who.name,
        currency=who.country.currency,
        language=who.country.names.language,
        dealer=SELLER.get(shop),
        phones=[] if is_business else [who.phone],
        emails=[] if is_business else [who.email],
        actor=actor,
        now=now,
    )
    if is_business:
        _know_business(op, account.public_id, who, actor, now)
    sites = [
        add_site(
            session,
            uid=account.public_id,
            name=name,
            **who.street(chance),
            actor=actor,
            now=now,
        ).public_id
        for name in SITES[is_business]
    ]
    customer = Customer(
        account.public_id, account.number, shop, who.country, is_business, tuple(sites)
    )
    op.customers.setdefault(shop, []).append(customer)
    return customer


def _know_business(op: Operator, uid: str, who: Invented, actor: Actor, now: datetime) -> None:
    """Note whom to ask for at a business; only the operator gives it credit."""
    add_person(
        op.session,
        uid=uid,
        name=who.contact,
        phones=[who.phone],
        emails=[who.email],
        actor=actor,
        now=now,
    )
    change_account(op.session, uid=uid, credit_days=CREDIT_DAYS, actor=op.agent, now=now)
