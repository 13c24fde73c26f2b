"""Watching, stopping and widening rollouts on their pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firmware.rollouts.rules import MemberState

REASON = {"reason": "boxes get hot"}


def test_an_empty_list_says_what_to_do_first(browser: Any) -> None:
    assert "No rollouts yet" in browser.get("/firmware/rollouts")


def test_the_list_is_filtered_by_the_state_in_the_address(browser: Any, fleet: Any) -> None:
    fleet.plan("A draft")
    fleet.start("A live one")

    shown = browser.get("/firmware/rollouts?state=draft")

    assert "A draft" in shown
    assert "A live one" not in shown


@pytest.mark.parametrize("query", ["state=lost", "state=%00", "cursor=&state="])
def test_a_filter_that_cannot_be_is_no_error(browser: Any, fleet: Any, query: str) -> None:
    fleet.plan()
    assert "Spring" in browser.get(f"/firmware/rollouts?{query}")


def test_a_draft_shows_what_it_would_do(browser: Any, fleet: Any) -> None:
    shown = browser.get(f"/firmware/rollouts/{fleet.plan()}")

    assert "40</span> boxes are meant" in shown
    assert "Start this rollout?" in shown


def test_a_draft_that_means_no_box_says_why_it_cannot_start(browser: Any, fleet: Any) -> None:
    from firmware.rollouts.selection import Selection

    public_id = fleet.plan(selection=Selection(tags=("nowhere",)))

    shown = browser.get(f"/firmware/rollouts/{public_id}")
    refused = browser.post(f"/firmware/rollouts/{public_id}/start", status=409)

    assert "Start this rollout?" not in shown
    assert "No box matches the filter and the image." in shown
    assert "No box matches the filter and the image." in refused.text


def test_starting_does_what_the_draft_showed(browser: Any, fleet: Any) -> None:
    public_id = fleet.plan()
    browser.post(f"/firmware/rollouts/{public_id}/start")

    assert fleet.state(public_id) == "running"
    assert list(fleet.waves(public_id).values()).count(1) == 10


def test_a_live_rollout_shows_its_numbers_in_words(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    fleet.bring(public_id, MemberState.VERIFIED, 3)
    fleet.bring(public_id, MemberState.FAILED, 1)

    shown = browser.get(f"/firmware/rollouts/{public_id}")

    assert "Verified <strong>3</strong>" in shown
    assert "Failed <strong>1</strong>" in shown
    assert "1 of 4 attempted; limit 10 % and 2" in shown
    assert "Not seen <strong>1</strong>" in shown


def test_a_halted_rollout_says_why(browser: Any, fleet: Any) -> None:
    from firmware.rollouts.advance import weigh

    public_id = fleet.start()
    fleet.bring(public_id, MemberState.FAILED, 10)
    with fleet.db.write() as session:
        weigh(session, rollout=fleet.rollout(session, public_id), now=fleet.now)

    shown = browser.get(f"/firmware/rollouts/{public_id}")

    assert "Halted by itself" in shown
    assert "10 of 10 boxes attempted failed" in shown
    assert "the limits count anew" in shown


def test_the_live_part_is_sent_only_when_it_differs(browser: Any, fleet: Any) -> None:
    import re

    public_id = fleet.start()
    page = browser.get(f"/firmware/rollouts/{public_id}")
    found = re.search(r'hx-get="([^"]+/live[^"]+)"', page)
    assert found is not None
    address = found[1].replace("&amp;", "&")

    unchanged = browser.get(address, status=204)
    fleet.bring(public_id, MemberState.VERIFIED)
    changed = browser.get(address)

    assert unchanged == ""
    assert "Verified <strong>1</strong>" in changed
    assert "hx-swap-oob" not in changed


def test_a_move_brings_other_actions_without_reloading(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    browser.post(f"/firmware/rollouts/{public_id}/pause", **REASON)

    changed = browser.get(f"/firmware/rollouts/{public_id}/live?seq=1")

    assert 'id="rollout-actions" hx-swap-oob="true"' in changed
    assert "Resume" in changed
    assert "boxes get hot" in changed


def test_pausing_and_resuming_keep_the_reason(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    browser.post(f"/firmware/rollouts/{public_id}/pause", **REASON)
    assert fleet.state(public_id) == "paused"
    browser.post(f"/firmware/rollouts/{public_id}/resume", reason="cooled down")

    shown = browser.get(f"/firmware/rollouts/{public_id}")

    assert fleet.state(public_id) == "running"
    assert "boxes get hot" in shown
    assert "cooled down" in shown


def test_a_reason_is_needed(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    browser.post(f"/firmware/rollouts/{public_id}/pause", status=422, reason=" ")
    assert fleet.state(public_id) == "running"


def test_a_move_that_is_not_possible_is_said_on_the_page(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    refused = browser.post(f"/firmware/rollouts/{public_id}/resume", status=409, **REASON)
    assert "cannot become" in refused.text


def test_cancelling_ends_it(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    browser.post(f"/firmware/rollouts/{public_id}/cancel", **REASON)

    shown = browser.get(f"/firmware/rollouts/{public_id}")

    assert fleet.state(public_id) == "cancelled"
    assert "every 2s" not in shown
    assert "Resume" not in shown


def test_failed_boxes_are_let_try_again(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    before = browser.get(f"/firmware/rollouts/{public_id}")
    fleet.bring(public_id, MemberState.FAILED)
    browser.post(f"/firmware/rollouts/{public_id}/retry")

    assert "No box of this rollout has failed." in before
    assert "Failed <strong>0</strong>" in browser.get(f"/firmware/rollouts/{public_id}")


def test_widening_moves_boxes_forward_and_never_back(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    before = fleet.waves(public_id)
    address = f"/firmware/rollouts/{public_id}/widen"
    browser.post(address, shares=["50", "100"], cap="7")
    lowered = browser.post(address, status=422, shares=["10", "100"], cap="7")
    after = fleet.waves(public_id)

    assert list(after.values()).count(1) == 20
    assert all(after[uid] <= wave for uid, wave in before.items())
    assert "A share can be raised, not lowered." in lowered.text


def test_stop_all_pauses_every_running_rollout(browser: Any, fleet: Any) -> None:
    ids = [fleet.start("One"), fleet.start("Two", "3.0"), fleet.plan("Three")]
    browser.post("/firmware/rollouts/stop-all", **REASON)

    assert [fleet.state(public_id) for public_id in ids] == ["paused", "paused", "draft"]


def test_boxes_are_listed_by_state_and_wave(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    (verified,) = fleet.bring(public_id, MemberState.VERIFIED)
    address = f"/firmware/rollouts/{public_id}/boxes"

    assert verified in browser.get(f"{address}?kind=verified&wave=1")
    assert verified not in browser.get(f"{address}?kind=waiting")
    assert "No box is like this" in browser.get(f"{address}?kind=verified&wave=2")
    assert "States 2.0 after its reboot." in browser.get(f"{address}?kind=verified")


def test_boxes_not_seen_are_listed_apart(browser: Any, fleet: Any) -> None:
    shown = browser.get(f"/firmware/rollouts/{fleet.start()}/boxes?kind=not_seen")
    assert shown.count("/firmware/boxes/uid-") == 1
    assert "SN0039" in shown


@pytest.mark.parametrize("query", ["kind=lost&wave=x", "wave=99999999999", "wave=-1", "kind=%00"])
def test_a_filter_of_boxes_that_cannot_be_is_no_error(browser: Any, fleet: Any, query: str) -> None:
    browser.get(f"/firmware/rollouts/{fleet.start()}/boxes?{query}")


@pytest.mark.parametrize("action", ["start", "resume", "retry", "widen"])
def test_a_viewer_may_only_look(browser_of: Callable[..., Any], fleet: Any, action: str) -> None:
    viewer = browser_of("viewer")
    public_id = fleet.plan()

    viewer.post(f"/firmware/rollouts/{public_id}/{action}", status=403, **REASON)
    shown = viewer.get(f"/firmware/rollouts/{public_id}")

    assert "Start this rollout?" not in shown
    assert fleet.state(public_id) == "draft"


def test_a_lab_engineer_may_stop_but_not_start(browser_of: Callable[..., Any], fleet: Any) -> None:
    engineer = browser_of("lab_engineer")
    public_id = fleet.start()

    engineer.post(f"/firmware/rollouts/{public_id}/pause", **REASON)
    engineer.post(f"/firmware/rollouts/{public_id}/resume", status=403, **REASON)

    assert fleet.state(public_id) == "paused"


def test_a_dealer_does_not_see_rollouts(
    browser_of: Callable[..., Any], fleet: Any, people: Any
) -> None:
    people.organisation("north")
    browser_of("viewer", "north").get(f"/firmware/rollouts/{fleet.start()}", status=403)


def test_an_unknown_rollout_is_not_found(browser: Any) -> None:
    browser.get("/firmware/rollouts/nothing", status=404)
    browser.get("/firmware/rollouts/%00", status=404)


@pytest.mark.parametrize("address", ["", "/{id}", "/{id}/live", "/{id}/boxes"])
def test_the_number_of_queries_does_not_grow(
    browser: Any, fleet: Any, queries_of: Callable[[], Any], address: str
) -> None:
    public_id = fleet.start()
    with queries_of() as few:
        browser.get("/firmware/rollouts" + address.format(id=public_id))
    fleet.bring(public_id, MemberState.VERIFIED, 5)
    fleet.bring(public_id, MemberState.FAILED, 1)
    fleet.start("Another", "3.0")
    fleet.plan("A third")
    with queries_of() as many:
        browser.get("/firmware/rollouts" + address.format(id=public_id))

    assert len(many) == len(few)
    assert len(many) <= 14
