"""The pages of warranty: policies and their editor, assignments, cover of a box, decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.catalogue.queries import all_models
from stb_service.devices.models import Device
from stb_service.devices.queries import DeviceFilter, device_row, devices_page
from stb_service.devices.routes import who
from stb_service.shared.access import EVERYTHING, requires
from stb_service.shared.errors import Conflict, DomainError, Invalid
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.unit import field_messages, request_time
from stb_service.shared.i18n import day_here, text
from stb_service.staff.queries import organisations
from stb_service.warranty import decisions, operations, queries
from stb_service.warranty.card import cover_now
from stb_service.warranty.forms import at_fields, draft_values, read_draft
from stb_service.warranty.judging import Judgement, judge
from stb_service.warranty.models import WarrantyPolicy
from stb_service.warranty.routes import filter_of, named_policy
from stb_service.warranty.schemas import (
    CoverArguments,
    DecisionFilterFields,
    NewTermsForm,
    PolicyAssignmentBody,
    PolicyPublishBody,
    PolicyRetireBody,
    TermsForm,
    TryArguments,
    WarrantyDecideBody,
    WarrantyOverrideBody,
)
from stb_service.warranty.sentences import sentences_of
from stb_service.warranty.terms import presets
from stb_service.warranty.wording import words

pages = Blueprint("warranty_pages", __name__, template_folder="templates")
PAGE_SIZE = 50


pages.context_processor(words)


# --- policies ------------------------------------------------------------------------------------


@pages.get("/warranty/policies")
@requires("policies.view")
def list_policies() -> ResponseReturnValue:
    """List the policies by code, and the presets that can be loaded."""
    page = queries.policies_page(unit(), cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    loaded = {policy.code for policy in page.rows}
    waiting = {code: found for code, found in presets().items() if code not in loaded}
    today = day_here(request_time())
    return render_template("warranty/policies.html", page=page, presets=waiting, today=today)


@pages.post("/warranty/presets/<preset>")
@requires("warranty.edit")
def load_preset(preset: str) -> ResponseReturnValue:
    """Load a preset as a policy with a draft."""
    try:
        policy = operations.load_preset(unit(), preset=preset, **who())
    except Conflict as refusal:
        unit().rollback()
        flash(str(refusal), "error")
        return see_other("warranty_pages.list_policies")
    flash(_("Preset %(code)s is loaded as a draft. Have it checked by your lawyer.", code=preset))
    return see_other("warranty_pages.show_policy", ref=policy.public_id)


@pages.route("/warranty/policies/new", methods=["GET", "POST"])
@requires("warranty.edit")
def new_policy() -> ResponseReturnValue:
    """Add a policy with its first draft."""

    def save() -> ResponseReturnValue:
        with terms_at_fields():
            policy = operations.create_policy(unit(), **read_draft(NewTermsForm()), **who())
        flash(_("Policy %(code)s is added as a draft.", code=policy.code))
        return see_other("warranty_pages.show_policy", ref=policy.public_id)

    return form_page("warranty/form.html", save, values=draft_values(None), policy=None)


@pages.get("/warranty/policies/<ref>")
@requires("policies.view")
def show_policy(ref: str) -> ResponseReturnValue:
    """Show a policy with its versions, and what a box would get by them."""
    policy = queries.policy_by_ref(unit(), ref)
    tried, errors = _tried(policy)
    return render_template(
        "warranty/policy.html",
        policy=policy,
        assignments=queries.assignments_of(unit(), policy),
        tried=tried,
        errors=errors,
        today=day_here(request_time()),
    )


@pages.route("/warranty/policies/<ref>/edit", methods=["GET", "POST"])
@requires("warranty.edit")
def edit_policy(ref: str) -> ResponseReturnValue:
    """Change the draft of a policy, or begin one."""
    policy = queries.policy_by_ref(unit(), ref)

    def save() -> ResponseReturnValue:
        with terms_at_fields():
            operations.write_draft(unit(), policy=policy, **read_draft(TermsForm()), **who())
        flash(_("The draft is saved."))
        return see_other("warranty_pages.show_policy", ref=ref)

    values = draft_values(policy.newest)
    return form_page("warranty/form.html", save, values=values, policy=policy)


@contextmanager
def terms_at_fields() -> Iterator[None]:
    """Put the messages of terms at the fields of the form."""
    try:
        yield
    except Invalid as refusal:
        raise at_fields(refusal) from refusal


@pages.post("/warranty/policies/<ref>/discard")
@requires("warranty.edit")
def discard_draft(ref: str) -> ResponseReturnValue:
    """Throw the draft away."""
    return _do(
        ref,
        lambda policy: operations.discard_draft(unit(), policy=policy, **who()),
        _("The draft is thrown away."),
    )


@pages.post("/warranty/policies/<ref>/publish")
@requires("warranty.edit")
def publish(ref: str) -> ResponseReturnValue:
    """Bring the draft into force."""
    return _do(
        ref,
        lambda policy: operations.publish(
            unit(), policy=policy, **read_form(PolicyPublishBody()), **who()
        ),
        _("The version is published; it never changes from now on."),
    )


@pages.post("/warranty/policies/<ref>/retire")
@requires("warranty.edit")
def retire(ref: str) -> ResponseReturnValue:
    """End the newest version."""
    return _do(
        ref,
        lambda policy: operations.retire(
            unit(), policy=policy, **read_form(PolicyRetireBody()), **who()
        ),
        _("The policy is retired."),
    )


def _do(ref: str, act: Callable[[WarrantyPolicy], Any], done: str) -> ResponseReturnValue:
    """Carry out what a button of a policy's page asks for; a refusal is told on the page."""
    policy = queries.policy_by_ref(unit(), ref)
    try:
        act(policy)
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(_message(refusal), "error")
    else:
        flash(done)
    return see_other("warranty_pages.show_policy", ref=ref)


def _message(refusal: DomainError) -> str:
    """Return what a refusal says, with the first message of its fields where it has any."""
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    return str(next((m for messages in fields.values() for m in messages), refusal))


# --- what would this box get? --------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What a box gets by the version it has, and would get by another one, side by side."""

    device: Device
    day: date
    component: str
    present: Mapping[str, Any]
    tried: Judgement
    sentences: list[Any]

    @property
    def days_lost(self) -> int:
        """How many days sooner cover would end; 0 where it would not."""
        found: Judgement | None = self.present["found"]
        before = found.cover.last if found else None
        after = self.tried.cover.last
        if found is None or before is None:
            return 0
        first = found.cover.spans[0].first
        return max(0, (before - after).days if after else (before - first).days + 1)


def _tried(policy: WarrantyPolicy) -> tuple[Tried | None, dict[str, list[str]]]:
    """Return what the address asks to be tried, or what is wrong with that."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    if "serial" not in given:
        return None, {}
    try:
        asked = TryArguments().load(given, unknown=ma.EXCLUDE)
        device = box_called(asked["serial"])
    except ma.ValidationError as error:
        found = field_messages(error.messages)
        return None, {name: [str(m) for m in messages] for name, messages in found.items()}
    except Invalid as refusal:
        return None, {name: [str(m) for m in found] for name, found in refusal.fields.items()}
    day = asked["day"] or day_here(request_time())
    sources = services().registries.warranty_facts
    present = cover_now(unit(), device, day=day, component=asked["component"], sources=sources)
    version = policy.newest
    known = present["known"]
    tried = judge(version, known, component=asked["component"], day=day)
    made = Tried(device, day, asked["component"], present, tried, sentences_of(tried.trace))
    return made, {}


def box_called(typed: str) -> Device:
    """Return the one box of the reader's scope that is or was called so.

    Raises:
        Invalid: none is, or several are.
    """
    scope = current_actor().scope
    page = devices_page(unit(), DeviceFilter(text=typed), scope, cursor=None, limit=2)
    if len(page.rows) != 1:
        raise Invalid.field("serial", text("Not the serial or MAC of one box."))
    return page.rows[0]


# --- assignments ---------------------------------------------------------------------------------


@pages.get("/warranty/assignments")
@requires("policies.view")
def list_assignments() -> ResponseReturnValue:
    """List which policy which boxes have."""
    return _assignments(lambda: "")


@pages.post("/warranty/assignments")
@requires("warranty.edit")
def assign() -> ResponseReturnValue:
    """Give a policy to boxes."""

    def save() -> ResponseReturnValue:
        form = read_form(PolicyAssignmentBody())
        form["policy"] = named_policy(form["policy"])
        operations.assign(unit(), **form, **who())
        flash(_("The policy is assigned."))
        return see_other("warranty_pages.list_assignments")

    return _assignments(save)


def _assignments(save: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    today = day_here(request_time())
    return form_page(
        "warranty/assignments.html",
        save,
        values={"from_on": today},
        page=lambda: queries.assignments_page(
            unit(), cursor=request.args.get("cursor"), limit=PAGE_SIZE
        ),
        policies=lambda: [(p.code, f"{p.code} · {p.shown_on(today).title}") for p in _policies()],
        models=lambda: [(m.code, f"{m.code} · {m.name}") for m in all_models(unit())],
        sellers=lambda: [(o.code, o.name) for o in organisations(unit(), EVERYTHING)],
    )


def _policies() -> Any:
    return queries.all_policies(unit())


# --- a box ---------------------------------------------------------------------------------------


@pages.route("/devices/<uid>/warranty", methods=["GET"])
@requires("warranty.view")
def show_cover(uid: str) -> ResponseReturnValue:
    """Show what a box, or a component, gets for a fault reported on a day; decide on it."""
    return _cover_page(uid, {}), 200


@pages.post("/devices/<uid>/warranty")
@requires("warranty.decide")
def decide(uid: str) -> ResponseReturnValue:
    """Decide on a fault and show the decision."""
    sources = services().registries.warranty_facts
    try:
        form = read_form(WarrantyDecideBody())
        decision = decisions.decide(unit(), uid=uid, **form, sources=sources, **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        errors = {"": [_message(refusal)]}
        if isinstance(refusal, Invalid) and refusal.fields:
            errors = {n: [str(m) for m in found] for n, found in refusal.fields.items()}
        return _cover_page(uid, errors), refusal.status
    flash(_("The decision is kept."))
    return see_other("warranty_pages.show_decision", ref=decision.public_id)


def _cover_page(uid: str, errors: dict[str, list[str]]) -> str:
    actor = current_actor()
    device = device_row(unit(), uid, actor.scope)
    asked = request.form if request.method == "POST" else request.args
    given = {"component": asked.get("component", ""), "cause": asked.get("cause", "")}
    given["day"] = asked.get("reported_on", "")
    given = {name: value for name, value in given.items() if value.strip()}
    wrong = CoverArguments().validate(given)
    shown = CoverArguments().load({n: v for n, v in given.items() if n not in wrong})
    day = shown["day"] or day_here(request_time())
    sources = services().registries.warranty_facts
    return render_template(
        "warranty/cover.html",
        device=device,
        day=day,
        shown={**shown, "day": day},
        asked={
            "reported_on": day,
            "component": shown["component"],
            "cause": shown["cause"] or "",
        },
        errors=errors,
        decisions=queries.decisions_of(unit(), uid, actor.scope, limit=PAGE_SIZE),
        **cover_now(unit(), device, **{**shown, "day": day}, sources=sources),
    )


# --- decisions -----------------------------------------------------------------------------------


@pages.get("/warranty/decisions")
@requires("warranty.view")
def list_decisions() -> ResponseReturnValue:
    """List decisions, the newest first; filters in the address."""
    schema = DecisionFilterFields()
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    wanted = filter_of(schema.load(kept, unknown=ma.EXCLUDE))
    page = queries.decisions_page(
        unit(),
        wanted,
        current_actor().scope,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template("warranty/decisions.html", page=page, wanted=wanted)


@pages.get("/warranty/decisions/<ref>")
@requires("warranty.view")
def show_decision(ref: str) -> ResponseReturnValue:
    """Show a decision as sentences, and what was granted beside it."""
    decision = queries.decision_by_ref(unit(), ref, current_actor().scope)
    return render_template("warranty/decision.html", decision=decision)


@pages.post("/warranty/decisions/<ref>/override")
@requires("warranty.override")
def override(ref: str) -> ResponseReturnValue:
    """Grant another outcome."""
    decision = queries.decision_by_ref(unit(), ref, current_actor().scope)
    try:
        decisions.override(unit(), decision=decision, **read_form(WarrantyOverrideBody()), **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(_message(refusal), "error")
    else:
        flash(_("The other outcome is granted; the decision stays beside it."))
    return see_other("warranty_pages.show_decision", ref=ref)
