"""What the room adds to the app: timeline, tile, demo, commands."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import select

from firmware.boxes.queries import codes_in_use
from stb_service.devices import operations, timeline
from stb_service.devices.commands import export_devices, import_devices
from stb_service.devices.demo import MODELS, load_demo
from stb_service.devices.models import Device
from stb_service.devices.wiring import wire
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings
from tests.stb_service.devices.conftest import Registry


def test_the_timeline_tells_what_happened_the_newest_first(one: Registry) -> None:
    box = one.box("SN-1", tags=["a"])
    one.do(operations.tag_devices, uids=[box.public_id], add=["b"], remove=["a"])
    one.do(operations.move_custody, uid=box.public_id, organisation="north", reason="repair")
    one.do(operations.change_status, uid=box.public_id, status="sold")

    entries = one.ask(lambda s: list(timeline.entries(s, box.public_id, one.actor, 10)))

    assert [(entry.sentence, entry.detail) for entry in entries] == [
        ("test-admin moved it from In stock to Sold", ""),
        ("test-admin handed it to North", "repair"),
        ("Tags changed by test-admin: +b -a", ""),
        ("Registered by test-admin", ""),
    ]


def test_the_tile_counts_boxes_of_the_scope_and_is_absent_without_any(one: Registry) -> None:
    registries = Registries()
    wire(registries)
    (tile,) = registries.tiles

    empty = one.ask(tile.load, one.actor, one.now)
    one.box("SN-1", seller="north", status="sold")
    one.box("SN-2", seller="south")
    north = one.ask(tile.load, one.dealer("north"), one.now)
    all_boxes = one.ask(tile.load, one.actor, one.now)

    assert empty == {}
    assert (north["total"], all_boxes["total"]) == (1, 2)


def test_the_demo_is_the_same_for_the_same_seed(
    sqlite_db: Database, actor: Actor, now: object
) -> None:
    def load() -> list[tuple[str, str, str, str]]:
        with sqlite_db.open(writes=True) as session:
            made = load_demo(session, actor=actor, now=now, seed=7, boxes=60)  # type: ignore[arg-type]
            rows = [(d.serial, d.model_code, d.revision_code, str(d.mac_ethernet)) for d in made]
            session.rollback()
            return rows

    assert load() == load()


def test_the_demo_has_every_model_and_its_rare_revision(
    sqlite_db: Database, actor: Actor, now: object
) -> None:
    with sqlite_db.write() as session:
        devices = load_demo(session, actor=actor, now=now, seed=2026)  # type: ignore[arg-type]
        codes = {(model, revision): count for model, revision, count in codes_in_use(session)}

    assert len(devices) == 300
    assert {model for model, _ in codes} == {model["code"] for model in MODELS}
    assert 0 < codes["AUR-300", "C0"] < 15


def test_the_commands_import_and_export(settings: Settings, one: Registry, tmp_path: Path) -> None:
    source, target, report = (tmp_path / name for name in ("in.csv", "out.csv", "report.csv"))
    source.write_text("serial,model\nSN-1,AUR-1\nSN-2,NONE\n", encoding="utf-8")
    here = Settings(**{**vars(settings), "database_url": str(one.db.engine.url)})
    runner = CliRunner()

    imported = runner.invoke(import_devices, [str(source), "--report", str(report)], obj=here)
    exported = runner.invoke(export_devices, [str(target)], obj=here)

    assert imported.exit_code == 1
    assert "2 rows: 1 new, 0 changed, 0 unchanged, 1 refused" in imported.output
    assert "There is no model NONE." in report.read_text(encoding="utf-8-sig")
    assert exported.exit_code == 0
    assert "SN-1" in target.read_text(encoding="utf-8-sig")


def test_the_import_command_reads_the_encoding_that_is_named(
    settings: Settings, one: Registry, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes("serial,model,batch\nSN-1,AUR-1,Großhandel\n".encode("windows-1252"))
    here = Settings(**{**vars(settings), "database_url": str(one.db.engine.url)})
    runner = CliRunner()

    named = runner.invoke(import_devices, [str(source), "--encoding", "windows-1252"], obj=here)
    with one.db.read() as session:
        batches = session.scalars(select(Device.batch)).all()
    wrong = runner.invoke(import_devices, [str(source), "--encoding", "utf-8"], obj=here)

    assert (named.exit_code, batches) == (0, ["Großhandel"]), named.output
    assert wrong.exit_code != 0
