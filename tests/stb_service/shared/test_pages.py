"""What every page stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import g, get_template_attribute, render_template_string

from stb_service.shared.access import VIEWER, Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask, pages
from stb_service.shared.i18n import day_here
from stb_service.shared.settings import Settings
from tests.conftest import with_stores

INSTANT = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)


@pytest.fixture
def app(made_small_app: StbFlask, settings: Settings, sqlite_db: Database) -> StbFlask:
    return with_stores(made_small_app, settings, sqlite_db)


@pytest.fixture
def at(app: StbFlask) -> Iterator[Callable[..., None]]:
    """Stand in a request to a path, as somebody with these settings."""
    contexts = []

    def stand(path: str = "/", **settings: Any) -> None:
        context = app.test_request_context(path)
        context.push()
        contexts.append(context)
        g.actor = Actor("person", "ref", "vera", builtin_verbs(VIEWER), **settings)

    yield stand
    for context in contexts:
        context.pop()


def macro(name: str, *arguments: Any, **named: Any) -> str:
    return str(get_template_attribute("shared/macros.html", name)(*arguments, **named))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/people?x=1", "/people?x=1"),
        ("http://localhost/jobs?y=2#z", "/jobs?y=2"),
        ("http://localhost.elsewhere.example/", "/"),
        ("http://localhost@elsewhere.example/", "/"),
        ("https:///elsewhere.example", "/"),
        ("//elsewhere.example", "/"),
        ("///elsewhere.example", "/elsewhere.example"),
        ("/\\elsewhere.example", "/"),
        ("/\t/elsewhere.example", "/"),
        ("data:text/html,x", "/"),
        (None, "/"),
    ],
)
def test_only_paths_of_this_site_come_back(at: Any, url: str | None, path: str) -> None:
    at()
    assert pages.same_site(url) == path


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (64_000_000_000, "64 GB"),
    ],
)
def test_sizes_are_told_in_three_digits(at: Any, size: int, words: str) -> None:
    at()
    assert pages.format_bytes(size) == words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "2 Mar 2026 22:30 UTC"),
        ("Europe/Berlin", "2 Mar 2026 23:30 CET"),
        ("Asia/Riyadh", "3 Mar 2026 01:30 UTC+3"),
        ("Asia/Kathmandu", "3 Mar 2026 04:15 UTC+5:45"),
        ("America/Sao_Paulo", "2 Mar 2026 19:30 UTC-3"),
    ],
)
def test_instants_are_told_in_the_readers_zone(at: Any, zone: str, words: str) -> None:
    at(timezone=zone)
    assert pages.format_when(INSTANT) == words
    assert 'datetime="2026-03-02T22:30:00+00:00"' in macro("when", INSTANT)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Asia/Riyadh", date(2026, 3, 3)),
        ("UTC", date(2026, 3, 2)),
        ("America/Sao_Paulo", date(2026, 3, 2)),
    ],
)
def test_a_day_is_the_readers(at: Any, zone: str, day: date) -> None:
    at(timezone=zone)
    assert day_here(INSTANT) == day


def test_where_nobody_reads_a_day_is_that_of_utc() -> None:
    assert day_here(INSTANT) == date(2026, 3, 2)


def test_the_menu_holds_what_one_may_see(at: Any) -> None:
    at("/jobs/abc")
    entries = [entry for group in pages.navigation() for entry in group.entries]
    assert [str(entry.label) for entry in entries] == [
        "Overview",
        "Long work",
        "Letters and labels",
        "API",
    ]
    assert [entry.url for entry in entries if entry.is_active] == ["/jobs"]


def test_a_query_value_is_replaced_or_taken_away(at: Any) -> None:
    at()
    assert pages.with_query("/a?x=1&y=2", x="3") == "/a?y=2&x=3"
    assert pages.with_query("/a?x=1&y=2", x=None) == "/a?y=2"
    assert pages.with_query("//evil/a?x=1", x=None) == "/a"


def test_static_files_are_addressed_by_version_and_kept(app: StbFlask) -> None:
    browser = app.test_client()
    with app.test_request_context():
        address = render_template_string("{{ url_for('static', filename='stb.css') }}")
    assert "?v=" in address
    assert "immutable" in browser.get(address, buffered=True).headers["Cache-Control"]
    assert "immutable" not in browser.get("/static/stb.css", buffered=True).headers["Cache-Control"]


def test_a_field_names_its_hint_and_its_messages(at: Any) -> None:
    at()
    html = macro("field", "mac", "MAC", "x", {"mac": ["Too short."]}, hint="Any notation.")
    assert 'aria-describedby="field-mac-hint field-mac-error" aria-invalid="true"' in html
    assert '<div class="form-hint" id="field-mac-hint">Any notation.</div>' in html
    assert 'id="field-mac-error"><div>Too short.</div>' in html


@pytest.mark.parametrize("kind", ["text", "textarea", "select", "multiselect", "file", "checkbox"])
def test_a_field_escapes_what_it_is_given(at: Any, kind: str) -> None:
    at()
    odd = '"><script>'
    html = macro("field", "x", odd, odd, [odd], type=kind, options=[(odd, odd)], placeholder=odd)
    assert "<script>" not in html


def test_a_typed_password_is_not_given_back(at: Any) -> None:
    at()
    assert "secret" not in macro("field", "p", "Password", "secret", type="password")


def test_a_choice_is_kept_whether_stored_or_typed(at: Any) -> None:
    at()
    options = [(1, "one"), (2, "two"), (3, "three")]
    assert macro("field", "n", "N", 2, type="select", options=options).count(" selected") == 1
    many = macro("field", "n", "N", ["1", "3"], type="multiselect", options=options)
    assert many.count(" checked") == 2


def test_a_blocked_button_is_grey_and_says_why(at: Any) -> None:
    at()
    html = macro("confirm_button", "Pause", "/pause", "Pause?", blocked=["It has ended."])
    assert "disabled" in html
    assert "It has ended." in html
    assert "<form" not in html


def test_a_change_needs_the_token_of_a_page(app: StbFlask) -> None:
    browser = app.test_client()
    assert browser.post("/sign-out").status_code == 400
    assert browser.post("/sign-out", headers={"X-CSRFToken": "forged"}).status_code == 400
    page = browser.get("/sign-in").text
    token = page.partition('name="csrf-token" content="')[2].partition('"')[0]
    assert browser.post("/sign-out", headers={"X-CSRFToken": token}).status_code == 303


def test_no_page_holds_inline_script_or_style(app: StbFlask) -> None:
    page = app.test_client().get("/sign-in").text
    assert "<style" not in page
    assert " style=" not in page
    assert " on" + "click" not in page
    assert page.count("<script") == page.count("<script src=")
