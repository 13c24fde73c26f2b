"""Proof that the customer's data are gone from a box: by whom and how, what shows it, and how long it
holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from stb_service.rma.events import last_event
from stb_service.rma.history import Happened
from stb_service.rma.models import BoxTest, CasePhoto, Statement, WorkshopOrder
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text

WIPING = "wiped"
METHODS: Mapping[str, Text] = {
    "factory_reset": text("Reset to the state of the factory"),
    "overwritten": text("Storage overwritten"),
    "key_destroyed": text("Key of the storage destroyed"),
    "storage_replaced": text("Storage replaced"),
    "storage_destroyed": text("Storage destroyed"),
}
"""How the data of a customer are wiped."""
USES = frozenset(
    {
        *("admit", "arrive", "swap_in", "come_back", "inspect", "judge", "judge_again"),
        *("begin", "go_on", "test", "fail", "finish"),
    }
)
"""What happens to a box after which data may be on it again: it came, or it was put to use."""


def check_method(method: str) -> None:
    """Refuse a wiping without its method.

    Raises:
        Invalid: it is none of the ways in which data are wiped.
    """
    if method not in METHODS:
        raise Invalid.field("method", text("One of: %(names)s", names=", ".join(METHODS)))


def check_proof(
    session: Session, order: WorkshopOrder, *, note: str, photo: str, lab_run: str
) -> None:
    """Refuse a wiping that nothing shows.

    Raises:
        Invalid: nothing shows it, or there is no such photograph of the box.
    """
    if not (note.strip() or photo or lab_run):
        message = text(
            "Name what proves it: a note of a report, a photograph, or a run of the lab."
        )
        raise Invalid.field("note", message)
    if photo and find_photo(session, order, photo) is None:
        raise Invalid.field("photo", text("There is no such photograph of the box."))


def find_photo(session: Session, order: WorkshopOrder, ref: str) -> CasePhoto | None:
    """Return a photograph of a box or of its case."""
    owners = [CasePhoto.order_id == order.id]
    if order.case_id is not None:
        owners.append(CasePhoto.case_id == order.case_id)
    return session.scalar(select(CasePhoto).where(CasePhoto.public_id == ref, or_(*owners)))


def is_proven(
    session: Session,
    order: WorkshopOrder,
    events: Sequence[Happened],
    statement: Statement | None,
) -> bool:
    """Tell whether the last statement of a wiping holds: nothing was tested, and the box was not put to
    use or out of our hands, since it was made.
    """
    if statement is None or statement.seq < (last_event(events, *USES) or 0):
        return False
    tested_at = session.scalar(
        select(BoxTest.at).where(BoxTest.order_id == order.id).order_by(BoxTest.id.desc()).limit(1)
    )
    return tested_at is None or statement.at >= tested_at
