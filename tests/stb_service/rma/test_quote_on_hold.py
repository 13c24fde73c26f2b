"""The days of a quote stand still while we hold its case: they are the customer's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from stb_service.billing.models import Quote
from stb_service.billing.operations import accept_quote, expire_quotes
from stb_service.rma.answers import hear_again, let_time_pass
from stb_service.rma.models import ReturnCase
from tests.stb_service.rma.conftest import OLD, House


@pytest.fixture
def quoted(one: House) -> House:
    """A case whose quote waits for an answer."""
    return one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted(5_000)


def quote_of(house: House) -> Quote:
    with house.db.read() as session:
        return session.scalars(select(Quote)).one()


def time_passes(house: House) -> str:
    """Let the worker do what time alone does; return where the case is."""
    with house.db.write() as session:
        expire_quotes(session, now=house.now)
    with house.db.write() as session:
        hear_again(session, session.scalars(select(ReturnCase)).one(), house.now)
    with house.db.write() as session:
        let_time_pass(session, now=house.now)
    return house.case.state


def test_a_quote_does_not_run_out_while_we_hold_its_case(quoted: House) -> None:
    before = quote_of(quoted)
    quoted.on_case("hold", reason="we wait for a report")
    quoted.tick(days=40)
    assert (time_passes(quoted), quote_of(quoted).state) == ("quoted", "sent")

    quoted.on_case("resume")

    after = quote_of(quoted)
    assert after.valid_until_on - before.valid_until_on == timedelta(days=41)
    assert after.edition == before.edition
    assert quoted.case.due_at == after.expires_at
    assert time_passes(quoted) == "quoted"
    quoted.tick(days=40)
    assert time_passes(quoted) == "return_unrepaired"


def test_who_answers_while_we_hold_the_case_is_not_too_late(quoted: House) -> None:
    quoted.on_case("hold", reason="we wait for a report")
    quoted.tick(days=40)
    with quoted.db.write() as session:
        ref = quote_of(quoted).public_id
        accept_quote(session, ref=ref, actor=quoted.actor, now=quoted.now)
    quoted.on_case("resume")
    assert time_passes(quoted) == "awaiting_payment"


def test_what_was_over_before_we_held_the_case_stays_over(quoted: House) -> None:
    quoted.tick(days=40)
    quoted.on_case("hold", reason="we wait for a report")
    quoted.tick(days=1)
    quoted.on_case("resume")
    assert time_passes(quoted) == "return_unrepaired"
