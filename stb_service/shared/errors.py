"""The refusals a caller can meet, each with its HTTP status.

Operations raise them; one place (`http.py`) turns them into `problem+json`
(RFC 9457) or into a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stb_service.shared.i18n import Text, text

type_prefix = "urn:stb:problem:"


class Misconfigured(Exception):
    """A setting cannot be read. Raised before anything is started."""


@dataclass(frozen=True)
class Obstacle:
    """One reason why something may not be done: shown beside the greyed button."""

    code: str
    message: Text

    def __str__(self) -> str:
        """Return the reason in the reader's language."""
        return str(self.message)


class DomainError(Exception):
    """A refusal with a reason meant for the caller."""

    status = 400
    title = text("The request cannot be carried out")

    def __init__(self, detail: Text, *, code: str = "") -> None:
        super().__init__(detail.msgid)
        self.detail = detail
        self.code = code or type(self).__name__.lower()

    def __str__(self) -> str:
        """Return the reason in the reader's language."""
        return str(self.detail)


class NotFound(DomainError):
    """There is no such thing, or the caller may not know of it."""

    status = 404
    title = text("Not found")


class Forbidden(DomainError):
    """The caller is known but may not do this."""

    status = 403
    title = text("Not allowed")


class Unauthenticated(DomainError):
    """The caller has not shown who they are."""

    status = 401
    title = text("Sign-in needed")


class Conflict(DomainError):
    """The thing is not in a state that allows this, or someone else was first."""

    status = 409
    title = text("Conflict")


class Stale(DomainError):
    """The row has changed since the caller read it (If-Match, RFC 9110 section 13.1.1)."""

    status = 412
    title = text("Changed in the meantime")


class TooLarge(DomainError):
    """The body is larger than what is accepted."""

    status = 413
    title = text("Too large")


class Invalid(DomainError):
    """The input breaks rules; `fields` holds the messages of each field."""

    status = 422
    title = text("Invalid input")

    def __init__(
        self,
        detail: Text = text("Some fields need another look."),
        *,
        fields: Mapping[str, Sequence[Text]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})

    @classmethod
    def field(cls, name: str, message: Text) -> Invalid:
        """Return the refusal of one field."""
        return cls(message, fields={name: [message]})


class Refused(Conflict):
    """A rule forbids it; `obstacles` are the same ones that the page shows."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        super().__init__(obstacles[0].message, code=obstacles[0].code)
        self.obstacles = tuple(obstacles)
