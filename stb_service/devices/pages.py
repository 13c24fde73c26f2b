"""The pages of boxes: the registry list, the card, and the forms that change a box."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _
from marshmallow import EXCLUDE

from stb_service.devices import jobs, operations, queries
from stb_service.devices.card import card_of
from stb_service.devices.catalogue.queries import all_models
from stb_service.devices.identity.review import kept_for_review
from stb_service.devices.identity.rules import (
    CLAIM_SOURCE_NAMES,
    IDENTIFIER_NAMES,
    ClaimSource,
)
from stb_service.devices.models import Device
from stb_service.devices.queries import COUNT_LIMIT, DeviceFilter
from stb_service.devices.routes import filter_of, kept, lost, read_capabilities, who
from stb_service.devices.rules import (
    CAPABILITY_KIND_NAMES,
    SELLER_STATUSES,
    STATUS_COLOURS,
    STATUS_NAMES,
    TENURE_NAMES,
    CapabilityKind,
    Status,
    field_name,
)
from stb_service.devices.schemas import (
    BoardForm,
    CustodyForm,
    DeviceForm,
    ExportForm,
    FilterFields,
    StatusForm,
    TagForm,
)
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, same_site, see_other
from stb_service.shared.http.rooms import parts_of_page, timeline_of
from stb_service.shared.i18n import text
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator, organisations

pages = Blueprint("devices_pages", __name__, template_folder="templates")
PAGE_SIZE = 50
ORDER_NAMES = {
    "-registered": text("Newest first"),
    "registered": text("Oldest first"),
    "-changed": text("Lately changed first"),
    "changed": text("Long unchanged first"),
    "serial": text("Serial, A to Z"),
    "-serial": text("Serial, Z to A"),
    "status": text("Status, A to Z"),
    "-status": text("Status, Z to A"),
    "batch": text("Batch, A to Z"),
    "-batch": text("Batch, Z to A"),
}


def words() -> dict[str, Any]:
    """Return the names that templates of this room use."""
    return {
        "status_names": STATUS_NAMES,
        "status_colours": STATUS_COLOURS,
        "tenure_names": TENURE_NAMES,
        "identifier_names": IDENTIFIER_NAMES,
        "capability_kind_names": CAPABILITY_KIND_NAMES,
        "claim_source_names": CLAIM_SOURCE_NAMES,
        "field_name": field_name,
        "format_date": lambda day: format_date(day, "d MMM y"),  # as instants are written
        "of_operator": lambda: current_actor().scope.is_everything,
        "told_of": lambda organisation: queries.told_of(organisation, current_actor().scope),
    }


pages.context_processor(words)


# --- the list ------------------------------------------------------------------------------------


def _filter() -> DeviceFilter:
    """Return the filter in the address; a part that cannot be read is left out."""
    schema = FilterFields()
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    return filter_of(schema.load(kept, unknown=EXCLUDE))


def _sort() -> str:
    sort = request.args.get("sort", "-registered")
    return sort if sort in ORDER_NAMES else "-registered"


@pages.get("/devices")
@requires("devices.view")
def list_devices() -> ResponseReturnValue:
    """Show the registry: filters and order in the address, page by page."""
    wanted, scope, sort = _filter(), current_actor().scope, _sort()
    page = queries.devices_page(
        unit(), wanted, scope, sort=sort, cursor=request.args.get("cursor"), limit=PAGE_SIZE
    )
    return render_template(
        "devices/list.html",
        page=page,
        wanted=wanted,
        sort=sort,
        order_names=ORDER_NAMES,
        count=queries.devices_count(unit(), wanted, scope),
        count_limit=COUNT_LIMIT,
        models=all_models(unit()),
        sellers=organisations(unit(), scope),
        custodians=own_choices()[1:],
    )


@pages.post("/devices/tags")
@requires("devices.edit")
def tag_devices() -> ResponseReturnValue:
    """Change the tags of the ticked boxes; first show how many there are."""
    back = same_site(request.form.get("back"), url_for("devices_pages.list_devices"))
    typed = {
        "devices": request.form.getlist("devices"),
        "add": split_words(request.form.get("add", "")),
        "remove": split_words(request.form.get("remove", "")),
    }
    problems = TagForm().validate(typed)
    if problems or not (typed["add"] or typed["remove"]):
        flash(_("Tick at least one box and name at least one tag."), "warning")
        return see_other_url(back)
    if "confirmed" not in request.form:
        return render_template("devices/tag.html", typed=typed, back=back)
    try:
        changed = operations.tag_devices(
            unit(), uids=typed["devices"], add=typed["add"], remove=typed["remove"], **who()
        )
    except (Invalid, Refused) as refusal:
        unit().rollback()
        flash(str(refusal), "warning")
        return see_other_url(back)
    flash(_("%(count)s boxes changed.", count=changed))
    return see_other_url(back)


def split_words(typed: str) -> list[str]:
    """Return the words of a line, separated by commas, semicolons or spaces."""
    return [word for word in re.split(r"[,;\s]+", typed) if word]


def see_other_url(url: str) -> ResponseReturnValue:
    """Send the browser to an address of this site."""
    return "", 303, {"Location": url}


@pages.post("/devices/export")
@requires("devices.export")
def export_devices() -> ResponseReturnValue:
    """Export the boxes of the list; the page of the work has the file in the end."""
    form = read_form(ExportForm())
    job = jobs.enqueue_export(unit(), wanted=filter_of(form), form=form["format"], **who())
    return see_other("arrivals_pages.work", ref=job.public_id)


# --- the card ------------------------------------------------------------------------------------


@pages.get("/devices/<uid>")
@requires("devices.view")
def show_device(uid: str) -> ResponseReturnValue:
    """Show a box: identity, history, and what other rooms know of it."""
    actor = current_actor()
    card = card_of(unit(), uid, actor.scope)
    return render_template(
        "devices/card.html",
        card=card,
        device=card.device,
        timeline=timeline_of(services().registries.timeline, uid),
        sections=parts_of_page(services().registries.card, uid),
    )


# --- forms ---------------------------------------------------------------------------------------


def model_choices() -> list[tuple[str, str]]:
    """Return the models as choices."""
    return [("", _("none")), *((model.code, f"{model.code} · {model.name}") for model in _models())]


def revision_choices() -> list[tuple[str, str]]:
    """Return the revisions of all models as choices, each said with its model."""
    found: dict[str, list[str]] = {}
    for model in _models():
        for revision in model.revisions:
            found.setdefault(revision.code, []).append(model.code)
    return [
        ("", _("none")),
        *((code, f"{code} ({', '.join(of)})") for code, of in sorted(found.items())),
    ]


def _models() -> Any:
    return all_models(unit())


def own_choices() -> list[tuple[str, str]]:
    """Return who may sell or hold a box, as far as the reader may say."""
    found = organisations(unit(), current_actor().scope)
    return [("", _("none")), *((row.code, row.name) for row in found)]


def status_choices() -> list[tuple[str, str]]:
    """Return the statuses that the reader may register a box in, in the order of its life."""
    known = Status if current_actor().scope.is_everything else SELLER_STATUSES
    return [(status.value, str(STATUS_NAMES[status])) for status in Status if status in known]


def custodian_choices() -> list[tuple[str, str]]:
    """Return to whom a box may be handed: everyone of the reader's scope, and the operator."""
    found: dict[str, Organisation] = {
        row.code: row for row in organisations(unit(), current_actor().scope)
    }
    own = operator(unit())
    if own is not None:
        found.setdefault(own.code, own)
    return [("", _("none of these")), *((row.code, row.name) for row in found.values())]


def typed_fields(form: Mapping[str, Any], schema_names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form; one that was emptied takes its value away."""
    fields = {name: None for name in schema_names if name in request.form} | dict(form)
    if "tags" in fields:
        fields["tags"] = split_words(fields["tags"] or "")
    return fields


def _values_of(device: Device) -> dict[str, Any]:
    names = (
        *("serial", "maker", "mac_ethernet", "mac_wifi", "batch", "made_on", "shipped_on"),
        *("sold_on", "activated_on", "tenure", "external_id", "notes"),
    )
    return {name: getattr(device, name) for name in names} | {
        "model": device.model_code,
        "revision": device.revision_code,
        "seller": device.seller.code if device.seller else "",
        "tags": ", ".join(device.tag_names),
    }


def _device(uid: str) -> Device:
    return queries.device_by_uid(unit(), uid, current_actor().scope)


@pages.route("/devices/<uid>/edit", methods=["GET", "POST"])
@requires("devices.edit")
def edit_device(uid: str) -> ResponseReturnValue:
    """Correct a box."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        schema = DeviceForm()
        fields = typed_fields(read_form(schema), schema.fields)
        with kept_for_review(ClaimSource.FORM):
            operations.change_device(unit(), uid=uid, **who(), **fields)
        flash(_("The box is changed."))
        return see_other("devices_pages.show_device", uid=uid)

    return form_page(
        "devices/edit.html",
        save,
        values=_values_of(device),
        device=device,
        models=model_choices,
        revisions=revision_choices,
        sellers=own_choices,
    )


@pages.post("/devices/<uid>/status")
@requires("devices.edit")
def change_status(uid: str) -> ResponseReturnValue:
    """Move a box on in its life."""
    return do_on_card(
        uid,
        lambda: operations.change_status(
            unit(), uid=uid, **read_form(StatusForm()), **who(), **lost()
        ),
        _("The status is changed."),
    )


def do_on_card(uid: str, act: Callable[[], Any], done: str) -> ResponseReturnValue:
    """Carry out what a button of the card asks for; a refusal is told on the card."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(str(refusal), "error")
    else:
        flash(done)
    return see_other("devices_pages.show_device", uid=uid)


@pages.route("/devices/<uid>/custody", methods=["GET", "POST"])
@requires("devices.edit")
def move_custody(uid: str) -> ResponseReturnValue:
    """Hand a box over."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        operations.move_custody(unit(), uid=uid, **read_form(CustodyForm()), **who(), **kept())
        flash(_("Box %(label)s is handed over.", label=device.label))
        scope = current_actor().scope
        unit().flush()
        if scope.is_everything or device.seller_id == scope.organisation_id:
            return see_other("devices_pages.show_device", uid=uid)
        return see_other("devices_pages.list_devices")

    return form_page("devices/custody.html", save, device=device, organisations=custodian_choices)


@pages.route("/devices/<uid>/board", methods=["GET", "POST"])
@requires("devices.edit")
def swap_board(uid: str) -> ResponseReturnValue:
    """Put another board into a box."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        form = read_form(BoardForm())
        if form["donor"]:
            form["donor"] = _donor(form["donor"])
        with kept_for_review(ClaimSource.FORM):
            operations.swap_board(unit(), uid=uid, **form, **who())
        flash(_("The board is swapped; the former MACs stay in the history."))
        return see_other("devices_pages.show_device", uid=uid)

    return form_page("devices/board.html", save, device=device)


def _donor(serial: str) -> str:
    """Return the uid of the one current box whose serial or MAC was typed."""
    page = queries.devices_page(
        unit(), DeviceFilter(text=serial), current_actor().scope, cursor=None, limit=2
    )
    if len(page.rows) != 1:
        raise Invalid.field("donor", text("Not the serial or MAC of one box."))
    return page.rows[0].public_id


CAPABILITY_LINE = re.compile(r"([+-]?)\s*(\S+)\s*(.*)")


@pages.route("/devices/<uid>/capabilities", methods=["GET", "POST"])
@requires("devices.edit")
def edit_capabilities(uid: str) -> ResponseReturnValue:
    """Say where a box differs from its model, one capability a line."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        overrides = [
            override
            for kind, name in (
                (CapabilityKind.CODEC, "codecs"),
                (CapabilityKind.PROTECTION, "protections"),
            )
            for override in read_override_lines(kind, name)
        ]
        operations.set_capabilities(unit(), uid=uid, overrides=overrides, **who())
        flash(_("The capabilities are changed."))
        return see_other("devices_pages.show_device", uid=uid)

    def lines(kind: str) -> str:
        rows = [row for row in device.capabilities if row.kind == kind]
        return "\n".join(
            f"{'+' if row.is_present else '-'} {row.name} {row.detail}".strip() for row in rows
        )

    values = {"codecs": lines("codec"), "protections": lines("protection")}
    return form_page("devices/capabilities.html", save, values=values, device=device)


def read_override_lines(kind: str, field: str) -> list[Any]:
    """Return the capabilities typed in a field, with whether the box has them.

    Raises:
        Invalid: a line is too long or names nothing.
    """
    found = []
    for line in request.form.get(field, "").splitlines()[:50]:
        parts = CAPABILITY_LINE.fullmatch(line.strip())
        if not line.strip():
            continue
        if parts is None or len(parts[3]) > 64 or not line.isprintable():
            raise Invalid.field(field, text("Cannot be read: %(line)s", line=line[:80]))
        try:
            row = {"kind": kind, "name": parts[2], "detail": parts[3]}
            found.append((read_capabilities([row])[0], parts[1] != "-"))
        except Invalid as refusal:
            raise Invalid.field(field, refusal.detail) from refusal
    return found
