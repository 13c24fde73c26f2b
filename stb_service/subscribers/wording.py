"""What is known of a person, as a page tells it: fields and codes in words, instants to be shown in
the reader's zone, money with its currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import format_date

from stb_service.shared.i18n import CUSTOMER_LANGUAGES, Text, text
from stb_service.shared.money import Money
from stb_service.shared.registries import PersonalData, Spoken
from stb_service.subscribers.rules import ACCOUNT_KIND_NAMES, FIELD_NAMES

VERB_NAMES: Mapping[str, Text] = {
    "account.create": text("Account opened"),
    "account.change": text("Account corrected"),
    "account.person-add": text("Person of the account added"),
    "account.person-change": text("Person of the account corrected"),
    "account.erase": text("Person of the account erased"),
    "account.site-add": text("Site of the account added"),
    "account.site-change": text("Site of the account corrected"),
}
OWN = Spoken(
    text("Account"),
    {
        **FIELD_NAMES,
        "id": text("Id here"),
        "is_holder": text("Holds the account"),
        "opened_at": text("Opened"),
        "erased_at": text("Erased"),
        "at": text("When"),
        "what": text("What"),
        "changes": text("What was written"),
    },
    {
        "kind": {str(kind): name for kind, name in ACCOUNT_KIND_NAMES.items()},
        "language": {code: Text(name) for code, name in CUSTOMER_LANGUAGES.items()},
        "what": VERB_NAMES,
    },
)


@dataclass(frozen=True)
class Facts:
    """Names and what stands under them: text, an instant, Facts, a Table or a list of these.

    What is empty is left out: of it nothing is known.
    """

    pairs: Sequence[tuple[str, Any]]

    @property
    def is_flat(self) -> bool:
        """Whether nothing in it has parts of its own."""
        return not any(isinstance(value, Facts | Table | list) for _, value in self.pairs)


@dataclass(frozen=True)
class Table:
    """Facts of one kind, one under the other."""

    names: Sequence[str]
    rows: Sequence[Mapping[str, Any]]


def in_words(data: Mapping[str, Any], others: Sequence[PersonalData]) -> dict[str, Any]:
    """Return what `data_of_person` found as a page tells it; rooms that know nothing are left out."""
    own = {name: _told(data[name], OWN) for name in ("person", "account", "sites", "history")}
    rooms = [
        (str(other.spoken.title), _told(known, other.spoken))
        for other in others
        if (known := data["rooms"].get(other.name))
    ]
    return {**own, "rooms": rooms}


def _told(value: Any, spoken: Spoken, place: str = "", currency: str = "") -> Any:
    """Return a value in words; `place` is the field that holds it, or its list."""
    if isinstance(value, Mapping):
        known = str(value.get("currency") or currency)
        shown = [
            (spoken.name_of(place, name), _value(inner, spoken, place, name, known))
            for name, inner in value.items()
            if inner not in (None, "", [], {})
        ]
        return Facts(shown)
    if isinstance(value, list):
        return _listed([_told(inner, spoken, place, currency) for inner in value])
    return value


def _listed(told: list[Any]) -> Any:
    if not told or not all(isinstance(one, Facts) and one.is_flat for one in told):
        return told
    names = dict.fromkeys(name for one in told for name, _ in one.pairs)
    return Table(list(names), [dict(one.pairs) for one in told])


def _value(value: Any, spoken: Spoken, place: str, name: str, currency: str) -> Any:
    if isinstance(value, Mapping | list):
        return _told(value, spoken, name, currency)
    if isinstance(value, int) and name.endswith("_minor") and currency:
        return str(Money(value, currency))
    if isinstance(value, str) and value:
        return _moment(value, name) or spoken.value_of(place, name, value)
    return value


def _moment(value: str, name: str) -> str | datetime | None:
    """Return the day, as it is said, or the instant that a field holds; None if it is neither."""
    if name not in {"at", "since", "until"} and not name.endswith(("_at", "_on", "_until")):
        return None
    try:
        if "T" in value:
            return datetime.fromisoformat(value)
        return str(format_date(date.fromisoformat(value), "d MMM y"))
    except ValueError:
        return None
