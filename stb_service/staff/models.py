"""Organisations, roles, people, their sessions and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.shared.db import Base, Public


class Organisation(Public, Base):
    """The operator itself, a dealer, or a service centre. There is one operator.

    `address` is what stands below the name on a letter, line by line.
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("kind IN ('operator', 'dealer', 'service_centre')", name="kind"),
        Index(
            "uq_organisations_operator",
            "kind",
            unique=True,
            sqlite_where=text("kind = 'operator'"),
            postgresql_where=text("kind = 'operator'"),
        ),
    )

    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(500), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    mail: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime]

    @property
    def address_lines(self) -> tuple[str, ...]:
        """The lines of its address, without the name."""
        return tuple(line.strip() for line in self.address.splitlines() if line.strip())


class Role(Public, Base):
    """A role: built in (the table in `shared.access`) or added by an administrator."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(32), unique=True)
    label: Mapped[str] = mapped_column(String(64))
    is_builtin: Mapped[bool] = mapped_column(default=False)
    verbs: Mapped[list[RoleVerb]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="RoleVerb.verb"
    )


class RoleVerb(Base):
    """One verb that a role allows."""

    __tablename__ = "role_verbs"
    __table_args__ = (UniqueConstraint("role_id", "verb"),)

    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id"))
    verb: Mapped[str] = mapped_column(String(64))


class Person(Public, Base):
    """Somebody who signs in to the staff app."""

    __tablename__ = "people"

    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(200))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id"), index=True)
    language: Mapped[str | None] = mapped_column(String(16))
    timezone: Mapped[str | None] = mapped_column(String(64))
    theme: Mapped[str] = mapped_column(String(8), default="auto", server_default="auto")
    is_active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(lazy="joined")
    role: Mapped[Role] = relationship(lazy="joined")


class StaffSession(Public, Base):
    """One sign-in. The cookie holds the secret, the row its digest."""

    __tablename__ = "staff_sessions"

    digest: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(200))

    person: Mapped[Person] = relationship(lazy="joined")


class ApiToken(Public, Base):
    """A named secret that acts for a person, never beyond what that person may do."""

    __tablename__ = "api_tokens"

    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_on: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="joined")
