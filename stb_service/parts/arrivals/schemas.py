"""The wire of importing parts and stock."""

from __future__ import annotations

from stb_service.devices.schemas import ImportForm


class PartImportForm(ImportForm):
    """How to import a file of parts."""


class StockImportForm(ImportForm):
    """How to import a file of stock."""
