"""The lab as a witness: every reply that breaks the DDI pages is noticed."""

import json
from typing import Any

import pytest

from lab.box.ddi_messages import read_cancel, read_order, read_poll
from lab.units import NS_PER_S
from tests.lab.world import OLD, a_service, finals, live, rules

BASE = "http://boxes.test/default/controller/v1/S1"


def a_poll(sleep: object = "00:05:00", **links: Any) -> bytes:
    return json.dumps({"config": {"polling": {"sleep": sleep}}, "_links": links}).encode()


def an_order(*, order_id: object = "8", artifact: Any = None, **deployment: Any) -> bytes:
    chunk = {"part": "os", "version": "1.2.0", "name": "fw", "artifacts": [artifact or a_file()]}
    described = {"download": "forced", "update": "forced", "chunks": [chunk]}
    return json.dumps({"id": order_id, "deployment": {**described, **deployment}}).encode()


def a_file(**changes: Any) -> dict[str, Any]:
    described = {
        "filename": "fw.swu",
        "hashes": {"sha1": "a" * 40, "sha256": "b" * 64},
        "size": 11,
        "_links": {"download": {"href": "http://files.test/fw.swu"}},
    }
    return {**described, **changes}


def broken(body: bytes, order: str = "8") -> list[str]:
    _, wrong = read_order(body, f"{BASE}/deploymentBase/{order}?c=1")
    return [violation.rule for violation in wrong]


def test_a_good_poll_is_read_without_complaint() -> None:
    href = f"{BASE}/deploymentBase/8?c=-1"
    poll, wrong = read_poll(a_poll(deploymentBase={"href": href}))
    assert poll is not None
    assert (poll.sleep_ns, poll.deployment_href, wrong) == (300 * NS_PER_S, href, [])


@pytest.mark.parametrize(
    ("sleep", "rules_broken"),
    [
        ("00:00:00", []),
        ("23:59:59", []),
        ("24:00:00", ["sleep"]),
        ("00:60:00", ["sleep"]),
        ("00:00:60", ["sleep"]),
        ("5:00", ["sleep"]),
        (300, ["sleep"]),
        (None, ["sleep"]),
    ],
)
def test_a_sleep_is_what_both_clients_can_parse(sleep: object, rules_broken: list[str]) -> None:
    _, wrong = read_poll(a_poll(sleep))
    assert [violation.rule for violation in wrong] == rules_broken


@pytest.mark.parametrize(
    ("links", "rule"),
    [
        ({"cancelAction": {"href": f"{BASE}/cancelAction/8?c=1"}}, "cancel-query"),
        ({"deploymentBase": {"href": "/relative/8"}}, "href"),
        ({"deploymentBase": f"{BASE}/deploymentBase/8"}, "href"),
        (
            {
                "cancelAction": {"href": f"{BASE}/cancelAction/8"},
                "deploymentBase": {"href": f"{BASE}/deploymentBase/9"},
            },
            "one-order-link",
        ),
    ],
)
def test_a_poll_with_a_bad_link_is_noticed(links: dict[str, Any], rule: str) -> None:
    _, wrong = read_poll(a_poll(**links))
    assert [violation.rule for violation in wrong] == [rule]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
def test_a_poll_that_is_no_object_is_noticed(body: bytes) -> None:
    poll, wrong = read_poll(body)
    assert (poll, [violation.rule for violation in wrong]) == (None, ["poll-json"])


def test_a_good_order_is_read_without_complaint() -> None:
    order, wrong = read_order(an_order(), f"{BASE}/deploymentBase/8?c=1")
    assert order is not None
    assert order.artifact is not None
    assert (order.action_id, order.version, order.artifact.size_bytes) == ("8", "1.2.0", 11)
    assert wrong == []


@pytest.mark.parametrize(
    ("order_id", "rules_broken"),
    [
        ("0", ["action-id"]),
        ("1", []),
        ("2147483647", []),
        ("2147483648", ["action-id"]),
        (8, ["action-id"]),
        ("3b24", ["action-id"]),
        ("-1", ["action-id"]),
        ("٣", ["action-id"]),
        (None, ["action-id"]),
    ],
)
def test_an_action_id_is_a_decimal_string_within_int32(
    order_id: object, rules_broken: list[str]
) -> None:
    assert broken(an_order(order_id=order_id), str(order_id)) == rules_broken


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"filename": "fw.raucb"}, "filename"),
        ({"filename": None}, "filename"),
        ({"size": 0}, "size"),
        ({"size": "11"}, "size"),
        ({"size": True}, "size"),
        ({"hashes": {}}, "sha1"),
        ({"hashes": {"sha1": "a" * 39}}, "sha1"),
        ({"hashes": {"sha1": "a" * 40, "sha256": "short"}}, "sha256"),
        ({"_links": {}}, "download-link"),
    ],
)
def test_an_artifact_no_client_could_install_is_noticed(changes: dict[str, Any], rule: str) -> None:
    order, wrong = read_order(an_order(artifact=a_file(**changes)), f"{BASE}/deploymentBase/8")
    assert order is not None
    assert (order.artifact, [violation.rule for violation in wrong]) == (None, [rule])


@pytest.mark.parametrize(
    ("deployment", "rule"),
    [
        ({"update": None}, "deployment-update"),
        ({"update": "later"}, "deployment-update"),
        ({"download": 1}, "deployment-download"),
    ],
)
def test_a_deployment_without_its_modes_is_noticed(deployment: dict[str, Any], rule: str) -> None:
    assert broken(an_order(**deployment)) == [rule]


@pytest.mark.parametrize("count", [0, 2])
def test_an_order_has_one_chunk_with_one_artifact(count: int) -> None:
    chunk = {"part": "os", "version": "1", "name": "fw", "artifacts": [a_file()]}
    files = {**chunk, "artifacts": [a_file()] * count}
    assert "one-of-chunks" in broken(an_order(chunks=[chunk] * count))
    assert "one-of-artifacts" in broken(an_order(chunks=[files]))


def test_an_order_behind_another_orders_link_is_noticed() -> None:
    assert broken(an_order(order_id="8"), "9") == ["order-id-differs"]


def test_a_plain_http_link_serves_where_there_is_no_other() -> None:
    links = {"download-http": {"href": "http://files.test/fw.swu"}}
    assert broken(an_order(artifact=a_file(_links=links))) == []


def test_a_cancel_names_the_action_twice_alike() -> None:
    good = read_cancel(b'{"id":"11","cancelAction":{"stopId":"11"}}')
    bad = read_cancel(b'{"id":"11","cancelAction":{"stopId":"12"}}')
    assert good == ("11", [])
    assert [violation.rule for violation in bad[1]] == ["cancel-ids-differ"]


@pytest.mark.parametrize(("status", "broken_rules"), [(200, []), (201, ["not-exactly-200"])])
def test_only_exactly_200_is_taken(status: int, broken_rules: list[str]) -> None:
    box = live(a_service(poll_status=status, most_orders=0))
    assert rules(box) == broken_rules


def test_an_unusable_order_ends_in_a_failure_report() -> None:
    box = live(a_service(filename="fw.bin", most_orders=1))
    assert (rules(box), finals(box), box.version) == (["filename"], [("1", "failure")], OLD)


def test_skip_makes_swupdate_report_a_success_that_never_happened() -> None:
    box = live(a_service(order_changes={"update": "skip"}, most_orders=1))
    assert (rules(box), finals(box), box.version) == (["skip-served"], [("1", "success")], OLD)


def test_skip_leaves_rauc_alone() -> None:
    box = live(a_service(order_changes={"update": "skip"}, most_orders=1), client="rauc")
    assert (rules(box), finals(box), box.version) == ([], [], OLD)


def test_an_order_offered_again_after_its_final_report_is_noticed() -> None:
    service = a_service(reopens=True)
    box = live(service, "liar")
    assert "closed-order-again" in rules(box)
