"""The Flask app both edges are made of: deny by default, one commit, headers, request ids."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from prometheus_client import Counter, Histogram
from sqlalchemy.orm import Session

from stb_service.shared.access import MARK, Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Forbidden
from stb_service.shared.files import FileStore
from stb_service.shared.http import health, idempotency, problems
from stb_service.shared.http.proxies import TrustedProxies
from stb_service.shared.http.unit import close_unit, current_actor, end_unit
from stb_service.shared.i18n import LANGUAGES, text
from stb_service.shared.metrics import Counts
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings

log = structlog.get_logger()

SHARED = Path(__file__).parent.parent
LOCALE = SHARED / "locale"
Authenticator = Callable[[Session], Actor | None]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)


@dataclass
class Services:
    """What views reach through the app: one object per app, no globals."""

    settings: Settings
    db: Database
    files: FileStore
    registries: Registries
    authenticate: Authenticator | None
    counts: Counts
    requests: Counter
    durations: Histogram


def services() -> Services:
    """Return the services of the current app."""
    found: Services = current_app.extensions["stb"]
    return found


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie; a request without one costs no signing."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie where there is one."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class StbFlask(Flask):
    """Flask with an access check before each view is reached and one commit after it."""

    session_interface = Sessions()

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view in the unit of work, commit or roll back."""
        try:
            replayed = idempotency.replay()
            if replayed is not None:
                return replayed
            response = self.make_response(super().dispatch_request())
            if response.status_code < 400:
                idempotency.remember(response)
            end_unit(keep=response.status_code < 400)
        except BaseException:
            end_unit(keep=False)
            raise
        else:
            return response

    def check_access(self) -> None:
        """Refuse whoever may not run the view, before any of the body is read."""
        if request.routing_exception is not None:
            return
        verb = required_verb(self, request.endpoint, request.method)
        if verb is None:
            return
        if verb == "":
            raise Forbidden(text("Nobody may do this: the page names no permission."))
        current_actor().demand(verb)


def required_verb(app: Flask, endpoint: str | None, method: str) -> str | None:
    """Return the verb a view needs: None if it is open, "" if it was never marked."""
    view: Any = app.view_functions[endpoint or ""]
    view_class = getattr(view, "view_class", None)
    if view_class is not None:
        name = "get" if method == "HEAD" else method.lower()
        view = getattr(view_class, name, None) or view_class
    verb: str | None = getattr(view, MARK, "")
    return verb


def make_flask(
    name: str,
    *,
    settings: Settings,
    db: Database,
    registries: Registries,
    authenticate: Authenticator | None,
    counts: Counts | None = None,
) -> StbFlask:
    """Make an app with everything the two edges have in common.

    Without `authenticate` no request has an actor: whoever calls is a machine.
    """
    app = StbFlask(name, static_folder=None, template_folder=str(SHARED / "templates"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_former),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        SESSION_COOKIE_NAME="stb_session",
        BABEL_TRANSLATION_DIRECTORIES=str(LOCALE),
        MAX_FORM_MEMORY_SIZE=2 * 2**20,
        JSON_SORT_KEYS=False,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["stb"] = _services(settings, db, registries, authenticate, counts or Counts())
    Babel(app, locale_selector=_language, timezone_selector=_timezone)
    problems.install(app)
    health.install(app)
    app.before_request(_begin)
    app.before_request(app.check_access)
    app.after_request(_headers)
    app.teardown_request(close_unit)
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _services(
    settings: Settings,
    db: Database,
    registries: Registries,
    authenticate: Authenticator | None,
    counts: Counts,
) -> Services:
    return Services(
        settings,
        db,
        FileStore(settings.files_dir),
        registries,
        authenticate,
        counts,
        Counter(
            "stb_requests", "Requests answered", ["route", "method", "status"], registry=counts.own
        ),
        Histogram("stb_request_seconds", "Time to answer", ["route"], registry=counts.own),
    )


METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
MAX_JSON_BYTES = 2 * 2**20
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if request.endpoint == "static":
        return
    if request.path.startswith("/api/") and request.is_json:
        request.max_content_length = MAX_JSON_BYTES
    found = services()
    if found.authenticate is None:
        g.actor = None
        return
    with found.db.read() as session:
        g.actor = found.authenticate(session)


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers["X-Request-ID"] = g.get("request_id", "")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if services().settings.public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    _observe(response)
    return response


def _observe(response: Response) -> None:
    found = services()
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    method = request.method if request.method in METHODS else "other"
    found.requests.labels(route, method, response.status_code).inc()
    found.durations.labels(route).observe(seconds)
    actor = g.get("actor")
    log.info(
        "request",
        method=request.method,
        path=_shown_path(),
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        actor=actor.ref if actor else None,
    )


def _shown_path() -> str:
    """Return the path for the log, without the signed words that some addresses hold."""
    word = (request.view_args or {}).get("word")
    return request.path.replace(word, "...") if isinstance(word, str) else request.path


def _language() -> str:
    actor = g.get("actor")
    settings = services().settings
    if actor is not None and actor.language:
        return str(actor.language)
    return request.accept_languages.best_match(list(LANGUAGES)) or settings.language


def _timezone() -> str:
    actor = g.get("actor")
    if actor is not None and actor.timezone:
        return str(actor.timezone)
    return services().settings.timezone.key
