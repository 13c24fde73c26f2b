"""A file of boxes says who has them: by the account's number or its id elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stb_service.devices import operations as devices
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.holdings.queries import holdings_of_device
from stb_service.devices.jobs import rows_of
from stb_service.devices.models import Device, Holding
from stb_service.devices.queries import DeviceFilter, devices_page
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Refused
from stb_service.shared.imports.reports import Report
from stb_service.subscribers import operations as accounts
from stb_service.subscribers.models import Account
from tests.conftest import NOW
from tests.stb_service.devices.conftest import Registry

HEAD = "serial,model,tenure,status,sold_on,owner"
ROW = "SN-1,AUR-1,rented,active,2026-01-05,crm-1"


@pytest.fixture
def ada(registry: Registry) -> Account:
    return opened(registry, "Ada", "crm-1")


def opened(registry: Registry, name: str, external_id: str) -> Account:
    account: Account = registry.do(
        accounts.create_account,
        kind="person",
        name=name,
        currency="EUR",
        external_id=external_id,
    )
    return account


def bring(registry: Registry, folder: Path, *lines: str, **more: Any) -> Report:
    path = folder / "boxes.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return import_file(
        registry.db, path, name=path.name, actor=registry.actor, clock=lambda: NOW, **more
    )


def figures(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def box(registry: Registry) -> Device:
    found: Device
    (found,) = registry.ask(devices_page, DeviceFilter(text="SN-1"), EVERYTHING).rows
    return found


def chain(registry: Registry) -> list[Holding]:
    return list(registry.ask(holdings_of_device, box(registry), EVERYTHING))


def test_a_new_box_is_the_accounts_since_the_day_it_was_sold(
    registry: Registry, ada: Account, tmp_path: Path
) -> None:
    report = bring(registry, tmp_path, HEAD, ROW)

    (holding,) = chain(registry)
    assert figures(report) == (1, 0, 0, 0)
    assert (holding.account.number, holding.tenure) == (ada.number, "rented")
    assert holding.since == datetime(2026, 1, 5, tzinfo=UTC)
    assert box(registry).status == "active"


def test_the_same_file_twice_and_what_was_exported_change_nothing(
    registry: Registry, ada: Account, tmp_path: Path
) -> None:
    bring(registry, tmp_path, HEAD, ROW, "SN-2,AUR-1,,in_stock,,")
    exported = rows_of(registry.db, DeviceFilter(), EVERYTHING, lambda _done: None)
    lines = [",".join(row) for row in exported]

    twice = bring(registry, tmp_path, HEAD, ROW, "SN-2,AUR-1,,in_stock,,")
    back = bring(registry, tmp_path, *lines)

    assert ada.number in lines[1]
    assert figures(twice) == figures(back) == (0, 0, 2, 0)
    assert len(chain(registry)) == 1


def test_another_account_takes_the_box_over(
    registry: Registry, ada: Account, tmp_path: Path
) -> None:
    byron = opened(registry, "Byron", "crm-2")
    bring(registry, tmp_path, HEAD, ROW)

    report = bring(registry, tmp_path, "serial,account", f"SN-1,{byron.number}")

    new, old = chain(registry)
    assert figures(report) == (0, 1, 0, 0)
    assert (new.account.number, new.follows_id) == (byron.number, old.id)


def test_a_known_box_is_given(registry: Registry, ada: Account, tmp_path: Path) -> None:
    registry.box("SN-1")

    report = bring(registry, tmp_path, HEAD, ROW.replace("active", "sold"))

    assert figures(report) == (0, 1, 0, 0)
    assert (box(registry).status, len(chain(registry))) == ("sold", 1)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (ROW.replace("crm-1", "crm-9"), "account"),
        (ROW.replace("active", "in_stock"), "status"),
        (ROW.replace("rented", ""), "tenure"),
        (ROW.replace("active", "lost"), "status"),
    ],
)
def test_a_row_that_gives_what_cannot_be_given_is_refused(
    registry: Registry, ada: Account, tmp_path: Path, row: str, column: str
) -> None:
    trial = bring(registry, tmp_path, HEAD, row, "SN-2,AUR-1,,,,", dry_run=True)
    real = bring(registry, tmp_path, HEAD, row, "SN-2,AUR-1,,,,")

    assert figures(trial) == figures(real) == (1, 0, 0, 1)
    assert [(remark.line, remark.column) for remark in real.remarks] == [(2, column)]


@pytest.mark.parametrize("wanted", ["in_stock", "refurb"])
def test_a_box_that_an_account_has_does_not_go_on_the_shelf(
    registry: Registry, ada: Account, tmp_path: Path, wanted: str
) -> None:
    bring(registry, tmp_path, HEAD, ROW.replace("active", "in_rma"))
    registry.do(devices.change_status, uid=box(registry).public_id, status="quarantined")

    with pytest.raises(Refused, match="take it back"):
        registry.do(devices.change_status, uid=box(registry).public_id, status=wanted)
