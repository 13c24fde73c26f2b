"""The tables of warranty: policies and their versions, whose they are, what was decided."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.components import Component
from stb_service.devices.models import Device, DeviceModel
from stb_service.devices.rules import Tenure
from stb_service.shared.db import Base, Public, new_public_id
from stb_service.shared.i18n import Text
from stb_service.staff.models import Organisation
from stb_service.warranty.cover import Outcome
from stb_service.warranty.policy import Cause, Policy
from stb_service.warranty.rules import shortened
from stb_service.warranty.terms import policy_of, read_stored


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class WarrantyPolicy(Public, Base):
    """A policy by its code. All that it says, its title included, is said by its versions."""

    __tablename__ = "warranty_policies"

    code: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    versions: Mapped[list[PolicyVersion]] = relationship(
        back_populates="policy", order_by="PolicyVersion.number", cascade="all, delete-orphan"
    )

    @property
    def draft(self) -> PolicyVersion | None:
        """The version that is being written, if there is one."""
        return next((version for version in self.versions if version.is_draft), None)

    @property
    def published(self) -> list[PolicyVersion]:
        """The versions that came or will come into force, the oldest first."""
        return [version for version in self.versions if not version.is_draft]

    @property
    def newest(self) -> PolicyVersion:
        """The last version, a draft included; a policy has one at all times."""
        return self.versions[-1]

    def shown_on(self, day: date) -> PolicyVersion:
        """Return the version that stands for the policy on a day.

        The last one that had come into force, retired or not; before the first of them, the first
        to come; while none was published, the draft.
        """
        begun = [v for v in self.published if v.in_force_from and v.in_force_from <= day]
        return begun[-1] if begun else self.versions[0]

    def following(self, day: date) -> list[PolicyVersion]:
        """Return the versions that stand beside that one: those to come, and the draft."""
        return [v for v in self.versions if v.number > self.shown_on(day).number]


class PolicyVersion(Public, Base):
    """What a policy says for boxes given out from a day on, until the next version's day.

    Triggers of the database refuse every change of a version that was published, but for the day
    on which it is retired, and its deletion. `checked_by` is who checked a preset for the country
    of sale; empty while nobody did.
    """

    __tablename__ = "policy_versions"
    __table_args__ = (
        UniqueConstraint("policy_id", "number"),
        UniqueConstraint("policy_id", "in_force_from"),
        Index(
            "uq_policy_versions_draft",
            "policy_id",
            unique=True,
            sqlite_where=text("published_at IS NULL"),
            postgresql_where=text("published_at IS NULL"),
        ),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(published_at IS NULL) = (in_force_from IS NULL)", name="published"),
        CheckConstraint("retired_on IS NULL OR retired_on > in_force_from", name="retired"),
    )

    policy_id: Mapped[int] = mapped_column(ForeignKey("warranty_policies.id"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    jurisdiction: Mapped[str] = mapped_column(String(64))
    terms: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(String(4000), default="")
    preset: Mapped[str] = mapped_column(String(64), default="")
    checked_by: Mapped[str] = mapped_column(String(128), default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    in_force_from: Mapped[date | None]
    published_at: Mapped[datetime | None]
    published_by: Mapped[str] = mapped_column(String(128), default="")
    retired_on: Mapped[date | None]

    policy: Mapped[WarrantyPolicy] = relationship(
        back_populates="versions", lazy="joined", innerjoin=True
    )

    @property
    def is_draft(self) -> bool:
        """Whether it was not published yet."""
        return self.published_at is None

    @property
    def needs_check(self) -> bool:
        """Whether it began as a preset that nobody has checked."""
        return bool(self.preset) and not self.checked_by

    def holds_on(self, day: date) -> bool:
        """Tell whether boxes given out on a day could have this version, were it the newest."""
        begun = self.in_force_from is not None and self.in_force_from <= day
        return begun and (self.retired_on is None or day < self.retired_on)

    @property
    def former(self) -> PolicyVersion | None:
        """The version that was published before it, if there is one."""
        before = [v for v in self.policy.published if v.number < self.number]
        return before[-1] if before else None

    @property
    def warnings(self) -> list[Text]:
        """In which ways it can give less than the version before it."""
        former = self.former
        return shortened(former.as_policy(), self.as_policy()) if former else []

    @property
    def loaded_terms(self) -> dict[str, Any]:
        """Its terms as `WarrantyTerms` reads them."""
        return read_stored(self.terms)

    def as_policy(self) -> Policy:
        """Return its terms for the arithmetic."""
        words = json.dumps(self.terms, sort_keys=True)
        return _policy(self.policy.code, self.number, self.jurisdiction, words)


@lru_cache(maxsize=256)
def _policy(code: str, number: int, jurisdiction: str, words: str) -> Policy:
    """Return a policy from its words: reading them costs far more than deciding by them."""
    return policy_of(code, number, jurisdiction, json.loads(words))


class PolicyAssignment(Public, Base):
    """That boxes like these have a policy, if they were given out on a day or later.

    What is not named fits every box. A later row that names the same takes over from its day;
    one without a policy ends the assignment. `key` holds what is named, so that there is one row
    for a day.
    """

    __tablename__ = "warranty_assignments"
    __table_args__ = (
        UniqueConstraint("key", "from_on"),
        CheckConstraint(_one_of("tenure", Tenure), name="tenure"),
        CheckConstraint(
            "key = CAST(coalesce(model_id, 0) AS VARCHAR) || '/'"
            " || CAST(coalesce(seller_id, 0) AS VARCHAR) || '/' || coalesce(tenure, '')",
            name="key",
        ),
    )

    key: Mapped[str] = mapped_column(String(64))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("device_models.id"), index=True)
    seller_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    tenure: Mapped[str | None] = mapped_column(String(16))
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("warranty_policies.id"), index=True)
    from_on: Mapped[date]
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[str] = mapped_column(String(128))

    model: Mapped[DeviceModel | None] = relationship(lazy="joined")
    seller: Mapped[Organisation | None] = relationship(lazy="joined")
    policy: Mapped[WarrantyPolicy | None] = relationship(lazy="joined")

    @property
    def names(self) -> frozenset[str]:
        """What it names of a box."""
        named = {"model": self.model_id, "seller": self.seller_id, "tenure": self.tenure}
        return frozenset(name for name, value in named.items() if value is not None)


class WarrantyDecision(Base):
    """What a fault of a box gets, as the rules gave it on the day it was reported.

    It holds the version of the policy and the facts as they were known, so that it can be made
    again. Triggers of the database refuse UPDATE and DELETE. `subject_ref` is what it was made
    for: the number of a case.
    """

    __tablename__ = "warranty_decisions"
    __table_args__ = (
        CheckConstraint(_one_of("outcome", Outcome), name="outcome"),
        CheckConstraint(_one_of("cause", Cause), name="cause"),
        CheckConstraint(_one_of("component", ("", *Component)), name="component"),
        Index("ix_warranty_decisions_device", "device_id", "id"),
        Index("ix_warranty_decisions_outcome", "outcome", "id"),
        Index("ix_warranty_decisions_subject", "subject_ref"),
    )

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    policy_version_id: Mapped[int] = mapped_column(ForeignKey("policy_versions.id"), index=True)
    component: Mapped[str] = mapped_column(String(32), default="")
    reported_on: Mapped[date]
    cause: Mapped[str | None] = mapped_column(String(32))
    subject_ref: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(16))
    started_on: Mapped[date | None]
    covered_until: Mapped[date | None]
    is_presumed: Mapped[bool]
    facts: Mapped[dict[str, Any]]
    trace: Mapped[list[dict[str, Any]]]
    decided_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(String(128))

    device: Mapped[Device] = relationship(lazy="joined", innerjoin=True)
    version: Mapped[PolicyVersion] = relationship(lazy="joined", innerjoin=True)
    overrides: Mapped[list[WarrantyOverride]] = relationship(
        order_by="WarrantyOverride.number", lazy="selectin"
    )

    @property
    def row_version(self) -> int:
        """For ETag and If-Match: it grows with what is granted, as the row itself never changes."""
        return 1 + len(self.overrides)

    @property
    def effective_outcome(self) -> str:
        """What counts: what was granted last, else what the rules gave."""
        return self.overrides[-1].outcome if self.overrides else self.outcome


class WarrantyOverride(Base):
    """Another outcome than the rules gave, with its reason; it stands beside the decision.

    Triggers of the database refuse UPDATE and DELETE.
    """

    __tablename__ = "warranty_overrides"
    __table_args__ = (
        UniqueConstraint("decision_id", "number"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint(_one_of("outcome", Outcome), name="outcome"),
    )

    decision_id: Mapped[int] = mapped_column(ForeignKey("warranty_decisions.id"))
    number: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(1000))
    granted_at: Mapped[datetime]
    granted_by: Mapped[str] = mapped_column(String(128))
