"""Chromium at a member of staff's desk: signed in, with its size and colours, and watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)

from stb_service.app import make_app
from stb_service.staff import operations as staff
from tests.conftest import PASSWORD
from tests.live import Live

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COOKIE = "stb_session"
PATIENCE_MS = 15_000
WIDE, NARROW = 1280, 360
PARTS = {"script", "stylesheet", "image", "font"}
# Chromium's words about an answer of 4xx that a test asked for; missing parts of a page are
# found by their own rule.
EXPECTED = "Failed to load resource: the server responded with a status of 4"


@dataclass
class Watch:
    """Everything that no page may do, gathered while a test walks."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of a context."""
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("request", self._asked)
        context.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.netloc != self.origin:
            self.faults.append(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        is_part = response.request.resource_type in PARTS
        if response.status >= (400 if is_part else 500):
            self.faults.append(f"status {response.status}: {response.url}")


class Desk:
    """Opens pages for people; one context for each, closed when the test ends."""

    def __init__(self, browser: Browser, live: Live, cookies: Mapping[str, str]) -> None:
        self._browser, self._cookies = browser, cookies
        self._contexts: list[BrowserContext] = []
        self.url = live.staff_url
        self.watch = Watch(urlsplit(live.staff_url).netloc)

    def __call__(
        self,
        username: str | None,
        *,
        width: int = WIDE,
        dark: bool = False,
        locale: str = "en-GB",
        scripts: bool = True,
    ) -> Page:
        """Return a page of a person who is signed in, or of nobody; `scripts`: whether they run."""
        context = self._browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            locale=locale,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        self.watch.over(context)
        if username is not None:
            context.add_cookies(
                [{"name": COOKIE, "value": self._cookies[username], "url": self.url}]
            )
        return context.new_page()

    def close(self) -> None:
        """Close everything that was opened."""
        for context in self._contexts:
            context.close()


def cookies_of(live: Live, usernames: Iterable[str]) -> dict[str, str]:
    """Sign people in and return the cookie that the browser of each would hold."""
    signer = SecureCookieSessionInterface().get_signing_serializer(make_app(live.settings, live.db))
    assert signer is not None
    return {name: str(signer.dumps({"secret": _secret_of(live, name)})) for name in usernames}


def _secret_of(live: Live, username: str) -> str:
    with live.db.write() as session:
        person, secret = staff.sign_in(
            session,
            username=username,
            password=PASSWORD,
            address="127.0.0.1",
            agent="Chromium of the tests",
            longest=timedelta(hours=12),
            now=datetime.now(UTC),
        )
        assert person is not None, secret
    return secret


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Type name and password into the page that asks for them."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def confirm(page: Page, button: str, *, reason: str | None = None) -> None:
    """Press a button, give the reason that its dialog asks for, and press it there too."""
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if reason is not None:
        dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=button, exact=True).click()
