"""The API of returns, of the workshop and of their terms, on a filled service."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.holdings.operations import give_to_account
from stb_service.rma import photographs, stating
from stb_service.rma.operations import open_case
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.staff import operations, queries
from stb_service.subscribers.operations import add_site, create_account
from tests.api.conftest import Served
from tests.conftest import NOW, PASSWORD, Api
from tests.stories.caller import PNG

HERE = ("received", "inspecting", "quoting", "quoted")
QUOTED, WANTED, AHEAD, ORDER = "R-000001", "R-000002", "R-000003", "W-000001"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def as_role(served: Served) -> Callable[..., Api]:
    """Return the API as somebody of a role."""

    def make(role: str, organisation: str = "operator") -> Api:
        if organisation != "operator":
            new = {"code": organisation, "name": organisation, "kind": "dealer"}
            served.api("POST", "/organisations", json=new)
        with served.db.write() as session:
            place = queries.organisation_by_ref(session, organisation, EVERYTHING)
            person = operations.create_person(
                session,
                username=f"{role.replace('_', '.')}.{organisation}",
                name=role,
                password=PASSWORD,
                organisation=place,
                role=role,
                actor=SYSTEM,
                now=NOW,
                must_change_password=False,
            )
            _, secret = operations.create_token(
                session, person=person, name="t", days=30, actor=SYSTEM, now=utc_now()
            )
        return Api(served.app.test_client(), secret)

    return make


def codes(answer: Any) -> list[str]:
    """Return the obstacles of a refusal."""
    return [obstacle["code"] for obstacle in answer.json["obstacles"]]


# --- reading -------------------------------------------------------------------------------------


def test_a_case_is_told_with_all_that_belongs_to_it(served: Served) -> None:
    case = served.api("GET", f"/returns/{QUOTED}").json
    same = served.api("GET", f"/returns/{case['id']}").json

    assert same["number"] == QUOTED
    assert (case["state"], case["phase"], case["waits_for"]) == ("quoted", "customer", "customer")
    assert case["account"]["name"] == "Returns Ltd"
    assert (case["order"]["number"], case["order"]["state"]) == (ORDER, "inspected")
    assert [(f["number"], f["fault_class"], f["photos"]) for f in case["faults"]] == [
        (1, "wear", 1)
    ]
    assert {check["answer"] for check in case["prechecks"]} == {"done"}
    assert [(p["direction"], p["ending"]) for p in case["parcels"]] == [("in", "delivered")]
    assert [(q["state"], q["total_minor"]) for q in case["quotes"]] == [("sent", 1_190)]
    assert len(case["comparisons"]) == len(case["photos"]) == 1
    assert served.api("GET", case["links"]["order"].removeprefix("/api/v1")).status_code == 200


def test_each_possible_step_is_told_with_what_bars_it(served: Served) -> None:
    actions = served.api("GET", f"/returns/{QUOTED}").json["actions"]
    found = {action["event"]: action for action in actions}

    assert found["decline"]["is_possible"]
    assert not found["decline_part"]["is_possible"]
    (obstacle,) = found["decline_part"]["obstacles"]
    assert obstacle["code"] == "something_covered"
    assert obstacle["message"] == "No other fault of the box is covered or agreed."
    assert found["revise"]["asks"] == ["reason"]
    assert {action["machine"] for action in actions} == {"case"}


def test_a_workshop_order_is_told_with_what_was_done(served: Served) -> None:
    order = served.api("GET", f"/workshop-orders/{ORDER}").json

    assert order["case"]["number"] == QUOTED
    assert order["location"]["code"] == "MAIN"
    assert len(order["checks"]) == 8
    assert [part["is_reserved"] for part in order["parts"]] == [True]
    assert order["labour_minor"] == {"own": 667}
    assert [row["component"] for row in order["components"]] == ["disk"]
    assert [test["passed"] for test in order["tests"]] == [False]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {QUOTED, WANTED, AHEAD}),
        ({"state": "quoted"}, {QUOTED}),
        ({"phase": "asked"}, {WANTED, AHEAD}),
        ({"remedy": "accessory"}, {WANTED}),
        ({"standing": "closed"}, set()),
        ({"text": "r1"}, {QUOTED}),
        ({"text": "1Z1"}, {QUOTED}),
        ({"text": "RETURNED1"}, {WANTED}),
        ({"device": "RETURNED2"}, {AHEAD}),
        ({"account": "nobody"}, set()),
        ({"handler": "operator"}, {QUOTED, WANTED, AHEAD}),
    ],
)
def test_the_list_is_narrowed(served: Served, query: dict[str, str], found: set[str]) -> None:
    items = served.api("GET", "/returns", query_string=query).json["items"]

    assert {item["number"] for item in items} >= found
    assert {item["number"] for item in items} & {QUOTED, WANTED, AHEAD} == found


def test_a_list_costs_the_same_however_long_it_is(served: Served) -> None:
    def queries_of(path: str) -> int:
        seen: list[str] = []
        note = lambda _c, _cursor, statement, *_more: seen.append(statement)  # noqa: E731
        event.listen(served.db.engine, "before_cursor_execute", note)
        try:
            assert served.api("GET", path).status_code == 200
        finally:
            event.remove(served.db.engine, "before_cursor_execute", note)
        return len(seen)

    assert queries_of("/returns?limit=1") == queries_of("/returns?limit=3")


def test_the_history_has_every_step_of_both_machines(served: Served) -> None:
    told = served.api("GET", f"/returns/{QUOTED}/history").json
    mine = [row["event"] for row in told["items"] if row["machine"] == "case"]
    box = served.api("GET", f"/workshop-orders/{ORDER}/history").json["items"]

    assert mine == [
        "request",
        "approve",
        "post",
        "receive",
        "inspect",
        "judge",
        "quote",
        "send_quote",
    ]
    assert [row["event"] for row in box] == ["expect", "arrive", "inspect", "judge"]
    assert {row["event"]: row["is_carried"] for row in box}["arrive"] is True
    post = next(row for row in told["items"] if row["event"] == "post")
    assert post["said"] == {"carrier": "Post", "tracking": "1Z1"}
    assert set(told["seconds"]) >= {"requested", "quoted"}
    assert told["turnaround"]["customer"] == told["seconds"]["quoted"]
    assert told["turnaround"]["seconds"] >= sum(told["seconds"][of] for of in HERE)
    assert served.api("GET", f"/returns/{WANTED}/history").json["turnaround"] is None


def test_the_machines_are_data_and_drawings(served: Served) -> None:
    case, order = served.api("GET", "/returns/machine").json["items"]
    states = {place["state"] for place in case["states"]}

    assert (case["name"], order["name"]) == ("case", "order")
    assert {step["to_state"] for step in case["steps"]} <= states
    assert {step["event"] for step in case["steps"]} <= {row["event"] for row in case["events"]}
    for path in ("/returns/machine/order/drawing?direction=rtl", f"/returns/{QUOTED}/drawing"):
        drawn = served.api("GET", path)
        assert (drawn.mimetype, drawn.text[:4]) == ("image/svg+xml", "<svg")
    assert served.api("GET", "/returns/machine/nothing/drawing").status_code == 404


# --- who may, and who sees -----------------------------------------------------------------------


def test_who_sees_no_accounts_is_told_none(as_role: Callable[..., Api]) -> None:
    api = as_role("firmware_manager")
    case = api("GET", f"/returns/{QUOTED}").json

    assert (case["account"], case["person"], case["quotes"]) == (None, None, [])
    assert case["actions"] == []
    assert api("GET", "/returns").json["items"][0]["account"] is None


def test_a_step_needs_its_verb(as_role: Callable[..., Api]) -> None:
    viewer = as_role("viewer")
    step = viewer("POST", f"/returns/{AHEAD}/steps", json={"event": "approve"})
    check = viewer("PUT", f"/returns/{AHEAD}/prechecks/restart", json={"answer": "done"})

    assert (step.status_code, check.status_code) == (403, 403)


def test_a_dealer_sees_and_moves_its_own_cases_alone(
    served: Served, as_role: Callable[..., Api]
) -> None:
    dealer = as_role("agent", "dealer-of-returns")
    case = served.api("GET", f"/returns/{QUOTED}").json
    paths = [
        ("GET", f"/returns/{QUOTED}"),
        ("GET", f"/returns/{QUOTED}/history"),
        ("GET", f"/returns/{QUOTED}/drawing"),
        ("GET", f"/returns/{QUOTED}/photos"),
        ("GET", f"/returns/{QUOTED}/photos/{case['photos'][0]['id']}"),
        ("GET", f"/workshop-orders/{ORDER}"),
        ("GET", f"/workshop-orders/{ORDER}/photos"),
        ("PATCH", f"/returns/{QUOTED}"),
    ]

    assert dealer("GET", "/returns").json["items"] == []
    assert {dealer(m, p, json={}).status_code for m, p in paths} == {404}
    for path in (f"/returns/{QUOTED}/steps", f"/workshop-orders/{ORDER}/steps"):
        assert dealer("POST", path, json={"event": "hold", "reason": "x"}).status_code == 404


def test_whoever_works_for_anothers_customer_is_told_no_names(
    served: Served, as_role: Callable[..., Api]
) -> None:
    """The account is not theirs: neither list, card nor history says whose the box is."""
    dealer = as_role("agent", "dealer-of-names")
    model = served.api("GET", f"/returns/{QUOTED}").json["device"]["model"]
    who: dict[str, Any] = {"actor": SYSTEM, "now": NOW}
    with served.db.write() as session:
        box = register_device(session, serial="NAMELESS1", model=model, **who)
        home = create_account(session, kind="person", name="Ada Told", currency="EUR", **who)
        site = add_site(session, uid=home.public_id, name="Cottage", timezone="UTC", **who)
        where = {"uid": box.public_id, "site": site.public_id, "tenure": "sold", **who}
        give_to_account(session, account=home.number, moves=False, **where)
        case = open_case(session, device=box.public_id, handler="dealer-of-names", **who)
        number = case.number
        stating.state(session, ref=number, kind="address_confirmed", **who)
    found = [dealer("GET", f"/returns{rest}") for rest in ("", f"/{number}", f"/{number}/history")]
    full = [served.api("GET", f"/returns/{number}{rest}") for rest in ("", "/history")]
    (row,), card = found[0].json["items"], found[1].json

    assert (full[0].json["account"]["name"], full[0].json["site"]["name"]) == (
        "Ada Told",
        "Cottage",
    )
    assert full[1].json["items"][0]["by"] == full[0].json["opened_by"] == SYSTEM.label
    assert row["account"] is card["account"] is card["person"] is card["site"] is None
    assert card["handler"]["code"] == "dealer-of-names"
    names = ("Ada Told", "Cottage", f'"{SYSTEM.label}"')
    assert [name for answer in found for name in names if name in answer.text] == []


# --- changing ------------------------------------------------------------------------------------


def test_a_case_is_corrected_as_it_was_read(served: Served) -> None:
    path = f"/returns/{AHEAD}"
    tag = served.api("GET", path).headers["ETag"]
    first = served.api("PATCH", path, json={"complaint": "a"}, headers={"If-Match": tag})
    second = served.api("PATCH", path, json={"complaint": "b"}, headers={"If-Match": tag})
    step = served.api("POST", f"{path}/steps", json={"event": "hold"}, headers={"If-Match": tag})
    late = served.api("PATCH", f"/returns/{QUOTED}", json={"remedy": "refund"})

    assert (first.status_code, first.json["complaint"]) == (200, "a")
    assert (second.status_code, step.status_code) == (412, 412)
    assert (late.status_code, codes(late)) == (409, ["authorised"])


def test_a_refused_step_tells_everything_that_bars_it(served: Served) -> None:
    path = f"/returns/{AHEAD}/steps"
    answers = {
        event: served.api("POST", path, json={"event": event})
        for event in ("approve", "reject", "receive", "inspect")
    }
    found = {event: codes(answer) for event, answer in answers.items()}
    needed = answers["approve"].json["obstacles"][0]["message"]
    unknown = served.api("POST", path, json={"event": "fly"})

    assert {answer.status_code for answer in answers.values()} == {409}
    assert {answer.mimetype for answer in answers.values()} == {PROBLEM}
    assert found == {
        "approve": ["checks"],
        "reject": ["reason"],
        "receive": ["step"],
        "inspect": ["step"],
    }
    assert "Unplugged" in needed
    assert (unknown.status_code, list(unknown.json["errors"])) == (422, ["event"])


def test_a_step_with_the_same_key_is_made_once(served: Served) -> None:
    path, key = f"/returns/{WANTED}/steps", {"Idempotency-Key": "held-once"}
    body = {"event": "hold", "reason": "asks at home"}
    answers = [served.api("POST", path, json=body, headers=key) for _ in range(2)]
    back = served.api("POST", path, json={"event": "resume"})

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert (back.json["state"], back.json["held"]) == ("requested", False)


def test_the_work_of_the_bench_is_written_down(served: Served) -> None:
    api, path = served.api, f"/workshop-orders/{ORDER}"
    late = api("PUT", f"{path}/checks/power", json={"result": "pass"})
    look = {"what": "look", "minutes": 5, "rate_minor": 0}
    unpaid = api("POST", f"{path}/labour", json=look)
    free = {"billing_code": "own", "reason": "to see what it costs"}
    worked = api("POST", f"{path}/labour", json={**look, **free})
    firmware = api("PUT", f"{path}/firmware", json={"before": "1.0.0"})
    tried = api("POST", f"{path}/tests", json={"passed": True, "note": "an hour"})
    test = tried.json["tests"][-1]["id"]
    attached = api("PUT", f"{path}/tests/{test}/lab-run", json={"lab_run": "run-1"})
    never_run = api("POST", f"{path}/tests", json={"passed": True, "lab_run": "nope"})
    stated = api(
        "POST",
        f"{path}/statements",
        json={"kind": "wiped", "method": "overwritten", "note": "certificate"},
    )
    dropped = api("POST", f"{path}/parts/{tried.json['parts'][0]['id']}/give-back")

    assert (late.status_code, codes(late)) == (409, ["not-now"])
    assert (unpaid.status_code, codes(unpaid)) == (409, ["not-agreed"])
    assert worked.json["labour"][-1]["minutes"] == 5
    assert firmware.json["firmware_before"] == "1.0.0"
    assert (attached.status_code, list(attached.json["errors"])) == (422, ["lab_run"])
    assert (never_run.status_code, list(never_run.json["errors"])) == (422, ["lab_run"])
    assert stated.json["statements"][-1]["kind"] == "wiped"
    assert dropped.json["parts"][0]["dropped_at"] is not None
    assert dropped.headers["ETag"] != late.headers.get("ETag")


def test_a_comparison_and_the_choice_are_kept(served: Served) -> None:
    path = f"/returns/{QUOTED}/comparison"
    body = {"parts_minor": 700, "labour_minor": 2_000, "bounce_permille": 50}
    made = served.api("POST", path, json=body)
    ref = made.json["comparisons"][-1]["id"]
    chosen = served.api("PUT", f"{path}/{ref}", json={"choice": "repair", "note": "by phone"})

    assert made.status_code == 201
    assert made.json["comparisons"][-1]["inputs"]["bounce_permille"] == 50
    assert chosen.json["comparisons"][-1]["choice"] == "repair"
    assert served.api("PUT", f"{path}/nothing", json={"choice": "new"}).status_code == 404


def test_a_photograph_is_kept_and_shown_as_what_it_is(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/returns/{QUOTED}/photos"

    def send(data: bytes, **form: str) -> Any:
        return served.api("POST", path, data={"photo": (io.BytesIO(data), "a.png"), **form})

    made = send(PNG, fault="1", note="cracked")
    shown = served.api("GET", f"{path}/{made.json['id']}")
    same = served.api("GET", f"/workshop-orders/{ORDER}/photos/{made.json['id']}")
    elsewhere = served.api("GET", f"/returns/{AHEAD}/photos/{made.json['id']}")
    wrong = [send(b"<svg/>"), send(PNG, fault="9"), served.api("POST", path, data={})]

    assert (made.status_code, made.json["fault"], made.json["note"]) == (201, 1, "cracked")
    assert (shown.data, shown.mimetype) == (PNG, "image/png")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert (same.status_code, elsewhere.status_code) == (200, 404)
    assert [answer.status_code for answer in wrong] == [422, 404, 422]
    monkeypatch.setattr(photographs, "MOST_PHOTO_BYTES", len(PNG) - 1)
    assert send(PNG).status_code == 413
    shown.close()
    same.close()


def test_the_terms_are_read_and_set(served: Served) -> None:
    days = served.api("GET", "/return-terms")
    stale = {"If-Match": '"77"'}
    changed = served.api("PATCH", "/return-terms", json={"ahead_days": 21})
    model = served.api("GET", "/return-terms/models").json["items"][0]
    path = f"/return-terms/models/{model['model']}"
    dearer = served.api(
        "PATCH", path, json={"new_minor": 12_900, "supported_until_on": "2030-01-31"}
    )

    assert (days.json["storage_days"], days.json["ahead_days"]) == (30, 14)
    assert (changed.json["storage_days"], changed.json["ahead_days"]) == (30, 21)
    assert (dearer.json["new_minor"], dearer.json["supported_until_on"]) == (12_900, "2030-01-31")
    assert served.api("PATCH", "/return-terms", json={}, headers=stale).status_code == 412
    assert served.api("PATCH", path, json={}, headers=stale).status_code == 412
    assert served.api("GET", "/return-terms/models/nothing").status_code == 404


# --- what cannot be ------------------------------------------------------------------------------

BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/returns", {}, "device"),
    ("POST", "/returns", {"device": "no-such-box"}, "device"),
    ("POST", "/returns", {"device": "RETURNED3", "account": "no-such"}, "account"),
    ("POST", "/returns", {"device": "RETURNED3", "handler": "no-such"}, "handler"),
    ("POST", "/returns", {"device": "RETURNED3", "remedy": "magic"}, "remedy"),
    ("POST", "/returns", {"device": "RETURNED3", "channel": "owl"}, "channel"),
    ("POST", "/returns", {"device": "RETURNED3", "reported_on": "2999-01-01"}, "reported_on"),
    ("POST", "/returns", {"device": "RETURNED3", "reported_on": "0001-01-01"}, "reported_on"),
    ("POST", "/returns", {"device": "RETURNED3", "reported_on": "2026-01-01"}, "reported_because"),
    ("POST", "/returns", {"device": "RETURNED3", "language": "xx"}, "language"),
    ("POST", "/returns", {"device": "RETURNED3", "complaint": "a\x00b"}, "complaint"),
    ("PATCH", f"/returns/{AHEAD}", {"remedy": "magic"}, "remedy"),
    ("POST", f"/returns/{AHEAD}/steps", {}, "event"),
    ("POST", f"/returns/{AHEAD}/steps", {"event": "hold", "reason": "a\x00b"}, "reason"),
    ("POST", f"/returns/{AHEAD}/steps", {"event": "hold", "lines": ["x"]}, "lines.0"),
    ("POST", f"/returns/{AHEAD}/faults", {"component": "soul"}, "component"),
    ("PUT", f"/returns/{QUOTED}/faults/1/verdict", {"confirmed": "yes"}, "fault_class"),
    (
        "PUT",
        f"/returns/{QUOTED}/faults/1/verdict",
        {"confirmed": "yes", "fault_class": "wear", "hours_on": 100_001},
        "hours_on",
    ),
    ("POST", f"/returns/{QUOTED}/faults/1/goodwill", {"reason": "  "}, "reason"),
    ("PUT", f"/returns/{AHEAD}/prechecks/nothing", {"answer": "done"}, "code"),
    ("PUT", f"/returns/{AHEAD}/prechecks/restart", {"answer": "maybe"}, "answer"),
    ("POST", f"/returns/{AHEAD}/statements", {"kind": "rumour"}, "kind"),
    ("POST", f"/returns/{AHEAD}/statements", {"kind": "price_paid"}, "amount_minor"),
    (
        "POST",
        f"/returns/{AHEAD}/statements",
        {"kind": "fee_agreed", "amount_minor": 1},
        "amount_minor",
    ),
    (
        "POST",
        f"/returns/{AHEAD}/statements",
        {"kind": "price_paid", "amount_minor": 9_900},
        "note",
    ),
    ("POST", f"/returns/{AHEAD}/steps", {"event": "refund", "provider": "mint"}, "provider"),
    ("POST", f"/returns/{AHEAD}/exchange", {"device": "no-such-box"}, "device"),
    ("POST", f"/returns/{WANTED}/accessory", {"part": "NO", "location": "MAIN"}, "part"),
    ("POST", f"/returns/{QUOTED}/quote", {"lines": []}, "lines"),
    (
        "POST",
        f"/returns/{QUOTED}/comparison",
        {"parts_minor": -1, "labour_minor": 1},
        "parts_minor",
    ),
    ("POST", "/workshop-orders", {"device": "no-such-box"}, "device"),
    ("PUT", f"/workshop-orders/{ORDER}/checks/nothing", {"result": "pass"}, "code"),
    ("PUT", f"/workshop-orders/{ORDER}/checks/power", {"result": "well"}, "result"),
    ("POST", f"/workshop-orders/{ORDER}/parts", {"part": "NO-SUCH"}, "part"),
    ("POST", f"/workshop-orders/{ORDER}/labour", {"what": "x", "minutes": 0}, "minutes"),
    ("POST", f"/workshop-orders/{ORDER}/components", {"component": "disk"}, "new_serial"),
    ("POST", f"/workshop-orders/{ORDER}/tests", {}, "passed"),
    ("PUT", f"/workshop-orders/{ORDER}/grade", {"grade": "Z"}, "grade"),
    ("PATCH", "/return-terms", {"ahead_days": -1}, "ahead_days"),
    ("PATCH", "/return-terms", {"tea_days": 1}, "tea_days"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), BAD)
def test_what_cannot_be_is_told_with_its_field(
    served: Served, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = served.api(method, path, json=body)

    assert (answer.status_code, answer.mimetype) == (422, PROBLEM)
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize(("method", "path"), sorted({row[:2] for row in BAD}))
def test_half_a_character_and_unknown_fields_are_refused(
    served: Served, method: str, path: str
) -> None:
    half = served.api(
        method, path, data=json.dumps({"note": "\ud800"}), content_type="application/json"
    )
    strange = served.api(method, path, json={"no_such_field": 1})

    assert half.status_code in {400, 422}
    assert strange.status_code == 422
    assert "no_such_field" in strange.json["errors"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/returns/R-999999/steps", {"event": "hold"}),
        ("POST", f"/returns/{ORDER}/steps", {"event": "hold"}),
        ("POST", "/workshop-orders/W-999999/steps", {"event": "hold"}),
        ("PUT", f"/returns/{QUOTED}/faults/9/verdict", {"confirmed": "yes", "fault_class": "wear"}),
        ("POST", f"/returns/{QUOTED}/faults/{10**30}/goodwill", {"reason": "x"}),
        ("GET", f"/returns/{QUOTED}/photos/nothing", None),
        ("POST", f"/workshop-orders/{ORDER}/parts/nothing/use", {}),
        ("POST", f"/workshop-orders/{ORDER}/parts/nothing/give-back", None),
        ("PUT", f"/workshop-orders/{ORDER}/tests/nothing/lab-run", {"lab_run": "x"}),
        ("GET", "/workshop-orders/nothing/photos", None),
    ],
)
def test_what_is_not_there_is_not_found(
    served: Served, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = served.api(method, path, **({} if body is None else {"json": body}))

    assert answer.status_code in {404, 409} if "use" in path else answer.status_code == 404
    assert answer.mimetype == PROBLEM
