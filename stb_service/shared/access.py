"""Who may do what: one table of roles and verbs, read by pages, API and tests.

Built-in roles are this table; roles that an administrator adds are rows of the
database that name verbs of this table. A verb marked *operator only* is never given to people
of a dealer or a service centre, whatever their role says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from stb_service.shared.errors import Forbidden
from stb_service.shared.i18n import Text, text

View = TypeVar("View", bound=Callable[..., Any])

ADMINISTRATOR = "administrator"
AGENT = "agent"
TECHNICIAN = "technician"
FIRMWARE = "firmware_manager"
LAB = "lab_engineer"
VIEWER = "viewer"

ROLE_NAMES: dict[str, Text] = {
    ADMINISTRATOR: text("Administrator"),
    AGENT: text("Agent"),
    TECHNICIAN: text("Technician"),
    FIRMWARE: text("Firmware manager"),
    LAB: text("Lab engineer"),
    VIEWER: text("Viewer"),
}
EVERYONE = frozenset(ROLE_NAMES)
MARK = "required_verb"


@dataclass(frozen=True)
class Verb:
    """One thing that can be allowed."""

    name: str
    meaning: Text
    roles: frozenset[str]
    operator_only: bool = False


def _verb(name: str, meaning: Text, *roles: str, operator_only: bool = False) -> Verb:
    return Verb(name, meaning, frozenset(roles) | {ADMINISTRATOR}, operator_only)


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb("self.use", text("Use the own account"), *EVERYONE),
        _verb("staff.view", text("See people, roles and organisations"), operator_only=True),
        _verb("staff.edit", text("Change people, roles and organisations"), operator_only=True),
        _verb("audit.view", text("Read the audit"), operator_only=True),
        _verb(
            "effects.retry",
            text("See follow-ups that failed, and try them again"),
            operator_only=True,
        ),
        _verb("jobs.view", text("See long work and its reports"), *EVERYONE),
        _verb("devices.view", text("See boxes"), *EVERYONE),
        _verb("devices.edit", text("Change boxes"), AGENT, TECHNICIAN),
        _verb("devices.import", text("Import boxes"), AGENT, operator_only=True),
        _verb("devices.export", text("Export boxes"), AGENT, VIEWER, FIRMWARE),
        _verb(
            "devices.review", text("Settle disputed serials and MACs"), AGENT, operator_only=True
        ),
        _verb("accounts.view", text("See accounts"), AGENT, TECHNICIAN, VIEWER),
        _verb(
            "accounts.personal",
            text("See phones, mail addresses and streets of subscribers"),
            AGENT,
            TECHNICIAN,
        ),
        _verb("accounts.edit", text("Change accounts"), AGENT),
        _verb("accounts.import", text("Import accounts"), AGENT, operator_only=True),
        _verb("holdings.import", text("Import who had boxes"), AGENT, operator_only=True),
        _verb(
            "accounts.erase",
            text("Hand out and erase what is known of a person"),
            operator_only=True,
        ),
        _verb("billing.view", text("See quotes and payments"), AGENT, TECHNICIAN, VIEWER),
        _verb("billing.edit", text("Quote, charge and take payments"), AGENT),
        _verb("models.view", text("See models of box"), *EVERYONE),
        _verb("models.edit", text("Change models of box"), FIRMWARE, operator_only=True),
        _verb("parts.view", text("See parts and stock"), *EVERYONE),
        _verb("parts.edit", text("Change parts, places and limits"), AGENT, operator_only=True),
        _verb("parts.import", text("Import parts"), AGENT, operator_only=True),
        _verb("stock.import", text("Import stock"), AGENT, operator_only=True),
        _verb("stock.move", text("Move, receive and reserve stock"), AGENT, TECHNICIAN),
        _verb("stock.count", text("Count stock"), AGENT, TECHNICIAN),
        _verb("warranty.view", text("See the warranty of boxes, and why"), *EVERYONE),
        _verb("warranty.decide", text("Decide on the warranty of a fault"), AGENT, TECHNICIAN),
        _verb(
            "warranty.override",
            text("Grant another outcome than the warranty's rules give"),
            operator_only=True,
        ),
        _verb("policies.view", text("See warranty policies"), *EVERYONE, operator_only=True),
        _verb("warranty.edit", text("Change warranty policies"), operator_only=True),
        _verb("boxes.view", text("See what boxes run, and why"), *EVERYONE),
        _verb("boxes.approve", text("Approve unknown boxes"), AGENT, FIRMWARE, operator_only=True),
        _verb("boxes.tokens", text("Give and revoke boxes' tokens"), FIRMWARE, operator_only=True),
        _verb("images.view", text("See firmware images"), *EVERYONE, operator_only=True),
        _verb("images.upload", text("Upload firmware images"), FIRMWARE, operator_only=True),
        _verb("lab.view", text("See what the lab found"), *EVERYONE, operator_only=True),
        _verb("lab.send", text("Send runs of the lab"), LAB, operator_only=True),
        _verb("rma.view", text("See returns and workshop orders"), *EVERYONE),
        _verb("rma.export", text("Export returns"), AGENT, VIEWER),
        _verb("rma.edit", text("Open returns and answer for the customer"), AGENT, TECHNICIAN),
        _verb("rma.authorise", text("Authorise and reject returns"), AGENT, operator_only=True),
        _verb("rma.receive", text("Take in returned boxes"), AGENT, TECHNICIAN),
        _verb("rma.inspect", text("Inspect returned boxes"), TECHNICIAN),
        _verb("rma.decide", text("Decide on remedies and quotes"), AGENT, operator_only=True),
        _verb("rma.repair", text("Repair boxes"), TECHNICIAN),
        _verb("rma.ship", text("Send boxes out and hand them over"), AGENT, TECHNICIAN),
        _verb("rma.swap", text("Swap boxes at the counter or at the door"), AGENT, TECHNICIAN),
        _verb("rma.scrap", text("Scrap boxes, or put them in stock"), TECHNICIAN),
        _verb("rma.claim", text("Claim from suppliers"), AGENT, operator_only=True),
        _verb("rma.import", text("Import open returns"), AGENT, operator_only=True),
        _verb("rma.terms", text("Change the terms of returns"), operator_only=True),
        _verb("rollouts.view", text("See rollouts"), *EVERYONE, operator_only=True),
        _verb("rollouts.edit", text("Plan and start rollouts"), FIRMWARE, operator_only=True),
        _verb("rollouts.stop", text("Pause and stop rollouts"), FIRMWARE, LAB, operator_only=True),
    )
}


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person, a box, or the system itself.

    A person who acts through an API token is the same person; the token is named beside them.
    """

    kind: str
    ref: str
    label: str
    verbs: frozenset[str] = frozenset()
    organisation_id: int | None = None
    language: str | None = None
    timezone: str | None = None
    token_ref: str | None = None
    token_label: str | None = None

    def can(self, verb: str) -> bool:
        """Tell whether the verb is allowed; an unknown verb is an error, not a no."""
        if verb not in VERBS:
            raise KeyError(verb)
        return verb in self.verbs

    def demand(self, verb: str) -> None:
        """Refuse unless the verb is allowed.

        Raises:
            Forbidden: it is not.
        """
        if not self.can(verb):
            raise Forbidden(text("Your role does not allow: %(verb)s", verb=VERBS[verb].meaning))

    @property
    def scope(self) -> Scope:
        """The part of the data this actor may see."""
        return Scope(self.organisation_id)


@dataclass(frozen=True)
class Scope:
    """Whose data a query may return: everything (None) or one organisation's.

    Every public query of a scoped room takes it as an argument without default.
    """

    organisation_id: int | None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.organisation_id is None


EVERYTHING = Scope(None)
SYSTEM = Actor("system", "system", "system", frozenset(VERBS))


def allowed_verbs(granted: set[str] | frozenset[str], *, of_operator: bool) -> frozenset[str]:
    """Return the granted verbs that exist and that people of this kind of organisation may hold."""
    return frozenset(
        name for name in granted if name in VERBS and (of_operator or not VERBS[name].operator_only)
    )


def builtin_verbs(role: str) -> frozenset[str]:
    """Return the verbs of a built-in role."""
    return frozenset(verb.name for verb in VERBS.values() if role in verb.roles)


def requires(verb: str) -> Callable[[View], View]:
    """Mark a view with the verb it needs. A view without a mark is refused to everyone."""
    if verb not in VERBS:
        raise KeyError(verb)

    def mark(view: View) -> View:
        setattr(view, MARK, verb)
        return view

    return mark


def takes_files(view: View) -> View:
    """Mark a view that receives files; all others refuse large bodies."""
    setattr(view, "takes_files", True)  # noqa: B010 - a mark on a function
    return view


def public(view: View) -> View:
    """Mark a view as open to people who have not signed in."""
    setattr(view, MARK, None)
    return view
