"""What a box is made of: one list for policies, decisions, the catalogue of parts and repairs.

A word that is not in it can stand in what was written before the list was: it is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stb_service.shared.i18n import Text, foreign_text, text


class Component(StrEnum):
    """A component of a box, or what comes in the carton with it."""

    POWER_SUPPLY = "power_supply"
    REMOTE = "remote"
    BATTERY = "battery"
    CABLE = "cable"
    MAINBOARD = "mainboard"
    DISK = "disk"
    FLASH = "flash"
    TUNER = "tuner"
    WIFI = "wifi"
    HDMI = "hdmi"
    CARD_READER = "card_reader"
    FRONT_PANEL = "front_panel"
    FAN = "fan"
    CASE = "case"
    OTHER = "other"


COMPONENT_NAMES: Mapping[str, Text] = {
    Component.POWER_SUPPLY: text("Power supply"),
    Component.REMOTE: text("Remote control"),
    Component.BATTERY: text("Battery"),
    Component.CABLE: text("Cable"),
    Component.MAINBOARD: text("Mainboard"),
    Component.DISK: text("Disk"),
    Component.FLASH: text("Flash memory"),
    Component.TUNER: text("Tuner"),
    Component.WIFI: text("Wi-Fi module"),
    Component.HDMI: text("HDMI output"),
    Component.CARD_READER: text("Card reader"),
    Component.FRONT_PANEL: text("Front panel"),
    Component.FAN: text("Fan"),
    Component.CASE: text("Case"),
    Component.OTHER: text("Other component"),
}


def component_name(word: str) -> Text:
    """Return what a component is called; of a word that is not in the list, the word."""
    return COMPONENT_NAMES.get(word) or foreign_text(word)
