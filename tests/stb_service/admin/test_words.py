"""The audit in words: every verb, subject and field that the code writes has a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.boxes.rules import BOX_STATE_NAMES, BoxState
from firmware.images.rules import STATE_NAMES as IMAGE_STATE_NAMES
from firmware.rollouts.rules import ROLLOUT_MOVES, ROLLOUT_STATE_NAMES
from stb_service.admin import words
from stb_service.app import wire_rooms
from stb_service.billing.rules import QUOTE_MOVES
from stb_service.rma.cases import CASE
from stb_service.rma.claims import CLAIM
from stb_service.rma.lists import DEEDS
from stb_service.rma.workshop import ORDER
from stb_service.shared import audit
from stb_service.shared.access import SYSTEM, VERBS, Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.jobs import Outcome, Work, enqueue, run
from stb_service.staff.models import Person
from stb_service.staff.queries import actor_of
from tests.architecture.source import ROOT
from tests.conftest import NOW

BUILT = {
    "box.": [f"box.{state}" for state in BoxState],
    "rollout.": [f"rollout.{move}" for move in ROLLOUT_MOVES.values()],
    "quote.": [f"quote.{move}" for move in QUOTE_MOVES.values()],
    "rma_case.": [f"rma_case.{deed}" for deed in (*CASE.events, *DEEDS)],
    "rma_claim.": [f"rma_claim.{event}" for event in CLAIM.events],
    "rma_order.": [f"rma_order.{deed}" for deed in (*ORDER.events, *DEEDS)],
}


BESIDE = {"record_count": 2}
"""Where verbs that are written by a function of another module stand in its call."""


def constants(node: ast.AST) -> Iterator[str]:
    """Yield the texts of an expression; of a text with places, its beginning."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        yield str(first.value) if isinstance(first, ast.Constant) else ""
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def name_of(node: ast.keyword | ast.Assign) -> str | None:
    return node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])


def verbs_of(tree: ast.Module) -> Iterator[str]:
    """Yield what is bound to `verb` in a module: by name, by assignment, or by its place."""
    places = BESIDE | {
        node.name: [argument.arg for argument in node.args.args].index("verb")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "verb" in [a.arg for a in node.args.args]
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.keyword, ast.Assign)) and name_of(node) == "verb":
            yield from constants(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in places:
            for argument in node.args[places[ast.unparse(node.func)] :][:1]:
                yield from constants(argument)


@cache
def written_verbs() -> set[str]:
    """Return the verbs of the audit that the code of the service writes."""
    modules = [path for name in ("stb_service", "firmware") for path in (ROOT / name).rglob("*.py")]
    found = {
        verb
        for path in modules
        for verb in verbs_of(ast.parse(path.read_text(encoding="utf-8")))
        if verb not in VERBS
    }
    return {full for verb in found for full in BUILT.get(verb, [verb])}


def test_every_verb_that_the_code_writes_has_a_name() -> None:
    written = written_verbs()

    assert {"device.board", "image.restored", "rollout.halt", "person.sign-in"} <= written
    assert written - set(words.VERB_NAMES) == set()


def test_every_name_is_of_a_verb_that_the_code_writes() -> None:
    assert set(words.VERB_NAMES) - written_verbs() == set()


def test_every_subject_of_a_verb_has_a_name() -> None:
    assert {verb.partition(".")[0] for verb in words.VERB_NAMES} == set(words.SUBJECT_NAMES)


def test_the_words_of_states_do_not_contradict_each_other() -> None:
    tables = (BOX_STATE_NAMES, IMAGE_STATE_NAMES, ROLLOUT_STATE_NAMES)
    pairs = {(str(state), name.msgid) for table in tables for state, name in table.items()}

    assert len(pairs) == len({state for state, _ in pairs})


def test_what_has_no_name_is_shown_as_it_is() -> None:
    assert words.verb_name("of.old") == "of.old"
    assert words.subject_name("relic") == "relic"
    assert words.field_name("made_up_id") == "made up"
    assert words.value_name("state", "molten") == "molten"


@pytest.fixture
def record(sqlite_db: Database, actor: Actor) -> Any:
    def write(verb: str, subject: str, by: Actor = actor, **changes: Any) -> None:
        with sqlite_db.write() as session:
            audit.record(
                session,
                actor=by,
                verb=verb,
                subject=(subject, "ref", "label"),
                changes=changes,
                now=NOW,
            )

    return write


def test_verbs_fields_and_values_are_read_as_words(client: FlaskClient, record: Any) -> None:
    record("device.status", "device", status=["in_stock", "sold"], sold_on=[None, "2026-03-02"])
    record("role.change", "role", verbs=[["staff.view"], ["staff.view", "audit.view"]])
    record("image.uploaded", "image", fits=["AX1 A", "AX1 B"])

    page = client.get("/audit?subject=ref").text

    assert ">Box moved on</a>" in page
    assert '<del dir="auto">In stock</del>' in page
    assert '<ins dir="auto">Sold</ins>' in page
    assert ">Sold on</span>" in page
    assert '<ins dir="auto">Read the audit</ins>' in page
    assert '<ins dir="auto">AX1 A, AX1 B</ins>' in page


def test_the_filter_names_the_verbs_and_keeps_one_that_is_gone(
    client: FlaskClient, record: Any
) -> None:
    record("of.old", "device")

    page = client.get("/audit?verb=of.old").text

    assert '<option value="device.create">Box registered</option>' in page
    assert '<option value="of.old" selected>of.old</option>' in page
    assert page.count("<time") == 1


def test_a_deed_by_token_names_the_token_on_the_page_and_in_the_api(
    client: FlaskClient, api: Any, sqlite_db: Database, record: Any
) -> None:
    ref = api("POST", "/tokens", json={"name": "erp export", "days": 30}).json["id"]

    entry = api("GET", "/audit?verb=token.create").json["items"][0]
    used = api("GET", f"/audit?actor={entry['token_ref']}").json["items"]
    page = client.get("/audit?verb=token.create").text

    assert (entry["actor_label"], entry["token_label"]) == ("api.admin", "test")
    assert entry["token_ref"] not in {None, ref}
    assert [found["id"] for found in used] == [entry["id"]]
    assert "by token “test”" in page


def test_a_deed_of_the_person_names_no_token(client: FlaskClient, api: Any) -> None:
    entry = api("GET", "/audit?actor=root.admin&verb=person.sign-in").json["items"][0]

    assert (entry["token_ref"], entry["token_label"]) == (None, None)
    assert "by token" not in client.get("/audit?actor=root.admin").text


def test_long_work_goes_on_by_the_token_that_asked_for_it(
    sqlite_db: Database, files: FileStore
) -> None:
    asker = replace(SYSTEM, token_ref="ref", token_label="erp export")
    with sqlite_db.write() as session:
        job = enqueue(session, kind="k", title="t", arguments={}, actor=asker, now=NOW)
    acting: list[Actor] = []

    def work(work: Work) -> Outcome:
        acting.append(work.actor)
        return Outcome({})

    run(sqlite_db, files, {"k": work}, job.id, clock=lambda: NOW, actor_of=lambda *_: SYSTEM)

    assert acting == [asker]


def test_the_card_of_a_box_shows_its_entries_of_both_rooms(
    people: Any, sqlite_db: Database, now: datetime, record: Any
) -> None:
    record("device.status", "device", status=["in_stock", "sold"])
    record("box.token", "box", former_until=NOW)
    with sqlite_db.read() as session:
        reader = actor_of(session.get_one(Person, people.person("administrator").id))
        section = next(s for s in wire_rooms().card if s.name == "changes")
        entries: list[AuditEntry] = section.load(session, "ref", reader, now)["entries"]

    assert section.verb == "audit.view"
    assert [entry.verb for entry in entries] == ["box.token", "device.status"]
