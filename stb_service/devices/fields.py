"""What is said of a box, read into what the registry keeps: the same for forms, API and imports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypedDict, cast

from sqlalchemy.orm import Session

from stb_service.devices.catalogue.models import DeviceModel, ModelRevision
from stb_service.devices.catalogue.queries import find_model, find_revision
from stb_service.devices.identity.operations import Identity
from stb_service.devices.identity.rules import normalise_mac, normalise_serial
from stb_service.devices.models import Device
from stb_service.devices.rules import Status, Tenure, normalise_tag, obstacles_to_seller
from stb_service.shared.access import Scope
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.staff.models import Organisation
from stb_service.staff.queries import organisations

EARLIEST = date(1990, 1, 1)


class DeviceFields(TypedDict, total=False):
    """What can be said of a box. Models, revisions and organisations by their codes.

    `status` and `custodian` count when a box is registered; later they have verbs of their own.
    """

    serial: str
    maker: str
    model: str | None
    revision: str | None
    mac_ethernet: str | None
    mac_wifi: str | None
    batch: str
    made_on: date | None
    shipped_on: date | None
    sold_on: date | None
    activated_on: date | None
    tenure: str | None
    seller: str | None
    custodian: str | None
    external_id: str | None
    notes: str
    tags: Collection[str]
    status: str


class References:
    """What other rows are called by people, looked up once in a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models: dict[str, DeviceModel | None] = {}
        self._organisations: dict[int | None, dict[str, Organisation]] = {}

    def model(self, code: str) -> DeviceModel | None:
        """Return the model of a code."""
        if code not in self._models:
            self._models[code] = find_model(self._session, code)
        return self._models[code]

    def revision(self, model: DeviceModel, code: str) -> ModelRevision | None:
        """Return the revision of a model."""
        return find_revision(model, code)

    def organisation(self, name: str, scope: Scope) -> Organisation | None:
        """Return an organisation of the scope by its code or public id."""
        known = self._organisations.get(scope.organisation_id)
        if known is None:
            found = organisations(self._session, scope)
            known = {row.public_id: row for row in found} | {row.code: row for row in found}
            self._organisations[scope.organisation_id] = known
        return known.get(name)


@dataclass
class Reading:
    """What was read: values by field, and problems by field.

    `columns` are columns of `devices`; the identity stands apart, since it has its own history.
    """

    as_typed: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    problems: dict[str, list[Text]] = field(default_factory=dict)
    model: DeviceModel | None = None
    revision: ModelRevision | None = None
    is_other_model: bool = False

    @property
    def model_code(self) -> str:
        """The code of the model that was named."""
        return self.model.code if self.model else ""

    @property
    def revision_code(self) -> str:
        """The code of the revision that was named."""
        return self.revision.code if self.revision else ""

    def identity(self, before: Identity) -> Identity:
        """Return what the box is called after this.

        Its maker is its model's unless named: at first, with another model, or when emptied.
        """
        said = {name: self.values[name] for name in IDENTITY if name in self.values}
        unnamed = not said.get("maker", before.maker) or (
            self.is_other_model and not said.get("maker")
        )
        if unnamed and self.model is not None:
            said["maker"] = self.model.maker
        return replace(before, **said)

    def refuse(self) -> None:
        """Refuse if anything was wrong.

        Raises:
            Invalid: with the messages of each field.
        """
        if self.problems:
            raise Invalid(fields=self.problems)


IDENTITY = ("maker", "serial", "mac_ethernet", "mac_wifi")
DATES = ("made_on", "shipped_on", "sold_on", "activated_on")


def read_fields(
    fields: DeviceFields,
    refs: References,
    *,
    scope: Scope,
    device: Device | None = None,
) -> Reading:
    """Read what was said of a box that is new, or of `device`. Problems are gathered, not raised.

    None and the empty text take a value away.
    """
    given = cast("Mapping[str, Any]", fields)
    reading = Reading({name: value for name, value in given.items() if value not in (None, "", [])})
    for name, value in given.items():
        if name in READERS:
            try:
                reading.values[name] = READERS[name](value)
            except Malformed as refusal:
                reading.problems[name] = [refusal.reason]
    reading.columns = {n: v for n, v in reading.values.items() if n not in (*IDENTITY, "tags")}
    reading.tags = reading.values.get("tags", [])
    _read_model(given, reading, refs, device)
    _read_organisations(given, reading, refs, scope, device)
    _check_dates(reading, device)
    if device is None and not scope.is_everything:
        _check_status(reading)
    return reading


def _read_model(
    given: Mapping[str, Any], reading: Reading, refs: References, device: Device | None
) -> None:
    """Resolve model and revision; another model takes a revision of the former one away."""
    reading.model = device.model if device else None
    reading.revision = device.revision if device else None
    if "model" in given:
        code = given["model"] or ""
        former, reading.model = reading.model, refs.model(code) if code else None
        if code and reading.model is None:
            reading.problems["model"] = [text("There is no model %(code)s.", code=code)]
        elif reading.model is not former:
            reading.revision, reading.is_other_model = None, True
    if "revision" in given:
        code = given["revision"] or ""
        reading.revision = refs.revision(reading.model, code) if code and reading.model else None
        if code and reading.revision is None and "model" not in reading.problems:
            message = text(
                "Model %(model)s has no revision %(code)s.", model=reading.model_code, code=code
            )
            reading.problems["revision"] = [message]
    if "model" in given or "revision" in given:
        reading.columns["model_id"] = reading.model.id if reading.model else None
        reading.columns["revision_id"] = reading.revision.id if reading.revision else None


def _read_organisations(
    given: Mapping[str, Any],
    reading: Reading,
    refs: References,
    scope: Scope,
    device: Device | None,
) -> None:
    """Resolve seller and custodian; people of an organisation name only their own.

    A box that they register is theirs: sold by them unless they say they only hold it.
    """
    for name in ("seller", "custodian"):
        if name not in given:
            continue
        found = refs.organisation(given[name], scope) if given[name] else None
        if given[name] and found is None:
            reading.problems[name] = [text("There is no such organisation.")]
        reading.columns[f"{name}_id"] = found.id if found else None
    if scope.is_everything:
        return
    columns, own = reading.columns, scope.organisation_id
    if device is None and own not in {columns.get("seller_id"), columns.get("custodian_id")}:
        columns["seller_id"] = own
    if device is not None and "seller_id" in columns and columns["seller_id"] != device.seller_id:
        reading.problems["seller"] = [text("Only the operator changes who sold a box.")]


def _check_status(reading: Reading) -> None:
    """Refuse a new box in a status that a dealer or a service centre does not give."""
    status = reading.columns.get("status", Status.IN_STOCK)
    obstacles = obstacles_to_seller(Status.IN_STOCK, status, has_custody=True)
    if obstacles:
        reading.problems.setdefault("status", [obstacle.message for obstacle in obstacles])


def _check_dates(reading: Reading, device: Device | None) -> None:
    """Refuse a box that was shipped, sold or activated before it was made."""
    days = {n: reading.values.get(n, getattr(device, n, None)) for n in DATES}
    made = days.pop("made_on")
    for name, day in days.items():
        if made and day and day < made and (name in reading.values or "made_on" in reading.values):
            reading.problems.setdefault(name, [text("Before the box was made.")])


# --- one value -----------------------------------------------------------------------------------


def _line(most: int) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        value = str(raw or "").strip()
        if len(value) > most:
            raise Malformed(text("At most %(most)s characters.", most=most))
        if not value.isprintable():
            raise Malformed(text("Control characters do not belong here."))
        return value

    return read


def _paragraphs(raw: Any) -> str:
    value = str(raw or "").strip()
    if len(value) > 2000:
        raise Malformed(text("At most %(most)s characters.", most=2000))
    if not all(c.isprintable() or c in "\n\r\t" for c in value):
        raise Malformed(text("Control characters do not belong here."))
    return value


def _absent(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a reader return None for what is left empty."""

    def read_some(raw: Any) -> Any:
        return None if raw is None or (isinstance(raw, str) and not raw.strip()) else read(raw)

    return read_some


def _day(raw: Any) -> date:
    if not isinstance(raw, date) or isinstance(raw, datetime):
        raise Malformed(text("This is no date."))
    if not EARLIEST <= raw <= date(2100, 1, 1):
        raise Malformed(text("A box has no date before 1990 or after 2100."))
    return raw


def _one_of(values: type[Status | Tenure]) -> Callable[[Any], str]:
    known = frozenset(values)

    def read(raw: Any) -> str:
        if raw not in known:
            raise Malformed(text("One of: %(names)s", names=", ".join(values)))
        return str(raw)

    return read


def _tag_list(raw: Any) -> list[str]:
    tags = sorted({normalise_tag(tag) for tag in raw or ()})
    if len(tags) > 20:
        raise Malformed(text("At most 20 tags."))
    return tags


READERS: Mapping[str, Callable[[Any], Any]] = {
    "serial": lambda raw: normalise_serial(str(raw)) if raw else "",
    "maker": _line(80),
    "mac_ethernet": _absent(normalise_mac),
    "mac_wifi": _absent(normalise_mac),
    "batch": _line(64),
    "made_on": _absent(_day),
    "shipped_on": _absent(_day),
    "sold_on": _absent(_day),
    "activated_on": _absent(_day),
    "tenure": _absent(_one_of(Tenure)),
    "external_id": _absent(_line(64)),
    "notes": _paragraphs,
    "tags": _tag_list,
    "status": _one_of(Status),
}
