"""An account as its reader may know it: for its page and for the API."""

from __future__ import annotations

from dataclasses import dataclass

from stb_service.shared.access import Actor
from stb_service.shared.errors import Obstacle
from stb_service.staff.models import Organisation
from stb_service.subscribers.models import Account, Site, Subscriber
from stb_service.subscribers.queries import dealer_told
from stb_service.subscribers.rules import obstacles_to_change, obstacles_to_seller


@dataclass(frozen=True)
class AccountCard:
    """An account with what follows for one reader."""

    account: Account
    reader: Actor

    @property
    def is_personal(self) -> bool:
        """Whether the reader sees phones, mail addresses and streets."""
        return self.reader.can("accounts.personal")

    @property
    def dealer(self) -> Organisation | None:
        """Who brought the account, as far as the reader is told."""
        return dealer_told(self.account, self.reader.scope)

    @property
    def obstacles(self) -> list[Obstacle]:
        """Why the reader may not change the account."""
        found = obstacles_to_change(is_erased=self.account.is_erased)
        return found + obstacles_to_seller(self.account.dealer_id, self.reader.organisation_id)


def row_values(account: Account, reader: Actor) -> dict[str, object]:
    """Return an account by the names of `AccountSchema`."""
    names = ("public_id", "number", "external_id", "kind", "name", "currency", "credit_days")
    values = {name: getattr(account, name) for name in (*names, "language")}
    return values | {
        "dealer": dealer_told(account, reader.scope),
        "opened_at": account.opened_at,
        "changed_at": account.changed_at,
    }


def as_wire(card: AccountCard) -> dict[str, object]:
    """Return an account by the names of `AccountCardSchema`."""
    return row_values(card.account, card.reader) | {
        "people": [_person_values(person, card) for person in card.account.people],
        "sites": [_site_values(site, card) for site in card.account.sites],
    }


def _person_values(person: Subscriber, card: AccountCard) -> dict[str, object]:
    names = ("public_id", "name", "is_holder", "language", "erased_at")
    return {name: getattr(person, name) for name in names} | {
        "phones": person.phones if card.is_personal else None,
        "emails": person.emails if card.is_personal else None,
    }


def _site_values(site: Site, card: AccountCard) -> dict[str, object]:
    names = ("public_id", "name", "city", "country", "timezone")
    return {name: getattr(site, name) for name in names} | {
        "street": site.street if card.is_personal else None,
        "postcode": site.postcode if card.is_personal else None,
    }
