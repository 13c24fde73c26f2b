"""Verbs on registered boxes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from firmware.boxes.models import Box
from firmware.boxes.queries import box_by_uid
from stb_service.devices import operations, queries
from stb_service.devices.identity import queries as identity
from stb_service.devices.identity.operations import Disputed
from stb_service.devices.models import DeviceIdentifier
from stb_service.devices.rules import Capability, Status
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import AuditEntry, entries_of
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from tests.stb_service.devices.conftest import Registry

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def values_of(registry: Registry, uid: str) -> list[tuple[str, bool]]:
    def read(session: Any) -> list[tuple[str, bool]]:
        device = queries.device_by_uid(session, uid, EVERYTHING)
        rows = identity.identifiers_of(session, device, EVERYTHING)
        return [(row.value, row.until is None) for row in rows]

    found: list[tuple[str, bool]] = registry.ask(read)
    return found


def known_box(registry: Registry, uid: str) -> Box:
    found: Box = registry.ask(box_by_uid, uid)
    return found


def test_a_change_is_audited_with_what_was_before(registry: Registry) -> None:
    box = registry.box(batch="B1")

    registry.do(operations.change_device, uid=box.public_id, batch="B2")

    (entry, _created) = registry.ask(
        lambda session: session.scalars(entries_of("device", box.public_id)).all()
    )
    assert entry.verb == "device.change"
    assert entry.changes == {"batch": ["B1", "B2"]}


def test_a_change_that_changes_nothing_leaves_no_trace(one: Registry) -> None:
    box = one.box(batch="B1", tags=["x"])

    after = one.do(operations.change_device, uid=box.public_id, batch="B1", tags=["X"])

    assert after.row_version == box.row_version
    assert len(one.ask(lambda s: s.scalars(entries_of("device", box.public_id)).all())) == 1


def test_a_change_gives_the_row_a_new_version(one: Registry) -> None:
    box = one.box()

    after = one.do(operations.change_device, uid=box.public_id, tags=["friendly"])

    assert after.row_version > 1


def test_a_corrected_mac_begins_anew_and_the_former_one_stays_in_the_history(
    registry: Registry,
) -> None:
    box = registry.box(mac_ethernet=MAC)

    registry.do(operations.change_device, uid=box.public_id, mac_ethernet=OTHER)

    assert values_of(registry, box.public_id) == [("SN-0001", True), (OTHER, True), (MAC, False)]


def test_a_freed_mac_may_be_given_to_another_box(registry: Registry) -> None:
    box = registry.box(mac_ethernet=MAC)
    registry.do(operations.change_device, uid=box.public_id, mac_ethernet=OTHER)

    second = registry.box("SN-0002", mac_ethernet=MAC)

    assert second.mac_ethernet == MAC


def test_a_mac_of_another_box_is_refused_with_the_box_that_holds_it(registry: Registry) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)
    second = registry.box("SN-0002")

    with pytest.raises(Disputed, match="held by box") as refusal:
        registry.do(operations.change_device, uid=second.public_id, mac_wifi=MAC)

    assert str(refusal.value) == f"Wi-Fi MAC {MAC} is held by box SN-0001 AUR-1."
    assert list(refusal.value.fields) == ["mac_wifi"]
    assert refusal.value.status == 409


def test_the_same_mac_on_both_interfaces_is_refused(one: Registry) -> None:
    box = one.box(mac_ethernet=MAC)

    with pytest.raises(Invalid):
        one.do(operations.change_device, uid=box.public_id, mac_wifi=MAC)


def test_interfaces_may_exchange_their_macs(registry: Registry) -> None:
    box = registry.box(mac_ethernet=MAC, mac_wifi=OTHER)

    after = registry.do(
        operations.change_device, uid=box.public_id, mac_ethernet=OTHER, mac_wifi=MAC
    )

    assert (after.mac_ethernet, after.mac_wifi) == (OTHER, MAC)
    assert values_of(registry, box.public_id).count((MAC, True)) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "mac", "role": "wifi", "issuer": "", "value": MAC},
        {"kind": "serial", "role": "", "issuer": "aurora", "value": "SN-0001"},
    ],
)
def test_the_database_refuses_two_current_boxes_with_one_identifier(
    registry: Registry, row: dict[str, str]
) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)
    second = registry.box("SN-0002")

    with pytest.raises(IntegrityError), registry.db.write() as session:
        session.add(
            DeviceIdentifier(
                device_id=second.id, lookup="X", lookup_reversed="X", since=registry.now, **row
            )
        )


def test_the_database_lets_history_repeat_itself(registry: Registry) -> None:
    registry.box("SN-0001", mac_ethernet=MAC)
    second = registry.box("SN-0002")

    with registry.db.write() as session:
        session.add(
            DeviceIdentifier(
                device_id=second.id,
                kind="mac",
                value=MAC,
                lookup="X",
                lookup_reversed="X",
                since=registry.now,
                until=registry.now,
            )
        )


def test_another_model_takes_the_revision_of_the_former_one_away(one: Registry) -> None:
    box = one.box(revision="A")

    after = one.do(operations.change_device, uid=box.public_id, model="BOR-2")

    assert (after.model_code, after.revision_code, after.maker) == ("BOR-2", "", "Boreal")
    assert known_box(one, box.public_id).model_code == "BOR-2"


def test_a_maker_that_was_named_survives_other_changes(one: Registry) -> None:
    box = one.box(maker="Contract Works")

    after = one.do(operations.change_device, uid=box.public_id, notes="seen")

    assert after.maker == "Contract Works"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": "NONE"}, "model"),
        ({"revision": "Z"}, "revision"),
        ({"mac_ethernet": "00:11"}, "mac_ethernet"),
        ({"serial": ""}, "serial"),
        ({"seller": "nobody"}, "seller"),
        ({"tags": ["a,b"]}, "tags"),
        ({"sold_on": date(2020, 1, 1), "made_on": date(2020, 1, 2)}, "sold_on"),
        ({"made_on": date(1989, 12, 31)}, "made_on"),
        ({"tenure": "stolen"}, "tenure"),
        ({"notes": "a\x00b"}, "notes"),
        ({"batch": "x" * 65}, "batch"),
    ],
)
def test_a_field_that_cannot_be_is_refused_at_its_place(
    one: Registry, fields: dict[str, Any], field: str
) -> None:
    box = one.box()

    with pytest.raises(Invalid) as refusal:
        one.do(operations.change_device, uid=box.public_id, **fields)

    assert list(refusal.value.fields) == [field]


def test_an_external_id_of_another_box_is_refused(one: Registry) -> None:
    one.box("SN-0001", external_id="crm-1")
    second = one.box("SN-0002")

    with pytest.raises(Conflict, match="crm-1"):
        one.do(operations.change_device, uid=second.public_id, external_id="crm-1")


def test_a_status_follows_the_table_and_is_audited(one: Registry) -> None:
    box = one.box()

    after = one.do(
        operations.change_status, uid=box.public_id, status=Status.SOLD, reason="counter"
    )

    assert after.status == Status.SOLD
    entry = one.ask(lambda s: s.scalars(entries_of("device", box.public_id)).first())
    assert entry.changes == {"status": ["in_stock", "sold"], "reason": "counter"}


def test_a_status_outside_the_table_is_refused_with_its_obstacles(one: Registry) -> None:
    box = one.box()

    with pytest.raises(Refused) as refusal:
        one.do(operations.change_status, uid=box.public_id, status=Status.REPLACED)

    assert [obstacle.code for obstacle in refusal.value.obstacles] == ["status"]


def test_a_scrapped_box_gives_its_identifiers_back_and_is_served_no_more(
    registry: Registry,
) -> None:
    box = registry.box(mac_ethernet=MAC)

    registry.do(operations.change_status, status=Status.SCRAPPED, uid=box.public_id, reason="burnt")

    assert {current for _, current in values_of(registry, box.public_id)} == {False}
    assert known_box(registry, box.public_id).state == "retired"
    assert registry.box("SN-0001", mac_ethernet=MAC).public_id != box.public_id


def test_a_scrapped_box_is_changed_no_more(one: Registry) -> None:
    box = one.box()
    one.do(operations.change_status, status=Status.SCRAPPED, uid=box.public_id)

    with pytest.raises(Refused, match="history"):
        one.do(operations.change_device, uid=box.public_id, batch="B2")


def test_custody_moves_and_its_history_stays(registry: Registry) -> None:
    box = registry.box(custodian="north")

    registry.do(operations.move_custody, uid=box.public_id, organisation="south", reason="repair")

    rows = registry.ask(
        lambda s: [
            (row.organisation and row.organisation.code, row.until is None, row.reason)
            for row in queries.custody_of(s, box, EVERYTHING)
        ]
    )
    assert rows == [("south", True, "repair"), ("north", False, "")]


def test_custody_goes_to_a_holder_in_words_too(one: Registry) -> None:
    box = one.box(custodian="north")

    after = one.do(operations.move_custody, uid=box.public_id, holder="the subscriber")

    assert after.custodian is None


def test_custody_does_not_move_to_where_the_box_is(one: Registry) -> None:
    box = one.box(custodian="north")

    with pytest.raises(Invalid, match="there already"):
        one.do(operations.move_custody, uid=box.public_id, organisation="north")


def test_a_board_out_of_another_box_brings_its_macs_along(registry: Registry) -> None:
    box = registry.box("SN-0001", mac_ethernet=MAC)
    donor = registry.box("SN-0002", mac_ethernet=OTHER)

    after = registry.do(operations.swap_board, uid=box.public_id, donor=donor.public_id)

    assert (after.mac_ethernet, after.serial) == (OTHER, "SN-0001")
    assert values_of(registry, donor.public_id) == [("SN-0002", True), (OTHER, False)]
    assert known_box(registry, box.public_id).mac_ethernet == OTHER
    assert known_box(registry, donor.public_id).mac_ethernet is None


def test_a_board_from_stores_must_not_have_macs_of_another_box(one: Registry) -> None:
    box = one.box("SN-0001", mac_ethernet=MAC)
    one.box("SN-0002", mac_ethernet=OTHER)

    with pytest.raises(Disputed):
        one.do(operations.swap_board, uid=box.public_id, mac_ethernet=OTHER)

    assert values_of(one, box.public_id) == [("SN-0001", True), (MAC, True)]


@pytest.mark.parametrize("given", [{}, {"donor": "self"}])
def test_a_board_without_macs_is_refused(one: Registry, given: dict[str, str]) -> None:
    box = one.box(mac_ethernet=MAC)
    arguments = dict.fromkeys(given, box.public_id)

    with pytest.raises(Invalid):
        one.do(operations.swap_board, uid=box.public_id, **arguments)


def test_tags_change_for_many_boxes_at_once_and_reach_the_firmware_room(
    registry: Registry,
) -> None:
    first = registry.box("SN-0001", tags=["old"])
    second = registry.box("SN-0002", tags=["new"])

    changed = registry.do(
        operations.tag_devices,
        uids=[first.public_id, second.public_id],
        add=["New"],
        remove=["old"],
    )

    assert changed == 1
    tags = registry.ask(lambda s: [tag.tag for tag in box_by_uid(s, first.public_id).tags])
    assert tags == ["new"]


def test_a_box_says_where_it_differs_from_its_model(registry: Registry) -> None:
    box = registry.box()
    overrides = [(Capability("codec", "av1"), True), (Capability("codec", "hevc"), False)]

    registry.do(operations.set_capabilities, uid=box.public_id, overrides=overrides)
    registry.do(operations.set_capabilities, uid=box.public_id, overrides=overrides)

    verbs = registry.ask(
        lambda s: s.scalars(
            select(AuditEntry.verb).where(AuditEntry.verb == "device.capabilities")
        ).all()
    )
    assert verbs == ["device.capabilities"]


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (operations.change_device, {"batch": "B2"}),
        (operations.change_status, {"status": "sold"}),
        (operations.move_custody, {"holder": "me"}),
        (operations.swap_board, {"mac_ethernet": OTHER}),
        (operations.set_capabilities, {"overrides": []}),
    ],
)
def test_a_dealer_does_not_touch_a_box_of_another(
    one: Registry, verb: Any, arguments: dict[str, Any]
) -> None:
    box = one.box(seller="north", mac_ethernet=MAC)

    with pytest.raises(NotFound):
        one.do(verb, uid=box.public_id, actor=one.dealer("south"), **arguments)

    one.do(verb, uid=box.public_id, actor=one.dealer("north"), **arguments)


def test_a_dealers_tags_pass_over_boxes_of_another(one: Registry) -> None:
    box = one.box(seller="north")

    changed = one.do(
        operations.tag_devices, uids=[box.public_id], add=["mine"], actor=one.dealer("south")
    )

    assert changed == 0


def test_a_dealer_is_not_told_which_foreign_box_holds_a_mac(one: Registry) -> None:
    one.box("SN-0001", seller="north", mac_ethernet=MAC)
    own = one.box("SN-0002", seller="south")

    with pytest.raises(Disputed) as refusal:
        one.do(
            operations.change_device,
            uid=own.public_id,
            mac_ethernet=MAC,
            actor=one.dealer("south"),
        )

    assert str(refusal.value) == f"Ethernet MAC {MAC} is held by another box."


def test_a_dealer_does_not_give_a_sale_away(one: Registry) -> None:
    box = one.box(seller="north")

    with pytest.raises(Invalid):
        one.do(operations.change_device, uid=box.public_id, seller="", actor=one.dealer("north"))
