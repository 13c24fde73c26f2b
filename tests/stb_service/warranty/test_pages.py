"""The pages of warranty in the whole app, and how many queries they take."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.warranty import operations, queries
from stb_service.warranty.models import WarrantyPolicy
from tests.conftest import csrf_of
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.warranty.conftest import SOLD, Desk

FORM = {
    "title": "Two years",
    "jurisdiction": "EU",
    "months": "24",
    "last_day": "day_before",
    "doa_days": "14",
    "doa_hours": "48",
    "component_remote": "6",
    "component_power_supply": "12",
    "component_tuner": "",
    "start_0_basis": "delivery",
    "start_2_basis": "shipment",
    "start_2_after_days": "14",
    "replacement": "remainder",
    "transfer": "always",
    "tenures": "sold",
    "excluded": ["liquid", "surge"],
    "suspends": "true",
}


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    """Send a form the way a browser does that has opened a page."""
    token = csrf_of(client.get("/warranty/assignments").text)
    return client.post(path, data={"csrf_token": token, **data})


def policy_of(one: Desk, code: str) -> WarrantyPolicy:
    found: WarrantyPolicy
    (found,) = [p for p in one.ask(queries.all_policies) if p.code == code]
    return found


def test_a_policy_is_written_in_the_editor(client: FlaskClient, one: Desk) -> None:
    answer = post(client, "/warranty/policies/new", code="two-years", **FORM)

    assert answer.status_code == 303, answer.text
    terms = policy_of(one, "two-years").newest.terms
    assert terms["components"] == {"power_supply": 12, "remote": 6}
    assert [start["basis"] for start in terms["starts"]] == ["delivery", "shipment"]
    assert (terms["doa_days"], terms["doa_hours"]) == (14, 48)
    assert (terms["repairs"]["suspends"], terms["excluded"]) == (True, ["liquid", "surge"])
    page = client.get(answer.headers["Location"]).text
    assert "Two years" in page
    assert "<dt>Power supply</dt><dd>12 months</dd>" in page
    assert "14 days, up to 48 hours of operation" in page
    assert (
        'id="field-doa_hours" name="doa_hours" value="48"'
        in client.get(f"/warranty/policies/{policy_of(one, 'two-years').public_id}/edit").text
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"months": "many"}, "months"),
        ({"months": "241"}, "months"),
        ({"component_remote": "many"}, "component_remote"),
        ({"component_remote": "-1"}, "component_remote"),
        ({"component_remote": "241"}, "component_remote"),
        ({"component_engine": "6"}, "components"),
        ({f"component_{'r' * 33}": "6"}, "components"),
        ({"start_0_basis": ""}, "starts"),
        ({"start_0_basis": "shipment"}, "starts"),
        ({"start_0_after_days": "-1"}, "starts"),
        ({"tenures": ""}, "tenures"),
        ({"excluded": "firmware"}, "excluded"),
        ({"title": ""}, "title"),
    ],
)
def test_a_refused_draft_keeps_what_was_typed_and_tells_it_at_the_field(
    client: FlaskClient, one: Desk, change: dict[str, str], field: str
) -> None:
    form = {**FORM, "start_2_basis": "shipment", "note": "by hand", **change}
    if change == {"start_0_basis": ""}:
        form["start_2_basis"] = ""

    answer = post(client, "/warranty/policies/new", code="two-years", **form)

    assert answer.status_code == 422, field
    assert "by hand" in answer.text
    assert f'href="#field-{field}"' in answer.text
    assert f'id="field-{field}"' in answer.text


def test_today_is_the_readers_day(client: FlaskClient, one: Desk) -> None:
    path = f"/devices/{one.sold().public_id}/warranty"
    me = {"name": "Root", "language": "en", "theme": "auto"}

    client.post("/me", data={**me, "timezone": "Pacific/Kiritimati", "csrf_token": token(client)})
    in_the_east = reported_on(client.get(path).text)
    client.post("/me", data={**me, "timezone": "Pacific/Pago_Pago", "csrf_token": token(client)})
    in_the_west = reported_on(client.get(path).text)

    assert in_the_west < in_the_east  # they are 25 hours apart


def token(client: FlaskClient) -> str:
    return csrf_of(client.get("/me").text)


def reported_on(page: str) -> str:
    return page.split('name="reported_on" value="')[1][:10]


def test_a_word_that_was_written_before_the_list_was_stays_readable(
    client: FlaskClient, one: Desk
) -> None:
    one.policy("old")
    with one.db.write() as session:
        draft = one.ask(queries.find_policy, "old").id
        row = session.get_one(WarrantyPolicy, draft).versions[0]
        row.terms = {**row.terms, "components": {"kabel": 3}}
    path = f"/warranty/policies/{policy_of(one, 'old').public_id}"

    shown, asked = client.get(path).text, client.get(f"{path}/edit").text
    kept = post(client, f"{path}/edit", **{**FORM, "component_kabel": "4"})
    refused = post(client, f"{path}/edit", **{**FORM, "component_smartcard": "4"})

    assert "<dt>kabel</dt><dd>3 months</dd>" in shown
    assert 'name="component_kabel"' in asked
    assert (kept.status_code, refused.status_code) == (303, 422)
    assert policy_of(one, "old").newest.terms["components"]["kabel"] == 4


def test_a_draft_is_published_and_retired_on_its_page(client: FlaskClient, one: Desk) -> None:
    ref = policy_of(one, "plain").public_id
    path = f"/warranty/policies/{ref}"
    post(client, f"{path}/edit", **{**FORM, "months": "12"})

    warned = client.get(path).text
    published = post(client, f"{path}/publish", in_force_from="2090-03-02", checked_by="Dr Lex")
    retired = post(client, f"{path}/retire", retired_on="2090-03-03")
    page = client.get(path).text

    assert "The draft can give less than version 1:" in warned
    assert "The box: 12 months, not 24." in warned
    assert (published.status_code, retired.status_code) == (303, 303)
    assert "Dr Lex" in page
    assert "until the day before 3 Mar 2090" in page


def test_the_list_shows_what_is_in_force_and_the_draft_beside_it(
    client: FlaskClient, one: Desk
) -> None:
    path = f"/warranty/policies/{policy_of(one, 'plain').public_id}"
    post(client, f"{path}/edit", **{**FORM, "title": "A better one"})

    drafted = " ".join(client.get("/warranty/policies").text.split())
    post(client, f"{path}/publish", in_force_from="2090-03-02")
    to_come = " ".join(client.get("/warranty/policies").text.split())

    assert ">Plain<" in drafted
    assert "A better one" not in drafted
    assert drafted.index(">Published<") < drafted.index("Version 2") < drafted.index(">Draft<")
    assert ">Draft<" not in to_come
    assert "2 Mar 2090" in to_come
    assert to_come.index(">Published<") < to_come.index(">To come<")


@pytest.mark.parametrize(
    ("day", "shown", "following"),
    [
        (date(2029, 12, 31), 1, [2, 3, 4]),
        (date(2030, 1, 1), 2, [3, 4]),
        (date(2039, 12, 31), 2, [3, 4]),
        (date(2040, 1, 1), 3, [4]),
    ],
)
def test_the_version_that_stands_for_a_policy_is_the_last_in_force(
    one: Desk, day: date, shown: int, following: list[int]
) -> None:
    for year in (2030, 2040):
        one.change(operations.write_draft, "plain", title=f"From {year}")
        one.change(operations.publish, "plain", in_force_from=date(year, 1, 1))
    one.change(operations.write_draft, "plain", title="A draft")

    policy = policy_of(one, "plain")

    assert policy.shown_on(day).number == shown
    assert [version.number for version in policy.following(day)] == following


def test_a_policy_of_which_nothing_is_in_force_yet_is_shown_by_its_first_version(
    one: Desk,
) -> None:
    one.policy("new")
    draft = policy_of(one, "new")
    one.change(operations.publish, "new", in_force_from=date(2090, 1, 1))
    to_come = policy_of(one, "new")

    assert draft.shown_on(SOLD).is_draft
    assert to_come.shown_on(SOLD).in_force_from == date(2090, 1, 1)
    assert draft.following(SOLD) == to_come.following(SOLD) == []


def test_what_is_refused_is_told_on_the_page(client: FlaskClient, one: Desk) -> None:
    path = f"/warranty/policies/{policy_of(one, 'plain').public_id}"

    answer = post(client, f"{path}/publish", in_force_from="2026-03-02")

    assert "There is no draft." in client.get(answer.headers["Location"]).text


def test_a_preset_is_loaded_and_says_that_it_is_to_be_checked(
    client: FlaskClient, one: Desk
) -> None:
    answer = post(client, "/warranty/presets/eu-consumer")
    again = post(client, "/warranty/presets/eu-consumer")

    assert "to be checked by your lawyer" in client.get(answer.headers["Location"]).text
    assert "preset, to be checked" in client.get("/warranty/policies").text
    assert (answer.status_code, again.headers["Location"]) == (303, "/warranty/policies")


def test_what_would_this_box_get_is_shown_side_by_side(client: FlaskClient, one: Desk) -> None:
    one.sold()
    path = f"/warranty/policies/{policy_of(one, 'plain').public_id}"
    post(client, f"{path}/edit", **{**FORM, "start_0_basis": "sale", "months": "12"})

    page = client.get(f"{path}?serial=sn-0001&day=2026-01-31").text

    assert "Covered until 5 May 2027" in page
    assert "Covered until 4 May 2026" in page
    assert "This box would lose 366 days of cover." in page
    assert "Policy plain, version 1, is the one of all boxes." in page


def test_what_would_this_box_get_names_the_hours_that_would_be_asked(
    client: FlaskClient, one: Desk
) -> None:
    one.sold()
    path = f"/warranty/policies/{policy_of(one, 'plain').public_id}"
    post(client, f"{path}/edit", **{**FORM, "start_0_basis": "sale"})

    page = client.get(f"{path}?serial=sn-0001&day=2025-05-06").text

    assert "Up to 48 hours of operation it is dead on arrival; its counter is not read." in page


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("serial=nothing", "Not the serial or MAC of one box."),
        ("serial=SN-0001&day=soon", "Not a valid date."),
    ],
)
def test_a_box_that_cannot_be_tried_is_told(
    client: FlaskClient, one: Desk, query: str, message: str
) -> None:
    one.sold()

    page = client.get(f"/warranty/policies/{policy_of(one, 'plain').public_id}?{query}")

    assert page.status_code == 200
    assert message in page.text


def test_a_policy_is_assigned_on_the_page(client: FlaskClient, one: Desk) -> None:
    answer = post(
        client, "/warranty/assignments", policy="plain", model="AUR-1", from_on="2026-01-01"
    )
    refused = post(client, "/warranty/assignments", policy="none", from_on="2026-01-01")

    assert answer.status_code == 303
    assert "AUR-1" in client.get("/warranty/assignments").text
    assert refused.status_code == 422
    assert 'id="field-policy-error"' in refused.text


def test_the_card_says_until_when_and_why(client: FlaskClient, one: Desk) -> None:
    box = one.sold()
    one.decide(box)

    card = client.get(f"/devices/{box.public_id}").text

    assert "Covered until, and why" in card
    assert "Cover begins on 5 May 2025, by: Sale." in card
    assert "reported on 31 Jan 2026" in card
    assert "Warranty decided: Covered" in card


def test_a_fault_is_decided_from_the_box_and_granted_otherwise(
    client: FlaskClient, one: Desk
) -> None:
    path = f"/devices/{one.sold().public_id}/warranty"

    shown = client.get(f"{path}?reported_on=2026-01-31&cause=liquid").text
    answer = post(client, path, reported_on="2026-01-31", cause="liquid", subject_ref="R-7")
    decision = answer.headers["Location"]
    granted = post(client, f"{decision}/override", outcome="goodwill", reason="kept for years")
    page = client.get(decision).text

    assert "The inspection found: Liquid. The policy does not cover that." in shown
    assert (answer.status_code, granted.status_code) == (303, 303)
    assert "kept for years" in page
    assert "Excluded by its cause" in page
    assert "R-7" in page
    assert "Goodwill" in client.get("/warranty/decisions?overridden=true&text=SN-0001").text


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"reported_on": "2027-01-01"}, "This day is still to come."),
        ({"reported_on": "soon"}, "Not a valid date."),
        ({}, "Missing data for required field."),
    ],
)
def test_a_fault_that_cannot_be_decided_is_told(
    client: FlaskClient, one: Desk, form: dict[str, str], message: str
) -> None:
    answer = post(client, f"/devices/{one.sold().public_id}/warranty", **form)

    assert answer.status_code == 422
    assert message in answer.text


def test_a_box_without_policy_is_refused_in_words(client: FlaskClient, one: Desk) -> None:
    one.assign(None, since=SOLD)
    path = f"/devices/{one.sold().public_id}/warranty"

    page = client.get(path).text
    answer = post(client, path, reported_on="2026-01-31")

    assert "No warranty policy was in force for this box." in page
    assert answer.status_code == 409
    assert "assign one first" in answer.text


def test_an_override_without_reason_is_told_on_the_page(client: FlaskClient, one: Desk) -> None:
    decision = one.decide(one.sold())
    path = f"/warranty/decisions/{decision.public_id}"

    post(client, f"{path}/override", outcome="excluded", reason="")

    assert "Missing data for required field." in client.get(path).text


@pytest.mark.parametrize("count", [1, 8])
def test_the_lists_take_a_fixed_number_of_queries(
    client: FlaskClient, one: Desk, count: int
) -> None:
    boxes = [one.sold(f"SN-{number:04d}") for number in range(count)]
    for box in boxes:
        one.grant(one.decide(box), "goodwill")
    client.get("/warranty/decisions")

    with statements(one.db) as seen:
        found = client.get("/warranty/decisions").text
    with statements(one.db) as seen_of_policies:
        client.get("/warranty/policies")

    assert found.count("<tr>") == count + 1
    assert len(seen) == QUERIES_OF_SIGN_IN + 2
    assert len(seen_of_policies) == QUERIES_OF_SIGN_IN + 2


QUERIES_OF_SIGN_IN = 2
