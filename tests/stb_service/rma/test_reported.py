"""A fault is reported today or yesterday; an earlier day is stated by who decides, with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from stb_service.rma.models import CaseEvent, Fault
from stb_service.rma.operations import open_case
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import House
from tests.stb_service.rma.test_days import in_los_angeles
from tests.stb_service.rma.test_pages import Post

EVENING = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
"""The evening of 2 March in Los Angeles."""
SAID = "The letter of 14 January lay unopened"


def without(actor: Actor, *verbs: str) -> Actor:
    """Return somebody who lacks some verbs."""
    return replace(actor, verbs=actor.verbs - set(verbs))


def refused(house: House, actor: Actor, **said: Any) -> set[str]:
    """Return what is wrong with an opening."""
    device = house.customers_box(sold_on=date(2024, 1, 20))
    with pytest.raises(Invalid) as refusal:
        house.do(open_case, device=device.public_id, actor=actor, **said)
    return set(refusal.value.fields)


def test_who_only_opens_returns_states_no_earlier_day(one: House) -> None:
    agent = without(one.actor, "rma.decide", "warranty.override")
    early = one.now.date() - timedelta(days=2)

    assert refused(one, agent, reported_on=early, reported_because=SAID) == {"reported_on"}


def test_an_earlier_day_needs_its_reason(one: House) -> None:
    early = one.now.date() - timedelta(days=2)

    assert refused(one, one.actor, reported_on=early) == {"reported_because"}


@pytest.mark.parametrize("lacked", ["rma.decide", "warranty.override"])
def test_an_earlier_day_and_its_reason_are_kept(one: House, lacked: str) -> None:
    device = one.customers_box(sold_on=date(2024, 1, 20))
    more = {"actor": without(one.actor, lacked), "reported_because": SAID}
    one.open(device, "mainboard", reported_on=date(2026, 1, 20), **more)

    with one.db.read() as session:
        (fault,) = session.scalars(select(Fault))
        assert fault.decision is not None
        assert fault.decision.outcome == "covered"
        (event,) = session.scalars(select(CaseEvent))
        assert (event.event, event.reason) == ("request", SAID)


@pytest.mark.parametrize("day", [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)])
def test_yesterday_at_the_site_is_free(one: House, day: date) -> None:
    device = in_los_angeles(one)
    one.now = EVENING - timedelta(hours=1)
    agent = without(one.actor, "rma.decide", "warranty.override")

    one.open(device, reported_on=day, actor=agent)

    assert one.case.reported_on == day


def test_the_day_before_yesterday_at_the_site_is_not(one: House) -> None:
    device = in_los_angeles(one)
    one.now = EVENING

    with pytest.raises(Invalid):
        one.open(device, reported_on=date(2026, 2, 28))


def test_the_page_asks_who_may_state_it_for_the_reason(one: House, client: Any) -> None:
    post, device = Post(client), one.customers_box()
    early = (one.now.date() - timedelta(days=300)).isoformat()
    form = {"device": "SN-0001", "remedy": "repair", "channel": "call", "reported_on": early}

    asked = post("/returns/new", **form)
    opened = post("/returns/new", reported_because=SAID, **form)

    assert 'name="reported_because"' in client.get(f"/returns/new?device={device.serial}").text
    assert asked.status_code == 422
    assert 'id="field-reported_because-error"' in asked.text
    assert opened.status_code == 303
    assert SAID in client.get(opened.headers["Location"]).text
