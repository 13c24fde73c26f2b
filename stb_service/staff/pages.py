"""Pages of administrators: people, roles, organisations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.shared.access import ROLE_NAMES, VERBS, Scope, requires
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import LANGUAGES, text
from stb_service.staff import operations, queries, signin
from stb_service.staff.models import Organisation, Person, Role
from stb_service.staff.own_pages import time_zones
from stb_service.staff.rules import ORGANISATION_KIND_NAMES, OrganisationKind
from stb_service.staff.schemas import (
    NewPersonForm,
    OrganisationForm,
    OrganisationPageForm,
    PasswordForm,
    PersonForm,
    RoleForm,
    RolePatch,
)

people_pages = Blueprint("staff_people", __name__, template_folder="templates")
PAGE_SIZE = 50


def role_label(role: Role) -> str:
    """Return a role's name in the reader's language; an added role has the one it was given."""
    return str(ROLE_NAMES.get(role.name, role.label))


def kind_label(kind: str) -> str:
    """Return what an organisation is, in the reader's language."""
    return str(ORGANISATION_KIND_NAMES[OrganisationKind(kind)])


@people_pages.context_processor
def _words() -> dict[str, Any]:
    return {"role_label": role_label, "kind_label": kind_label}


def _scope() -> Scope:
    return current_actor().scope


def _person(ref: str) -> Person:
    return queries.person_by_ref(unit(), ref, _scope())


def _role_choices() -> list[tuple[str, str]]:
    return [(role.name, role_label(role)) for role in queries.roles(unit())]


def _organisation_choices() -> list[tuple[str, str]]:
    return [(found.code, found.name) for found in queries.organisations(unit(), _scope())]


def _organisation(code: str) -> Organisation:
    try:
        return queries.organisation_by_ref(unit(), code, _scope())
    except NotFound as error:
        raise Invalid.field("organisation", error.detail) from error


def _known_role(name: str) -> str:
    try:
        return queries.role_by_name(unit(), name).name
    except NotFound as error:
        raise Invalid.field("role", error.detail) from error


@people_pages.get("/people")
@requires("staff.view")
def people() -> ResponseReturnValue:
    """List the people who may sign in."""
    page = queries.people_page(unit(), _scope(), cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    return render_template("staff/people.html", page=page)


@people_pages.route("/people/new", methods=["GET", "POST"])
@requires("staff.edit")
def new_person() -> ResponseReturnValue:
    """Add a person; they choose their own password at the first sign-in."""

    def save() -> ResponseReturnValue:
        form = read_form(NewPersonForm())
        form["organisation"] = _organisation(form["organisation"])
        form["role"] = _known_role(form["role"])
        form["password"] = signin.hashed(form["password"], username=form["username"].lower())
        person = operations.create_person(unit(), **form, actor=current_actor(), now=request_time())
        flash(str(text("%(name)s may sign in now.", name=person.name)))
        return see_other("staff_people.people")

    return form_page(
        "staff/person_new.html",
        save,
        values={"role": "agent"},
        roles=_role_choices,
        organisations=_organisation_choices,
        languages=[("", _("As the browser")), *LANGUAGES.items()],
        zones=[("", _("The operator's")), *((zone, zone) for zone in time_zones())],
    )


@people_pages.route("/people/<ref>", methods=["GET", "POST"])
@requires("staff.view")
def person(ref: str) -> ResponseReturnValue:
    """Show and change a person."""
    found = _person(ref)

    def save() -> ResponseReturnValue:
        current_actor().demand("staff.edit")
        form = read_form(PersonForm())
        form["organisation"] = _organisation(form["organisation"])
        form["role"] = _known_role(form["role"])
        operations.change_person(
            unit(), person=found, **form, actor=current_actor(), now=request_time()
        )
        flash(str(text("%(name)s is changed.", name=found.name)))
        return see_other("staff_people.person", ref=ref)

    return form_page(
        "staff/person.html",
        save,
        values={
            "name": found.name,
            "email": found.email,
            "organisation": found.organisation.code,
            "role": found.role.name,
            "is_active": found.is_active,
        },
        person=found,
        roles=_role_choices,
        organisations=_organisation_choices,
        sessions=lambda: queries.sessions_of(unit(), found, now=request_time()),
        tokens=lambda: queries.tokens_of(unit(), found),
    )


@people_pages.route("/people/<ref>/password", methods=["GET", "POST"])
@requires("staff.edit")
def set_password(ref: str) -> ResponseReturnValue:
    """Give a person another password, which they must change at their next sign-in."""
    found = _person(ref)

    def save() -> ResponseReturnValue:
        username = found.username
        wanted = signin.hashed(read_form(PasswordForm())["password"], username=username)
        operations.set_password(
            unit(),
            person=found,
            password=wanted,
            must_change=True,
            actor=current_actor(),
            now=request_time(),
        )
        signin.drop_first_password(username)
        flash(str(text("%(name)s has a new password.", name=found.name)))
        return see_other("staff_people.person", ref=ref)

    return form_page(
        "staff/person_password.html",
        save,
        person=found,
        tokens=lambda: queries.tokens_of(unit(), found),
    )


@people_pages.post("/people/<ref>/sessions/end")
@requires("staff.edit")
def end_sessions(ref: str) -> ResponseReturnValue:
    """Sign a person out everywhere."""
    found = _person(ref)
    operations.end_sessions(unit(), person=found, actor=current_actor(), now=request_time())
    flash(str(text("%(name)s is signed out.", name=found.name)))
    return see_other("staff_people.person", ref=ref)


@people_pages.post("/people/<ref>/active")
@requires("staff.edit")
def set_active(ref: str) -> ResponseReturnValue:
    """Let a person sign in, or no longer."""
    found = _person(ref)
    is_active = request.form.get("is_active") == "true"
    operations.change_person(
        unit(),
        person=found,
        name=found.name,
        email=found.email,
        role=found.role.name,
        organisation=found.organisation,
        is_active=is_active,
        actor=current_actor(),
        now=request_time(),
    )
    done = text("%(name)s may sign in again.") if is_active else text("%(name)s is signed out.")
    flash(str(text(done.msgid, name=found.name)))
    return see_other("staff_people.person", ref=ref)


@people_pages.get("/roles")
@requires("staff.view")
def roles() -> ResponseReturnValue:
    """Show the table of roles and what each allows."""
    found = queries.roles(unit())
    held = {role.name: {granted.verb for granted in role.verbs} for role in found}
    return render_template("staff/roles.html", roles=found, held=held, verbs=VERBS.values())


@people_pages.route("/roles/new", methods=["GET", "POST"])
@requires("staff.edit")
def new_role() -> ResponseReturnValue:
    """Add a role."""

    def save() -> ResponseReturnValue:
        role = operations.create_role(
            unit(), **read_form(RoleForm()), actor=current_actor(), now=request_time()
        )
        flash(str(text("The role %(name)s is there.", name=role.label)))
        return see_other("staff_people.roles")

    return form_page("staff/role.html", save, values={"verbs": []}, role=None, verbs=_verb_choices)


@people_pages.route("/roles/<name>", methods=["GET", "POST"])
@requires("staff.edit")
def role(name: str) -> ResponseReturnValue:
    """Change an added role."""
    found = queries.role_by_name(unit(), name)

    def save() -> ResponseReturnValue:
        form = {"label": found.label, "verbs": [], **read_form(RolePatch())}
        operations.change_role(unit(), name=name, **form, actor=current_actor(), now=request_time())
        flash(str(text("The role %(name)s is changed.", name=found.label)))
        return see_other("staff_people.roles")

    values = {"label": found.label, "verbs": [granted.verb for granted in found.verbs]}
    return form_page("staff/role.html", save, values=values, role=found, verbs=_verb_choices)


def _verb_choices() -> list[tuple[str, str]]:
    return [
        (
            verb.name,
            _("%(verb)s (operator only)", verb=verb.meaning)
            if verb.operator_only
            else str(verb.meaning),
        )
        for verb in VERBS.values()
    ]


@people_pages.get("/organisations")
@requires("staff.view")
def organisations() -> ResponseReturnValue:
    """List the operator, its dealers and service centres."""
    found = queries.organisations(unit(), _scope())
    return render_template("staff/organisations.html", organisations=found)


@people_pages.route("/organisations/new", methods=["GET", "POST"])
@requires("staff.edit")
def new_organisation() -> ResponseReturnValue:
    """Add a dealer or a service centre."""

    def save() -> ResponseReturnValue:
        added = operations.create_organisation(
            unit(), **read_form(OrganisationForm()), actor=current_actor(), now=request_time()
        )
        flash(str(text("%(name)s is there.", name=added.name)))
        return see_other("staff_people.organisations")

    kinds = [(kind.value, str(name)) for kind, name in ORGANISATION_KIND_NAMES.items()]
    return form_page(
        "staff/organisation.html",
        save,
        values={"kind": "dealer"},
        organisation=None,
        kinds=[kind for kind in kinds if kind[0] != OrganisationKind.OPERATOR],
    )


@people_pages.route("/organisations/<ref>", methods=["GET", "POST"])
@requires("staff.edit")
def organisation(ref: str) -> ResponseReturnValue:
    """Change the name of an organisation, and how it is reached."""
    found = queries.organisation_by_ref(unit(), ref, _scope())

    def save() -> ResponseReturnValue:
        form = read_form(OrganisationPageForm())
        operations.change_organisation(
            unit(), organisation=found, **form, actor=current_actor(), now=request_time()
        )
        flash(str(text("%(name)s is changed.", name=found.name)))
        return see_other("staff_people.organisations")

    names = ("name", "address", "phone", "mail")
    values = {name: getattr(found, name) for name in names}
    return form_page("staff/organisation.html", save, values=values, organisation=found)
