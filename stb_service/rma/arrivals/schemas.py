"""What the API of imports of returns takes."""

from __future__ import annotations

from stb_service.devices.schemas import ImportForm


class ReturnImportForm(ImportForm):
    """How to import a file of open returns."""
