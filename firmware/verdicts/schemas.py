"""Runs on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for
from flask_smorest.fields import Upload

from firmware.verdicts.models import LabRun
from firmware.verdicts.rules import Evidence, Verdict
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments


class RunsArguments(CursorArguments):
    """Which runs."""

    name = fields.line(100, load_default=None, metadata={"description": "of one scenario"})
    verdict = ma.fields.String(
        load_default=None, validate=ma.validate.OneOf([verdict.value for verdict in Verdict])
    )
    evidence = ma.fields.String(
        load_default=None, validate=ma.validate.OneOf([evidence.value for evidence in Evidence])
    )


class RunFiles(ma.Schema):
    """What a run left behind: either `result` (with `report`) or `junit`."""

    result = Upload(metadata={"description": "result.json of stb-lab, at most 20 MB"})
    report = Upload(metadata={"description": "report.html of stb-lab, at most 20 MB"})
    junit = Upload(metadata={"description": "JUnit XML of a test rig, at most 20 MB"})


class RunForm(ma.Schema):
    """What the files do not say."""

    image = fields.line(
        16, load_default=None, metadata={"description": "id of the image that was tried"}
    )
    evidence = ma.fields.String(
        load_default=None,
        validate=ma.validate.OneOf([evidence.value for evidence in Evidence]),
        metadata={
            "description": "of JUnit XML alone, which is of a real box unless this says otherwise; "
            "refused where it contradicts a result of stb-lab"
        },
    )


class FailingSchema(ma.Schema):
    """An expectation that does not hold."""

    name = ma.fields.String(required=True)
    expected = ma.fields.String(required=True)
    measured = ma.fields.String(required=True)


class ChangeSchema(ma.Schema):
    """A value of the scenario's file that was changed for one run."""

    name = ma.fields.String(required=True, metadata={"description": "its dotted path"})
    before = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "in the file, where it has one"}
    )
    now = ma.fields.String(required=True)


def _page_of(run: LabRun) -> Any:
    return url_for("lab_run_pages.show", public_id=run.public_id, _external=True)


class RunSchema(ma.Schema):
    """A run."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    form = ma.fields.String(required=True, metadata={"description": "stb-lab or junit"})
    evidence = ma.fields.String(required=True, metadata={"description": "emulated or real_box"})
    verdict = ma.fields.String(required=True, metadata={"description": "pass or fail"})
    held = ma.fields.Integer(required=True, metadata={"description": "expectations that hold"})
    expected = ma.fields.Integer(required=True)
    seed = ma.fields.Integer(required=True, allow_none=True)
    scenario_digest = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "SHA-256 of the scenario with its changes; none of a rig"},
    )
    changes = ma.fields.List(
        ma.fields.Nested(ChangeSchema),
        required=True,
        metadata={"description": "what is not as in the scenario's file, title and name included"},
    )
    result_sha256 = ma.fields.String(required=True)
    sent_at = ma.fields.AwareDateTime(required=True)
    sent_by = ma.fields.String(required=True)
    times_sent = ma.fields.Integer(required=True)
    last_sent_at = ma.fields.AwareDateTime(required=True)
    image = ma.fields.Function(lambda run: run.image and run.image.public_id)
    url = ma.fields.Function(_page_of)


class RunDetailSchema(RunSchema):
    """A run with what did not hold: the first hundred."""

    failing = ma.fields.List(ma.fields.Nested(FailingSchema), required=True)


class RunsSchema(ma.Schema):
    """A page of runs."""

    items = ma.fields.List(ma.fields.Nested(RunSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)
