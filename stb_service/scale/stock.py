"""A ledger of stock by the arithmetic of the service, far quicker than by its verbs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from stb_service.devices.components import Component
from stb_service.devices.demo import MODELS
from stb_service.parts.catalogue.operations import create_location, create_part
from stb_service.parts.ledger import single_location
from stb_service.parts.models import Location, Part, StockMove, StockPosition
from stb_service.parts.rules import EMPTY, Balance, LocationKind, MoveKind, Side, after
from stb_service.scale.world import BY, World
from stb_service.shared.access import SYSTEM

VANS = 40
SPAN = timedelta(days=730)
COST_MINOR = 250
MAIN, SUPPLIER = "MAIN", "ACME"


def add_places(world: World) -> None:
    """Add parts and places, by the verbs."""
    session = world.session
    who: dict[str, Any] = {"actor": SYSTEM, "now": world.now - SPAN}
    components, codes = list(Component), [model["code"] for model in MODELS]
    for number in range(world.sizes.parts):
        component, fits = components[number % len(components)], codes[number % len(codes)]
        create_part(
            session,
            sku=f"P-{number:04d}",
            name=f"{component.replace('_', ' ').capitalize()} {number}",
            currency="EUR",
            component=component,
            fits={fits: 1},
            **who,
        )
    kinds = {MAIN: "warehouse", SUPPLIER: "supplier"}
    kinds |= {f"VAN-{number}": "van" for number in range(VANS)}
    for code, kind in kinds.items():
        create_location(session, code=code, name=code.capitalize(), kind=kind, **who)
    single_location(session, LocationKind.CUSTOMER, who["now"])


class Ledger:
    """Writes both sides of moves, and knows what stands where."""

    def __init__(self, world: World) -> None:
        session = world.session
        self.places = {place.code: place for place in session.scalars(select(Location))}
        self.parts = list(session.scalars(select(Part.id).order_by(Part.id)))
        made = [
            StockPosition(
                location_id=place.id, part_id=part, condition="new", is_open=place.is_open
            )
            for place in self.places.values()
            for part in self.parts
        ]
        session.add_all(made)
        session.flush()
        self._positions = {(row.location_id, row.part_id): row.id for row in made}
        self._balances: dict[int, Balance] = {}
        self._begun, self._step = world.now - SPAN, SPAN / max(world.sizes.moves, 1)
        self._rows = world.loader.rows(
            StockMove,
            *("number", "side", "other_side", "kind", "position_id", "location_id", "part_id"),
            *("is_open", "seq", "previous_seq", "quantity", "on_hand_before", "on_hand"),
            *("reserved_before", "reserved", "value_minor", "value_before", "value_after"),
            *("currency", "reason", "reference", "at", "actor_label"),
        )

    def on_hand(self, place: Location, part: int) -> int:
        """Return how many are there so far."""
        return self._balances.get(self._positions[place.id, part], EMPTY).on_hand

    def move(
        self, number: int, source: Location, target: Location, part: int, quantity: int, kind: str
    ) -> None:
        """Write both rows of a move."""
        given = self._balances.get(self._positions[source.id, part], EMPTY)
        worth = COST_MINOR * quantity if source.is_open else given.worth(quantity)
        at = self._begun + number * self._step
        for side, other, place in (("out", "in", source), ("in", "out", target)):
            position = self._positions[place.id, part]
            before = self._balances.get(position, EMPTY)
            left = self._balances[position] = after(before, Side(side), quantity, worth)
            self._rows.add(
                *(f"m{number}", side, other, kind, position, place.id, part, place.is_open),
                *(left.seq, before.seq or None, quantity, before.on_hand, left.on_hand, 0, 0),
                *(worth, before.value_minor, left.value_minor, "EUR", "", f"o{number // 7}"),
                *(at, BY),
            )


def add_stock(world: World) -> None:
    """Add the moves: the warehouse is filled, vans take from it, customers get parts."""
    chance, ledger = world.chance("stock"), Ledger(world)
    places = ledger.places
    main, supplier, customers = (
        places[MAIN],
        places[SUPPLIER],
        places[LocationKind.CUSTOMER.upper()],
    )
    vans = [place for code, place in places.items() if code.startswith("VAN")]
    use, transfer, receive = (
        str(kind) for kind in (MoveKind.USE, MoveKind.TRANSFER, MoveKind.RECEIVE)
    )
    for number in range(world.sizes.moves):
        part, van = chance.choice(ledger.parts), chance.choice(vans)
        if ledger.on_hand(van, part) and chance.random() < 0.6:
            ledger.move(number, van, customers, part, 1, use)
        elif ledger.on_hand(main, part) > 5:
            ledger.move(number, main, van, part, 2, transfer)
        else:
            ledger.move(number, supplier, main, part, 50, receive)
