"""Backup and restore, within one kind of database and from one kind to the other."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text

from stb_service.devices.demo import load_demo
from stb_service.shared import audit, jobs, migrate
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.archive import SEEDED, Contents, read_backup, write_backup
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings, read_settings
from tests.conftest import NOW
from tests.databases import KINDS, Databases
from tests.operations.filling import IMAGE, contents, counts, fill

SILENT = Console(file=io.StringIO())


@dataclass
class Source:
    """A full service and an archive of it."""

    db: Database
    settings: Settings
    archive: Path

    @property
    def files(self) -> FileStore:
        return FileStore(self.settings.files_dir)


@pytest.fixture(scope="module")
def make_source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Source]]:
    folder = tmp_path_factory.mktemp("sources")
    made = Databases(request, folder)

    @cache
    def make(kind: str) -> Source:
        settings = read_settings({"STB_HOME": str(folder / kind)})
        db = made.make(kind)
        fill(db, settings, Actor("person", "test", "test", builtin_verbs("administrator")))
        source = Source(db, settings, folder / f"{kind}.tar.gz")
        write_backup(db, source.files, source.archive, now=NOW, console=SILENT)
        return source

    yield make
    made.close()


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, make_source: Callable[[str], Source]) -> Source:
    """A full service on each kind of database."""
    return make_source(request.param)


@pytest.fixture
def elsewhere(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "elsewhere")


def restore(target: Database, files: FileStore, source: Path) -> Contents:
    return read_backup(target, files, source, console=SILENT)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_back_is_what_there_was_and_new_rows_are_numbered_after_it(
    source: Source, databases: Databases, elsewhere: FileStore, actor: Actor, kind: str
) -> None:
    target = databases.make(kind)

    restored = restore(target, elsewhere, source.archive)

    assert contents(target) == contents(source.db)
    assert restored == Contents(sum(counts(source.db).values()), 3)
    assert elsewhere.path(hashlib.sha256(IMAGE).hexdigest()).read_bytes() == IMAGE
    with target.write() as session:
        assert session.scalar(text("SELECT count(*) FROM jobs WHERE result IS NULL")) == 1
        subject = ("thing", "ref", "label")
        audit.record(session, actor=actor, verb="thing.change", subject=subject, now=NOW)
        jobs.enqueue(session, kind="k", title="t", arguments={}, actor=actor, now=NOW)
    assert counts(target)["jobs"] == counts(source.db)["jobs"] + 1


def test_every_table_was_filled_or_is_known_to_be_empty(source: Source) -> None:
    empty = {name for name, count in counts(source.db).items() if count == 0}

    assert empty <= {
        "device_capabilities",
        "fw_gateway_tokens",
        "identity_disputes",
        "image_versions",
        "staff_sessions",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_service_comes_back_into_a_database_without_tables(
    databases: Databases, elsewhere: FileStore, tmp_path: Path, actor: Actor, kind: str
) -> None:
    archive = tmp_path / "empty.tar.gz"
    source, target = databases.make(kind), databases.make(kind)
    migrate.downgrade(target, "base")
    write_backup(source, elsewhere, archive, now=NOW, console=SILENT)

    restore(target, elsewhere, archive)

    with target.write() as session:
        load_demo(session, actor=actor, now=NOW, seed=1, boxes=3)
    assert counts(target)["devices"] == 3


def test_the_archive_is_for_its_owner_and_holds_no_secret_key(
    make_source: Callable[[str], Source],
) -> None:
    source = make_source("sqlite")

    assert stat.S_IMODE(source.archive.stat().st_mode) == 0o600
    assert source.settings.secret_key.encode() not in gzip.decompress(source.archive.read_bytes())


def test_a_backup_that_cannot_be_written_leaves_nothing(
    make_source: Callable[[str], Source], tmp_path: Path
) -> None:
    source = make_source("sqlite")
    nowhere = tmp_path / "no" / "such" / "folder.tar.gz"

    with pytest.raises(Invalid, match="cannot be written"):
        write_backup(source.db, source.files, nowhere, now=NOW, console=SILENT)

    assert list(tmp_path.iterdir()) == []


def test_a_database_that_holds_rows_is_refused_and_kept(
    source: Source, elsewhere: FileStore
) -> None:
    before = contents(source.db)

    with pytest.raises(Conflict, match="not empty"):
        restore(source.db, elsewhere, source.archive)

    assert contents(source.db) == before
    assert not list(elsewhere.root.glob("??/*"))


# Damage


def rewritten(source: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write a copy of an archive with members changed, or left out where None comes back."""
    target = source.with_name("rewritten.tar.gz")
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old.getmembers():
            reader = old.extractfile(member)
            assert reader is not None
            data = change(member.name, reader.read())
            if data is not None:
                info = tarfile.TarInfo(member.name)
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return target


def manifest_with(**changes: object) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        if name != "manifest.json":
            return data
        return json.dumps(json.loads(data) | changes).encode()

    return change


def cut_off(source: Path) -> Path:
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    return source


def flipped(source: Path) -> Path:
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 0xFF
    source.write_bytes(data)
    return source


def without(prefix: str) -> Callable[[Path], Path]:
    return lambda source: rewritten(
        source, lambda name, data: None if name.startswith(prefix) else data
    )


def doubled(source: Path) -> Path:
    return rewritten(
        source,
        lambda name, data: data * 2 if name == "tables/organisations.jsonl" else data,
    )


def overwritten(data: bytes) -> Callable[[Path], Path]:
    def overwrite(source: Path) -> Path:
        source.write_bytes(data)
        return source

    return overwrite


DAMAGES: dict[str, Callable[[Path], Path]] = {
    "cut off": cut_off,
    "one byte changed": flipped,
    "empty": overwritten(b""),
    "no archive": overwritten(b"text" * 1000),
    "without manifest": without("manifest"),
    "without a table": without("tables/people"),
    "a stored file changed": lambda source: rewritten(
        source, lambda name, data: data + b"x" if name.startswith("files/") else data
    ),
    "a table shortened": lambda source: rewritten(
        source, lambda name, data: b"" if name == "tables/roles.jsonl" else data
    ),
    "a row twice": doubled,
    "a row that is no JSON": lambda source: rewritten(
        source, lambda name, data: b"[1, \n" if name == "tables/roles.jsonl" else data
    ),
    "other legal moves than its revision brings": lambda source: rewritten(
        source,
        lambda name, data: (
            data.replace(b'"request"', b'"zap"', 1)
            if name == "tables/rma_case_moves.jsonl"
            else data
        ),
    ),
    "another format": lambda source: rewritten(source, manifest_with(format=99)),
    "a revision of a newer service": lambda source: rewritten(
        source, manifest_with(revision="9999_of_tomorrow")
    ),
    "a manifest that is a list": lambda source: rewritten(
        source, lambda name, data: b"[]" if name == "manifest.json" else data
    ),
}


def test_damaged_archives_are_refused_and_a_sound_one_taken_afterwards(
    make_source: Callable[[str], Source],
    sqlite_db: Database,
    tmp_path: Path,
    elsewhere: FileStore,
) -> None:
    source, target = make_source("sqlite").archive, sqlite_db
    copy = tmp_path / "copy.tar.gz"

    taken, held = [], {}
    for name, damage in DAMAGES.items():
        copy.write_bytes(source.read_bytes())
        try:
            restore(target, elsewhere, damage(copy))
        except Invalid:
            held[name] = sum(n for name, n in counts(target).items() if name not in SEEDED)
        else:
            taken.append(name)
    restored = restore(target, elsewhere, source)

    assert taken == []
    assert held == dict.fromkeys(DAMAGES, 0)
    assert restored.files == 3
