"""How one box comes into the registry."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from firmware.boxes.models import Box
from firmware.boxes.operations import meet_unknown, move_box
from firmware.boxes.queries import box_by_uid
from firmware.boxes.rules import BoxState, Statement
from stb_service.devices import queries
from stb_service.devices.arrivals.operations import register_device, register_unclaimed
from stb_service.devices.identity import queries as identity
from stb_service.devices.identity.operations import Disputed, list_for_review, settle_dispute
from stb_service.devices.identity.rules import ClaimSource
from stb_service.devices.models import Device, DeviceIdentifier, IdentityDispute
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import entries_of
from stb_service.shared.errors import Conflict, Invalid
from tests.firmware.world import holds_token
from tests.stb_service.devices.conftest import Registry

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
TOKEN = "a-token-of-the-stranger"


def count(registry: Registry, model: Any) -> int:
    found: int = registry.ask(lambda s: s.scalar(select(func.count()).select_from(model)))
    return found


def test_a_box_is_registered_with_all_that_is_said_of_it(registry: Registry) -> None:
    box = registry.box(
        "sn 0001",
        revision="A",
        mac_ethernet="0200.0000.0001",
        batch="B1",
        made_on=date(2024, 1, 31),
        seller="north",
        tags=["Friendly"],
    )

    found = registry.ask(queries.device_by_uid, box.public_id, EVERYTHING)
    assert (found.serial, found.mac_ethernet, found.maker) == ("SN0001", MAC, "Aurora")
    assert (found.model_code, found.revision_code) == ("AUR-1", "A")
    assert (found.seller.code, found.tag_names, found.status) == ("north", ["friendly"], "in_stock")


def test_a_registered_box_is_known_to_the_firmware_room_under_the_same_uid(
    one: Registry,
) -> None:
    box = one.box(revision="A", mac_ethernet=MAC, tags=["friendly"])

    known = one.ask(box_by_uid, box.public_id)
    assert (known.serial, known.mac_ethernet) == ("SN-0001", MAC)
    assert (known.model_code, known.revision_code, known.state) == ("AUR-1", "A", "known")


def test_registering_is_audited(one: Registry) -> None:
    box = one.box("sn-0001", made_on=date(2024, 1, 31), tags={"Vip"})

    (entry,) = one.ask(lambda s: s.scalars(entries_of("device", box.public_id)).all())
    assert entry.verb == "device.create"
    assert entry.changes == {
        "serial": "SN-0001",
        "model": "AUR-1",
        "made_on": "2024-01-31",
        "tags": ["vip"],
    }


def test_two_makers_may_give_the_same_serial(one: Registry) -> None:
    one.box("SN-0001", model="AUR-1")

    second = one.box("SN-0001", model="BOR-2")

    assert second.maker == "Boreal"


def test_one_maker_does_not_give_the_same_serial_twice(registry: Registry) -> None:
    registry.box("SN-0001", model="AUR-1")

    with pytest.raises(Disputed, match="Serial SN-0001 is held by box SN-0001 AUR-1"):
        registry.box("sn-0001", model="BOR-2", maker="AURORA")


def test_every_disputed_identifier_is_told_at_its_field(one: Registry) -> None:
    one.box("SN-0001", mac_ethernet=MAC)

    with pytest.raises(Disputed) as refusal:
        one.box("SN-0001", mac_wifi=MAC)

    assert list(refusal.value.fields) == ["serial", "mac_wifi"]


def test_a_refused_box_leaves_nothing_behind(registry: Registry) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)

    with pytest.raises(Disputed):
        registry.box("SN-0002", mac_ethernet=MAC, tags=["x"])

    assert (count(registry, Device), count(registry, DeviceIdentifier)) == (1, 2)
    assert count(registry, Box) == 1


def test_a_box_needs_a_serial(one: Registry) -> None:
    with pytest.raises(Invalid) as refusal:
        one.do(register_device, model="AUR-1", mac_ethernet=MAC)

    assert list(refusal.value.fields) == ["serial"]


def test_an_external_id_is_given_once(one: Registry) -> None:
    one.box("SN-0001", external_id="crm-1")

    with pytest.raises(Conflict):
        one.box("SN-0002", external_id="crm-1")


def test_of_two_who_register_one_mac_at_the_same_moment_one_is_refused(
    registry: Registry,
) -> None:
    ready = threading.Barrier(2)

    def register(serial: str) -> str:
        ready.wait()
        try:
            registry.box(serial, mac_ethernet=MAC)
        except (Disputed, IntegrityError):
            return "refused"
        return "registered"

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(register, ["SN-1", "SN-2"]))

    assert sorted(ends) == ["refused", "registered"]
    assert count(registry, Device) == 1


def test_a_dealers_box_is_in_the_dealers_scope(one: Registry) -> None:
    box = one.box(actor=one.dealer("north"))

    found = one.ask(queries.device_by_uid, box.public_id, one.dealer("north").scope)

    assert found.seller.code == "north"


def test_a_dealer_does_not_register_into_the_scope_of_another(one: Registry) -> None:
    with pytest.raises(Invalid) as refusal:
        one.box(actor=one.dealer("north"), seller="south")

    assert list(refusal.value.fields) == ["seller"]


# --- review ---------------------------------------------------------------------------------------


def refused(one: Registry) -> Disputed:
    with pytest.raises(Disputed) as refusal:
        one.box("SN-0002", mac_ethernet=MAC, made_on=date(2024, 1, 31))
    return refusal.value


def test_a_refused_claim_is_listed_for_review_once(registry: Registry) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)
    refusal = refused(registry)

    registry.do(list_for_review, refusal=refusal, source=ClaimSource.FORM)
    registry.do(list_for_review, refusal=refusal, source=ClaimSource.FORM)

    page = registry.ask(identity.disputes_page, EVERYTHING, cursor=None, limit=10)
    (dispute,) = page.rows
    assert (dispute.value, dispute.claimant, dispute.holder.serial) == (MAC, "SN-0002", "SN-0001")
    assert dispute.claim["made_on"] == "2024-01-31"


def test_a_settled_claim_may_be_raised_again(registry: Registry) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)
    refusal = refused(registry)
    (dispute,) = registry.do(list_for_review, refusal=refusal, source=ClaimSource.FORM)
    registry.do(settle_dispute, ref=dispute.public_id, note="typing error")

    registry.do(list_for_review, refusal=refusal, source=ClaimSource.API)

    assert registry.ask(identity.open_disputes_count, EVERYTHING) == 1
    assert count(registry, IdentityDispute) == 2


def test_a_dispute_is_settled_once_and_with_a_note(one: Registry) -> None:
    one.box("SN-0001", mac_ethernet=MAC)
    (dispute,) = one.do(list_for_review, refusal=refused(one), source=ClaimSource.FORM)

    with pytest.raises(Invalid):
        one.do(settle_dispute, ref=dispute.public_id, note=" ")
    settled = one.do(settle_dispute, ref=dispute.public_id, note="typing error")
    with pytest.raises(Conflict):
        one.do(settle_dispute, ref=dispute.public_id, note="again")

    assert (settled.is_open, settled.settled_note) == (False, "typing error")


# --- boxes that announce themselves ---------------------------------------------------------------


def payload(**more: Any) -> dict[str, Any]:
    return {
        "uid": "box-0000000000-1",
        "serial": "sn-0009",
        "mac_ethernet": "02-00-00-00-00-01",
        "model_code": "AUR-1",
        "revision_code": "A",
        **more,
    }


def announced(one: Registry, **more: Any) -> Device | None:
    with one.db.write() as session:
        register_unclaimed(session, payload(**more), one.now)
    found: Device | None = one.ask(
        lambda s: s.scalar(
            queries.with_row_details(select(Device)).where(Device.public_id == "box-0000000000-1")
        )
    )
    return found


def test_a_box_that_announced_itself_is_registered_under_its_uid(one: Registry) -> None:
    box = announced(one)

    assert box is not None
    assert (box.serial, box.mac_ethernet, box.status) == ("SN-0009", MAC, "active")
    assert (box.model_code, box.revision_code) == ("AUR-1", "A")


def test_announcing_twice_registers_once(registry: Registry) -> None:
    announced(registry)
    announced(registry)

    assert count(registry, Device) == 1


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"model_code": "UNHEARD-OF"}, "SN-0009"),
        ({"revision_code": "Z"}, "SN-0009"),
        ({"serial": None}, MAC),
        ({"serial": "Ж"}, MAC),
        ({"mac_ethernet": "nonsense"}, "SN-0009"),
        ({"serial": None, "mac_ethernet": None, "model_code": None}, "box-0000000000-1"),
    ],
)
def test_what_a_box_says_wrongly_of_itself_is_left_out(
    one: Registry, said: dict[str, Any], label: str
) -> None:
    box = announced(one, **said)

    assert box is not None
    assert box.label == label


def test_a_box_that_claims_what_another_holds_is_listed_and_not_registered(
    registry: Registry,
) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)

    assert announced(registry) is None
    assert registry.ask(identity.open_disputes_count, EVERYTHING) == 1


def stranger(one: Registry, **more: Any) -> Box:
    """Poll under a serial that nobody registered, with a token of one's own."""
    with one.db.write() as session:
        waiting = meet_unknown(
            session,
            controller_id="SN-0001",
            statement=Statement(at=one.now, wire="ddi"),
            token=TOKEN,
            registers=False,
            now=one.now,
        )
        assert waiting is not None
        return waiting


def test_a_box_that_waits_for_approval_is_adopted_by_registering_it(one: Registry) -> None:
    waiting = stranger(one)

    box = one.box("SN-0001")

    assert box.public_id == waiting.uid
    assert one.ask(box_by_uid, waiting.uid).state == "known"


def test_a_token_shown_before_the_box_was_registered_is_not_accepted(registry: Registry) -> None:
    waiting = stranger(registry)
    before = registry.ask(holds_token, waiting, TOKEN, now=registry.now)

    registry.box("SN-0001")

    assert before
    assert not registry.ask(holds_token, waiting, TOKEN, now=registry.now)


def test_a_token_of_a_box_that_was_approved_by_hand_is_accepted(registry: Registry) -> None:
    waiting = stranger(registry)

    with registry.db.write() as session:
        approved = box_by_uid(session, waiting.uid)
        move_box(session, box=approved, to=BoxState.KNOWN, actor=registry.actor, now=registry.now)
        register_unclaimed(session, payload(uid=waiting.uid, serial="SN-0001"), registry.now)

    assert count(registry, Device) == 1
    assert registry.ask(holds_token, waiting, TOKEN, now=registry.now)
