"""hawkBit DDI v1, as SWUpdate and rauc-hawkbit-updater speak it.

Every reply to a box is exactly 200, or a clear 4xx; a final report of a known box is always 200, or
real clients repeat it for ever. No address of a cancel carries a query string. Who speaks is known
before any of the body is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, g, jsonify, request
from sqlalchemy.orm import Session

from firmware.boxes.locks import hold
from firmware.boxes.models import Box
from firmware.boxes.operations import keep_report, merge_attributes, note_ddi
from firmware.boxes.rules import STRAY, BoxState, Statement
from firmware.images.download import download_of, serve
from firmware.images.rules import served_filename
from firmware.rollouts import engine, standing
from firmware.rollouts.models import Member
from firmware.rollouts.rules import MemberState
from firmware.wires import ddi_rules, strangers
from firmware.wires.contact import (
    again_if_second,
    caller,
    edge_url,
    keep_seen,
    presence,
    read_body,
    read_small_body,
    statement_of,
)
from firmware.wires.ddi_callers import authenticate, is_to_note, known_box, reporting_box
from firmware.wires.ddi_rules import Credentials, Feedback
from stb_service.shared.access import public
from stb_service.shared.errors import Forbidden, NotFound
from stb_service.shared.http import services
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

WIRE = "ddi"
blueprint = Blueprint("ddi", __name__, url_prefix="/<tenant>/controller/v1/<controller_id>")

_SHOWN = frozenset(
    {
        MemberState.OFFERED,
        MemberState.FETCHING,
        MemberState.AWAITING,
        MemberState.VERIFIED,
        MemberState.FAILED,
        MemberState.UNVERIFIED,
    }
)


@blueprint.url_value_preprocessor
def _tenant(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.is_machine = True
    if values and values.pop("tenant") != services().settings.tenant:
        raise NotFound(text("There is no such tenant."))


def _restate() -> timedelta:
    return timedelta(seconds=services().settings.restate_s)


@blueprint.get("")
@public
def poll(controller_id: str) -> Response:
    """Answer a poll: what to do next, and when to come again."""
    found = services()
    now = request_time()
    with found.db.read() as session:
        box, credentials = authenticate(session, controller_id)
        if box is not None:
            consultation = engine.peek(session, box=box, restate=_restate(), now=now)
            installed = standing.last_installed_action(session, box.id)
        elif not strangers.are_refused() and not strangers.may_enter(session, now):
            raise _too_many()
    if box is None:
        return again_if_second(lambda: _meet(controller_id, credentials))
    if not consultation.is_settled or is_to_note(box, credentials):
        with found.db.write() as session:
            box = hold(session, Box, box.id)
            if is_to_note(box, credentials):
                note_ddi(box, now=now)
            consultation = engine.consult(session, box=box, wire=WIRE, restate=_restate(), now=now)
    presence().note(box.id, now, WIRE, caller())
    if box.state == BoxState.REFUSED:
        raise Forbidden(text("This box is refused."))
    return _poll_reply(controller_id, consultation, installed=installed)


def _meet(controller_id: str, credentials: Credentials) -> Response:
    """A box that nobody knows: refuse it, queue it, or register it, as the setting says."""
    if strangers.are_refused():
        raise NotFound(text("Nobody knows this box."))
    now = request_time()
    token = credentials.secret if credentials.kind == "TargetToken" else None
    with services().db.write() as session:
        box, _ = authenticate(session, controller_id)
        if box is None:
            statement = Statement(at=now, wire=WIRE)
            box = strangers.meet(
                session, controller_id=controller_id, statement=statement, token=token
            )
        if box is None:
            raise _too_many()
        if is_to_note(box, credentials):
            note_ddi(box, now=now)
        consultation = engine.consult(session, box=box, wire=WIRE, restate=_restate(), now=now)
    return _poll_reply(controller_id, consultation, installed=None)


def _too_many() -> Forbidden:
    return Forbidden(text("Too many boxes wait for approval."))


def _base(controller_id: str) -> str:
    tenant = services().settings.tenant
    return f"{edge_url()}/{quote(tenant)}/controller/v1/{quote(controller_id, safe='')}"


def _poll_reply(
    controller_id: str, consultation: engine.Consultation, *, installed: int | None
) -> Response:
    paths: dict[str, str] = {}
    decision = consultation.decision
    if decision.cancel is not None:
        paths["cancelAction"] = f"cancelAction/{decision.cancel.action}"
    elif decision.serve is not None:
        paths["deploymentBase"] = f"deploymentBase/{decision.serve.action}"
    if installed is not None:
        paths["installedBase"] = f"installedBase/{installed}"
    if consultation.asks:
        paths["configData"] = "configData"
    base = _base(controller_id) if paths else ""
    links = {name: {"href": f"{base}/{path}"} for name, path in paths.items()}
    sleep = ddi_rules.sleep_text(services().settings.poll_interval_s)
    return jsonify({"config": {"polling": {"sleep": sleep}}, "_links": links})


def _member(session: Session, box: Box, action: str) -> Member:
    number = ddi_rules.read_action(action)
    member = None if number is None else standing.member_of_action(session, box.id, number)
    if member is None or str(member.action) != action:
        raise NotFound(text("This box has no such action."))
    return member


@blueprint.get("/deploymentBase/<action>")
@public
def deployment(controller_id: str, action: str) -> Response:
    """Show the work order."""
    with services().db.read() as session:
        box = known_box(session, controller_id)
        member = _member(session, box, action)
        if member.state not in _SHOWN:
            raise NotFound(text("This action is not open."))
        order = _order(controller_id, box, member)
    presence().note(box.id, request_time(), WIRE, caller())
    return jsonify(order)


@blueprint.get("/installedBase/<action>")
@public
def installed(controller_id: str, action: str) -> Response:
    """Show the work order that was carried out last."""
    with services().db.read() as session:
        box = known_box(session, controller_id)
        member = _member(session, box, action)
        if member.state != MemberState.VERIFIED:
            raise NotFound(text("This action was not carried out."))
        order = _order(controller_id, box, member)
    return jsonify(order)


def _order(controller_id: str, box: Box, member: Member) -> dict[str, Any]:
    """Return the order as clients read it: the id a decimal string, one chunk, one artifact."""
    image = member.rollout.image
    chunk = {
        "part": "os",
        "version": image.version,
        "name": image.name,
        "artifacts": [_artifact(controller_id, member)],
    }
    return {
        "id": str(member.action),
        "deployment": {"download": "forced", "update": "forced", "chunks": [chunk]},
    }


def _artifact(controller_id: str, member: Member) -> dict[str, Any]:
    image = member.rollout.image
    name = served_filename(member.model_code, image.version)
    href = f"{_base(controller_id)}/softwaremodules/{image.id}/artifacts/{name}"
    scheme = "-http" if href.startswith("http://") else ""
    links = {"download": {"href": href}, "md5sum": {"href": f"{href}.MD5SUM"}}
    if scheme:
        links |= {f"{key}{scheme}": value for key, value in list(links.items())}
    return {
        "filename": name,
        "hashes": {"sha1": image.sha1, "md5": image.md5, "sha256": image.sha256},
        "size": image.size_bytes,
        "_links": links,
    }


def _downloadable(session: Session, box: Box, module: int) -> Member:
    member = None
    if module <= ddi_rules.LARGEST_ACTION:
        member = standing.member_with_order(session, box.id, module)
    if member is None:
        raise NotFound(text("This box has no order for this file."))
    return member


@blueprint.get("/softwaremodules/<int:module>/artifacts")
@public
def artifacts(controller_id: str, module: int) -> Response:
    """List the files of a module that the box was ordered to install."""
    with services().db.read() as session:
        box = known_box(session, controller_id)
        return jsonify([_artifact(controller_id, _downloadable(session, box, module))])


@blueprint.get("/softwaremodules/<int:module>/artifacts/<filename>")
@public
def artifact(controller_id: str, module: int, filename: str) -> Response:
    """Send the file, or its MD5 sum; taking bytes counts as having fetched it."""
    found = services()
    now = request_time()
    with found.db.read() as session:
        box = known_box(session, controller_id)
        member = _downloadable(session, box, module)
        image = member.rollout.image
        name = served_filename(member.model_code, image.version)
        if filename == f"{name}.MD5SUM":
            return Response(f"{image.md5}  {name}", mimetype="text/plain")
        if filename != name:
            raise NotFound(text("There is no such file."))
        served = serve(download_of(image, found.files, model_code=member.model_code), request)
    if served.is_fetch:
        with found.db.write() as session:
            known = session.get_one(Member, member.id)
            may_fetch = engine.note_fetch(session, member=known, now=now)
        if not may_fetch:
            served.response.close()
            raise NotFound(text("This box has no order for this file."))
        keep_seen(served.response, box_id=box.id, wire=WIRE)
    return served.response


@blueprint.post("/deploymentBase/<action>/feedback")
@public
def feedback(controller_id: str, action: str) -> Response:
    """Take a report on an action. A final one is kept and answered 200, whatever it says."""
    return _take_report(controller_id, action, _weigh_report)


Weigher = Callable[[Session, Member, int, Feedback], None]


def _take_report(controller_id: str, action: str, weigh: Weigher) -> Response:
    with services().db.read() as session:
        box_id = reporting_box(session, controller_id).id
    body = read_body(ddi_rules.BODY_LIMIT_BYTES)
    report = ddi_rules.read_feedback(body)
    now = request_time()
    with services().db.write() as session:
        box = hold(session, Box, box_id)
        note_ddi(box, now=now)
        number = ddi_rules.read_action(action)
        member = None if number is None else standing.member_of_action(session, box.id, number)
        if member is None and not report.is_final:
            raise NotFound(text("This box has no such action."))
        _keep(session, box, action, body, report, known=member is not None)
        if member is not None and number is not None and report.unread is None:
            weigh(session, member, number, report)
    presence().note(box.id, now, WIRE, caller())
    return jsonify({})


def _keep(
    session: Session, box: Box, action: str, body: str, report: Feedback, *, known: bool
) -> None:
    unread = report.unread
    if not known:
        unread = f"{STRAY}; {unread}" if unread else STRAY
    keep_report(
        session,
        box=box,
        wire=WIRE,
        action=action,
        body=body,
        execution=report.execution,
        finished=report.finished,
        details=report.details,
        unread=unread,
        now=request_time(),
    )


def _weigh_report(session: Session, member: Member, action: int, report: Feedback) -> None:
    """Tell the engine what a report means (hawkBit: closed + none counts as success)."""
    now = request_time()
    if report.execution == "canceled" and member.state == MemberState.CANCELLING:
        engine.note_cancel_answer(
            session, member=member, action=action, stopped=True, details=report.details, now=now
        )
    elif report.execution in {"closed", "canceled"}:
        engine.note_report(
            session,
            member=member,
            action=action,
            success=report.execution == "closed" and report.finished != "failure",
            details=report.details or report.execution,
            now=now,
        )
    elif report.execution in ddi_rules.AT_WORK:
        engine.note_progress(session, member=member, action=action, now=now)


@blueprint.get("/cancelAction/<action>")
@public
def cancel(controller_id: str, action: str) -> Response:
    """Say which action is to be stopped."""
    with services().db.read() as session:
        box = known_box(session, controller_id)
        member = _member(session, box, action)
        if member.state != MemberState.CANCELLING:
            raise NotFound(text("This action is not being cancelled."))
    return jsonify({"id": action, "cancelAction": {"stopId": action}})


@blueprint.post("/cancelAction/<action>/feedback")
@public
def cancel_feedback(controller_id: str, action: str) -> Response:
    """Take the answer to a cancel."""
    return _take_report(controller_id, action, _weigh_cancel_answer)


def _weigh_cancel_answer(session: Session, member: Member, action: int, report: Feedback) -> None:
    """Tell the engine whether the box stopped; anything but closed and rejected is on the way."""
    if report.execution in {"closed", "rejected"}:
        engine.note_cancel_answer(
            session,
            member=member,
            action=action,
            stopped=report.execution == "closed" and report.finished != "failure",
            details=report.details,
            now=request_time(),
        )


@blueprint.put("/configData")
@public
def config_data(controller_id: str) -> Response:
    """Take over what a box says of itself; its version is evidence."""
    with services().db.read() as session:
        box_id = known_box(session, controller_id).id
    config = ddi_rules.read_config_data(read_small_body(ddi_rules.SMALL_BODY_BYTES))
    now = request_time()
    with services().db.write() as session:
        box = hold(session, Box, box_id)
        note_ddi(box, now=now)
        merged = merge_attributes(session, box=box, mode=config.mode, data=config.data, now=now)
        names = services().settings.attributes
        sent = set(config.data) if config.mode != "remove" else set()
        stated = {key: value for key, value in merged.items() if key in sent}
        statement = statement_of(stated, names=names, wire=WIRE, at=now)
        engine.observe(session, box=box, statement=statement, now=now)
    presence().note(box.id, now, WIRE, caller())
    return jsonify({})


@blueprint.put("/installedBase")
@public
def declare_installed(controller_id: str) -> Response:
    """Take over a version that the box says was installed without us."""
    with services().db.read() as session:
        box_id = known_box(session, controller_id).id
    version = ddi_rules.read_installed(read_small_body(ddi_rules.SMALL_BODY_BYTES))
    now = request_time()
    with services().db.write() as session:
        box = session.get_one(Box, box_id)
        statement = Statement(at=now, wire=WIRE, version=version)
        engine.observe(session, box=box, statement=statement, now=now)
    presence().note(box.id, now, WIRE, caller())
    return jsonify({})
