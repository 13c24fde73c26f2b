"""Passwords, lock-out, tokens and roles, as arithmetic."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import available_timezones

from stb_service.shared.access import ROLE_NAMES, VERBS
from stb_service.shared.i18n import LANGUAGES, Text, text


class OrganisationKind(StrEnum):
    """What an organisation is to the operator."""

    OPERATOR = "operator"
    DEALER = "dealer"
    SERVICE_CENTRE = "service_centre"


ORGANISATION_KIND_NAMES = {
    OrganisationKind.OPERATOR: text("Operator"),
    OrganisationKind.DEALER: text("Dealer"),
    OrganisationKind.SERVICE_CENTRE: text("Service centre"),
}

THEME_NAMES = {"auto": text("As the device"), "light": text("Light"), "dark": text("Dark")}

FAILURES_BEFORE_LOCK = 5
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_MIN = 12
PASSWORD_MAX = 256
TOKEN_PREFIX = "stb_"  # noqa: S105 - lets people and scanners recognise a leaked token
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
ROLE_NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")


def password_problems(password: str, *, username: str) -> list[Text]:
    """Return what is wrong with a new password (NIST SP 800-63B section 3.1.1.2: length, not
    composition).
    """
    problems = []
    if len(password) < PASSWORD_MIN:
        problems.append(text("At least %(n)s characters.", n=PASSWORD_MIN))
    if len(password) > PASSWORD_MAX:
        problems.append(text("At most %(n)s characters.", n=PASSWORD_MAX))
    if username and username.lower() in password.lower():
        problems.append(text("The password must not contain the user name."))
    if len(set(password)) < 5:
        problems.append(text("Too few different characters."))
    return problems


def after_failure(failures: int, now: datetime) -> tuple[int, datetime | None]:
    """Return the count of failures and the end of the lock after one more wrong password."""
    failures += 1
    if failures >= FAILURES_BEFORE_LOCK:
        return 0, now + LOCKED_FOR
    return failures, None


def is_locked(locked_until: datetime | None, now: datetime) -> bool:
    """Tell whether the account is still locked."""
    return locked_until is not None and now < locked_until


def new_secret() -> str:
    """Return a secret of 256 random bits, for a session or a token."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored of a random secret: SHA-256 suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def unknown_verbs(verbs: Collection[str]) -> list[str]:
    """Return the names that are no verbs."""
    return sorted(set(verbs) - set(VERBS))


def role_problems(name: str, verbs: Collection[str]) -> dict[str, list[Text]]:
    """Return what is wrong with a role to be added, by field."""
    problems: dict[str, list[Text]] = {}
    if not ROLE_NAME.fullmatch(name):
        problems["name"] = [text("Lower-case letters, digits and underscores, 2 to 32.")]
    if name in ROLE_NAMES:
        problems["name"] = [text("This is a built-in role.")]
    if unknown := unknown_verbs(verbs):
        problems["verbs"] = [text("Unknown: %(verbs)s", verbs=", ".join(unknown))]
    return problems


def person_problems(
    *, username: str, language: str | None, timezone: str | None
) -> dict[str, list[Text]]:
    """Return what is wrong with a person's fields."""
    problems: dict[str, list[Text]] = {}
    if not USERNAME.fullmatch(username):
        problems["username"] = [
            text("Lower-case letters, digits, dot, dash and underscore, 2 to 64.")
        ]
    if language is not None and language not in LANGUAGES:
        problems["language"] = [text("One of: %(names)s", names=", ".join(LANGUAGES))]
    if timezone is not None and timezone not in available_timezones():
        problems["timezone"] = [text("Not a time zone of the IANA database.")]
    return problems
