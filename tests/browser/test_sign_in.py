"""Who comes in, who does not, and how they leave."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from stb_service.staff import operations as staff
from stb_service.staff.rules import FAILURES_BEFORE_LOCK
from tests.browser.desk import Desk, confirm, sign_in
from tests.conftest import PASSWORD, People
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
ANOTHER = "four new words together"


def fail_to_sign_in(live: Live, username: str, times: int) -> None:
    for _ in range(times):
        with live.db.write() as session:
            staff.sign_in(
                session,
                username=username,
                password="wrong",
                address="127.0.0.1",
                agent="",
                longest=timedelta(hours=1),
                now=datetime.now(UTC),
            )


def test_the_page_asked_for_before_sign_in_is_reached_after_it(desk: Desk) -> None:
    page = desk(None)
    page.goto("/devices?status=active&sort=-serial")
    expect(page).to_have_title(re.compile("Sign in"))

    sign_in(page, "amir.agent")

    expect(page).to_have_url(f"{desk.url}/devices?status=active&sort=-serial")
    expect(page.get_by_label("Status", exact=True)).to_have_value("active")


def test_a_wrong_password_is_said_without_saying_which_names_exist(desk: Desk) -> None:
    page = desk(None)
    page.goto("/sign-in")

    sign_in(page, "amir.agent", "not the password")

    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(page.get_by_label("User name")).to_have_value("amir.agent")
    expect(page.get_by_label("Password")).to_have_value("")


def test_after_too_many_wrong_passwords_the_right_one_is_refused_in_the_same_words(
    desk: Desk, live: Live, people: People
) -> None:
    people.person("agent", username="larry.locked")
    fail_to_sign_in(live, "larry.locked", FAILURES_BEFORE_LOCK)
    page = desk(None)
    page.goto("/sign-in")

    sign_in(page, "larry.locked")

    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(page.get_by_role("main")).to_contain_text("an account is locked")


def test_whoever_signs_out_is_asked_to_sign_in_again(desk: Desk, people: People) -> None:
    people.person("agent", username="olga.out")
    page = desk(None)
    page.goto("/sign-in")
    sign_in(page, "olga.out")
    page.get_by_role("button", name="olga.out").click()

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{desk.url}/sign-in")
    page.goto("/devices")

    expect(page).to_have_url(f"{desk.url}/sign-in?next=/devices")


def test_menus_and_questions_open_before_any_script_has_come(desk: Desk, people: People) -> None:
    nils = people.person("agent", username="nils.noscript")
    page = desk("ann.admin", scripts=False)
    page.goto(f"/people/{nils.public_id}")

    confirm(page, "Deactivate")

    expect(page.get_by_role("button", name="Activate", exact=True)).to_be_visible()
    page.get_by_role("button", name="ann.admin").click()
    expect(page.get_by_role("link", name="My settings")).to_be_visible()
    page.get_by_role("button", name="ann.admin").click()
    expect(page.get_by_role("link", name="My settings")).to_be_hidden()


def test_a_person_who_was_added_must_choose_a_password_of_their_own(desk: Desk) -> None:
    admin = desk("ann.admin")
    admin.goto("/people/new")
    admin.get_by_label("User name").fill("nora.new")
    admin.get_by_label("Name", exact=True).fill("Nora New")
    admin.get_by_label("Organisation").select_option(label="The operator")
    admin.get_by_label("Role").select_option(label="Viewer")
    admin.get_by_label("First password").fill(PASSWORD)
    admin.get_by_role("button", name="Add a person").click()
    expect(admin.get_by_text("new password due")).to_be_visible()

    page = desk(None)
    page.goto("/devices")
    sign_in(page, "nora.new")
    expect(page.get_by_text("Choose a password of your own before you go on.")).to_be_visible()
    page.goto("/firmware/rollouts")
    expect(page).to_have_url(f"{desk.url}/me/password")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_label("New password, once more").fill(ANOTHER)
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_text("Your password is changed")).to_be_visible()


def test_a_session_ended_elsewhere_asks_to_sign_in_at_the_next_step(
    desk: Desk, people: People
) -> None:
    people.person("agent", username="petra.two")
    here, there = desk(None), desk(None)
    here.goto("/sign-in")
    sign_in(here, "petra.two")
    there.goto("/sign-in?next=/devices")
    sign_in(there, "petra.two")
    expect(there.get_by_role("heading", level=1)).to_have_text("Boxes")

    here.goto("/me")
    confirm(here, "Sign out everywhere else")
    expect(here.get_by_text("You are signed out everywhere else.")).to_be_visible()
    there.get_by_role("combobox", name="Search").fill("AUR")

    expect(there).to_have_url(f"{desk.url}/sign-in?next=/devices")
