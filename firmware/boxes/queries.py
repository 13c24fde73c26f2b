"""Reads about boxes."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Self

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select
from sqlalchemy.orm import Session, selectinload

from firmware.boxes.models import Box, BoxReport, BoxTag, BoxToken, GatewayToken
from firmware.boxes.rules import (
    PENDING_LIMIT,
    PENDING_PER_ADDRESS,
    PENDING_PER_ADDRESS_AND_HOUR,
    PENDING_SPAN,
    BoxState,
    as_mac,
    as_serial,
    as_typed_serial,
    token_digest,
)
from stb_service.shared.access import Scope
from stb_service.shared.db import once
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page


def box_by_uid(session: Session, uid: str) -> Box:
    """Return a box.

    Raises:
        NotFound: there is none.
    """
    box = find_box(session, uid)
    if box is None:
        raise NotFound(text("There is no such box."))
    return box


@once
def find_box(session: Session, uid: str) -> Box | None:
    """Return a box or None."""
    return session.scalar(select(Box).where(Box.uid == uid))


def _called(kinds: Sequence[str]) -> ColumnElement[bool]:
    words = {kind: bindparam(kind, type_=Box.alias.type) for kind in ("serial", "mac", "alias")}
    tests = {
        "serial": [Box.serial == words["serial"]],
        "mac": [Box.mac_ethernet == words["mac"], Box.mac_wifi == words["mac"]],
        "alias": [Box.alias == words["alias"]],
    }
    return or_(false(), *(test for kind in kinds for test in tests[kind]))


# Statements are built once: every poll needs them.
@cache
def _by_controller_id(kinds: tuple[str, ...]) -> Select[Box]:
    return select(Box).where(_called(kinds)).limit(10)


@cache
def _with_tokens(kinds: tuple[str, ...]) -> Select[Box, str | None]:
    is_accepted = or_(
        BoxToken.expires_at.is_(None),
        BoxToken.expires_at > bindparam("now", type_=BoxToken.expires_at.type),
    )
    return (
        select(Box, BoxToken.digest)
        .outerjoin(BoxToken, and_(BoxToken.box_id == Box.id, is_accepted))
        .where(_called(kinds))
        .limit(100)
    )


@dataclass(frozen=True)
class _ControllerId:
    """A DDI controller id, read as each kind that the setting names."""

    kinds: tuple[str, ...]
    words: Mapping[str, str | None]

    @classmethod
    def read(cls, controller_id: str, kinds: Sequence[str]) -> Self:
        mac, serial = as_mac(controller_id), as_serial(controller_id)
        usable = tuple(kind for kind in kinds if kind != "mac" or mac)
        return cls(usable, {"serial": serial, "mac": mac, "alias": controller_id})

    def rank(self, box: Box) -> int:
        """Return which of the kinds a box was found by."""
        names = {
            "serial": (box.serial,),
            "mac": (box.mac_ethernet, box.mac_wifi),
            "alias": (box.alias,),
        }
        return next(n for n, kind in enumerate(self.kinds) if self.words[kind] in names[kind])


def boxes_by_controller_id(session: Session, controller_id: str, kinds: Sequence[str]) -> list[Box]:
    """Return the boxes a DDI controller id can mean, in the order of `kinds`.

    A serial is unique only with its maker, so there may be more than one: the token decides.
    """
    called = _ControllerId.read(controller_id, kinds)
    found = session.scalars(_by_controller_id(called.kinds), called.words).all()
    return sorted(found, key=called.rank)


def boxes_with_tokens(
    session: Session, controller_id: str, kinds: Sequence[str], *, now: datetime
) -> list[tuple[Box, list[str]]]:
    """Return the same, each box with the digests of its own tokens that are accepted now."""
    called = _ControllerId.read(controller_id, kinds)
    digests: dict[Box, list[str]] = {}
    for box, digest in session.execute(_with_tokens(called.kinds), {**called.words, "now": now}):
        digests.setdefault(box, []).extend(() if digest is None else (digest,))
    return sorted(digests.items(), key=lambda item: called.rank(item[0]))


def box_by_mac(session: Session, mac: str) -> Box | None:
    """Return the box with this MAC (canonical notation), a served one first."""
    found = session.scalars(_by_controller_id(("mac",)), {"mac": mac}).all()
    return min(found, key=lambda box: box.state != BoxState.KNOWN, default=None)


def is_among(token: str, digests: Sequence[str]) -> bool:
    """Tell whether a token has one of these digests, each compared in constant time."""
    given = token_digest(token)
    return any(hmac.compare_digest(given, digest) for digest in digests)


def gateway_token(session: Session, token: str, *, now: datetime) -> GatewayToken | None:
    """Return the gateway token of a secret if it is still accepted."""
    found = session.scalar(select(GatewayToken).where(GatewayToken.digest == token_digest(token)))
    if found is None or found.revoked_at is not None:
        return None
    return None if found.expires_at is not None and found.expires_at <= now else found


def gateway_tokens(session: Session) -> Sequence[GatewayToken]:
    """Return all gateway tokens, newest first."""
    return session.scalars(select(GatewayToken).order_by(GatewayToken.id.desc())).all()


def tokens_of(session: Session, box: Box) -> Sequence[BoxToken]:
    """Return a box's tokens, newest first."""
    return session.scalars(
        select(BoxToken).where(BoxToken.box_id == box.id).order_by(BoxToken.id.desc())
    ).all()


def has_token(session: Session, box: Box, *, now: datetime) -> bool:
    """Tell whether a token of the box's own is accepted now."""
    living = select(BoxToken.id).where(
        BoxToken.box_id == box.id, or_(BoxToken.expires_at.is_(None), BoxToken.expires_at > now)
    )
    return session.scalar(living.limit(1)) is not None


def reports_of(session: Session, box: Box, *, limit: int = 20) -> Sequence[BoxReport]:
    """Return what a box said last, newest first."""
    return session.scalars(
        select(BoxReport)
        .where(BoxReport.box_id == box.id)
        .order_by(BoxReport.id.desc())
        .limit(limit)
    ).all()


def pending_count(session: Session) -> int:
    """Return how many boxes wait for approval."""
    return session.scalar(select(func.count()).where(Box.state == BoxState.PENDING)) or 0


def has_room_for_stranger(session: Session, *, origin: str | None, now: datetime) -> bool:
    """Tell whether one more box that nobody knows may wait for approval.

    All that wait are counted, and of one origin (`rules.origin_of`) those that wait or were
    refused: in all, and within the last hour.
    """
    if pending_count(session) >= PENDING_LIMIT:
        return False
    if origin is None:
        return True
    strangers = select(func.count()).where(
        Box.met_from == origin, Box.state.in_((BoxState.PENDING, BoxState.REFUSED))
    )
    lately = strangers.where(Box.created_at > now - timedelta(hours=1))
    return (session.scalar(strangers) or 0) < PENDING_PER_ADDRESS and (
        session.scalar(lately) or 0
    ) < PENDING_PER_ADDRESS_AND_HOUR


def forgettable_boxes(session: Session, *, now: datetime, limit: int) -> Sequence[Box]:
    """Return boxes that wait for approval and have not polled for long, held by this unit."""
    return session.scalars(
        select(Box)
        .where(Box.state == BoxState.PENDING, Box.last_seen_at < now - PENDING_SPAN)
        .order_by(Box.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def versions_running(session: Session) -> list[tuple[str, str, int]]:
    """Return (model, version, boxes) of all served boxes that stated a version."""
    rows = session.execute(
        select(Box.model_code, Box.running_version, func.count())
        .where(Box.state == BoxState.KNOWN, Box.running_version.is_not(None))
        .group_by(Box.model_code, Box.running_version)
        .order_by(Box.model_code, func.count().desc())
    )
    return [(model, version or "", count) for model, version, count in rows]


def tags_in_use(session: Session) -> Sequence[str]:
    """Return all tags, by name."""
    return session.scalars(select(BoxTag.tag).distinct().order_by(BoxTag.tag)).all()


def codes_in_use(session: Session) -> list[tuple[str, str, int]]:
    """Return (model, revision, boxes) of all served boxes."""
    rows = session.execute(
        select(Box.model_code, Box.revision_code, func.count())
        .where(Box.state == BoxState.KNOWN)
        .group_by(Box.model_code, Box.revision_code)
        .order_by(Box.model_code, Box.revision_code)
    )
    return [(model, revision, count) for model, revision, count in rows]


def operator_box(session: Session, uid: str, scope: Scope) -> Box:
    """Return a box to people of the operator; this room keeps no organisation of a box.

    Raises:
        NotFound: there is none, or the caller belongs to a dealer or a service centre.
    """
    if not scope.is_everything or not uid.isprintable():
        raise NotFound(text("There is no such box."))
    return box_by_uid(session, uid)


@dataclass(frozen=True)
class BoxFilter:
    """Which boxes to list; what is empty does not matter."""

    state: str | None = None
    model: str | None = None
    revision: str | None = None
    version: str | None = None
    tag: str | None = None


def boxes_page(
    session: Session, scope: Scope, *, wanted: BoxFilter, cursor: str | None, limit: int
) -> Page[Box]:
    """Return boxes with their tags, the first one first; none to a dealer or a service centre."""
    columns = {
        Box.state: wanted.state,
        Box.model_code: wanted.model,
        Box.revision_code: wanted.revision,
        Box.running_version: wanted.version,
    }
    statement = select(Box).options(selectinload(Box.tags))
    for column, value in columns.items():
        if value is not None:
            statement = statement.where(column == value)
    if wanted.tag is not None:
        statement = statement.where(Box.tags.any(BoxTag.tag == wanted.tag))
    if not scope.is_everything:
        statement = statement.where(false())
    return keyset_page(session, statement, order=[(Box.id, False)], cursor=cursor, limit=limit)


def boxes_in_states(session: Session) -> dict[str, int]:
    """Return how many boxes there are in each state."""
    rows = session.execute(select(Box.state, func.count()).group_by(Box.state))
    return {state: count for state, count in rows}  # noqa: C416 - rows are no pairs to mypy


def seen_count(session: Session, *, since: datetime) -> int:
    """Return how many served boxes spoke since a moment."""
    return (
        session.scalar(
            select(func.count()).where(Box.state == BoxState.KNOWN, Box.last_seen_at >= since)
        )
        or 0
    )


def gateway_token_by_public_id(session: Session, public_id: str) -> GatewayToken:
    """Return a gateway token.

    Raises:
        NotFound: there is none.
    """
    found = None
    if public_id.isprintable():
        found = session.scalar(select(GatewayToken).where(GatewayToken.public_id == public_id))
    if found is None:
        raise NotFound(text("There is no such token."))
    return found


def names_of(session: Session, uids: Collection[str]) -> dict[str, str]:
    """Return what people call boxes (serial, else alias, else MAC), by uid."""
    rows = session.execute(
        select(Box.uid, func.coalesce(Box.serial, Box.alias, Box.mac_ethernet, Box.uid)).where(
            Box.uid.in_(uids)
        )
    )
    return {uid: name for uid, name in rows}  # noqa: C416 - rows are no pairs to mypy


WORDS_AT_ONCE = 500


def uids_named(session: Session, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the boxes meant by serials, MACs in any notation, or uids; and the words that mean none.

    A serial that two makers use means both boxes. Letters of other scripts that look like Latin
    ones are read as those.
    """
    found: dict[str, set[str]] = {}
    for start in range(0, len(words), WORDS_AT_ONCE):
        part = words[start : start + WORDS_AT_ONCE]
        serials = {read(word) for word in part for read in (as_serial, as_typed_serial)}
        macs = [mac for mac in map(as_mac, part) if mac]
        rows = session.execute(
            select(Box.uid, Box.serial, Box.mac_ethernet, Box.mac_wifi).where(
                or_(
                    Box.uid.in_(part),
                    Box.serial.in_(serials),
                    Box.mac_ethernet.in_(macs),
                    Box.mac_wifi.in_(macs),
                )
            )
        )
        for uid, *names in rows:
            for name in (uid, *names):
                if name is not None:
                    found.setdefault(name, set()).add(uid)
    uids: dict[str, None] = {}
    unknown = []
    for word in words:
        keys = (word, as_serial(word), as_typed_serial(word), as_mac(word))
        meant = {name for key in keys for name in _of(found, key)}
        uids.update(dict.fromkeys(sorted(meant)))
        if not meant:
            unknown.append(word)
    return list(uids), unknown


def _of(found: Mapping[str, set[str]], key: str | None) -> set[str]:
    return found.get(key, set()) if key is not None else set()


def uids_tagged(session: Session, tags: Collection[str]) -> list[str]:
    """Return the served boxes that carry one of these tags."""
    return list(
        session.scalars(
            select(Box.uid)
            .where(Box.state == BoxState.KNOWN, Box.tags.any(BoxTag.tag.in_(tags)))
            .order_by(Box.uid)
        )
    )
