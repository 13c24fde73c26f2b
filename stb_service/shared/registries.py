"""Where rooms meet without knowing each other: each adds its part, `app` wires them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.shared import jobs, outbox
from stb_service.shared.access import Actor, Scope
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text


@dataclass(frozen=True)
class Hit:
    """One result of the search box."""

    title: str
    detail: str
    url: str


@dataclass(frozen=True)
class SearchProvider:
    """One group of results. `find(session, text, scope, limit)` returns at most `limit` hits."""

    name: Text
    verb: str
    find: Callable[[Session, str, Scope, int], list[Hit]]


@dataclass(frozen=True)
class CardSection:
    """A part of the box card, or of an account's page. `load(session, uid, actor, now)` gives the
    template its values; `uid` is the public id of the box or the account, the same in every room."""

    name: str
    title: Text
    verb: str
    template: str
    load: Callable[[Session, str, Actor, datetime], dict[str, Any]]
    order: int = 100


TIMELINE_LENGTH = 40


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened to a box, or to an account."""

    at: datetime
    icon: str
    sentence: str
    detail: str = ""


@dataclass(frozen=True)
class CustomerSection:
    """A part of the page on which a customer answers a quote, in the words of customers.

    `load(session, uid, now)` gives its values, by the quote's uid; none where nothing is shown.
    """

    template: str
    load: Callable[[Session, str, datetime], dict[str, Any]]


Timeline = Callable[[Session, str, Actor, int], Iterable[TimelineEntry]]


WarrantyFacts = Callable[[Session, str], Iterable[Any]]
"""What a room knows of a box (by its uid) that bears on its warranty: facts as
`stb_service.warranty.facts` names them."""


Keeper = Callable[[Session, str], list[Obstacle]]
"""Why a box (by its uid) stays where and what it is, as far as a room knows: what happens to it is
for that room's own steps, which ask no keeper."""


QuoteKeeper = Callable[[Session, str, str], list[Obstacle]]
"""Why quotes about something (its kind and ref) are for the steps of a room alone, as far as that room
knows; its own steps ask no keeper."""


Leaver = Callable[[Session, str, str, Actor, datetime], Any]
"""What a room writes down when a box (by its uid) goes to an account (by its number)."""


Loser = Callable[[Session, str, str, str, Actor, datetime], Any]
"""What a room writes down when a box (by its uid) is scrapped or lost: its new status, and why."""


def why_kept(session: Session, keepers: Iterable[Keeper], uid: str) -> list[Obstacle]:
    """Return why a box stays where and what it is; empty if nothing keeps it."""
    return [obstacle for keeper in keepers for obstacle in keeper(session, uid)]


@dataclass(frozen=True)
class NavItem:
    """One entry of the menu, shown to those whose role holds the verb."""

    label: Text
    icon: str
    endpoint: str
    verb: str
    group: Text
    order: int = 100


@dataclass(frozen=True)
class Tile:
    """A figure of the dashboard: `load` returns the template's values."""

    name: str
    verb: str
    template: str
    load: Callable[[Session, Actor, datetime], dict[str, Any]]
    order: int = 100


@dataclass(frozen=True)
class Spoken:
    """What people call plain values: the whole, its fields, and the codes in some of them.

    A field is named by itself, or as `part.field` where it says something else in that part.
    """

    title: Text
    names: Mapping[str, Text]
    values: Mapping[str, Mapping[str, Text]]

    def name_of(self, part: str, field: str) -> str:
        """Return the name of a field; of one without, its own words."""
        known = self.names.get(f"{part}.{field}") or self.names.get(field)
        return str(known or field.replace("_", " "))

    def value_of(self, part: str, field: str, value: str) -> str:
        """Return a code in words, and anything else as it is."""
        codes = self.values.get(f"{part}.{field}", self.values.get(field, {}))
        return str(codes.get(value, value))


@dataclass(frozen=True)
class PersonalData:
    """What a room keeps of a person, named by the account's uid and the person's.

    `export` tells it in plain values, under the room's `name`, and `spoken` has words for them;
    `obstacles` say why the person cannot be erased yet; `erase` takes away what says anything of
    them and leaves what is counted.
    """

    name: str
    export: Callable[[Session, str, str], Any]
    obstacles: Callable[[Session, str, str], list[Obstacle]]
    erase: Callable[[Session, str, str, datetime], None]
    spoken: Spoken


@dataclass
class Registries:
    """All of them; one object per process. `zone`: the operator's time zone, where a room needs it
    without anybody who asks.
    """

    zone: str = "UTC"
    search: list[SearchProvider] = field(default_factory=list)
    card: list[CardSection] = field(default_factory=list)
    timeline: list[Timeline] = field(default_factory=list)
    customer_quote: list[CustomerSection] = field(default_factory=list)
    account: list[CardSection] = field(default_factory=list)
    account_timeline: list[Timeline] = field(default_factory=list)
    personal: list[PersonalData] = field(default_factory=list)
    navigation: list[NavItem] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    warranty_facts: list[WarrantyFacts] = field(default_factory=list)
    keepers: list[Keeper] = field(default_factory=list)
    quote_keepers: list[QuoteKeeper] = field(default_factory=list)
    leavers: list[Leaver] = field(default_factory=list)
    losers: list[Loser] = field(default_factory=list)
    jobs: dict[str, jobs.Handler] = field(default_factory=dict)
    outbox: dict[str, outbox.Handler] = field(default_factory=dict)
    gauges: list[Callable[[Session], Mapping[tuple[str, str], float]]] = field(default_factory=list)
