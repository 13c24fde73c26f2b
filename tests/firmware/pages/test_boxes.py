"""Boxes that wait, a box's card, tokens: pages and JSON API."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from marshmallow import Schema
from sqlalchemy import select

from firmware.boxes import schemas
from firmware.boxes.operations import keep_report
from firmware.boxes.queries import gateway_token
from firmware.rollouts.box_card import load_card, timeline
from firmware.rollouts.rules import MemberState
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.audit import AuditEntry
from tests.firmware.world import holds_token

WAITING = "/firmware/boxes/waiting"


def test_the_queue_shows_who_waits_and_lets_one_in(browser: Any, fleet: Any) -> None:
    uid = fleet.stranger("STRANGER-1")
    shown = browser.get(WAITING)
    browser.post(f"/firmware/boxes/{uid}/approve", next=f"{WAITING}?state=pending")

    assert "STRANGER-1" in shown
    assert fleet.box(uid).state == "known"
    assert "No box waits for approval" in browser.get(WAITING)


def test_a_refused_box_can_be_taken_back(browser: Any, fleet: Any) -> None:
    uid = fleet.stranger("STRANGER-1")
    browser.post(f"/firmware/boxes/{uid}/refuse")
    shown = browser.get(f"{WAITING}?state=refused")
    browser.post(f"/firmware/boxes/{uid}/approve")

    assert "STRANGER-1" in shown
    assert fleet.box(uid).state == "known"


def test_many_are_judged_after_their_count_was_shown(browser: Any, fleet: Any) -> None:
    uids = [fleet.stranger(f"STRANGER-{number}") for number in range(3)]
    asked = browser.post(WAITING, status=200, uid=uids[:2], verdict="refuse").text
    before = fleet.box(uids[0]).state
    browser.post(WAITING, uid=uids[:2], verdict="refuse", sure="yes")

    assert "Refuse 2 boxes?" in asked
    assert before == "pending"
    assert [fleet.box(uid).state for uid in uids] == ["refused", "refused", "pending"]


def test_a_box_that_cannot_be_refused_stays(browser: Any, fleet: Any) -> None:
    browser.post("/firmware/boxes/uid-01/refuse", status=409)
    assert fleet.box("uid-01").state == "known"


def test_the_way_back_leads_to_no_other_host(browser: Any, fleet: Any) -> None:
    uid = fleet.stranger("STRANGER-1")
    answer = browser.post(f"/firmware/boxes/{uid}/approve", next="//evil.example/x")
    assert answer.location == WAITING


def test_a_card_tells_what_it_runs_should_run_and_why(browser: Any, fleet: Any) -> None:
    fleet.start()
    fleet.decide("uid-01", "paused", fleet.now, rollout="Spring")

    shown = browser.get("/firmware/boxes/uid-01")

    assert "<code>1.0</code>" in shown
    assert "<code>2.0</code>" in shown
    assert "Spring is paused." in shown


def test_a_card_tells_why_at_a_moment(browser: Any, fleet: Any) -> None:
    fleet.decide("uid-01", "no_rollout", fleet.now - timedelta(hours=2))
    then = (fleet.now - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    later = (fleet.now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")

    assert "It had not asked for an update by then." in browser.get(
        f"/firmware/boxes/uid-01?at={then}"
    )
    assert "<strong>No rollout concerns this box.</strong>" in browser.get(
        f"/firmware/boxes/uid-01?at={later}"
    )


@pytest.mark.parametrize("at", ["x", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T00:00"])
def test_a_moment_that_cannot_be_is_now(browser: Any, fleet: Any, at: str) -> None:
    fleet.decide("uid-01", "no_rollout", fleet.now - timedelta(hours=2))
    assert "No rollout concerns" in browser.get(f"/firmware/boxes/uid-01?at={at}")


def test_a_card_says_that_no_attribute_tells_the_version(browser: Any, fleet: Any) -> None:
    said = "It reports attributes, but none is called sw_version."
    shown = []
    for attributes in ({}, {"version": "1.0"}, {"sw_version": "1.0"}):
        with fleet.db.write() as session:
            session.merge(fleet.box("uid-01")).attributes = attributes
        shown.append(said in browser.get("/firmware/boxes/uid-01"))
    assert shown == [False, True, False]


def test_a_card_shows_what_could_not_be_read(browser: Any, fleet: Any) -> None:
    with fleet.db.write() as session:
        keep_report(
            session,
            box=session.merge(fleet.box("uid-01")),
            wire="ddi",
            action="7",
            body="{<oops>",
            unread="no JSON",
            now=fleet.now,
        )

    shown = browser.get("/firmware/boxes/uid-01")

    assert "Could not be read: no JSON" in shown
    assert "{&lt;oops&gt;" in shown


def test_a_box_is_asked_what_it_runs(browser: Any, fleet: Any) -> None:
    browser.post("/firmware/boxes/uid-01/ask", next="/firmware/boxes/uid-01")
    assert fleet.box("uid-01").attributes_wanted
    assert "It is being asked what it runs" in browser.get("/firmware/boxes/uid-01")


def test_an_alias_belongs_to_one_box(browser: Any, fleet: Any) -> None:
    browser.post("/firmware/boxes/uid-01/alias", alias="living-room")
    browser.post("/firmware/boxes/uid-02/alias", alias="living-room", next="/firmware/boxes/uid-02")
    told = browser.get("/firmware/boxes/uid-02")
    browser.post("/firmware/boxes/uid-01/alias", alias="")

    assert "Another box is called so already." in told
    assert fleet.box("uid-01").alias is None
    assert fleet.box("uid-02").alias is None


def test_a_new_token_is_shown_once_and_the_former_one_stays_a_while(
    browser: Any, fleet: Any
) -> None:
    address = "/firmware/boxes/uid-01/token"
    secrets = [
        re.findall(r'id="secret" dir="ltr">(\w+)<', browser.post(address, 200, overlap_days=3).text)
        for _ in range(2)
    ]
    (former,), (newest,) = secrets
    later = fleet.now + timedelta(days=4)

    with fleet.db.read() as session:
        box = fleet.box("uid-01")
        assert holds_token(session, box, former, now=fleet.now)
        assert not holds_token(session, box, former, now=later)
        assert holds_token(session, box, newest, now=later)
    assert newest not in browser.get(address)


def test_all_tokens_of_a_box_are_revoked_together(browser: Any, fleet: Any, api: Any) -> None:
    address = "/firmware/boxes/uid-01/token"
    for _ in range(2):
        browser.post(address, 200, overlap_days=3)
    with fleet.db.write() as session:
        session.merge(fleet.box("uid-01")).ddi_at = fleet.now
    shown = browser.get(address)
    browser.post("/firmware/boxes/uid-01/tokens/revoke")

    assert "Revoke all tokens of “SN0001”?" in shown
    assert "Revoke all" not in browser.get(address)
    assert api("GET", "/boxes/uid-01/tokens").get_json() == {"items": []}
    assert fleet.box("uid-01").ddi_at is None
    with fleet.db.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.verb, entry.changes["tokens"]) == ("box.tokens-revoked", [2, 0])


def test_tokens_of_a_box_are_revoked_through_the_api(api: Any, fleet: Any) -> None:
    api("POST", "/boxes/uid-01/tokens", json={"overlap_days": 3})
    kept = api("POST", "/boxes/uid-02/tokens", json={"overlap_days": 3}).get_json()["secret"]
    revoked = api("DELETE", "/boxes/uid-01/tokens")
    missing = api("DELETE", "/boxes/nothing/tokens")

    assert (revoked.status_code, missing.status_code) == (204, 404)
    assert api("GET", "/boxes/uid-01/tokens").get_json() == {"items": []}
    with fleet.db.read() as session:
        assert holds_token(session, fleet.box("uid-02"), kept, now=fleet.now)


def test_a_token_that_cannot_be_is_refused_at_its_field(browser: Any, fleet: Any) -> None:
    refused = browser.post("/firmware/boxes/uid-01/token", 422, overlap_days=3, token="short")
    assert 'id="field-token-error"' in refused.text


def test_a_gateway_token_lives_until_it_is_revoked(browser: Any, fleet: Any) -> None:
    made = browser.post("/firmware/gateway-tokens", 200, name="The hub", days=30).text
    (secret,) = re.findall(r'id="secret" dir="ltr">(\w+)<', made)
    listed = browser.get("/firmware/gateway-tokens")
    (revoke,) = set(re.findall(r'action="([^"]+/revoke)"', listed))
    browser.post(revoke)

    assert "The hub" in listed
    assert secret not in listed
    with fleet.db.read() as session:
        assert gateway_token(session, secret, now=fleet.now) is None


@pytest.mark.parametrize("address", [WAITING, "/firmware/gateway-tokens"])
def test_a_viewer_neither_approves_nor_gives_tokens(
    browser_of: Callable[..., Any], fleet: Any, address: str
) -> None:
    browser_of("viewer").get(address, status=403)


def test_people_of_a_dealer_find_no_box_here(
    browser_of: Callable[..., Any], api_as: Callable[..., Any], fleet: Any, people: Any
) -> None:
    people.organisation("north")
    browser_of("viewer", "north").get("/firmware/boxes/uid-01", status=404)
    api = api_as("agent", "north")

    assert api("GET", "/boxes").get_json()["items"] == []
    assert api("GET", "/boxes/uid-01").status_code == 404
    assert api("GET", "/boxes/uid-01/why").status_code == 404


def test_the_section_of_the_card_gives_a_dealer_the_short_account_alone(fleet: Any) -> None:
    dealer = Actor("person", "d", "d", builtin_verbs("agent"), organisation_id=7)
    (uid,) = fleet.bring(fleet.start(), MemberState.FAILED)
    with fleet.db.read() as session:
        values = load_card(session, uid, dealer, fleet.now)
        unknown = load_card(session, "nobody", dealer, fleet.now)
        told = timeline(session, uid, dealer, 10)

    assert set(values) == {"brief", "at_typed", "is_past"}
    assert {field.name for field in fields(values["brief"])} == {
        *("running_version", "version_at", "wanted_version", "last_seen_at", "at", "decision")
    }
    assert unknown["brief"] is None
    assert told == []


def test_the_timeline_tells_moves_and_decisions(fleet: Any, actor: Actor) -> None:
    (uid,) = fleet.bring(fleet.start(), MemberState.VERIFIED)
    fleet.decide(uid, "no_rollout", fleet.now - timedelta(hours=2))
    with fleet.db.read() as session:
        entries = timeline(session, uid, actor, 10)
        few = timeline(session, uid, actor, 2)

    assert "Verified: 2.0" in {entry.sentence for entry in entries}
    assert entries[-1].detail == "No rollout concerns this box."
    assert len(few) == 2


def test_the_dashboard_tells_what_boxes_run(browser: Any, fleet: Any) -> None:
    fleet.start()
    shown = browser.get("/")

    assert "Versions running" in shown
    assert "39 of 40" in shown
    assert "Spring" in shown


def test_the_number_of_queries_of_a_card_does_not_grow(
    browser: Any, fleet: Any, queries_of: Callable[[], Any]
) -> None:
    (uid,) = fleet.bring(fleet.start(), MemberState.VERIFIED)
    with queries_of() as few:
        browser.get(f"/firmware/boxes/{uid}")
    fleet.start("Another", "3.0")
    fleet.decide(uid, "no_rollout", fleet.now)
    with queries_of() as many:
        browser.get(f"/firmware/boxes/{uid}")

    assert len(many) == len(few)
    assert len(many) <= 14


def test_boxes_are_listed_in_pages_with_filters(api: Any, fleet: Any) -> None:
    uid = fleet.stranger("STRANGER-1")
    pending = api("GET", "/boxes?state=pending").get_json()["items"]
    tagged = api("GET", "/boxes?tag=lab&model=KX-1&version=1.0&revision=A").get_json()["items"]
    first = api("GET", "/boxes?limit=30").get_json()
    rest = api("GET", f"/boxes?limit=30&cursor={first['next_cursor']}").get_json()

    assert [box["id"] for box in pending] == [uid]
    assert [(box["id"], box["tags"]) for box in tagged] == [
        ("uid-00", ["lab"]),
        ("uid-02", ["lab"]),
    ]
    assert len({box["id"] for page in (first, rest) for box in page["items"]}) == 41


def test_a_box_is_judged_named_and_asked_through_the_api(api: Any, fleet: Any) -> None:
    uid = fleet.stranger("STRANGER-1")

    assert api("POST", f"/boxes/{uid}/refuse").get_json()["state"] == "refused"
    assert api("POST", f"/boxes/{uid}/approve").get_json()["state"] == "known"
    assert api("POST", f"/boxes/{uid}/approve").status_code == 409
    assert api("PUT", f"/boxes/{uid}/alias", json={"alias": "hub"}).get_json()["alias"] == "hub"
    assert api("PUT", "/boxes/uid-01/alias", json={"alias": "hub"}).status_code == 409
    assert api("POST", f"/boxes/{uid}/ask").get_json()["attributes_wanted"] is True
    assert api("GET", f"/boxes/{uid}/reports").get_json() == {"items": []}


def test_tokens_are_told_once_through_the_api(api: Any, fleet: Any) -> None:
    made = api("POST", "/boxes/uid-01/tokens", json={"overlap_days": 0})
    kept = api("GET", "/boxes/uid-01/tokens").text
    gateway = api("POST", "/gateway-tokens", json={"name": "The hub"}).get_json()
    listed = api("GET", "/gateway-tokens")
    revoked = api("DELETE", f"/gateway-tokens/{gateway['id']}")

    assert made.status_code == 201
    assert made.get_json()["secret"] not in kept
    assert gateway["secret"] not in listed.text
    assert [row["name"] for row in listed.get_json()["items"]] == ["The hub"]
    assert revoked.status_code == 204
    assert api("GET", "/gateway-tokens").get_json()["items"][0]["revoked_at"]


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (schemas.RotationSchema, {"overlap_days": 91}),
        (schemas.RotationSchema, {"token": "short"}),
        (schemas.AliasSchema, {"alias": "a\x00b"}),
        (schemas.AliasSchema, {"alias": ""}),
        (schemas.AliasSchema, {}),
        (schemas.GatewayTokenForm, {"name": " "}),
        (schemas.GatewayTokenForm, {"name": "x", "days": 2**40}),
        (schemas.BoxesArguments, {"state": "lost"}),
        (schemas.BoxesArguments, {"tag": "a\x00b"}),
    ],
)
def test_a_body_that_cannot_be_is_refused(schema: type[Schema], body: dict[str, Any]) -> None:
    assert schema().validate(body)


def test_what_cannot_be_is_said(api: Any, fleet: Any) -> None:
    foreign = {"token": "sixteen characters \u00e9"}
    assert api("POST", "/boxes/uid-01/tokens", json=foreign).status_code == 422
    assert api("PUT", "/boxes/uid-01/alias", json={}).status_code == 422
    assert api("GET", "/boxes?tag=a%00b").status_code == 422
