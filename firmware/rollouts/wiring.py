"""What rollouts add to the house."""

from __future__ import annotations

from flask import Blueprint

from stb_service.shared.registries import Registries

page_blueprints: list[Blueprint] = []
api_blueprints: list[Blueprint] = []


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
