"""What is done with images, and what is refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from firmware.images import operations, queries, rules
from firmware.images.models import Image, ImageFit
from firmware.images.rules import Fit
from stb_service.shared.access import Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.files import FileStore

AddImage = Callable[..., Image]


def stored_files(files: FileStore) -> list[Path]:
    return [path for path in files.root.rglob("*") if path.is_file()]


def test_an_image_keeps_size_and_digests_of_its_bytes(add: AddImage, files: FileStore) -> None:
    data = b"firmware of the X100"

    image = add(data)

    assert image.size_bytes == len(data)
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert image.sha1 == hashlib.sha1(data).hexdigest()
    assert image.md5 == hashlib.md5(data).hexdigest()
    assert files.path(image.sha256).read_bytes() == data


def test_an_upload_is_audited_with_what_it_fits(add: AddImage, db: Database) -> None:
    image = add(fits=[("X100", "r1"), ("X200", "*")])

    with db.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.subject_ref == image.public_id)
        ).one()
    assert entry.verb == "image.uploaded"
    assert entry.changes["fits"] == ["X100/r1", "X200/*"]


def test_the_same_bytes_twice_are_refused_with_the_image_they_are(
    add: AddImage, files: FileStore
) -> None:
    add(b"same", name="First", version="1.0")

    with pytest.raises(Conflict, match="the image First, version") as refusal:
        add(b"same", version="2.0")

    assert refusal.value.code == "image-same-bytes"
    assert len(stored_files(files)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("X100", "r1"), ("X100", "r1")),
        (("X100", "*"), ("X100", "r1")),
        (("X100", "r1"), ("X100", "*")),
        (("X100", "*"), ("X100", "*")),
    ],
)
def test_a_version_twice_for_the_same_boxes_is_refused(
    add: AddImage, files: FileStore, first: tuple[str, str], second: tuple[str, str]
) -> None:
    add(b"one", fits=[first])

    with pytest.raises(Conflict) as refusal:
        add(b"two", fits=[second])

    assert refusal.value.code == "image-version-taken"
    assert len(stored_files(files)) == 1


@pytest.mark.parametrize("second", [("X100", "r2"), ("X200", "r1"), ("X200", "*")])
def test_a_version_of_other_boxes_is_another_image(
    add: AddImage, db: Database, second: tuple[str, str]
) -> None:
    first_image = add(b"one", fits=[("X100", "r1")])

    second_image = add(b"two", fits=[second])

    with db.read() as session:
        found = queries.image_for(
            session,
            model_code=second[0],
            revision_code="r1" if second[1] == "*" else second[1],
            version="1.0",
        )
    assert found is not None
    assert found.id == second_image.id != first_image.id


def test_a_withdrawn_version_stays_taken(
    add: AddImage, db: Database, actor: Actor, now: datetime
) -> None:
    image = add(b"one")
    with db.write() as session:
        row = session.get_one(Image, image.id)
        operations.withdraw_image(session, row, reason="boot loop", actor=actor, now=now)

    with pytest.raises(Conflict, match="Withdrawn"):
        add(b"two")


@pytest.mark.parametrize(
    ("field", "stated"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 129}),
        ("version", {"version": ""}),
        ("version", {"version": "1.0 beta"}),
        ("version", {"version": "x" * 65}),
        ("version", {"version": "../1"}),
        ("fits", {"fits": []}),
        ("fits", {"fits": [("", "r1")]}),
        ("fits", {"fits": [("X100", "r 1")]}),
        ("fits", {"fits": [("X100", "*"), ("X100", "r1")]}),
        ("notes", {"notes": "x" * 10_001}),
        ("notes", {"notes": "\x00"}),
        ("sequence", {"sequence": -1}),
        ("sequence", {"sequence": 2**31}),
        ("sequence", {"sequence": 1, "after": "1.0"}),
        ("after", {"after": "0.9"}),
        ("file", {"data": b""}),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(
    add: AddImage, db: Database, files: FileStore, field: str, stated: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refusal:
        add(**stated)

    assert list(refusal.value.fields) == [field]
    assert stored_files(files) == []
    with db.read() as session:
        assert session.scalar(select(func.count(Image.id))) == 0


def test_a_version_comes_after_the_newest_of_each_model(add: AddImage, db: Database) -> None:
    add(b"10", version="10", fits=[("X100", "*")])
    add(b"9", version="9", fits=[("X100", "*"), ("X200", "*")])

    with db.read() as session:
        assert queries.sequences_of_model(session, "X100") == {"10": 1000, "9": 2000}
        assert queries.sequences_of_model(session, "X200") == {"9": 1000}


def test_a_version_is_placed_after_a_named_one(add: AddImage, db: Database) -> None:
    add(b"1", version="1", fits=[("X100", "*")])
    add(b"3", version="3", fits=[("X100", "*")])

    add(b"2", version="2", fits=[("X100", "*")], after="1")

    with db.read() as session:
        assert list(queries.sequences_of_model(session, "X100")) == ["1", "2", "3"]


def test_later_versions_move_up_when_there_is_no_room_after_a_named_one(
    add: AddImage, db: Database
) -> None:
    add(b"1", version="1", fits=[("X100", "*")], sequence=1)
    add(b"3", version="3", fits=[("X100", "*")], sequence=2)
    add(b"4", version="4", fits=[("X100", "*")], sequence=3)

    add(b"2", version="2", fits=[("X100", "*")], after="1")

    with db.read() as session:
        assert list(queries.sequences_of_model(session, "X100")) == ["1", "2", "3", "4"]


def test_a_stated_sequence_that_is_taken_is_refused(add: AddImage) -> None:
    add(b"1", version="1", sequence=7)

    with pytest.raises(Conflict, match="Sequence 7 of X100 is version 1") as refusal:
        add(b"2", version="2", sequence=7)

    assert refusal.value.code == "image-sequence-taken"


def test_nothing_comes_after_the_last_sequence(add: AddImage) -> None:
    add(b"1", version="1", sequence=rules.SEQUENCE_MAX)

    with pytest.raises(Conflict) as refusal:
        add(b"2", version="2")

    assert refusal.value.code == "image-sequence-full"


def test_the_file_of_another_revision_shares_the_place_of_its_version(
    add: AddImage, db: Database
) -> None:
    add(b"1", version="1", fits=[("X100", "r1")])
    add(b"2", version="2", fits=[("X100", "r1")])

    add(b"1b", version="1", fits=[("X100", "r2")])

    with db.read() as session:
        assert queries.sequences_of_model(session, "X100") == {"1": 1000, "2": 2000}


@pytest.mark.parametrize("place", [{"sequence": 5}, {"after": "2"}])
def test_another_place_for_a_known_version_is_refused(add: AddImage, place: dict[str, Any]) -> None:
    add(b"1", version="1", fits=[("X100", "r1")])
    add(b"2", version="2", fits=[("X100", "r1")])

    with pytest.raises(Conflict) as refusal:
        add(b"1b", version="1", fits=[("X100", "r2")], **place)

    assert refusal.value.code == "image-sequence-set"


def fits(session: Session, image: Image, model_code: str, revision_code: str) -> bool:
    found = queries.image_for(
        session, model_code=model_code, revision_code=revision_code, version="1.0"
    )
    return found is not None and found.id == image.id


def test_an_image_for_every_revision_fits_any(add: AddImage, db: Database) -> None:
    image = add(fits=[("X100", "*")])

    with db.read() as session:
        assert fits(session, image, "X100", "r9")
        assert not fits(session, image, "X200", "r9")


def test_an_image_for_one_revision_fits_no_other(add: AddImage, db: Database) -> None:
    image = add(fits=[("X100", "r1")])

    with db.read() as session:
        assert fits(session, image, "X100", "r1")
        assert not fits(session, image, "X100", "r2")


def test_an_image_is_withdrawn_once_with_its_reason(
    add: AddImage, db: Database, files: FileStore, actor: Actor, now: datetime
) -> None:
    image = add()
    with db.write() as session:
        row = session.get_one(Image, image.id)
        operations.withdraw_image(session, row, reason="boot loop", actor=actor, now=now)

    with db.write() as session:
        row = session.get_one(Image, image.id)
        with pytest.raises(Refused) as refusal:
            operations.withdraw_image(session, row, reason="again", actor=actor, now=now)

    assert refusal.value.code == "image-already-withdrawn"
    with db.read() as session:
        row = session.get_one(Image, image.id)
        assert (row.state, row.withdrawn_at, row.withdrawn_reason) == (
            "withdrawn",
            now,
            "boot loop",
        )
        assert [o.code for o in queries.problems(session, files, row)] == ["image-withdrawn"]


def test_a_withdrawal_needs_a_reason(
    add: AddImage, db: Database, actor: Actor, now: datetime
) -> None:
    image = add()

    with db.write() as session:
        row = session.get_one(Image, image.id)
        with pytest.raises(Invalid) as refusal:
            operations.withdraw_image(session, row, reason=" ", actor=actor, now=now)

    assert list(refusal.value.fields) == ["reason"]


def test_a_withdrawn_image_can_come_back(
    add: AddImage, db: Database, files: FileStore, actor: Actor, now: datetime
) -> None:
    image = add()
    with db.write() as session:
        row = session.get_one(Image, image.id)
        operations.withdraw_image(session, row, reason="by mistake", actor=actor, now=now)
        operations.restore_image(session, row, actor=actor, now=now)

    with db.read() as session:
        row = session.get_one(Image, image.id)
        assert queries.problems(session, files, row) == []


def test_an_image_whose_file_is_gone_says_so(add: AddImage, db: Database, files: FileStore) -> None:
    image = add()
    files.path(image.sha256).unlink()

    with db.read() as session:
        found = queries.problems(session, files, session.get_one(Image, image.id))

    assert [obstacle.code for obstacle in found] == ["image-file-missing"]


def test_an_image_can_fit_more_boxes_later(
    add: AddImage, db: Database, files: FileStore, actor: Actor, now: datetime
) -> None:
    image = add(fits=[("X100", "r1")])
    with db.write() as session:
        row = session.get_one(Image, image.id)
        operations.add_fits(
            session, row, fits=[("X100", "r2"), ("X200", "*")], actor=actor, now=now
        )

    with db.read() as session:
        found = queries.card_of(session, files, session.get_one(Image, image.id))
    assert found.fits == (Fit("X100", "r1"), Fit("X100", "r2"), Fit("X200", "*"))
    assert found.sequences == {"X100": 1000, "X200": 1000}
    assert found.image.row_version == image.row_version + 1


def test_boxes_that_an_image_fits_already_are_refused(
    add: AddImage, db: Database, actor: Actor, now: datetime
) -> None:
    image = add(fits=[("X100", "*")])

    with db.write() as session:
        row = session.get_one(Image, image.id)
        with pytest.raises(Invalid) as refusal:
            operations.add_fits(session, row, fits=[("X100", "r1")], actor=actor, now=now)

    assert list(refusal.value.fields) == ["fits"]


def test_of_two_uploads_of_one_version_at_once_one_wins(
    add: AddImage, db: Database, files: FileStore
) -> None:
    start = threading.Barrier(2)

    def upload(data: bytes) -> str:
        start.wait()
        try:
            return add(data).sha256
        except (Conflict, IntegrityError):
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(upload, [b"one", b"two"]))

    assert outcomes.count("refused") == 1
    assert [path.name for path in stored_files(files)] == [o for o in outcomes if o != "refused"]
    with db.read() as session:
        assert session.scalar(select(func.count(ImageFit.id))) == 1


def test_notes_that_do_not_change_leave_no_trace(
    add: AddImage, db: Database, actor: Actor, now: datetime
) -> None:
    image = add(notes="Faster channel change.")
    with db.write() as session:
        row = session.get_one(Image, image.id)
        operations.change_notes(session, row, notes="Faster channel change.", actor=actor, now=now)

    with db.read() as session:
        verbs = session.scalars(
            select(AuditEntry.verb).where(AuditEntry.subject_ref == image.public_id)
        ).all()
    assert verbs == ["image.uploaded"]
