"""The columns of an import file: their names, how else people spell them, how cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from stb_service.shared.i18n import text
from stb_service.shared.imports.columns import Column, by_spelling, read_day


def _word(raw: str) -> str:
    return "_".join(re.split(r"[\s_-]+", raw.strip().lower()))


def _tags(raw: str) -> list[str]:
    return [tag for tag in re.split(r"[,;\s]+", raw) if tag]


COLUMNS: Sequence[Column] = (
    Column(
        "external_id",
        text("id in another system"),
        ("external", "externalid", "id", "extid"),
        is_name=True,
    ),
    Column("maker", text("who made it; the model's maker if empty"), ("manufacturer", "vendor")),
    Column("serial", text("serial number"), ("serialnumber", "serialno", "sn"), is_name=True),
    Column("model", text("code of the model"), ("modelcode", "type")),
    Column("revision", text("code of the hardware revision"), ("hwrevision", "hardwarerevision")),
    Column(
        "mac_ethernet",
        text("MAC of the Ethernet interface, in any notation"),
        ("mac", "macaddress", "ethernetmac", "maceth", "ethmac", "lanmac"),
        is_name=True,
    ),
    Column(
        "mac_wifi",
        text("MAC of the Wi-Fi interface, in any notation"),
        ("wifimac", "wlanmac", "macwlan", "wirelessmac"),
        is_name=True,
    ),
    Column("batch", text("batch or lot"), ("lot", "batchno")),
    Column("made_on", text("day it was made"), ("made", "manufactured", "mfgdate"), read_day),
    Column("shipped_on", text("day it was shipped"), ("shipped", "shipdate"), read_day),
    Column("sold_on", text("day it was sold"), ("sold", "saledate"), read_day),
    Column("activated_on", text("day it first ran"), ("activated", "activationdate"), read_day),
    Column("tenure", text("sold, rented or on_loan"), ("ownership",), _word),
    Column("status", text("in_stock, sold, active, …"), ("state",), _word),
    Column("seller", text("code of the organisation that sold it"), ("dealer", "soldby")),
    Column("custodian", text("code of the organisation that holds it"), ("heldby", "location")),
    Column(
        "account",
        text("number or id elsewhere of the account that has it"),
        ("owner", "subscriber", "customer", "accountno", "accountnumber"),
        is_name=True,
    ),
    Column("tags", text("tags, separated by commas"), ("tag", "labels"), _tags),
    Column("notes", text("anything else"), ("note", "comment", "remarks")),
)


BY_SPELLING: Mapping[str, Column] = by_spelling(COLUMNS)
FOUND_BY = ("serial", "external_id")
"""One of these columns a file has, to find its boxes by."""
