"""Files of a run that are broken or hostile: refused with the reason, and nothing is kept of them."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import Any

import pytest

from firmware.verdicts import uploads
from firmware.verdicts.rules import Verdict, read_junit, read_result
from stb_service.shared.errors import Invalid
from stb_service.shared.files import FileStore
from tests.conftest import csrf_of
from tests.firmware.verdicts.test_runs import REPORT, as_bytes, result, sent

HUGE = "x" * 10_000_000
HALF = "\\ud800"  # half of a surrogate pair, as JSON writes it
LAUGHS = b"".join(
    (
        b'<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a0 "ha">',
        *(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)),
        b"]><testsuite><testcase name='%s'>&a11;</testcase></testsuite>",
    )
)
OUTSIDE = (
    b'<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<testsuite><testcase name='x'><failure>&a;</failure></testcase></testsuite>"
)


def expectation(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "measure": "m",
            "expected": "at most 1",
            "value": 1,
            "holds": True,
            "at_most": 1,
            **changes,
        }
    ]


def scenario(**changes: Any) -> dict[str, Any]:
    return {"name": "small", "title": "Small", **changes}


def written(**changes: Any) -> bytes:
    """A result with half a surrogate pair where it says HALF."""
    return as_bytes(**changes).replace(b"HALF", HALF.encode())


@pytest.fixture
def stored(settings: Any) -> Any:
    """Return the names of all files that the service keeps."""
    root = FileStore(settings.files_dir).root
    return lambda: {path.name for path in root.rglob("*") if path.is_file()}


def sent_whole(api: Any, **files: bytes) -> Any:
    """Send files as one body of bytes: the test client leaves large ones of its own open."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    body = b"".join((*parts, b"--x--\r\n"))
    return api("POST", "/lab/runs", data=body, content_type="multipart/form-data; boundary=x")


RESULTS = {
    "words for a result": b'"pass"',
    "a number for a scenario": as_bytes(scenario=3),
    "a list for a name": as_bytes(scenario=scenario(name=["x"])),
    "words for expectations": as_bytes(expectations="all"),
    "expectations by name": as_bytes(expectations={"a": 1}),
    "a number for an expectation": as_bytes(expectations=[1]),
    "true for a figure": as_bytes(expectations=expectation(value=True)),
    "nothing for a figure": as_bytes(expectations=expectation(value=None)),
    "a list for holds": as_bytes(expectations=expectation(holds=[])),
    "1 for holds": as_bytes(expectations=expectation(holds="yes")),
    "a verdict that is none": as_bytes(expectations=expectation(value=2)),
    "a pass given for a failure": as_bytes(expectations=expectation(holds=False)),
    "nothing that is expected": as_bytes(expectations=expectation(at_most=None)),
    "two bounds": as_bytes(expectations=expectation(at_least=0)),
    "words for a bound": as_bytes(expectations=expectation(at_most="few")),
    "infinite": as_bytes(expectations=expectation(value=float("inf"))),
    "infinite by its digits": as_bytes().replace(b"14", b"1" + b"0" * 400),
    "infinite by its exponent": as_bytes().replace(b"14", b"1e999"),
    "more digits than are read": as_bytes().replace(b"14", b"1" * 5000),
    "a measure that is none": as_bytes(measures={"a": {"value": "NaN"}}),
    "a seed of a fraction": as_bytes(seed=1.5),
    "a seed too large": as_bytes(seed=2**70),
    "a seed of words": as_bytes(seed="7"),
    "a name too long": as_bytes(scenario=scenario(name="x" * 101)),
    "10 MB of title": as_bytes(scenario=scenario(title=HUGE)),
    "10 MB of about": as_bytes(scenario=scenario(about=HUGE)),
    "10 MB of unit": as_bytes(expectations=expectation(unit=HUGE)),
    "10 MB of evidence": as_bytes(evidence=HUGE),
    "10 MB of a name of a measure": as_bytes(measures={HUGE: {"value": 1}}),
    "half a pair in the title": written(scenario=scenario(title="HALF")),
    "half a pair in about": written(scenario=scenario(about="a HALF")),
    "half a pair in a unit": written(expectations=expectation(unit="HALF")),
    "half a pair in what was expected": written(expectations=expectation(expected="HALF")),
    "half a pair in a name of a measure": written(measures={"HALF": {"value": 1}}),
    "half a pair in the format": written(format="HALF"),
    "zero in a unit": as_bytes(expectations=expectation(unit="\0")),
    "zero in about": as_bytes(scenario=scenario(about="\0")),
    "an escape in about": as_bytes(scenario=scenario(about="\x1b[31m")),
    "too many expectations": as_bytes(expectations=expectation() * 20_001),
    "too many measures": as_bytes(measures={str(n): {"value": n} for n in range(20_001)}),
    "deep": b'{"format": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep in a measure": as_bytes(measures={"a": 1}).replace(
        b'"a": 1', b'"a": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000
    ),
    "UTF-16": as_bytes().decode().encode("utf-16"),
}
JUNITS = {
    "laughs": LAUGHS,
    "a file from outside": OUTSIDE,
    "a DTD from outside": b'<!DOCTYPE t SYSTEM "http://127.0.0.1:1/x.dtd"><testsuite/>',
    "laughs in an attribute": LAUGHS.replace(b"'%s'", b"'&a11;'"),
    "deep": b"<testsuite>" * 10_000 + b"</testsuite>" * 10_000,
    "half": b"<testsuites><testsuite><testcase name='x'>",
    "only skipped": b"<testsuite><testcase name='x'><skipped/></testcase></testsuite>",
    "no tests": b"<testsuites tests='3' failures='0'><testsuite name='a'/></testsuites>",
    "an encoding that is none": b"<?xml version='1.0' encoding='bogus'?><testsuite/>",
    "an encoding that lies": b"<?xml version='1.0' encoding='utf-16'?><testsuite/>",
    "zero": b"<testsuite><testcase name='\0'/></testsuite>",
    "half a pair": b"<testsuite><testcase name='&#xD800;'/></testsuite>",
    "a comment": b"<!-- nothing -->",
    "too many": b"<testsuite>" + b"<testcase/>" * 20_001 + b"</testsuite>",
    "10 MB of a name": b"<testsuite><testcase name='%s'/></testsuite>" % (HUGE * 2).encode()[:-100],
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_that_is_none_is_refused_with_the_reason(api: Any, stored: Any, name: str) -> None:
    refused = sent_whole(api, result=RESULTS[name], report=REPORT)
    assert_refused(api, refused, stored)


@pytest.mark.parametrize("name", JUNITS)
def test_xml_that_is_no_junit_is_refused_with_the_reason(api: Any, stored: Any, name: str) -> None:
    started = time.monotonic()
    refused = sent_whole(api, junit=JUNITS[name])
    assert time.monotonic() - started < 5
    assert b"root:" not in refused.data
    assert_refused(api, refused, stored)


def assert_refused(api: Any, refused: Any, stored: Any) -> None:
    """A problem document of moderate size that names the field; nothing is kept."""
    assert refused.status_code == 422, refused.text[:500]
    assert refused.mimetype == "application/problem+json"
    ((name, messages),) = refused.get_json()["errors"].items()
    assert name in {"result", "junit"}
    assert 3 < len(messages[0]) < 600
    assert messages[0].isprintable()
    assert len(refused.data) < 3000
    assert api("GET", "/lab/runs").get_json()["items"] == []
    assert stored() == set()


@pytest.mark.parametrize(
    "data",
    [RESULTS["half a pair in about"], JUNITS["laughs"], b"\xff"],
    ids=["result", "junit", "neither"],
)
def test_the_page_refuses_at_the_field_that_was_used(client: Any, stored: Any, data: bytes) -> None:
    refused = upload(client, file=data)
    assert refused.status_code == 422
    assert 'id="field-file-error"' in refused.text
    assert 'href="#field-file"' in refused.text
    assert stored() == set()


def upload(client: Any, **parts: Any) -> Any:
    files = {
        name: (BytesIO(value), "x") if isinstance(value, bytes) else value
        for name, value in parts.items()
    }
    token = csrf_of(client.get("/lab/runs").text)
    return client.post(
        "/lab/runs", data={"csrf_token": token, **files}, content_type="multipart/form-data"
    )


@pytest.mark.parametrize("image", ["nothing", "\0", "x" * 5000, "é" * 16], ids=range(4))
def test_an_image_that_is_none_leaves_no_file(
    api: Any, client: Any, stored: Any, image: str
) -> None:
    assert sent(api, result=as_bytes(), report=REPORT, image=image).status_code == 422
    assert upload(client, file=as_bytes(), image=image).status_code == 422
    assert stored() == set()


@pytest.mark.parametrize("field", ["result", "junit", "report"])
def test_a_file_of_more_than_is_accepted_is_too_large(
    api: Any, stored: Any, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 5000)
    parts = {"result": as_bytes()} if field == "report" else {}
    refused = sent(api, **{**parts, field: b"<html>" + b" " * 5000})
    assert (refused.status_code, refused.mimetype) == (413, "application/problem+json")
    assert "At most 5" in refused.get_json()["detail"]
    assert stored() == set()


def test_a_body_of_more_than_two_files_is_not_read(
    api: Any, client: Any, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_BODY_BYTES", 5000)
    assert sent(api, result=b" " * 6000).status_code == 413
    assert upload(client, file=b" " * 6000).status_code == 413
    assert sent(api, result=as_bytes()).status_code == 201


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": result()},
        {"json": []},
        {"data": as_bytes(), "content_type": "application/octet-stream"},
        {"data": b"--x\r\n\r\n", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"result=1", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"result": "words, no file"}, "content_type": "multipart/form-data"},
        {},
    ],
)
def test_a_body_without_files_is_refused(api: Any, arguments: dict[str, Any]) -> None:
    refused = api("POST", "/lab/runs", **arguments)
    assert 400 <= refused.status_code < 500
    assert refused.mimetype == "application/problem+json"


def cases(text: str) -> list[tuple[str, bool, str]]:
    return [(c.name, c.holds, c.measured) for c in read_junit(text.encode()).expected]


def test_a_suite_alone_is_a_run_by_its_name() -> None:
    found = read_junit(b'<testsuite name="bench"><testcase name="a"/></testsuite>')
    assert (found.name, found.verdict, found.held) == ("bench", Verdict.PASS, 1)


def test_suites_in_suites_are_read_with_all_their_tests() -> None:
    found = cases(
        "<testsuites><testsuite name='a'><testcase name='1'/><testsuite name='b'>"
        "<testcase name='2'><failure/></testcase></testsuite></testsuite></testsuites>"
    )
    assert found == [("1", True, ""), ("2", False, "failure")]


def test_counts_times_and_dates_are_not_needed_and_not_believed() -> None:
    found = cases(
        "<testsuite tests='-7' failures='x' time='yesterday' timestamp='99999-99-99T99:99:99'>"
        "<testcase time='NaN' name='a'/></testsuite>"
    )
    assert found == [("a", True, "")]


def test_a_suite_that_broke_outside_of_its_tests_fails() -> None:
    found = cases(
        "<testsuites><testsuite name='set-up'><error message='no tuner'/>"
        "<testcase name='a'/></testsuite></testsuites>"
    )
    assert found == [("set-up", False, "no tuner"), ("a", True, "")]


@pytest.mark.parametrize("status", ["notrun", "SKIPPED", "disabled"])
def test_a_test_whose_status_says_it_did_not_run_expects_nothing(status: str) -> None:
    found = cases(
        f"<testsuite><testcase name='a' status='{status}'/>"
        "<testcase name='b' status='run'/></testsuite>"
    )
    assert found == [("b", True, "")]


def test_a_test_that_failed_and_broke_is_told_once_on_one_line() -> None:
    found = cases(
        "<testsuite><testcase classname='c' name='a'>"
        "<failure>one\n two\u200b\u202e</failure><error message='x'/></testcase></testsuite>"
    )
    assert found == [("c.a", False, "one two")]


def test_marks_of_byte_order_are_no_hindrance(api: Any, client: Any) -> None:
    junit = "<testsuite name='rig'><testcase name='é'/></testsuite>"
    assert read_junit(junit.encode("utf-8-sig")).expected[0].name == "é"
    assert read_result(as_bytes().decode().encode("utf-8-sig")).seed == 7
    for encoding in ("utf-8-sig", "utf-16"):
        text = junit.replace("rig", encoding)
        assert upload(client, file=text.encode(encoding)).status_code == 303
    assert len(api("GET", "/lab/runs?evidence=real_box").get_json()["items"]) == 2


def test_a_run_that_came_without_its_report_gains_it(api: Any, client: Any, stored: Any) -> None:
    run = sent(api, result=as_bytes()).get_json()
    again = sent(api, result=as_bytes(), report=REPORT)
    other = sent(api, result=as_bytes(), report=REPORT + b" ")

    assert (again.status_code, again.get_json()["id"]) == (200, run["id"])
    assert other.status_code == 200
    assert client.get(f"/lab/runs/{run['id']}/report").data == REPORT
    assert len(stored()) == 2  # the report of the third was not kept


def test_what_is_told_of_a_mistake_is_short_and_has_its_place() -> None:
    with pytest.raises(Invalid) as caught:
        read_result(json.dumps(result(measures={"a" * 5000: {"value": "x"}})).encode())
    ((message,),) = caught.value.fields.values()
    assert str(message).startswith("measures.aaa")
    assert len(str(message)) < 600


def test_a_mistake_is_told_in_the_language_of_whoever_sent_it(api: Any) -> None:
    arabic = {"Accept-Language": "ar"}
    refused = api(
        "POST",
        "/lab/runs",
        data={"result": (BytesIO(b"{}"), "x")},
        content_type="multipart/form-data",
        headers=arabic,
    )
    ((message,),) = refused.get_json()["errors"].values()
    assert "Missing data" not in message
    assert message.startswith("format: ")


def test_what_is_yes_or_no_is_said_so() -> None:
    found = read_result(as_bytes(expectations=expectation(unit="yes/no")))
    assert found.expected[0].measured == "1 (yes)"
