"""Personal values in what can never be changed: enciphered under a key of the person's own.

The audit refuses every change, and a person may ask to be forgotten. So what an entry says of a
person is written enciphered (AES-256-GCM, NIST SP 800-38D), under a key that belongs to them alone;
erasing the person destroys the key, and what was written under it can be read by nobody.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import CheckConstraint, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.db import Base

KEY_BITS = 256
NONCE_BYTES = 12  # SP 800-38D, section 8.2: 96 bits; drawn anew for each value
SEALED, OF = "sealed", "of"
Keys = Mapping[str, bytes | None]


class PersonalKey(Base):
    """The key of one person, by their public id. The row of a destroyed one stays, empty."""

    __tablename__ = "personal_keys"
    __table_args__ = (CheckConstraint("(key IS NULL) = (destroyed_at IS NOT NULL)", name="key"),)

    ref: Mapped[str] = mapped_column(String(16), unique=True)
    key: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


def make_key(session: Session, *, ref: str, now: datetime) -> bytes:
    """Make the key of somebody who is new."""
    key = AESGCM.generate_key(KEY_BITS)
    session.add(PersonalKey(ref=ref, key=key, made_at=now))
    session.flush()
    return key


def destroy_key(session: Session, *, ref: str, now: datetime) -> None:
    """Take the key away for good. A second time changes nothing."""
    row = session.scalar(select(PersonalKey).where(PersonalKey.ref == ref).with_for_update())
    if row is not None and row.key is not None:
        row.key, row.destroyed_at = None, now
        session.flush()


def keys_of(session: Session, refs: Iterable[str]) -> Keys:
    """Return the keys of some people at once; None for one that was destroyed."""
    wanted = set(refs)
    if not wanted:
        return {}
    rows = session.execute(
        select(PersonalKey.ref, PersonalKey.key).where(PersonalKey.ref.in_(wanted))
    )
    return {row.ref: row.key for row in rows}


def seal(key: bytes, ref: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes as the audit may keep them, each value enciphered under the person's key.

    The field's name stays readable and is bound to its value, as is the person.
    """
    return {
        name: {OF: ref, SEALED: _enciphered(key, ref, name, value)}
        for name, value in changes.items()
    }


def _enciphered(key: bytes, ref: str, name: str, value: Any) -> str:
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps(value, ensure_ascii=False).encode()
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, _bound(ref, name))).decode()


def _bound(ref: str, name: str) -> bytes:
    return f"{ref}\n{name}".encode()


class Unreadable:
    """Stands in place of a value whose key was destroyed, or is not for this reader."""


UNREADABLE = Unreadable()


def is_sealed(value: Any) -> bool:
    """Tell whether a value of the audit is enciphered."""
    return isinstance(value, Mapping) and set(value) == {OF, SEALED}


def people_in(changes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the people whose keys some entries of the audit need."""
    return {str(value[OF]) for found in changes for value in found.values() if is_sealed(value)}


def opened(changes: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return changes with what the keys open; `UNREADABLE` stands for the rest."""
    return {
        name: _deciphered(name, value, keys) if is_sealed(value) else value
        for name, value in changes.items()
    }


def _deciphered(name: str, value: Mapping[str, str], keys: Keys) -> Any:
    key = keys.get(value[OF])
    if key is None:
        return UNREADABLE
    raw = base64.b64decode(value[SEALED])
    try:
        plain = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(value[OF], name))
    except InvalidTag:
        return UNREADABLE
    return json.loads(plain)
