"""From what was asked for, by a form or through the API, to a plan that can be carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from firmware.boxes.queries import names_of, uids_named, uids_tagged
from firmware.images.models import Image
from firmware.images.queries import image_by_public_id
from firmware.rollouts import queries
from firmware.rollouts.drafts import Plan, WavePlan, plan_problems
from firmware.rollouts.queries import Preview
from firmware.rollouts.rules import Timing
from firmware.rollouts.safety import Limits
from firmware.rollouts.selection import Selection
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.i18n import Text, text

TOLD_UNKNOWN = 5


@dataclass(frozen=True)
class Aim:
    """An image on its way to boxes: a plan, and what a preview of it shows."""

    image: Image
    plan: Plan
    recalled: Image | None = None


def image_for(session: Session, public_id: str, field: str = "image") -> Image:
    """Return the image that a form or a body names.

    Raises:
        Invalid: there is none.
    """
    try:
        return image_by_public_id(session, public_id)
    except NotFound as error:
        raise Invalid.field(field, error.detail) from error


def aim_of(session: Session, body: Mapping[str, Any]) -> Aim:
    """Return what a `PlanBody` or an `AimBody` (whose rollout has no name yet) asks for.

    Raises:
        Invalid: a box is not known, or the shares do not rise to 100 %.
    """
    meant = body["selection"]
    friendly = body["friendly"]
    plan = Plan(
        name=body.get("name", ""),
        waves=tuple(_wave(wave) for wave in body["waves"]),
        selection=Selection(
            models=tuple(meant["models"]),
            revisions=tuple(meant["revisions"]),
            versions=tuple(meant["versions"]),
            tags=tuple(meant["tags"]),
            uids=tuple(_known(session, meant["boxes"], "boxes")),
        ),
        friendly=(
            *_known(session, friendly["boxes"], "friendly"),
            *(uids_tagged(session, friendly["tags"]) if friendly["tags"] else ()),
        ),
        cap=body.get("cap", 1),
        timing=_timing(body["timing"]) if "timing" in body else Timing(),
        salt=body["salt"] or new_public_id(),
    )
    problems = plan_problems(plan)
    if "waves" in problems:
        raise Invalid(fields={"waves": problems["waves"]})
    return Aim(image_for(session, body["image"]), plan)


def _known(session: Session, words: Sequence[str], field: str) -> list[str]:
    uids, unknown = uids_named(session, words)
    if unknown:
        raise Invalid.field(field, _unknown_words(unknown))
    return uids


def _unknown_words(unknown: Sequence[str]) -> Text:
    told = ", ".join(unknown[:TOLD_UNKNOWN])
    if len(unknown) > TOLD_UNKNOWN:
        more = len(unknown) - TOLD_UNKNOWN
        return text("No box is called %(words)s, nor %(more)s more.", words=told, more=more)
    return text("No box is called %(words)s.", words=told)


def _wave(wave: Mapping[str, Any]) -> WavePlan:
    return WavePlan(
        wave["share_permille"],
        Limits(
            soak=timedelta(seconds=wave["soak_s"]),
            success_permille=wave["success_permille"],
            failure_permille=wave["failure_permille"],
            failure_count=wave["failure_count"],
            suspect_permille=wave["suspect_permille"],
            suspect_count=wave["suspect_count"],
            min_decided=wave["min_decided"],
        ),
    )


def _timing(timing: Mapping[str, int]) -> Timing:
    return Timing(
        offer=timedelta(seconds=timing["offer_s"]),
        silence=timedelta(seconds=timing["silence_s"]),
        install=timedelta(seconds=timing["install_s"]),
        grace=timedelta(seconds=timing["grace_s"]),
        seen_within=timedelta(days=timing["seen_within_days"]),
    )


@dataclass(frozen=True)
class Forecast:
    """A preview, with what people call the boxes of its sample."""

    salt: str
    preview: Preview
    names: Mapping[str, str]

    def as_answer(self) -> dict[str, Any]:
        """Return what the API tells."""
        seen = self.preview
        return {
            "salt": self.salt,
            "total": seen.total,
            "never_seen": seen.never_seen,
            "on_version": seen.on_version,
            "waves": [{"wave": wave, "boxes": boxes} for wave, boxes in seen.by_wave.items()],
            "groups": [
                {"model_code": model, "revision_code": revision, "boxes": boxes}
                for (model, revision), boxes in seen.by_code.items()
            ],
            "sample": [
                {
                    "id": uid,
                    "name": self.names.get(uid, uid),
                    "model_code": model,
                    "revision_code": revision,
                    "wave": wave,
                }
                for uid, model, revision, wave in seen.sample
            ],
        }


def forecast(
    session: Session,
    *,
    selection: Selection,
    image: Image,
    shares_permille: Sequence[int],
    friendly: Sequence[str],
    salt: str,
    recalled: Image | None = None,
) -> Forecast:
    """Return what a rollout would do if it were started now."""
    seen = queries.preview(
        session,
        selection=selection,
        image=image,
        shares_permille=shares_permille,
        friendly=frozenset(friendly),
        salt=salt,
        recalled=recalled,
    )
    return Forecast(salt, seen, names_of(session, [uid for uid, *_rest in seen.sample]))


def forecast_of(session: Session, aim: Aim) -> Forecast:
    """Return what a plan would do."""
    plan = aim.plan
    return forecast(
        session,
        selection=plan.selection,
        image=aim.image,
        shares_permille=[wave.share_permille for wave in plan.waves],
        friendly=plan.friendly,
        salt=plan.salt or "",
        recalled=aim.recalled,
    )
