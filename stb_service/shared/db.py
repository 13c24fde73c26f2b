"""The database: one declarative base, two kinds of unit of work.

On SQLite a unit of work that writes opens with `BEGIN IMMEDIATE`, so that what it
read is still true when it writes. On PostgreSQL operations lock the row they decide on.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    lazyload,
    mapped_column,
    sessionmaker,
)
from sqlalchemy.pool import ConnectionPoolEntry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Key = BigInteger().with_variant(Integer, "sqlite")
T = TypeVar("T", bound="Base")
P = ParamSpec("P")
Answer = TypeVar("Answer")
Json = JSON().with_variant(JSONB, "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Refuses a naive value; comes back aware, in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC (without a zone on SQLite, which has none)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table. Primary keys are internal; what leaves the house is `public_id`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        dict[str, str]: Json,
        list[str]: Json,
        list[dict[str, Any]]: Json,
    }

    id: Mapped[int] = mapped_column(Key, primary_key=True)


def new_public_id() -> str:
    """Return an opaque id of 16 characters (96 random bits) for use in addresses."""
    return secrets.token_urlsafe(12)


class Public:
    """A row that other systems may name: opaque id, and a version for ETag and If-Match."""

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    row_version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": row_version}


class Reading(Session):
    """A unit of work that only reads."""


def once(
    question: Callable[Concatenate[Session, P], Answer],
) -> Callable[Concatenate[Session, P], Answer]:
    """Let a unit of work that only reads ask a question once: there it has one answer, however many
    rooms ask. One that writes asks every time, for what it reads may have changed.
    """

    @wraps(question)
    def ask(session: Session, /, *args: P.args, **named: P.kwargs) -> Answer:
        if not isinstance(session, Reading):
            return question(session, *args, **named)
        key = (question, args, tuple(sorted(named.items())))
        if key not in session.info:
            session.info[key] = question(session, *args, **named)
        return session.info[key]  # type: ignore[no-any-return]

    return ask


class Database:
    """An engine and its two units of work."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.engine = _make_engine(url, pool_size)
        self._read = sessionmaker(self.engine, class_=Reading, expire_on_commit=False)
        self._write = sessionmaker(
            self.engine.execution_options(writes=True), expire_on_commit=False
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a unit of work that only reads; nothing it does is kept."""
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a unit of work that is committed as a whole, or not at all."""
        with self._write.begin() as session:
            yield session

    def open(self, *, writes: bool) -> Session:
        """Return a session whose end the caller decides (the HTTP edge does)."""
        return self._write() if writes else self._read()

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.engine.dialect.name == "sqlite"

    def ping(self) -> None:
        """Ask the database for an answer; raises what the driver raises."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _make_engine(url: str, pool_size: int) -> Engine:
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=pool_size, pool_pre_ping=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=-1,  # as many as there are threads
        connect_args={"timeout": 30, "check_same_thread": False},
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-8000",
        "mmap_size=268435456",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def lock_row(session: Session, model: type[T], row_id: int) -> T | None:
    """Read one row and keep others from changing it until the unit of work ends.

    Only the row itself is held (a row joined to it is not), and others may still refer to it.
    On SQLite the unit of work already holds the only write lock there is.
    """
    return session.execute(
        select(model)
        .where(model.id == row_id)
        .options(lazyload("*"))
        .with_for_update(of=model, key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
