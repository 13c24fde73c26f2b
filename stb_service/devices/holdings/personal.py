"""What the registry keeps of a person: the boxes of the household whose holder they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.holdings.queries import held_count
from stb_service.devices.holdings.rules import STILL_HOLDS
from stb_service.devices.models import Device, Holding
from stb_service.devices.rules import TENURE_NAMES
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.shared.registries import PersonalData, Spoken
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import person_by_ref


def _household(session: Session, uid: str, person: str) -> Account | None:
    """Return the account if it is a household's and the person its holder."""
    found = person_by_ref(session, uid, person, EVERYTHING)
    return found.account if found.is_holder and found.account.is_of_person else None


def export(session: Session, uid: str, person: str) -> list[dict[str, Any]]:
    """Return the boxes that a household has and had, the last one first."""
    account = _household(session, uid, person)
    if account is None:
        return []
    rows = session.scalars(
        select(Holding)
        .where(Holding.account_id == account.id)
        .options(joinedload(Holding.device).joinedload(Device.model))
        .order_by(Holding.since.desc(), Holding.id.desc())
    )
    return [
        {
            "serial": row.device.serial,
            "model": row.device.model_code,
            "tenure": row.tenure,
            "reason": row.reason,
            "proof": row.proof,
            "since": row.since.isoformat(),
            "until": row.until.isoformat() if row.until else None,
        }
        for row in rows
    ]


def obstacles(session: Session, uid: str, person: str) -> list[Obstacle]:
    """Return that a household which still has boxes cannot lose its holder."""
    account = _household(session, uid, person)
    is_needed = account is not None and held_count(session, account.id, EVERYTHING) > 0
    return [STILL_HOLDS] if is_needed else []


def erase(session: Session, uid: str, person: str, now: datetime) -> None:
    """Take away what was said of a household in words; which boxes it had, and when, stays."""
    account = _household(session, uid, person)
    if account is not None:
        session.execute(
            update(Holding)
            .where(Holding.account_id == account.id)
            .values(reason="", proof="", ended_reason="", row_version=Holding.row_version + 1)
        )


SPOKEN = Spoken(
    text("Boxes"),
    {
        "serial": text("Serial"),
        "model": text("Model"),
        "tenure": text("How they hold it"),
        "reason": text("Reason"),
        "proof": text("Proof"),
        "since": text("Since"),
        "until": text("Until"),
    },
    {"tenure": {str(tenure): name for tenure, name in TENURE_NAMES.items()}},
)
KNOWN = PersonalData("boxes", export, obstacles, erase, SPOKEN)
