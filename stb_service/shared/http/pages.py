"""What every HTML page stands on: the shell's context, forms, CSRF, versioned static files.

`install` is called once by the app that has pages; templates then find here all that
`shared/page.html` and `shared/macros.html` need.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import (
    format_datetime,
    format_decimal,
    format_timedelta,
    get_locale,
    get_timezone,
    gettext,
)
from flask_wtf.csrf import CSRFError, CSRFProtect, ValidationError, validate_csrf
from markupsafe import Markup

from stb_service.shared.access import Actor, public
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.http.app import services
from stb_service.shared.http.problems import wants_problem
from stb_service.shared.http.unit import SAFE_METHODS, request_time, unit
from stb_service.shared.i18n import Text, direction, foreign_text, text
from stb_service.shared.registries import NavItem

STATIC = Path(__file__).parent.parent / "static"

FORM_LIMIT_BYTES = 2 * 2**20
# The pages of higher rooms that the shell itself links to; one that is not there is not shown.
SHELL = {
    "home": "admin_pages.dashboard",
    "search": "admin_pages.search",
    "search_results": "admin_pages.search_results",
    "me": "staff_self.settings",
    "sign_out": "staff_sign_in.sign_out",
    "api_docs": "admin_pages.api_docs",
}


def install(app: Flask) -> None:
    """Give the app's templates what the shell and the macros need, and guard its forms."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # a form may stay open over lunch
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.static_folder = str(STATIC)
    app.add_url_rule("/static/<path:filename>", "static", public(_send_static))
    csrf = CSRFProtect(app)
    app.before_request(_limit_body)
    app.before_request(lambda: _check_csrf(csrf))
    app.context_processor(_context)
    app.jinja_env.globals.update(_globals())
    app.url_defaults(_static_version)
    app.after_request(_cache_static)


def _send_static(filename: str) -> Response:
    return current_app.send_static_file(filename)


def _limit_body() -> None:
    """Refuse a large body to every view that takes no files (those say so by `takes_files`)."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "takes_files", False):
        request.max_content_length = FORM_LIMIT_BYTES


def _check_csrf(csrf: CSRFProtect) -> None:
    """Refuse a change that did not come from a page of ours (the API takes no cookie).

    A token in the header is checked without reading the body, so that uploads stay streams; a
    view marked `csrf_in_view` checks the token itself while it reads the stream.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method in SAFE_METHODS or wants_problem() or view is None:
        return
    if getattr(view, "csrf_in_view", False):
        return
    token = request.headers.get("X-CSRFToken")
    if token is None:
        csrf.protect()
        return
    try:
        validate_csrf(token)
    except ValidationError as error:
        raise CSRFError(str(error)) from error


def _context() -> dict[str, Any]:
    language = str(get_locale() or "en").replace("_", "-")
    return {
        "current_actor": g.get("actor"),
        "language": language,
        "direction": direction(language),
        "theme": g.get("theme", "auto"),
        "now": request_time(),
        "navigation": navigation,
    }


def _globals() -> dict[str, Callable[..., Any]]:
    return {
        "attributes": attributes,
        "can": can,
        "chosen_values": chosen_values,
        "format_age": format_age,
        "format_bytes": format_bytes,
        "format_number": format_decimal,
        "format_when": format_when,
        "html_attributes": html_attributes,
        "is_on": is_on,
        "same_site": same_site,
        "shell_endpoint": SHELL.__getitem__,
        "shell_url": shell_url,
        "translated": translated,
        "unique_id": unique_id,
        "with_query": with_query,
    }


# The menu


@dataclass(frozen=True)
class NavEntry:
    """One link of the menu."""

    label: Text
    icon: str
    url: str
    is_active: bool


@dataclass
class NavGroup:
    """Links under one heading."""

    label: Text
    entries: list[NavEntry] = field(default_factory=list)


def navigation() -> list[NavGroup]:
    """Return the menu of whoever is here, groups in the order of their first entry."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        return []
    items = [item for item in services().registries.navigation if actor.can(item.verb)]
    links = [(item, url_for(item.endpoint)) for item in sorted(items, key=lambda i: i.order)]
    active = _active_url([url for _, url in links])
    groups: dict[str, NavGroup] = {}
    for item, url in links:
        group = groups.setdefault(item.group.msgid, NavGroup(item.group))
        group.entries.append(_entry(item, url, active))
    return list(groups.values())


def _entry(item: NavItem, url: str, active: str | None) -> NavEntry:
    return NavEntry(item.label, item.icon, url, url == active)


def _active_url(urls: Iterable[str]) -> str | None:
    """Return the longest link that leads to this page or to a folder it lies in."""
    here = request.path
    fitting = [u for u in urls if here == u or (u != "/" and here.startswith(u.rstrip("/") + "/"))]
    return max(fitting, key=len, default=None)


def shell_url(name: str) -> str | None:
    """Return the address of a page the shell links to, if this app has it."""
    endpoint = SHELL[name]
    return url_for(endpoint) if endpoint in current_app.view_functions else None


def can(verb: str) -> bool:
    """Tell whether whoever is here may do this."""
    actor: Actor | None = g.get("actor")
    return actor is not None and actor.can(verb)


# Forms


def form_page(
    template: str,
    save: Callable[[], ResponseReturnValue],
    *,
    values: Mapping[str, Any] | None = None,
    **context: Any,
) -> ResponseReturnValue:
    """Show a form, or on POST `save` it and answer what that returns.

    A refusal shows the form again with what was typed and each message at its field. The
    template gets `values` and `errors`; `context` values that are callables are called
    when the form is shown, so that they read the database after a refusal was rolled back.
    """
    errors: dict[str, list[str]] = {}
    status = 200
    shown: Mapping[str, Any] = values or {}
    if request.method == "POST":
        try:
            return save()
        except DomainError as error:
            if error.status in {401, 403, 404}:
                raise
            unit().rollback()
            errors, status, shown = form_errors(error), error.status, typed_values(shown)
    made = {name: value() if callable(value) else value for name, value in context.items()}
    page = render_template(template, values=shown, errors=errors, **made)
    return page, status


def form_errors(error: DomainError) -> dict[str, list[str]]:
    """Return the messages of a refusal by field; those of no field under the empty name."""
    if isinstance(error, Invalid) and error.fields:
        return {name: [str(m) for m in found] for name, found in error.fields.items()}
    return {"": [str(error)]}


def typed_values(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed, lists where a name was sent more than once.

    A field the form knows and the browser left out (an empty tick box) counts as empty.
    """
    typed: dict[str, Any] = dict.fromkeys(known)
    for name, found in request.form.lists():
        typed[name] = found if len(found) > 1 else found[0]
    typed.pop("csrf_token", None)
    return typed


def see_other(endpoint: str, **values: Any) -> ResponseReturnValue:
    """Send the browser to the page that shows what was done (RFC 9110 section 15.4.4)."""
    return redirect(url_for(endpoint, **values), 303)


def is_htmx() -> bool:
    """Tell whether a part of a page is asked for, not a whole page."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def chosen_values(value: Any) -> set[str]:
    """Return the values of a choice as the texts that stand in the page."""
    if value is None:
        return {""}
    if isinstance(value, (list, tuple, set, frozenset)):
        return {str(item) for item in value}
    return {str(value)}


def is_on(value: Any) -> bool:
    """Tell whether a tick box is ticked: by a stored value or by what was typed."""
    return value is True or str(value).lower() in {"true", "on", "1", "yes"}


def attributes(given: Mapping[str, Any]) -> Markup:
    """Return further HTML attributes: `hx_get="…"` becomes `hx-get="…"`."""
    return html_attributes({name.replace("_", "-"): value for name, value in given.items()})


def html_attributes(given: Mapping[str, Any]) -> Markup:
    """Return attributes, each with a space before it; None and False are left out."""
    parts = [
        Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)
        for name, value in given.items()
        if value is not None and value is not False
    ]
    return Markup("").join(parts)


# Words and numbers


def format_when(instant: datetime) -> str:
    """Return an instant in the reader's zone, with the zone."""
    return f"{format_datetime(instant, 'd MMM y HH:mm')} {zone_name(instant)}"


def zone_name(instant: datetime) -> str:
    """Return the short name of the reader's zone; of zones that have none, the difference."""
    local = instant.astimezone(get_timezone())
    name = local.tzname() or ""
    if name.isalpha():
        return name
    offset = local.utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def format_age(instant: datetime) -> str:
    """Return how long ago, or in how long, in words."""
    return str(format_timedelta(instant - request_time(), add_direction=True))


def format_span(span: timedelta | float) -> str:
    """Return a length of time in words."""
    return str(format_timedelta(span if isinstance(span, timedelta) else timedelta(seconds=span)))


def format_bytes(count: int) -> str:
    """Return a size in decimal units (IEC 80000-13), three digits at most."""
    size = float(count)
    for template in (gettext("%(n)s B"), gettext("%(n)s kB"), gettext("%(n)s MB")):
        if size < 999.5:
            return _sized(template, size)
        size /= 1000
    return _sized(gettext("%(n)s GB"), size)


def _sized(template: str, size: float) -> str:
    pattern = "0" if size >= 99.5 else "0.#"
    return template % {"n": format_decimal(size, pattern)}


# What Werkzeug and Flask-WTF say, named here so that the catalogues have it.
FOREIGN_MESSAGES = (
    text("Bad Request"),
    text("Not Found"),
    text("Method Not Allowed"),
    text("Request Entity Too Large"),
    text("Too Many Requests"),
    text(
        "The requested URL was not found on the server. If you entered the URL manually please "
        "check your spelling and try again."
    ),
    text("The method is not allowed for the requested URL."),
    text("The browser (or proxy) sent a request that this server could not understand."),
    text("The data value transmitted exceeds the capacity limit."),
    text("The CSRF token is missing."),
    text("The CSRF session token is missing."),
    text("The CSRF tokens do not match."),
    text("The CSRF token is invalid."),
)


def translated(words: str) -> str:
    """Return a sentence of a library in the reader's language, if the catalogue has it."""
    return str(foreign_text(words)) if words else ""


def unique_id(prefix: str) -> str:
    """Return an element id that no other part of this page has."""
    if "ids" not in g:
        g.ids = itertools.count(1)
    return f"{prefix}-{next(g.ids)}"


# Addresses


def with_query(url: str, **changes: str | None) -> str:
    """Return the address with query values replaced; None takes one away."""
    parts = urlsplit(url)
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k not in changes]
    kept += [(k, v) for k, v in changes.items() if v is not None]
    return urlunsplit(("", "", parts.path, urlencode(kept), ""))


def same_site(url: str | None, default: str = "/") -> str:
    """Return the path of an address of this site, or the default.

    What comes from outside (`next=`, Referer) may name another host, also as `//host`,
    behind backslashes, or hidden behind control characters that browsers drop.
    """
    if not url:
        return default
    parts = urlsplit(url)
    if parts.netloc:
        if parts.netloc != request.host or parts.scheme not in {"http", "https"}:
            return default
    elif parts.scheme:
        return default
    path = parts.path
    if not path.startswith("/") or path.startswith("//") or not path.isprintable() or "\\" in url:
        return default
    return urlunsplit(("", "", path, parts.query, ""))


def _static_version(endpoint: str, values: dict[str, Any]) -> None:
    """Add a version to addresses of static files, so that a new one is fetched at once."""
    if endpoint != "static" or "v" in values:
        return
    path = Path(current_app.static_folder or "") / values.get("filename", "")
    try:
        changed = path.stat().st_mtime
    except OSError:
        return
    values["v"] = f"{int(changed):x}"


def _cache_static(response: Response) -> Response:
    if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
