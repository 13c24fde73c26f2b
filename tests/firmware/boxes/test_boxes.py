"""What is known of each box: identity, tokens, statements, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from firmware.boxes import operations
from firmware.boxes.models import Box, BoxReport
from firmware.boxes.queries import uids_named
from firmware.boxes.rules import (
    ASKS_BEFORE_GIVING_UP,
    BOX_MOVES,
    BoxState,
    Statement,
    as_mac,
    as_serial,
    asks_for_attributes,
    storable,
)
from stb_service.devices.identity.rules import normalise_mac
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Conflict, Invalid
from tests.firmware.world import World, holds_token

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def world(small_world: World) -> World:
    small_world.boxes(1)
    return small_world


@pytest.mark.parametrize(
    "written",
    [
        *("00:1A:79:00:00:FF", "001a790000ff", "00-1a-79-00-00-ff", "001A.7900.00FF"),
        *(
            "0:1a:79:0:0:ff",
            "MAC: 00 1A 79 00 00 FF",
            "00\u20131A\u201379\u201300\u201300\u2013FF",
            "0x001A790000FF",
        ),
        "\u041e\u041e:1\u0410:79:00:00:FF",
        "OO:lA:79:00:00:FF",
    ],
)
def test_a_mac_is_read_in_any_notation(written: str) -> None:
    assert as_mac(written) == "00:1A:79:00:00:FF"


@pytest.mark.parametrize("written", ["", "001A790000F", "001A790000FFF", "001A790000GG", "S00000"])
def test_what_is_no_mac_is_none(written: str) -> None:
    assert as_mac(written) is None


@pytest.mark.parametrize(
    "written", ["\u0410\u0421:CD:\u0415F:00:11:22", "ac.cd.ef.00.11.22", "AC CD EF 00 11 22"]
)
def test_the_registry_and_this_room_read_a_mac_alike(written: str) -> None:
    assert as_mac(written) == normalise_mac(written) == "AC:CD:EF:00:11:22"


@given(st.text())
def test_what_is_stored_can_be_stored(words: str) -> None:
    kept = storable(words)
    assert kept.encode().decode() == kept
    assert "\0" not in kept
    assert storable(kept) == kept


@given(st.text())
def test_a_serial_is_compared_in_one_form(words: str) -> None:
    assert as_serial(as_serial(words)) == as_serial(words)


def test_a_statement_is_cut_to_what_is_kept() -> None:
    said = Statement(at=NOW, wire="ddi", version="v" * 200, boot_id="\0", model="m" * 65)
    assert (said.version, said.boot_id, said.model) == ("v" * 128, None, "m" * 64)


def asks(**known: Any) -> bool:
    facts = {"stated_at": None, "wanted": False, "asked": 0, "restate": timedelta(hours=1)}
    return asks_for_attributes(**{**facts, **known}, now=NOW)


@pytest.mark.parametrize(("asked", "expected"), [(2, True), (3, False), (4, False)])
def test_a_box_is_not_asked_for_ever(asked: int, expected: bool) -> None:
    assert ASKS_BEFORE_GIVING_UP == 3
    assert asks(asked=asked) is expected


def test_a_box_whose_word_is_awaited_is_asked_until_it_says_it() -> None:
    assert asks(wanted=True, asked=99, stated_at=NOW)


@pytest.mark.parametrize(("minutes", "expected"), [(59, False), (60, True), (61, True)])
def test_a_box_is_asked_again_after_a_while(minutes: int, expected: bool) -> None:
    assert asks(stated_at=NOW - timedelta(minutes=minutes), asked=9) is expected


@pytest.mark.parametrize(("former", "to"), sorted(BOX_MOVES))
def test_a_box_moves_as_the_table_says(world: World, former: BoxState, to: BoxState) -> None:
    world.change_box("box-00000", state=former)
    with world.db.write() as session:
        box = session.scalars(select(Box)).one()
        operations.move_box(session, box=box, to=to, actor=world.actor, now=world.now)
        with pytest.raises(Conflict):
            operations.move_box(session, box=box, to=to, actor=world.actor, now=world.now)
    assert world.box("box-00000").state == to


def test_the_registry_approves_a_box_and_keeps_its_own_word_where_it_has_none(
    world: World,
) -> None:
    world.change_box("box-00000", state="pending", model_code="X9", revision_code="r9")
    with world.db.write() as session:
        operations.know_box(
            session,
            uid="box-00000",
            serial=" abc ",
            mac_ethernet=None,
            mac_wifi=None,
            model_code="",
            revision_code="r1",
            tags=["a", "b"],
            actor=world.actor,
            now=world.now,
        )
    with world.db.read() as session:
        box = session.scalars(select(Box)).one()
        assert (box.state, box.serial, box.model_code) == ("known", "ABC", "X9")
        assert (box.revision_code, [tag.tag for tag in box.tags]) == ("r1", ["a", "b"])


@pytest.mark.parametrize(
    "word",
    [
        *("00:1A:79:00:00:00", "001a.7900.0000", "00-1a-79-00-00-00", "001A79000000"),
        *("\u041e\u041e:1\u0410:79:00:00:00", "S00000", " s00000 ", "\u0405OOOOO", "\u0455 00 000"),
    ],
)
def test_a_box_is_named_in_any_notation(world: World, word: str) -> None:
    world.change_box("box-00000", serial="SOOOOO" if "OOOOO" in word else "S00000")
    with world.db.read() as session:
        assert uids_named(session, [word, "S-NOBODY"]) == (["box-00000"], ["S-NOBODY"])


@pytest.mark.parametrize(
    ("said", "serial", "mac"),
    [
        ("001a.7909.0909", None, "00:1A:79:09:09:09"),
        ("AO1A79090909", "AO1A79090909", None),
        ("0x001A79090909", "0X001A79090909", None),
    ],
)
def test_what_a_stranger_says_is_a_mac_only_where_it_can_be_nothing_else(
    world: World, said: str, serial: str | None, mac: str | None
) -> None:
    with world.db.write() as session:
        box = operations.meet_unknown(
            session,
            controller_id=said,
            statement=Statement(at=NOW, wire="ddi"),
            token=None,
            registers=False,
            now=NOW,
        )
        assert box is not None
        assert (box.serial, box.mac_ethernet) == (serial, mac)


def adopt(world: World) -> Box:
    with world.db.write() as session:
        operations.know_box(
            session,
            uid="box-00000",
            serial="S1",
            mac_ethernet="00:1A:79:00:00:01",
            mac_wifi=None,
            model_code="X100",
            revision_code="r1",
            tags=[],
            actor=world.actor,
            now=world.now,
        )
    return world.box("box-00000")


def approve(world: World) -> Box:
    with world.db.write() as session:
        box = session.scalars(select(Box)).one()
        operations.move_box(session, box=box, to=BoxState.KNOWN, actor=world.actor, now=world.now)
    return world.box("box-00000")


@pytest.mark.parametrize("make_known", [adopt, approve])
@pytest.mark.parametrize("state", ["pending", "refused"])
def test_what_was_stated_under_a_name_before_it_was_approved_is_no_evidence(
    world: World, state: str, make_known: Callable[[World], Box]
) -> None:
    stated = {"sw_version": "1.0"}
    world.change_box("box-00000", state=state, attributes=stated, boot_at=NOW, attributes_asked=3)

    box = make_known(world)

    assert (box.running_version, box.version_at, box.boot_id, box.boot_at) == (None,) * 4
    assert (box.attributes, box.attributes_at, box.attributes_asked) == ({}, None, 0)


def test_what_a_known_box_stated_outlives_a_correction_of_the_registry(world: World) -> None:
    world.change_box("box-00000", alias="lobby")

    box = adopt(world)

    assert (box.running_version, box.boot_id, box.alias) == ("1.0", "boot-1", "lobby")


@pytest.mark.parametrize(
    ("alias", "kept"),
    [("s1", "s1"), ("001a.7900.0001", "001a.7900.0001"), ("00:1A:79:09:09:09", None), ("x", None)],
)
def test_a_box_that_the_registry_adopts_keeps_an_alias_that_is_its_own_name(
    world: World, alias: str, kept: str | None
) -> None:
    world.change_box("box-00000", state="pending", alias=alias)

    assert adopt(world).alias == kept


def test_an_alias_that_staff_saw_and_approved_stays(world: World) -> None:
    world.change_box("box-00000", state="pending", alias="lobby")

    assert approve(world).alias == "lobby"


def test_asking_a_box_what_it_runs_is_in_the_audit(world: World) -> None:
    with world.db.write() as session:
        box = session.scalars(select(Box)).one()
        operations.ask_for_attributes(session, box=box, actor=world.actor, now=world.now)
    with world.db.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.verb, entry.actor_ref, entry.subject_ref) == (
        "box.ask",
        world.actor.ref,
        "box-00000",
    )


def test_a_token_is_kept_as_a_digest(world: World) -> None:
    with world.db.write() as session:
        box = session.scalars(select(Box)).one()
        secret = operations.rotate_token(session, box=box, actor=world.actor, now=world.now)
    with world.db.read() as session:
        box = session.scalars(select(Box)).one()
        assert holds_token(session, box, secret, now=world.now)
        assert not holds_token(session, box, secret + "x", now=world.now)


@pytest.mark.parametrize("secret", ["short", "x" * 129, "ümlaut" * 5, "new\nline" * 4])
def test_a_token_that_no_header_carries_is_refused(world: World, secret: str) -> None:
    with world.db.write() as session:
        box = session.scalars(select(Box)).one()
        with pytest.raises(Invalid):
            operations.rotate_token(
                session, box=box, token=secret, actor=world.actor, now=world.now
            )


def test_an_alias_belongs_to_one_box(world: World) -> None:
    world.boxes(1)
    with world.db.write() as session:
        one, two = session.scalars(select(Box).order_by(Box.id)).all()
        operations.set_alias(session, box=one, alias="me", actor=world.actor, now=world.now)
        with pytest.raises(Conflict):
            operations.set_alias(session, box=two, alias="me", actor=world.actor, now=world.now)


def keep(world: World, body: str, **said: Any) -> bool:
    with world.db.write() as session:
        box = session.scalars(select(Box).order_by(Box.id)).first()
        assert box is not None
        row = operations.keep_report(
            session, box=box, wire="ddi", action="1", body=body, now=world.now, **said
        )
        return row is not None


def count(world: World) -> int:
    with world.db.read() as session:
        return len(session.scalars(select(BoxReport.id)).all())


def test_of_one_action_so_many_reports_are_kept_and_final_ones_beyond(world: World) -> None:
    kept = [keep(world, f"line {n}") for n in range(201)]
    progress = count(world)
    keep(world, "the end", execution="closed")
    keep(world, "the end", execution="closed")
    keep(world, "garbage", unread="not JSON")
    assert (sum(kept), progress, count(world)) == (200, 200, 202)
