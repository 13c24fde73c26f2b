"""Made-up bodies for returns and orders that are there: the walk of `test_schema` finds none."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis.strategies import DataObject, data, sampled_from

from stb_service.rma.rules import MACHINES
from tests.api.conftest import Served
from tests.api.test_schema import CHECKS, FEW, operations

OURS = [
    (method, path)
    for method, path in operations()
    if path.startswith(("/api/v1/returns/{return_id}", "/api/v1/workshop-orders/{order_id}"))
    and "/photos" not in path  # files, which the client of these requests leaves open
]
EVENTS = sorted({event for machine in MACHINES.values() for event in machine.events})


@pytest.fixture(scope="module")
def made_up(served: Served) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", served.app)


@pytest.fixture(scope="module")
def real(served: Served) -> dict[str, list[Any]]:
    """Return what is there, by the names that paths have for it."""
    case = served.api("GET", "/returns/R-000001").json
    order = served.api("GET", "/workshop-orders/W-000001").json
    return {
        "return_id": ["R-000001", "R-000002", "R-000003"],
        "order_id": ["W-000001"],
        "number": [1, 2],
        "code": ["restart", "power", "nothing"],
        "parcel_id": [parcel["id"] for parcel in case["parcels"]] or ["none"],
        "photo_id": [case["photos"][0]["id"]],
        "part_id": [order["parts"][0]["id"]],
        "test_id": [order["tests"][0]["id"]],
        "comparison_id": [case["comparisons"][0]["id"]],
    }


@pytest.mark.parametrize("operation", OURS, ids=" ".join)
def test_no_made_up_body_breaks_a_return_that_is_there(
    made_up: Any, served: Served, real: dict[str, list[Any]], operation: tuple[str, str]
) -> None:
    method, path = operation

    @FEW
    @given(case=made_up[path][method].as_strategy(), more=data())
    def answers_keep_the_promise(case: Any, more: DataObject) -> None:
        case.path_parameters = {
            name: more.draw(sampled_from(real[name])) for name in case.path_parameters
        }
        if path.endswith("/steps") and isinstance(case.body, dict):
            case.body["event"] = more.draw(sampled_from(EVENTS))
        case.call_and_validate(headers=served.headers, checks=CHECKS)

    answers_keep_the_promise()
