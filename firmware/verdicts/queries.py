"""What is known of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from firmware.images.models import Image
from firmware.verdicts.models import LabRun
from firmware.verdicts.rules import Evidence
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page


def run_by_public_id(session: Session, public_id: str) -> LabRun:
    """Return a run.

    Raises:
        NotFound: there is none.
    """
    run = None
    if public_id.isprintable():
        run = session.scalar(select(LabRun).where(LabRun.public_id == public_id))
    if run is None:
        raise NotFound(text("There is no such run."))
    return run


def run_of_result(
    session: Session, sha256: str, *, evidence: Evidence, image: Image | None
) -> LabRun | None:
    """Return the run whose result this is, as this evidence, of this image (or of none)."""
    return session.scalar(
        select(LabRun).where(
            LabRun.result_sha256 == sha256,
            LabRun.evidence == evidence,
            LabRun.image_id == (image.id if image else None),
        )
    )


def runs_page(
    session: Session,
    *,
    name: str | None = None,
    verdict: str | None = None,
    evidence: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[LabRun]:
    """Return runs, the newest first."""
    statement = select(LabRun)
    if name:
        statement = statement.where(LabRun.name == name)
    if verdict:
        statement = statement.where(LabRun.verdict == verdict)
    if evidence:
        statement = statement.where(LabRun.evidence == evidence)
    order = [(LabRun.sent_at, True), (LabRun.id, True)]
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def names_of_runs(session: Session) -> list[str]:
    """Return the scenarios that were run, by name."""
    return list(session.scalars(select(LabRun.name).distinct().order_by(LabRun.name).limit(500)))


def runs_before(session: Session, run: LabRun, *, limit: int = 10) -> Sequence[LabRun]:
    """Return the runs of the same scenario before this one, the newest first.

    One whose file or changes were others is another scenario, whatever its name.
    """
    return session.scalars(
        select(LabRun)
        .where(
            LabRun.name == run.name,
            LabRun.form == run.form,
            LabRun.scenario_digest == run.scenario_digest,
            LabRun.id < run.id,
        )
        .order_by(LabRun.id.desc())
        .limit(limit)
    ).all()


def runs_by_verdict(session: Session) -> dict[str, int]:
    """Return how many runs there are of each verdict."""
    counted = select(LabRun.verdict, func.count()).group_by(LabRun.verdict)
    return dict(session.execute(counted).all())


def runs_named(session: Session, words: str, *, limit: int) -> Sequence[LabRun]:
    """Return the newest runs whose name or title begins with what was typed."""
    like = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return session.scalars(
        select(LabRun)
        .where(LabRun.name.ilike(like, escape="\\") | LabRun.title.ilike(like, escape="\\"))
        .order_by(LabRun.id.desc())
        .limit(limit)
    ).all()


def digests_in_use(session: Session, among: Collection[str]) -> set[str]:
    """Return which of these files belong to a run (for whoever sweeps the store)."""
    found = session.execute(
        select(LabRun.result_sha256, LabRun.report_sha256).where(
            LabRun.result_sha256.in_(among) | LabRun.report_sha256.in_(among)
        )
    )
    return {digest for row in found for digest in row if digest}
