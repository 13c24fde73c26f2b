"""The API of people, roles, organisations, tokens and oneself."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import Response, g
from sqlalchemy.orm import object_mapper

from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import (
    CursorArguments,
    api_blueprint,
    check_if_match,
    etag,
    with_etag,
)
from stb_service.shared.http.unit import request_time
from stb_service.staff import operations, queries, schemas, signin
from stb_service.staff.models import ApiToken, Organisation, Person, Role
from stb_service.staff.own_pages import change_own_password, end_own_session, own_token

api = api_blueprint("staff", "People, roles, organisations and API tokens.")
Answer = tuple[Any, int, dict[str, str]]


def _organisation(code: str) -> Organisation:
    try:
        return queries.organisation_by_ref(unit(), code, current_actor().scope)
    except NotFound as error:
        raise Invalid.field("organisation", error.detail) from error


def _role_name(name: str) -> str:
    try:
        return queries.role_by_name(unit(), name).name
    except NotFound as error:
        raise Invalid.field("role", error.detail) from error


def _person(ref: str) -> Person:
    return queries.person_by_ref(unit(), ref, current_actor().scope)


@api.route("/people", methods=["GET"])
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.PeopleSchema)
@api.refuses(422)
@requires("staff.view")
def list_people(arguments: dict[str, Any]) -> Any:
    """List people by user name."""
    return queries.people_page(unit(), current_actor().scope, **arguments)


@api.route("/people", methods=["POST"])
@api.arguments(schemas.NewPersonForm)
@api.response(201, schemas.PersonSchema)
@api.refuses(400, 409, 422)
@requires("staff.edit")
def create_person(body: dict[str, Any]) -> Answer:
    """Add a person; they must choose their own password at the first sign-in."""
    body["organisation"] = _organisation(body["organisation"])
    body["role"] = _role_name(body["role"])
    body["password"] = signin.hashed(body["password"], username=body["username"].lower())
    person = operations.create_person(unit(), **body, actor=current_actor(), now=request_time())
    return with_etag(person, 201)


@api.route("/people/<string:person_id>", methods=["GET"])
@api.response(200, schemas.PersonSchema)
@api.refuses(404)
@requires("staff.view")
def get_person(person_id: str) -> Answer:
    """Return a person."""
    return with_etag(_person(person_id))


@api.route("/people/<string:person_id>", methods=["PATCH"])
@api.arguments(schemas.PersonPatch)
@api.response(200, schemas.PersonSchema)
@api.refuses(400, 404, 409, 412, 422)
@requires("staff.edit")
def change_person(body: dict[str, Any], person_id: str) -> Answer:
    """Change a person; what is left out stays."""
    person = _person(person_id)
    check_if_match(person)
    code = body.get("organisation", person.organisation.code)
    operations.change_person(
        unit(),
        person=person,
        name=body.get("name", person.name),
        email=body.get("email", person.email),
        role=_role_name(body.get("role", person.role.name)),
        organisation=_organisation(code),
        is_active=body.get("is_active", person.is_active),
        actor=current_actor(),
        now=request_time(),
    )
    unit().flush()
    return with_etag(person)


@api.route("/people/<string:person_id>/password", methods=["PUT"])
@api.arguments(schemas.PasswordForm)
@api.response(204)
@api.refuses(400, 404, 422)
@requires("staff.edit")
def set_person_password(body: dict[str, Any], person_id: str) -> None:
    """Give a person another password, which they must change.

    Their sign-ins end and their API tokens are revoked.
    """
    person = _person(person_id)
    username = person.username
    wanted = signin.hashed(body["password"], username=username)
    operations.set_password(
        unit(),
        person=person,
        password=wanted,
        must_change=True,
        actor=current_actor(),
        now=request_time(),
    )
    signin.drop_first_password(username)


@api.route("/people/<string:person_id>/sessions", methods=["GET"])
@api.response(200, schemas.SessionSchema(many=True))
@api.refuses(404)
@requires("staff.edit")
def list_person_sessions(person_id: str) -> Any:
    """List where a person is signed in."""
    return queries.sessions_of(unit(), _person(person_id), now=request_time())


@api.route("/people/<string:person_id>/sessions", methods=["DELETE"])
@api.response(204)
@api.refuses(404)
@requires("staff.edit")
def end_person_sessions(person_id: str) -> None:
    """Sign a person out everywhere. Their API tokens stay."""
    operations.end_sessions(
        unit(), person=_person(person_id), actor=current_actor(), now=request_time()
    )


@api.route("/roles", methods=["GET"])
@api.response(200, schemas.RoleSchema(many=True))
@api.refuses()
@requires("staff.view")
def list_roles() -> Any:
    """List the roles and what each allows."""
    return queries.roles(unit())


@api.route("/roles", methods=["POST"])
@api.arguments(schemas.RoleForm)
@api.response(201, schemas.RoleSchema)
@api.refuses(400, 409, 422)
@requires("staff.edit")
def create_role(body: dict[str, Any]) -> Answer:
    """Add a role."""
    role = operations.create_role(unit(), **body, actor=current_actor(), now=request_time())
    return with_etag(role, 201)


@api.route("/roles/<string:name>", methods=["GET"])
@api.response(200, schemas.RoleSchema)
@api.refuses(404)
@requires("staff.view")
def get_role(name: str) -> Answer:
    """Return a role."""
    return with_etag(queries.role_by_name(unit(), name))


@api.route("/roles/<string:name>", methods=["PATCH"])
@api.arguments(schemas.RolePatch)
@api.response(200, schemas.RoleSchema)
@api.refuses(400, 404, 409, 412, 422)
@requires("staff.edit")
def change_role(body: dict[str, Any], name: str) -> Answer:
    """Change an added role; what is left out stays. Built-in roles cannot be changed."""
    role: Role = queries.role_by_name(unit(), name)
    check_if_match(role)
    kept = {"label": role.label, "verbs": [granted.verb for granted in role.verbs]}
    operations.change_role(
        unit(), name=name, **{**kept, **body}, actor=current_actor(), now=request_time()
    )
    unit().flush()
    return with_etag(role)


@api.route("/organisations", methods=["GET"])
@api.response(200, schemas.OrganisationSchema(many=True))
@api.refuses()
@requires("staff.view")
def list_organisations() -> Any:
    """List the organisations, the operator first."""
    return queries.organisations(unit(), current_actor().scope)


@api.route("/organisations", methods=["POST"])
@api.arguments(schemas.OrganisationForm)
@api.response(201, schemas.OrganisationSchema)
@api.refuses(400, 409, 422)
@requires("staff.edit")
def create_organisation(body: dict[str, Any]) -> Answer:
    """Add a dealer or a service centre."""
    added = operations.create_organisation(
        unit(), **body, actor=current_actor(), now=request_time()
    )
    return with_etag(added, 201)


@api.route("/organisations/<string:organisation_id>", methods=["GET"])
@api.response(200, schemas.OrganisationSchema)
@api.refuses(404)
@requires("staff.view")
def get_organisation(organisation_id: str) -> Answer:
    """Return an organisation, by its id or its code."""
    found = queries.organisation_by_ref(unit(), organisation_id, current_actor().scope)
    return with_etag(found)


@api.route("/organisations/<string:organisation_id>", methods=["PATCH"])
@api.arguments(schemas.OrganisationPatch)
@api.response(200, schemas.OrganisationSchema)
@api.refuses(400, 404, 412, 422)
@requires("staff.edit")
def change_organisation(body: dict[str, Any], organisation_id: str) -> Answer:
    """Change the name of an organisation, and how it is reached; what is left out stays."""
    found = queries.organisation_by_ref(unit(), organisation_id, current_actor().scope)
    check_if_match(found)
    operations.change_organisation(
        unit(), organisation=found, **body, actor=current_actor(), now=request_time()
    )
    unit().flush()
    return with_etag(found)


def _beside(row: Person | ApiToken, **more: Any) -> dict[str, Any]:
    """Return a row's values with more beside them, for a schema to choose from."""
    names = object_mapper(row).attrs.keys()
    return {**{name: getattr(row, name) for name in names}, **more}


def _me(person: Person) -> Answer:
    return _beside(person, verbs=sorted(current_actor().verbs)), 200, {"ETag": etag(person)}


@api.route("/me", methods=["GET"])
@api.response(200, schemas.MeSchema)
@api.refuses()
@requires("self.use")
def get_me() -> Answer:
    """Return who asks, and what they may do."""
    return _me(signin.current_person())


@api.route("/me", methods=["PATCH"])
@api.arguments(schemas.MePatch)
@api.response(200, schemas.MeSchema)
@api.refuses(400, 412, 422)
@requires("self.use")
def change_me(body: dict[str, Any]) -> Answer:
    """Change the own settings; what is left out stays."""
    person = signin.current_person()
    check_if_match(person)
    names = ("name", "email", "language", "timezone", "theme")
    operations.change_own_settings(
        unit(),
        person=person,
        **{name: getattr(person, name) for name in names} | body,
        actor=current_actor(),
        now=request_time(),
    )
    unit().flush()
    return _me(person)


@api.route("/me/password", methods=["PUT"])
@api.arguments(schemas.OwnPasswordBody)
@api.response(204)
@api.refuses(400, 422)
@requires("self.use")
def change_my_password(body: dict[str, Any]) -> None:
    """Change the own password and end all own sign-ins.

    A token alone cannot do it: the present password is asked, and wrong ones count
    as failed sign-ins, which lock the account. Tokens stay.
    """
    change_own_password(old=body["old"], new=body["new"], keep_secret=None)


@api.route("/me/sessions", methods=["GET"])
@api.response(200, schemas.SessionSchema(many=True))
@api.refuses()
@requires("self.use")
def list_my_sessions() -> Any:
    """List where one is signed in."""
    return queries.sessions_of(unit(), signin.current_person(), now=request_time())


@api.route("/me/sessions/<string:session_id>", methods=["DELETE"])
@api.response(204)
@api.refuses(404)
@requires("self.use")
def end_my_session(session_id: str) -> None:
    """End one of the own sign-ins."""
    end_own_session(session_id)


@api.route("/tokens", methods=["GET"])
@api.response(200, schemas.TokenSchema(many=True))
@api.refuses()
@requires("self.use")
def list_tokens() -> Any:
    """List the own tokens that were not revoked."""
    return queries.tokens_of(unit(), signin.current_person())


@api.route("/tokens", methods=["POST"])
@api.arguments(schemas.TokenForm)
@api.response(201, schemas.NewTokenSchema)
@api.refuses(400, 409, 422)
@requires("self.use")
def create_token(body: dict[str, Any]) -> Any:
    """Make a token for oneself. The secret is told once, here."""
    token, secret = operations.create_token(
        unit(), person=signin.current_person(), **body, actor=current_actor(), now=request_time()
    )
    g.answer_is_secret = True  # idempotency must not keep it
    return _beside(token, secret=secret)


@api.route("/tokens/<string:token_id>", methods=["DELETE"])
@api.response(204)
@api.refuses(404)
@requires("self.use")
def revoke_token(token_id: str) -> Response | None:
    """Revoke one of the own tokens."""
    operations.revoke_token(
        unit(), token=own_token(token_id), actor=current_actor(), now=request_time()
    )
    return None
