"""What the API promises in its document, tried with made-up requests."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stb_service.shared.access import requires
from tests.api.conftest import Served
from tests.conftest import whole_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MANY = settings(
    max_examples=300,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@cache
def operations() -> list[tuple[str, str]]:
    """Return (method, path) of every operation, as the document names them."""
    document = whole_app().test_client().get("/api/v1/openapi.json").get_json()
    return [
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    ]


BUDGET = 240  # requests of the suite, shared out among the operations; two of each at the least
FEW = settings(
    MANY, max_examples=max(2, BUDGET // len(operations())), derandomize=True, database=None
)


@pytest.fixture(scope="module")
def made_up(served: Served) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", served.app)


def try_out(made_up: Any, served: Served, operation: tuple[str, str], limits: settings) -> None:
    """Send made-up requests of one operation and hold each answer against the document."""
    method, path = operation
    fitting = made_up[path][method].as_strategy()
    wrong = made_up[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @limits
    @given(case=one_of(fitting, wrong))
    def answers_keep_the_promise(case: Any) -> None:
        case.call_and_validate(headers=served.headers, checks=CHECKS)

    answers_keep_the_promise()


@pytest.mark.parametrize("operation", operations(), ids=" ".join)
def test_no_made_up_request_breaks_the_api(
    made_up: Any, served: Served, operation: tuple[str, str]
) -> None:
    try_out(made_up, served, operation, FEW)


def test_a_fault_is_noticed(made_up: Any, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    view = requires("self.use")(lambda: 1 // 0)
    monkeypatch.setitem(served.app.view_functions, "api_staff.get_me", view)

    with pytest.raises(BaseException, match="Server error"):
        try_out(made_up, served, ("get", "/api/v1/me"), settings(FEW, max_examples=1))


@pytest.mark.prove
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("operation", operations(), ids=" ".join)
def test_no_request_of_many_breaks_the_api(
    made_up: Any, served: Served, operation: tuple[str, str]
) -> None:
    try_out(made_up, served, operation, MANY)
