"""The pages of parts and places: the catalogue, a part, and the forms that change them."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.catalogue.queries import all_models
from stb_service.devices.routes import who
from stb_service.parts import queries as stock
from stb_service.parts.catalogue import operations, queries
from stb_service.parts.catalogue.queries import PartFilter
from stb_service.parts.catalogue.schemas import (
    LimitsForm,
    NewPartForm,
    PartFilterFields,
    PartForm,
)
from stb_service.parts.ordering.queries import rules_of_part
from stb_service.parts.pages import PAGE_SIZE, location_choices, read_filter, words
from stb_service.parts.queries import LocationFilter, StockLine
from stb_service.parts.rules import LOCATION_KIND_NAMES, SHELVES, SINGLE
from stb_service.parts.schemas import LocationFilterFields, LocationForm, NewLocation
from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text
from stb_service.staff.queries import organisations

pages = Blueprint("parts_pages", __name__, template_folder="../templates")
pages.context_processor(words)
FIT_LINE = re.compile(r"(\S.*?)(?:\s+x?\s*(\d{1,4}))?")
NAMES = (
    *("name", "ean", "component", "currency", "lead_time_days", "min_order", "pack_size"),
    *("returns_core", "is_active", "notes"),
)


@pages.get("/parts")
@requires("parts.view")
def list_parts() -> ResponseReturnValue:
    """Show the catalogue: filters in the address, page by page."""
    wanted = read_filter(PartFilter, PartFilterFields())
    page = queries.parts_page(unit(), wanted, cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    return render_template("parts/parts.html", page=page, wanted=wanted, models=all_models(unit()))


@pages.get("/parts/<ref>")
@requires("parts.view")
def show_part(ref: str) -> ResponseReturnValue:
    """Show a part: what it fits, where it stands, how many there should be."""
    part, scope = queries.part_by_ref(unit(), ref), current_actor().scope
    standings = stock.stock_of_part(unit(), part, scope)
    return render_template(
        "parts/part.html",
        part=part,
        standings=standings,
        total=StockLine(part, standings),
        rules=rules_of_part(unit(), part, scope),
        shelves=_shelves(),
    )


@pages.post("/parts/<ref>/limits")
@requires("parts.edit")
def set_limits(ref: str) -> ResponseReturnValue:
    """Say how many of a part a place should have."""
    part = queries.part_by_ref(unit(), ref)

    def save() -> ResponseReturnValue:
        form = read_form(LimitsForm())
        location = stock.find_location(unit(), form.pop("location"), current_actor().scope)
        if location is None:
            raise Invalid.field("location", text("There is no such place."))
        operations.set_stock_rule(unit(), part=part, location=location, **form, **who())
        flash(_("The limits are changed."))
        return see_other("parts_pages.show_part", ref=ref)

    return form_page("parts/limits.html", save, part=part, shelves=_shelves)


def _shelves() -> list[tuple[str, str]]:
    return location_choices(_("choose one"), tuple(sorted(SHELVES)))


def _typed(schema: PartForm) -> dict[str, Any]:
    """Return a part's fields from the form; a field that was emptied takes its value away."""
    fields = read_form(schema)
    for name in ("ean", "supersedes"):
        fields.setdefault(name, None)
    for name in ("notes", "component"):
        fields.setdefault(name, "")
    for name in ("returns_core", "is_active"):
        fields.setdefault(name, False)
    fields["fits"] = _fits(fields.get("fits", ""))
    return fields


def _fits(lines: str) -> dict[str, int]:
    """Return what a part fits, one model a line, with pieces in a box where there are several."""
    found = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        read = FIT_LINE.fullmatch(line)
        assert read is not None
        quantity = int(read[2] or 1)
        if not 1 <= quantity <= 1000:
            raise Invalid.field("fits", text("From 1 to %(most)s.", most=1000))
        found[read[1]] = quantity
    return found


@pages.route("/parts/new", methods=["GET", "POST"])
@requires("parts.edit")
def new_part() -> ResponseReturnValue:
    """Add a part to the catalogue."""

    def save() -> ResponseReturnValue:
        fields = _typed(NewPartForm())
        part = operations.create_part(unit(), **fields, **who())
        flash(_("Part %(sku)s is added.", sku=part.sku))
        return see_other("parts_pages.show_part", ref=part.public_id)

    values = {"is_active": True, "lead_time_days": 0, "min_order": 1, "pack_size": 1}
    return form_page("parts/part_form.html", save, values=values, part=None, models=_models)


def _models() -> list[tuple[str, str]]:
    found = ((model.code, f"{model.code} · {model.name}") for model in all_models(unit()))
    return [("", _("none: a spare part")), *found]


@pages.route("/parts/<ref>/edit", methods=["GET", "POST"])
@requires("parts.edit")
def edit_part(ref: str) -> ResponseReturnValue:
    """Change a part."""
    part = queries.part_by_ref(unit(), ref)

    def save() -> ResponseReturnValue:
        operations.change_part(unit(), part=part, **_typed(PartForm()), **who())
        flash(_("Part %(sku)s is changed.", sku=part.sku))
        return see_other("parts_pages.show_part", ref=ref)

    values = {name: getattr(part, name) for name in NAMES} | {
        "supersedes": part.supersedes_sku,
        "fits": "\n".join(_fit_line(fit.model_code, fit.quantity) for fit in part.fits),
    }
    return form_page("parts/part_form.html", save, values=values, part=part, models=_models)


def _fit_line(code: str, quantity: int) -> str:
    return code if quantity == 1 else f"{code} x{quantity}"


# --- places --------------------------------------------------------------------------------------


@pages.get("/locations")
@requires("parts.view")
def list_locations() -> ResponseReturnValue:
    """List the places of the reader."""
    scope = current_actor().scope
    wanted = read_filter(LocationFilter, LocationFilterFields())
    page = stock.locations_page(
        unit(), wanted, scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE
    )
    return render_template(
        "parts/locations.html",
        page=page,
        wanted=wanted,
        organisations=organisations(unit(), scope),
    )


def _owners() -> list[tuple[str, str]]:
    found = organisations(unit(), current_actor().scope)
    return [("", _("the operator")), *((o.code, o.name) for o in found if o.kind != "operator")]


@pages.route("/locations/new", methods=["GET", "POST"])
@requires("parts.edit")
def new_location() -> ResponseReturnValue:
    """Add a place."""

    def save() -> ResponseReturnValue:
        location = operations.create_location(unit(), **read_form(NewLocation()), **who())
        flash(_("Place %(code)s is added.", code=location.code))
        return see_other("stock_pages.show_location", ref=location.public_id)

    kinds = [(str(k), str(name)) for k, name in LOCATION_KIND_NAMES.items() if k not in SINGLE]
    return form_page("parts/location_form.html", save, location=None, kinds=kinds, owners=_owners)


@pages.route("/locations/<ref>/edit", methods=["GET", "POST"])
@requires("parts.edit")
def edit_location(ref: str) -> ResponseReturnValue:
    """Rename a place, or close it."""
    location = stock.location_by_ref(unit(), ref, current_actor().scope)

    def save() -> ResponseReturnValue:
        operations.change_location(unit(), location=location, **read_form(LocationForm()), **who())
        flash(_("Place %(code)s is changed.", code=location.code))
        return see_other("stock_pages.show_location", ref=ref)

    values = {"name": location.name, "is_active": location.is_active}
    return form_page(
        "parts/location_form.html", save, values=values, location=location, kinds=[], owners=[]
    )
