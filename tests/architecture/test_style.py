"""Rules of the house that are read off the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch, translate

import pytest

from firmware.rollouts.rules import SENTENCES
from stb_service.shared.access import VERBS
from tests.architecture.source import PACKAGES, ROOT, Module, arguments, modules, parse, paths

pytestmark = pytest.mark.xdist_group("source")  # parsed once

FORBIDDEN_NAMES = re.compile(r"(?:utils?|helpers?|common|misc|managers?|base|legacy)|.*_v\d+")
PLACEHOLDER = re.compile(r"%\((\w+)\)")

COMMITS = {
    "stb_service/shared/http/unit.py": "the unit of work of a request",
    "stb_service/shared/imports/rows.py": "a trial import does the same work and keeps none",
    "migrations/env.py": "Alembic's own connection",
}
CLOCKS = {
    "stb_service/shared/clock.py": "the one place that asks",
    "stb_service/shared/http/app.py": "how long an answer took",
    "stb_service/worker.py": "the ticker",
    "stb_service/supervisor.py": "how long to wait for a process",
    "stb_service/demo/show.py": "waits for the boxes that it started",
    "lab/commands/fleet.py": "the wall clock, handed inwards",
    "lab/runs.py": "how long a run took, which stands in a file of its own",
}
NOW = {
    "stb_service/shared/http/unit.py": "the instant of a request",
    "stb_service/cli.py": "the instant of a command",
    "stb_service/worker.py": "the instant of a tick",
    "stb_service/demo/show.py": "the instant of each step of the demonstration",
    "stb_service/shared/commands.py": "the instant of a command",
    "stb_service/warranty/commands.py": "the instant of a command",
    "firmware/wires/contact.py": "a download lasts longer than the instant of its request",
}
ENVIRONMENT = {
    "stb_service/shared/settings.py": "the one place that reads them",
    "stb_service/demo/show.py": "gives defaults to the processes that it starts",
    "stb_service/shared/metrics.py": "where the client library looks for its folder",
    "lab/commands/scenarios.py": "where the cache lies, and the token for results",
    "lab/runs.py": "an encoder that is told there to be quiet",
}
UNSCOPED = {
    "stb_service/devices/queries.py": {
        "with_row_details": "adds what a row shows to a statement that is scoped already",
        "check_cursor": "reads no row",
        "job_by_ref": "scoped by the actor, who also asked for the work",
    },
    "stb_service/subscribers/queries.py": {
        "with_details": "adds what a page shows to a statement that is scoped already",
    },
    "stb_service/devices/catalogue/queries.py": {
        "models_page": "models of box are the operator's catalogue: everyone reads it",
        "all_models": "as models_page",
        "find_model": "as models_page",
        "model_by_ref": "as models_page",
        "find_revision": "as models_page",
    },
    "stb_service/parts/queries.py": {"part_named": "reads no row"},
    "stb_service/parts/catalogue/queries.py": {
        "parts_page": "the catalogue of parts is the operator's: everyone reads it",
        "find_part": "as parts_page",
        "part_by_ref": "as parts_page",
        "part_of_model": "as parts_page",
        "has_moved": "only whether a part has moved at all, for a rule of the catalogue",
    },
}


def uses(module: Module, *patterns: str) -> list[str]:
    """Return the places where a module uses or imports one of the names."""
    found = [*module.names, *module.imported]
    sought = re.compile("|".join(map(translate, patterns)))
    return [f"{module.path}:{line} {name}" for line, name in found if sought.match(name)]


def outside(code: Iterable[Module], allowed: Iterable[str], *patterns: str) -> list[str]:
    """Return the uses of names in modules that are not allowed to."""
    named = set(allowed)
    return [use for module in code if module.path not in named for use in uses(module, *patterns)]


def calls(module: Module, name: str) -> Iterator[ast.Call]:
    """Yield the calls of a function by its plain name."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def given_names(call: ast.Call) -> set[str]:
    return {keyword.arg or "**" for keyword in call.keywords}


COMMIT = ("*.commit", "*.begin_twophase")
CLOCK = (
    *("*datetime.now", "*datetime.utcnow", "*datetime.today", "*date.today"),
    *("time.time", "time.time_ns", "time.monotonic*", "time.perf_counter*", "time.sleep"),
)
UTC_NOW = ("*clock.utc_now",)
CHANCE = ("random.[!R]*", "uuid.uuid[14]", "numpy.random.*", "secrets.SystemRandom")
ENVIRON = ("os.environ*", "os.getenv", "os.putenv")


def test_only_the_units_of_work_commit() -> None:
    code = (*modules("stb_service", "firmware"), *modules("migrations"))

    assert outside(code, COMMITS, *COMMIT) == []


def test_only_the_edges_read_a_clock() -> None:
    assert outside(modules(), CLOCKS, *CLOCK) == []


def test_only_the_edges_ask_for_the_present_instant() -> None:
    code = [module for module in modules() if module.path not in CLOCKS]

    assert outside(code, NOW, *UTC_NOW) == []


def test_nothing_draws_from_common_chance() -> None:
    assert outside(modules(), (), *CHANCE) == []


def test_only_the_edges_read_the_environment() -> None:
    assert outside(modules(), ENVIRONMENT, *ENVIRON) == []


@pytest.mark.parametrize(
    ("line", "patterns"),
    [
        ("def f(s):\n    s.commit()", COMMIT),
        ("def f(s):\n    s.connection().commit()", COMMIT),
        ("from datetime import datetime\nx = datetime.now()", CLOCK),
        ("import datetime as d\nx = d.datetime.utcnow()", CLOCK),
        ("from time import monotonic\nx = monotonic()", CLOCK),
        ("from stb_service.shared.clock import utc_now", UTC_NOW),
        ("import random\nx = random.choice([1])", CHANCE),
        ("from random import randint", CHANCE),
        ("from os import environ", ENVIRON),
        ("import os\nx = os.environ['HOME']", ENVIRON),
    ],
)
def test_a_breach_is_noticed(line: str, patterns: tuple[str, ...]) -> None:
    assert uses(parse("firmware/somewhere.py", line), *patterns)


def test_the_named_exceptions_are_still_needed() -> None:
    by_path = {m.path: m for m in (*modules(), *modules("migrations"))}
    lists = (
        (COMMITS, COMMIT),
        (CLOCKS, CLOCK),
        (NOW, UTC_NOW),
        (ENVIRONMENT, ENVIRON),
    )

    idle = [
        path
        for allowed, patterns in lists
        for path in allowed
        if path in by_path and not uses(by_path[path], *patterns)
    ]

    assert idle == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    code = [path for package in (*PACKAGES, "migrations", "tests") for path in paths(package)]
    parts = {part.removesuffix(".py") for path in code for part in path.split("/")}

    assert sorted(part for part in parts if FORBIDDEN_NAMES.fullmatch(part)) == []


@pytest.mark.parametrize(
    "name", ["utils", "helpers", "common", "misc", "manager", "base", "ddi_v2"]
)
def test_a_name_that_says_nothing_is_noticed(name: str) -> None:
    assert FORBIDDEN_NAMES.fullmatch(name)


def unscoped(module: Module) -> set[str]:
    """Return the public functions that take no scope."""
    return {f.name for f in module.functions() if "scope" not in arguments(f)}


def test_every_read_of_the_registry_and_of_stock_takes_the_scope() -> None:
    reads = [
        m
        for m in modules("stb_service")
        if m.path.startswith(
            ("stb_service/devices/", "stb_service/subscribers/", "stb_service/parts/")
        )
        and m.path.endswith("/queries.py")
    ]
    without = {module.path: unscoped(module) for module in reads}

    assert len(reads) >= 5
    assert {path: names for path, names in without.items() if names} == {
        path: set(names) for path, names in UNSCOPED.items()
    }


def test_a_read_without_scope_is_noticed() -> None:
    module = parse("stb_service/devices/queries.py", "def boxes(session): ...\ndef _own(): ...")

    assert unscoped(module) == {"boxes"}


def test_every_verb_takes_the_session_first_and_the_instant_by_name() -> None:
    verbs = [
        (module.path, function)
        for module in modules("stb_service", "firmware")
        if module.path.endswith("/operations.py")
        for function in module.functions()
        if {"session", "actor", "now"} <= arguments(function)
    ]

    odd = [
        f"{path} {function.name}"
        for path, function in verbs
        if function.args.args[0].arg != "session"
        or {"actor", "now"} - {argument.arg for argument in function.args.kwonlyargs}
    ]

    assert len(verbs) > 30
    assert odd == []


def test_every_migration_is_named_by_number_and_sentence() -> None:
    names = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    fitting = [name for name in names if re.fullmatch(r"\d{4}(_[a-z0-9]+)+\.py", name)]
    numbers = [int(name[:4]) for name in names]

    assert fitting == names
    assert numbers == list(range(1, len(names) + 1))


def test_every_migration_is_its_own_revision_id() -> None:
    for module in modules("migrations"):
        if "/versions/" in module.path:
            found = re.search(r'^revision(?:: str)? = "(.+)"$', module.text, re.MULTILINE)
            assert found is not None, module.path
            assert module.path.split("/")[-1].startswith(found[1].replace("-", "_")), module.path


def text_faults(module: Module) -> list[str]:
    """Return the texts whose values are not those that the sentence names."""
    faults = []
    for call in calls(module, "text"):
        first = call.args[0] if call.args else None
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            continue
        wanted, given = set(PLACEHOLDER.findall(first.value)), given_names(call)
        if given and "**" not in given and given != wanted:
            faults.append(f"{module.path}:{call.lineno} {first.value!r} given {sorted(given)}")
        if re.search(r"%[sdr]", PLACEHOLDER.sub("", first.value).replace(")s", "")):
            faults.append(f"{module.path}:{call.lineno} {first.value!r} has a nameless place")
    return faults


def test_every_text_gets_the_values_it_names() -> None:
    assert [fault for module in modules() for fault in text_faults(module)] == []


def test_a_text_that_lacks_a_value_is_noticed() -> None:
    assert text_faults(parse("x.py", 'text("At most %(n)s.", m=3)'))
    assert not text_faults(parse("x.py", 'text("At most %(n)s.", n=3)'))


def reason_faults(module: Module) -> list[str]:
    """Return the reasons without a sentence, or without a value that their sentence names."""
    faults = []
    for call in calls(module, "reason"):
        code = call.args[0] if call.args else None
        if not (isinstance(code, ast.Constant) and isinstance(code.value, str)):
            continue
        sentence = SENTENCES.get(code.value)
        given = given_names(call)
        if sentence is None:
            faults.append(f"{module.path}:{call.lineno} {code.value} has no sentence")
        elif "**" not in given and set(PLACEHOLDER.findall(sentence.msgid)) - given:
            faults.append(f"{module.path}:{call.lineno} {code.value} lacks a value")
    return faults


def test_every_reason_has_its_sentence_and_values() -> None:
    assert [fault for module in modules("firmware") for fault in reason_faults(module)] == []


def test_a_reason_without_sentence_is_noticed() -> None:
    assert reason_faults(parse("x.py", 'reason("never_heard_of")'))
    assert reason_faults(parse("x.py", 'reason("planned")'))


def strings(code: Iterable[Module]) -> set[str]:
    """Return every string of the code, those put together from parts as patterns."""
    found = set()
    for module in code:
        for node in module.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "*" for v in node.values]
                found.add("".join(str(part) for part in parts))
    return found


def test_every_sentence_is_a_reason_somewhere() -> None:
    elsewhere = [m for m in modules("firmware") if m.path != "firmware/rollouts/rules.py"]
    used = strings(elsewhere)

    idle = {
        code
        for code in SENTENCES
        if code not in used and not any("*" in u and fnmatch(code, u) and u != "*" for u in used)
    }

    assert idle == set()


def test_every_verb_is_asked_for_somewhere() -> None:
    elsewhere = [m for m in modules() if m.path != "stb_service/shared/access.py"]
    pages = "".join(
        path.read_text(encoding="utf-8")
        for package in ("stb_service", "firmware")
        for path in (ROOT / package).rglob("*.html")
    )
    used = strings(elsewhere)

    assert [verb for verb in VERBS if verb not in used and verb not in pages] == []


def test_pages_ask_only_for_verbs_that_exist() -> None:
    asked = {
        (str(path.relative_to(ROOT)), verb)
        for package in ("stb_service", "firmware")
        for path in (ROOT / package).rglob("*.html")
        for verb in re.findall(r"\bcan\([\"']([\w.]+)[\"']\)", path.read_text(encoding="utf-8"))
    }

    assert {(path, verb) for path, verb in asked if verb not in VERBS} == set()
    assert asked
