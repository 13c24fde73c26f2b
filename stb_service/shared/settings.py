"""Settings, read once from the environment at the edge and passed on as a value."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from stb_service.shared.errors import Misconfigured
from stb_service.shared.i18n import LANGUAGES

Network = IPv4Network | IPv6Network

UNKNOWN_BOX_CHOICES = ("refuse", "approve", "register")
CONTROLLER_ID_CHOICES = ("serial", "mac", "alias")
PAYMENT_PROVIDER_CHOICES = ("none", "test")
PROVISIONING_CHOICES = ("manual", "test")
SECRET_CHARS = 16
PASSWORD_MIN, PASSWORD_MAX = 12, 256
SECRET = frozenset(
    {"STB_ADMIN_PASSWORD", "STB_DATABASE_URL", "STB_PAYMENT_SECRETS", "STB_SECRET_KEY"}
)
ATTRIBUTES = {
    "version": "sw_version",
    "model": "model",
    "revision": "hw_revision",
    "serial": "serial",
    "mac": "mac",
    "boot_id": "boot_id",
}


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, default as text, parser and meaning."""

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str

    @property
    def field(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.name.removeprefix("STB_").lower()


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError("a port lies between 0 and 65535")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError("must be above zero")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _days(text: str) -> int:
    value = _positive(text)
    if value > 36500:
        raise ValueError("at most 36500")
    return value


def _poll_interval_s(text: str) -> int:
    value = _positive(text)
    if value > 86399:
        raise ValueError("at most 86399 (boxes parse HH:MM:SS, so 23:59:59)")
    return value


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word, strict=False) for word in _words(text))


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the IANA database") from error


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return parse


def _some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        words = _words(text)
        if not words or set(words) - set(choices):
            raise ValueError(f"a list of {', '.join(choices)}")
        return words

    return parse


def _attributes(text: str) -> Mapping[str, str]:
    names = dict(ATTRIBUTES)
    for word in _words(text):
        role, equals, name = word.partition("=")
        if not equals or role not in names or not name:
            raise ValueError(f"role=name pairs, roles {', '.join(ATTRIBUTES)}")
        names[role] = name
    return names


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("starts with http:// or https:// and a host")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("has no query, no fragment and no user")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    try:
        found = make_url(text)
    except ArgumentError as error:
        raise ValueError("no address that SQLAlchemy understands") from error
    if found.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError("sqlite or postgresql")
    return text


def _secret(text: str) -> str:
    if len(text) < SECRET_CHARS:
        raise ValueError(f"at least {SECRET_CHARS} characters")
    return text


def _secrets_of_providers(text: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for word in _words(text):
        name, equals, secret = word.partition("=")
        if not equals or not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise ValueError("provider=secret pairs")
        found[name] = (*found.get(name, ()), _secret(secret))
    return found


def _first_password(text: str) -> str:
    """Refuse what nobody may choose as a password either (`staff.rules.password_problems`)."""
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise ValueError(f"{PASSWORD_MIN} to {PASSWORD_MAX} characters")
    if "admin" in text.lower():
        raise ValueError("must not contain the user name, admin")
    if len(set(text)) < 5:
        raise ValueError("too few different characters")
    return text


def _tenant(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ValueError("1 to 64 letters, digits, dots, dashes, underscores")
    return text


SETTINGS: tuple[Setting, ...] = (
    Setting("STB_HOME", "var", Path, "folder of the data: database, files, secret key"),
    Setting("STB_HOST", "127.0.0.1", str, "address both servers listen on"),
    Setting("STB_PORT", "8000", _port, "port of the staff app"),
    Setting("STB_EDGE_PORT", "8001", _port, "port of the box edge"),
    Setting(
        "STB_PUBLIC_URL", "", lambda t: _url(t) if t else "", "address staff open (from the port)"
    ),
    Setting(
        "STB_EDGE_URL", "", lambda t: _url(t) if t else "", "address boxes reach (from their call)"
    ),
    Setting(
        "STB_TRUSTED_PROXIES", "", _networks, "addresses whose X-Forwarded-For, -Proto, -Host count"
    ),
    Setting(
        "STB_DATABASE_URL",
        "",
        lambda t: _database_url(t) if t else "",
        "SQLAlchemy address (a SQLite file in STB_HOME)",
    ),
    Setting(
        "STB_SECRET_KEY",
        "",
        lambda t: _secret(t) if t else "",
        "signs sessions and links (a file of mode 0600 in STB_HOME)",
    ),
    Setting(
        "STB_SECRET_KEY_FORMER", "", _words, "former keys, still accepted, separated by commas"
    ),
    Setting("STB_TENANT", "DEFAULT", _tenant, "the tenant in DDI addresses"),
    Setting("STB_TIMEZONE", "UTC", _zone, "the operator's time zone"),
    Setting("STB_LANGUAGE", "en", _one_of(*LANGUAGES), "language of people who chose none"),
    Setting(
        "STB_ADMIN_PASSWORD",
        "",
        lambda t: _first_password(t) if t else "",
        "first password of `admin` (generated and printed)",
    ),
    Setting("STB_DEMO_BOXES", "60", _count, "emulated boxes that make run starts; 0 for none"),
    Setting(
        "STB_POLL_INTERVAL_S", "300", _poll_interval_s, "seconds a box waits between two polls"
    ),
    Setting(
        "STB_UNKNOWN_BOX",
        "approve",
        _one_of(*UNKNOWN_BOX_CHOICES),
        "an unknown box is refused, queued for approval, or registered",
    ),
    Setting(
        "STB_CONTROLLER_ID",
        "serial,mac,alias",
        _some_of(*CONTROLLER_ID_CHOICES),
        "what a DDI controller id may be, tried in this order",
    ),
    Setting(
        "STB_ATTRIBUTES",
        ",".join(f"{role}={name}" for role, name in ATTRIBUTES.items()),
        _attributes,
        "names of the attributes boxes report, as role=name pairs",
    ),
    Setting(
        "STB_XCONF_FROM",
        "0.0.0.0/0,::/0",
        _networks,
        "addresses that may poll by XConf, which authenticates nobody",
    ),
    Setting(
        "STB_RESTATE_S",
        "3600",
        _positive,
        "a box is asked again what it runs after so many seconds",
    ),
    Setting("STB_MAX_IMAGE_BYTES", str(4 * 2**30), _positive, "largest firmware image accepted"),
    Setting(
        "STB_SESSION_IDLE_MINUTES", "60", _positive, "a sign-in ends after so long without a click"
    ),
    Setting("STB_SESSION_MAX_HOURS", "12", _positive, "a sign-in ends after so long in any case"),
    Setting(
        "STB_PAYMENT_PROVIDER",
        "none",
        _one_of(*PAYMENT_PROVIDER_CHOICES),
        "where customers pay what they accepted; test is for trying out, no money is real",
    ),
    Setting(
        "STB_PAYMENT_SECRETS",
        "",
        _secrets_of_providers,
        "provider=secret pairs that sign notices of payments; several of one are all accepted",
    ),
    Setting(
        "STB_PROVISIONING",
        "manual",
        _one_of(*PROVISIONING_CHOICES),
        "who acknowledges that a replacement is provisioned; test does so by itself",
    ),
    Setting(
        "STB_RETENTION_DAYS",
        "365",
        _days,
        "days that decisions, reports, moves of ended rollouts, ended work and its files are kept",
    ),
    Setting(
        "STB_LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "least level logged"
    ),
)


@dataclass(frozen=True)
class Settings:
    """All settings, parsed. Field names are the variables' without `STB_`, in lower case."""

    home: Path
    host: str
    port: int
    edge_port: int
    public_url: str
    edge_url: str
    trusted_proxies: tuple[Network, ...]
    database_url: str
    secret_key: str
    secret_key_former: tuple[str, ...]
    tenant: str
    timezone: ZoneInfo
    language: str
    admin_password: str
    demo_boxes: int
    poll_interval_s: int
    unknown_box: str
    controller_id: tuple[str, ...]
    attributes: Mapping[str, str]
    xconf_from: tuple[Network, ...]
    restate_s: int
    max_image_bytes: int
    session_idle_minutes: int
    session_max_hours: int
    payment_provider: str
    payment_secrets: Mapping[str, tuple[str, ...]]
    provisioning: str
    retention_days: int
    log_level: str

    @property
    def files_dir(self) -> Path:
        """Folder of the content-addressed store."""
        return self.home / "files"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings and fill what follows from others (addresses, database, key).

    Raises:
        Misconfigured: a value cannot be read; names the variable.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = source.get(setting.name) or setting.default
        try:
            values[setting.field] = setting.parse(text)
        except ValueError as error:
            shown = "" if setting.name in SECRET else f"={text!r}"
            raise Misconfigured(f"{setting.name}{shown}: {error}") from error
    if values["port"] == values["edge_port"] != 0:
        raise Misconfigured("STB_EDGE_PORT: the same as STB_PORT; each server has its own")
    home = values["home"] = values["home"].expanduser().resolve()
    values["public_url"] = values["public_url"] or f"http://localhost:{values['port']}"
    values["database_url"] = values["database_url"] or f"sqlite:///{home / 'stb.sqlite3'}"
    values["secret_key"] = values["secret_key"] or _stored_key(home / "secret_key")
    return Settings(**values)


def _stored_key(path: Path) -> str:
    """Read the key file, or make it (mode 0600) where there is none.

    It appears under its name only when it is whole: of several starters all read one key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another starter was first: read its key
            os.link(part, path)
        part.unlink()
    key = path.read_text(encoding="ascii").strip()
    if len(key) < 32:
        raise Misconfigured(f"{path} holds no key; remove it and a new one is made")
    return key
