"""Importing a file of holdings: who had which box, and when, before this service knew of it.

A row finds its holding by box, account and beginning, and may correct tenure and reason. One that
has ended is only remembered: the box stays with whoever has it. One without an end gives the box to
the account, where nobody has it. Rows in any order; none may overlap another of its box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.holdings import queries
from stb_service.devices.holdings.columns import BY_SPELLING, NAMED_BY
from stb_service.devices.holdings.operations import (
    correct_holding,
    give_to_account,
    remember_holding,
)
from stb_service.devices.holdings.rules import overlap
from stb_service.devices.models import Device, Holding
from stb_service.shared.access import Actor, Scope
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow, Source
from stb_service.shared.imports.work import run_import
from stb_service.shared.jobs import Handler
from stb_service.shared.registries import Keeper
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import find_account

IMPORT = "holdings.import"
COLUMNS_OF_CODES = {"erased": "account", "held": "until", "overlaps": "since", "status": "box"}


class _Import(RowByRow):
    spellings, found_by = BY_SPELLING, NAMED_BY
    same = text("Line %(line)s of this file is about the same holding.")
    needed = ("box", "account", "since", "tenure")

    def __init__(
        self, db: Database, source: Source, actor: Actor, keepers: Sequence[Keeper] = ()
    ) -> None:
        super().__init__(db, source, actor)
        self.keepers = keepers
        self.taken: dict[int, list[tuple[datetime, datetime | None, str]]] = {}
        """By box, what rows of this file said of it: since, until, account."""

    def keys(self, fields: Fields) -> Sequence[str]:
        named = (fields.get("box"), fields.get("account"), fields.get("since"))
        return [f"box {' '.join(str(value) for value in named)}"]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        if isinstance(refusal, Refused):
            return {COLUMNS_OF_CODES.get(o.code, ""): [o.message] for o in refusal.obstacles}
        return super().by_column(refusal)

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        scope = self.actor.scope
        device = box_of_row(session, fields["box"], scope)
        account = account_of_row(session, fields["account"], scope)
        since, until = fields["since"], fields.get("until")
        known = queries.holding_from(session, device, account.id, since, scope)
        if known is None:
            self._check_file(device, since, until)
            outcome = self._add(session, fields, device, account, now)
        else:
            outcome = self._correct(session, fields, known, now)
        self.taken.setdefault(device.id, []).append((since, until, account.number))
        return outcome

    def _add(
        self, session: Session, fields: Fields, device: Device, account: Account, now: datetime
    ) -> str:
        said: dict[str, Any] = {
            "uid": device.public_id,
            "account": account.public_id,
            "tenure": fields["tenure"],
            "since": fields["since"],
            "reason": fields.get("reason", ""),
            "actor": self.actor,
            "now": now,
        }
        if "until" in fields:
            remember_holding(session, until=fields["until"], **said)
        else:
            give_to_account(session, moves=False, keepers=self.keepers, **said)
        return "created"

    def _correct(self, session: Session, fields: Fields, known: Holding, now: datetime) -> str:
        until = fields.get("until")
        if known.until != until:
            message = text("This holding is known with another end.")
            raise Invalid.field("until", message)
        said = {name: fields[name] for name in ("tenure", "reason") if name in fields}
        changed = correct_holding(session, holding=known, **said, actor=self.actor, now=now)
        return "changed" if changed else "unchanged"

    def _check_file(self, device: Device, since: datetime, until: datetime | None) -> None:
        """Refuse what overlaps a row before it, which a trial has not kept.

        Raises:
            Refused: with that row's account and days.
        """
        for begun, ended, number in self.taken.get(device.id, ()):
            if obstacle := overlap(since, until, begun, ended, number):
                raise Refused([obstacle])


import_holdings = _Import.of_file


def box_of_row(session: Session, called: str, scope: Scope) -> Device:
    """Return the box that a row names.

    Raises:
        Invalid: there is none in the scope, or there are several.
    """
    found = queries.devices_called(session, called, scope)
    if not found:
        raise Invalid.field("box", text("There is no such box."))
    if len(found) > 1:
        message = text("Several boxes are called so; name it by its id elsewhere.")
        raise Invalid.field("box", message)
    return found[0]


def account_of_row(session: Session, called: str, scope: Scope) -> Account:
    """Return the account that a row names.

    Raises:
        Invalid: there is none in the scope.
    """
    found = find_account(session, called, scope)
    if found is None:
        raise Invalid.field("account", text("There is no such account."))
    return found


def handlers(keepers: Sequence[Keeper]) -> dict[str, Handler]:
    """Return what runs imports; `keepers` are the registries'."""
    return {IMPORT: partial(run_import, import_holdings, keepers=keepers)}


HANDLERS = handlers(())
