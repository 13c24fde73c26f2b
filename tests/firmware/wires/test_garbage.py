"""Whatever is sent to the edge, the answer is 200 or a clear 4xx: a sample of each kind.

On PostgreSQL too, which refuses what SQLite takes (zero characters, halves of pairs).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stb_service.shared.db import Database
from tests.firmware.wires.conftest import FIRMWARE, MakeWire, Wire

PATHS = (
    "",
    "/deploymentBase/1",
    "/deploymentBase/1/feedback",
    "/cancelAction/1",
    "/cancelAction/1/feedback",
    "/installedBase",
    "/installedBase/1",
    "/configData",
    "/softwaremodules/2/artifacts",
    "/softwaremodules/2/artifacts/X100-2.0.swu",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
text = st.text(st.characters(codec="utf-8"), max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4)
)
reports = st.fixed_dictionaries(
    {
        "status": st.fixed_dictionaries(
            {
                "execution": st.sampled_from(["closed", "canceled", "proceeding", "rejected"])
                | documents,
                "result": st.fixed_dictionaries(
                    {"finished": st.sampled_from(["success", "failure", "none"]) | documents}
                )
                | documents,
                "details": documents,
            }
        )
        | documents
    }
)
MANY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def fuzzed(make_wire: MakeWire, both: Database) -> Wire:
    wire = make_wire(both, STB_UNKNOWN_BOX="register")
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    wire.poll()
    return wire


@MANY
@given(st.sampled_from(PATHS), st.sampled_from(METHODS), st.binary(max_size=200))
def test_bytes(fuzzed: Wire, path: str, method: str, body: bytes) -> None:
    assert fuzzed.call(method, path, data=body).status_code < 500


@MANY
@given(st.sampled_from(["deploymentBase", "cancelAction"]), reports)
def test_reports_are_always_answered_200_or_refused_by_a_field(
    fuzzed: Wire, kind: str, report: object
) -> None:
    assert fuzzed.call("POST", f"/{kind}/1/feedback", json=report).status_code in {200, 422}


@MANY
@given(documents)
def test_attributes(fuzzed: Wire, data: object) -> None:
    answer = fuzzed.call("PUT", "/configData", json={"data": data})
    assert answer.status_code in {200, 422}


@MANY
@given(text, text, text)
def test_addresses(fuzzed: Wire, controller_id: str, action: str, file: str) -> None:
    fuzzed.base = f"/DEFAULT/controller/v1/{controller_id}"
    statuses = [
        fuzzed.call("GET").status_code,
        fuzzed.call("GET", f"/deploymentBase/{action}").status_code,
        fuzzed.call("POST", f"/deploymentBase/{action}/feedback", data=b"{").status_code,
        fuzzed.call("GET", f"/softwaremodules/{action}/artifacts/{file}").status_code,
        fuzzed.client.get(f"/xconf/files/{action}/{file}").status_code,
    ]
    assert max(statuses) < 500


@MANY
@given(
    st.dictionaries(
        st.sampled_from(
            ["Authorization", "Range", "If-Match", "If-Range", "X-Forwarded-For", "Accept-Language"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
    )
)
def test_headers(fuzzed: Wire, headers: dict[str, str]) -> None:
    paths = ("", "/softwaremodules/2/artifacts/X100-2.0.swu")
    statuses = [fuzzed.call("GET", path, headers=headers).status_code for path in paths]
    assert max(statuses) < 500


@MANY
@given(st.dictionaries(st.sampled_from(["eStbMac", "firmwareVersion", "model", "x"]), text), text)
def test_xconf_polls(fuzzed: Wire, parameters: dict[str, str], body: str) -> None:
    known = {"eStbMac": "00:1A:79:00:00:00", **parameters}
    statuses = [
        fuzzed.client.get("/xconf/swu/stb", query_string=parameters).status_code,
        fuzzed.client.get("/xconf/swu/stb", query_string=known).status_code,
        fuzzed.client.post("/xconf/swu/stb", query_string=known, data=body.encode()).status_code,
    ]
    assert set(statuses) <= {200, 400, 404}
