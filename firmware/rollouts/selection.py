"""Which boxes a rollout is for: one filter, as a database query and as a test on one box."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from firmware.boxes.models import Box, BoxTag
from firmware.boxes.rules import BoxState
from firmware.images.models import ImageFit
from firmware.images.rules import EVERY_REVISION


@dataclass(frozen=True)
class Selection:
    """A box is meant if it matches one word of every list that is not empty."""

    models: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    uids: tuple[str, ...] = ()

    def as_json(self) -> dict[str, list[str]]:
        """Return what is stored."""
        return {name: list(words) for name, words in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Selection:
        """Return what was stored."""
        return cls(**{name: tuple(stored.get(name) or ()) for name in cls.__dataclass_fields__})

    @property
    def is_empty(self) -> bool:
        """Whether it means every box that the image fits."""
        return not any(asdict(self).values())


def meant_boxes(
    selection: Selection, image_id: int, recalled_id: int | None = None
) -> Select[int, str, str, str, str | None]:
    """Select (id, uid, model, revision, running version) of the served boxes that are meant.

    The image fits them, and so does the one that is recalled, if there is one: another image of the
    same version, for another model or revision, is not recalled with it.
    """
    statement = select(
        Box.id, Box.uid, Box.model_code, Box.revision_code, Box.running_version
    ).where(Box.state == BoxState.KNOWN, _fits_of(image_id))
    if recalled_id is not None:
        statement = statement.where(_fits_of(recalled_id))
    if selection.models:
        statement = statement.where(Box.model_code.in_(selection.models))
    if selection.revisions:
        statement = statement.where(Box.revision_code.in_(selection.revisions))
    if selection.versions:
        statement = statement.where(Box.running_version.in_(selection.versions))
    if selection.uids:
        statement = statement.where(Box.uid.in_(selection.uids))
    if selection.tags:
        statement = statement.where(
            exists().where(and_(BoxTag.box_id == Box.id, BoxTag.tag.in_(selection.tags)))
        )
    return statement


def _fits_of(image_id: int) -> ColumnElement[bool]:
    return exists().where(
        ImageFit.image_id == image_id,
        ImageFit.model_code == Box.model_code,
        or_(
            ImageFit.revision_code == Box.revision_code,
            ImageFit.revision_code == EVERY_REVISION,
        ),
    )


def means(selection: Selection, box: Box, tags: Collection[str]) -> bool:
    """Tell whether a box is meant; the same answer as `meant_boxes`, fits apart."""
    return (
        box.state == BoxState.KNOWN
        and (not selection.models or box.model_code in selection.models)
        and (not selection.revisions or box.revision_code in selection.revisions)
        and (not selection.versions or box.running_version in selection.versions)
        and (not selection.uids or box.uid in selection.uids)
        and (not selection.tags or not set(tags).isdisjoint(selection.tags))
    )
