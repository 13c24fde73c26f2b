"""What is known of images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from firmware.images import rules
from firmware.images.models import Image, ImageFit, ModelVersion
from firmware.images.rules import EVERY_REVISION, Fit, State
from stb_service.shared.errors import NotFound, Obstacle
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page


@dataclass(frozen=True)
class PlacedFit:
    """What an image fits, and the place of its version among those of that model."""

    model_code: str
    revision_code: str
    sequence: int


@dataclass(frozen=True)
class ImageCard:
    """An image with what it fits and its place among the versions of each model."""

    image: Image
    fits: tuple[Fit, ...]
    sequences: Mapping[str, int]
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def placed_fits(self) -> list[PlacedFit]:
        """The fits, each with the place of the version in its model."""
        return [
            PlacedFit(fit.model_code, fit.revision_code, self.sequences[fit.model_code])
            for fit in self.fits
        ]


def image_by_public_id(session: Session, public_id: str) -> Image:
    """Return an image.

    Raises:
        NotFound: no image has this id.
    """
    image = None
    if public_id.isprintable():  # PostgreSQL refuses a zero character in any text
        image = session.scalar(select(Image).where(Image.public_id == public_id))
    if image is None:
        raise NotFound(text("There is no such image."))
    return image


def image_by_digest(session: Session, sha256: str) -> Image | None:
    """Return the image that has these bytes."""
    return session.scalar(select(Image).where(Image.sha256 == sha256))


def images_page(
    session: Session,
    *,
    model_code: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Image]:
    """Return a page of images, newest first, perhaps only those for a model or in a state."""
    statement = select(Image)
    if model_code:
        of_model = select(ImageFit.image_id).where(ImageFit.model_code == model_code)
        statement = statement.where(Image.id.in_(of_model))
    if state:
        statement = statement.where(Image.state == state)
    order = ((Image.uploaded_at, True), (Image.id, True))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def cards_of(session: Session, images: Collection[Image]) -> list[ImageCard]:
    """Return images with their fits and places, in two queries however many they are."""
    ids = [image.id for image in images]
    rows = session.execute(
        select(
            ImageFit.image_id, ImageFit.model_code, ImageFit.revision_code, ModelVersion.sequence
        )
        .join(
            ModelVersion,
            (ModelVersion.model_code == ImageFit.model_code)
            & (ModelVersion.version == ImageFit.version),
        )
        .where(ImageFit.image_id.in_(ids))
        .order_by(ImageFit.model_code, ImageFit.revision_code)
    ).all()
    return [
        ImageCard(
            image,
            tuple(Fit(row.model_code, row.revision_code) for row in rows if row[0] == image.id),
            {row.model_code: row.sequence for row in rows if row[0] == image.id},
        )
        for image in images
    ]


def card_of(session: Session, files: FileStore, image: Image) -> ImageCard:
    """Return one image with its fits, places, and what bars it from being offered."""
    card = cards_of(session, [image])[0]
    return replace(card, obstacles=tuple(_obstacles(files, image, card.fits)))


def fits(session: Session, image_id: int) -> list[Fit]:
    """Return the kinds of box an image is for, sorted."""
    rows = session.execute(
        select(ImageFit.model_code, ImageFit.revision_code)
        .where(ImageFit.image_id == image_id)
        .order_by(ImageFit.model_code, ImageFit.revision_code)
    )
    return [Fit(model, revision) for model, revision in rows]


def fitting_codes(session: Session) -> list[Fit]:
    """Return every kind of box that some image is for, sorted."""
    rows = session.execute(
        select(ImageFit.model_code, ImageFit.revision_code)
        .distinct()
        .order_by(ImageFit.model_code, ImageFit.revision_code)
    )
    return [Fit(model, revision) for model, revision in rows]


def newer_version(
    session: Session, model_code: str, revision_code: str, running: str | None
) -> str | None:
    """Return the newest version that may be offered to boxes of a model and revision, if it comes
    after the one that runs; None where it does not, or nobody knows.
    """
    newest = session.execute(
        select(ModelVersion.version, ModelVersion.sequence)
        .join(
            ImageFit,
            (ImageFit.model_code == ModelVersion.model_code)
            & (ImageFit.version == ModelVersion.version),
        )
        .join(Image, Image.id == ImageFit.image_id)
        .where(
            ModelVersion.model_code == model_code,
            ImageFit.revision_code.in_((EVERY_REVISION, revision_code)),
            Image.state == State.AVAILABLE,
        )
        .order_by(ModelVersion.sequence.desc())
        .limit(1)
    ).one_or_none()
    runs = session.scalar(
        select(ModelVersion.sequence).where(
            ModelVersion.model_code == model_code, ModelVersion.version == running
        )
    )
    if newest is None or runs is None or not rules.newer(newest.sequence, runs):
        return None
    return str(newest.version)


def sequence_of(session: Session, *, model_code: str, version: str) -> int | None:
    """Return the place of a version among those of a model; None if it was never uploaded."""
    return session.scalar(
        select(ModelVersion.sequence).where(
            ModelVersion.model_code == model_code, ModelVersion.version == version
        )
    )


def sequences_of_model(session: Session, model_code: str) -> dict[str, int]:
    """Return version → place for every version of a model, oldest first."""
    rows = session.execute(
        select(ModelVersion.version, ModelVersion.sequence)
        .where(ModelVersion.model_code == model_code)
        .order_by(ModelVersion.sequence)
    )
    return {row.version: row.sequence for row in rows}


def image_for(
    session: Session, *, model_code: str, revision_code: str, version: str
) -> Image | None:
    """Return the image of a version for a kind of box, withdrawn or not."""
    return session.scalar(
        select(Image)
        .join(ImageFit, ImageFit.image_id == Image.id)
        .where(
            ImageFit.model_code == model_code,
            ImageFit.version == version,
            _covers(revision_code),
        )
    )


@dataclass(frozen=True)
class Neighbours:
    """What stands before and after a version in a model's order."""

    model_code: str
    sequence: int
    before: str | None
    after: str | None


def neighbours_of(session: Session, card: ImageCard) -> list[Neighbours]:
    """Return, for each model an image fits, the versions before and after its own."""
    rows = session.execute(
        select(ModelVersion.model_code, ModelVersion.version, ModelVersion.sequence)
        .where(ModelVersion.model_code.in_(card.sequences))
        .order_by(ModelVersion.sequence)
    ).all()
    found = []
    for model, own in sorted(card.sequences.items()):
        before = [row.version for row in rows if row.model_code == model and row.sequence < own]
        later = [row.version for row in rows if row.model_code == model and row.sequence > own]
        found.append(
            Neighbours(model, own, before[-1] if before else None, later[0] if later else None)
        )
    return found


def problems(session: Session, files: FileStore, image: Image) -> list[Obstacle]:
    """Return what bars an image from being offered to any box."""
    return _obstacles(files, image, fits(session, image.id))


def digests_in_use(session: Session, among: Collection[str]) -> set[str]:
    """Return which of these files belong to an image (for whoever sweeps the store)."""
    return set(session.scalars(select(Image.sha256).where(Image.sha256.in_(among))))


def images_named(session: Session, prefix: str, *, limit: int) -> list[Image]:
    """Return the newest images whose version or name begins with what was typed."""
    start = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    lowered = func.lower(start)
    return list(
        session.scalars(
            select(Image)
            .where(
                or_(
                    func.lower(Image.version).like(lowered, escape="\\"),
                    func.lower(Image.name).like(lowered, escape="\\"),
                )
            )
            .order_by(Image.uploaded_at.desc(), Image.id.desc())
            .limit(limit)
        )
    )


def _obstacles(files: FileStore, image: Image, found: Collection[Fit]) -> list[Obstacle]:
    return rules.obstacles(
        state=rules.State(image.state),
        fits=found,
        file_present=files.path(image.sha256).is_file(),
    )


def _covers(revision_code: str) -> ColumnElement[bool]:
    return ImageFit.revision_code.in_((revision_code, EVERY_REVISION))
