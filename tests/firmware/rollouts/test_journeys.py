"""One box on its way through a rollout: every end it can come to, and why."""

from __future__ import annotations

import pytest

from tests.firmware.world import World


@pytest.fixture
def box(world: World) -> str:
    """A box that a rollout of 2.0 is for, beside another that keeps it running."""
    uid, _ = world.boxes(2)
    world.rollout(world.image("2.0"))
    return uid


def test_a_box_that_states_the_new_version_after_its_reboot_is_verified(
    world: World, box: str
) -> None:
    assert world.install(box, "2.0") == "verified"
    assert [to for _, to, _ in world.moves(box)] == [
        "offered",
        "fetching",
        "awaiting_reboot",
        "verified",
    ]


def test_success_alone_is_not_believed(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    assert world.state(box) == "awaiting_reboot"
    assert world.told(box) == "awaiting_reboot"


def test_a_liar_that_still_runs_the_old_version_after_the_grace_has_failed(
    world: World, box: str
) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.state_version(box, "1.0", boot="boot-1")
    before = world.state(box)
    world.wait(minutes=30)
    world.state_version(box, "1.0", boot="boot-1")
    assert (before, world.state(box)) == ("awaiting_reboot", "failed")


def test_the_old_version_after_a_reboot_is_a_failure_at_once(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.state_version(box, "1.0", boot="boot-2")
    assert world.state(box) == "failed"
    assert world.moves(box)[-1][2] == "states_old_rebooted"


def test_a_reboot_before_the_report_is_not_the_updates_reboot(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.state_version(box, "1.0", boot="boot-2")  # the plug was pulled during the download
    world.report(box)
    world.state_version(box, "1.0", boot="boot-2")
    before = world.state(box)
    world.state_version(box, "2.0", boot="boot-3")
    assert (before, world.state(box)) == ("awaiting_reboot", "verified")


def test_a_statement_that_leaves_the_boot_id_out_is_believed(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.state_version(box, "1.0")
    before = world.state(box)
    world.state_version(box, "2.0")
    assert (before, world.state(box)) == ("awaiting_reboot", "verified")


def test_the_new_version_without_a_reboot_is_not_believed_and_ends_unverified(
    world: World, box: str
) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.wait(minutes=30)
    world.state_version(box, "2.0", boot="boot-1")
    world.tick(1)
    assert world.state(box) == "unverified"
    assert world.moves(box)[-1][2] == "same_boot"


def test_a_client_that_never_states_a_version_ends_unverified(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.wait(minutes=29)
    world.poll(box)
    world.tick(1)
    before = world.state(box)
    world.wait(minutes=1)
    world.poll(box)
    world.tick(1)
    assert (before, world.state(box)) == ("awaiting_reboot", "unverified")


def test_a_box_that_reported_and_is_silent_is_suspect_and_verified_when_it_comes_back(
    world: World, box: str
) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.wait(minutes=60)
    world.tick(1)
    before = world.state(box)
    world.wait(days=2)
    asked = world.poll(box)
    world.tick(1)
    still = world.state(box)
    world.state_version(box, "2.0", boot="boot-2")
    assert (before, asked.asks, still, world.state(box)) == (
        "suspect",
        True,
        "suspect",
        "verified",
    )


def test_a_suspect_that_reported_and_is_asked_in_vain_ends_unverified(
    world: World, box: str
) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.wait(minutes=60)
    world.tick(1)
    world.wait(minutes=1)
    world.poll(box)
    world.poll(box)
    world.tick(1)
    before = world.state(box)
    world.poll(box)
    world.tick(1)
    assert (before, world.state(box)) == ("suspect", "unverified")


def test_a_fetched_and_silent_box_is_suspect(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=59, seconds=59)
    world.tick(1)
    before = world.state(box)
    world.wait(seconds=1)
    world.tick(1)
    assert (before, world.state(box)) == ("fetching", "suspect")


def test_a_box_that_never_ends_is_suspect(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.wait(hours=6)
    world.change_box(box, last_seen_at=world.now)
    world.tick(1)
    assert world.state(box) == "suspect"
    assert world.moves(box)[-1][2] == "endless"


def test_a_suspect_is_asked_what_it_runs_before_it_is_offered_again(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=60)
    world.tick(1)
    world.wait(minutes=1)
    first = world.poll(box)
    world.state_version(box, "2.0", boot="boot-2")
    assert (first.decision.reason.code, first.asks) == ("ask_version", True)
    assert world.state(box) == "verified"


def test_a_suspect_of_a_complete_rollout_is_not_offered_it_again(world: World, box: str) -> None:
    world.install("box-00001", "2.0")
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=60)
    world.tick(1)
    assert world.found(1).state == "complete"
    assert world.told(box) == "complete"


def test_a_suspect_that_still_runs_the_old_version_is_offered_again(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=60)
    world.tick(1)
    world.wait(minutes=1)
    world.poll(box)
    world.state_version(box, "1.0", boot="boot-2")
    world.poll(box)
    assert world.state(box) == "offered"


def test_a_suspect_that_cannot_say_is_offered_again_after_three_questions(
    world: World, box: str
) -> None:
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=60)
    world.tick(1)
    world.wait(minutes=1)
    codes = [world.told(box), world.told(box), world.told(box), world.told(box)]
    assert codes == ["ask_version", "ask_version", "ask_version", "offered"]


def test_an_offer_that_is_never_fetched_gives_its_place_back(world: World, box: str) -> None:
    world.poll(box)
    world.wait(minutes=29, seconds=59)
    world.tick(1)
    before = world.state(box)
    world.wait(seconds=1)
    world.tick(1)
    assert (before, world.state(box)) == ("offered", "waiting")
    assert world.told(box) == "offered"


def test_success_after_the_offer_had_lapsed_is_watched_to_its_end(world: World, box: str) -> None:
    world.poll(box)
    world.wait(minutes=30)
    world.tick(1)
    world.report(box)
    told = world.told(box)
    world.wait(minutes=31)
    world.poll(box)
    world.tick(1)
    assert (told, world.state(box)) == ("awaiting_reboot", "unverified")


def test_a_box_that_states_the_version_unfetched_was_on_it_already(world: World, box: str) -> None:
    world.poll(box)
    world.state_version(box, "2.0")
    assert world.state(box) == "already"


def test_a_late_statement_after_a_failure_verifies(world: World, box: str) -> None:
    assert world.fail(box) == "failed"
    world.wait(days=1)
    world.state_version(box, "2.0", boot="boot-2")
    assert world.state(box) == "verified"


def test_a_return_to_the_old_version_revokes_the_verification(world: World, box: str) -> None:
    world.install(box, "2.0")
    world.wait(days=3)
    world.state_version(box, "1.0", boot="boot-3")
    assert world.state(box) == "reverted"
    assert world.told(box) == "went_back"


def test_a_box_that_goes_back_and_forth_is_verified_again(world: World, box: str) -> None:
    world.install(box, "2.0")
    world.state_version(box, "1.0", boot="boot-3")
    world.state_version(box, "2.0", boot="boot-4")
    assert world.state(box) == "verified"


def test_a_newer_rollout_makes_an_older_verification_history(world: World, box: str) -> None:
    world.install(box, "2.0", 1)
    world.wait(days=1)
    second = world.rollout(world.image("3.0"))
    world.install(box, "3.0", second)
    world.wait(days=1)
    world.state_version(box, "1.0", boot="boot-9")
    assert (world.state(box, 1), world.state(box, second)) == ("verified", "reverted")


def test_an_unverified_box_that_moved_on_has_not_failed(world: World, box: str) -> None:
    world.poll(box)
    world.fetch(box)
    world.report(box)
    world.wait(minutes=31)
    world.poll(box)
    world.tick(1)
    world.image("3.0")
    world.state_version(box, "3.0", boot="boot-3")
    assert world.state(box, 1) == "unverified"


def test_a_return_from_a_withdrawn_image_is_no_failure(world: World, box: str) -> None:
    world.install(box, "2.0")
    world.withdraw(world.found(1).image_id)
    world.state_version(box, "1.0", boot="boot-3")
    assert world.state(box) == "verified"


def test_saying_it_again_changes_nothing(world: World, box: str) -> None:
    world.install(box, "2.0")
    moves = world.moves(box)
    world.report(box)
    world.report(box, success=False)
    world.state_version(box, "2.0", boot="boot-of-2.0")
    assert world.moves(box) == moves


def test_word_of_an_earlier_try_moves_nothing(world: World, box: str) -> None:
    world.fail(box)
    former = world.last_action(box)
    world.staff("retry", 1)
    world.report(box, success=False, action=former)
    waiting = world.state(box)
    world.poll(box)
    world.report(box, success=True, action=former)
    world.report(box, success=False, action=former)
    assert (waiting, world.state(box)) == ("waiting", "offered")


def test_a_box_that_falls_silent_again_and_again_is_left_alone(world: World, box: str) -> None:
    codes = [_fall_silent(world, box), _fall_silent(world, box), _fall_silent(world, box)]
    assert codes == ["suspect", "suspect", "suspect"]
    world.wait(minutes=1)
    world.state_version(box, "1.0", boot="boot-1")
    assert world.told(box) == "suspect_often"


def _fall_silent(world: World, box: str) -> str:
    world.state_version(box, "1.0", boot="boot-1")
    world.poll(box)
    world.fetch(box)
    world.wait(minutes=60)
    world.tick(1)
    world.wait(minutes=1)
    return world.state(box)


def test_a_retry_forgives_silences(world: World, box: str) -> None:
    _fall_silent(world, box)
    _fall_silent(world, box)
    _fall_silent(world, box)
    world.state_version(box, "1.0", boot="boot-1")
    world.staff("retry", 1)
    assert world.told(box) == "offered"
