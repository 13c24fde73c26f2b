"""What boxes that were sold, broke and came back have left behind: something on every page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from sqlalchemy import select

from stb_service.billing.models import Payment, Quote
from stb_service.parts.counts.operations import count_part, open_count
from stb_service.parts.models import Location, Part
from stb_service.rma import bench, comparing, exchange
from stb_service.rma.claiming.operations import set_supplier_terms
from stb_service.rma.claiming.proposing import propose_claim
from stb_service.rma.terms import set_model_terms
from stb_service.shared.access import SYSTEM
from stb_service.subscribers.models import Subscriber
from stb_service.warranty.models import WarrantyDecision, WarrantyPolicy
from tests.browser.desk import COOKIE
from tests.live import Live
from tests.stb_service.rma.conftest import ACME, BENCH, PSU, TAX, House

MODEL = "AUR-1"


def left_behind(live: Live, cookie: str) -> dict[str, str]:
    """Let returns come to several steps; return the addresses of what one page each shows."""
    house = House(live.db, SYSTEM, datetime.now(UTC) - timedelta(days=20))
    house.files = live.files
    sold_on = house.now.date() - timedelta(days=200)
    boxes = [house.customers_box(f"BACK-{number}", sold_on=sold_on) for number in range(7)]
    uids = [box.public_id for box in boxes]
    house.do(set_model_terms, model=MODEL, may_send_ahead=True, unreturned_minor=8_000, tax_ppm=TAX)
    terms = {"model": MODEL, "supplier": ACME, "months": 36, "basis": "sale", "currency": "EUR"}
    house.do(set_supplier_terms, **terms)
    house.parts(9)
    asked = house.open(boxes[0], "tuner", complaint="No picture since Monday").ref
    quoted = _quoted(house.open(boxes[1], "mainboard")).ref
    _quoted(house.open(boxes[2])).on_case("accept")
    house.pay(house.facts.balance_minor).on_case("release_repair")
    house.say(bench.plan_part, part=PSU)
    house.say(comparing.compare_repair, parts_minor=700, labour_minor=2_000)
    planned = house.order.number
    inspected = house.open(boxes[3]).received_somewhere().on_order("inspect").order.number
    house.spare("BACK-9")
    house.open(boxes[4], remedy="replace").authorised().state("fee_agreed")
    house.say(exchange.allocate_spare, device="BACK-9")
    ahead = house.on_case("send_ahead", carrier="Post", tracking="1Z9").ref
    house.open(boxes[5], "power_supply").received_somewhere().judged()
    house.on_case("approve_repair").repaired()
    claim = house.do(propose_claim, order=house.order.number).number
    count = house.do(open_count, location=BENCH, reason="Yearly").public_id
    house.do(count_part, ref=count, part=PSU, counted=4)
    account = f"/accounts/{house.home.public_id}"
    with live.db.read() as session:

        def newest(model: Any, **wanted: str) -> str:
            last = select(model.public_id).filter_by(**wanted).order_by(model.id.desc()).limit(1)
            return str(session.scalars(last).one())

        quote = f"/quotes/{newest(Quote, state='sent')}"
        person = session.scalars(select(Subscriber).filter_by(account_id=house.home.id)).one()
        return {
            "an account": account,
            "what is known of a person": f"{account}/people/{person.public_id}/data",
            "a ledger": f"{account}/ledger",
            "a quote": quote,
            "a quote as its customer sees it": _customers_link(live, quote, cookie),
            "a payment": f"/payments/{newest(Payment)}",
            "a part": f"/parts/{newest(Part, sku=PSU)}",
            "a place": f"/locations/{newest(Location, code=BENCH)}",
            "a count": f"/stock/counts/{count}",
            "a policy": f"/warranty/policies/{newest(WarrantyPolicy)}",
            "a warranty decision": f"/warranty/decisions/{newest(WarrantyDecision)}",
            "what a box would get": f"/devices/{uids[0]}/warranty",
            "the card of a box that came back": f"/devices/{uids[5]}",
            "a return to be opened": "/returns/new?device=BACK-6",
            "a return that is asked for": f"/returns/{asked}",
            "a return that is quoted": f"/returns/{quoted}",
            "a return with a box sent ahead": f"/returns/{ahead}",
            "an inspection": f"/workshop/{inspected}/inspection",
            "a workshop order": f"/workshop/{planned}",
            "repair beside replacement": f"/workshop/{planned}/comparison",
            "a claim": f"/returns/claims/{claim}",
        }


def _quoted(house: House) -> House:
    """Let the customer be quoted for what they spilled on the box."""
    return house.received_somewhere().judged("liquid", photo=True).quoted()


def _customers_link(live: Live, quote: str, cookie: str) -> str:
    """Return the address at which a customer sees a quote, as its page tells it."""
    page = requests.get(live.staff_url + quote, cookies={COOKIE: cookie}, timeout=10)
    found = re.search(r"https?://[^/]+(/q/[^\s\"<]+)", page.text)
    assert found is not None
    return found[1]
