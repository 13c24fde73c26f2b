"""RDK XConf, plain `/xconf/swu/stb`: a box says what it runs, and is told what it should run.

It gives no feedback: what it states at a later poll is the only evidence. 404 with a sentence is a
normal final answer ("nothing for you").
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, g, request
from sqlalchemy.orm import Session

from firmware.boxes import queries as boxes
from firmware.boxes.models import Box
from firmware.boxes.operations import meet_unknown
from firmware.boxes.rules import BoxState, Statement, as_mac
from firmware.images.download import download_of, serve
from firmware.images.rules import served_filename
from firmware.rollouts import engine
from firmware.rollouts.models import Attempt, Member
from firmware.wires.contact import alive, caller, edge_url, presence, read_download, sign_download
from stb_service.shared.access import public
from stb_service.shared.errors import NotFound
from stb_service.shared.http import services
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
    return {k: v.replace("\0", "")[:VALUE_CHARS] for k, v in found.items()}


def statement_of_parameters(parameters: dict[str, str], *, boot_name: str, at: Any) -> Statement:
    """Return what a poll states."""
    return Statement(
        at=at,
        wire=WIRE,
        version=parameters.get("firmwareVersion") or None,
        boot_id=parameters.get(boot_name) or None,
        model=parameters.get("model") or None,
        revision=parameters.get("hwRevision") or None,
        serial=parameters.get("serialNum") or parameters.get("serial") or None,
        mac=parameters.get("eStbMac"),
    )


def _plain(status: int, sentence: str) -> Response:
    return Response(sentence + "\n", status, mimetype="text/plain")


@blueprint.route("/swu/stb", methods=["GET", "POST"])
@public
def swu() -> Response:
    """Answer a poll: 200 with the image to run, or 404 with the reason."""
    g.is_machine = True
    now = request_time()
    body = request.stream.read(BODY_LIMIT_BYTES).decode("utf-8", "replace")
    parameters = read_parameters(request.args.to_dict(flat=False), body)
    if not parameters.get("eStbMac"):
        return _plain(400, "eStbMac should be specified")
    mac = as_mac(parameters["eStbMac"])
    if mac is None:
        return _plain(400, "eStbMac is no MAC address")
    boot_name = services().settings.attributes["boot_id"]
    statement = statement_of_parameters(parameters, boot_name=boot_name, at=now)
    with services().db.write() as session:
        box = boxes.box_by_mac(session, mac) or _meet(session, mac, statement)
        if box is None:
            return _plain(404, "Nobody knows this box.")
        if box.state == BoxState.KNOWN:
            engine.observe(session, box=box, statement=statement, now=now)
        consultation = engine.consult(
            session, box=box, wire=WIRE, must_state_version=False, now=now
        )
        box_id = box.id
        answer = _answer(consultation)
    presence().note(box_id, now, WIRE, caller())
    return answer


def _meet(session: Session, mac: str, statement: Statement) -> Box | None:
    policy = services().settings.unknown_box
    if policy == "refuse":
        return None
    return meet_unknown(
        session,
        controller_id=mac,
        statement=statement,
        token=None,
        registers=policy == "register",
        now=statement.at,
    )


def _answer(consultation: engine.Consultation) -> Response:
    """Return the flat map that boxes parse with shell tools: compact, one level, no comma."""
    member, decision = consultation.member, consultation.decision
    if member is None or member.action is None or decision.cancel is not None:
        return _plain(404, str(decision.reason))
    word = sign_download(services().settings, action=member.action)
    image = member.rollout.image
    reply = {
        "firmwareDownloadProtocol": edge_url().partition(":")[0],
        "firmwareFilename": served_filename(member.model_code, image.version),
        "firmwareLocation": f"{edge_url()}/xconf/files/{word}",
        "firmwareVersion": image.version,
        "rebootImmediately": True,
    }
    return Response(json.dumps(reply, separators=(",", ":")), mimetype="application/json")


@blueprint.get("/files/<word>/<filename>")
@public
def file(word: str, filename: str) -> Response:
    """Send the image of an answer; the signed word says whose it is."""
    g.is_machine = True
    found = services()
    action = read_download(found.settings, word)
    with found.db.read() as session:
        attempt = None if action is None else session.get(Attempt, action)
        member = None if attempt is None else session.get(Member, attempt.member_id)
        if member is None or member.action != action:
            raise NotFound(text("There is no such file."))
        image = member.rollout.image
        if filename != served_filename(member.model_code, image.version):
            raise NotFound(text("There is no such file."))
        served = serve(download_of(image, found.files, model_code=member.model_code), request)
    if served.is_fetch:
        with found.db.write() as session:
            engine.note_fetch(
                session, member=session.get_one(Member, member.id), now=request_time()
            )
        served.response.response = alive(
            iter(served.response.response),  # type: ignore[arg-type]
            gatherer=presence(),
            box_id=member.box_id,
            wire=WIRE,
            address=caller(),
        )
    return served.response
