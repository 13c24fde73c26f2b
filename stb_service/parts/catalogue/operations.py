"""Verbs on the catalogue: parts, places, and how many of a part a place should have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from stb_service.devices.catalogue.queries import find_model
from stb_service.devices.components import Component
from stb_service.parts.catalogue import queries
from stb_service.parts.models import Location, Part, PartFit, StockRule
from stb_service.parts.ordering.queries import rule_of
from stb_service.parts.rules import (
    OPEN,
    OWNABLE,
    OWNED,
    SHELVES,
    SINGLE,
    PartKind,
    gtin,
)
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.errors import Obstacle as Why
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import CURRENCIES
from stb_service.staff.models import Organisation


class PartDetails(TypedDict, total=False):
    """What may be left open about a part. `fits` maps codes of models to pieces in one box."""

    ean: str | None
    component: str
    lead_time_days: int
    min_order: int
    pack_size: int
    supersedes: str | None
    returns_core: bool
    is_active: bool
    notes: str
    fits: Mapping[str, int]


class PartFields(PartDetails, total=False):
    """What can be changed about a part."""

    name: str
    currency: str


def subject_of(part: Part) -> tuple[str, str, str]:
    """Return what the audit calls a part."""
    return "part", part.public_id, part.sku


def create_part(
    session: Session,
    *,
    sku: str,
    name: str,
    currency: str,
    model: str | None = None,
    actor: Actor,
    now: datetime,
    **fields: Unpack[PartDetails],
) -> Part:
    """Add a part to the catalogue; with a `model`, the line for whole boxes of it.

    Raises:
        Conflict: the number or the barcode is taken, or the model has its line.
        Invalid: a model, a part, the component, the currency or the barcode is none.
    """
    if session.scalar(select(Part.id).where(Part.sku == sku)) is not None:
        raise Conflict(text("There is a part %(sku)s already.", sku=sku), code="sku-taken")
    reading = _Reading(session, fields)
    reading.read_currency(currency)
    part = Part(
        sku=sku,
        name=name,
        currency=currency,
        kind=PartKind.BOX if model else PartKind.PART,
        created_at=now,
        changed_at=now,
    )
    if model:
        _set_model(session, part, model, reading.problems)
    reading.refuse()
    _check_ean(session, reading.columns.get("ean"), but=None)
    audit.apply_changes(part, reading.columns)
    if reading.fits is not None:
        part.fits = [PartFit(model_id=key, quantity=n) for key, n in reading.fits.items()]
    session.add(part)
    session.flush()
    changes: dict[str, Any] = {"sku": sku, "name": name, "currency": currency}
    changes |= {
        field: value
        for field, value in fields.items()
        if field != "fits" and value not in {None, ""}
    }
    if model:
        changes["model"] = model
    if fields.get("fits"):
        changes["fits_models"] = _words(fields["fits"])
    audit.record(
        session, actor=actor, verb="part.create", subject=subject_of(part), changes=changes, now=now
    )
    return part


def change_part(
    session: Session, *, part: Part, actor: Actor, now: datetime, **fields: Unpack[PartFields]
) -> Part:
    """Change a part; what is left out stays. Its number stays: labels on shelves name it.

    Raises:
        Conflict: the barcode is taken.
        Invalid: a model, a part, the component, the currency or the barcode is none.
        Refused: its stock is valued in another currency.
    """
    reading = _Reading(session, fields)
    if reading.columns.get("supersedes_id") == part.id:
        reading.problems["supersedes"] = [text("A part does not take its own place.")]
    reading.refuse()
    _check_ean(session, reading.columns.get("ean"), but=part.id)
    other = reading.columns.get("currency", part.currency) != part.currency
    if other and queries.has_moved(session, part):
        message = text("Its stock is valued in %(currency)s.", currency=part.currency)
        raise Refused([Why("currency", message)])
    changes: dict[str, Any] = dict(audit.apply_changes(part, reading.columns))
    if reading.fits is not None:
        changes |= _replace_fits(session, part, reading.fits)
    if not changes:
        return part
    part.changed_at = now
    session.flush()
    session.expire(part, ["supersedes"])
    audit.record(
        session, actor=actor, verb="part.change", subject=subject_of(part), changes=changes, now=now
    )
    return part


class _Reading:
    """What was said of a part, read into columns; the problems of all fields are gathered."""

    def __init__(self, session: Session, given: PartDetails | PartFields) -> None:
        fields = cast("Mapping[str, Any]", given)
        self.problems: dict[str, list[Text]] = {}
        self.columns: dict[str, Any] = {
            name: value
            for name, value in fields.items()
            if name not in {"fits", "supersedes", "ean"}
        }
        self.fits: dict[int, int] | None = None
        if "currency" in fields:
            self.read_currency(fields["currency"])
        if fields.get("component", "") not in {"", *Component}:
            self.problems["component"] = [text("There is no such component.")]
        if "ean" in fields:
            self._read_ean(fields["ean"])
        if "supersedes" in fields:
            self._read_supersedes(session, fields["supersedes"])
        if "fits" in fields:
            self._read_fits(session, fields["fits"])

    def read_currency(self, code: str) -> None:
        """Tell of a currency that is none."""
        if code not in CURRENCIES:
            self.problems["currency"] = [text("Not a currency code of ISO 4217.")]

    def _read_ean(self, raw: str | None) -> None:
        self.columns["ean"] = gtin(raw) if raw else None
        if raw and self.columns["ean"] is None:
            self.problems["ean"] = [text("Not a barcode number: its check digit does not fit.")]

    def _read_supersedes(self, session: Session, sku: str | None) -> None:
        found = queries.find_part(session, sku) if sku else None
        if sku and found is None:
            self.problems["supersedes"] = [text("There is no such part.")]
        self.columns["supersedes_id"] = found.id if found else None

    def _read_fits(self, session: Session, wanted: Mapping[str, int]) -> None:
        self.fits = {}
        for code, quantity in wanted.items():
            model = find_model(session, code)
            if model is None:
                message = text("There is no model %(code)s.", code=code)
                self.problems.setdefault("fits", []).append(message)
            else:
                self.fits[model.id] = quantity

    def refuse(self) -> None:
        """Refuse if anything was wrong.

        Raises:
            Invalid: with the messages of each field.
        """
        if self.problems:
            raise Invalid(fields=self.problems)


def _set_model(session: Session, part: Part, code: str, problems: dict[str, list[Text]]) -> None:
    found = find_model(session, code)
    if found is None:
        problems["model"] = [text("There is no model %(code)s.", code=code)]
        return
    if queries.part_of_model(session, found.id) is not None:
        message = text("Whole boxes of model %(code)s are in the catalogue already.", code=code)
        raise Conflict(message, code="model-taken")
    part.model = found


def _check_ean(session: Session, ean: str | None, *, but: int | None) -> None:
    if ean is None:
        return
    holder = session.scalar(select(Part).where(Part.ean == ean))
    if holder is not None and holder.id != but:
        message = text("Part %(sku)s has this barcode.", sku=holder.sku)
        raise Conflict(message, code="ean-taken")


def _replace_fits(session: Session, part: Part, wanted: Mapping[int, int]) -> dict[str, Any]:
    held = {fit.model_id: fit for fit in part.fits}
    if {key: fit.quantity for key, fit in held.items()} == dict(wanted):
        return {}
    before = _words({fit.model_code: fit.quantity for fit in part.fits})
    for key in set(held) - set(wanted):
        part.fits.remove(held[key])
    for key, quantity in wanted.items():
        if key in held:
            held[key].quantity = quantity
        else:
            part.fits.append(PartFit(model_id=key, quantity=quantity))
    session.flush()
    session.expire(part, ["fits"])
    after = _words({fit.model_code: fit.quantity for fit in part.fits})
    return {"fits_models": [before, after]}


def _words(fits: Mapping[str, int]) -> list[str]:
    return [f"{code} {quantity}" for code, quantity in sorted(fits.items())]


# --- places --------------------------------------------------------------------------------------


def create_location(
    session: Session,
    *,
    code: str,
    name: str,
    kind: str,
    organisation: str | None = None,
    actor: Actor,
    now: datetime,
) -> Location:
    """Add a place; that of a centre or a dealer belongs to its organisation (code or id).

    Raises:
        Conflict: the code is taken.
        Invalid: the organisation does not go with the kind, or places of the kind make themselves.
    """
    if kind in SINGLE:
        raise Invalid.field("kind", text("There is one such place, and it makes itself."))
    if session.scalar(select(Location.id).where(Location.code == code)) is not None:
        raise Conflict(text("There is a place %(code)s already.", code=code), code="code-taken")
    owner = _owner(session, kind, organisation)
    location = Location(
        code=code,
        name=name,
        kind=kind,
        is_open=kind in OPEN,
        organisation=owner,
        created_at=now,
    )
    session.add(location)
    session.flush()
    changes = {"code": code, "name": name, "kind": kind}
    if owner is not None:
        changes["organisation"] = owner.code
    _record_location(session, location, "location.create", changes, actor, now)
    return location


def _owner(session: Session, kind: str, ref: str | None) -> Organisation | None:
    if not ref:
        if kind in OWNED:
            message = text("Such a place belongs to an organisation.")
            raise Invalid.field("organisation", message)
        return None
    names = or_(Organisation.code == ref, Organisation.public_id == ref)
    found = session.scalar(select(Organisation).where(names))
    if found is None:
        raise Invalid.field("organisation", text("There is no such organisation."))
    if found.kind == "operator":
        if kind in OWNED:
            raise Invalid.field("organisation", text("The organisation is of another kind."))
        return None
    if kind not in OWNABLE:
        raise Invalid.field("organisation", text("Such a place is the operator's."))
    if kind in OWNED and found.kind != OWNED[kind]:
        raise Invalid.field("organisation", text("The organisation is of another kind."))
    return found


def change_location(
    session: Session,
    *,
    location: Location,
    name: str | None = None,
    is_active: bool | None = None,
    actor: Actor,
    now: datetime,
) -> Location:
    """Rename a place, or close it: nothing is moved to a closed place. Its kind and owner stay."""
    new = {"name": name, "is_active": is_active}
    changes = audit.apply_changes(location, {k: v for k, v in new.items() if v is not None})
    if changes:
        session.flush()
        _record_location(session, location, "location.change", changes, actor, now)
    return location


def _record_location(
    session: Session,
    location: Location,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    subject = ("location", location.public_id, location.code)
    audit.record(session, actor=actor, verb=verb, subject=subject, changes=changes, now=now)


# --- limits --------------------------------------------------------------------------------------


def set_stock_rule(
    session: Session,
    *,
    part: Part,
    location: Location,
    minimum: int,
    maximum: int,
    actor: Actor,
    now: datetime,
) -> StockRule | None:
    """Say how many of a part a place should have, from a minimum up to a maximum; a minimum of 0
    takes the limits away.

    Raises:
        Invalid: the maximum is below the minimum.
        Refused: nothing is kept ready at such a place.
    """
    if location.kind not in SHELVES:
        raise Refused([Why("place", text("Nothing is kept ready at such a place."))])
    if minimum and maximum < minimum:
        raise Invalid.field("maximum", text("The maximum is not below the minimum."))
    rule = rule_of(session, part, location, actor.scope)
    before = [rule.minimum, rule.maximum] if rule else None
    after = [minimum, maximum] if minimum else None
    if before == after:
        return rule
    if rule is not None and minimum == 0:
        session.delete(rule)
        rule = None
    elif rule is not None:
        rule.minimum, rule.maximum = minimum, maximum
    else:
        rule = StockRule(part=part, location=location, minimum=minimum, maximum=maximum)
        session.add(rule)
    session.flush()
    changes = {
        "location": location.code,
        "minimum": [before[0] if before else None, after[0] if after else None],
        "maximum": [before[1] if before else None, after[1] if after else None],
    }
    audit.record(
        session, actor=actor, verb="part.limits", subject=subject_of(part), changes=changes, now=now
    )
    return rule
