"""Effects of the outbox that failed for good: seen, counted, tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from stb_service.admin import operations, queries, words
from stb_service.admin.wiring import gauges
from stb_service.app import wire_rooms
from stb_service.shared import outbox
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict
from stb_service.shared.outbox import OutboxEntry
from tests.conftest import NOW, csrf_of

LATER = NOW + timedelta(days=9)


def emit(db: Database, key: str, failures: int = outbox.MAX_ATTEMPTS) -> str:
    """Return the public id of an effect that has failed so often."""
    with db.write() as session:
        outbox.emit(session, topic="box.appeared", key=key, payload={"uid": key}, now=NOW)
    for day in range(failures):
        outbox.deliver(db, {}, now=NOW + timedelta(days=day))
    with db.read() as session:
        return session.scalars(select(OutboxEntry).where(OutboxEntry.key == key)).one().public_id


def entry_of(db: Database, ref: str) -> OutboxEntry:
    with db.read() as session:
        return queries.effect_by_ref(session, ref)


def counts(db: Database) -> Mapping[tuple[str, str], float]:
    with db.read() as session:
        return gauges(session)


@pytest.mark.parametrize(
    ("failures", "waiting", "given_up"),
    [(0, 1, 0), (outbox.MAX_ATTEMPTS - 1, 1, 0), (outbox.MAX_ATTEMPTS, 0, 1)],
)
def test_what_waits_and_what_was_given_up_is_counted(
    db: Database, failures: int, waiting: int, given_up: int
) -> None:
    emit(db, "a", failures)

    assert counts(db) == {("stb_outbox", "waiting"): waiting, ("stb_outbox", "given_up"): given_up}


def test_one_that_is_tried_again_is_delivered(db: Database, actor: Actor) -> None:
    ref = emit(db, "a")
    delivered: list[Any] = []

    def take(_session: Any, payload: dict[str, Any], _now: Any) -> None:
        delivered.append(payload)

    handlers = {"box.appeared": take}
    before = outbox.deliver(db, handlers, now=LATER)
    with db.write() as session:
        entry = queries.effect_by_ref(session, ref)
        operations.retry_effect(session, entry=entry, actor=actor, now=LATER)
    after = outbox.deliver(db, handlers, now=LATER)

    assert (before, after, delivered) == (0, 1, [{"uid": "a"}])


@pytest.mark.parametrize("failures", [0, outbox.MAX_ATTEMPTS - 1])
def test_one_that_is_still_tried_is_left_alone(db: Database, actor: Actor, failures: int) -> None:
    ref = emit(db, "a", failures)

    with db.write() as session:
        entry = queries.effect_by_ref(session, ref)
        with pytest.raises(Conflict):
            operations.retry_effect(session, entry=entry, actor=actor, now=LATER)

    assert entry_of(db, ref).attempts == failures


def test_every_effect_has_a_name() -> None:
    assert set(wire_rooms().outbox) == set(words.TOPIC_NAMES)


def test_the_page_lists_reasons_and_lets_one_be_tried_again(
    client: FlaskClient, sqlite_db: Database
) -> None:
    ref, _ = emit(sqlite_db, "first"), emit(sqlite_db, "second")
    page = client.get("/follow-ups").text
    form = {"csrf_token": csrf_of(page)}
    answers = [client.post(f"/follow-ups/{ref}/retry", data=form).status_code for _ in range(2)]

    assert "Register a box that has polled" in page
    assert "KeyError" in page
    assert page.index("second") < page.index("first")
    assert answers == [303, 409]
    assert ">first<" not in client.get("/follow-ups").text
    assert "Follow-up tried again" in client.get(f"/audit?subject={ref}").text


def test_a_house_in_order_says_so(client: FlaskClient, sqlite_db: Database) -> None:
    emit(sqlite_db, "one", 3)

    assert "Nothing has failed for good" in client.get("/follow-ups").text


def test_the_api_lists_them_in_slices_and_tries_one_again(api: Any, sqlite_db: Database) -> None:
    for key in ("first", "second"):
        emit(sqlite_db, key)
    slice_ = api("GET", "/follow-ups?limit=1").json
    rest = api("GET", f"/follow-ups?limit=1&cursor={slice_['next_cursor']}").json
    path = f"/follow-ups/{rest['items'][0]['id']}/retry"
    once, twice = api("POST", path), api("POST", path)

    assert [found["items"][0]["key"] for found in (slice_, rest)] == ["second", "first"]
    assert rest["items"][0]["payload"] == {"uid": "first"}
    assert (once.status_code, once.json["attempts"], twice.status_code) == (200, 0, 409)
    assert api("POST", "/follow-ups/nothing/retry").status_code == 404
    assert [found["key"] for found in api("GET", "/follow-ups").json["items"]] == ["second"]


@pytest.mark.parametrize("role", ["viewer", "agent", "firmware_manager"])
def test_only_administrators_see_it(
    people: Any, sign_in: Callable[[str], FlaskClient], role: str
) -> None:
    people.person(role, username="somebody")
    browser = sign_in("somebody")

    assert browser.get("/follow-ups").status_code == 403
    assert 'href="/follow-ups"' not in browser.get("/").text
