"""The forms of the pages: percent, minutes and pasted lists, turned into what the API takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma
from werkzeug.datastructures import MultiDict

from firmware.boxes.rules import as_mac
from firmware.rollouts.rules import Timing
from firmware.rollouts.safety import Limits
from firmware.rollouts.schemas import BOXES_MOST, REASON_MOST, WAVES_MOST, WORDS_MOST
from stb_service.shared.errors import Invalid
from stb_service.shared.http import fields
from stb_service.shared.http.unit import field_messages
from stb_service.shared.i18n import Text, text

MINUTES_MOST = 366 * 24 * 60
PASTED_MOST = 700_000
_SEPARATORS = re.compile(r"[\n\r\t,;]+")


def _percent(default: float | None = None, least: float = 0) -> ma.fields.Float:
    more: dict[str, Any] = {"required": True} if default is None else {"load_default": default}
    return ma.fields.Float(validate=ma.validate.Range(least, 100), **more)


def _minutes(default: float, least: float = 0) -> ma.fields.Float:
    return ma.fields.Float(validate=ma.validate.Range(least, MINUTES_MOST), load_default=default)


def _count(default: int | None) -> ma.fields.Integer:
    return ma.fields.Integer(validate=ma.validate.Range(1, BOXES_MOST), load_default=default)


_limits, _timing = Limits(), Timing()
FIRST_WAVES = (("5", "30"), ("25", "60"), ("100", "0"))  # percent of the boxes, minutes of soak


class WaveForm(ma.Schema):
    """A row of the table of waves."""

    share = _percent(least=0.1)
    soak = _minutes(0)
    success = _percent(_limits.success_permille / 10)
    failure = _percent(_limits.failure_permille / 10)
    failure_count = _count(_limits.failure_count)
    suspect = _percent(_limits.suspect_permille / 10)
    suspect_count = _count(_limits.suspect_count)
    min_decided = _count(None)


WAVE_COLUMNS = tuple(WaveForm().fields)


class AimForm(ma.Schema):
    """Which image, and which boxes."""

    image = fields.line(16, required=True)
    models = ma.fields.List(fields.line(64), load_default=list)
    revisions = ma.fields.List(fields.line(64), load_default=list)
    versions = ma.fields.List(fields.line(128), load_default=list)
    tags = ma.fields.List(fields.line(64), load_default=list)
    boxes = fields.paragraph(PASTED_MOST, load_default="")
    friendly = fields.paragraph(PASTED_MOST, load_default="")
    friendly_tags = ma.fields.List(fields.line(64), load_default=list)
    salt = fields.line(32, load_default=None)


class PlanForm(AimForm):
    """A rollout to be."""

    name = fields.line(128, required=True)
    cap = ma.fields.Integer(load_default=100, validate=ma.validate.Range(1, BOXES_MOST))
    offer = _minutes(_timing.offer.total_seconds() / 60, 0.05)
    silence = _minutes(_timing.silence.total_seconds() / 60, 0.05)
    install = _minutes(_timing.install.total_seconds() / 60, 0.05)
    grace = _minutes(_timing.grace.total_seconds() / 60, 0.05)
    seen_within_days = ma.fields.Integer(
        load_default=_timing.seen_within.days, validate=ma.validate.Range(1, 3650)
    )


class RecallForm(PlanForm):
    """A recall: boxes on `recalled` are brought back to `image`."""

    recalled = fields.line(16, required=True)
    reason = fields.line(REASON_MOST, required=True)


class ReasonForm(ma.Schema):
    """Why something is done."""

    reason = fields.line(REASON_MOST, required=True)


class WideningForm(ma.Schema):
    """More boxes at once, or in earlier waves."""

    shares = ma.fields.List(_percent(least=0.1), required=True)
    cap = ma.fields.Integer(required=True, validate=ma.validate.Range(1, BOXES_MOST))


def first_values() -> dict[str, Any]:
    """Return what an empty form begins with."""
    found = dict.fromkeys((*PlanForm().fields, "recalled", "reason"), "")
    plain = PlanForm(only=("cap", "offer", "silence", "install", "grace", "seen_within_days"))
    return {**found, **{name: shown(value) for name, value in plain.load({}).items()}}


def first_waves() -> list[dict[str, str]]:
    """Return the waves of a form just opened."""
    return [
        {
            name: shown(value)
            for name, value in WaveForm().load({"share": share, "soak": soak}).items()
        }
        for share, soak in FIRST_WAVES
    ]


def shown(value: float | None) -> str:
    """Return a number as a field shows it."""
    return "" if value is None else f"{value:g}"


def typed_waves(form: MultiDict[str, str]) -> list[dict[str, str]]:
    """Return the rows of the table of waves as they were typed; a row without a share is none."""
    columns = [form.getlist(f"wave_{name}") for name in WAVE_COLUMNS]
    rows = [dict(zip(WAVE_COLUMNS, row, strict=True)) for row in zip(*columns, strict=False)]
    return [row for row in rows[:WAVES_MOST] if row["share"].strip()]


def read_waves(form: MultiDict[str, str]) -> list[dict[str, Any]]:
    """Return the waves as the API takes them.

    Raises:
        Invalid: with messages at `wave-1-share` and so on.
    """
    problems: dict[str, list[Text]] = {}
    waves = []
    for number, row in enumerate(typed_waves(form), start=1):
        try:
            waves.append(_as_wave(WaveForm().load({k: v for k, v in row.items() if v.strip()})))
        except ma.ValidationError as error:
            for name, found in field_messages(error.messages).items():
                problems[f"wave-{number}-{name}"] = found
    if problems:
        raise Invalid(fields=problems)
    if not waves:
        raise Invalid.field("waves", text("At least one wave."))
    return waves


def _as_wave(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "share_permille": round(row["share"] * 10),
        "soak_s": round(row["soak"] * 60),
        "success_permille": round(row["success"] * 10),
        "failure_permille": round(row["failure"] * 10),
        "failure_count": row["failure_count"],
        "suspect_permille": round(row["suspect"] * 10),
        "suspect_count": row["suspect_count"],
        "min_decided": row["min_decided"],
    }


def words_of(pasted: str) -> list[str]:
    """Return the words of a pasted list, parted by lines, commas, semicolons, tabs or spaces.

    A MAC written with spaces stays one word.
    """
    parts = [part.strip() for part in _SEPARATORS.split(pasted)]
    words = [word for part in parts for word in ([part] if as_mac(part) else part.split()) if word]
    return list(dict.fromkeys(words))


def read_words(form: Mapping[str, Any], name: str) -> list[str]:
    """Return a pasted list.

    Raises:
        Invalid: it is too long, or a word of it is.
    """
    words = words_of(form[name])
    if len(words) > WORDS_MOST:
        raise Invalid.field(name, text("At most %(n)s boxes.", n=WORDS_MOST))
    longest = max(words, key=len, default="")
    if len(longest) > 64:
        raise Invalid.field(name, text("%(word)s is no serial and no MAC.", word=longest[:64]))
    return words


def as_body(form: Mapping[str, Any], waves: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a form as the body that the API takes."""
    body: dict[str, Any] = {
        "image": form["image"],
        "selection": {
            **{name: form[name] for name in ("models", "revisions", "versions", "tags")},
            "boxes": read_words(form, "boxes"),
        },
        "friendly": {"boxes": read_words(form, "friendly"), "tags": form["friendly_tags"]},
        "waves": waves,
        "salt": form["salt"],
    }
    if "name" in form:
        body |= {"name": form["name"], "cap": form["cap"], "timing": _timing_of(form)}
    return body


def _timing_of(form: Mapping[str, Any]) -> dict[str, int]:
    spans = {
        f"{name}_s": max(1, round(form[name] * 60))
        for name in ("offer", "silence", "install", "grace")
    }
    return {**spans, "seen_within_days": form["seen_within_days"]}
