"""Every route with every role, and with no one."""

from __future__ import annotations

import logging
import random
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from firmware.boxes.operations import know_box
from stb_service.shared.access import (
    ROLE_NAMES,
    SYSTEM,
    VERBS,
    Actor,
    allowed_verbs,
    builtin_verbs,
)
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask
from stb_service.shared.http.app import required_verb
from stb_service.shared.settings import read_settings
from tests.conftest import NOW, PASSWORD, People, csrf_of, with_stores

OPEN_TO_ALL = {
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/firmware/images/static/<path:filename>"),
    ("GET", "/firmware/rollouts/static/<path:filename>"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/p/<word>"),
    ("GET", "/pay/test/<word>"),
    ("GET", "/q/<word>"),
    ("GET", "/q/<word>/accept"),
    ("GET", "/q/<word>/choose/<choice>"),
    ("GET", "/q/<word>/decline"),
    ("GET", "/r/<word>"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("POST", "/api/v1/payments/notices/<string:provider>"),
    ("POST", "/pay/test/<word>"),
    ("POST", "/q/<word>/accept"),
    ("POST", "/q/<word>/choose/<choice>"),
    ("POST", "/q/<word>/decline"),
    ("POST", "/q/<word>/pay"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/static/<path:filename>"),
}
OPEN_ON_THE_EDGE = {
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/xconf/files/<word>/<filename>"),
    ("GET", "/xconf/swu/stb"),
    ("POST", "/xconf/swu/stb"),
}
DDI = "/<tenant>/controller/v1/<controller_id>"
BODY = {"mode": "merge", "data": {"color": "red"}, "name": "fw", "version": "1.0.0"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    rule: str
    path: str
    verb: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def is_api(self) -> bool:
        return self.rule.startswith("/api/")


def path_of(rule: Rule, tenant: str = "DEFAULT") -> str:
    """Return an address of the rule that names nothing that exists."""
    values: dict[str, Any] = dict.fromkeys(rule.arguments, "nothing-of-that")
    values |= {"tenant": tenant} if "tenant" in values else {}
    values |= {name: 999_999 for name in ("module", "number") if name in values}
    built = rule.build(values)
    assert built is not None, rule
    return built[1]


def routes(app: Flask) -> list[Route]:
    """Return every route of an app."""
    return [
        Route(method, rule.rule, path_of(rule), required_verb(app, rule.endpoint, method))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & METHODS)
    ]


@dataclass
class Caller:
    """Somebody with a browser and, for the API, a token."""

    browser: FlaskClient
    csrf: str
    secret: str = ""

    def call(self, route: Route, method: str | None = None) -> tuple[int, str]:
        """Return the status of an answer, and where it sends the browser."""
        headers = {"X-CSRFToken": self.csrf}
        if self.secret and route.is_api:
            headers["Authorization"] = f"Bearer {self.secret}"
        answer = self.browser.open(route.path, method=method or route.method, headers=headers)
        answer.close()
        return answer.status_code, answer.headers.get("Location", "")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Database]:
    """One database for the whole walk: no request of it names anything that exists."""
    path = tmp_path_factory.mktemp("walk") / "walk.sqlite3"
    shutil.copy(sqlite_template, path)
    made = Database(f"sqlite:///{path}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(db: Database) -> People:
    made = People(db, Actor("person", "test", "test", frozenset(VERBS)), NOW)
    made.organisation("dealer", "dealer")
    made.organisation("centre", "service_centre")
    return made


@pytest.fixture(scope="module")
def app(
    made_app: StbFlask, db: Database, people: People, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The app with that database for the whole walk."""
    home = tmp_path_factory.mktemp("home")
    made = with_stores(made_app, read_settings({"STB_HOME": str(home)}), db)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield made
    structlog.reset_defaults()


@pytest.fixture
def nobody(app: Any) -> Caller:
    browser = app.test_client()
    return Caller(browser, csrf_of(browser.get("/sign-in").text))


@pytest.fixture
def caller(app: Any, people: People) -> Callable[..., Caller]:
    def make(role: str, organisation: str = "operator") -> Caller:
        person = people.person(role, organisation, username=f"p{secrets.token_hex(4)}")
        browser = app.test_client()
        form = {
            "username": person.username,
            "password": PASSWORD,
            "csrf_token": csrf_of(browser.get("/sign-in").text),
        }
        assert browser.post("/sign-in", data=form).status_code == 303
        return Caller(browser, csrf_of(browser.get("/me").text), people.token(person))

    return make


def test_every_route_names_its_verb_or_is_open(app: Any) -> None:
    assert [str(route) for route in routes(app) if route.verb == ""] == []


def test_only_the_listed_routes_are_open(app: Any) -> None:
    found = {(route.method, route.rule) for route in routes(app) if route.verb is None}

    assert found == OPEN_TO_ALL


def test_nobody_gets_in_without_signing_in(app: Any, nobody: Caller) -> None:
    closed = [route for route in routes(app) if route.verb is not None]
    answers = {str(route): (route, *nobody.call(route)) for route in closed}

    let_in = {
        name: status
        for name, (route, status, location) in answers.items()
        if not (
            status == 401 if route.is_api else status == 303 and location.startswith("/sign-in")
        )
    }

    assert len(closed) > 100
    assert let_in == {}


PEOPLE = [
    *((role, "operator") for role in ROLE_NAMES),
    ("administrator", "dealer"),
    ("agent", "centre"),
]

WALKERS = {("administrator", "operator"), ("administrator", "dealer"), ("viewer", "operator")}
"""Who walks all routes in the suite: who holds all, who holds all that a dealer may, who holds few."""


def one_of_each_verb(closed: Sequence[Route], seed: str) -> list[Route]:
    """Return a route of each verb, another one for each seed."""
    shuffled = random.Random(seed).sample(closed, len(closed))
    return list({route.verb: route for route in shuffled}.values())


def check_where_a_role_gets_in(
    somebody: Caller, tried: Sequence[Route], role: str, organisation: str
) -> None:
    held = allowed_verbs(builtin_verbs(role), of_operator=organisation == "operator")
    answers = {str(route): (route.verb, somebody.call(route)[0]) for route in tried}

    refused = {name for name, (_, status) in answers.items() if status == 403}
    broken = {
        name: status for name, (_, status) in answers.items() if status == 401 or status >= 500
    }

    assert broken == {}
    assert refused == {name for name, (verb, _) in answers.items() if verb not in held}


@pytest.mark.parametrize(
    ("role", "organisation"),
    [
        pytest.param(*who, marks=[] if who in WALKERS else pytest.mark.prove, id="-".join(who))
        for who in PEOPLE
    ],
)
def test_a_role_gets_in_exactly_where_the_table_says(
    app: Any, caller: Callable[..., Caller], role: str, organisation: str
) -> None:
    closed = [route for route in routes(app) if route.verb is not None]

    check_where_a_role_gets_in(caller(role, organisation), closed, role, organisation)


@pytest.mark.parametrize(("role", "organisation"), sorted(set(PEOPLE) - WALKERS))
def test_a_role_gets_in_by_the_verb_at_a_route_of_each(
    app: Any, caller: Callable[..., Caller], role: str, organisation: str
) -> None:
    closed = [route for route in routes(app) if route.verb is not None]
    tried = one_of_each_verb(closed, f"{role} {organisation}")

    check_where_a_role_gets_in(caller(role, organisation), tried, role, organisation)
    assert {route.verb for route in tried} == {route.verb for route in closed}


@pytest.mark.parametrize("organisation", ["dealer", "centre"])
@pytest.mark.parametrize("role", ROLE_NAMES)
def test_people_of_a_dealer_or_centre_never_hold_what_is_the_operators(
    people: People, role: str, organisation: str
) -> None:
    actor = people.actor(role, organisation)

    assert {verb for verb in actor.verbs if VERBS[verb].operator_only} == set()
    assert actor.organisation_id is not None
    assert not actor.scope.is_everything


def test_a_role_that_names_every_verb_gives_a_dealer_only_what_dealers_may_hold() -> None:
    assert allowed_verbs(frozenset(VERBS), of_operator=False) == {
        name for name, verb in VERBS.items() if not verb.operator_only
    }


def test_head_is_answered_as_get_is(app: Any, caller: Callable[..., Caller]) -> None:
    somebody = caller("administrator")
    reads = [route for route in routes(app) if route.method == "GET" and route.verb is not None]

    different = {
        str(route): (get, head)
        for route in reads
        if (get := somebody.call(route)[0]) != (head := somebody.call(route, "HEAD")[0])
    }

    assert different == {}


def test_an_unmarked_view_is_refused_to_everyone(app: Any, caller: Callable[..., Caller]) -> None:
    view = app.view_functions["admin_pages.dashboard"]
    somebody = caller("administrator")
    route = next(route for route in routes(app) if route.rule == "/")
    app.view_functions["admin_pages.dashboard"] = lambda: "open"
    unmarked = next(route for route in routes(app) if route.rule == "/").verb

    refused = somebody.call(route)[0]
    app.view_functions["admin_pages.dashboard"] = view

    assert (unmarked, refused) == ("", 403)
    assert somebody.call(route)[0] == 200


def ddi_routes(edge: Flask) -> Iterator[Route]:
    return (route for route in routes(edge) if route.rule.startswith(DDI))


def test_only_the_listed_routes_of_the_edge_are_not_ddi(edge: Any) -> None:
    others = {(r.method, r.rule) for r in routes(edge) if not r.rule.startswith(DDI)}

    assert others == OPEN_ON_THE_EDGE


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "TargetToken",
        "TargetToken wrong",
        "GatewayToken wrong",
        "Basic YTpi",
        "Bearer x",
        "\xff",
    ],
)
def test_no_ddi_route_answers_without_a_token(edge: Any, credentials: str) -> None:
    with edge.extensions["stb"].db.write() as session:
        know_box(
            session,
            uid="nothing-of-that",
            serial="NOTHING-OF-THAT",
            mac_ethernet=None,
            mac_wifi=None,
            model_code="AX1",
            revision_code="A",
            tags=[],
            actor=SYSTEM,
            now=NOW,
        )
    browser = edge.test_client()
    headers = {"Authorization": credentials} if credentials else {}

    answers = {
        str(route): browser.open(
            route.path, method=route.method, headers=headers, json=BODY
        ).status_code
        for route in ddi_routes(edge)
    }

    assert len(answers) >= 9
    assert set(answers.values()) == {401}, answers


def test_another_tenant_does_not_exist(edge: Any) -> None:
    browser = edge.test_client()

    answers = {
        browser.open(route.path.replace("/DEFAULT/", "/other/", 1), method=route.method).status_code
        for route in ddi_routes(edge)
    }

    assert answers == {404}


def test_a_download_address_of_xconf_needs_its_signature(edge: Any) -> None:
    assert edge.test_client().get("/xconf/files/forged/fw-1.0.0.swu").status_code == 404
