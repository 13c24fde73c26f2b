"""A refund is money: credited, paid out once, and no more than was paid for the box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from stb_service.billing.ledger.queries import entries_about
from stb_service.billing.models import LedgerEntry, Payment
from stb_service.billing.payments.payouts import TOPIC, pay_out, refund_box
from stb_service.billing.providers import PROVIDERS
from stb_service.devices.holdings.operations import take_back
from stb_service.rma import stating
from stb_service.rma.cases import CASE
from stb_service.rma.money import CASE_SUBJECT
from stb_service.rma.terms import set_model_terms
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Conflict, Forbidden, Invalid
from stb_service.shared.money import Money
from stb_service.shared.outbox import deliver
from tests.stb_service.rma.conftest import TAX, House

ALICE = Actor("person", "alice", "Alice", frozenset({"rma.view", "rma.edit", "rma.repair"}))


def entries(house: House) -> Sequence[LedgerEntry]:
    """Return what the account was charged, credited, paid and given back for the case."""
    with house.db.read() as session:
        return entries_about(
            session,
            kind=CASE_SUBJECT,
            ref=house.case.public_id,
            account=house.home,
            scope=EVERYTHING,
        )


def posted(house: House) -> list[tuple[str, str, int]]:
    """Return the same, in short."""
    return [(row.kind, row.cause, row.amount_minor) for row in entries(house)]


def approved(house: House) -> House:
    """Let the refund of a box in warranty be approved."""
    device = house.customers_box()
    return house.open(device, remedy="refund").received(device).judged().on_case("approve_refund")


def stated(house: House, refunded: int, price: int = 9_900) -> House:
    """State what was paid for the box, and what of it is paid back."""
    house.state("price_paid", amount_minor=price, note="Receipt 7")
    return house.state("refunded", amount_minor=refunded, note="Letter of 3 March")


def test_a_refund_is_credited_and_paid_out_once(house: House) -> None:
    stated(approved(house), 9_000).on_case("refund").on_case("confirm")

    assert house.states == ("closed", "kept")
    assert posted(house) == [("credit", "box_return", -9_000), ("refund", "money", 9_000)]
    with house.db.read() as session:
        paid = session.scalars(select(Payment)).one()
        assert (paid.state, paid.provider, paid.amount_minor) == ("paid_out", "manual", 9_000)
        names = [column.name for column in LedgerEntry.__table__.columns]
        again = {"id": "id + 1000", "key": "'more'"}
        more = "INSERT INTO ledger_entries ({}) SELECT {} FROM ledger_entries WHERE kind = 'refund'"
        columns = [", ".join(names), ", ".join(again.get(name, name) for name in names)]
        with pytest.raises(DatabaseError, match="no more is given back"):
            session.execute(text(more.format(*columns)))


def test_the_provider_of_the_installation_is_asked_to_pay(
    one: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid: list[tuple[str, Money, str]] = []
    monkeypatch.setattr(
        type(PROVIDERS["test"]), "pay_out", lambda _self, *said: paid.append(said), raising=True
    )
    stated(approved(one), 9_900).on_case("refund", provider="test")

    deliver(one.db, {TOPIC: pay_out}, now=one.now)

    assert [(payee, amount.minor) for payee, amount, _key in paid] == [(one.home.number, 9_900)]


def test_the_page_asks_who_pays_and_shows_what_was_paid(
    people: Any, client: FlaskClient, one: House
) -> None:
    stated(approved(one), 9_000)
    page = client.get(f"/returns/{one.ref}").text
    assert 'name="provider"' in page
    assert "By hand" in page

    one.on_case("refund")

    assert "Price of a box that was taken back" in client.get(f"/returns/{one.ref}").text


def test_the_same_refund_twice_is_one_and_another_amount_is_refused(one: House) -> None:
    said = {
        "account": one.home.public_id,
        "currency": "EUR",
        "key": "RMA-1",
        "subject": ("rma_case", "x", "RMA-1"),
    }
    first = one.do(refund_box, amount_minor=500, **said)

    assert one.do(refund_box, amount_minor=500, **said).id == first.id
    with pytest.raises(Conflict):
        one.do(refund_box, amount_minor=501, **said)
    with pytest.raises(Invalid):
        one.do(refund_box, amount_minor=500, **said, provider="unheard of")


def test_amounts_are_stated_by_whoever_decides_with_what_shows_them(one: House) -> None:
    approved(one)
    with pytest.raises(Forbidden):
        one.say(stating.state, kind="price_paid", amount_minor=9, note="made up", actor=ALICE)
    for wrong in ({"amount_minor": 0, "note": "Receipt"}, {"amount_minor": 9_900, "note": " "}):
        with pytest.raises(Invalid):
            one.state("price_paid", **wrong)
    stated(one, 9_901)

    assert one.refused(CASE, "refund") == ["refund"]


def test_without_a_receipt_no_more_is_paid_back_than_a_new_box_costs(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", new_minor=9_000, tax_ppm=TAX)
    approved(one).state("refunded", amount_minor=10_711, note="Letter")
    assert one.refused(CASE, "refund") == ["refund"]

    one.state("refunded", amount_minor=10_710, note="Letter").on_case("refund")

    assert posted(one)[-1] == ("refund", "money", 10_710)


def test_what_was_stated_before_the_refund_was_approved_does_not_count(one: House) -> None:
    device = one.customers_box()
    one.open(device, remedy="refund")
    stated(one, 9_900).received(device).judged().on_case("approve_refund")

    assert one.refused(CASE, "refund") == ["refund"]


def test_nobody_is_refunded_a_box_that_nobody_bought(one: House) -> None:
    rented = one.customers_box("SN-0002", tenure="rented")
    one.open(rented).authorised().on_case("post", tracking="1Z1").on_case("lose", reason="gone")
    one.state("loss_confirmed")
    assert one.refused(CASE, "approve_refund") == ["payee"]

    nobodys = one.customers_box("SN-0003")
    one.do(take_back, uid=nobodys.public_id, reason="unsold")
    one.open(nobodys).received(nobodys).judged()
    assert one.refused(CASE, "approve_refund") == ["payee"]
