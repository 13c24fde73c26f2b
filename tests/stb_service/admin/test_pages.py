"""Dashboard, search, audit, long work, and the page of the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.shared import jobs
from stb_service.shared.access import EVERYTHING, Actor, Scope
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import text
from stb_service.shared.registries import Hit, Registries, SearchProvider, Tile
from stb_service.staff import queries as staff
from stb_service.staff.models import Person, Role

SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def registries(app: Any) -> Registries:
    found: Registries = app.extensions["stb"].registries
    return found


def provider(name: str, verb: str, *titles: str) -> SearchProvider:
    def find(_session: Session, words: str, _scope: Scope, limit: int) -> list[Hit]:
        return [Hit(t, "detail", f"/hit/{t}") for t in titles if words.lower() in t.lower()][:limit]

    return SearchProvider(text(name), verb, find)


class TestDashboard:
    def test_an_empty_house_says_what_to_do_first(self, client: FlaskClient) -> None:
        assert "What to do first" in client.get("/").text

    def test_tiles_are_shown_to_those_who_may_see_them(
        self, app: Any, client: FlaskClient, registries: Registries
    ) -> None:
        template = "shared/person_menu.html"  # any template does
        registries.tiles.append(Tile("a", "staff.view", template, lambda *_: {"n": 1}))
        registries.tiles.append(Tile("empty", "staff.view", template, lambda *_: {}))
        page = client.get("/").text
        assert "What to do first" not in page
        assert page.count('popovertarget="person-') == 3  # two menus of the shell, one tile


class TestSearch:
    @pytest.mark.parametrize(("words", "found"), [("a", False), ("ab", True), ("abc", True)])
    def test_it_begins_at_two_characters(
        self, client: FlaskClient, registries: Registries, words: str, found: bool
    ) -> None:
        registries.search.append(provider("Boxes", "devices.view", "abcd", "abce"))
        assert ("/hit/abcd" in client.get(f"/search/results?q={words}").text) is found

    def test_results_are_grouped_and_only_those_one_may_see(
        self, people: Any, sign_in: SignIn, registries: Registries
    ) -> None:
        registries.search.append(provider("Boxes", "devices.view", "abcd", "abce"))
        registries.search.append(provider("Secrets", "staff.view", "abcd"))
        people.person("viewer", username="vera")
        page = sign_in("vera").get("/search?q=abc").text
        assert "Boxes" in page
        assert "Secrets" not in page

    def test_the_only_result_is_opened_at_once(
        self, client: FlaskClient, registries: Registries
    ) -> None:
        registries.search.append(provider("Boxes", "devices.view", "abcd"))
        assert client.get("/search?q=abcd").location == "/hit/abcd"

    def test_what_was_typed_is_shown_as_text(self, client: FlaskClient) -> None:
        page = client.get("/search?q=<script>alert(1)</script>").text
        assert "<script>alert" not in page

    @pytest.mark.parametrize("words", ["%00%00", "a" * 5000, "%F0%9F%A6%84%F0%9F%A6%84", "  "])
    def test_odd_words_find_nothing(
        self, client: FlaskClient, registries: Registries, words: str
    ) -> None:
        registries.search.append(provider("Boxes", "devices.view", "abcd"))
        assert client.get(f"/search?q={words}").status_code == 200

    def test_the_api_answers_the_same(self, api: Any, registries: Registries) -> None:
        registries.search.append(provider("Boxes", "devices.view", "abcd"))
        hit = {"title": "abcd", "detail": "detail", "url": "/hit/abcd"}
        assert api("GET", "/search?q=ab").json == [{"name": "Boxes", "hits": [hit]}]
        assert api("GET", "/search?q=a").status_code == 422
        assert api("GET", "/search").status_code == 422


class TestAudit:
    def test_it_shows_who_changed_what(self, client: FlaskClient) -> None:
        page = client.get("/audit").text
        assert "person.create" in page
        assert "root.admin" in page

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("verb=person.sign-in", True),
            ("verb=role.create", False),
            ("actor=root.admin", True),
            ("actor=nobody", False),
            ("subject=person", True),
            ("subject=root.admin", True),
            ("subject=nobody", False),
            ("from_on=2000-01-01&to_on=9999-12-31", True),
            ("to_on=2000-01-01", False),
            ("from_on=9999-12-31", False),
            ("from_on=0001-01-01", True),
        ],
    )
    def test_filters_live_in_the_address(
        self, client: FlaskClient, query: str, shown: bool
    ) -> None:
        answer = client.get(f"/audit?{query}")
        assert answer.status_code == 200
        assert ("<time" in answer.text) is shown

    def test_a_filter_that_cannot_be_read_is_named_and_left_out(self, client: FlaskClient) -> None:
        page = client.get("/audit?from_on=yesterday").text
        assert 'id="field-from_on-error"' in page
        assert "person.sign-in" in page

    def test_the_api_answers_in_slices(self, api: Any) -> None:
        first = api("GET", "/audit?limit=1").json
        second = api("GET", f"/audit?limit=1&cursor={first['next_cursor']}").json
        assert first["items"][0]["id"] > second["items"][0]["id"]

    @pytest.mark.parametrize(
        "query", ["from_on=x", "limit=0", "limit=201", "verb=%00", "cursor=x", "actor="]
    )
    def test_the_api_refuses_what_it_cannot_read(self, api: Any, query: str) -> None:
        answer = api("GET", f"/audit?{query}")
        assert answer.status_code == 422
        assert answer.mimetype == "application/problem+json"


@pytest.fixture
def make_job(sqlite_db: Database, app: Any, now: datetime) -> Callable[..., jobs.Job]:
    def make(username: str, **values: Any) -> jobs.Job:
        with sqlite_db.write() as session:
            person = staff.person_by_username(session, username)
            assert person is not None
            actor: Actor = staff.actor_of(person)
            job = jobs.enqueue(
                session,
                kind="devices.export",
                title=f"Work of {username}",
                arguments={},
                actor=actor,
                now=now,
            )
            for name, value in values.items():
                setattr(job, name, value)
            return job

    return make


class TestLongWork:
    def test_people_see_their_own_and_administrators_all(
        self, people: Any, client: FlaskClient, sign_in: SignIn, make_job: Any
    ) -> None:
        people.person("agent", username="ann")
        people.person("agent", username="bob")
        job = make_job("ann")
        assert "Work of ann" in client.get("/jobs").text
        assert "Work of ann" in sign_in("ann").get("/jobs").text
        bob = sign_in("bob")
        assert "Work of ann" not in bob.get("/jobs").text
        assert bob.get(f"/jobs/{job.public_id}").status_code == 404

    def test_a_dealers_administrator_sees_the_own_work_only(
        self, people: Any, sign_in: SignIn, make_job: Any
    ) -> None:
        people.organisation("cairo")
        people.person("agent", "cairo", username="ann")
        people.person("administrator", "cairo", username="boss")
        make_job("ann")
        assert "Work of ann" not in sign_in("boss").get("/jobs").text

    @pytest.mark.parametrize(
        "change",
        [
            {"organisation": "cairo"},
            {"role": "technician"},  # whose role does not export
        ],
    )
    def test_work_is_gone_for_who_lost_the_right_to_it(
        self,
        app: Any,
        people: Any,
        sqlite_db: Database,
        sign_in: SignIn,
        make_job: Any,
        change: dict[str, str],
    ) -> None:
        people.organisation("cairo")
        person = people.person("agent", username="ann")
        stored = app.extensions["stb"].files.keep_bytes(b"serial")
        job = make_job("ann", state="done", report_sha256=stored.sha256, report_name="boxes.csv")
        token = {"Authorization": f"Bearer {people.token(person)}"}
        browser, path = sign_in("ann"), f"/jobs/{job.public_id}"
        addresses = [path, f"{path}/progress", f"{path}/report"]

        def seen() -> list[int]:
            pages = [browser.get(address, buffered=True) for address in addresses]
            copies = [
                browser.get(f"/api/v1{address}", headers=token, buffered=True)
                for address in (path, f"{path}/report")
            ]
            return [answer.status_code for answer in pages + copies]

        assert seen() == [200] * 5
        with sqlite_db.write() as session:
            moved = session.get_one(Person, person.id)
            if "organisation" in change:
                moved.organisation = staff.organisation_by_ref(
                    session, change["organisation"], EVERYTHING
                )
            else:
                moved.role = session.scalars(select(Role).filter_by(name=change["role"])).one()

        assert seen() == [404] * 5
        assert "Work of ann" not in browser.get("/jobs").text
        assert browser.get("/api/v1/jobs", headers=token).get_json()["items"] == []

    def test_the_page_follows_the_work_until_it_ends(
        self, client: FlaskClient, make_job: Any, now: datetime
    ) -> None:
        running = make_job(
            "root.admin", state="running", started_at=now, done_count=3, total_count=10
        )
        ended = make_job(
            "root.admin", state="done", started_at=now, finished_at=now + timedelta(seconds=9)
        )
        assert 'hx-trigger="every 1s"' in client.get(f"/jobs/{running.public_id}/progress").text
        assert "hx-trigger" not in client.get(f"/jobs/{ended.public_id}/progress").text
        assert 'value="3" max="10"' in client.get(f"/jobs/{running.public_id}").text

    def test_the_report_is_a_download(
        self, app: Any, client: FlaskClient, api: Any, make_job: Any
    ) -> None:
        files: FileStore = app.extensions["stb"].files
        stored = files.keep_bytes(b"<script>alert(1)</script>")
        job = make_job(
            "root.admin", state="done", report_sha256=stored.sha256, report_name="report.html"
        )
        answer = client.get(f"/jobs/{job.public_id}/report", buffered=True)
        assert answer.data == b"<script>alert(1)</script>"
        assert answer.mimetype == "application/octet-stream"
        assert "attachment" in answer.headers["Content-Disposition"]
        copy = api("GET", f"/jobs/{job.public_id}/report", buffered=True)
        assert copy.data == answer.data

    def test_a_report_that_is_not_there_is_not_found(
        self, client: FlaskClient, make_job: Any
    ) -> None:
        without = make_job("root.admin")
        lost = make_job("root.admin", state="done", report_sha256="0" * 64)
        assert client.get(f"/jobs/{without.public_id}/report").status_code == 404
        assert client.get(f"/jobs/{lost.public_id}/report").status_code == 404

    def test_the_api_shows_the_work(self, api: Any, make_job: Any) -> None:
        job = make_job("api.admin", done_count=3, total_count=10)
        assert [found["id"] for found in api("GET", "/jobs").json["items"]] == [job.public_id]
        assert api("GET", f"/jobs/{job.public_id}").json["total_count"] == 10
        assert api("GET", "/jobs/%00").status_code == 404


class TestApiDocs:
    def test_only_this_page_may_set_style_attributes(self, client: FlaskClient) -> None:
        policy = client.get("/api-docs").headers["Content-Security-Policy"]
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert "script-src" not in policy
        assert "unsafe-inline" not in client.get("/").headers["Content-Security-Policy"]

    def test_every_operation_declares_how_it_refuses(self, anonymous: FlaskClient) -> None:
        document = anonymous.get("/api/v1/openapi.json").json
        assert document is not None
        operations = [
            (path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method in {"get", "post", "patch", "put", "delete"}
        ]
        silent = [(p, m) for p, m, o in operations if not {"401", "403"} <= set(o["responses"])]
        assert len(operations) > 20
        assert silent == []
