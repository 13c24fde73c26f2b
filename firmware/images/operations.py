"""What is done with images. The only writers of their tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from firmware.images import queries, rules
from firmware.images.models import Image, ImageFit, ModelVersion
from firmware.images.rules import Fit, State
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.files import FileStore, Incoming
from stb_service.shared.i18n import Text, text

SUBJECT = "image"


def add_image(
    session: Session,
    files: FileStore,
    *,
    incoming: Incoming,
    name: str,
    version: str,
    fits: Sequence[tuple[str, str]],
    filename: str,
    notes: str = "",
    sequence: int | None = None,
    after: str | None = None,
    actor: Actor,
    now: datetime,
) -> Image:
    """Make a received file an image, for models and revisions (`*`: every one).

    Its version comes after the newest of each model, or after the version `after`, or at
    `sequence`. Where a model knows the version already (from a file for another
    revision), that place stays.

    The rows are written first, then the file is moved to its place, then the caller
    commits: whatever fails, there is never a row without its file. A file without a row
    is harmless: the same upload again uses it, and it can be swept.

    Raises:
        Invalid: with the messages of each field.
        Conflict: the same bytes, or the version for one of these boxes, are known; or the
            stated place is taken.
    """
    wanted = sorted({Fit(*fit) for fit in fits})
    name = name.strip()
    _refuse_invalid(
        file=[] if incoming.size_bytes else [text("The file is empty.")],
        name=rules.name_problems(name),
        version=rules.version_problems(version),
        fits=rules.fits_problems(wanted),
        notes=rules.notes_problems(notes),
        sequence=rules.sequence_problems(sequence, after),
    )
    stored = incoming.seal()
    _refuse_same_bytes(session, stored.sha256)
    sequences = _claim_places(
        session, models=_models(wanted), version=version, sequence=sequence, after=after
    )
    _refuse_taken(session, version, wanted)
    image = Image(
        name=name,
        version=version,
        filename=rules.plain_filename(filename),
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        sha1=stored.sha1,
        md5=stored.md5,
        notes=notes,
        uploaded_at=now,
        uploaded_by=actor.label[:128],
        state=State.AVAILABLE.value,
    )
    session.add(image)
    session.flush()
    _add_fits(session, image, wanted)
    changes = {
        "version": version,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "fits": [str(fit) for fit in wanted],
        "sequence": sequences,
    }
    _record(session, image, verb="image.uploaded", changes=changes, actor=actor, now=now)
    files.keep(incoming)
    return image


def add_fits(
    session: Session,
    image: Image,
    *,
    fits: Sequence[tuple[str, str]],
    actor: Actor,
    now: datetime,
) -> Image:
    """Let an image fit more models and revisions (uploading its bytes again is refused).

    Raises:
        Invalid: a code cannot be read, or names boxes the image fits already.
        Conflict: the version for one of these boxes is another image.
    """
    lock_row(session, Image, image.id)
    added = sorted({Fit(*fit) for fit in fits})
    present = queries.fits(session, image.id)
    _refuse_invalid(
        fits=rules.fits_problems(added) or rules.fits_problems([*present, *added]),
    )
    _claim_places(session, models=_models(added), version=image.version, sequence=None, after=None)
    _refuse_taken(session, image.version, added)
    flag_modified(image, "version")  # what others read of the image changes: so does its ETag
    _add_fits(session, image, added)
    changes = {"fits": [[str(f) for f in present], [str(f) for f in sorted([*present, *added])]]}
    _record(session, image, verb="image.fits_added", changes=changes, actor=actor, now=now)
    return image


def change_notes(
    session: Session, image: Image, *, notes: str, actor: Actor, now: datetime
) -> Image:
    """Replace the release notes.

    Raises:
        Invalid: the notes are too long.
    """
    _refuse_invalid(notes=rules.notes_problems(notes))
    changes = audit.apply_changes(image, {"notes": notes})
    if changes:
        _record(session, image, verb="image.notes_changed", changes=changes, actor=actor, now=now)
    return image


def withdraw_image(
    session: Session, image: Image, *, reason: str, actor: Actor, now: datetime
) -> Image:
    """Take an image out of use: nobody may be offered it. Its file and version stay taken.

    Raises:
        Invalid: no reason is given.
        Refused: it was withdrawn before.
    """
    _refuse_invalid(reason=rules.reason_problems(reason))
    return _move(session, image, State.WITHDRAWN, at=now, reason=reason, actor=actor, now=now)


def restore_image(session: Session, image: Image, *, actor: Actor, now: datetime) -> Image:
    """Bring a withdrawn image back into use.

    Raises:
        Refused: it is in use.
    """
    return _move(session, image, State.AVAILABLE, at=None, reason=None, actor=actor, now=now)


def _move(
    session: Session,
    image: Image,
    wanted: State,
    *,
    at: datetime | None,
    reason: str | None,
    actor: Actor,
    now: datetime,
) -> Image:
    lock_row(session, Image, image.id)
    found = rules.transition_obstacles(State(image.state), wanted)
    if found:
        raise Refused(found)
    changes = audit.apply_changes(
        image, {"state": wanted.value, "withdrawn_at": at, "withdrawn_reason": reason}
    )
    verb = "image.withdrawn" if wanted is State.WITHDRAWN else "image.restored"
    _record(session, image, verb=verb, changes=changes, actor=actor, now=now)
    return image


def _models(fits: Collection[Fit]) -> list[str]:
    return sorted({fit.model_code for fit in fits})


def _add_fits(session: Session, image: Image, fits: Collection[Fit]) -> None:
    session.add_all(
        ImageFit(
            image_id=image.id,
            model_code=fit.model_code,
            revision_code=fit.revision_code,
            version=image.version,
        )
        for fit in fits
    )
    session.flush()


def _record(
    session: Session,
    image: Image,
    *,
    verb: str,
    changes: Mapping[str, object],
    actor: Actor,
    now: datetime,
) -> None:
    subject = (SUBJECT, image.public_id, f"{image.name} {image.version}")
    audit.record(session, actor=actor, verb=verb, subject=subject, changes=changes, now=now)


def _refuse_invalid(**messages: Sequence[Text]) -> None:
    found = {name: texts for name, texts in messages.items() if texts}
    if found:
        raise Invalid(fields=found)


def _refuse_same_bytes(session: Session, sha256: str) -> None:
    known = queries.image_by_digest(session, sha256)
    if known is not None:
        raise Conflict(
            text(
                "These bytes are already the image %(name)s, version %(version)s (%(state)s).",
                name=known.name,
                version=known.version,
                state=rules.STATE_NAMES[State(known.state)],
            ),
            code="image-same-bytes",
        )


def _refuse_taken(session: Session, version: str, wanted: Collection[Fit]) -> None:
    """Refuse if some box of these kinds has this version from another image."""
    rows = session.execute(
        select(ImageFit.model_code, ImageFit.revision_code, Image.name, Image.state)
        .join(Image, Image.id == ImageFit.image_id)
        .where(ImageFit.version == version, ImageFit.model_code.in_(_models(wanted)))
        .order_by(ImageFit.model_code, ImageFit.revision_code)
    ).all()
    for model, revision, name, state in rows:
        if any(fit.meets(Fit(model, revision)) for fit in wanted):
            raise Conflict(
                text(
                    "Version %(version)s for %(fit)s is already the image %(name)s (%(state)s).",
                    version=version,
                    fit=str(Fit(model, revision)),
                    name=name,
                    state=rules.STATE_NAMES[State(state)],
                ),
                code="image-version-taken",
            )


def _claim_places(
    session: Session,
    *,
    models: Sequence[str],
    version: str,
    sequence: int | None,
    after: str | None,
) -> dict[str, int]:
    """Give the version its place in each model that does not know it; return all places.

    Holds the rows of these models until the unit of work ends, so that two uploads
    decide one after the other. Of a model's first two uploads the unique constraints
    let one through.
    """
    session.execute(
        select(ModelVersion.id)
        .where(ModelVersion.model_code.in_(models))
        .order_by(ModelVersion.id)
        .with_for_update()
    )
    places = {}
    for model in models:
        known = queries.sequences_of_model(session, model)
        if version in known:
            _refuse_other_place(known, model, version, sequence, after)
            places[model] = known[version]
        else:
            places[model] = _free_place(session, known, model, sequence, after)
            session.add(ModelVersion(model_code=model, version=version, sequence=places[model]))
    session.flush()
    return places


def _refuse_other_place(
    known: Mapping[str, int], model: str, version: str, sequence: int | None, after: str | None
) -> None:
    place = known[version]
    if sequence not in {None, place} or (
        after is not None and not rules.newer(place, _anchor(known, model, after))
    ):
        raise Conflict(
            text(
                "Version %(version)s of %(model)s has its place already: %(place)s.",
                version=version,
                model=model,
                place=place,
            ),
            code="image-sequence-set",
        )


def _free_place(
    session: Session, known: Mapping[str, int], model: str, sequence: int | None, after: str | None
) -> int:
    if sequence is not None:
        taken_by = [version for version, place in known.items() if place == sequence]
        if taken_by:
            raise Conflict(
                text(
                    "Sequence %(sequence)s of %(model)s is version %(version)s.",
                    sequence=sequence,
                    model=model,
                    version=taken_by[0],
                ),
                code="image-sequence-taken",
            )
        return sequence
    anchor = None if after is None else _anchor(known, model, after)
    place = rules.place_after(known.values(), anchor)
    has_room = max(known.values(), default=0) <= rules.SEQUENCE_MAX - rules.SEQUENCE_STEP
    if place is None and anchor is not None and has_room:
        _move_up(session, model, anchor)
        place = anchor + rules.SEQUENCE_STEP // 2
    if place is None:
        raise Conflict(
            text("There is no room after the newest version of %(model)s.", model=model),
            code="image-sequence-full",
        )
    return place


def _anchor(known: Mapping[str, int], model: str, after: str) -> int:
    if after not in known:
        raise Invalid.field(
            "after", text("%(model)s has no version %(version)s.", model=model, version=after)
        )
    return known[after]


def _move_up(session: Session, model: str, anchor: int) -> None:
    """Make room after a place: what follows moves up, the last first (places are unique)."""
    later = session.scalars(
        select(ModelVersion.id)
        .where(ModelVersion.model_code == model, ModelVersion.sequence > anchor)
        .order_by(ModelVersion.sequence.desc())
    ).all()
    for row_id in later:
        session.execute(
            update(ModelVersion)
            .where(ModelVersion.id == row_id)
            .values(sequence=ModelVersion.sequence + rules.SEQUENCE_STEP)
        )
