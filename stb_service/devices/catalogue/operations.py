"""Verbs on models of box and their revisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict, Unpack

from sqlalchemy.orm import Session

from stb_service.devices.catalogue import queries
from stb_service.devices.catalogue.models import DeviceModel, ModelCapability, ModelRevision
from stb_service.devices.rules import Capability
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.i18n import text


class ModelDetails(TypedDict, total=False):
    """What may be left open about a model."""

    memory_mb: int | None
    flash_mb: int | None
    end_of_sale_on: date | None
    end_of_service_on: date | None
    notes: str


class ModelFields(ModelDetails, total=False):
    """What can be changed about a model."""

    name: str
    maker: str


def subject_of(model: DeviceModel) -> tuple[str, str, str]:
    """Return what the audit calls a model."""
    return "model", model.public_id, model.code


def create_model(
    session: Session,
    *,
    code: str,
    name: str,
    maker: str,
    revisions: Sequence[str] = (),
    capabilities: Sequence[Capability] = (),
    actor: Actor,
    now: datetime,
    **more: Unpack[ModelDetails],
) -> DeviceModel:
    """Add a model of box with its revisions and capabilities.

    Raises:
        Conflict: there is a model of this code.
        Invalid: service would end before sale does.
    """
    if queries.find_model(session, code) is not None:
        raise Conflict(text("There is a model %(code)s already.", code=code), code="code-taken")
    _check_ends(more.get("end_of_sale_on"), more.get("end_of_service_on"))
    model = DeviceModel(code=code, name=name, maker=maker, created_at=now, changed_at=now, **more)
    model.revisions = [ModelRevision(code=revision) for revision in dict.fromkeys(revisions)]
    model.capabilities = _rows(capabilities)
    session.add(model)
    session.flush()
    changes = {"code": code, "name": name, "maker": maker, "revisions": list(revisions)} | {
        field: value for field, value in more.items() if value not in {None, ""}
    }
    changes["capabilities"] = _words(capabilities)
    audit.record(
        session,
        actor=actor,
        verb="model.create",
        subject=subject_of(model),
        changes=changes,
        now=now,
    )
    return model


def change_model(
    session: Session,
    *,
    model: DeviceModel,
    revisions: Sequence[str] | None = None,
    capabilities: Sequence[Capability] | None = None,
    actor: Actor,
    now: datetime,
    **fields: Unpack[ModelFields],
) -> DeviceModel:
    """Change a model; revisions are only added (boxes refer to them), capabilities replaced.

    The code stays: boxes and images name the model by it.

    Raises:
        Invalid: service would end before sale does.
    """
    _check_ends(
        fields.get("end_of_sale_on", model.end_of_sale_on),
        fields.get("end_of_service_on", model.end_of_service_on),
    )
    changes = audit.apply_changes(model, dict(fields))
    known = [revision.code for revision in model.revisions]
    added = [code for code in dict.fromkeys(revisions or ()) if code not in known]
    if added:
        model.revisions += [ModelRevision(code=code) for code in added]
        changes["revisions"] = [known, known + added]
    if capabilities is not None:
        _replace_capabilities(session, model, capabilities, changes)
    if not changes:
        return model
    model.changed_at = now
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="model.change",
        subject=subject_of(model),
        changes=changes,
        now=now,
    )
    return model


def _replace_capabilities(
    session: Session,
    model: DeviceModel,
    wanted: Sequence[Capability],
    changes: dict[str, list[object]],
) -> None:
    held = [Capability(row.kind, row.name, row.detail) for row in model.capabilities]
    if sorted(held) == sorted(wanted):
        return
    model.capabilities = []
    session.flush()  # the old rows go before new ones of the same name come
    model.capabilities = _rows(wanted)
    changes["capabilities"] = [_words(held), _words(wanted)]


def _rows(capabilities: Sequence[Capability]) -> list[ModelCapability]:
    unique = {(found.kind, found.name): found for found in capabilities}
    return [
        ModelCapability(kind=found.kind, name=found.name, detail=found.detail)
        for found in sorted(unique.values())
    ]


def _words(capabilities: Sequence[Capability]) -> list[str]:
    return [f"{found.kind} {found.name} {found.detail}".strip() for found in sorted(capabilities)]


def _check_ends(sale: date | None, service: date | None) -> None:
    if sale and service and service < sale:
        raise Invalid.field("end_of_service_on", text("Service cannot end before sale does."))
