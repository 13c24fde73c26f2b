"""The columns of files of parts and of stock: names, other spellings, how cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from stb_service.devices.components import Component
from stb_service.parts.rules import MOST, Condition, PartKind, gtin
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.imports.columns import (
    Column,
    by_spelling,
    read_choice,
    read_line,
    read_number,
    read_yes,
)
from stb_service.subscribers.rules import read_currency

FIT = re.compile(r"(\S.*?)(?:\s+x?\s*(\d{1,4}))?")
MOST_FITS = 200


def _models(raw: str) -> dict[str, int]:
    """Return models and how many pieces one box of each has: `AUR-1; BOR-2 x4`."""
    parts = [part.strip() for part in re.split(r"[,;\n|]+", raw) if part.strip()]
    found = {}
    for part in parts:
        match = FIT.fullmatch(part)
        code, pieces = (match[1], int(match[2] or 1)) if match else ("", 0)
        if not (0 < len(code) <= 64 and code.isprintable() and 1 <= pieces <= 1000):
            raise Malformed(text("Write models as AUR-1; BOR-2 x4."))
        found[code] = pieces
    if len(found) > MOST_FITS:
        raise Malformed(text("At most %(most)s of them.", most=MOST_FITS))
    return found


def _barcode(raw: str) -> str:
    code = gtin(raw)
    if code is None:
        raise Malformed(text("Not a barcode number: its check digit does not fit."))
    return code


PART_COLUMNS: Sequence[Column] = (
    Column(
        "sku",
        text("part number"),
        ("partnumber", "partno", "number", "part", "article", "itemno", "externalid"),
        read_line(64),
        is_name=True,
    ),
    Column(
        "ean",
        text("barcode number: GTIN, EAN or UPC"),
        ("gtin", "upc", "barcode"),
        _barcode,
        is_name=True,
    ),
    Column("name", text("name of the part"), ("description", "title"), read_line(128)),
    Column("kind", text("part or box; part if empty"), ("type",), read_choice(PartKind)),
    Column(
        "component",
        text("power_supply, remote, mainboard, …"),
        ("group", "category"),
        read_choice(Component),
    ),
    Column(
        "models",
        text("models that it fits, with pieces in a box: AUR-1; BOR-2 x4"),
        ("model", "fits", "fitsmodels"),
        _models,
    ),
    Column("currency", text("currency by its three letters"), ("curr",), read_currency),
    Column(
        "lead_time_days",
        text("days until a supplier delivers"),
        ("leadtime",),
        read_number(0, 3650),
    ),
    Column("min_order", text("least order"), ("moq", "minorder"), read_number(1, 100_000)),
    Column("pack_size", text("pieces in a pack"), ("pack",), read_number(1, 100_000)),
    Column(
        "supersedes",
        text("number of the part that it takes the place of"),
        ("replaces",),
        read_line(64),
        is_name=True,
    ),
    Column("returns_core", text("yes where the old piece is sent back"), ("core",), read_yes),
    Column("is_active", text("no where it is out of use"), ("active", "inuse"), read_yes),
    Column("notes", text("anything else"), ("note", "comment", "remarks"), read_line(2000)),
)
PART_SPELLINGS: Mapping[str, Column] = by_spelling(PART_COLUMNS)
PARTS_FOUND_BY = ("sku", "ean")
"""One of these columns a file has, to find its parts by."""

STOCK_COLUMNS: Sequence[Column] = (
    Column(
        "external_id",
        text("id of the row in another system, under which it counts once"),
        ("external", "externalid", "id", "extid", "rowid"),
        read_line(64),
        is_name=True,
    ),
    Column(
        "part",
        text("number or barcode of the part; a row about a box needs none"),
        ("sku", "partnumber", "partno", "ean", "barcode", "article"),
        read_line(64),
        is_name=True,
    ),
    Column(
        "box",
        text("serial, MAC or id elsewhere of a whole box, a row for each"),
        ("serial", "serialnumber", "sn", "mac", "device"),
        read_line(128),
        is_name=True,
    ),
    Column(
        "location",
        text("code of the place"),
        ("place", "warehouse", "store", "locationcode"),
        read_line(32),
        is_name=True,
    ),
    Column(
        "condition",
        text("new, refurbished or defective; new if empty"),
        ("state", "grade"),
        read_choice(Condition),
    ),
    Column(
        "quantity",
        text("how many are there; of a box 1, or 0 where it is not there; 1 if empty"),
        ("qty", "count", "counted", "onhand", "pieces", "stock"),
        read_number(0, MOST),
    ),
    Column(
        "unit_cost",
        text("cost of a piece in the part's currency, 2.50"),
        ("cost", "price", "unitprice"),
        read_line(20),
    ),
    Column("reason", text("why it is corrected"), ("note", "comment"), read_line(500)),
)
STOCK_SPELLINGS: Mapping[str, Column] = by_spelling(STOCK_COLUMNS)
STOCK_NAMED_BY = ("part", "box")
