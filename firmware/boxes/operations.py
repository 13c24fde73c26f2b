"""Verbs on boxes: learning of them, approving them, their tokens, keeping what they said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from firmware.boxes.models import Box, BoxReport, BoxTag, BoxToken, GatewayToken
from firmware.boxes.queries import find_box, has_room_for_stranger, tokens_of
from firmware.boxes.rules import (
    ATTRIBUTES_LIMIT,
    BOX_MOVES,
    BOX_STATE_NAMES,
    REPORT_BODY_CHARS,
    REPORTS_KEPT_PER_ACTION,
    SERIAL_CHARS,
    STRAY,
    STRAY_REPORTS_KEPT,
    TOKEN_OVERLAP,
    BoxState,
    Statement,
    as_mac,
    as_serial,
    is_plain_mac,
    new_token,
    origin_of,
    storable,
    token_digest,
)
from stb_service.shared import audit, outbox
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.i18n import text


def subject_of(box: Box) -> tuple[str, str, str]:
    """Return what the audit calls a box: the same subject as the registry's."""
    return "device", box.uid, box.serial or box.alias or box.uid


def know_box(
    session: Session,
    *,
    uid: str,
    serial: str,
    mac_ethernet: str | None,
    mac_wifi: str | None,
    model_code: str,
    revision_code: str,
    tags: Collection[str],
    actor: Actor,
    now: datetime,
) -> Box:
    """Write what the registry says of a box; a box that waited for approval is approved by it.

    What was stated while it waited is forgotten, and so is an alias that is none of its names:
    anyone may have polled as this box.
    """
    box = find_box(session, uid)
    if box is None:
        box = Box(uid=uid, state=BoxState.KNOWN, created_at=now)
        session.add(box)
    box.serial, box.mac_ethernet, box.mac_wifi = as_serial(serial), mac_ethernet, mac_wifi
    if box.state in STRANGERS:
        _forget_statements(box)
        if not _is_name_of(box, box.alias):
            box.alias = None
    # where the registry does not say, the box's own word stands
    box.model_code = model_code or box.model_code or ""
    box.revision_code = revision_code or box.revision_code or ""
    box.state = BoxState.KNOWN
    _set_tags(box, tags)
    session.flush()
    return box


STRANGERS = frozenset({BoxState.PENDING, BoxState.REFUSED})


def _forget_statements(box: Box) -> None:
    """Forget what was stated under a box's name before it was approved: it is no evidence."""
    box.running_version = box.version_at = box.boot_id = box.boot_at = None
    box.attributes, box.attributes_at = {}, None
    box.attributes_wanted, box.attributes_asked = False, 0


def _is_name_of(box: Box, alias: str | None) -> bool:
    """Tell whether an alias is but another spelling of the serial or a MAC of a box."""
    if alias is None:
        return False
    mac = as_mac(alias)
    return as_serial(alias) == box.serial or (
        mac is not None and mac in {box.mac_ethernet, box.mac_wifi}
    )


def know_boxes(session: Session, rows: Collection[Mapping[str, Any]], *, now: datetime) -> None:
    """Write many boxes that are known to be new (an import's), with the keys of `know_box`."""
    if not rows:
        return
    session.execute(
        Box.__table__.insert(),  # type: ignore[attr-defined]
        [
            {
                **{key: row[key] for key in NEW_BOX_KEYS},
                "serial": as_serial(row["serial"]),
                "state": BoxState.KNOWN,
                "created_at": now,
                "attributes": {},
                "attributes_wanted": False,
                "attributes_asked": 0,
            }
            for row in rows
        ],
    )
    tagged = {row["uid"]: row["tags"] for row in rows if row["tags"]}
    if tagged:
        ids = session.execute(select(Box.uid, Box.id).where(Box.uid.in_(tagged))).all()
        session.add_all(
            BoxTag(box_id=box_id, tag=tag) for uid, box_id in ids for tag in set(tagged[uid])
        )


NEW_BOX_KEYS = ("uid", "serial", "mac_ethernet", "mac_wifi", "model_code", "revision_code")


def _set_tags(box: Box, tags: Collection[str]) -> None:
    held = {tag.tag: tag for tag in box.tags}
    for tag in set(held) - set(tags):
        box.tags.remove(held[tag])
    for tag in sorted(set(tags) - set(held)):
        box.tags.append(BoxTag(tag=tag))


def forget_box(session: Session, *, uid: str, actor: Actor, now: datetime) -> None:
    """Stop serving a box (it was retired or scrapped); what it reported stays."""
    box = find_box(session, uid)
    if box is not None and box.state != BoxState.RETIRED:
        box.state = BoxState.RETIRED
        session.flush()


def meet_unknown(
    session: Session,
    *,
    controller_id: str,
    statement: Statement,
    token: str | None,
    registers: bool,
    address: str = "",
    now: datetime,
) -> Box | None:
    """Add a box nobody has claimed: served at once (`registers`), or waiting for approval.

    Its own token, if it showed one, is kept as a digest. Returns None where too many wait, in all
    or from this address, so that strangers cannot fill the database.
    """
    origin = origin_of(address)
    if not registers and not has_room_for_stranger(session, origin=origin, now=now):
        return None
    is_mac = is_plain_mac(controller_id)
    mac = as_mac(controller_id if is_mac else statement.mac or "")
    serial = as_serial(statement.serial or ("" if is_mac else controller_id))
    box = Box(
        uid=new_public_id(),
        serial=serial if 0 < len(serial) <= SERIAL_CHARS else None,
        mac_ethernet=mac,
        alias=controller_id,
        model_code=statement.model or "",
        revision_code=statement.revision or "",
        state=BoxState.KNOWN if registers else BoxState.PENDING,
        created_at=now,
        met_from=origin,
        last_seen_at=now,
        last_wire=statement.wire,
    )
    session.add(box)
    session.flush()
    if token:
        add_token(session, box=box, token=token, now=now)
    if registers:
        _announce(session, box, now)
    audit.record(
        session,
        actor=SYSTEM,
        verb=f"box.{box.state}",
        subject=subject_of(box),
        changes={"state": [None, box.state], "alias": box.alias, "address": origin},
        now=now,
    )
    return box


def forget_strangers(session: Session, *, boxes: Collection[Box], now: datetime) -> None:
    """Remove boxes that waited for approval, with all that is kept of them in this room."""
    ids = [box.id for box in boxes]
    for table in (BoxToken, BoxTag, BoxReport):
        session.execute(delete(table).where(table.box_id.in_(ids)))
    session.execute(delete(Box).where(Box.id.in_(ids)))
    for box in boxes:
        audit.record(session, actor=SYSTEM, verb="box.forget", subject=subject_of(box), now=now)


def _announce(session: Session, box: Box, now: datetime) -> None:
    """Tell the registry of a box that it does not know."""
    outbox.emit(
        session,
        topic="box.appeared",
        key=f"box.appeared:{box.uid}",
        payload={
            "uid": box.uid,
            "serial": box.serial,
            "mac_ethernet": box.mac_ethernet,
            "model_code": box.model_code,
            "revision_code": box.revision_code,
        },
        now=now,
    )


def move_box(session: Session, *, box: Box, to: BoxState, actor: Actor, now: datetime) -> Box:
    """Approve, refuse, retire or take back a box.

    Raises:
        Conflict: this is not possible from its present state.
    """
    if (box.state, to) not in BOX_MOVES:
        raise Conflict(
            text(
                "A box that is %(now)s cannot become %(wanted)s.",
                now=BOX_STATE_NAMES[BoxState(box.state)],
                wanted=BOX_STATE_NAMES[to],
            )
        )
    former, box.state = box.state, to
    if to == BoxState.KNOWN and former in STRANGERS:
        _forget_statements(box)
    if to == BoxState.KNOWN:
        _announce(session, box, now)
    audit.record(
        session,
        actor=actor,
        verb=f"box.{to}",
        subject=subject_of(box),
        changes={"state": [former, to]},
        now=now,
    )
    return box


def set_alias(session: Session, *, box: Box, alias: str | None, actor: Actor, now: datetime) -> Box:
    """Store another controller id by which the box calls itself.

    Raises:
        Conflict: another box has this alias.
    """
    if alias is not None:
        holder = session.scalar(select(Box.id).where(Box.alias == alias, Box.id != box.id))
        if holder is not None:
            raise Conflict(text("Another box is called so already."))
    changes = audit.apply_changes(box, {"alias": alias})
    audit.record(
        session, actor=actor, verb="box.alias", subject=subject_of(box), changes=changes, now=now
    )
    return box


def add_token(session: Session, *, box: Box, token: str, now: datetime) -> BoxToken:
    """Accept a token from a box, beside those it has."""
    row = BoxToken(box_id=box.id, digest=token_digest(token), hint=token[:4], created_at=now)
    session.add(row)
    return row


def rotate_token(
    session: Session,
    *,
    box: Box,
    actor: Actor,
    now: datetime,
    overlap: timedelta = TOKEN_OVERLAP,
    token: str | None = None,
) -> str:
    """Give a box a new token; former ones are accepted until the overlap has passed.

    The token is returned once and kept only as a digest.
    """
    secret = token or new_token()
    if not 16 <= len(secret) <= 128 or not secret.isascii() or not secret.isprintable():
        raise Invalid.field("token", text("16 to 128 printable ASCII characters."))
    ends = now + overlap
    session.execute(
        update(BoxToken)
        .where(BoxToken.box_id == box.id)
        .where((BoxToken.expires_at.is_(None)) | (BoxToken.expires_at > ends))
        .values(expires_at=ends)
    )
    add_token(session, box=box, token=secret, now=now)
    audit.record(
        session,
        actor=actor,
        verb="box.token",
        subject=subject_of(box),
        changes={"former_until": ends},
        now=now,
    )
    session.flush()
    return secret


def revoke_tokens(session: Session, *, box: Box, actor: Actor, now: datetime) -> None:
    """Accept none of a box's tokens any more; it may speak XConf from now on."""
    count = len(tokens_of(session, box))
    spoke_ddi, box.ddi_at = box.ddi_at, None
    forget_tokens(session, box=box)
    audit.record(
        session,
        actor=actor,
        verb="box.tokens-revoked",
        subject=subject_of(box),
        changes={"tokens": [count, 0], "ddi_at": [spoke_ddi, None]},
        now=now,
    )


def note_ddi(box: Box, *, now: datetime) -> None:
    """Remember, once, that a box speaks DDI: nobody may speak for it by its MAC any more."""
    if box.ddi_at is None:
        box.ddi_at = now


def create_gateway_token(
    session: Session, *, name: str, days: int | None, actor: Actor, now: datetime
) -> tuple[GatewayToken, str]:
    """Make a token that may speak for any box; the secret is returned once."""
    if not name.strip():
        raise Invalid.field("name", text("A token needs a name."))
    secret = new_token()
    row = GatewayToken(
        name=name.strip()[:64],
        digest=token_digest(secret),
        hint=secret[:4],
        created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="gateway-token.create",
        subject=("gateway-token", row.public_id, row.name),
        now=now,
    )
    return row, secret


def revoke_gateway_token(
    session: Session, *, token: GatewayToken, actor: Actor, now: datetime
) -> None:
    """End a gateway token at once."""
    if token.revoked_at is None:
        token.revoked_at = now
        audit.record(
            session,
            actor=actor,
            verb="gateway-token.revoke",
            subject=("gateway-token", token.public_id, token.name),
            now=now,
        )


def ask_for_attributes(session: Session, *, box: Box, actor: Actor, now: datetime) -> None:
    """Ask a DDI box for its attributes at its next poll, until it answers."""
    box.attributes_wanted = True
    box.attributes_asked = 0
    audit.record(session, actor=actor, verb="box.ask", subject=subject_of(box), now=now)


def merge_attributes(
    session: Session, *, box: Box, mode: str, data: Mapping[str, str | None], now: datetime
) -> dict[str, str]:
    """Take over what a box says of itself (DDI configData modes merge, replace, remove).

    Raises:
        Invalid: the box would have too many attributes.
    """
    present = {k: v for k, v in data.items() if v is not None}
    if mode == "replace":
        merged = present
    elif mode == "remove":
        merged = {k: v for k, v in box.attributes.items() if k not in data}
    else:
        gone = {k for k, v in data.items() if v is None}
        merged = {k: v for k, v in {**box.attributes, **present}.items() if k not in gone}
    if len(merged) > ATTRIBUTES_LIMIT:
        raise Invalid.field("data", text("At most %(n)s attributes.", n=ATTRIBUTES_LIMIT))
    box.attributes, box.attributes_at = merged, now
    box.attributes_wanted = False
    return merged


def take_statement(session: Session, *, box: Box, statement: Statement) -> None:
    """Write down what a box states of its version and boot.

    A box nobody has claimed also tells its model and revision; for a claimed one the registry
    knows better.
    """
    if statement.version is not None:
        box.running_version, box.version_at = statement.version, statement.at
        box.attributes_asked = 0
    if statement.boot_id is not None and statement.boot_id != box.boot_id:
        box.boot_id, box.boot_at = statement.boot_id, statement.at
    if not box.model_code and statement.model:
        box.model_code = statement.model
    if not box.revision_code and statement.revision:
        box.revision_code = statement.revision


def keep_report(
    session: Session,
    *,
    box: Box,
    wire: str,
    action: str | None,
    body: str,
    execution: str | None = None,
    finished: str | None = None,
    details: str = "",
    unread: str | None = None,
    now: datetime,
) -> BoxReport | None:
    """Keep what a box said, once: a client that repeats itself fills no table.

    Of one action 200 rows are kept and the final ones beyond, up to 400 (a box that goes on
    after that says nothing that is not known of it). Of stray ones, about no action of the box,
    the newest 50 are kept.
    """
    said = {
        "action": storable(action)[:32] if action else None,
        "execution": storable(execution)[:32] if execution else None,
        "finished": storable(finished)[:32] if finished else None,
        "details": storable(details)[:REPORT_BODY_CHARS],
        "unread": storable(unread)[:300] if unread else None,
        "body": storable(body)[:REPORT_BODY_CHARS],
    }
    of_action = select(func.count()).where(
        BoxReport.box_id == box.id, BoxReport.action == said["action"]
    )
    is_final = unread is not None or execution == "closed"
    limit = REPORTS_KEPT_PER_ACTION * (2 if is_final else 1)
    if (session.scalar(of_action) or 0) >= limit:
        return None
    if is_final and session.scalar(of_action.where(BoxReport.body == said["body"])):
        return None
    row = BoxReport(box_id=box.id, at=now, wire=wire, **said)
    session.add(row)
    if unread is not None and unread.startswith(STRAY):
        _forget_stray_reports(session, box)
    return row


def _forget_stray_reports(session: Session, box: Box) -> None:
    session.flush()
    stray = select(BoxReport.id).where(
        BoxReport.box_id == box.id, BoxReport.unread.startswith(STRAY, autoescape=True)
    )
    oldest_kept = stray.order_by(BoxReport.id.desc()).offset(STRAY_REPORTS_KEPT - 1).limit(1)
    session.execute(
        delete(BoxReport)
        .where(BoxReport.id.in_(stray), BoxReport.id < oldest_kept.scalar_subquery())
        .execution_options(synchronize_session=False)
    )


def forget_tokens(session: Session, *, box: Box) -> None:
    """Accept none of a box's tokens any more (whoever waited under its name showed them)."""
    session.execute(delete(BoxToken).where(BoxToken.box_id == box.id))
