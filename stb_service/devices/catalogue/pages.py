"""The pages of models of box."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.catalogue import operations, queries
from stb_service.devices.catalogue.models import DeviceModel
from stb_service.devices.catalogue.schemas import ModelForm, NewModelForm
from stb_service.devices.pages import read_override_lines, words
from stb_service.devices.queries import DeviceFilter, devices_count
from stb_service.devices.routes import who
from stb_service.devices.rules import Capability, CapabilityKind
from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text

pages = Blueprint("models_pages", __name__, template_folder="../templates")
pages.context_processor(words)
LINES = ("revisions", "codecs", "protections")
OPTIONAL = ("memory_mb", "flash_mb", "end_of_sale_on", "end_of_service_on")


@pages.get("/models")
@requires("models.view")
def list_models() -> ResponseReturnValue:
    """List the models by code."""
    page = queries.models_page(unit(), cursor=request.args.get("cursor"), limit=50)
    return render_template("devices/models.html", page=page)


@pages.get("/models/<ref>")
@requires("models.view")
def show_model(ref: str) -> ResponseReturnValue:
    """Show a model, and how many boxes of the reader's scope are of it."""
    model = queries.model_by_ref(unit(), ref)
    count = devices_count(unit(), DeviceFilter(model=model.code), current_actor().scope)
    return render_template("devices/model.html", model=model, count=count)


@pages.route("/models/new", methods=["GET", "POST"])
@requires("models.edit")
def new_model() -> ResponseReturnValue:
    """Add a model."""

    def save() -> ResponseReturnValue:
        model = operations.create_model(unit(), **_typed(NewModelForm()), **who())
        flash(_("Model %(code)s is added.", code=model.code))
        return see_other("models_pages.show_model", ref=model.public_id)

    return form_page("devices/model_form.html", save, model=None)


@pages.route("/models/<ref>/edit", methods=["GET", "POST"])
@requires("models.edit")
def edit_model(ref: str) -> ResponseReturnValue:
    """Change a model."""
    model = queries.model_by_ref(unit(), ref)

    def save() -> ResponseReturnValue:
        empty: dict[str, Any] = dict.fromkeys(OPTIONAL)
        fields = {**empty, "notes": "", **_typed(ModelForm())}
        operations.change_model(unit(), model=model, **fields, **who())
        flash(_("Model %(code)s is changed.", code=model.code))
        return see_other("models_pages.show_model", ref=ref)

    return form_page("devices/model_form.html", save, values=_values_of(model), model=model)


def _typed(schema: ModelForm) -> dict[str, Any]:
    """Return a model's fields from the form, lines split into revisions and capabilities."""
    fields = read_form(schema)
    revisions = [line.strip() for line in fields.get("revisions", "").splitlines()]
    if any(len(code) > 64 for code in revisions):
        raise Invalid.field("revisions", text("At most %(n)s characters.", n=64))
    capabilities = [*_capabilities("codecs"), *_capabilities("protections")]
    plain = {name: value for name, value in fields.items() if name not in LINES}
    return {
        **plain,
        "revisions": [code for code in revisions if code],
        "capabilities": capabilities,
    }


def _capabilities(field: str) -> list[Capability]:
    kind = CapabilityKind.CODEC if field == "codecs" else CapabilityKind.PROTECTION
    return [capability for capability, _present in read_override_lines(kind, field)]


def _values_of(model: DeviceModel) -> dict[str, Any]:
    names = ("name", "maker", "notes", *OPTIONAL)
    by_kind = {
        field: "\n".join(
            f"{row.name} {row.detail}".strip() for row in model.capabilities if row.kind == kind
        )
        for field, kind in (("codecs", "codec"), ("protections", "protection"))
    }
    revisions = "\n".join(revision.code for revision in model.revisions)
    return {name: getattr(model, name) for name in names} | by_kind | {"revisions": revisions}
