"""RDK XConf, plain `/xconf/swu/stb`: a box says what it runs, and is told what it should run.

It gives no feedback: what it states at a later poll is the only evidence. 404 with a sentence is a
normal final answer ("nothing for you").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from firmware.boxes import queries as boxes
from firmware.boxes.models import Box
from firmware.boxes.rules import BoxState, Statement, as_mac, storable
from firmware.images.download import download_of, serve
from firmware.images.rules import served_filename
from firmware.rollouts import engine, standing
from firmware.rollouts.models import Attempt, Member
from firmware.wires import strangers
from firmware.wires.contact import (
    again_if_second,
    caller,
    edge_url,
    keep_seen,
    presence,
    read_download,
    sign_download,
)
from stb_service.shared.access import public
from stb_service.shared.errors import NotFound
from stb_service.shared.http import services
from stb_service.shared.http.proxies import is_trusted
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

WIRE = "xconf"
BODY_LIMIT_BYTES = 64 * 1024
VALUE_CHARS = 256
blueprint = Blueprint("xconf", __name__, url_prefix="/xconf")


def read_parameters(query: dict[str, list[str]], body: str) -> dict[str, str]:
    """Return the parameters: repeated ones of the query joined by commas, later ones of the body
    winning. Bodies come unescaped from real boxes; an escaped one is understood too.
    """
    found = {name: ",".join(values) for name, values in query.items()}
    for pair in body.strip().split("&"):
        name, equals, value = pair.partition("=")
        if equals and name:
            found[name] = unquote(value) if "%" in value else value
    return {name: storable(value)[:VALUE_CHARS] for name, value in found.items()}


def statement_of_parameters(
    parameters: Mapping[str, str], *, names: Mapping[str, str], at: datetime
) -> Statement:
    """Return what a poll states: RDK's own parameters, and for what it has none the names that
    the settings give the attributes.
    """

    def value(*keys: str) -> str | None:
        return next((parameters[key] for key in keys if parameters.get(key)), None)

    return Statement(
        at=at,
        wire=WIRE,
        version=value("firmwareVersion"),
        boot_id=value(names["boot_id"]),
        model=value("model"),
        revision=value(names["revision"], "hwRevision"),
        serial=value("serialNum", "serial"),
        mac=value("eStbMac"),
    )


def _plain(status: int, sentence: str) -> Response:
    return Response(sentence + "\n", status, mimetype="text/plain")


def _not_by_mac() -> Response:
    return _plain(404, "This box has a token and speaks DDI.")


@blueprint.route("/swu/stb", methods=["GET", "POST"])
@public
def swu() -> Response:
    """Answer a poll: 200 with the image to run, or 404 with the reason."""
    now = request_time()
    body = request.stream.read(BODY_LIMIT_BYTES).decode("utf-8", "replace")
    parameters = read_parameters(request.args.to_dict(flat=False), body)
    if not parameters.get("eStbMac"):
        return _plain(400, "eStbMac should be specified")
    mac = as_mac(parameters["eStbMac"])
    if mac is None:
        return _plain(400, "eStbMac is no MAC address")
    if not is_trusted(caller(), services().settings.xconf_from):
        return _plain(404, "XConf is not served to this address.")
    names = services().settings.attributes
    statement = statement_of_parameters(parameters, names=names, at=now)
    answer = _known_answer(mac, statement) or again_if_second(
        lambda: _answer_with_news(mac, statement)
    )
    return answer or _plain(404, "Nobody knows this box.")


def _known_answer(mac: str, statement: Statement) -> Response | None:
    """Answer without taking the write lock, where the poll changes nothing.

    A box that shows who it is by a token, its own or a gateway's, is not served: nobody may speak
    for it by its MAC.
    """
    now = statement.at
    with services().db.read() as session:
        box = boxes.box_by_mac(session, mac)
        if box is not None and _speaks_ddi(session, box, now):
            return _not_by_mac()
        if box is None or _is_news(session, box, statement):
            return None
        consultation = engine.peek(session, box=box, restate=None, now=now)
        if not consultation.is_settled:
            return None
    presence().note(box.id, now, WIRE, caller())
    return _answer(consultation)


def _speaks_ddi(session: Session, box: Box, now: datetime) -> bool:
    return box.ddi_at is not None or boxes.has_token(session, box, now=now)


def _is_news(session: Session, box: Box, statement: Statement) -> bool:
    if box.state != BoxState.KNOWN or statement.version is None:
        return False
    names_kind = (statement.model and not box.model_code) or (
        statement.revision and not box.revision_code
    )
    restate = timedelta(seconds=services().settings.restate_s)
    is_old = box.version_at is None or statement.at - box.version_at >= restate
    return bool(names_kind or is_old) or engine.is_news(
        session, box=box, version=statement.version, boot_id=statement.boot_id
    )


def _answer_with_news(mac: str, statement: Statement) -> Response | None:
    now = statement.at
    if not _may_be_served(mac, now):
        return None
    with services().db.write() as session:
        box = boxes.box_by_mac(session, mac) or strangers.meet(
            session, controller_id=mac, statement=statement
        )
        if box is None:
            return None
        if _speaks_ddi(session, box, now):  # since it was looked at
            return _not_by_mac()
        if box.state == BoxState.KNOWN:
            engine.observe(session, box=box, statement=statement, now=now)
        consultation = engine.consult(session, box=box, wire=WIRE, restate=None, now=now)
        box_id = box.id
    presence().note(box_id, now, WIRE, caller())
    return _answer(consultation)


def _may_be_served(mac: str, now: datetime) -> bool:
    with services().db.read() as session:
        if boxes.box_by_mac(session, mac) is not None:
            return True
        return not strangers.are_refused() and strangers.may_enter(session, now)


def _answer(consultation: engine.Consultation) -> Response:
    """Return the flat map that boxes parse with shell tools: compact, one level, no comma."""
    order = consultation.decision.serve
    if order is None or order.action is None:
        return _plain(404, str(consultation.decision.reason))
    word = sign_download(services().settings, action=order.action)
    reply = {
        "firmwareDownloadProtocol": edge_url().partition(":")[0],
        "firmwareFilename": served_filename(order.model_code, order.version),
        "firmwareLocation": f"{edge_url()}/xconf/files/{word}",
        "firmwareVersion": order.version,
        "rebootImmediately": True,
    }
    return Response(json.dumps(reply, separators=(",", ":")), mimetype="application/json")


@blueprint.get("/files/<word>/<filename>")
@public
def file(word: str, filename: str) -> Response:
    """Send the image of an answer; the signed word says whose it is."""
    found = services()
    with found.db.read() as session:
        member = _member_of_word(session, word)
        image = member.rollout.image
        if filename != served_filename(member.model_code, image.version):
            raise NotFound(text("There is no such file."))
        served = serve(download_of(image, found.files, model_code=member.model_code), request)
    if served.is_fetch:
        with found.db.write() as session:
            known = session.get_one(Member, member.id)
            may_fetch = engine.note_fetch(session, member=known, now=request_time())
        if not may_fetch:
            served.response.close()
            raise NotFound(text("There is no such file."))
        keep_seen(served.response, box_id=member.box_id, wire=WIRE)
    return served.response


def _member_of_word(session: Session, word: str) -> Member:
    """Return the part of a box in a rollout that a signed word stands for.

    Raises:
        NotFound: the word was forged or is too old, or the box has no order (any more).
    """
    action = read_download(services().settings, word)
    attempt = None if action is None else session.get(Attempt, action)
    member = None if attempt is None else session.get(Member, attempt.member_id)
    is_current = member is not None and member.action == action
    if member is None or not is_current or member.state not in standing.MAY_DOWNLOAD:
        raise NotFound(text("There is no such file."))
    if member.box.state != BoxState.KNOWN:
        raise NotFound(text("There is no such file."))
    return member
