"""The columns of a file of open returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from stb_service.devices.components import Component
from stb_service.devices.holdings.columns import ACCOUNT, BOX, read_instant
from stb_service.rma.facts import Remedy
from stb_service.shared.i18n import text
from stb_service.shared.imports.columns import Column, by_spelling, read_choice, read_day, read_line


class Arrival(StrEnum):
    """How far a return had come elsewhere."""

    ASKED = "asked"
    AUTHORISED = "authorised"
    HERE = "here"


COLUMNS: Sequence[Column] = (
    Column(
        "external_id",
        text("number of the return elsewhere"),
        ("externalid", "case", "rma", "rmanumber", "ticket"),
        read_line(64),
        is_name=True,
    ),
    BOX,
    replace(
        ACCOUNT,
        meaning=text("number or id elsewhere of the account; empty for whoever has the box"),
    ),
    Column("reported_on", text("day on which the fault was reported"), ("reported",), read_day),
    Column("complaint", text("what the customer says"), ("description",), read_line(2000)),
    Column("component", text("component that fails"), (), read_choice(Component)),
    Column("symptom", text("how it fails"), ("fault",), read_line(500)),
    Column("remedy", text("what is promised; repair if empty"), (), read_choice(Remedy)),
    Column("arrival", text("asked, authorised or here"), ("state", "status"), read_choice(Arrival)),
    Column(
        "location",
        text("place where a box that is here stands"),
        ("place",),
        read_line(32),
        is_name=True,
    ),
    Column(
        "opened_at",
        text("when the return was opened; a day begins at midnight UTC"),
        ("opened",),
        read_instant,
    ),
)
BY_SPELLING: Mapping[str, Column] = by_spelling(COLUMNS)
NAMED_BY = ("external_id",)
