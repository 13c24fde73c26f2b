"""The pages of stock-taking: the sheets, and the one that is filled with a scanner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.routes import kept, who
from stb_service.parts.counts import operations, queries, scanning
from stb_service.parts.counts.schemas import (
    CloseForm,
    CountedForm,
    CountFilterFields,
    MissingForm,
    NewCount,
    ScanForm,
)
from stb_service.parts.pages import PAGE_SIZE, carry_out, location_choices, read_filter, words
from stb_service.parts.rules import (
    BOX_OUTCOME_COLOURS,
    BOX_OUTCOME_NAMES,
    CONDITION_NAMES,
    SHELVES,
    LocationKind,
)
from stb_service.parts.schemas import StockReasonForm
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_errors, form_page, see_other, typed_values

pages = Blueprint("counts_pages", __name__, template_folder="../templates")
pages.context_processor(words)
COUNTED = tuple(sorted({*SHELVES, LocationKind.QUARANTINE}))


@dataclass(frozen=True)
class CountFilter:
    """What the list can be narrowed to; empty means all."""

    state: str = ""
    location: str = ""


@pages.get("/stock/counts")
@requires("parts.view")
def list_counts() -> ResponseReturnValue:
    """List the stock-takings."""
    wanted: CountFilter = read_filter(CountFilter, CountFilterFields())
    scope = current_actor().scope
    page = queries.counts_page(
        unit(),
        scope,
        state=wanted.state,
        location=wanted.location,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "parts/counts.html",
        page=page,
        lines=queries.numbers_of_lines(unit(), page.rows, scope),
        wanted=wanted,
        locations=location_choices(_("all"), COUNTED),
    )


@pages.route("/stock/counts/new", methods=["GET", "POST"])
@requires("stock.count")
def open_count() -> ResponseReturnValue:
    """Begin a stock-taking."""

    def save() -> ResponseReturnValue:
        count = operations.open_count(unit(), **read_form(NewCount()), **who())
        flash(_("Count what is there; what was expected is told at the end."))
        return see_other("counts_pages.show_count", ref=count.public_id)

    values = {"location": request.args.get("location", "")}
    return form_page(
        "parts/count_new.html",
        save,
        values=values,
        locations=lambda: location_choices(_("choose one"), COUNTED),
    )


@pages.get("/stock/counts/<ref>")
@requires("parts.view")
def show_count(ref: str) -> ResponseReturnValue:
    """Show a sheet: while it is open without what was expected."""
    condition = request.args.get("condition", "")
    boxes = {"condition": condition if condition in CONDITION_NAMES else ""}
    return _sheet(ref, boxes=boxes if "boxes" in request.args else None)


def _sheet(ref: str, status: int = 200, **shown: Any) -> ResponseReturnValue:
    """Show a sheet; what belongs to the scan of boxes stands under `boxes` and `box_errors`."""
    more = {"values": {}, "errors": {}, "boxes": None, "box_errors": {}, **shown}
    return render_template("parts/count.html", **_what_it_says(ref), **more), status


def _what_it_says(ref: str) -> dict[str, Any]:
    scope = current_actor().scope
    count = queries.sheet_by_ref(unit(), ref, scope)
    cursor = request.args.get("cursor")
    return {
        "count": count,
        "page": queries.lines_page(unit(), count, scope, cursor=cursor, limit=PAGE_SIZE),
        "tally": queries.tally_of(unit(), count, scope),
        "outcome_names": BOX_OUTCOME_NAMES,
        "outcome_colours": BOX_OUTCOME_COLOURS,
    }


@pages.post("/stock/counts/<ref>")
@requires("stock.count")
def count_part(ref: str) -> ResponseReturnValue:
    """Write down how many of a part were found, and go on with the next."""
    try:
        line = operations.count_part(unit(), ref=ref, **read_form(CountedForm()), **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        return _sheet(ref, refusal.status, values=typed_values({}), errors=form_errors(refusal))
    flash(_("%(sku)s: %(count)s counted.", sku=line.part.sku, count=line.counted))
    return see_other("counts_pages.show_count", ref=ref)


@pages.post("/stock/counts/<ref>/boxes")
@requires("stock.count")
def scan_box(ref: str) -> ResponseReturnValue:
    """Write down that a box was seen, and go on with the next. What was refused is named and not
    left in the field, where the scanner would type the next code behind it.
    """
    try:
        form = read_form(ScanForm())
        done = scanning.scan_box(unit(), ref=ref, **form, **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        boxes = {"condition": request.form.get("condition", "")}
        return _sheet(ref, refusal.status, boxes=boxes, box_errors=form_errors(refusal))
    box, condition = done.line.device, CONDITION_NAMES[done.line.condition]
    called: dict[str, Any] = {"box": box.label if box else "", "condition": condition}
    if done.was_known:
        flash(_("%(box)s was scanned before, as: %(condition)s. It counts once.", **called))
    else:
        flash(_("%(box)s written down. Condition: %(condition)s.", **called))
    chosen = {"condition": form["condition"]} if form["condition"] else {}
    return see_other("counts_pages.show_count", ref=ref, boxes="", **chosen)


@pages.post("/stock/counts/<ref>/boxes/<uid>/take-out")
@requires("stock.count")
def take_out(ref: str, uid: str) -> ResponseReturnValue:
    """Take a box from the sheet."""
    return carry_out(
        lambda: scanning.take_out(unit(), ref=ref, device=uid, **who()),
        _("The box is taken from the sheet."),
        see_other("counts_pages.show_count", ref=ref, boxes="", cursor=request.args.get("cursor")),
    )


@pages.post("/stock/counts/<ref>/missing")
@requires("stock.count")
def write_off_missing(ref: str) -> ResponseReturnValue:
    """Move what a closed sheet misses to the stock-taking."""
    return carry_out(
        lambda: scanning.write_off_missing(
            unit(), ref=ref, **read_form(MissingForm()), **who(), **kept()
        ),
        _("What was missing is written off."),
        see_other("counts_pages.show_count", ref=ref),
    )


@pages.post("/stock/counts/<ref>/close")
@requires("stock.count")
def close_count(ref: str) -> ResponseReturnValue:
    """End a stock-taking; its differences become moves."""
    return carry_out(
        lambda: operations.close_count(
            unit(), ref=ref, **read_form(CloseForm()), **who(), **kept()
        ),
        _("The stock-taking is closed; its differences are moves now."),
        see_other("counts_pages.show_count", ref=ref),
    )


@pages.post("/stock/counts/<ref>/cancel")
@requires("stock.count")
def cancel_count(ref: str) -> ResponseReturnValue:
    """Call a stock-taking off."""
    return carry_out(
        lambda: operations.cancel_count(unit(), ref=ref, **read_form(StockReasonForm()), **who()),
        _("The stock-taking is called off."),
        see_other("counts_pages.show_count", ref=ref),
    )
