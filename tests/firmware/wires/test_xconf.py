"""RDK XConf by HTTP: a box says what it runs and is told what it should run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from firmware.boxes.models import Box
from firmware.boxes.operations import add_token, revoke_tokens
from stb_service.shared.db import Database
from tests.firmware.wires.conftest import FIRMWARE, TOKEN, MakeWire, Wire
from tests.firmware.world import statements_to

MAC = "00:1A:79:00:00:00"
TARGET = {"Authorization": f"TargetToken {TOKEN}"}


def ask(wire: Wire, version: str = "1.0", method: str = "GET", **more: str) -> Any:
    parameters = {"eStbMac": MAC, "firmwareVersion": version, "model": "X100", **more}
    if method == "GET":
        return wire.client.get("/xconf/swu/stb", query_string=parameters)
    body = "&".join(f"{name}={value}" for name, value in parameters.items())
    return wire.client.post(
        "/xconf/swu/stb", data=body, content_type="application/x-www-form-urlencoded"
    )


def file_of(answer: Any) -> str:
    reply = answer.get_json()
    return f"{reply['firmwareLocation']}/{reply['firmwareFilename']}"


@pytest.fixture
def wire(make_wire: MakeWire, small_db: Database) -> Wire:
    """A box that has no token: XConf serves no other."""
    made = make_wire(small_db)
    made.forget_tokens()
    return made


@pytest.fixture
def both_wire(make_wire: MakeWire, both: Database) -> Wire:
    """The same on SQLite and on PostgreSQL."""
    made = make_wire(both)
    made.forget_tokens()
    return made


@pytest.fixture
def xconf(both_wire: Wire) -> Wire:
    """A rollout of 2.0 is for the box."""
    both_wire.world.rollout(both_wire.world.image("2.0", data=FIRMWARE))
    return both_wire


@pytest.fixture
def small(wire: Wire) -> Wire:
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    return wire


def test_a_box_is_verified_by_the_version_of_its_next_poll(xconf: Wire) -> None:
    answer = ask(xconf)
    fetched = xconf.client.get(file_of(answer))
    again = ask(xconf)
    done = ask(xconf, "2.0")
    assert (answer.status_code, fetched.data) == (200, FIRMWARE)
    assert (again.status_code, done.status_code) == (200, 404)
    assert done.text == "Runs 2.0, verified by Rollout 2.\n"
    assert xconf.world.state("box-00000") == "verified"


def test_an_answer_is_compact_flat_and_without_a_comma_in_a_value(small: Wire) -> None:
    answer = ask(small)
    reply = answer.get_json()
    assert answer.text.count(",") == len(reply) - 1
    assert ": " not in answer.text
    assert list(reply) == [
        "firmwareDownloadProtocol",
        "firmwareFilename",
        "firmwareLocation",
        "firmwareVersion",
        "rebootImmediately",
    ]
    assert (reply["firmwareDownloadProtocol"], reply["firmwareVersion"]) == ("http", "2.0")
    assert "X100" in reply["firmwareFilename"]


@pytest.mark.parametrize(
    "mac", [MAC, "001a79000000", "00-1a-79-00-00-00", "00%3A1A%3A79%3A00%3A00%3A00"]
)
def test_a_form_comes_unescaped_or_escaped(small: Wire, mac: str) -> None:
    assert ask(small, method="POST", eStbMac=mac).status_code == 200


def test_repeated_parameters_are_joined_and_the_body_wins(small: Wire) -> None:
    joined = small.client.get(f"/xconf/swu/stb?eStbMac={MAC}&eStbMac={MAC}")
    won = small.client.post(
        "/xconf/swu/stb?eStbMac=nothing", data=f"eStbMac=no&eStbMac={MAC}&firmwareVersion=1.0"
    )
    assert (joined.status_code, won.status_code) == (400, 200)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "eStbMac should be specified\n"),
        ("?eStbMac=", "eStbMac should be specified\n"),
        ("?eStbMac=zz", "eStbMac is no MAC address\n"),
        ("?eStbMac=%00%ff", "eStbMac is no MAC address\n"),
    ],
)
def test_a_poll_without_a_mac_is_refused(small: Wire, query: str, sentence: str) -> None:
    answer = small.client.get("/xconf/swu/stb" + query)
    assert (answer.status_code, answer.text) == (400, sentence)


def test_a_box_that_nobody_knows_is_told_so(make_wire: MakeWire, small_db: Database) -> None:
    wire = make_wire(small_db, STB_UNKNOWN_BOX="refuse")
    answer = ask(wire, eStbMac="00:1A:79:FF:FF:FF")
    assert (answer.status_code, answer.text) == (404, "Nobody knows this box.\n")


def test_an_unknown_box_is_queued_or_registered_with_what_it_said(
    make_wire: MakeWire, small_db: Database
) -> None:
    wire = make_wire(small_db, STB_UNKNOWN_BOX="register")
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    answer = ask(wire, eStbMac="00:1A:79:FF:FF:FF", serialNum="new1", hwRevision="r7")
    with wire.world.db.read() as session:
        box = session.scalars(select(Box).where(Box.serial == "NEW1")).one()
    assert (answer.status_code, box.model_code, box.revision_code) == (200, "X100", "r7")


def test_a_box_that_waits_for_approval_is_told_so(wire: Wire) -> None:
    answer = ask(wire, eStbMac="00:1A:79:FF:FF:FF")
    again = ask(wire, eStbMac="00:1A:79:FF:FF:FF")
    assert (answer.status_code, again.text) == (404, "Is not served before it is approved.\n")


def test_the_reason_for_nothing_is_a_sentence(small: Wire) -> None:
    small.world.staff("pause", 1)
    answer = ask(small)
    assert (answer.status_code, answer.text) == (404, "Rollout 2 is paused.\n")


def test_a_file_is_had_by_a_word_that_is_signed_and_young(small: Wire) -> None:
    href = file_of(ask(small))
    forged = href.replace("/xconf/files/", "/xconf/files/x")
    statuses = [small.client.head(url).status_code for url in (href, forged, href + "x")]
    small.wait(days=7)
    statuses.append(small.client.head(href).status_code)
    small.wait(seconds=1)
    statuses.append(small.client.head(href).status_code)
    assert statuses == [200, 404, 404, 200, 404]


def test_a_file_is_not_had_once_the_offer_is_taken_back(small: Wire) -> None:
    href = file_of(ask(small))
    small.world.staff("pause", 1)
    assert small.client.get(href).status_code == 404
    assert small.world.state("box-00000") == "waiting"


def test_a_box_that_is_retired_gets_no_file(small: Wire) -> None:
    href = file_of(ask(small))
    small.world.change_box("box-00000", state="retired")
    assert small.client.get(href).status_code == 404


@pytest.mark.parametrize(("minutes", "state"), [(29, "fetching"), (30, "failed"), (31, "failed")])
def test_the_old_version_after_the_grace_is_a_failure(
    small: Wire, minutes: int, state: str
) -> None:
    small.client.get(file_of(ask(small)))
    small.wait(minutes=minutes)
    ask(small)
    assert small.world.state("box-00000") == state


@pytest.mark.parametrize(("minutes", "state"), [(29, "fetching"), (30, "failed")])
def test_the_grace_begins_when_the_last_bytes_were_taken(
    small: Wire, minutes: int, state: str
) -> None:
    href = file_of(ask(small))
    small.client.get(href)
    small.wait(minutes=25)
    small.client.get(href, headers={"Range": "bytes=10-"})
    small.tick()
    small.wait(minutes=minutes)
    ask(small)
    assert small.world.state("box-00000") == state


def test_a_box_that_fetches_again_and_again_fails_in_the_end(small: Wire) -> None:
    states = []
    for _ in range(3):
        small.client.get(file_of(ask(small)))
        small.tick()
        small.wait(minutes=20)
        states.append(small.world.state("box-00000"))
    ask(small)
    assert (states, small.world.state("box-00000")) == (["fetching"] * 3, "failed")


def test_the_old_version_after_a_reboot_is_a_failure_at_once(small: Wire) -> None:
    ask(small, boot_id="b1")
    small.client.get(file_of(ask(small, boot_id="b1")))
    ask(small, boot_id="b2")
    assert small.world.state("box-00000") == "failed"


def test_a_box_that_fetched_and_is_silent_is_suspect(small: Wire) -> None:
    fetched = small.client.get(file_of(ask(small)))
    assert fetched.data == FIRMWARE
    small.wait(minutes=60)
    small.tick()
    assert small.world.state("box-00000") == "suspect"


def test_a_return_to_the_old_version_revokes_the_verification(small: Wire) -> None:
    small.client.get(file_of(ask(small)))
    ask(small, "2.0")
    ask(small, "1.0")
    assert small.world.state("box-00000") == "reverted"


def test_a_poll_that_changes_nothing_takes_no_write_lock(wire: Wire) -> None:
    first = ask(wire)
    with statements_to(wire.world.db) as begun:
        second = ask(wire)
    assert (first.status_code, second.status_code) == (404, 404)
    assert not [s for s in begun if "IMMEDIATE" in s or s.startswith(("UPDATE", "INSERT"))]
    assert len([s for s in begun if s.startswith("SELECT")]) <= 5


def test_what_a_box_states_is_taken_down_again_after_a_while(wire: Wire) -> None:
    ask(wire)
    first = wire.world.box("box-00000").version_at
    wire.wait(minutes=59)
    ask(wire)
    second = wire.world.box("box-00000").version_at
    wire.wait(minutes=1)
    ask(wire)
    assert first == second
    assert wire.world.box("box-00000").version_at == wire.world.now


@pytest.mark.parametrize("value", ["\0", "\0" * 300, "x" * 5000, "%ED%A0%80", "%", "%zz", "a,b"])
@pytest.mark.parametrize("name", ["firmwareVersion", "model", "serialNum", "boot_id"])
def test_odd_values_are_no_error(wire: Wire, name: str, value: str) -> None:
    answer = ask(wire, method="POST", **{name: value})
    assert answer.status_code == 404


def test_nobody_speaks_by_its_mac_for_a_box_that_has_a_token(small: Wire) -> None:
    small.add_token("box-00000")
    offered, forged = ask(small), ask(small, "2.0")
    assert (offered.status_code, forged.status_code) == (404, 404)
    assert small.world.state("box-00000") == "waiting"


def speak_ddi(wire: Wire) -> None:
    wire.headers = wire.gateway()[1]
    wire.call("GET")


def test_nobody_speaks_by_its_mac_for_a_box_that_spoke_through_a_gateway(small: Wire) -> None:
    small.world.staff("pause", 1)
    speak_ddi(small)
    small.world.staff("resume", 1)
    offered, forged = ask(small), ask(small, "2.0")
    assert [answer.status_code for answer in (offered, forged)] == [404, 404]
    assert forged.text == "This box has a token and speaks DDI.\n"
    assert small.world.state("box-00000") == "waiting"
    assert small.world.box("box-00000").running_version != "2.0"


def test_a_forged_statement_verifies_no_update_through_a_gateway(small: Wire) -> None:
    speak_ddi(small)
    taken = small.download()
    forged = ask(small, "2.0")
    assert (taken.status_code, forged.status_code) == (200, 404)
    assert small.world.state("box-00000") == "fetching"


def test_a_box_may_change_its_wire_once_its_tokens_are_revoked(small: Wire) -> None:
    small.add_token("box-00000")
    speak_ddi(small)
    small.download()
    with small.world.db.write() as session:
        box = session.scalars(select(Box)).one()
        revoke_tokens(session, box=box, actor=small.world.actor, now=small.world.now)
    answer, poll = ask(small, "2.0"), small.client.get(small.base, headers=TARGET)
    assert answer.text != "This box has a token and speaks DDI.\n"
    assert poll.status_code == 401
    # what was begun by DDI is not judged by a statement without a token
    assert small.world.state("box-00000") == "fetching"


def test_a_box_whose_tokens_have_all_ended_is_served(small: Wire) -> None:
    with small.world.db.write() as session:
        box = session.scalars(select(Box)).one()
        token = add_token(session, box=box, token=TOKEN, now=small.world.now)
        token.expires_at = small.world.now + timedelta(days=1)
    before = ask(small).status_code
    small.wait(days=1)
    assert (before, ask(small).status_code) == (404, 200)


def test_a_stranger_with_a_token_of_its_own_shuts_no_box_out(wire: Wire) -> None:
    """Only a gateway's word marks a box that nobody has approved."""
    base = "/DEFAULT/controller/v1/001A79FFFFFF"
    wire.client.get(base, headers=TARGET)
    wire.client.get(base, headers=TARGET)
    with wire.world.db.read() as session:
        first = session.scalars(select(Box).where(Box.alias == "001A79FFFFFF")).one().ddi_at
    wire.client.get(base, headers=wire.gateway()[1])
    with wire.world.db.read() as session:
        then = session.scalars(select(Box).where(Box.alias == "001A79FFFFFF")).one().ddi_at
    assert (first, then) == (None, wire.world.now)


@pytest.mark.parametrize(("networks", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 404)])
def test_only_addresses_of_the_setting_may_poll(
    make_wire: MakeWire, small_db: Database, networks: str, status: int
) -> None:
    made = make_wire(small_db, STB_XCONF_FROM=networks)
    made.forget_tokens()
    made.world.rollout(made.world.image("2.0", data=FIRMWARE))
    assert ask(made).status_code == status
