"""Audit, texts, and the table of roles and verbs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask_babel import format_datetime
from sqlalchemy.orm import Session

from stb_service.shared import audit
from stb_service.shared.access import (
    ADMINISTRATOR,
    EVERYTHING,
    ROLE_NAMES,
    SYSTEM,
    VERBS,
    VIEWER,
    Actor,
    Scope,
    allowed_verbs,
    builtin_verbs,
    requires,
)
from stb_service.shared.assets import LOCALE
from stb_service.shared.errors import Forbidden, Obstacle, Refused
from stb_service.shared.i18n import (
    LANGUAGES,
    Moment,
    Text,
    direction,
    foreign_text,
    speaking,
    spoken,
    text,
)
from tests.architecture.test_style import PLACEHOLDER
from tests.conftest import NOW


def test_a_change_is_kept_with_who_what_and_when(session: Session, actor: Actor) -> None:
    audit.record(
        session,
        actor=actor,
        verb="box.change",
        subject=("box", "ref", "SN1"),
        changes={"sold_on": [None, date(2026, 3, 2)], "tags": {"a"}, "name": text("x")},
        now=NOW,
    )
    (entry,) = session.scalars(audit.entries_of("box", "ref"))

    assert (entry.at, entry.actor_label, entry.verb) == (NOW, "test-admin", "box.change")
    assert entry.changes == {"sold_on": [None, "2026-03-02"], "tags": ["a"], "name": "x"}


def test_the_newest_entries_come_first(session: Session, actor: Actor) -> None:
    for verb in ("one", "two", "three"):
        audit.record(session, actor=actor, verb=verb, subject=("box", "r", "l"), now=NOW)

    found = [entry.verb for entry in session.scalars(audit.entries_of("box", "r", limit=2))]

    assert found == ["three", "two"]


def test_only_what_differs_counts_as_changed() -> None:
    class Row:
        name, size = "a", 1

    row = Row()

    assert audit.apply_changes(row, {"name": "a", "size": 2}) == {"size": [1, 2]}
    assert (row.name, row.size) == ("a", 2)


# Texts


def test_a_text_takes_its_values_when_it_is_shown() -> None:
    assert str(text("At most %(n)s of %(what)s.", n=3, what=text("boxes"))) == "At most 3 of boxes."


def test_a_percent_sign_is_written_twice_with_values_and_without() -> None:
    bare, filled = text("100 %% sure"), text("%(n)s %% sure", n=100)

    assert (str(bare), str(filled)) == ("100 % sure", "100 % sure")
    with speaking("ar", "UTC"):
        assert (str(bare), str(filled)) == ("100 % sure", "100 % sure")


def test_what_a_library_says_may_hold_anything() -> None:
    assert str(foreign_text("100 % sure, %(n)s %% of it")) == "100 % sure, %(n)s %% of it"


def test_what_is_said_outside_of_a_request_is_in_the_language_and_the_zone_that_are_named() -> None:
    words = text("Boxes")

    with speaking("ar", "Asia/Riyadh"):
        arabic, heard, hour = str(words), spoken(), format_datetime(NOW, "H")

    assert (arabic, heard, hour) == ("الأجهزة", ("ar", "Asia/Riyadh"), "13")
    assert (str(words), spoken()) == ("Boxes", None)


def test_a_text_is_shown_in_the_language_of_the_reader(app: Any) -> None:
    page = app.test_client().get("/sign-in", headers={"Accept-Language": "ar"}).text

    assert 'dir="rtl"' in page
    assert 'lang="ar"' in page


@pytest.mark.parametrize(
    ("code", "expected"), [("en", "ltr"), ("ar", "rtl"), ("ar_EG", "rtl"), ("arn", "ltr")]
)
def test_the_direction_follows_the_language(code: str, expected: str) -> None:
    assert direction(code) == expected


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_a_translation_names_the_places_that_the_text_has(language: str) -> None:
    path: Path = LOCALE / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)

    wrong = [
        message.id
        for message in catalogue
        if message.id
        and isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.string
        and set(PLACEHOLDER.findall(message.id)) != set(PLACEHOLDER.findall(message.string))
    ]

    assert wrong == []


def test_a_refusal_says_the_first_reason_and_keeps_all() -> None:
    refusal = Refused([Obstacle("a", text("First.")), Obstacle("b", text("Second."))])

    assert (str(refusal), refusal.code, refusal.status) == ("First.", "a", 409)
    assert [str(o) for o in refusal.obstacles] == ["First.", "Second."]


# Who may do what


def test_the_administrator_holds_every_verb() -> None:
    assert builtin_verbs(ADMINISTRATOR) == set(VERBS)


def test_the_viewer_changes_nothing() -> None:
    endings = {verb.rpartition(".")[2] for verb in builtin_verbs(VIEWER)}

    assert endings <= {"use", "view", "export"}


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_everybody_may_use_their_own_account(role: str) -> None:
    assert "self.use" in builtin_verbs(role)


def test_every_verb_and_role_has_words() -> None:
    assert all(isinstance(verb.meaning, Text) and verb.meaning.msgid for verb in VERBS.values())
    assert {role for verb in VERBS.values() for role in verb.roles} == set(ROLE_NAMES)


def test_verbs_that_do_not_exist_any_more_are_left_out() -> None:
    assert allowed_verbs({"devices.view", "of.old"}, of_operator=True) == {"devices.view"}


def test_an_unknown_verb_is_an_error_not_a_no() -> None:
    with pytest.raises(KeyError):
        SYSTEM.can("devices.veiw")
    with pytest.raises(KeyError):
        requires("devices.veiw")


def test_what_is_not_allowed_is_refused_by_name() -> None:
    with pytest.raises(Forbidden, match="See boxes"):
        Actor("person", "r", "l").demand("devices.view")


def test_only_those_of_the_operator_see_everything() -> None:
    assert EVERYTHING.is_everything
    assert not Scope(0).is_everything
    assert not Actor("person", "r", "l", organisation_id=5).scope.is_everything


def test_an_instant_in_a_sentence_is_written_where_and_as_its_reader_reads() -> None:
    sentence = text("Not before %(at)s", at=Moment(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)))

    assert str(sentence) == "Not before 2026-03-01 23:30"
    with speaking("en", "Asia/Dubai"):
        assert str(sentence) == "Not before 2 Mar 2026 03:30"
    with speaking("ar", "Asia/Dubai"):
        assert "مارس" in str(sentence)
