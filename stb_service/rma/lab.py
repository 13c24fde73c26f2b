"""Runs of the lab, as returns name them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from firmware.verdicts.queries import run_by_public_id
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.i18n import text


def run_of_lab(session: Session, ref: str, actor: Actor) -> str:
    """Return the id of a run of the lab.

    Raises:
        Forbidden: the actor sees none of them.
        Invalid: there is no such run.
    """
    actor.demand("lab.view")
    try:
        return run_by_public_id(session, ref).public_id
    except NotFound as refusal:
        raise Invalid.field("lab_run", text("There is no such run.")) from refusal
