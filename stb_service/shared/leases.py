"""Leases: of several workers, one at a time does a periodic work."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.db import Base


class Lease(Base):
    """Who does a work at present, and until when nobody else may."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), unique=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]


def take(session: Session, *, name: str, holder: str, span: timedelta, now: datetime) -> bool:
    """Take or renew a lease; return whether the holder has it.

    Two first takers at once: the second meets the unique name and takes it at the next try.
    """
    lease = session.scalar(select(Lease).where(Lease.name == name).with_for_update())
    if lease is None:
        session.add(Lease(name=name, holder=holder, until=now + span))
        return True
    if lease.holder != holder and lease.until > now:
        return False
    lease.holder, lease.until = holder, now + span
    return True
