"""The pages of sign-in, the own account, people, roles and organisations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from stb_service.shared.access import SYSTEM, VERBS
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from stb_service.staff import operations, queries
from stb_service.staff.models import Person, StaffSession
from stb_service.staff.setup import first_administrator

PASSWORD = "correct horse battery staple"
SignIn = Callable[[str], FlaskClient]


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found is not None
    return found[1]


def post(browser: FlaskClient, path: str, /, **data: Any) -> Any:
    """Fill in the form of a page and send it."""
    page = browser.get("/me/password" if path.count("/") > 2 else path)
    return browser.post(path, data={"csrf_token": csrf_of(page.text), **data})


def try_sign_in(browser: FlaskClient, username: str, password: str, query: str = "") -> Any:
    page = browser.get("/sign-in")
    data = {"username": username, "password": password, "csrf_token": csrf_of(page.text)}
    return browser.post(f"/sign-in{query}", data=data)


class TestSignIn:
    def test_who_has_not_signed_in_is_sent_to_the_page_for_it(self, anonymous: FlaskClient) -> None:
        answer = anonymous.get("/people?cursor=abc")
        assert answer.status_code == 303
        assert answer.location == "/sign-in?next=/people?cursor%3Dabc"

    def test_a_wrong_password_and_an_unknown_name_read_the_same(
        self, people: Any, anonymous: FlaskClient
    ) -> None:
        people.person("agent", username="ann")
        known = try_sign_in(anonymous, "ann", "wrong password")
        unknown = try_sign_in(anonymous, "nobody", "wrong password")
        assert known.status_code == unknown.status_code == 422
        assert "User name or password is wrong." in known.text
        assert "User name or password is wrong." in unknown.text

    def test_a_locked_account_reads_like_a_name_that_nobody_has(
        self, people: Any, anonymous: FlaskClient
    ) -> None:
        people.person("agent", username="ann")
        answers = [
            (try_sign_in(anonymous, name, password).text.replace(name, "NAME"))
            for name, password in [
                *[("ann", "wrong password")] * 5,
                ("ann", PASSWORD),
                ("nobody", PASSWORD),
            ]
        ]
        pages = {re.sub(r'"[^"]{60,}"', "", page) for page in answers}  # the form's own tokens

        assert len(pages) == 1
        assert "After five wrong passwords in a row an account is locked" in answers[0]
        assert anonymous.get("/").status_code == 303

    @pytest.mark.parametrize(
        ("wish", "target"),
        [
            ("/people?cursor=x", "/people?cursor=x"),
            ("http://localhost/jobs", "/jobs"),
            ("http://elsewhere.example/", "/"),
            ("//elsewhere.example/", "/"),
            ("/\\elsewhere.example", "/"),
            ("\\\\elsewhere.example", "/"),
            ("/%09/elsewhere.example", "/"),
            ("javascript:alert(1)", "/"),
            ("people", "/"),
            ("", "/"),
        ],
    )
    def test_it_leads_to_pages_of_this_site_only(
        self, people: Any, anonymous: FlaskClient, wish: str, target: str
    ) -> None:
        people.person("agent", username="ann")
        answer = try_sign_in(anonymous, "ann", PASSWORD, f"?next={wish}")
        assert (answer.status_code, answer.location) == (303, target)

    def test_without_the_token_of_the_form_it_is_refused(
        self, people: Any, anonymous: FlaskClient
    ) -> None:
        people.person("agent", username="ann")
        answer = anonymous.post("/sign-in", data={"username": "ann", "password": PASSWORD})
        assert answer.status_code == 400
        assert anonymous.get("/").status_code == 303

    def test_a_cookie_planted_before_is_worth_nothing_after(
        self, people: Any, app: Any, anonymous: FlaskClient
    ) -> None:
        people.person("agent", username="ann")
        anonymous.get("/sign-in")
        planted = anonymous.get_cookie("stb_session")
        assert planted is not None
        try_sign_in(anonymous, "ann", PASSWORD)
        other = app.test_client()
        other.set_cookie("stb_session", planted.value)
        assert anonymous.get("/").status_code == 200
        assert other.get("/").status_code == 303

    def test_signing_out_ends_the_session_for_a_stolen_cookie_too(
        self, app: Any, client: FlaskClient
    ) -> None:
        stolen = client.get_cookie("stb_session")
        assert stolen is not None
        post(client, "/me/password")  # any page holds the token
        page = client.get("/")
        assert client.post("/sign-out", data={"csrf_token": csrf_of(page.text)}).status_code == 303
        thief = app.test_client()
        thief.set_cookie("stb_session", stolen.value)
        assert thief.get("/").status_code == 303

    def test_the_cookie_is_kept_from_scripts_and_other_sites(self, anonymous: FlaskClient) -> None:
        cookie = anonymous.get("/sign-in").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    def test_a_first_password_must_be_changed_before_anything_else(
        self, people: Any, sqlite_db: Database, sign_in: SignIn
    ) -> None:
        ann = people.person("agent", username="ann")
        with sqlite_db.write() as session:
            session.get_one(Person, ann.id).must_change_password = True
        browser = sign_in("ann")
        assert browser.get("/jobs").location == "/me/password"
        answer = post(
            browser,
            "/me/password",
            old=PASSWORD,
            new="a new fine password",
            again="a new fine password",
        )
        assert answer.status_code == 303
        assert browser.get("/jobs").status_code == 200

    def test_the_api_takes_no_cookie(self, client: FlaskClient) -> None:
        assert client.get("/api/v1/me").status_code == 401


class TestOwnAccount:
    def test_settings_are_kept_and_change_the_page(self, client: FlaskClient) -> None:
        answer = post(
            client,
            "/me",
            name="Root",
            email="root@example.org",
            language="ar",
            timezone="Africa/Cairo",
            theme="dark",
        )
        assert answer.status_code == 303
        page = client.get("/me").text
        assert '<html lang="ar" dir="rtl" data-theme="dark">' in page
        assert "tabler.rtl.min.css" in page
        assert "root@example.org" in page

    def test_a_refused_form_keeps_what_was_typed_with_the_message_at_the_field(
        self, client: FlaskClient
    ) -> None:
        answer = post(client, "/me", name="Kept", email="no mail", theme="dark")
        assert answer.status_code == 422
        assert 'value="Kept"' in answer.text
        assert 'aria-describedby="field-email-error" aria-invalid="true"' in answer.text

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"old": "wrong", "new": "a new fine password", "again": "a new fine password"}, "old"),
            ({"old": PASSWORD, "new": "short", "again": "short"}, "new"),
            ({"old": PASSWORD, "new": "a new fine password", "again": "another"}, "again"),
        ],
    )
    def test_a_password_that_cannot_be_is_refused_at_its_field(
        self, client: FlaskClient, form: dict[str, str], field: str
    ) -> None:
        answer = post(client, "/me/password", **form)
        assert answer.status_code == 422
        assert f'id="field-{field}-error"' in answer.text

    def test_signing_out_elsewhere_keeps_this_browser(
        self, client: FlaskClient, sign_in: SignIn
    ) -> None:
        other = sign_in("root.admin")
        assert post(client, "/me/sessions/end").status_code == 303
        assert client.get("/me").status_code == 200
        assert other.get("/me").status_code == 303

    def test_a_token_is_shown_once_and_works_until_it_is_revoked(
        self, app: Any, client: FlaskClient
    ) -> None:
        made = post(client, "/me/tokens", name="script", days="30")
        secret = re.search(r"stb_[\w-]{20,}", made.text)
        assert secret is not None
        headers = {"Authorization": f"Bearer {secret[0]}"}
        assert app.test_client().get("/api/v1/me", headers=headers).status_code == 200
        listed = client.get("/me/tokens").text
        assert secret[0] not in listed
        revoke = re.search(r'action="(/me/tokens/[^"]+/revoke)"', listed)
        assert revoke is not None
        assert post(client, revoke[1]).status_code == 303
        assert app.test_client().get("/api/v1/me", headers=headers).status_code == 401

    def test_somebody_elses_token_does_not_exist(
        self, people: Any, sqlite_db: Database, client: FlaskClient
    ) -> None:
        other = people.person("agent", username="ann")
        people.token(other)
        with sqlite_db.read() as session:
            ref = queries.tokens_of(session, session.get_one(Person, other.id))[0].public_id
        assert post(client, f"/me/tokens/{ref}/revoke").status_code == 404

    def test_being_seen_is_written_at_most_once_a_minute(
        self, client: FlaskClient, sqlite_db: Database
    ) -> None:
        with sqlite_db.read() as session:
            before = session.scalars(select(StaffSession.seen_at)).all()
        client.get("/me")
        with sqlite_db.read() as session:
            assert session.scalars(select(StaffSession.seen_at)).all() == before


class TestPeople:
    def test_somebody_is_added_and_signs_in_with_a_new_password(
        self, app: Any, client: FlaskClient
    ) -> None:
        answer = post(
            client,
            "/people/new",
            username="Bob",
            name="Bob",
            organisation="operator",
            role="viewer",
            password="first fine password",
        )
        assert answer.status_code == 303
        assert ">bob</a>" in client.get("/people").text
        browser = app.test_client()
        assert try_sign_in(browser, "bob", "first fine password").status_code == 303
        assert browser.get("/").location == "/me/password"

    def test_a_name_that_is_taken_keeps_the_form(self, people: Any, client: FlaskClient) -> None:
        people.person("agent", username="bob")
        answer = post(
            client,
            "/people/new",
            username="bob",
            name="Second Bob",
            organisation="operator",
            role="viewer",
            password="first fine password",
        )
        assert answer.status_code == 409
        assert "There is a person bob already." in answer.text
        assert 'value="Second Bob"' in answer.text
        assert "first fine password" not in answer.text

    @pytest.mark.parametrize(
        ("field", "value"),
        [("role", "emperor"), ("organisation", "nowhere"), ("name", ""), ("name", "a\x00b")],
    )
    def test_what_cannot_be_is_refused_at_its_field(
        self, client: FlaskClient, field: str, value: str
    ) -> None:
        form = {
            "username": "bob",
            "name": "Bob",
            "organisation": "operator",
            "role": "viewer",
            "password": "first fine password",
        }
        answer = post(client, "/people/new", **{**form, field: value})
        assert answer.status_code == 422
        assert f'id="field-{field}-error"' in answer.text

    def test_a_person_is_deactivated_and_let_in_again(
        self, people: Any, client: FlaskClient, sign_in: SignIn
    ) -> None:
        bob = people.person("agent", username="bob")
        browser = sign_in("bob")
        post(client, f"/people/{bob.public_id}/active", is_active="false")
        assert browser.get("/").status_code == 303
        post(client, f"/people/{bob.public_id}/active", is_active="true")
        assert sign_in("bob").get("/").status_code == 200

    def test_the_last_administrator_stays_and_the_page_says_why(
        self, client: FlaskClient, sqlite_db: Database
    ) -> None:
        with sqlite_db.read() as session:
            admin = queries.person_by_username(session, "root.admin")
            assert admin is not None
        page = client.get("/people").text
        answer = client.post(
            f"/people/{admin.public_id}",
            data={
                "csrf_token": csrf_of(page),
                "name": "Root",
                "organisation": "operator",
                "role": "viewer",
                "is_active": "true",
            },
        )
        assert answer.status_code == 409
        assert "The last active administrator cannot be taken away." in answer.text
        assert client.get("/people").status_code == 200

    def test_a_new_password_from_an_administrator_must_be_changed(
        self, people: Any, client: FlaskClient, app: Any
    ) -> None:
        bob = people.person("agent", username="bob")
        path = f"/people/{bob.public_id}/password"
        answer = post(client, path, password="given fine password")
        assert answer.status_code == 303
        browser = app.test_client()
        try_sign_in(browser, "bob", "given fine password")
        assert browser.get("/").location == "/me/password"

    @pytest.mark.parametrize(
        "path", ["/people", "/people/new", "/roles", "/roles/new", "/organisations", "/audit"]
    )
    @pytest.mark.parametrize(
        ("role", "organisation"),
        [("viewer", "operator"), ("agent", "operator"), ("administrator", "cairo")],
    )
    def test_others_and_dealers_administrators_may_not(
        self, people: Any, sign_in: SignIn, path: str, role: str, organisation: str
    ) -> None:
        people.organisation("cairo")
        people.person(role, organisation, username="somebody")
        browser = sign_in("somebody")
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "Your role does not allow" in answer.text
        assert 'href="/people"' not in browser.get("/").text


class TestRoles:
    def test_the_page_shows_the_table_of_roles_and_verbs(self, client: FlaskClient) -> None:
        page = client.get("/roles").text
        granted = sum(len(verb.roles) for verb in VERBS.values())
        assert page.count('aria-label="allowed"') == granted
        assert page.count('aria-label="not allowed"') == 6 * len(VERBS) - granted

    def test_an_own_role_is_added_changed_and_holds(
        self, people: Any, client: FlaskClient, sign_in: SignIn
    ) -> None:
        verbs = ["self.use", "staff.view"]
        assert (
            post(client, "/roles/new", name="clerk", label="Clerk", verbs=verbs).status_code == 303
        )
        people.person("clerk", username="carl")
        browser = sign_in("carl")
        assert browser.get("/people").status_code == 200
        assert browser.get("/people/new").status_code == 403
        assert post(client, "/roles/clerk", label="Clerk", verbs=["self.use"]).status_code == 303
        assert browser.get("/people").status_code == 403

    def test_an_unknown_verb_is_refused(self, client: FlaskClient) -> None:
        answer = post(client, "/roles/new", name="clerk", label="Clerk", verbs=["no.verb"])
        assert answer.status_code == 422

    def test_a_built_in_role_shows_why_it_cannot_be_changed(self, client: FlaskClient) -> None:
        page = client.get("/roles/agent").text
        assert "A built-in role cannot be changed" in page
        answer = post(client, "/roles/agent", label="Agent", verbs=["self.use"])
        assert answer.status_code == 409


class TestOrganisations:
    def test_a_dealer_is_added_and_renamed(self, client: FlaskClient) -> None:
        form = {"code": "cairo-01", "name": "Cairo", "kind": "dealer"}
        assert post(client, "/organisations/new", **form).status_code == 303
        assert post(client, "/organisations/cairo-01", name="Cairo Centre").status_code == 303
        assert "Cairo Centre" in client.get("/organisations").text

    def test_there_is_no_second_operator(self, client: FlaskClient) -> None:
        form = {"code": "second", "name": "Second", "kind": "operator"}
        assert post(client, "/organisations/new", **form).status_code == 409


def test_markup_in_a_name_is_shown_as_text(
    people: Any, client: FlaskClient, sqlite_db: Database, actor: Any, now: Any
) -> None:
    bob = people.person("agent", username="bob")
    with sqlite_db.write() as session:
        row = session.get_one(Person, bob.id)
        operations.change_person(
            session,
            person=row,
            name="<script>alert(1)</script>",
            email=None,
            role="agent",
            organisation=row.organisation,
            is_active=True,
            actor=actor,
            now=now,
        )
    for path in ("/people", f"/people/{bob.public_id}", "/audit"):
        assert "<script>alert" not in client.get(path).text


class TestPasswordsAndTheWriteLock:
    """Hashing is slow: nobody may wait for it."""

    @pytest.fixture
    def hashed(self, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """Whether others could write, each time that a password was hashed or checked."""
        free: list[bool] = []
        other = Database(str(sqlite_db.engine.url))

        def note() -> None:
            with other.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout=1")
                connection.rollback()
                try:
                    connection.execution_options(writes=True).exec_driver_sql("SELECT 1")
                except OperationalError:
                    free.append(False)
                else:
                    free.append(True)

        class Watched:
            def __init__(self, real: Any) -> None:
                self.real = real

            def __getattr__(self, name: str) -> Any:
                if name in {"hash", "verify"}:
                    note()
                return getattr(self.real, name)

        monkeypatch.setattr(operations, "_hasher", Watched(operations._hasher))
        return free

    @pytest.mark.parametrize("username", ["ann", "nobody"])
    def test_signing_in(
        self, people: Any, anonymous: FlaskClient, hashed: list[bool], username: str
    ) -> None:
        with_lock = len(hashed)
        people.person("agent", username="ann")
        before = len(hashed)
        try_sign_in(anonymous, username, PASSWORD)

        assert (with_lock, hashed[before:]) == (0, [True])

    def test_changing_the_own_password(self, client: FlaskClient, hashed: list[bool]) -> None:
        new = "a new fine password"
        assert post(client, "/me/password", old=PASSWORD, new=new, again=new).status_code == 303
        assert hashed == [True, True]

    def test_giving_one_and_adding_a_person(
        self, people: Any, client: FlaskClient, hashed: list[bool]
    ) -> None:
        bob = people.person("agent", username="bob")
        before = len(hashed)
        form = {"name": "C", "organisation": "operator", "role": "viewer", "password": PASSWORD}
        given = post(client, f"/people/{bob.public_id}/password", password="given fine password")
        added = post(client, "/people/new", username="carl", **form)

        assert (given.status_code, added.status_code) == (303, 303)
        assert hashed[before:] == [True, True]

    def test_the_api(self, people: Any, api: Any, hashed: list[bool]) -> None:
        bob = people.person("agent", username="bob")
        before = len(hashed)
        body = {"username": "carl", "name": "C", "organisation": "operator", "role": "viewer"}
        given = {"password": "given fine password"}
        answers = [
            api("PUT", f"/people/{bob.public_id}/password", json=given),
            api("POST", "/people", json={**body, **given}, headers={"Idempotency-Key": "k"}),
            api("PUT", "/me/password", json={"old": PASSWORD, "new": "another fine password"}),
        ]

        assert [answer.status_code for answer in answers] == [204, 201, 204]
        assert hashed[before:] == [True] * 4


class TestTraces:
    """What people do with their sign-ins is in the audit."""

    @pytest.fixture
    def entries(self, sqlite_db: Database) -> Callable[..., list[tuple[str, str, dict[str, Any]]]]:
        def found(label: str) -> list[tuple[str, str, dict[str, Any]]]:
            with sqlite_db.read() as session:
                rows = session.scalars(
                    select(AuditEntry)
                    .where(AuditEntry.subject_label == label, AuditEntry.verb != "person.create")
                    .order_by(AuditEntry.id)
                )
                return [(row.verb, row.actor_label, row.changes) for row in rows]

        return found

    def test_signing_out(self, people: Any, sign_in: SignIn, entries: Any) -> None:
        people.person("agent", username="ann")
        browser = sign_in("ann")
        browser.post("/sign-out", data={"csrf_token": csrf_of(browser.get("/me").text)})

        assert entries("ann") == [("person.sign-in", "ann", {}), ("person.sign-out", "ann", {})]

    def test_ending_all_other_sign_ins_and_one(
        self, people: Any, sign_in: SignIn, entries: Any
    ) -> None:
        people.person("agent", username="ann")
        here, _, there = sign_in("ann"), sign_in("ann"), sign_in("ann")
        ref = re.search(r"/me/sessions/([^/]+)/end", here.get("/me").text)
        assert ref is not None
        assert post(here, f"/me/sessions/{ref[1]}/end").status_code == 303
        assert there.get("/me").status_code == 303
        assert post(here, "/me/sessions/end").status_code == 303
        assert post(here, "/me/sessions/end").status_code == 303
        assert post(here, f"/me/sessions/{ref[1]}/end").status_code == 404

        ended = [entry for entry in entries("ann") if entry[0] == "person.sessions-end"]
        assert ended == [("person.sessions-end", "ann", {"sessions": 1})] * 2
        assert here.get("/me").status_code == 200

    def test_an_administrator_signs_somebody_out(
        self, people: Any, client: FlaskClient, sign_in: SignIn, entries: Any
    ) -> None:
        bob = people.person("agent", username="bob")
        browser = sign_in("bob")
        page = client.get(f"/people/{bob.public_id}").text
        assert "Sign out everywhere" in page
        assert post(client, f"/people/{bob.public_id}/sessions/end").status_code == 303

        assert browser.get("/me").status_code == 303
        assert "Sign out everywhere" not in client.get(f"/people/{bob.public_id}").text
        assert entries("bob")[-1] == ("person.sessions-end", "root.admin", {"sessions": 1})

    def test_a_lock(self, people: Any, anonymous: FlaskClient, entries: Any) -> None:
        people.person("agent", username="ann")
        for _ in range(7):
            try_sign_in(anonymous, "ann", "wrong password")

        assert [verb for verb, *_ in entries("ann")] == [
            *["person.sign-in-refused"] * 5,
            "person.lock",
        ]
        assert set(entries("ann")[-1][2]) == {"locked_until"}

    def test_a_wrong_present_password_counts_as_a_failed_sign_in(
        self, client: FlaskClient, anonymous: FlaskClient, entries: Any
    ) -> None:
        new = "a new fine password"
        answers = [
            post(client, "/me/password", old=old, new=new, again=new)
            for old in [*["wrong password"] * 5, PASSWORD]
        ]

        assert {answer.status_code for answer in answers} == {422}
        assert "The present password is wrong." in answers[4].text
        assert "this account is locked" in answers[5].text
        assert entries("root.admin")[-1][0] == "person.lock"
        assert try_sign_in(anonymous, "root.admin", PASSWORD).status_code == 422


def test_a_given_password_revokes_the_tokens_and_the_page_says_so_before(
    people: Any, app: Any, client: FlaskClient
) -> None:
    bob = people.person("agent", username="bob")
    path = f"/people/{bob.public_id}/password"
    assert "They have no API tokens." in client.get(path).text
    secrets = [people.token(bob), people.token(bob)]
    assert "Their 2 API tokens are revoked." in client.get(path).text

    post(client, path, password="given fine password")

    statuses = {
        app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {s}"}).status_code
        for s in secrets
    }
    assert statuses == {401}


def test_an_own_new_password_keeps_the_tokens(people: Any, app: Any, sign_in: SignIn) -> None:
    bob = people.person("agent", username="bob")
    headers = {"Authorization": f"Bearer {people.token(bob)}"}
    new = "a new fine password"
    browser = sign_in("bob")
    assert "Your API tokens go on working." in browser.get("/me/password").text
    post(browser, "/me/password", old=PASSWORD, new=new, again=new)

    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 200


class TestFirstPassword:
    @pytest.fixture
    def kept(self, settings: Settings, sqlite_db: Database, people: Any, now: Any) -> Path:
        settings.home.mkdir(parents=True, exist_ok=True)
        first_administrator(sqlite_db, settings, now=now)
        return settings.home / "admin_password"

    def test_the_file_goes_when_the_administrator_changes_it(self, kept: Path, app: Any) -> None:
        first, new = kept.read_text().strip(), "a new fine password"
        browser = app.test_client()
        try_sign_in(browser, "admin", first)
        refused = post(browser, "/me/password", old="wrong", new=new, again=new)
        stayed = kept.exists()
        changed = post(browser, "/me/password", old=first, new=new, again=new)

        assert (refused.status_code, stayed) == (422, True)
        assert (changed.status_code, kept.exists()) == (303, False)

    def test_another_persons_password_leaves_it(self, kept: Path, client: FlaskClient) -> None:
        new = "a new fine password"
        assert post(client, "/me/password", old=PASSWORD, new=new, again=new).status_code == 303
        assert kept.exists()

    @pytest.mark.parametrize("changed", [False, True])
    def test_a_start_removes_it_if_it_was_changed_elsewhere(
        self, kept: Path, sqlite_db: Database, settings: Settings, now: Any, changed: bool
    ) -> None:
        with sqlite_db.write() as session:
            admin = queries.person_by_username(session, "admin")
            assert admin is not None
            password = "a new fine password" if changed else kept.read_text().strip()
            operations.set_password(
                session, person=admin, password=password, must_change=True, actor=SYSTEM, now=now
            )
        assert first_administrator(sqlite_db, settings, now=now) is None

        assert kept.exists() is not changed
