"""Who makes a request: the cookie of a sign-in on the pages, a bearer token on the API.

The cookie is Flask's signed session and holds the secret whose digest the sessions' table knows.
The API takes no cookie, so that no other site can use it through a signed-in browser.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import (
    Flask,
    Response,
    after_this_request,
    flash,
    g,
    make_response,
    redirect,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, Unauthenticated
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.pages import same_site
from stb_service.shared.http.problems import problem, wants_problem
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text
from stb_service.staff import operations, queries
from stb_service.staff.models import Person
from stb_service.staff.rules import is_locked
from stb_service.staff.setup import FIRST_ADMINISTRATOR, first_password_file

LOCKED = text(
    "Too many wrong passwords: this account is locked for a quarter of an hour. "
    "An administrator can set a new password sooner."
)
BEARER = "bearer"
WITH_OLD_PASSWORD = frozenset(
    {"static", "staff_self.password", "staff_sign_in.sign_out", "staff_sign_in.sign_in"}
)


def authenticate(db_session: Session) -> Actor | None:
    """Return who makes the request, or None."""
    if request.path.startswith("/api/"):
        return _by_token(db_session)
    return _by_cookie(db_session)


def _by_token(db_session: Session) -> Actor | None:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != BEARER or not secret.strip():
        return None
    now = request_time()
    token = queries.token_by_secret(db_session, secret.strip(), now=now)
    if token is None:
        return None
    if token.used_on is None or now - token.used_on >= operations.SEEN_STEP:
        with services().db.write() as writing:
            operations.mark_token_used(writing, token_id=token.id, now=now)
    _remember(token.person)
    return queries.actor_of(token.person, token)


def _by_cookie(db_session: Session) -> Actor | None:
    secret = session.get("secret")
    if not isinstance(secret, str):
        return None
    now = request_time()
    found = queries.session_by_secret(db_session, secret, now=now, idle=idle_span())
    if found is None:
        session.pop("secret", None)
        return None
    is_quiet = "X-Quiet" in request.headers  # sent by a page, not by who sits before it
    if now - found.seen_at > operations.SEEN_STEP and not is_quiet:
        with services().db.write() as writing:
            operations.mark_seen(writing, secret=secret, now=now)
    _remember(found.person)
    g.must_change_password = found.person.must_change_password
    return queries.actor_of(found.person)


def _remember(person: Person) -> None:
    g.person_ref = person.public_id
    g.theme = person.theme


def idle_span() -> timedelta:
    """Return how long a sign-in lives without a click."""
    return timedelta(minutes=services().settings.session_idle_minutes)


def current_person() -> Person:
    """Return the person who makes this request, in its unit of work."""
    actor = current_actor()
    return queries.person_by_ref(unit(), actor.ref, actor.scope)


def start(*, username: str, password: str, now: datetime) -> bool:
    """Check a password and give the browser a session; return whether it was right.

    The password is hashed between two units of work, since the one that writes holds up others.
    That one is kept although the answer may be a refusal: it counts the failures. The former
    cookie is emptied first, so that a session planted before sign-in is worth nothing after it.
    """
    settings = services().settings
    with services().db.read() as reading:
        person = queries.person_by_username(reading, username)
    check = operations.check_password(person.password_hash if person else None, password)
    with services().db.write() as writing:
        person, secret = operations.sign_in(
            writing,
            username=username,
            password=check,
            address=request.remote_addr or "",
            agent=request.headers.get("User-Agent", ""),
            longest=timedelta(hours=settings.session_max_hours),
            now=now,
        )
    if person is None:
        return False
    session.clear()
    session["secret"] = secret
    return True


def prove_password(password: str, *, now: datetime) -> operations.PasswordCheck:
    """Check the present password of whoever makes the request, as strictly as at the sign-in.

    A wrong one counts as a failed sign-in, in a unit of work of its own; what the request's has
    read so far is let go.

    Raises:
        Invalid: it is wrong, or the account is locked.
    """
    ref, scope = current_actor().ref, current_actor().scope
    unit().rollback()
    with services().db.read() as reading:
        known = queries.person_by_ref(reading, ref, scope)
    check = operations.check_password(known.password_hash, password)
    if is_locked(known.locked_until, now):
        raise Invalid.field("old", LOCKED)
    if not check.holds:
        with services().db.write() as writing:
            person = queries.person_by_ref(writing, ref, scope)
            operations.count_failure(writing, person=person, now=now)
        raise Invalid.field("old", text("The present password is wrong."))
    return check


def hashed(password: str, *, username: str) -> operations.NewPassword:
    """Hash a new password while the request holds up nobody: what it has read is let go."""
    unit().rollback()
    return operations.new_password(password, username=username)


def drop_first_password(username: str) -> None:
    """Remove the file with the generated first password, once the change of it is kept."""

    @after_this_request
    def drop(response: Response) -> Response:
        if response.status_code < 400 and username == FIRST_ADMINISTRATOR:
            first_password_file(services().settings).unlink(missing_ok=True)
        return response


def install(app: Flask) -> None:
    """Send people to the sign-in page, and to a new password where one is due."""
    app.before_request(_demand_new_password)
    app.register_error_handler(Unauthenticated, _ask_to_sign_in)


def _demand_new_password() -> ResponseReturnValue | None:
    if not g.get("must_change_password") or request.endpoint in WITH_OLD_PASSWORD:
        return None
    flash(str(text("Choose a password of your own before you go on.")), "warning")
    return _send(url_for("staff_self.password"))


def _ask_to_sign_in(error: Unauthenticated) -> Response:
    if wants_problem():
        headers = [("WWW-Authenticate", "Bearer")]
        return problem(error.status, str(error.title), str(error), code=error.code, headers=headers)
    if request.method == "GET":
        here = request.full_path.rstrip("?")
        if "HX-Request" in request.headers:
            here = same_site(request.headers.get("HX-Current-URL"))
        return _send(url_for("staff_sign_in.sign_in", next=here if here != "/" else None))
    return _send(url_for("staff_sign_in.sign_in"))


def _send(url: str) -> Response:
    """Redirect the browser, also when htmx asked for a part of a page."""
    if "HX-Request" in request.headers:
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))
