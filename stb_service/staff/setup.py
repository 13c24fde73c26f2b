"""The first start: roles, the operator, and somebody who can sign in."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path

from stb_service.shared.access import SYSTEM
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from stb_service.staff import operations, queries

FIRST_ADMINISTRATOR = "admin"


def first_administrator(db: Database, settings: Settings, *, now: datetime) -> str | None:
    """Make roles, operator and `admin` where they are missing; return a new password, or None.

    A generated password also goes into `STB_HOME/admin_password` (mode 0600), so that a
    start whose output was lost still leads in; the file goes once the password was changed.
    """
    _drop_changed_password(db, settings)
    password = settings.admin_password or secrets.token_urlsafe(15)
    hashed = operations.new_password(password, username=FIRST_ADMINISTRATOR)
    with db.write() as session:
        operations.install_builtin_roles(session)
        operator = queries.operator(session)
        if operator is None:
            operator = operations.create_organisation(
                session,
                code="operator",
                name="The operator",
                kind="operator",
                actor=SYSTEM,
                now=now,
            )
        if queries.person_by_username(session, FIRST_ADMINISTRATOR) is not None:
            return None
        operations.create_person(
            session,
            username=FIRST_ADMINISTRATOR,
            name="Administrator",
            password=hashed,
            organisation=operator,
            role="administrator",
            actor=SYSTEM,
            now=now,
            must_change_password=False,
        )
    if not settings.admin_password:
        write_secret(first_password_file(settings), password + "\n")
    return password


def first_password_file(settings: Settings) -> Path:
    """Return where the generated first password is kept until it is changed."""
    return settings.home / "admin_password"


def _drop_changed_password(db: Database, settings: Settings) -> None:
    """Remove the file if the password was changed by another way than the staff app."""
    path = first_password_file(settings)
    if not path.exists():
        return
    with db.read() as session:
        person = queries.person_by_username(session, FIRST_ADMINISTRATOR)
    kept = path.read_text(encoding="utf-8").strip()
    if person and not operations.check_password(person.password_hash, kept).holds:
        path.unlink(missing_ok=True)


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner can read (mode 0600)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
