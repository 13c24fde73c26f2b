"""The pages of stock: places, moves, receipts, reservations, what to order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import EXCLUDE, Schema

from stb_service.devices.components import COMPONENT_NAMES
from stb_service.devices.queries import DeviceFilter, devices_page
from stb_service.devices.routes import kept, who
from stb_service.parts import operations, queries
from stb_service.parts.catalogue.queries import find_part, part_of_model
from stb_service.parts.counts.queries import open_count_of
from stb_service.parts.models import Location, Part
from stb_service.parts.moves.queries import (
    Move,
    MoveFilter,
    ReservationFilter,
    move_by_number,
    moves_page,
    reservations_page,
)
from stb_service.parts.operations import CUSTOMERS
from stb_service.parts.ordering.queries import shortages_page
from stb_service.parts.routes import filter_from
from stb_service.parts.rules import (
    CONDITION_COLOURS,
    CONDITION_NAMES,
    COUNT_STATE_COLOURS,
    COUNT_STATE_NAMES,
    LOCATION_KIND_NAMES,
    MOVE_KIND_NAMES,
    PART_KIND_NAMES,
    RESERVATION_STATE_COLOURS,
    RESERVATION_STATE_NAMES,
    LocationKind,
)
from stb_service.parts.schemas import (
    ConsumeForm,
    GoodsForm,
    MoveFilterFields,
    ReservationFilterFields,
    StockFields,
    StockReasonForm,
)
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text
from stb_service.shared.money import Money, read_amount

pages = Blueprint("stock_pages", __name__, template_folder="templates")
PAGE_SIZE = 50
KEPT = ("from_location", "to_location", "condition", "reference")


def words() -> dict[str, Any]:
    """Return the names that templates of this room use."""
    return {
        "component_names": COMPONENT_NAMES,
        "condition_names": CONDITION_NAMES,
        "condition_colours": CONDITION_COLOURS,
        "location_kind_names": LOCATION_KIND_NAMES,
        "move_kind_names": MOVE_KIND_NAMES,
        "part_kind_names": PART_KIND_NAMES,
        "count_state_names": COUNT_STATE_NAMES,
        "count_state_colours": COUNT_STATE_COLOURS,
        "reservation_state_names": RESERVATION_STATE_NAMES,
        "reservation_state_colours": RESERVATION_STATE_COLOURS,
        "money": Money,
        "of_operator": lambda: current_actor().scope.is_everything,
    }


pages.context_processor(words)


def read_filter(kind: type[Any], schema: Schema) -> Any:
    """Return the filter in the address; a part that cannot be read is left out."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    return filter_from(kind, schema.load(kept, unknown=EXCLUDE))


def _location(ref: str) -> Location:
    return queries.location_by_ref(unit(), ref, current_actor().scope)


# --- what stands at a place ----------------------------------------------------------------------


@pages.get("/locations/<ref>")
@requires("parts.view")
def show_location(ref: str) -> ResponseReturnValue:
    """Show what stands at a place, part by part."""
    scope, location = current_actor().scope, _location(ref)
    wanted = read_filter(queries.StockFilter, StockFields())
    page = queries.stock_of_location(
        unit(),
        location,
        scope,
        wanted=wanted,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "parts/location.html",
        location=location,
        page=page,
        wanted=wanted,
        count=open_count_of(unit(), location, scope),
    )


# --- moves ---------------------------------------------------------------------------------------


@pages.get("/stock/moves")
@requires("parts.view")
def list_moves() -> ResponseReturnValue:
    """List the moves: filters in the address, page by page."""
    scope = current_actor().scope
    wanted = read_filter(MoveFilter, MoveFilterFields())
    page = moves_page(unit(), wanted, scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    return render_template(
        "parts/moves.html",
        page=page,
        moves=[Move(row, scope) for row in page.rows],
        wanted=wanted,
        locations=location_choices(_("all")),
    )


@pages.get("/stock/moves/<number>")
@requires("parts.view")
def show_move(number: str) -> ResponseReturnValue:
    """Show a move."""
    scope = current_actor().scope
    move = Move(move_by_number(unit(), number, scope), scope)
    return render_template("parts/move.html", move=move, row=move.row)


def location_choices(first: str, kinds: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return the places of the reader as choices."""
    found = queries.all_locations(unit(), current_actor().scope, kinds)
    return [("", first), *((row.code, f"{row.code} · {row.name}") for row in found)]


def end_choices() -> list[tuple[str, str]]:
    """Return the places that a move may begin or end at, the customers among them."""
    found = location_choices(_("choose one"))
    if CUSTOMERS not in dict(found):
        found.append((CUSTOMERS, str(LOCATION_KIND_NAMES[LocationKind.CUSTOMER])))
    return found


def supplier_choices() -> list[tuple[str, str]]:
    """Return the suppliers as choices."""
    return location_choices(_("choose one"), (LocationKind.SUPPLIER,))


def _goods(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was scanned: a part by number or barcode, or a box by its serial or MAC."""
    fields = {n: v for n, v in form.items() if n not in {"scanned", "unit_cost"}}
    part = find_part(unit(), form["scanned"])
    if part is not None:
        fields["part"], currency = part.sku, part.currency
    else:
        fields["device"], currency = _box(form["scanned"])
        fields["quantity"] = 1
    if form.get("unit_cost"):
        cost = read_amount(form["unit_cost"], currency, field="unit_cost")
        fields["unit_cost_minor"] = cost
    return fields


def _box(typed: str) -> tuple[str, str]:
    found = devices_page(unit(), DeviceFilter(text=typed), current_actor().scope, limit=2).rows
    if len(found) != 1:
        message = text("No part, and not the serial or MAC of one box.")
        raise Invalid.field("scanned", message)
    box = found[0]
    line = part_of_model(unit(), box.model_id) if box.model_id else None
    if line is None:
        message = text("Add whole boxes of model %(model)s to the catalogue.", model=box.model_code)
        raise Invalid.field("scanned", message)
    return box.public_id, line.currency


def _next_scan(endpoint: str, form: Mapping[str, Any]) -> ResponseReturnValue:
    """Show the same form for the next piece, with the places kept."""
    return see_other(endpoint, **{name: form[name] for name in KEPT if form.get(name)})


def _kept() -> dict[str, Any]:
    return {name: request.args[name] for name in KEPT if name in request.args} | {"quantity": 1}


@pages.route("/stock/move", methods=["GET", "POST"])
@requires("stock.move")
def move_stock() -> ResponseReturnValue:
    """Move what is scanned from one place to another."""

    def save() -> ResponseReturnValue:
        form = read_form(GoodsForm())
        row = operations.move_stock(unit(), **_goods(form), **who(), **kept())
        flash(_("Moved: %(what)s.", what=_said(row.part_id, form)))
        return _next_scan("stock_pages.move_stock", form)

    return form_page("parts/move_form.html", save, values=_kept(), locations=end_choices)


def _said(part_id: int, form: Mapping[str, Any]) -> str:
    part = unit().get_one(Part, part_id)
    return f"{part.sku} · {form['quantity']}"


@pages.route("/stock/receive", methods=["GET", "POST"])
@requires("stock.move")
def receive_stock() -> ResponseReturnValue:
    """Take in what a supplier delivered."""

    def save() -> ResponseReturnValue:
        form = read_form(GoodsForm())
        goods = _goods(form)
        missing = {
            name: [text("Missing data for required field.")]
            for name in ("from_location", "unit_cost")
            if not form.get(name)
        }
        if missing:
            raise Invalid(fields=missing)
        row = operations.receive_stock(unit(), **goods, **who(), **kept())
        flash(_("Received: %(what)s.", what=_said(row.part_id, form)))
        return _next_scan("stock_pages.receive_stock", form)

    return form_page(
        "parts/receive.html",
        save,
        values=_kept(),
        suppliers=supplier_choices,
        locations=lambda: location_choices(_("choose one")),
    )


# --- reservations --------------------------------------------------------------------------------


@pages.get("/stock/reservations")
@requires("parts.view")
def list_reservations() -> ResponseReturnValue:
    """List what is held back, and what became of it."""
    wanted = read_filter(ReservationFilter, ReservationFilterFields())
    page = reservations_page(
        unit(),
        wanted,
        current_actor().scope,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "parts/reservations.html",
        page=page,
        wanted=wanted,
        locations=location_choices(_("all")),
    )


def carry_out(act: Callable[[], Any], done: str, back: ResponseReturnValue) -> ResponseReturnValue:
    """Carry out what a button asks for; a refusal is told on the page it leads back to."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(str(refusal), "error")
    else:
        flash(done)
    return back


@pages.post("/stock/reservations/<ref>/consume")
@requires("stock.move")
def consume_reservation(ref: str) -> ResponseReturnValue:
    """Use what is reserved."""
    return carry_out(
        lambda: operations.consume_reservation(
            unit(), ref=ref, **read_form(ConsumeForm()), **who()
        ),
        _("What was reserved is used."),
        see_other("stock_pages.list_reservations", state="held"),
    )


@pages.post("/stock/reservations/<ref>/release")
@requires("stock.move")
def release_reservation(ref: str) -> ResponseReturnValue:
    """Let go what is reserved."""
    return carry_out(
        lambda: operations.release_reservation(
            unit(), ref=ref, **read_form(StockReasonForm()), **who()
        ),
        _("What was reserved is available again."),
        see_other("stock_pages.list_reservations", state="held"),
    )


# --- what to order -------------------------------------------------------------------------------


@pages.get("/stock/reorder")
@requires("parts.view")
def list_shortages() -> ResponseReturnValue:
    """List what places have too few of, and how many to order."""
    location = request.args.get("location", "")[:32]
    page = shortages_page(
        unit(),
        current_actor().scope,
        location=location if location.isprintable() else "",
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "parts/reorder.html",
        page=page,
        location=location,
        locations=location_choices(_("all")),
    )
