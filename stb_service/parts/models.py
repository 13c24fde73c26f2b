"""The tables of stock: parts, places, the ledger of moves, reservations, counts, limits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.components import Component
from stb_service.devices.models import Device, DeviceModel
from stb_service.parts.rules import (
    MOST,
    OPEN,
    OWNABLE,
    OWNED,
    SINGLE,
    Balance,
    BoxOutcome,
    Condition,
    CountState,
    LocationKind,
    MoveKind,
    PartKind,
    ReservationState,
)
from stb_service.shared.db import Base, Json, Public
from stb_service.shared.i18n import Text
from stb_service.staff.models import Organisation


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _unique_where(name: str, *columns: str, where: str) -> Index:
    """Return an index that keeps columns unique among the rows of a condition."""
    condition: Any = text(where)
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


class Part(Public, Base):
    """One line of the catalogue. Whole boxes of a model are a line too.

    Its currency is the one that its stock is valued in, so it stays once anything has moved.
    """

    __tablename__ = "parts"
    __table_args__ = (
        CheckConstraint(_one_of("kind", PartKind), name="kind"),
        CheckConstraint(_one_of("component", ("", *Component)), name="component"),
        CheckConstraint("(kind = 'box') = (model_id IS NOT NULL)", name="box"),
        CheckConstraint("lead_time_days >= 0", name="lead_time"),
        CheckConstraint("min_order > 0 AND pack_size > 0", name="order"),
        CheckConstraint("supersedes_id IS NULL OR supersedes_id <> id", name="supersedes"),
        UniqueConstraint("id", "currency"),
        UniqueConstraint("model_id"),
    )

    sku: Mapped[str] = mapped_column(String(64), unique=True)
    ean: Mapped[str | None] = mapped_column(String(14), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(8), default=PartKind.PART)
    component: Mapped[str] = mapped_column(String(16), default="")
    model_id: Mapped[int | None] = mapped_column(ForeignKey("device_models.id"))
    currency: Mapped[str] = mapped_column(String(3))
    lead_time_days: Mapped[int] = mapped_column(default=0)
    min_order: Mapped[int] = mapped_column(default=1)
    pack_size: Mapped[int] = mapped_column(default=1)
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("parts.id"), index=True)
    returns_core: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    notes: Mapped[str] = mapped_column(String(2000), default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    model: Mapped[DeviceModel | None] = relationship()
    supersedes: Mapped[Part | None] = relationship(remote_side="Part.id")
    fits: Mapped[list[PartFit]] = relationship(
        order_by="PartFit.id", cascade="all, delete-orphan", back_populates="part"
    )

    @property
    def is_box(self) -> bool:
        """Whether its pieces are whole boxes, each with its own identity."""
        return self.kind == PartKind.BOX

    @property
    def supersedes_sku(self) -> str | None:
        """The number of the part that it takes the place of."""
        return self.supersedes.sku if self.supersedes else None

    @property
    def model_code(self) -> str | None:
        """The model of the boxes; None of a spare part."""
        return self.model.code if self.model else None


class PartFit(Base):
    """A model of box that a part fits, and how many of it one box has."""

    __tablename__ = "part_fits"
    __table_args__ = (
        UniqueConstraint("part_id", "model_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_part_fits_model", "model_id"),
    )

    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    model_id: Mapped[int] = mapped_column(ForeignKey("device_models.id"))
    quantity: Mapped[int] = mapped_column(default=1)

    part: Mapped[Part] = relationship(back_populates="fits")
    model: Mapped[DeviceModel] = relationship(lazy="joined", innerjoin=True)

    @property
    def model_code(self) -> str:
        """The code of the model."""
        return self.model.code


class Location(Public, Base):
    """A place where pieces are, or where the house ends. Without an organisation: the operator's.

    `is_open` follows from the kind; the ledger refers to it, so that the database knows which
    places may stand below zero.
    """

    __tablename__ = "locations"
    __table_args__ = (
        CheckConstraint(_one_of("kind", LocationKind), name="kind"),
        CheckConstraint(f"is_open = ({_one_of('kind', sorted(OPEN))})", name="open"),
        CheckConstraint(
            f"organisation_id IS NOT NULL OR NOT ({_one_of('kind', sorted(OWNED))})", name="owned"
        ),
        CheckConstraint(
            f"organisation_id IS NULL OR {_one_of('kind', sorted(OWNABLE))}", name="ownable"
        ),
        UniqueConstraint("id", "is_open"),
        _unique_where("uq_locations_single", "kind", where=_one_of("kind", sorted(SINGLE))),
        Index("ix_locations_organisation", "organisation_id"),
    )

    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    is_open: Mapped[bool]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship()


class StockPosition(Base):
    """One part in one condition at one place: what a chain of the ledger is about.

    It holds no figure: what stands there is what the last row of its chain says. Whoever adds a
    row holds this one against other writers.
    """

    __tablename__ = "stock_positions"
    __table_args__ = (
        CheckConstraint(_one_of("condition", Condition), name="condition"),
        UniqueConstraint("location_id", "part_id", "condition"),
        UniqueConstraint("id", "location_id", "part_id", "is_open"),
        ForeignKeyConstraint(["location_id", "is_open"], ["locations.id", "locations.is_open"]),
        Index("ix_stock_positions_part", "part_id"),
    )

    location_id: Mapped[int]
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    condition: Mapped[str] = mapped_column(String(16))
    is_open: Mapped[bool]

    location: Mapped[Location] = relationship()
    part: Mapped[Part] = relationship()


class StockMove(Base):
    """A row of the ledger: one side of a move, or what a reservation holds back or frees.

    All is enforced by the database. A row begins with what the row before it in its position left
    and ends with that plus its own change, so the last row is the sum of all. A move's two sides
    share its number and refer to each other: what leaves one place arrives at another, as many
    and worth as much. No place but an open one stands below zero, and no more is reserved than
    is there. A box leaves only from where it last arrived. Triggers refuse UPDATE and DELETE.
    """

    __tablename__ = "stock_moves"
    __table_args__ = (
        CheckConstraint(_one_of("kind", MoveKind) + " OR kind = ''", name="kind"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MOST} AND value_minor >= 0", name="amounts"),
        CheckConstraint(
            "(side IN ('out', 'in') AND other_side IS NOT NULL AND other_side <> side"
            " AND other_side IN ('out', 'in') AND kind <> '')"
            " OR (side IN ('hold', 'free') AND other_side IS NULL AND kind = ''"
            " AND reservation_id IS NOT NULL AND value_minor = 0)",
            name="side",
        ),
        CheckConstraint(
            "on_hand = on_hand_before + CASE side WHEN 'in' THEN quantity"
            " WHEN 'out' THEN -quantity ELSE 0 END",
            name="sum",
        ),
        CheckConstraint(
            "value_after = value_before + CASE side WHEN 'in' THEN value_minor"
            " WHEN 'out' THEN -value_minor ELSE 0 END",
            name="worth",
        ),
        CheckConstraint(
            "reserved = reserved_before + CASE WHEN side = 'hold' THEN quantity"
            " WHEN side = 'free' THEN -quantity"
            " WHEN side = 'out' AND reservation_id IS NOT NULL THEN -quantity ELSE 0 END",
            name="held",
        ),
        CheckConstraint("is_open OR on_hand >= 0", name="not_below_zero"),
        CheckConstraint(
            "reserved = 0 OR (reserved > 0 AND reserved <= on_hand AND NOT is_open)",
            name="not_reserved_beyond",
        ),
        CheckConstraint(
            "(seq = 1 AND previous_seq IS NULL AND on_hand_before = 0 AND reserved_before = 0"
            " AND value_before = 0)"
            " OR (seq > 1 AND previous_seq IS NOT NULL AND previous_seq = seq - 1)",
            name="follows",
        ),
        CheckConstraint(
            "(device_id IS NULL AND device_seq IS NULL AND came_seq IS NULL AND stood_seq IS NULL)"
            " OR (device_id IS NOT NULL AND device_seq IS NOT NULL AND device_seq > 0"
            " AND quantity = 1"
            " AND ((side = 'in' AND came_seq IS NOT NULL AND came_seq = device_seq"
            " AND stood_seq IS NULL)"
            " OR (side = 'out' AND came_seq IS NULL AND ("
            "(device_seq = 1 AND stood_seq IS NULL AND is_open)"
            " OR (device_seq > 1 AND stood_seq IS NOT NULL AND stood_seq = device_seq - 1)))))",
            name="box",
        ),
        UniqueConstraint("position_id", "seq"),
        UniqueConstraint(
            *("position_id", "seq", "on_hand", "reserved", "value_after"),
            name="uq_stock_moves_balance",
        ),
        UniqueConstraint(
            *("number", "side", "part_id", "quantity", "value_minor"), name="uq_stock_moves_sides"
        ),
        UniqueConstraint("device_id", "device_seq", "side"),
        UniqueConstraint("device_id", "came_seq", "position_id", name="uq_stock_moves_came"),
        UniqueConstraint("reservation_id", "side"),
        ForeignKeyConstraint(
            ["position_id", "location_id", "part_id", "is_open"],
            [
                "stock_positions.id",
                "stock_positions.location_id",
                "stock_positions.part_id",
                "stock_positions.is_open",
            ],
            name="fk_stock_moves_position",
        ),
        ForeignKeyConstraint(
            ["position_id", "previous_seq", "on_hand_before", "reserved_before", "value_before"],
            [
                "stock_moves.position_id",
                "stock_moves.seq",
                "stock_moves.on_hand",
                "stock_moves.reserved",
                "stock_moves.value_after",
            ],
            name="fk_stock_moves_predecessor",
        ),
        ForeignKeyConstraint(
            ["number", "other_side", "part_id", "quantity", "value_minor"],
            [
                "stock_moves.number",
                "stock_moves.side",
                "stock_moves.part_id",
                "stock_moves.quantity",
                "stock_moves.value_minor",
            ],
            name="fk_stock_moves_other_side",
            deferrable=True,
            initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["device_id", "stood_seq", "position_id"],
            ["stock_moves.device_id", "stock_moves.came_seq", "stock_moves.position_id"],
            name="fk_stock_moves_stood",
        ),
        ForeignKeyConstraint(["part_id", "currency"], ["parts.id", "parts.currency"]),
        Index("ix_stock_moves_location", "location_id", "id"),
        Index("ix_stock_moves_part", "part_id", "id"),
    )

    number: Mapped[str] = mapped_column(String(16))
    side: Mapped[str] = mapped_column(String(4))
    other_side: Mapped[str | None] = mapped_column(String(4))
    kind: Mapped[str] = mapped_column(String(16), default="")
    position_id: Mapped[int]
    location_id: Mapped[int]
    part_id: Mapped[int]
    is_open: Mapped[bool]
    seq: Mapped[int]
    previous_seq: Mapped[int | None]
    quantity: Mapped[int]
    on_hand_before: Mapped[int]
    on_hand: Mapped[int]
    reserved_before: Mapped[int]
    reserved: Mapped[int]
    value_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    value_before: Mapped[int] = mapped_column(BigInteger)
    value_after: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"))
    device_seq: Mapped[int | None]
    came_seq: Mapped[int | None]
    stood_seq: Mapped[int | None]
    reservation_id: Mapped[int | None] = mapped_column(ForeignKey("reservations.id"))
    reason: Mapped[str] = mapped_column(String(500), default="")
    reference: Mapped[str] = mapped_column(String(64), default="")
    at: Mapped[datetime]
    actor_label: Mapped[str] = mapped_column(String(128))

    position: Mapped[StockPosition] = relationship(
        primaryjoin="foreign(StockMove.position_id) == StockPosition.id", viewonly=True
    )
    other: Mapped[StockMove | None] = relationship(
        primaryjoin="and_(foreign(StockMove.number) == remote(StockMove.number),"
        " foreign(StockMove.other_side) == remote(StockMove.side))",
        viewonly=True,
        uselist=False,
    )
    device: Mapped[Device | None] = relationship()

    @property
    def balance(self) -> Balance:
        """What stands at the position after this row."""
        return Balance(self.seq, self.on_hand, self.reserved, self.value_after)

    @property
    def is_move(self) -> bool:
        """Whether pieces went from one place to another; else it holds back or frees."""
        return self.other_side is not None


class Reservation(Public, Base):
    """Pieces of a position that are held back for something until they are used or let go.

    Whoever reserves names the need by a key of their own, and asking twice reserves once. How
    many are held stands in the ledger: one row that holds, and one that uses or frees, or both.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint(_one_of("state", ReservationState), name="state"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MOST}", name="quantity"),
        CheckConstraint("used BETWEEN 0 AND quantity", name="used"),
        CheckConstraint("(state = 'used') = (used > 0)", name="used_up"),
        CheckConstraint("(state = 'held') = (ended_at IS NULL)", name="ended"),
        Index("ix_reservations_position", "position_id", "state"),
        Index("ix_reservations_state", "state", "id"),
    )

    key: Mapped[str] = mapped_column(String(128), unique=True)
    position_id: Mapped[int] = mapped_column(ForeignKey("stock_positions.id"))
    quantity: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16), default=ReservationState.HELD)
    purpose: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(128))
    ended_at: Mapped[datetime | None]

    position: Mapped[StockPosition] = relationship()


class StockRule(Public, Base):
    """How many of a part a place should have at least, and up to how many it is filled."""

    __tablename__ = "stock_rules"
    __table_args__ = (
        UniqueConstraint("location_id", "part_id"),
        CheckConstraint(f"minimum >= 1 AND maximum BETWEEN minimum AND {MOST}", name="limits"),
        Index("ix_stock_rules_part", "part_id"),
    )

    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    minimum: Mapped[int]
    maximum: Mapped[int]

    location: Mapped[Location] = relationship()
    part: Mapped[Part] = relationship()


class StockCount(Public, Base):
    """A stock-taking of one place: a sheet that people fill without seeing what is expected."""

    __tablename__ = "stock_counts"
    __table_args__ = (
        CheckConstraint(_one_of("state", CountState), name="state"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
        _unique_where("uq_stock_counts_open", "location_id", where="state = 'open'"),
        Index("ix_stock_counts_location", "location_id", "id"),
    )

    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    state: Mapped[str] = mapped_column(String(16), default=CountState.OPEN)
    reason: Mapped[str] = mapped_column(String(500), default="")
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(128))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(128), default="")

    location: Mapped[Location] = relationship()
    lines: Mapped[list[CountLine]] = relationship(
        order_by="CountLine.id", cascade="all, delete-orphan", back_populates="count"
    )


class CountLine(Base):
    """What one person found of one part in one condition.

    `expected` is what the ledger said at that instant: the difference stays right though
    pieces move on until the sheet is closed. `times` says how often it was counted. What a file
    stated has a `key`, under which it counts once. A whole box has a line of its own: `seen_seq` says
    how often it had moved by then, `outcome` what the count came to for it, and `note` why it was
    not moved (a message and its values).
    """

    __tablename__ = "stock_count_lines"
    __table_args__ = (
        _unique_where(
            *("uq_stock_count_lines_part", "count_id", "part_id", "condition"),
            where="device_id IS NULL",
        ),
        _unique_where(
            *("uq_stock_count_lines_device", "count_id", "device_id"),
            where="device_id IS NOT NULL",
        ),
        UniqueConstraint("key"),
        Index("ix_stock_count_lines_count", "count_id", "id"),
        CheckConstraint(
            "device_id IS NULL OR (counted <= 1 AND expected BETWEEN 0 AND 1)", name="box"
        ),
        CheckConstraint(
            f"outcome = '' OR (device_id IS NOT NULL AND {_one_of('outcome', BoxOutcome)})",
            name="outcome",
        ),
        CheckConstraint(_one_of("condition", Condition), name="condition"),
        CheckConstraint(f"counted BETWEEN 0 AND {MOST} AND times > 0", name="counted"),
    )

    count_id: Mapped[int] = mapped_column(ForeignKey("stock_counts.id"))
    key: Mapped[str | None] = mapped_column(String(80))
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"), index=True)
    condition: Mapped[str] = mapped_column(String(16))
    counted: Mapped[int]
    expected: Mapped[int]
    times: Mapped[int] = mapped_column(default=1)
    counted_at: Mapped[datetime]
    counted_by: Mapped[str] = mapped_column(String(128))
    seen_seq: Mapped[int | None]
    outcome: Mapped[str] = mapped_column(String(16), default="")
    note: Mapped[dict[str, Any] | None] = mapped_column(Json)

    count: Mapped[StockCount] = relationship(back_populates="lines")
    part: Mapped[Part] = relationship()
    device: Mapped[Device | None] = relationship()

    @property
    def difference(self) -> int:
        """How many more were found than the ledger said."""
        return self.counted - self.expected

    @property
    def why(self) -> Text | None:
        """Why the box was not moved."""
        return Text(self.note["message"], self.note["values"]) if self.note else None
