"""What the files of a laboratory hold, and what they say: results of stb-lab, JUnit XML of a rig."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import marshmallow as ma
from lxml import etree
from marshmallow import fields, validate

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, foreign_text, text

RESULT_FORMAT = "stb-lab-result/1"
MAX_FILE_BYTES = 20_000_000
MOST_EXPECTATIONS = 20_000
MOST_FIGURES = 20_000
KEPT_FAILING = 100
MOST_CHANGES = 200
MESSAGE_CHARS = 300
NOT_RUN = {"notrun", "skipped", "disabled"}  # what GoogleTest and others write as a test's status


class Evidence(StrEnum):
    """What a run was made on."""

    EMULATED = "emulated"
    REAL_BOX = "real_box"


EVIDENCE_NAMES: dict[Evidence, Text] = {
    Evidence.EMULATED: text("Emulated"),
    Evidence.REAL_BOX: text("Real box"),
}


class Form(StrEnum):
    """How a run was written down."""

    STB_LAB = "stb-lab"
    JUNIT = "junit"


FORM_NAMES: dict[Form, Text] = {
    Form.STB_LAB: text("Scenario of the lab"),
    Form.JUNIT: text("JUnit XML of a test rig"),
}


class Verdict(StrEnum):
    """Whether all that was expected holds."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


VERDICT_NAMES: dict[Verdict, Text] = {
    Verdict.PASS: text("Passed"),
    Verdict.FAIL: text("Failed"),
}


@dataclass(frozen=True)
class Expected:
    """One expectation and what became of it."""

    name: str
    holds: bool
    expected: str = ""
    measured: str = ""

    def as_json(self) -> dict[str, str]:
        """Return what is kept of one that does not hold."""
        return {"name": self.name, "expected": self.expected, "measured": self.measured}


@dataclass(frozen=True)
class Change:
    """A value of the scenario's file that was changed for one run; `before` is None where the file
    has none.
    """

    name: str
    before: str | None
    now: str

    def as_json(self) -> dict[str, str | None]:
        """Return what is kept of it."""
        return {"name": self.name, "before": self.before, "now": self.now}


@dataclass(frozen=True)
class Sent:
    """What a file says."""

    form: Form
    name: str
    title: str
    evidence: Evidence
    seed: int | None
    expected: tuple[Expected, ...]
    about: str = ""
    digest: str | None = None
    changes: tuple[Change, ...] = ()

    @property
    def held(self) -> int:
        """How many expectations hold."""
        return sum(one.holds for one in self.expected)

    @property
    def verdict(self) -> Verdict:
        """Worked out here, whatever the file claims."""
        return Verdict.PASS if self.held == len(self.expected) else Verdict.FAIL

    @property
    def failing(self) -> list[Expected]:
        """Those that do not hold."""
        return [one for one in self.expected if not one.holds]


def _printable(value: str) -> None:
    if not value.strip() or not value.isprintable():
        raise ma.ValidationError(str(text("Words are printable.")))


def _printable_lines(value: str) -> None:
    if not all(part.isprintable() for part in value.replace("\t", " ").splitlines()):
        raise ma.ValidationError(str(text("Words are printable.")))


_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "at_most": operator.le,
    "at_least": operator.ge,
    "equals": operator.eq,
}


class _Loose(ma.Schema):
    """What a later version of the lab may add is passed over."""

    class Meta:
        """Passes unknown fields over."""

        unknown = ma.EXCLUDE


class _ScenarioSchema(_Loose):
    name = fields.String(required=True, validate=[validate.Length(1, 100), _printable])
    title = fields.String(required=True, validate=[validate.Length(1, 200), _printable])
    about = fields.String(load_default="", validate=[validate.Length(max=5000), _printable_lines])
    digest = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(1, 64), _printable]
    )


class _ChangeSchema(_Loose):
    name = fields.String(required=True, validate=[validate.Length(1, 200), _printable])
    before = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(1, 300), _printable]
    )
    now = fields.String(required=True, validate=[validate.Length(1, 300), _printable])


class _ExpectationSchema(_Loose):
    measure = fields.String(required=True, validate=[validate.Length(1, 200), _printable])
    expected = fields.String(required=True, validate=[validate.Length(1, 200), _printable])
    value = fields.Float(required=True, allow_nan=False)
    unit = fields.String(load_default="", validate=[validate.Length(max=40), _printable_lines])
    holds = fields.Boolean(required=True, truthy={True}, falsy={False})
    at_most = fields.Float(load_default=None, allow_none=True, allow_nan=False)
    at_least = fields.Float(load_default=None, allow_none=True, allow_nan=False)
    equals = fields.Float(load_default=None, allow_none=True, allow_nan=False)

    @ma.validates_schema
    def _worked_out(self, data: Mapping[str, Any], **_: Any) -> None:
        bounds = {name: data[name] for name in _HOLDS if data[name] is not None}
        if len(bounds) != 1:
            raise ma.ValidationError(str(text("Exactly one of at_most, at_least, equals.")))
        ((name, bound),) = bounds.items()
        if _HOLDS[name](data["value"], bound) != data["holds"]:
            raise ma.ValidationError(
                str(
                    text("%(value)s does not go with what is claimed.", value=f"{data['value']:g}")
                ),
                "holds",
            )


class _FigureSchema(_Loose):
    value = fields.Float(required=True, allow_nan=False)
    unit = fields.String(load_default="", validate=[validate.Length(max=40), _printable_lines])


class ResultSchema(_Loose):
    """A result of stb-lab."""

    format = fields.String(required=True, validate=validate.Equal(RESULT_FORMAT))
    evidence = fields.String(required=True, validate=validate.OneOf([e.value for e in Evidence]))
    scenario = fields.Nested(_ScenarioSchema, required=True)
    changes = fields.List(
        fields.Nested(_ChangeSchema), load_default=list, validate=validate.Length(max=MOST_CHANGES)
    )
    seed = fields.Integer(
        load_default=None, strict=True, allow_none=True, validate=validate.Range(0, 2**62)
    )
    expectations = fields.List(
        fields.Nested(_ExpectationSchema),
        required=True,
        validate=validate.Length(1, MOST_EXPECTATIONS),
    )
    measures = fields.Dict(
        keys=fields.String(validate=[validate.Length(1, 200), _printable]),
        values=fields.Nested(_FigureSchema),
        load_default=dict,
    )


def read_result(data: bytes) -> Sent:
    """Read a result of stb-lab.

    Raises:
        Invalid: it is none.
    """
    try:
        loaded: Any = json.loads(data.decode("utf-8-sig"))
        _refuse_too_many(loaded)
        found = ResultSchema().load(loaded)
    except ma.ValidationError as error:
        raise Invalid.field("result", _told(error.messages)) from error
    except (ValueError, RecursionError) as error:
        raise Invalid.field("result", text("The file is no JSON.")) from error
    return Sent(
        form=Form.STB_LAB,
        name=found["scenario"]["name"],
        title=found["scenario"]["title"],
        evidence=Evidence(found["evidence"]),
        seed=found["seed"],
        expected=tuple(
            Expected(
                one["measure"],
                one["holds"],
                one["expected"],
                _figure(one),
            )
            for one in found["expectations"]
        ),
        about=found["scenario"]["about"],
        digest=found["scenario"]["digest"],
        changes=tuple(Change(one["name"], one["before"], one["now"]) for one in found["changes"]),
    )


def _figure(found: Mapping[str, Any]) -> str:
    unit = found["unit"]
    if unit == "yes/no":
        unit = "(yes)" if found["value"] else "(no)"
    return f"{found['value']:g} {unit}".strip()


def _refuse_too_many(loaded: Any) -> None:
    """Count before each is read, which takes long."""
    found = loaded if isinstance(loaded, dict) else {}
    limits = {
        "expectations": MOST_EXPECTATIONS,
        "measures": MOST_FIGURES,
        "changes": MOST_CHANGES,
    }
    for name, most in limits.items():
        part = found.get(name)
        if isinstance(part, (list, dict)) and len(part) > most:
            raise ma.ValidationError({name: [str(text("At most %(most)s.", most=most))]})


def _told(messages: Any) -> Text:
    """Return the first mistake that a schema found, with its place."""
    places: list[str] = []
    while isinstance(messages, Mapping):
        key, messages = next(iter(messages.items()))
        if key != ma.exceptions.SCHEMA:
            places.append(str(key)[:200])
    message = messages[0] if isinstance(messages, list) and messages else messages
    what, where = foreign_text(_plain(str(message))), _plain(".".join(places), 200)
    return text("%(where)s: %(what)s", where=where, what=str(what)) if places else what


def read_junit(data: bytes) -> Sent:
    """Read what a test rig wrote as JUnit XML; its tests are the expectations.

    A skipped test expects nothing. Entities, DTDs and addresses are not resolved.

    Raises:
        Invalid: it is none, or has no test that ran.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid.field("junit", text("The file is no XML.")) from error
    if root.getroottree().docinfo.doctype:
        raise Invalid.field("junit", text("A document type is not accepted."))
    if root.tag not in {"testsuites", "testsuite"}:
        raise Invalid.field("junit", text("The file is no JUnit XML."))
    expected = tuple(islice(_tests(root), MOST_EXPECTATIONS + 1))
    if not 1 <= len(expected) <= MOST_EXPECTATIONS:
        raise Invalid.field(
            "junit", text("From 1 to %(most)s tests that ran.", most=MOST_EXPECTATIONS)
        )
    suite = root if root.tag == "testsuite" else next(iter(root.iter("testsuite")), root)
    name = _plain(root.get("name") or suite.get("name") or "junit", 100)
    return Sent(
        form=Form.JUNIT,
        name=name,
        title=name,
        evidence=Evidence.REAL_BOX,
        seed=None,
        expected=expected,
    )


def _tests(root: Any) -> Iterator[Expected]:
    """Yield the tests that ran; a suite that broke outside of its tests counts as one."""
    for part in root.iter("testcase", "testsuite"):
        if part.tag == "testcase":
            if part.find("skipped") is None and part.get("status", "").lower() not in NOT_RUN:
                yield _case(part)
        elif part.find("failure") is not None or part.find("error") is not None:
            yield _case(part)


def _case(case: Any) -> Expected:
    name = _plain(f"{case.get('classname') or ''}.{case.get('name') or '?'}".strip("."), 200)
    wrong = case.find("failure")
    wrong = case.find("error") if wrong is None else wrong
    if wrong is None:
        return Expected(name, holds=True)
    return Expected(name, False, "", _plain(wrong.get("message") or wrong.text or wrong.tag))


def _plain(words: str, most: int = MESSAGE_CHARS) -> str:
    """Return words on one line, what cannot be printed left out."""
    kept = "".join(c for c in " ".join(words.split()) if c.isprintable())
    return kept[:most] or "?"
