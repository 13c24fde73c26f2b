"""The unit of work of a request, and who acts in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Request, current_app, g, request
from marshmallow import EXCLUDE, Schema, ValidationError
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.clock import utc_now
from stb_service.shared.errors import Invalid, Unauthenticated
from stb_service.shared.i18n import Text, foreign_text, text

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def unit() -> Session:
    """Return the request's session, opened when first asked for.

    A request that may change something opens a unit of work that writes; it is committed
    once, by `StbFlask.dispatch_request`, when the answer is not an error.
    """
    session: Session | None = g.get("unit")
    if session is None:
        db = current_app.extensions["stb"].db
        session = g.unit = db.open(writes=request.method not in SAFE_METHODS)
    return session


def end_unit(*, keep: bool) -> None:
    """Commit or roll back the request's session, if there is one."""
    session: Session | None = g.get("unit")
    if session is None:
        return
    if keep and request.method not in SAFE_METHODS:
        session.commit()
    else:
        session.rollback()


def close_unit(_error: BaseException | None = None) -> None:
    """Give the connection back."""
    session: Session | None = g.pop("unit", None)
    if session is not None:
        session.close()


def current_actor() -> Actor:
    """Return who makes this request.

    Raises:
        Unauthenticated: nobody who is known.
    """
    actor: Actor | None = g.get("actor")
    if actor is None:
        raise Unauthenticated(text("Sign in, or send an API token."))
    return actor


def request_time() -> datetime:
    """Return the instant of the request: the same for everything that it does."""
    if "now" not in g:
        g.now = utc_now()
    now: datetime = g.now
    return now


def read_form(schema: Schema, source: Request | None = None) -> dict[str, Any]:
    """Return the posted form, parsed by a schema; empty fields count as absent.

    Raises:
        Invalid: with the messages of each field.
    """
    form = (source or request).form
    lists = {n for n, f in schema.fields.items() if type(f).__name__ in {"List", "Words"}}
    values: dict[str, Any] = {}
    for name in form:
        if name in lists:
            values[name] = [item for item in form.getlist(name) if item]
        elif form[name].strip():
            values[name] = form[name]
    try:
        loaded: dict[str, Any] = schema.load(values, unknown=EXCLUDE)
    except ValidationError as error:
        raise Invalid(fields=field_messages(error.messages)) from error
    return loaded


def field_messages(messages: Any) -> dict[str, list[Text]]:
    """Flatten marshmallow's messages to `{field: [messages]}`."""
    if not isinstance(messages, dict):
        return {"": [foreign_text(str(m)) for m in messages]}
    flat: dict[str, list[Text]] = {}
    for name, found in messages.items():
        if isinstance(found, dict):
            inner = field_messages(found)
            flat.update({f"{name}.{sub}".rstrip("."): texts for sub, texts in inner.items()})
        else:
            found_list = found if isinstance(found, list) else [found]
            flat[str(name)] = [
                m if isinstance(m, Text) else foreign_text(str(m)) for m in found_list
            ]
    return flat
