"""The pages of boxes in the whole app, and how many queries they take."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from stb_service.devices import queries
from stb_service.devices.identity import queries as identity
from stb_service.devices.jobs import HANDLERS
from stb_service.shared import jobs
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.staff.models import Person
from stb_service.staff.operations import create_role
from tests.conftest import People, csrf_of
from tests.stb_service.devices.conftest import Registry
from tests.stb_service.devices.test_queries import statements

MAC = "02:00:00:00:00:01"


@pytest.fixture
def shop(client: FlaskClient, one: Registry) -> Registry:
    """A registry behind the app that `client` has signed in to."""
    return one


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    """Send a form the way a browser does that has opened a page."""
    token = csrf_of(client.get("/devices/new").text)
    return client.post(path, data={"csrf_token": token, **data})


def test_a_box_registered_by_the_form_is_on_its_card(client: FlaskClient, shop: Registry) -> None:
    answer = post(client, "/devices/new", serial="sn-1", model="AUR-1", mac_ethernet="020000000001")

    assert answer.status_code == 303
    card = client.get(answer.headers["Location"]).text
    assert "SN-1" in card
    assert MAC in card


@pytest.mark.parametrize(("language", "day"), [("en", "31 Jan 2024"), ("ar", "31 يناير 2024")])
def test_the_days_of_a_card_are_written_as_its_reader_writes_them(
    client: FlaskClient, shop: Registry, language: str, day: str
) -> None:
    box = shop.box("SN-1", made_on=date(2024, 1, 31))

    card = client.get(f"/devices/{box.public_id}", headers={"Accept-Language": language}).text

    assert day in card


def test_the_changes_of_a_card_name_their_fields(client: FlaskClient, shop: Registry) -> None:
    box = shop.box("SN-1", mac_ethernet=MAC)

    card = client.get(f"/devices/{box.public_id}").text

    assert '<span class="text-secondary">Ethernet MAC</span>' in card
    assert "Box registered" in card


def test_a_refused_form_keeps_what_was_typed_and_tells_it_at_the_field(
    client: FlaskClient, shop: Registry
) -> None:
    answer = post(
        client, "/devices/new", serial="sn-1", model="AUR-1", mac_wifi="01:00", notes="by hand"
    )

    assert answer.status_code == 422
    assert 'value="01:00"' in answer.text
    assert "by hand" in answer.text
    assert 'id="field-mac_wifi-error"' in answer.text


def test_a_claim_refused_by_the_form_is_listed_for_review(
    client: FlaskClient, shop: Registry
) -> None:
    shop.box("SN-1", mac_ethernet=MAC)

    answer = post(client, "/devices/new", serial="SN-2", model="AUR-1", mac_ethernet=MAC)

    assert answer.status_code == 409
    assert "is held by box SN-1 AUR-1" in answer.text
    assert 'id="field-mac_ethernet-error"' in answer.text
    assert MAC in client.get("/devices/review").text
    assert shop.ask(identity.open_disputes_count, EVERYTHING) == 1


def test_a_dispute_is_settled_on_its_page(client: FlaskClient, shop: Registry) -> None:
    shop.box("SN-1", mac_ethernet=MAC)
    post(client, "/devices/new", serial="SN-2", model="AUR-1", mac_ethernet=MAC)
    (dispute,) = shop.ask(identity.disputes_page, EVERYTHING, cursor=None, limit=9).rows

    answer = post(client, f"/devices/review/{dispute.public_id}/settle", note="typing error")

    assert answer.status_code == 303
    assert "typing error" in client.get("/devices/review?state=settled").text


def test_a_field_emptied_in_the_form_is_emptied(client: FlaskClient, shop: Registry) -> None:
    box = shop.box("SN-1", mac_ethernet=MAC, batch="B1", tags=["x"])

    post(
        client,
        f"/devices/{box.public_id}/edit",
        serial="SN-1",
        model="AUR-1",
        mac_ethernet="",
        batch="",
        tags="",
    )

    after = shop.ask(queries.device_by_uid, box.public_id, EVERYTHING)
    assert (after.mac_ethernet, after.batch, after.tag_names) == (None, "", [])


def test_a_board_is_swapped_by_the_serial_of_its_donor(client: FlaskClient, shop: Registry) -> None:
    box = shop.box("SN-1")
    shop.box("SN-2", mac_ethernet=MAC)

    post(client, f"/devices/{box.public_id}/board", donor="sn 2".replace(" ", "-"))

    assert shop.ask(queries.device_by_uid, box.public_id, EVERYTHING).mac_ethernet == MAC


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("custody", {"organisation": "north", "reason": "repair"}),
        ("capabilities", {"codecs": "+ av1 Main\n- hevc", "protections": ""}),
        ("status", {"status": "sold", "reason": "counter"}),
    ],
)
def test_the_forms_of_the_card_lead_back_to_it(
    client: FlaskClient, shop: Registry, path: str, data: dict[str, str]
) -> None:
    box = shop.box("SN-1")

    answer = post(client, f"/devices/{box.public_id}/{path}", **data)

    assert answer.headers["Location"] == f"/devices/{box.public_id}"
    assert client.get(f"/devices/{box.public_id}").status_code == 200


def test_no_status_is_chosen_before_the_reader_chooses_one(
    client: FlaskClient, shop: Registry
) -> None:
    box = shop.box("SN-1")

    card = client.get(f"/devices/{box.public_id}").text
    answer = post(client, f"/devices/{box.public_id}/status", status="")

    assert '<option value="">choose one</option>' in card.replace(" selected", "")
    assert answer.status_code == 303
    assert shop.ask(queries.device_by_uid, box.public_id, EVERYTHING).status == "in_stock"


def test_a_step_that_is_none_is_told_on_the_card(client: FlaskClient, shop: Registry) -> None:
    box = shop.box("SN-1")

    answer = post(client, f"/devices/{box.public_id}/status", status="replaced")

    assert "by no step" in client.get(answer.headers["Location"]).text


def test_tags_of_ticked_boxes_change_after_the_count_was_shown(
    client: FlaskClient, shop: Registry
) -> None:
    box = shop.box("SN-1")

    shown = post(client, "/devices/tags", devices=[box.public_id], add="vip", back="/devices?tag=x")
    before = shop.ask(queries.device_by_uid, box.public_id, EVERYTHING).tag_names
    done = post(client, "/devices/tags", devices=[box.public_id], add="vip", confirmed="true")

    assert "1 box is ticked" in shown.text
    assert (before, done.status_code) == ([], 303)
    assert shop.ask(queries.device_by_uid, box.public_id, EVERYTHING).tag_names == ["vip"]


def test_the_way_back_leads_to_no_other_site(client: FlaskClient, shop: Registry) -> None:
    answer = post(client, "/devices/tags", back="https://elsewhere.example/")

    assert answer.headers["Location"] == "/devices"


def test_filters_live_in_the_address_and_nonsense_is_passed_over(
    client: FlaskClient, shop: Registry
) -> None:
    shop.box("SN-1", tags=["vip"])
    shop.box("SN-2")

    page = client.get("/devices?tag=vip&status=nonsense&sort=nonsense").text

    assert "SN-1" in page
    assert "SN-2" not in page


def test_the_list_is_narrowed_to_what_an_organisation_holds(
    client: FlaskClient, shop: Registry
) -> None:
    shop.box("SN-1", custodian="north")
    shop.box("SN-2", seller="north")

    page = client.get("/devices?custodian=north").text

    assert ("SN-1" in page, "SN-2" in page) == (True, False)
    assert '<option value="north" selected' in page


def test_an_empty_registry_says_what_to_do_first(client: FlaskClient, shop: Registry) -> None:
    assert "Import boxes" in client.get("/devices").text


def test_a_search_without_result_says_so(client: FlaskClient, shop: Registry) -> None:
    shop.box("SN-1")

    assert "No box matches" in client.get("/devices?text=zzzz").text


def test_what_a_box_is_called_cannot_run_in_the_page(client: FlaskClient, shop: Registry) -> None:
    box = shop.box("<SCRIPT>1</SCRIPT>", notes="<script>2</script>")

    pages = client.get("/devices").text + client.get(f"/devices/{box.public_id}").text

    assert "<script>2" not in pages
    assert "<SCRIPT>" not in pages


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_boxes(
    client: FlaskClient, shop: Registry
) -> None:
    shop.box("SN-1", tags=["a"], seller="north")
    with statements(shop.db) as few:
        client.get("/devices")
    shop.box("SN-2", tags=["b"], seller="south", model="BOR-2")
    shop.box("SN-3", custodian="south", revision="B")
    with statements(shop.db) as many:
        client.get("/devices")

    assert len(few) == len(many)
    assert len(many) <= 16


def test_the_card_takes_the_same_number_of_queries_for_any_history(
    client: FlaskClient, shop: Registry
) -> None:
    box = shop.box("SN-1", mac_ethernet=MAC, tags=["a"], seller="north")
    with statements(shop.db) as before:
        client.get(f"/devices/{box.public_id}")
    post(client, f"/devices/{box.public_id}/board", mac_ethernet="02:00:00:00:00:09")
    post(client, f"/devices/{box.public_id}/custody", organisation="north")
    post(client, f"/devices/{box.public_id}/custody", organisation="south")
    with statements(shop.db) as after:
        client.get(f"/devices/{box.public_id}")

    assert len(before) == len(after)


# --- models ---------------------------------------------------------------------------------------


def test_a_model_is_added_and_changed_by_its_form(client: FlaskClient, shop: Registry) -> None:
    made = post(
        client,
        "/models/new",
        code="NEW-1",
        name="New One",
        maker="Aurora",
        memory_mb="2048",
        revisions="A\nB",
        codecs="H.265 Main10@5.1\nav1",
        protections="widevine L1",
    )
    where = made.headers["Location"]
    changed = post(client, f"{where}/edit", name="New", maker="Aurora", revisions="C", codecs="av1")

    page = client.get(where).text
    assert (made.status_code, changed.status_code) == (303, 303)
    assert ("hevc" in page, "av1" in page, "2,048" in page) == (False, True, False)
    assert ("A</a>" in page, "C</a>" in page) == (True, True)


def test_a_code_that_is_taken_is_told(client: FlaskClient, shop: Registry) -> None:
    answer = post(client, "/models/new", code="AUR-1", name="Twice", maker="Aurora")

    assert answer.status_code == 409
    assert "There is a model AUR-1 already." in answer.text


# --- import and export ----------------------------------------------------------------------------


def work_off(db: Database, app: Any, actor: Actor, now: Any) -> None:
    """Do all waiting jobs, as the worker would."""
    files: FileStore = app.extensions["stb"].files
    with db.read() as session:
        waiting = jobs.waiting(session, now=now)
    for job_id in waiting:
        jobs.run(
            db, files, HANDLERS, job_id, clock=lambda: now, actor_of=lambda _session, _ref: actor
        )


@pytest.fixture
def work(app: Any, one: Registry) -> Callable[[], None]:
    return lambda: work_off(one.db, app, one.actor, one.now)


def upload(client: FlaskClient, content: str, **more: str) -> Any:
    return post(client, "/devices/import", file=(io.BytesIO(content.encode()), "boxes.csv"), **more)


def test_a_trial_shows_what_would_happen_and_then_imports(
    client: FlaskClient, shop: Registry, work: Callable[[], None]
) -> None:
    trial = upload(client, "serial,model\nSN-1,AUR-1\nSN-2,NONE\n", dry_run="true")
    waiting = client.get(trial.headers["Location"]).text
    work()
    done = client.get(trial.headers["Location"]).text
    imported = post(client, f"{trial.headers['Location']}/import")
    again = post(client, f"{trial.headers['Location']}/import")
    work()

    assert "hx-get" in waiting
    assert "hx-get" not in done.partition('id="work"')[2]
    assert "There is no model NONE." in done
    assert imported.headers["Location"] == again.headers["Location"]
    assert shop.ask(queries.devices_count, queries.DeviceFilter(), EVERYTHING) == 1


def test_the_report_is_a_file_to_be_saved_with_line_column_and_reason(
    client: FlaskClient, shop: Registry, work: Callable[[], None]
) -> None:
    asked = upload(client, "serial,model\n=1+1,NONE\n")
    work()

    report = client.get(f"{asked.headers['Location']}/file")

    assert report.headers["Content-Disposition"] == "attachment; filename=import-report.csv"
    assert report.mimetype == "application/octet-stream"
    assert report.data.decode("utf-8-sig").splitlines() == [
        "line,column,severity,value,reason",
        "2,model,refused,NONE,There is no model NONE.",
    ]
    report.close()


def test_a_form_without_a_file_says_so(client: FlaskClient, shop: Registry) -> None:
    answer = post(client, "/devices/import")

    assert answer.status_code == 422
    assert "Choose a file." in answer.text


def test_a_file_that_is_no_table_ends_the_work_with_the_reason(
    client: FlaskClient, shop: Registry, work: Callable[[], None]
) -> None:
    asked = upload(client, "colour\nred\n")
    work()

    assert "names no column" in client.get(asked.headers["Location"]).text


def test_an_export_of_more_boxes_than_the_list_counts_knows_its_total(
    client: FlaskClient, shop: Registry, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "COUNT_LIMIT", 1)
    shop.box("SN-1")
    shop.box("SN-2")
    shop.box("SN-3")

    post(client, "/devices/export", format="csv")
    work()

    job = shop.ask(lambda s: s.scalar(select(jobs.Job)))
    assert (job.done_count, job.total_count) == (3, 3)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_list_is_exported_as_it_is_filtered(
    client: FlaskClient, shop: Registry, work: Callable[[], None], form: str
) -> None:
    shop.box("SN-1", tags=["vip"])
    shop.box("SN-2")

    asked = post(client, "/devices/export", format=form, tag="vip")
    work()

    page = client.get(asked.headers["Location"]).text
    assert "1 box is in the file." in page
    file = client.get(f"{asked.headers['Location']}/file")
    assert file.headers["Content-Disposition"] == f"attachment; filename=boxes.{form}"
    file.close()


def status_of(browser: FlaskClient, path: str) -> int:
    with browser.get(path) as answer:
        return answer.status_code


@pytest.mark.parametrize("part", ["", "/progress", "/file"])
def test_an_export_is_read_by_whoever_asked_for_it_and_whoever_reads_the_audit(
    client: FlaskClient,
    shop: Registry,
    people: People,
    sign_in: Callable[[str], FlaskClient],
    work: Callable[[], None],
    part: str,
) -> None:
    people.person("viewer", username="first.viewer")
    people.person("viewer", username="other.viewer")
    own, other = sign_in("first.viewer"), sign_in("other.viewer")
    token = csrf_of(own.get("/devices").text)
    asked = own.post("/devices/export", data={"csrf_token": token, "format": "csv"})
    work()

    path = asked.headers["Location"] + part
    assert [status_of(browser, path) for browser in (own, client, other)] == [200, 200, 404]


@pytest.mark.parametrize(("verb", "status"), [("devices.export", 403), ("devices.import", 200)])
def test_the_report_of_an_import_needs_the_verb_of_imports(
    client: FlaskClient,
    shop: Registry,
    people: People,
    sign_in: Callable[[str], FlaskClient],
    work: Callable[[], None],
    verb: str,
    status: int,
) -> None:
    asked = upload(client, "serial,model\nSN-1,NONE\n")
    work()
    verbs = ["devices.view", "audit.view", verb]
    shop.do(create_role, name="reader", label="Reader", verbs=verbs)
    people.person("reader", username="a.reader")

    assert status_of(sign_in("a.reader"), f"{asked.headers['Location']}/file") == status


@pytest.mark.parametrize(("encoding", "is_told"), [("auto", True), ("windows-1252", False)])
def test_a_trial_tells_that_the_encoding_was_guessed_and_takes_the_chosen_one(
    client: FlaskClient, shop: Registry, work: Callable[[], None], encoding: str, is_told: bool
) -> None:
    content = "serial,model,notes\nSN-1,AUR-1,Acmé\n".encode("windows-1252")
    file = (io.BytesIO(content), "boxes.csv")
    asked = post(client, "/devices/import", file=file, encoding=encoding, dry_run="true")
    work()

    page = client.get(asked.headers["Location"]).text
    assert ("it was read as Windows-1251" in page) is is_told
    post(client, f"{asked.headers['Location']}/import")
    work()
    (box,) = shop.ask(queries.devices_page, queries.DeviceFilter(), EVERYTHING).rows
    assert (box.notes == "Acmé") is not is_told


def test_an_encoding_that_nobody_knows_is_refused(client: FlaskClient, api: Any) -> None:
    form = post(client, "/devices/import", file=(io.BytesIO(b"x"), "a.csv"), encoding="ebcdic")
    data = {"file": (io.BytesIO(b"x"), "a.csv"), "encoding": "ebcdic"}

    assert form.status_code == 422
    assert api("POST", "/devices/imports", data=data).status_code == 422


def test_the_file_of_an_export_stays_with_the_organisation_that_it_was_made_for(
    shop: Registry,
    people: People,
    sign_in: Callable[[str], FlaskClient],
    work: Callable[[], None],
) -> None:
    person = people.person("viewer", username="one.viewer")
    browser = sign_in("one.viewer")
    token = csrf_of(browser.get("/devices").text)
    asked = browser.post("/devices/export", data={"csrf_token": token, "format": "csv"})
    work()
    path = asked.headers["Location"] + "/file"
    before = status_of(browser, path)

    with shop.db.write() as session:
        moved = session.get_one(Person, person.id)
        moved.organisation_id = shop.dealer("north").organisation_id or 0

    assert (before, status_of(browser, path)) == (200, 404)


# --- dealers --------------------------------------------------------------------------------------


@pytest.fixture
def north(shop: Registry, people: People, sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """A browser of an agent of the north."""
    people.person("agent", "north", username="agent.north")
    return sign_in("agent.north")


def test_a_dealer_sees_own_boxes_and_no_others(north: FlaskClient, shop: Registry) -> None:
    own = shop.box("SN-1", seller="north")
    foreign = shop.box("SN-2", seller="south")

    page = north.get("/devices").text

    assert ("SN-1" in page, "SN-2" in page) == (True, False)
    assert north.get(f"/devices/{own.public_id}").status_code == 200
    assert north.get(f"/devices/{foreign.public_id}").status_code == 404
    assert foreign.public_id not in north.get("/search/results?q=SN-2").text


@pytest.mark.parametrize("path", ["edit", "custody", "board", "capabilities"])
def test_a_dealer_opens_no_form_of_a_foreign_box(
    north: FlaskClient, shop: Registry, path: str
) -> None:
    own, foreign = shop.box("SN-1", seller="north"), shop.box("SN-2", seller="south")

    assert north.get(f"/devices/{foreign.public_id}/{path}").status_code == 404
    assert north.get(f"/devices/{own.public_id}/{path}").status_code == 200


def test_a_dealer_does_not_follow_the_operators_work(
    north: FlaskClient, client: FlaskClient, shop: Registry
) -> None:
    asked = post(client, "/devices/export", format="csv").headers["Location"]

    assert client.get(asked).status_code == 200
    assert north.get(asked).status_code == 404


def test_a_dealer_that_hands_on_what_it_only_held_is_led_to_its_list(
    north: FlaskClient, shop: Registry
) -> None:
    box = shop.box("SN-1", custodian="north")

    answer = post(north, f"/devices/{box.public_id}/custody", holder="the subscriber")

    assert answer.headers["Location"] == "/devices"
