"""The wire of this room: forms of the pages and bodies of the API."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.shared.access import VERBS
from stb_service.shared.http import fields
from stb_service.staff.rules import PASSWORD_MAX, OrganisationKind

THEMES = ("auto", "light", "dark")
KINDS = [kind.value for kind in OrganisationKind]


def _password(**more: Any) -> ma.fields.String:
    return fields.line(PASSWORD_MAX, load_only=True, required=True, **more)


class SignInForm(ma.Schema):
    """What the sign-in page sends. Any text is accepted: a wrong one is simply wrong."""

    username = ma.fields.String(load_default="")
    password = ma.fields.String(load_default="")


class SettingsForm(ma.Schema):
    """What a person decides for themselves."""

    name = fields.line(128, required=True)
    email = fields.email(load_default=None, allow_none=True)
    language = fields.language(load_default=None, allow_none=True)
    timezone = fields.timezone(load_default=None, allow_none=True)
    theme = ma.fields.String(load_default="auto", validate=ma.validate.OneOf(THEMES))


class OwnPasswordForm(ma.Schema):
    """A change of the own password."""

    old = ma.fields.String(required=True)
    new = _password()
    again = ma.fields.String(required=True)


class OwnPasswordBody(ma.Schema):
    """A change of the own password by the API."""

    old = ma.fields.String(
        required=True, load_only=True, validate=ma.validate.Length(max=PASSWORD_MAX)
    )
    new = _password()


class PasswordForm(ma.Schema):
    """A password given by an administrator."""

    password = _password()


class TokenForm(ma.Schema):
    """A token to be made."""

    name = fields.line(64, required=True)
    days = ma.fields.Integer(load_default=365, validate=ma.validate.Range(1, 730))


class PersonForm(ma.Schema):
    """A person as an administrator edits them."""

    name = fields.line(128, required=True)
    email = fields.email(load_default=None, allow_none=True)
    organisation = fields.line(32, required=True)
    role = fields.line(32, required=True)
    is_active = ma.fields.Boolean(load_default=False)


class NewPersonForm(ma.Schema):
    """A person to be added."""

    username = fields.line(64, required=True)
    name = fields.line(128, required=True)
    email = fields.email(load_default=None, allow_none=True)
    organisation = fields.line(32, required=True)
    role = fields.line(32, required=True)
    language = fields.language(load_default=None, allow_none=True)
    timezone = fields.timezone(load_default=None, allow_none=True)
    password = _password()


class PersonPatch(ma.Schema):
    """What may be changed of a person; what is left out stays."""

    name = fields.line(128)
    email = fields.email(allow_none=True)
    organisation = fields.line(32)
    role = fields.line(32)
    is_active = ma.fields.Boolean()


class PersonSchema(ma.Schema):
    """A person."""

    id = ma.fields.String(attribute="public_id", required=True)
    username = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    email = ma.fields.String(required=True, allow_none=True)
    organisation = ma.fields.String(attribute="organisation.code", required=True)
    role = ma.fields.String(attribute="role.name", required=True)
    language = ma.fields.String(required=True, allow_none=True)
    timezone = ma.fields.String(required=True, allow_none=True)
    is_active = ma.fields.Boolean(required=True)
    must_change_password = ma.fields.Boolean(required=True)
    locked_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)


class PeopleSchema(ma.Schema):
    """A slice of the people."""

    items = ma.fields.List(ma.fields.Nested(PersonSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class MeSchema(PersonSchema):
    """The person who asks, with what they may do."""

    theme = ma.fields.String(required=True)
    verbs = ma.fields.List(ma.fields.String(), required=True)


class MePatch(ma.Schema):
    """What a person may change of themselves; what is left out stays."""

    name = fields.line(128)
    email = fields.email(allow_none=True)
    language = fields.language(allow_none=True)
    timezone = fields.timezone(allow_none=True)
    theme = ma.fields.String(validate=ma.validate.OneOf(THEMES))


class Words(ma.fields.List[Any]):
    """Several words of a fixed set, from tick boxes or a JSON list."""

    def __init__(self, words: list[str], **more: Any) -> None:
        super().__init__(ma.fields.String(validate=ma.validate.OneOf(words)), **more)


class RoleForm(ma.Schema):
    """A role to be added."""

    name = fields.line(32, required=True)
    label = fields.line(64, required=True)
    verbs = Words(sorted(VERBS), load_default=list)


class RolePatch(ma.Schema):
    """What may be changed of an added role; what is left out stays."""

    label = fields.line(64)
    verbs = Words(sorted(VERBS))


class RoleSchema(ma.Schema):
    """A role and the verbs it allows."""

    name = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    is_builtin = ma.fields.Boolean(required=True)
    verbs = ma.fields.Function(
        lambda role: [granted.verb for granted in role.verbs],
        required=True,
        metadata={"type": "array", "items": {"type": "string"}},
    )


class OrganisationForm(ma.Schema):
    """An organisation to be added."""

    code = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z"),
    )
    name = fields.line(128, required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(KINDS))


def _mail(**more: Any) -> ma.fields.String:
    """Return a field for a mail address, or none."""
    is_mail = ma.validate.Email()

    def check(value: str) -> None:
        if value:
            is_mail(value)

    return ma.fields.String(validate=[ma.validate.Length(max=254), check], **more)


class OrganisationPatch(ma.Schema):
    """What may be changed of an organisation; the address line by line, without the name."""

    name = fields.line(128)
    address = fields.paragraph(500)
    phone = fields.line(32, shortest=0)
    mail = _mail()


class OrganisationPageForm(OrganisationPatch):
    """An organisation as a page sends it: what is left empty is empty."""

    name = fields.line(128, required=True)
    address = fields.paragraph(500, load_default="")
    phone = fields.line(32, shortest=0, load_default="")
    mail = _mail(load_default="")


class OrganisationSchema(ma.Schema):
    """An organisation."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    phone = ma.fields.String(required=True)
    mail = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)


class SessionSchema(ma.Schema):
    """A sign-in in a browser."""

    id = ma.fields.String(attribute="public_id", required=True)
    address = ma.fields.String(required=True)
    agent = ma.fields.String(
        required=True, metadata={"description": "what the browser calls itself"}
    )
    created_at = ma.fields.AwareDateTime(required=True)
    seen_at = ma.fields.AwareDateTime(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)


class TokenSchema(ma.Schema):
    """A token, without its secret."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    hint = ma.fields.String(required=True, metadata={"description": "how the secret begins"})
    created_at = ma.fields.AwareDateTime(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)
    used_at = ma.fields.AwareDateTime(attribute="used_on", required=True, allow_none=True)


class NewTokenSchema(TokenSchema):
    """A token that was just made: the only time its secret is told."""

    secret = ma.fields.String(required=True)
