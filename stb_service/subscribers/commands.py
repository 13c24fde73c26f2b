"""The command of this room: `stb import accounts`."""

from __future__ import annotations

from stb_service.shared.commands import import_command
from stb_service.subscribers.imports import import_accounts

import_accounts_command = import_command(
    "accounts",
    import_accounts,
    "Import accounts from a CSV or XLSX file, with their people and sites.",
)
