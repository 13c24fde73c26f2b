"""Which box speaks DDI, by its id and its token."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from firmware.boxes import queries as boxes
from firmware.boxes.models import Box
from firmware.boxes.rules import BoxState, can_be_controller_id
from firmware.wires import ddi_rules
from firmware.wires.ddi_rules import Credentials
from stb_service.shared.errors import Forbidden, NotFound, Unauthenticated
from stb_service.shared.http import services
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text


def authenticate(session: Session, controller_id: str) -> tuple[Box | None, Credentials]:
    """Return the box that a request is from; None where nobody knows it.

    Raises:
        Unauthenticated: no token, or a wrong one.
    """
    credentials = ddi_rules.read_authorization(request.headers.get("Authorization"))
    if credentials is None:
        raise Unauthenticated(text("Send a TargetToken or a GatewayToken."))
    kinds = services().settings.controller_id
    if not can_be_controller_id(controller_id, kinds):
        raise NotFound(text("No box is called so here."))
    now = request_time()
    if credentials.kind == "GatewayToken":
        if boxes.gateway_token(session, credentials.secret, now=now) is None:
            raise Unauthenticated(text("This gateway token is not accepted."))
        called = boxes.boxes_by_controller_id(session, controller_id, kinds)
        served = [box for box in called if box.state == BoxState.KNOWN]
        return next(iter(served or called), None), credentials
    found = boxes.boxes_with_tokens(session, controller_id, kinds, now=now)
    for box, digests in found:
        if boxes.is_among(credentials.secret, digests):
            return box, credentials
    if found:
        raise Unauthenticated(text("This token is not the box's."))
    return None, credentials


def is_to_note(box: Box, credentials: Credentials) -> bool:
    """Tell whether it is yet to be remembered that a box speaks DDI.

    Of a box that nobody has approved only a gateway's word counts: its own token may be anyone's.
    """
    is_shown = credentials.kind == "GatewayToken" or box.state == BoxState.KNOWN
    return box.ddi_at is None and is_shown


def known_box(session: Session, controller_id: str) -> Box:
    """Return a box that is served.

    Raises:
        Unauthenticated: no token, or a wrong one.
        NotFound: nobody knows it.
        Forbidden: it is not served.
    """
    box, _ = authenticate(session, controller_id)
    if box is None:
        raise NotFound(text("Nobody knows this box."))
    if box.state != BoxState.KNOWN:
        raise Forbidden(text("This box is not served."))
    return box


def reporting_box(session: Session, controller_id: str) -> Box:
    """Return a box whose reports are taken: a retired one may still end what it began.

    Raises:
        Unauthenticated: no token, or a wrong one.
        NotFound: nobody knows it.
        Forbidden: it was never served.
    """
    box, _ = authenticate(session, controller_id)
    if box is None:
        raise NotFound(text("Nobody knows this box."))
    if box.state not in {BoxState.KNOWN, BoxState.RETIRED}:
        raise Forbidden(text("This box is not served."))
    return box
