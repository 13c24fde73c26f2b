"""Runs of the lab: taken in by the API and by a page, listed, shown; bad files are refused."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.verdicts.rules import Evidence, Verdict, read_junit, read_result
from firmware.verdicts.wiring import gauges
from stb_service.shared.errors import Invalid
from tests.conftest import csrf_of

REPORT = b"<!doctype html><html><title>x</title><script>alert(1)</script></html>"
JUNIT = b"""<?xml version="1.0"?>
<testsuites name="bench 4">
  <testsuite name="zapping">
    <testcase classname="zap" name="to HD" time="1.2"/>
    <testcase classname="zap" name="to UHD"><failure message="black screen">long</failure></testcase>
    <testcase classname="zap" name="to radio"><error>no
      signal</error></testcase>
    <testcase classname="zap" name="later"><skipped/></testcase>
  </testsuite>
</testsuites>"""


def result(**changes: Any) -> dict[str, Any]:
    expectations = [
        {
            "measure": "h264.continuity_errors",
            "expected": "at most 10",
            "value": 14,
            "holds": False,
            "at_most": 10,
        },
        {
            "measure": "h264.missing_frames",
            "expected": "at most 5",
            "value": 4,
            "holds": True,
            "at_most": 5,
        },
    ]
    return {
        "format": "stb-lab-result/1",
        "evidence": "emulated",
        "scenario": {"name": "burst-loss", "title": "Bursts of loss", "about": "Ten seconds."},
        "seed": 7,
        "verdict": "pass",
        "expectations": expectations,
        "measures": {"h264.pcr_gap_ms": {"value": 79.2, "unit": "ms"}},
        **changes,
    }


def sent(api: Any, **parts: Any) -> Any:
    data = {
        name: (BytesIO(value), f"{name}.bin") if isinstance(value, bytes) else value
        for name, value in parts.items()
    }
    return api("POST", "/lab/runs", data=data, content_type="multipart/form-data")


def as_bytes(**changes: Any) -> bytes:
    return json.dumps(result(**changes)).encode()


def test_a_run_is_taken_in_once_with_the_verdict_of_its_expectations(api: Any) -> None:
    first = sent(api, result=as_bytes(), report=REPORT)
    again = sent(api, result=as_bytes(), report=REPORT)
    read = api("GET", f"/lab/runs/{first.get_json()['id']}").get_json()
    listed = api("GET", "/lab/runs?verdict=fail").get_json()["items"]

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json()["id"] == first.get_json()["id"] == listed[0]["id"]
    assert (read["verdict"], read["held"], read["expected"], read["seed"]) == ("fail", 1, 2, 7)
    assert read["failing"] == [
        {"name": "h264.continuity_errors", "expected": "at most 10", "measured": "14"}
    ]
    assert read["url"].endswith(f"/lab/runs/{read['id']}")
    assert api("GET", f"/lab/runs/{read['id']}/result").data == as_bytes()
    assert api("GET", "/lab/runs?verdict=pass").get_json()["items"] == []


def test_junit_of_a_rig_is_evidence_of_a_real_box(api: Any) -> None:
    run = sent(api, junit=JUNIT).get_json()
    assert (run["name"], run["form"], run["evidence"]) == ("bench 4", "junit", "real_box")
    assert (run["verdict"], run["held"], run["expected"]) == ("fail", 1, 3)
    assert [one["measured"] for one in run["failing"]] == ["black screen", "no signal"]


def test_a_rig_of_emulators_says_so_itself(api: Any) -> None:
    assert sent(api, junit=JUNIT, evidence="emulated").get_json()["evidence"] == "emulated"


@pytest.mark.parametrize(
    ("said", "claimed", "status"),
    [
        ("emulated", "emulated", 201),
        ("emulated", "real_box", 422),
        ("real_box", "real_box", 201),
        ("real_box", "emulated", 422),
    ],
)
def test_a_result_of_the_lab_says_itself_what_it_was_made_on(
    api: Any, client: Any, said: str, claimed: str, status: int
) -> None:
    parts = {"file": (BytesIO(as_bytes(evidence=said)), "x"), "evidence": claimed}
    csrf = csrf_of(client.get("/lab/runs").text)
    reply = sent(api, result=as_bytes(evidence=said), evidence=claimed)
    shown = client.post(
        "/lab/runs", data={"csrf_token": csrf, **parts}, content_type="multipart/form-data"
    )
    kept = api("GET", "/lab/runs").get_json()["items"]

    assert reply.status_code == status
    assert list(reply.get_json().get("errors", {})) == (["evidence"] if status == 422 else [])
    assert shown.status_code == (422 if status == 422 else 303)
    assert ('id="field-of-what-error"' in shown.text) == (status == 422)
    assert ('href="#field-of-what"' in shown.text) == (status == 422)
    assert [run["evidence"] for run in kept] == ([said] if status == 201 else [])


def test_one_result_of_two_images_or_of_two_kinds_of_evidence_is_several_runs(
    api: Any, fleet: Any
) -> None:
    old, new = fleet.images["1.0"], fleet.images["2.0"]
    parts = [{}, {"image": old}, {"image": new}, {"image": new, "evidence": "emulated"}]

    runs = [sent(api, junit=JUNIT, **part).get_json() for part in parts]
    again = [sent(api, junit=JUNIT, **part) for part in parts]

    assert len({run["id"] for run in runs}) == 4
    assert [run["image"] for run in runs] == [None, old, new, new]
    assert [reply.status_code for reply in again] == [200] * 4
    assert [reply.get_json()["id"] for reply in again] == [run["id"] for run in runs]
    assert [reply.get_json()["times_sent"] for reply in again] == [2] * 4


def test_a_claim_that_does_not_go_with_its_figure_is_refused(api: Any) -> None:
    expectations = result()["expectations"]
    expectations[0]["holds"] = True

    reply = sent(api, result=as_bytes(expectations=expectations))

    assert reply.status_code == 422
    assert "14 does not go with what is claimed" in str(reply.get_json()["errors"])


def test_the_image_that_was_tried_is_named(api: Any, fleet: Any) -> None:
    run = sent(api, result=as_bytes(), image=fleet.images["2.0"]).get_json()
    assert run["image"] == fleet.images["2.0"]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "result"),
        ({"result": b"{"}, "result"),
        ({"result": b"\xff"}, "result"),
        ({"result": b"[" * 100_000}, "result"),
        ({"result": b"[1]"}, "result"),
        ({"result": b"{}"}, "result"),
        ({"result": as_bytes(format="stb-lab-result/9")}, "result"),
        ({"result": as_bytes(evidence="hearsay")}, "result"),
        ({"result": as_bytes(expectations=[])}, "result"),
        ({"result": as_bytes(seed=-1)}, "result"),
        ({"result": as_bytes(changes={})}, "result"),
        ({"result": as_bytes(changes=[{"name": "a"}])}, "result"),
        ({"result": as_bytes(changes=[{"name": "a", "now": "b\0"}])}, "result"),
        ({"result": as_bytes(changes=[{"name": "a", "now": "b"}] * 201)}, "result"),
        ({"result": as_bytes(scenario={"name": "a\nb", "title": "x"})}, "result"),
        ({"result": as_bytes().replace(b"14", b"NaN")}, "result"),
        ({"result": as_bytes(), "report": b"just words"}, "report"),
        ({"result": as_bytes(), "junit": JUNIT}, "junit"),
        ({"result": as_bytes(), "image": "nothing"}, "image"),
        ({"junit": JUNIT, "report": REPORT}, "report"),
        ({"junit": b"not xml"}, "junit"),
        ({"junit": b"<html/>"}, "junit"),
        ({"junit": b"<testsuite/>"}, "junit"),
        ({"junit": b'<!DOCTYPE t [<!ENTITY a "b">]><testsuite name="&a;"/>'}, "junit"),
        ({"junit": JUNIT, "evidence": "hearsay"}, "evidence"),
    ],
)
def test_what_is_no_run_is_refused_at_its_field(
    api: Any, parts: dict[str, Any], field: str
) -> None:
    refused = sent(api, **parts)
    assert refused.status_code == 422, refused.text
    assert field in refused.text
    assert api("GET", "/lab/runs").get_json()["items"] == []


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for read in (read_result, read_junit):
        with pytest.raises(Invalid):
            read(data)


def test_the_verdict_is_worked_out_and_not_believed() -> None:
    found = read_result(as_bytes(verdict="pass"))
    assert (found.verdict, found.evidence) == (Verdict.FAIL, Evidence.EMULATED)


def test_only_those_who_may_send_do(api_as: Any) -> None:
    assert sent(api_as("lab_engineer"), result=as_bytes()).status_code == 201
    assert sent(api_as("viewer"), result=as_bytes(seed=1)).status_code == 403
    assert api_as("agent")("GET", "/lab/runs").status_code == 200


def test_a_run_is_listed_shown_and_its_report_shut_off(api: Any, client: Any) -> None:
    run = sent(api, result=as_bytes(), report=REPORT).get_json()
    listed = client.get("/lab/runs")
    shown = client.get(f"/lab/runs/{run['id']}")
    report = client.get(f"/lab/runs/{run['id']}/report")
    policy = report.headers["Content-Security-Policy"]

    assert "Bursts of loss" in listed.text
    assert "1 of 2 hold" in listed.text
    assert shown.text.index("continuity_errors") < shown.text.index("missing_frames")
    assert f"/lab/runs/{run['id']}/report" in shown.text
    assert report.data == REPORT
    assert {"sandbox", "default-src 'none'"} <= {part.strip() for part in policy.split(";")}
    assert "script" not in policy
    assert client.get(f"/lab/runs/{run['id']}/result").data == as_bytes()


def of_scenario(digest: str | None, seed: int, **changes: Any) -> bytes:
    """Return a result of a scenario by its digest."""
    scenario = {**result()["scenario"], "digest": digest}
    return as_bytes(scenario=scenario, seed=seed, **changes)


CHANGED = [
    {"name": "loss.times", "before": "1", "now": "3"},
    {"name": "expect.0.at_most", "before": None, "now": "<999>"},
]


def test_a_run_of_a_changed_scenario_is_marked_and_says_what_was_changed(
    api: Any, client: Any
) -> None:
    plain = sent(api, result=of_scenario("0f", 1)).get_json()
    run = sent(api, result=of_scenario("1e", 1, changes=CHANGED)).get_json()
    rows = client.get("/lab/runs").text.partition("<tbody>")[2].split("<tr>")[1:]
    shown = client.get(f"/lab/runs/{run['id']}").text

    assert (plain["changes"], plain["scenario_digest"]) == ([], "0f")
    assert (run["changes"], run["scenario_digest"]) == (CHANGED, "1e")
    assert [one["changes"] for one in api("GET", "/lab/runs").get_json()["items"]] == [CHANGED, []]
    assert [">changed<" in row for row in rows] == [True, False]
    assert "Changed for this run" in shown
    assert "loss.times" in shown
    assert "&lt;999&gt;" in shown
    assert "Changed for this run" not in client.get(f"/lab/runs/{plain['id']}").text
    assert "loss.times, expect.0.at_most" in client.get("/audit").text


@pytest.mark.parametrize("digest", ["0f", None])
def test_runs_before_are_of_the_same_scenario(api: Any, client: Any, digest: str | None) -> None:
    before = sent(api, result=of_scenario(digest, 1)).get_json()
    other = sent(api, result=of_scenario("1e", 1, changes=CHANGED)).get_json()
    run = sent(api, result=of_scenario(digest, 2)).get_json()

    shown = client.get(f"/lab/runs/{run['id']}").text.partition("Runs before")[2]

    assert f"/lab/runs/{before['id']}" in shown
    assert f"/lab/runs/{other['id']}" not in shown
    assert "Runs before" not in client.get(f"/lab/runs/{other['id']}").text


def test_a_run_without_a_report_has_none(api: Any, client: Any) -> None:
    run = sent(api, junit=JUNIT).get_json()
    shown = client.get(f"/lab/runs/{run['id']}")
    assert "<iframe" not in shown.text
    assert client.get(f"/lab/runs/{run['id']}/report").status_code == 404
    assert client.get("/lab/runs/nothing").status_code == 404


def test_a_person_takes_a_run_in(client: Any) -> None:
    def upload(data: bytes) -> Any:
        return client.post(
            "/lab/runs",
            data={
                "csrf_token": csrf_of(client.get("/lab/runs").text),
                "file": (BytesIO(data), "x"),
            },
            content_type="multipart/form-data",
        )

    taken, junit, bad = upload(as_bytes()), upload(JUNIT), upload(b"<html/>")
    assert (taken.status_code, junit.status_code, bad.status_code) == (303, 303, 422)
    assert "no JUnit XML" in bad.text
    assert client.get("/lab/runs").text.count("/lab/runs/") >= 2


def test_filters_show_what_is_like_them(api: Any, client: Any) -> None:
    sent(api, result=as_bytes())
    sent(api, junit=JUNIT)
    shown = client.get("/lab/runs?evidence=real_box").text
    assert "bench 4" in shown
    assert "Bursts of loss" not in shown.partition("<tbody>")[2]
    assert "No run is like this" in client.get("/lab/runs?verdict=pass").text


def test_a_run_is_found_by_its_name(api: Any, client: Any) -> None:
    sent(api, result=as_bytes())
    assert "Bursts of loss" in client.get("/search?q=burst", follow_redirects=True).text


def test_runs_are_counted_by_their_verdict_for_prometheus(api: Any, app: Any) -> None:
    sent(api, result=as_bytes())
    with app.extensions["stb"].db.read() as session:
        assert gauges(session) == {("stb_lab_runs", "pass"): 0, ("stb_lab_runs", "fail"): 1}
