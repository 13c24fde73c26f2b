"""The pages of stock-taking: the sheets, and the one that is filled with a scanner."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.routes import who
from stb_service.parts.counts import operations, queries
from stb_service.parts.counts.schemas import CountedForm, CountFilterFields, NewCount
from stb_service.parts.models import StockCount
from stb_service.parts.pages import PAGE_SIZE, carry_out, location_choices, read_filter, words
from stb_service.parts.rules import SHELVES, LocationKind
from stb_service.parts.schemas import StockReasonForm
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other

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
    page = queries.counts_page(
        unit(),
        current_actor().scope,
        state=wanted.state,
        location=wanted.location,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "parts/counts.html", page=page, wanted=wanted, locations=location_choices(_("all"), COUNTED)
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
    return render_template("parts/count.html", values={}, errors={}, count=_count(ref))


def _count(ref: str) -> StockCount:
    return queries.count_by_ref(unit(), ref, current_actor().scope)


@pages.post("/stock/counts/<ref>")
@requires("stock.count")
def count_part(ref: str) -> ResponseReturnValue:
    """Write down how many of a part were found, and go on with the next."""

    def save() -> ResponseReturnValue:
        line = operations.count_part(unit(), ref=ref, **read_form(CountedForm()), **who())
        flash(_("%(sku)s: %(count)s counted.", sku=line.part.sku, count=line.counted))
        return see_other("counts_pages.show_count", ref=ref)

    return form_page("parts/count.html", save, count=lambda: _count(ref))


@pages.post("/stock/counts/<ref>/close")
@requires("stock.count")
def close_count(ref: str) -> ResponseReturnValue:
    """End a stock-taking; its differences become moves."""
    return carry_out(
        lambda: operations.close_count(unit(), ref=ref, **read_form(StockReasonForm()), **who()),
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
