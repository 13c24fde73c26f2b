"""What is known of a box before it is returned, and what a case promises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from firmware.boxes.models import Box
from firmware.images.models import Image, ImageFit, ModelVersion
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.rma.before import findings
from stb_service.rma.cases import CASE
from stb_service.rma.operations import change_case
from stb_service.shared.audit import AuditEntry
from stb_service.subscribers.models import Account
from stb_service.subscribers.operations import add_site, create_account
from tests.stb_service.rma.conftest import House


def known(house: House, device: Device) -> dict[str, str]:
    """Return what is known of a box by the code of the check."""
    with house.db.read() as session:
        found = findings(session, session.get_one(Device, device.id), house.now)
        return {code: str(said) for code, said in found.items()}


def heard(house: House, device: Device, **said: Any) -> None:
    """Let a box have said something."""
    with house.db.write() as session:
        session.execute(update(Box).where(Box.uid == device.public_id).values(**said))


def image(house: House, version: str, sequence: int, state: str = "available") -> None:
    """Put a version of the model's firmware into the catalogue."""
    gone = {"withdrawn_at": house.now, "withdrawn_reason": "bad"} if state == "withdrawn" else {}
    digest = {"sha256": version.rjust(64, "0"), "sha1": "0" * 40, "md5": "0" * 32}
    with house.db.write() as session:
        session.add(ModelVersion(model_code="AUR-1", version=version, sequence=sequence))
        made = Image(
            **digest,
            **gone,
            name=version,
            version=version,
            filename="f",
            size_bytes=1,
            notes="",
            uploaded_at=house.now,
            uploaded_by="test",
            state=state,
        )
        session.add(made)
        session.flush()
        fit = {"model_code": "AUR-1", "revision_code": "*", "version": version}
        session.add(ImageFit(image_id=made.id, **fit))


def test_firmware_is_behind_where_the_model_has_a_newer_image_that_may_be_offered(
    one: House,
) -> None:
    device = one.customers_box()
    never = known(one, device)["firmware"]
    for number, state in enumerate(("available", "available", "withdrawn"), start=1):
        image(one, f"{number}.0", number, state)

    said = {}
    for version in ("1.0", "2.0", "9.9"):
        heard(one, device, running_version=version, last_seen_at=one.now, boot_at=one.now)
        said[version] = known(one, device)["firmware"]

    assert never == "Never seen by the service."
    assert said["1.0"] == "Runs 1.0; for this model there is 2.0."
    assert [said["2.0"], said["9.9"]] == ["Runs 2.0.", "Runs 9.9."]


def test_when_the_box_was_started_last_is_told(one: House) -> None:
    device = one.customers_box()
    heard(one, device, last_seen_at=one.now, boot_at=one.now - timedelta(days=40))
    day = (one.now - timedelta(days=40)).strftime("%Y-%m-%d %H:%M UTC")

    assert known(one, device)["restart"] == f"Last started on {day}."


def housed(house: House, account: Account, site: str, serial: str, hours: float) -> Device:
    """Give an account a box at a site, which was heard so many hours ago."""
    device = house.box(serial, tenure="sold", status="sold")
    where = {"account": account.number, "site": site}
    house.do(give_to_account, uid=device.public_id, **where, tenure="sold", moves=False)
    heard(house, device, last_seen_at=house.now - timedelta(hours=hours))
    return device


def test_an_outage_shows_in_the_neighbours_at_the_site_else_in_the_area(one: House) -> None:
    sites = {}
    for name in ("Bob", "Cleo"):
        account = one.do(create_account, kind="person", name=name, currency="EUR")
        place = {"timezone": "UTC", "country": "DE", "postcode": "10115"}
        site = one.do(add_site, uid=account.public_id, name="Home", **place)
        sites[name] = (account, site.public_id)
    device = housed(one, *sites["Bob"], "SN-1", 5)
    alone = known(one, device)["outage"]
    housed(one, *sites["Cleo"], "SN-2", 3)
    housed(one, *sites["Cleo"], "SN-3", 1)
    housed(one, *sites["Cleo"], "SN-4", 24 * 30)
    area = known(one, device)["outage"]
    housed(one, *sites["Bob"], "SN-5", 5)

    assert "Silent" not in alone
    assert area.endswith("Silent for two hours, of the 2 other boxes in the area: 1.")
    site = known(one, device)["outage"]
    assert site.endswith("Silent for two hours, of the 1 other boxes at the site: 1.")


def test_no_promise_avoids_the_checks_before_a_return(one: House) -> None:
    one.open(one.customers_box(), "mainboard", remedy="unrepaired")
    assert one.refused(CASE, "approve") == ["checks"]

    one.open(one.box("SN-0003", tenure="sold", status="sold"), "mainboard", remedy="to_stock")
    assert one.refused(CASE, "approve") == ["checks"]


def test_an_accessory_is_promised_before_it_is_sent_and_nothing_else_is_done(one: House) -> None:
    one.open(one.customers_box(), "remote", remedy="accessory").checked()

    assert one.refused(CASE, "approve") == ["for_box"]
    one.say(change_case, remedy="repair")
    assert "for_part" in one.refused(CASE, "approve_accessory")


def test_a_step_that_promises_another_remedy_changes_the_promise_openly(one: House) -> None:
    device = one.customers_box()
    one.open(device, "mainboard", remedy="unrepaired").received(device).judged()
    one.on_case("approve_repair")

    assert one.case.remedy == "repair"
    with one.db.read() as session:
        entries = session.scalars(
            select(AuditEntry.changes).where(AuditEntry.verb == "rma_case.change")
        ).all()
    assert {"remedy": ["unrepaired", "repair"]} in entries
