"""Accounts, their people and how these are reached, and the sites where boxes stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.shared.db import Base, Public
from stb_service.staff.models import Organisation
from stb_service.subscribers.rules import AccountKind, ContactKind


def Exact(length: int) -> Any:  # noqa: N802 - used like a type
    """Return a text type ordered by code point on both databases, so that a prefix is a range."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Account(Public, Base):
    """Whoever boxes are given to, and who pays. A household's account is called as its holder.

    `name_key` orders lists. An account is never deleted: erasing its people leaves its number,
    its currency and all that was counted for it.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'business')", name="kind"),
        CheckConstraint("credit_days BETWEEN 0 AND 365", name="credit_days"),
        CheckConstraint("length(currency) = 3", name="currency"),
        Index("ix_accounts_dealer_id", "dealer_id", "id"),
        Index("ix_accounts_name_id", "name_key", "id"),
        Index("ix_accounts_kind_id", "kind", "id"),
    )

    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(128))
    name_key: Mapped[str] = mapped_column(Exact(256))
    currency: Mapped[str] = mapped_column(String(3))
    credit_days: Mapped[int] = mapped_column(default=0)
    language: Mapped[str | None] = mapped_column(String(16))
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    dealer: Mapped[Organisation | None] = relationship()
    people: Mapped[list[Subscriber]] = relationship(
        back_populates="account", order_by="Subscriber.is_holder.desc(), Subscriber.id"
    )
    sites: Mapped[list[Site]] = relationship(order_by="Site.id")

    @property
    def label(self) -> str:
        """What people call it: its name, or its number once that was erased."""
        return self.name or self.number

    @property
    def is_of_person(self) -> bool:
        """Whether the account is a household's, so that its name and sites are personal."""
        return self.kind == AccountKind.PERSON

    @property
    def holder(self) -> Subscriber | None:
        """The person whose account it is; a business may have none."""
        return next((person for person in self.people if person.is_holder), None)

    @property
    def is_erased(self) -> bool:
        """Whether the person whose account it is was erased."""
        return self.is_of_person and self.holder is not None and self.holder.is_erased


class AccountSeller(Base):
    """A dealer or a service centre that sold a box which the account holds now."""

    __tablename__ = "account_sellers"
    __table_args__ = (
        UniqueConstraint("account_id", "organisation_id"),
        Index("ix_account_sellers_organisation", "organisation_id", "account_id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))


class AccountWord(Base):
    """A word of the name of an account or of one of its people, for the search by beginnings."""

    __tablename__ = "account_words"
    __table_args__ = (
        UniqueConstraint("account_id", "word"),
        Index("ix_account_words_word", "word", "account_id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    word: Mapped[str] = mapped_column(Exact(64))


class Subscriber(Public, Base):
    """A person of an account: its holder, or somebody else who may be spoken to.

    One who was erased keeps the row, so that what refers to it stays whole; it says nothing more.
    """

    __tablename__ = "subscribers"
    __table_args__ = (
        CheckConstraint("erased_at IS NULL OR name = ''", name="erased"),
        Index(
            "uq_subscribers_holder",
            "account_id",
            unique=True,
            sqlite_where=text("is_holder"),
            postgresql_where=text("is_holder"),
        ),
        Index("ix_subscribers_account", "account_id", "id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(128))
    is_holder: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str | None] = mapped_column(String(16))
    erased_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(back_populates="people")
    contacts: Mapped[list[Contact]] = relationship(
        back_populates="person", order_by="Contact.id", cascade="all, delete-orphan"
    )

    @property
    def is_erased(self) -> bool:
        """Whether nothing is known of this person any more."""
        return self.erased_at is not None

    @property
    def phones(self) -> list[str]:
        """Their phone numbers, in the order they were given."""
        return [row.value for row in self.contacts if row.kind == ContactKind.PHONE]

    @property
    def emails(self) -> list[str]:
        """Their mail addresses, in the order they were given."""
        return [row.value for row in self.contacts if row.kind == ContactKind.EMAIL]


class Contact(Base):
    """A phone or a mail address of a person.

    `lookup` is what is compared, `lookup_reversed` the same backwards: a caller's last digits.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        CheckConstraint("kind IN ('phone', 'email')", name="kind"),
        UniqueConstraint("person_id", "kind", "value"),
        Index("ix_contacts_lookup", "kind", "lookup"),
        Index("ix_contacts_lookup_reversed", "kind", "lookup_reversed"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str] = mapped_column(String(254))
    lookup: Mapped[str] = mapped_column(Exact(254))
    lookup_reversed: Mapped[str] = mapped_column(Exact(254))

    person: Mapped[Subscriber] = relationship(back_populates="contacts")


class Site(Public, Base):
    """Where boxes of an account stand; its days and hours are those of its time zone."""

    __tablename__ = "sites"
    __table_args__ = (
        Index("ix_sites_account", "account_id", "id"),
        Index("ix_sites_area", "country", "postcode"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(64))
    street: Mapped[str] = mapped_column(String(200), default="")
    postcode: Mapped[str] = mapped_column(String(16), default="")
    city: Mapped[str] = mapped_column(String(80), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    timezone: Mapped[str] = mapped_column(String(64))
