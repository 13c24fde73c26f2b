"""Rollouts, recalls and decisions through the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from firmware.rollouts.rules import MemberState
from firmware.rollouts.schemas import PlanBody

REASON = {"reason": "boxes get hot"}
WAVES = [{"share_permille": 100, "soak_s": 60}, {"share_permille": 1000}]


def body(fleet: Any, **more: Any) -> dict[str, Any]:
    return {"name": "Autumn", "image": fleet.images["2.0"], "waves": WAVES, **more}


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_a_rollout_is_planned_started_and_read(api: Any, fleet: Any) -> None:
    aim = {name: value for name, value in body(fleet).items() if name != "name"}
    preview = ok(api("POST", "/rollouts/preview", json=aim))
    made = ok(api("POST", "/rollouts", json=body(fleet, salt=preview["salt"])), 201)
    started = ok(api("POST", f"/rollouts/{made['id']}/start"))
    read = ok(api("GET", f"/rollouts/{made['id']}"))

    assert preview["total"] == read["whole"]["boxes"] == 40
    assert [wave["boxes"] for wave in preview["waves"]] == [wave["boxes"] for wave in read["waves"]]
    assert {box["id"]: box["wave"] for box in preview["sample"]}.items() <= (
        fleet.waves(made["id"]).items()
    )
    assert started["state"] == read["state"] == "running"
    assert read["reason"]["sentence"] == "Started: 40 boxes in 2 waves."
    assert read["whole"]["by_kind"]["not_seen"] == 1


def test_a_draft_tells_what_bars_it(api: Any, fleet: Any) -> None:
    made = ok(api("POST", "/rollouts", json=body(fleet, selection={"tags": ["nowhere"]})), 201)
    refused = ok(api("POST", f"/rollouts/{made['id']}/start"), 409)

    assert made["obstacles"] == refused["obstacles"]
    assert made["obstacles"][0]["code"] == "no_boxes"


def test_a_change_of_another_version_is_refused(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    tag = api("GET", f"/rollouts/{public_id}").headers["ETag"]

    def pause(given: str) -> Any:
        headers = {"If-Match": given}
        return api("POST", f"/rollouts/{public_id}/pause", json=REASON, headers=headers)

    assert pause('"0"').status_code == 412
    paused = pause(tag)
    assert paused.status_code == 200
    assert paused.headers["ETag"] != tag


def test_widening_and_retrying_make_a_new_version(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    fleet.bring(public_id, MemberState.FAILED)
    path = f"/rollouts/{public_id}"
    tags = [api("GET", path).headers["ETag"]]
    wider = {"cap": ok(api("GET", path))["cap"], "shares_permille": [500, 1000]}
    tags.append(api("POST", f"{path}/widen", json=wider).headers["ETag"])
    tags.append(api("POST", f"{path}/retry").headers["ETag"])

    assert len(set(tags)) == 3
    assert tags[-1] == api("GET", path).headers["ETag"]


def test_the_audit_keeps_one_language(api: Any, fleet: Any) -> None:
    public_id = fleet.plan()
    ok(api("POST", f"/rollouts/{public_id}/start", headers={"Accept-Language": "ar"}))
    entry = ok(api("GET", "/audit?verb=rollout.start"))["items"][0]

    assert entry["changes"]["reason"] == "Started: 40 boxes in 2 waves."


def test_it_is_paused_resumed_and_cancelled(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    states = [
        ok(api("POST", f"/rollouts/{public_id}/{verb}", json=REASON))["state"]
        for verb in ("pause", "resume", "cancel")
    ]
    events = ok(api("GET", f"/rollouts/{public_id}/events"))["items"]

    assert states == ["paused", "running", "cancelled"]
    assert [event["to_state"] for event in events] == ["cancelled", "running", "paused", "running"]
    assert events[0]["reason"] == {
        "code": "by_hand",
        "values": {"why": "boxes get hot"},
        "sentence": "boxes get hot",
    }


def test_failed_boxes_try_again_and_are_counted(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    nothing = api("POST", f"/rollouts/{public_id}/retry")
    fleet.bring(public_id, MemberState.FAILED, 2)

    assert nothing.status_code == 409
    assert ok(api("POST", f"/rollouts/{public_id}/retry"))["retried"] == 2


def test_it_is_widened(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    wider = {"shares_permille": [500, 1000], "cap": 3}
    narrower = {"shares_permille": [100, 1000], "cap": 3}

    answer = ok(api("POST", f"/rollouts/{public_id}/widen", json=wider))

    assert answer["cap"] == 3
    assert [wave["share_permille"] for wave in answer["waves"]] == [500, 1000]
    assert api("POST", f"/rollouts/{public_id}/widen", json=narrower).status_code == 422


def test_boxes_are_listed_in_pages_by_state(api: Any, fleet: Any) -> None:
    public_id = fleet.start()
    verified = fleet.bring(public_id, MemberState.VERIFIED, 3)
    address = f"/rollouts/{public_id}/boxes"

    first = ok(api("GET", f"{address}?state=verified&limit=2"))
    second = ok(api("GET", f"{address}?state=verified&limit=2&cursor={first['next_cursor']}"))
    unseen = ok(api("GET", f"{address}?state=not_seen"))

    assert {box["box_id"] for page in (first, second) for box in page["items"]} == set(verified)
    assert second["next_cursor"] is None
    assert [box["serial"] for box in unseen["items"]] == ["SN0039"]


def test_rollouts_are_listed_by_state(api: Any, fleet: Any) -> None:
    fleet.plan("A draft")
    fleet.start("A live one")
    listed = ok(api("GET", "/rollouts?state=running"))
    assert [rollout["name"] for rollout in listed["items"]] == ["A live one"]


def test_all_are_stopped_at_once(api: Any, fleet: Any) -> None:
    fleet.start("One")
    fleet.start("Two", "3.0")
    stopped = ok(api("POST", "/rollouts/stop-all", json=REASON))
    assert {rollout["state"] for rollout in stopped["items"]} == {"paused"}
    assert len(stopped["items"]) == 2


def test_a_recall_goes_back_to_an_older_image_only(api: Any, fleet: Any) -> None:
    with fleet.db.write() as session:
        session.merge(fleet.box("uid-05")).running_version = "2.0"
    recall = body(fleet, recalled=fleet.images["2.0"], image=fleet.images["3.0"], **REASON)

    newer = ok(api("POST", "/recalls", json=recall), 409)
    older = ok(api("POST", "/recalls", json={**recall, "image": fleet.images["1.0"]}), 201)

    assert newer["obstacles"][0]["code"] == "not_older"
    assert older["kind"] == "recall"
    assert older["recalled_image"]["version"] == "2.0"
    assert list(fleet.waves(older["id"])) == ["uid-05"]


def test_why_is_told_for_any_moment(api: Any, fleet: Any) -> None:
    fleet.decide("uid-01", "no_rollout", fleet.now - timedelta(hours=2))
    fleet.decide("uid-01", "paused", fleet.now - timedelta(hours=1), rollout="Spring")

    def why(at: str) -> Any:
        return ok(api("GET", f"/boxes/uid-01/why{at}"))["decision"]

    def then(hours: float) -> str:
        moment: datetime = fleet.now - timedelta(hours=hours)
        return "?at=" + moment.isoformat().replace("+", "%2B")

    assert why(then(3)) is None
    assert why(then(1.5))["reason"]["sentence"] == "No rollout concerns this box."
    assert why(then(1))["reason"]["sentence"] == "Spring is paused."
    assert why("")["reason"]["sentence"] == "Spring is paused."
    assert len(ok(api("GET", "/boxes/uid-01/decisions"))["items"]) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "x" * 129},
        {"waves": []},
        {"waves": [{"share_permille": 1001}]},
        {"waves": [{"share_permille": 1000, "failure_count": 2**63}]},
        {"waves": [{"share_permille": 1000, "soak_s": 2**31}]},
        {"waves": [{"share_permille": 1000, "min_decided": 0}]},
        {"waves": [{"share_permille": 1000, "colour": "red"}]},
        {"waves": [{"share_permille": "1000"}]},
        {"cap": 0},
        {"cap": 2**31},
        {"timing": {"grace_s": 0}},
        {"timing": {"seen_within_days": 10**9}},
        {"selection": {"tags": ["a\x00"]}},
        {"salt": "s" * 33},
        {"unknown": 1},
    ],
)
def test_a_body_that_cannot_be_is_refused(more: dict[str, Any]) -> None:
    plain = {"name": "Autumn", "image": "image-id", "waves": WAVES}
    assert PlanBody().validate(plain) == {}
    assert PlanBody().validate({**plain, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"cap": 0},
        {"image": "none"},
        {"waves": [{"share_permille": 999}]},
        {"selection": {"boxes": ["SN9999"]}},
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    api: Any, fleet: Any, more: dict[str, Any]
) -> None:
    refused = ok(api("POST", "/rollouts", json=body(fleet, **more)), 422)
    assert refused["errors"]
    assert ok(api("GET", "/rollouts"))["items"] == []


@pytest.mark.parametrize(
    "address",
    [
        "/rollouts?state=lost",
        "/rollouts?cursor=!!!",
        "/rollouts?limit=0",
        "/boxes/uid-01/why?at=yesterday",
        "/boxes/uid-01/why?at=0001-01-01T00:00:00%2B14:00",
        "/boxes/uid-01/decisions?limit=201",
    ],
)
def test_what_cannot_be_asked_is_said(api: Any, fleet: Any, address: str) -> None:
    assert api("GET", address).status_code == 422


@pytest.mark.parametrize("address", ["/rollouts/x", "/rollouts/%00", "/boxes/%00/why"])
def test_what_is_not_there_is_not_found(api: Any, fleet: Any, address: str) -> None:
    assert api("GET", address).status_code == 404


def test_a_viewer_reads_and_changes_nothing(api_as: Callable[..., Any], fleet: Any) -> None:
    viewer = api_as("viewer")
    public_id = fleet.start()
    changes = ("start", "pause", "resume", "cancel", "retry", "widen")

    refused = {viewer("POST", f"/rollouts/{public_id}/{verb}").status_code for verb in changes}
    planned = viewer("POST", "/rollouts", json=body(fleet)).status_code

    assert refused == {403}
    assert planned == 403
    assert viewer("GET", f"/rollouts/{public_id}").status_code == 200
    assert fleet.state(public_id) == "running"


def test_the_same_key_plans_once(api: Any, fleet: Any) -> None:
    headers = {"Idempotency-Key": "plan-1"}
    first = ok(api("POST", "/rollouts", json=body(fleet), headers=headers), 201)
    again = ok(api("POST", "/rollouts", json=body(fleet), headers=headers), 201)
    assert first["id"] == again["id"]


def test_gauges_count_rollouts_and_boxes(app: Any, fleet: Any) -> None:
    fleet.start()
    told = app.test_client().get("/metrics").text

    assert 'stb_rollouts{kind="running"} 1.0' in told
    assert 'stb_updates{kind="waiting"} 40.0' in told
    assert 'stb_boxes{kind="known"} 40.0' in told
