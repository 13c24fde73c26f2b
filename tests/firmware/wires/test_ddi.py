"""hawkBit DDI v1 by HTTP."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from firmware.boxes.models import Box, BoxToken, GatewayToken
from firmware.boxes.operations import rotate_token
from firmware.boxes.rules import STRAY, token_digest
from stb_service.shared.db import Database
from stb_service.shared.outbox import OutboxEntry
from tests.firmware.wires.conftest import FIRMWARE, TOKEN, MakeWire, Wire
from tests.firmware.world import statements_to


def test_a_box_updates_itself_over_the_wire(both_wire: Wire) -> None:
    wire = both_wire
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    action = wire.order()["id"]
    fetched = wire.download()
    replies = [
        wire.feedback(action, "proceeding", "none").status_code,
        wire.feedback(action, "closed", "success").status_code,
    ]
    asked = wire.poll()
    replies.append(wire.config(sw_version="2.0", boot_id="boot-2").status_code)
    assert (fetched.status_code, fetched.data) == (200, FIRMWARE)
    assert (replies, set(asked)) == ([200, 200, 200], {"configData"})
    assert wire.world.state("box-00000") == "verified"
    assert set(wire.poll()) == {"installedBase"}


def test_an_order_reads_as_both_clients_read_it(ordered: Wire) -> None:
    order = ordered.order()
    (chunk,) = order["deployment"]["chunks"]
    (artifact,) = chunk["artifacts"]
    assert order["id"] == "1"
    assert (order["deployment"]["download"], order["deployment"]["update"]) == ("forced", "forced")
    assert (chunk["part"], chunk["version"], chunk["name"]) == ("os", "2.0", "Firmware")
    assert artifact["filename"] == "X100-2.0.swu"
    assert artifact["size"] == len(FIRMWARE)
    assert artifact["hashes"]["sha1"] == hashlib.sha1(FIRMWARE).hexdigest()
    assert artifact["_links"]["download"] == artifact["_links"]["download-http"]


def test_a_poll_that_changes_nothing_makes_four_reads_and_no_write(wire: Wire) -> None:
    wire.poll()
    with statements_to(wire.world.db) as sent:
        wire.poll()
    assert [line.partition(" ")[0] for line in sent] == ["BEGIN", *["SELECT"] * 4]


def test_that_a_box_speaks_ddi_is_written_once(wire: Wire) -> None:
    first = wire.world.now
    wire.poll()
    wire.wait(minutes=1)
    wire.poll()
    assert wire.world.box("box-00000").ddi_at == first


def test_many_former_tokens_of_a_box_stand_in_nobodys_way(wire: Wire) -> None:
    (other,) = wire.world.boxes(1)
    wire.world.change_box(other, serial="S00000")
    for n in range(120):
        wire.add_token("box-00000", f"former token number {n:03}")
    with wire.world.db.write() as session:
        former = BoxToken.digest != token_digest(TOKEN)
        session.execute(update(BoxToken).where(former).values(expires_at=wire.world.now))
    wire.add_token(other, "the token of the other")
    headers = {"Authorization": "TargetToken the token of the other"}
    former_headers = {"Authorization": "TargetToken former token number 007"}
    assert wire.call("GET", headers=headers).status_code == 200
    assert wire.call("GET").status_code == 200
    assert wire.call("GET", headers=former_headers).status_code == 401


def test_a_poll_says_when_to_come_again(make_wire: MakeWire, small_db: Database) -> None:
    wire = make_wire(small_db, STB_POLL_INTERVAL_S="3725")
    assert wire.call("GET").get_json()["config"] == {"polling": {"sleep": "01:02:05"}}


def test_a_file_has_its_head_ranges_and_md5(ordered: Wire) -> None:
    links = ordered.artifact()["_links"]
    href = links["download"]["href"]
    head = ordered.client.head(href, headers=ordered.headers)
    untouched = ordered.world.state("box-00000")
    part = ordered.client.get(href, headers={**ordered.headers, "Range": "bytes=9-17"})
    md5 = ordered.client.get(links["md5sum"]["href"], headers=ordered.headers)
    assert (head.status_code, head.content_length, head.data) == (200, len(FIRMWARE), b"")
    assert (part.status_code, part.data) == (206, b"firmware ")
    assert md5.text == f"{hashlib.md5(FIRMWARE).hexdigest()}  X100-2.0.swu"
    assert (untouched, ordered.world.state("box-00000")) == ("offered", "fetching")


def test_a_box_gets_only_the_image_it_was_ordered_to_install(ordered: Wire) -> None:
    href = ordered.artifact()["_links"]["download"]["href"]
    other = href.replace("/softwaremodules/2/", "/softwaremodules/1/")
    statuses = [
        ordered.client.get(url, headers=ordered.headers).status_code
        for url in (href, other, href + "x", href.replace("/2/", f"/{10**30}/"))
    ]
    assert statuses == [200, 404, 404, 404]


def test_nothing_is_fetched_once_the_rollout_stands(ordered: Wire) -> None:
    href = ordered.artifact()["_links"]["download"]["href"]
    ordered.world.staff("pause", 1)
    answers = [
        ordered.client.get(href, headers=ordered.headers).status_code,
        ordered.call("GET", "/deploymentBase/1").status_code,
    ]
    assert answers == [404, 404]
    assert ordered.world.state("box-00000") == "waiting"


def test_the_list_of_artifacts_is_the_orders(ordered: Wire) -> None:
    listed = ordered.call("GET", "/softwaremodules/2/artifacts").get_json()
    assert listed == [ordered.artifact()]


# reports


UNREADABLE = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\0", id="zero"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'{"status": 7}', id="status a number"),
    pytest.param(b'{"status": {"execution": "closed"}}', id="no result"),
    pytest.param(b'{"status": {"execution": "closed", "result": {}}}', id="no finished"),
    pytest.param(
        b'{"status": {"execution": "closed", "result": {"finished": {"a": 1}}}}', id="odd finished"
    ),
    pytest.param(b'{"status": {"execution": ["closed"]}}', id="odd execution"),
    pytest.param(b'{"status": {"execution": "dancing"}}', id="unknown execution"),
    pytest.param(b'{"status": {"execution": "\\ud800"}}', id="half a pair"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b'{"a": ' * 5000, id="deep objects"),
    pytest.param(b'{"status": {"execution": ' + b"9" * 5000 + b"}}", id="a huge number"),
    pytest.param(b"x" * 1_000_000, id="a megabyte"),
    pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
]


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("kind", ["deploymentBase", "cancelAction"])
def test_a_report_that_cannot_be_read_is_answered_200_and_kept(
    ordered: Wire, body: bytes, kind: str
) -> None:
    answer = ordered.call("POST", f"/{kind}/1/feedback", data=body)
    (kept,) = ordered.reports()
    assert answer.status_code == 200
    assert kept.unread
    assert ordered.world.state("box-00000") == "offered"


@pytest.mark.parametrize(
    "action", ["abc", "1.5", "+1", "-1", "0", "9" * 40, "2147483648", "%00", "1%20", "%F0%9F", "7"]
)
def test_a_final_report_about_no_action_of_the_box_is_answered_200_and_kept(
    wire: Wire, action: str
) -> None:
    answer = wire.feedback(action, "closed", "success")
    (kept,) = wire.reports()
    assert (answer.status_code, kept.unread) == (200, STRAY)


@pytest.mark.parametrize("body", ["{", '{"status": {"execution": "closed", "result": {}}}'])
def test_of_reports_about_no_action_of_the_box_the_newest_are_kept(
    both_wire: Wire, body: str
) -> None:
    wire = both_wire
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    wire.poll()
    wire.call("POST", "/deploymentBase/1/feedback", data="garbage about an action of the box")
    statuses = {
        wire.call("POST", f"/deploymentBase/{action}/feedback", data=body).status_code
        for action in range(7, 7 + 52)
    }
    kept = [report.action for report in wire.reports()]
    assert statuses == {200}
    assert kept == ["1", *(str(action) for action in range(9, 59))]


def test_a_zero_in_an_address_reaches_no_database(both_wire: Wire) -> None:
    final = both_wire.feedback("%00", "closed", "success")
    shown = both_wire.call("GET", "/deploymentBase/%00")
    assert (final.status_code, shown.status_code) == (200, 404)


def test_a_report_about_another_boxs_action_moves_nothing(ordered: Wire) -> None:
    (other,) = ordered.world.boxes(1)
    ordered.add_token(other, "another token of another box")
    ordered.base = "/DEFAULT/controller/v1/S00002"
    ordered.headers = {"Authorization": "TargetToken another token of another box"}
    answer = ordered.feedback(1, "closed", "failure")
    assert (answer.status_code, other) == (200, "box-00002")
    assert ordered.world.state("box-00000") == "offered"
    assert ordered.reports()[0].unread == STRAY


def test_progress_about_no_action_is_not_found(ordered: Wire) -> None:
    assert ordered.feedback(7, "proceeding", "none").status_code == 404
    assert ordered.feedback(1, "proceeding", "none").status_code == 200


def test_progress_that_breaks_the_format_is_refused_by_its_field(ordered: Wire) -> None:
    answer = ordered.feedback(1, "proceeding", "perhaps")
    assert answer.status_code == 422
    assert "status.result.finished" in answer.get_json()["errors"]


def test_raw_line_feeds_in_details_are_read(ordered: Wire) -> None:
    body = b'{"status":{"execution":"closed","result":{"finished":"failure"},"details":["a\nb"]}}'
    answer = ordered.call("POST", "/deploymentBase/1/feedback", data=body)
    (kept,) = ordered.reports()
    assert (answer.status_code, kept.details, kept.unread) == (200, "a\nb", None)
    assert ordered.world.state("box-00000") == "failed"


def test_a_long_final_report_is_read_whole(ordered: Wire) -> None:
    details = "x" * 1_000_000
    body = (
        '{"status":{"details":["' + details + '"],"execution":"closed",'
        '"result":{"finished":"failure"}}}'
    )
    answer = ordered.call("POST", "/deploymentBase/1/feedback", data=body)
    assert (answer.status_code, ordered.world.state("box-00000")) == (200, "failed")


def test_zeros_and_halves_of_pairs_in_details_are_kept_without_them(both_wire: Wire) -> None:
    both_wire.world.rollout(both_wire.world.image("2.0", data=FIRMWARE))
    both_wire.poll()
    body = (
        b'{"status":{"execution":"closed","result":{"finished":"failure"},'
        b'"details":["a\\u0000b\\ud800c", 7, null, {"x": 1}]}}'
    )
    answer = both_wire.call("POST", "/deploymentBase/1/feedback", data=body)
    (kept,) = both_wire.reports()
    assert (answer.status_code, kept.details) == (200, "abc\n7")
    assert both_wire.world.state("box-00000") == "failed"


def test_the_same_final_report_again_is_kept_once_and_changes_nothing(ordered: Wire) -> None:
    statuses = [ordered.feedback(1, "closed", "failure").status_code for _ in range(5)]
    assert (statuses, len(ordered.reports())) == ([200] * 5, 1)
    assert ordered.world.moves("box-00000")[-1][1] == "failed"
    assert len(ordered.world.moves("box-00000")) == 2


def test_success_without_a_result_counts_as_hawkbit_counts_it(ordered: Wire) -> None:
    assert ordered.feedback(1, "closed", "none").status_code == 200
    assert ordered.world.state("box-00000") == "awaiting_reboot"


@pytest.mark.parametrize("execution", ["scheduled", "rejected"])
def test_an_order_that_was_not_taken_up_counts_as_no_attempt(ordered: Wire, execution: str) -> None:
    assert ordered.feedback(1, execution, "none").status_code == 200
    assert ordered.world.state("box-00000") == "offered"


@pytest.mark.parametrize("execution", ["proceeding", "download", "downloaded", "resumed"])
def test_a_report_that_ends_nothing_moves_the_box_on_its_way(ordered: Wire, execution: str) -> None:
    assert ordered.feedback(1, execution, "none").status_code == 200
    assert ordered.world.state("box-00000") == "fetching"


def test_a_box_that_gives_up_by_itself_has_failed(ordered: Wire) -> None:
    assert ordered.feedback(1, "canceled", "none").status_code == 200
    assert ordered.world.state("box-00000") == "failed"


def test_a_retired_box_may_still_end_what_it_began(ordered: Wire) -> None:
    ordered.world.change_box("box-00000", state="retired")
    assert ordered.feedback(1, "closed", "failure").status_code == 200
    assert ordered.poll() == {}


def test_many_lines_of_progress_fill_no_table(ordered: Wire) -> None:
    statuses = {ordered.feedback(1, "proceeding", "none").status_code for _ in range(205)}
    assert (statuses, len(ordered.reports())) == ({200}, 200)


# cancel


@pytest.fixture
def cancelling(ordered: Wire) -> Wire:
    ordered.download()
    ordered.world.staff("cancel", 1)
    return ordered


def test_a_cancel_is_shown_without_a_query_and_stops_the_action(cancelling: Wire) -> None:
    links = cancelling.poll()
    href = links["cancelAction"]["href"]
    shown = cancelling.client.get(href, headers=cancelling.headers).get_json()
    assert "?" not in href
    assert set(links) == {"cancelAction"}
    assert shown == {"id": "1", "cancelAction": {"stopId": "1"}}
    assert cancelling.call("GET", "/deploymentBase/1").status_code == 404


@pytest.mark.parametrize(
    ("execution", "finished", "state"),
    [
        ("closed", "success", "cancelled"),
        ("closed", "none", "cancelled"),
        ("closed", "failure", "fetching"),
        ("rejected", "success", "fetching"),
        ("canceled", "none", "cancelling"),
        ("proceeding", "none", "cancelling"),
    ],
)
def test_the_answer_to_a_cancel(
    cancelling: Wire, execution: str, finished: str, state: str
) -> None:
    answer = cancelling.feedback(1, execution, finished, kind="cancelAction")
    assert (answer.status_code, cancelling.world.state("box-00000")) == (200, state)


def test_there_is_no_cancel_where_nothing_is_cancelled(ordered: Wire) -> None:
    assert ordered.call("GET", "/cancelAction/1").status_code == 404
    answer = ordered.feedback(1, "closed", "success", kind="cancelAction")
    assert (answer.status_code, ordered.world.state("box-00000")) == (200, "offered")


# attributes


def test_attributes_are_merged_replaced_and_removed(wire: Wire) -> None:
    steps = [
        (wire.config(None, a="1", b="2"), attributes(wire)),
        (wire.config("merge", b="3", c="4"), attributes(wire)),
        (wire.config("merge", b=None), attributes(wire)),
        (wire.config("remove", c=""), attributes(wire)),
        (wire.config("replace", x="9", y=None), attributes(wire)),
    ]
    assert [answer.status_code for answer, _ in steps] == [200] * 5
    assert [found for _, found in steps] == [
        {"a": "1", "b": "2"},
        {"a": "1", "b": "3", "c": "4"},
        {"a": "1", "c": "4"},
        {"a": "1"},
        {"x": "9"},
    ]


def attributes(wire: Wire) -> dict[str, str]:
    return dict(wire.world.box("box-00000").attributes)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": {}}, 422),
        ({"data": []}, 422),
        ({"mode": "burn", "data": {"a": "1"}}, 422),
        ({"mode": ["merge"], "data": {"a": "1"}}, 422),
        ({"data": {"k" * 129: "v"}}, 422),
        ({"data": {"k": "v" * 129}}, 422),
        ({"data": {"": "v"}}, 422),
        ({"data": {"k": {"deep": 1}}}, 422),
        ({"data": {f"k{n}": "v" for n in range(101)}}, 422),
        ({"data": {"sw_version": "9", "bad": ["x"]}}, 422),
        ([], 422),
        (7, 422),
        ({"data": {"k": "v"}, "pad": "x" * 70_000}, 413),
    ],
)
def test_attributes_that_cannot_be_taken_leave_nothing_behind(
    wire: Wire, body: Any, status: int
) -> None:
    wire.config(kept="yes")
    answer = wire.call("PUT", "/configData", json=body)
    assert (answer.status_code, attributes(wire)) == (status, {"kept": "yes"})
    assert wire.world.box("box-00000").running_version == "1.0"


@pytest.mark.parametrize("data", [{"k\0": "v"}, {"k": "v\0"}, {"k": "\ud800"}, {"\udfff": "v"}])
def test_attributes_that_no_database_takes_are_refused(
    both_wire: Wire, data: dict[str, str]
) -> None:
    answer = both_wire.call("PUT", "/configData", json={"data": data})
    assert (answer.status_code, attributes(both_wire)) == (422, {})


def test_attributes_of_the_largest_size_are_taken(wire: Wire) -> None:
    answer = wire.config(**{"k" * 128: "v" * 128, **{f"k{n}": "v" for n in range(99)}})
    more = wire.config(one="more")
    assert (answer.status_code, len(attributes(wire))) == (200, 100)
    assert more.status_code == 422


def test_the_names_of_attributes_are_settings(make_wire: MakeWire, small_db: Database) -> None:
    wire = make_wire(small_db, STB_ATTRIBUTES="version=fw,boot_id=boot")
    wire.config(fw="7.1", boot="b9", sw_version="ignored")
    box = wire.world.box("box-00000")
    assert (box.running_version, box.boot_id) == ("7.1", "b9")


def test_a_box_whose_version_is_not_known_is_asked_three_times_before_it_is_offered(
    wire: Wire,
) -> None:
    wire.world.change_box("box-00000", running_version=None, version_at=None)
    wire.world.rollout(wire.world.image("2.0"))
    links = [set(wire.poll()) for _ in range(4)]
    assert links == [{"configData"}, {"configData"}, {"configData"}, {"deploymentBase"}]


def test_a_box_is_asked_again_after_a_while(wire: Wire) -> None:
    wire.wait(minutes=59, seconds=59)
    before = set(wire.poll())
    wire.wait(seconds=1)
    assert (before, set(wire.poll())) == (set(), {"configData"})


def test_a_box_may_declare_what_was_installed_without_us(wire: Wire) -> None:
    good = wire.call("PUT", "/installedBase", json={"name": "os", "version": "1.7"})
    bad = [
        wire.call("PUT", "/installedBase", json={"version": version}).status_code
        for version in ("", "v" * 129, 7, None, "a\0b", "\ud800")
    ]
    assert (good.status_code, bad) == (200, [422] * 6)
    assert wire.world.box("box-00000").running_version == "1.7"


def test_the_last_update_is_shown(ordered: Wire) -> None:
    before = ordered.call("GET", "/installedBase/1").status_code
    ordered.download()
    ordered.feedback(1, "closed", "success")
    ordered.config(sw_version="2.0", boot_id="boot-2")
    shown = ordered.call("GET", "/installedBase/1")
    assert (before, shown.status_code, shown.get_json()["id"]) == (404, 200, "1")


# who speaks


@pytest.mark.parametrize(
    "header",
    ["", "TargetToken", "TargetToken ", "TargetToken wrong", "Basic x", "targettoken " + TOKEN],
)
def test_a_wrong_token_is_refused(wire: Wire, header: str) -> None:
    assert wire.call("GET", headers={"Authorization": header}).status_code == 401
    assert wire.call("GET").status_code == 200


ROUTES = [
    ("GET", "", ""),
    ("GET", "/deploymentBase/<action>", "/deploymentBase/1"),
    ("POST", "/deploymentBase/<action>/feedback", "/deploymentBase/1/feedback"),
    ("GET", "/cancelAction/<action>", "/cancelAction/1"),
    ("POST", "/cancelAction/<action>/feedback", "/cancelAction/1/feedback"),
    ("GET", "/installedBase/<action>", "/installedBase/1"),
    ("PUT", "/installedBase", "/installedBase"),
    ("PUT", "/configData", "/configData"),
    ("GET", "/softwaremodules/<int:module>/artifacts", "/softwaremodules/2/artifacts"),
    (
        "GET",
        "/softwaremodules/<int:module>/artifacts/<filename>",
        "/softwaremodules/2/artifacts/X100-2.0.swu",
    ),
]
BODIES = [
    pytest.param(b"{", id="not JSON"),
    pytest.param(b'{"data": []}', id="of the wrong form"),
    pytest.param(b"x" * 70_000, id="too large"),
    pytest.param(b'{"status": {"execution": "proceeding", "result": {}}}', id="half a report"),
]


def test_the_routes_below_are_all_there_are(wire: Wire) -> None:
    found = {
        (method, rule.rule.removeprefix("/<tenant>/controller/v1/<controller_id>"))
        for rule in wire.app.url_map.iter_rules()
        if rule.endpoint.startswith("ddi.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert found == {(method, rule) for method, rule, _ in ROUTES}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("header", ["", "TargetToken wrong", "GatewayToken wrong"])
@pytest.mark.parametrize(("method", "path"), [(method, path) for method, _, path in ROUTES])
def test_whoever_does_not_say_who_speaks_hears_nothing_of_the_body(
    ordered: Wire, method: str, path: str, header: str, body: bytes
) -> None:
    answer = ordered.call(method, path, data=body, headers={"Authorization": header})
    assert (answer.status_code, ordered.reports()) == (401, [])


@pytest.mark.parametrize("path", ["/configData", "/installedBase"])
def test_a_box_that_is_not_served_hears_that_and_nothing_of_the_body(wire: Wire, path: str) -> None:
    wire.world.change_box("box-00000", state="pending")
    assert wire.call("PUT", path, data=b"{").status_code == 403


def test_a_former_token_is_accepted_until_its_overlap_ends(wire: Wire) -> None:
    with wire.world.db.write() as session:
        box = session.scalars(select(Box)).one()
        secret = rotate_token(
            session,
            box=box,
            overlap=timedelta(hours=1),
            actor=wire.world.actor,
            now=wire.world.now,
        )
    new = {"Authorization": f"TargetToken {secret}"}
    statuses = [wire.call("GET").status_code]
    wire.wait(minutes=59, seconds=59)
    statuses.append(wire.call("GET").status_code)
    wire.wait(seconds=1)
    statuses += [wire.call("GET").status_code, wire.call("GET", headers=new).status_code]
    assert statuses == [200, 200, 401, 200]


def test_a_gateway_speaks_for_every_box_until_it_expires(wire: Wire) -> None:
    wire.world.boxes(1)
    _, headers = wire.gateway(days=1)
    others = "/DEFAULT/controller/v1/S00001"
    statuses = [
        wire.call("GET", headers=headers).status_code,
        wire.client.get(others, headers=headers).status_code,
    ]
    wire.wait(hours=23, minutes=59, seconds=59)
    statuses.append(wire.call("GET", headers=headers).status_code)
    wire.wait(seconds=1)
    statuses.append(wire.call("GET", headers=headers).status_code)
    assert statuses == [200, 200, 200, 401]


def test_a_revoked_gateway_is_refused(wire: Wire) -> None:
    token_id, headers = wire.gateway()
    before = wire.call("GET", headers=headers).status_code
    with wire.world.db.write() as session:
        session.execute(
            update(GatewayToken)
            .where(GatewayToken.id == token_id)
            .values(revoked_at=wire.world.now)
        )
    assert (before, wire.call("GET", headers=headers).status_code) == (200, 401)


def test_another_tenant_is_not_found(wire: Wire) -> None:
    wire.base = "/OTHER/controller/v1/S00000"
    assert wire.call("GET").status_code == 404


STRANGER = "/DEFAULT/controller/v1/STRANGER"


def test_an_unknown_box_is_refused_by_the_setting(make_wire: MakeWire, small_db: Database) -> None:
    wire = make_wire(small_db, STB_UNKNOWN_BOX="refuse")
    wire.base = STRANGER
    assert wire.call("GET").status_code == 404
    assert count_boxes(wire) == 1


def test_an_unknown_box_is_queued_by_the_setting(make_wire: MakeWire, both: Database) -> None:
    wire = make_wire(both, STB_UNKNOWN_BOX="approve")
    wire.base = STRANGER
    first, second = wire.call("GET"), wire.call("GET")
    assert (first.status_code, second.get_json()["_links"]) == (200, {})
    assert count_boxes(wire) == 2
    assert wire.config(a="1").status_code == 403


def test_an_unknown_box_is_registered_by_the_setting(make_wire: MakeWire, both: Database) -> None:
    wire = make_wire(both, STB_UNKNOWN_BOX="register")
    wire.base = STRANGER
    links = [set(wire.poll()), set(wire.poll())]
    wire.config(sw_version="1.0", model="X100")
    with wire.world.db.read() as session:
        (entry,) = session.scalars(select(OutboxEntry)).all()
        box = session.scalars(select(Box).where(Box.serial == "STRANGER")).one()
    assert links == [{"configData"}, {"configData"}]
    assert (entry.topic, entry.payload["uid"]) == ("box.appeared", box.uid)
    assert (box.model_code, box.running_version) == ("X100", "1.0")


def count_boxes(wire: Wire) -> int:
    with wire.world.db.read() as session:
        return len(session.scalars(select(Box.id)).all())


@pytest.mark.parametrize(
    ("kinds", "controller_id", "status"),
    [
        ("serial", "S00000", 200),
        ("serial", "%20s00000%20", 200),
        ("serial", "001A79000000", 404),
        ("mac", "001A79000000", 200),
        ("mac", "00:1a:79:00:00:00", 200),
        ("mac", "001a.7900.0000", 200),
        ("mac", "S00000", 404),
        ("alias", "the-box", 200),
        ("alias", "THE-BOX", 404),
        ("serial,mac,alias", "the-box", 200),
        ("serial,mac,alias", "00-1A-79-00-00-00", 200),
        ("serial,mac,alias", "x" * 257, 404),
        ("serial,mac,alias", "a%00b", 404),
    ],
)
def test_a_controller_id_is_matched_by_the_setting(
    make_wire: MakeWire, small_db: Database, kinds: str, controller_id: str, status: int
) -> None:
    wire = make_wire(small_db, STB_CONTROLLER_ID=kinds, STB_UNKNOWN_BOX="refuse")
    wire.world.change_box("box-00000", alias="the-box")
    wire.base = f"/DEFAULT/controller/v1/{controller_id}"
    assert wire.call("GET").status_code == status


def test_of_two_boxes_with_one_serial_the_token_decides(wire: Wire) -> None:
    (other,) = wire.world.boxes(1)
    wire.world.change_box(other, serial="S00000")
    wire.add_token(other, "the token of the other")
    wire.world.rollout(wire.world.image("2.0"))
    wire.poll()
    wire.call("GET", headers={"Authorization": "TargetToken the token of the other"})
    actions = [wire.world.member(uid).action for uid in ("box-00000", other)]
    assert actions == [1, 2]


def test_what_a_box_is_told_carries_its_own_address(wire: Wire) -> None:
    wire.world.change_box("box-00000", serial="A B/Ü", attributes_at=None, version_at=None)
    wire.base = "/DEFAULT/controller/v1/a%20b%2Fü"
    assert wire.call("GET").status_code in {200, 404}  # a slash is the proxy's to keep
    wire.world.change_box("box-00000", serial="A BÜ")
    wire.base = "/DEFAULT/controller/v1/a%20bü"
    href = wire.poll()["configData"]["href"]
    assert href.endswith("/DEFAULT/controller/v1/a%20b%C3%BC/configData")
