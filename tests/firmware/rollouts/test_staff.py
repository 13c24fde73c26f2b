"""What staff do with rollouts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from firmware.images.models import Image
from firmware.rollouts import operations, queries
from firmware.rollouts.operations import Plan, WavePlan
from firmware.rollouts.rules import Timing
from firmware.rollouts.safety import Limits
from firmware.rollouts.selection import Selection
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Conflict, Invalid, Refused
from tests.firmware.world import LENIENT, World

STRICT = Limits(failure_permille=500, failure_count=2, success_permille=900, min_decided=4)


@pytest.fixture
def world(small_world: World) -> World:
    """Locks are the business of `test_cap`; here one database is enough."""
    return small_world


def test_a_start_sorts_boxes_into_waves_and_opens_the_first(world: World) -> None:
    world.boxes(10)
    (rare,) = world.boxes(1, revision="r9")
    rollout = world.rollout(world.image("2.0"), shares=(200, 1000))
    waves = world.waves(rollout)
    assert sorted(waves.values()) == [1] * 3 + [2] * 8
    assert (waves[rare], world.found(rollout).wave_open) == (1, 1)


def test_a_box_of_a_later_wave_waits_for_it(world: World) -> None:
    uids = world.boxes(4)
    rollout = world.rollout(world.image("2.0"), shares=(250, 1000))
    waves = world.waves(rollout)
    codes = {waves[uid]: world.told(uid) for uid in uids}
    assert codes == {1: "offered", 2: "wave_closed"}


def test_the_friendly_come_first(world: World) -> None:
    uids = world.boxes(4)
    rollout = world.rollout(world.image("2.0"), friendly=[uids[3]], limits=LENIENT)
    assert [world.told(uid) for uid in uids] == ["wave_closed"] * 3 + ["offered"]
    world.install(uids[3], "2.0")
    world.tick(rollout)
    assert world.told(uids[0]) == "offered"


def test_boxes_on_the_version_or_a_newer_one_need_nothing(world: World) -> None:
    world.image("1.5")
    two = world.image("2.0")
    world.image("3.0")
    old = world.boxes(1)
    world.boxes(1, version="2.0")
    world.boxes(1, version="3.0")
    world.boxes(1, version="own build")
    rollout = world.rollout(two)
    assert world.states(rollout) == {"already": 2, "waiting": 2}
    assert world.state(old[0]) == "waiting"


def test_a_box_that_states_a_newer_version_while_it_waits_needs_nothing(world: World) -> None:
    (uid,) = world.boxes(1)
    world.rollout(world.image("2.0"))
    world.image("3.0")
    world.state_version(uid, "3.0")
    assert world.told(uid) == "runs_newer"
    assert world.state(uid) == "already"


def test_no_rollout_but_a_recall_leads_down(world: World) -> None:
    two = world.image("2.0")
    (uid,) = world.boxes(1, version="2.0")
    down = world.draft(1)
    world.staff("start", down)
    assert (world.told(uid), world.state(uid)) == ("already_runs", "already")
    assert world.found(down).image_id != two


def test_a_draft_that_means_no_box_is_not_started(world: World) -> None:
    draft = world.draft(world.image("2.0"))
    with pytest.raises(Refused, match="No box matches"):
        world.staff("start", draft)
    world.boxes(1)
    assert world.staff("start", draft).state == "running"


def test_a_rollout_is_started_once(world: World) -> None:
    world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    with pytest.raises(Conflict):
        world.staff("start", rollout)


def test_a_name_is_taken_once(world: World) -> None:
    world.boxes(1)
    world.rollout(1, name="Spring")
    with pytest.raises(Conflict, match="this name"):
        world.draft(1, name=" Spring ")


def test_pausing_takes_offers_back_and_leaves_what_is_installed(world: World) -> None:
    offered, fetching = world.boxes(2)
    rollout = world.rollout(world.image("2.0"))
    world.poll(offered)
    world.poll(fetching)
    world.fetch(fetching)
    world.staff("pause", rollout)
    assert (world.state(offered), world.state(fetching)) == ("waiting", "fetching")
    assert (world.told(offered), world.told(fetching)) == ("paused", "in_progress")
    assert not world.fetch(offered)


def test_word_about_an_offer_that_was_taken_back_moves_nothing(world: World) -> None:
    (uid,) = world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    world.poll(uid)
    world.staff("pause", rollout)
    world.report(uid, success=False)
    world.staff("resume", rollout)
    assert world.told(uid) == "offered"


def test_a_paused_rollout_still_judges_what_was_begun(world: World) -> None:
    (uid,) = world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    world.poll(uid)
    world.fetch(uid)
    world.staff("pause", rollout)
    world.wait(minutes=60)
    world.tick(rollout)
    assert world.state(uid) == "suspect"


def test_stop_all_pauses_everything_that_runs(world: World) -> None:
    world.boxes(2)
    one, two = world.rollout(1), world.rollout(world.image("2.0"))
    draft = world.draft(1)
    with world.db.write() as session:
        stopped = operations.stop_all(session, why="fire", actor=world.actor, now=world.now)
        assert {rollout.id for rollout in stopped} == {one, two}
    states = [world.found(rollout).state for rollout in (one, two, draft)]
    assert states == ["paused", "paused", "draft"]


def test_cancelling_lets_go_who_waits_and_stops_who_installs(world: World) -> None:
    uids = world.boxes(5)
    rollout = world.rollout(world.image("2.0"))
    world.poll(uids[1])
    world.poll(uids[2])
    world.fetch(uids[2])
    world.poll(uids[3])
    world.report(uids[3])
    world.poll(uids[4], wire="xconf")
    world.staff("cancel", rollout)
    assert [world.state(uid) for uid in uids] == [
        "cancelled",
        "cancelling",
        "cancelling",
        "awaiting_reboot",
        "cancelled",
    ]
    assert world.moves(uids[0]) == [("waiting", "cancelled", "cancel_unfetched")]


@pytest.fixture
def cancelled(world: World) -> str:
    """A box that installs a rollout that was cancelled."""
    (uid,) = world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    world.poll(uid)
    world.fetch(uid)
    world.staff("cancel", rollout)
    return uid


def test_a_box_that_stops_is_cancelled(world: World, cancelled: str) -> None:
    assert world.told(cancelled) == "cancelling"
    world.answer_cancel(cancelled, stopped=True)
    assert (world.state(cancelled), world.told(cancelled)) == ("cancelled", "cancelled")


def test_a_box_that_cannot_stop_goes_on_and_is_judged(world: World, cancelled: str) -> None:
    world.answer_cancel(cancelled, stopped=False)
    asked = world.poll(cancelled)
    world.report(cancelled)
    world.state_version(cancelled, "2.0", boot="boot-2")
    assert (asked.decision.reason.code, asked.decision.order) == ("in_progress", None)
    assert world.state(cancelled) == "verified"


def test_a_box_that_never_answers_a_cancel_is_let_go(world: World, cancelled: str) -> None:
    world.wait(minutes=59)
    world.tick(1)
    before = world.state(cancelled)
    world.wait(minutes=1)
    world.tick(1)
    assert (before, world.state(cancelled)) == ("cancelling", "cancelled")


def test_a_box_that_was_let_go_and_installed_all_the_same_is_verified(
    world: World, cancelled: str
) -> None:
    world.answer_cancel(cancelled, stopped=True)
    world.state_version(cancelled, "2.0", boot="boot-2")
    assert world.state(cancelled) == "verified"


def test_a_cancelled_rollout_is_still_ticked(world: World, cancelled: str) -> None:
    with world.db.read() as session:
        assert list(queries.ticking_ids(session)) == [1]


def test_a_box_awaited_by_a_cancelled_rollout_is_offered_nothing_else(world: World) -> None:
    (uid,) = world.boxes(1)
    first = world.rollout(world.image("2.0"))
    world.poll(uid)
    world.report(uid)
    world.staff("cancel", first)
    second = world.rollout(world.image("3.0"))
    before = world.told(uid)
    world.state_version(uid, "2.0", boot="boot-2")
    assert (before, world.told(uid)) == ("awaiting_reboot", "offered")
    assert world.state(uid, second) == "offered"


def test_a_retry_lets_failed_boxes_try_again_and_counts_anew(world: World) -> None:
    uids = world.boxes(3)
    rollout = world.rollout(world.image("2.0"))
    failed = [world.fail(uid) for uid in uids]
    world.tick(rollout)
    complete = world.found(rollout).state
    world.wait(minutes=1)
    world.staff("retry", rollout)
    world.tick(rollout)
    assert (failed, complete) == (["failed"] * 3, "complete")
    assert world.found(rollout).state == "running"
    assert [world.install(uid, "2.0") for uid in uids] == ["verified"] * 3


def test_a_complete_rollout_runs_again_for_boxes_that_come_late(world: World) -> None:
    early, late = world.boxes(1)[0], world.boxes(1, seen=False)[0]
    rollout = world.rollout(world.image("2.0"))
    world.install(early, "2.0")
    world.tick(rollout)
    world.state_version(late, "1.0", boot="boot-1")
    told = world.told(late)
    complete = world.found(rollout).state
    tried = world.staff("retry", rollout)
    assert (told, complete, tried) == ("complete", "complete", 1)
    assert world.install(late, "2.0") == "verified"
    world.tick(rollout)
    assert world.found(rollout).state == "complete"


def test_nothing_is_retried_where_nothing_failed(world: World) -> None:
    world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    with pytest.raises(Conflict, match="has failed"):
        world.staff("retry", rollout)


def test_widening_moves_boxes_forward_only(world: World) -> None:
    world.boxes(20)
    rollout = world.rollout(world.image("2.0"), shares=(100, 500, 1000))
    before = world.waves(rollout)
    world.staff("widen", rollout, shares_permille=(300, 600, 1000), cap=7)
    after = world.waves(rollout)
    assert all(after[uid] <= before[uid] for uid in before)
    assert list(after.values()).count(1) == 6
    told = {uid: world.member(uid).reason_values for uid in after}
    assert told == {uid: {"wave": wave} for uid, wave in after.items()}
    assert world.found(rollout).cap == 7


@pytest.mark.parametrize("shares", [(99, 1000), (100, 999), (100,), (100, 500, 1000)])
def test_a_widening_that_narrows_is_refused(world: World, shares: tuple[int, ...]) -> None:
    world.boxes(20)
    rollout = world.rollout(world.image("2.0"), shares=(100, 1000))
    with pytest.raises(Invalid):
        world.staff("widen", rollout, shares_permille=shares, cap=7)
    world.staff("widen", rollout, shares_permille=(100, 1000), cap=7)


def test_a_withdrawn_image_halts_its_rollout(world: World) -> None:
    world.boxes(1)
    two = world.image("2.0")
    rollout = world.rollout(two)
    world.withdraw(two)
    world.tick(rollout)
    assert (world.found(rollout).state, world.found(rollout).reason_code) == (
        "halted",
        "image_withdrawn",
    )
    with pytest.raises(Refused):
        world.staff("resume", rollout)
    world.restore(two)
    assert world.staff("resume", rollout).state == "running"


def test_a_bad_image_halts_by_itself_at_the_report(world: World) -> None:
    uids = world.boxes(20)
    rollout = world.rollout(world.image("2.0"), limits=STRICT)
    before = [world.fail(uid) and world.found(rollout).state for uid in uids[:3]]
    world.fail(uids[3])
    assert before == ["running"] * 3
    assert world.found(rollout).state == "halted"
    assert str(world.found(rollout).reason).startswith("Wave 1: 4 of 4 boxes attempted failed")
    assert world.told(uids[4]) == "halted"


def test_resuming_after_a_halt_counts_anew(world: World) -> None:
    uids = world.boxes(20)
    rollout = world.rollout(world.image("2.0"), limits=STRICT)
    failed = [world.fail(uid) for uid in uids[:4]]
    world.wait(minutes=1)
    world.staff("resume", rollout)
    world.tick(rollout)
    resumed = world.found(rollout).state
    world.wait(seconds=1)
    again = [world.fail(uid) and world.found(rollout).state for uid in uids[4:8]]
    assert (len(failed), resumed) == (4, "running")
    assert again == ["running", "running", "running", "halted"]


def test_reverts_of_an_earlier_wave_halt_a_rollout(world: World) -> None:
    world.boxes(8)
    rollout = world.rollout(world.image("2.0"), limits=STRICT, shares=(500, 1000))
    first = [uid for uid, wave in world.waves(rollout).items() if wave == 1]
    verified = [world.install(uid, "2.0") for uid in first]
    world.tick(rollout)
    opened = world.found(rollout).wave_open
    world.state_version(first[0], "1.0", boot="boot-9")
    before = world.found(rollout).state
    world.state_version(first[1], "1.0", boot="boot-9")
    assert (verified, opened, before) == (["verified"] * 4, 2, "running")
    assert world.found(rollout).state == "halted"
    assert world.found(rollout).reason_code in {"too_many_failed_whole", "too_many_failed_group"}


def test_a_wave_that_is_settled_below_its_success_share_halts(world: World) -> None:
    world.boxes(2)
    rollout = world.rollout(
        world.image("2.0"), limits=Limits(success_permille=900), shares=(500, 1000)
    )
    (first,) = (uid for uid, wave in world.waves(rollout).items() if wave == 1)
    world.fail(first)
    assert world.found(rollout).reason_code == "success_missed"


def test_waves_do_not_run_away_from_a_fleet_that_was_never_seen(world: World) -> None:
    uids = world.boxes(4, seen=False)
    rollout = world.rollout(world.image("2.0"), shares=(250, 1000))
    world.wait(hours=5)
    world.tick(rollout)
    assert (world.found(rollout).state, world.found(rollout).wave_open) == ("running", 1)
    waves = world.waves(rollout)
    later = next(uid for uid in uids if waves[uid] == 2)
    world.poll(later)
    world.tick(rollout)
    assert world.found(rollout).wave_open == 2


def test_boxes_that_are_not_seen_are_listed_and_hold_nothing_up(world: World) -> None:
    here, away = world.boxes(2)
    world.change_box(away, last_seen_at=world.now - timedelta(days=13, hours=23))
    rollout = world.rollout(world.image("2.0"))
    world.install(here, "2.0")
    world.tick(rollout)
    before = world.found(rollout).state
    world.wait(hours=1, seconds=1)
    world.tick(rollout)
    with world.db.read() as session:
        found = queries.not_seen(session, world.found(rollout), now=world.now)
        assert [member.box.uid for member in found] == [away]
    assert (before, world.found(rollout).state) == ("running", "complete")


def test_a_box_that_is_retired_while_it_waits_holds_nothing_up(world: World) -> None:
    here, retired = world.boxes(2)
    rollout = world.rollout(world.image("2.0"))
    world.install(here, "2.0")
    world.change_box(retired, state="retired")
    world.tick(rollout)
    assert world.found(rollout).state == "complete"
    assert world.told(retired) == "box_retired"


@pytest.mark.parametrize("reported", [False, True])
def test_a_box_that_is_retired_while_it_installs_gives_its_place_back(
    world: World, reported: bool
) -> None:
    gone, next_one = world.boxes(2)
    rollout = world.rollout(world.image("2.0"), cap=1)
    world.poll(gone)
    world.fetch(gone)
    if reported:
        world.report(gone)
    full = world.told(next_one)
    world.change_box(gone, state="retired")
    world.tick(rollout)
    assert (full, world.state(gone), world.told(next_one)) == ("cap_full", "cancelled", "offered")


def test_boxes_that_need_nothing_take_no_place_in_a_wave(world: World) -> None:
    """However the salt falls, the one box of a rare revision that needs the image is in wave 1."""
    world.boxes(20)
    image = world.image("2.0")
    world.boxes(1, revision="r2", version="2.0")
    (needs,) = world.boxes(1, revision="r2")
    for salt in "abcdefgh":
        rollout = world.rollout(image, shares=(100, 1000), salt=salt, name=salt)
        assert world.waves(rollout)[needs] == 1
        world.staff("cancel", rollout)


def test_a_box_whose_model_changes_while_it_waits_is_let_go(world: World) -> None:
    (uid,) = world.boxes(1)
    world.rollout(world.image("2.0"))
    world.change_box(uid, model_code="X200")
    assert (world.told(uid), world.state(uid)) == ("misfit", "cancelled")


def test_a_box_of_an_unheld_revision_that_comes_late_is_in_the_first_wave(world: World) -> None:
    world.boxes(4)
    rollout = world.rollout(world.image("2.0"), shares=(250, 1000))
    (late,) = world.boxes(1, revision="r9")
    world.poll(late)
    assert world.waves(rollout)[late] == 1


def test_a_latecomer_that_is_not_meant_is_left_out(world: World) -> None:
    world.boxes(1, tags=["lab"])
    rollout = world.rollout(world.image("2.0"), selection=Selection(tags=("lab",)))
    (other,) = world.boxes(1)
    (late,) = world.boxes(1, tags=["lab"])
    assert (world.told(other), world.told(late)) == ("no_rollout", "offered")
    assert set(world.waves(rollout)) == {"box-00000", late}


def test_ticks_reach_every_box_that_is_due(world: World) -> None:
    """Boxes that may wait on, however many and old, keep none from its turn."""
    slow = world.boxes(3)
    rollout = world.rollout(world.image("2.0"))
    begun = [(world.poll(uid), world.fetch(uid)) for uid in slow]
    world.wait(minutes=30)
    due = world.boxes(2)
    offered = [world.told(uid) for uid in due]
    world.wait(minutes=30)
    seen = [world.told(uid) for uid in slow]
    assert (len(begun), offered, seen) == (3, ["offered"] * 2, ["in_progress"] * 3)
    assert [world.tick(rollout, limit=1), world.tick(rollout, limit=1)] == [1, 1]
    assert [world.state(uid) for uid in due] == ["waiting"] * 2


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "n" * 129}),
        ("name", {"name": "a\0b"}),
        ("cap", {"cap": 0}),
        ("cap", {"cap": 2**31}),
        ("waves", {"waves": ()}),
        ("waves", {"waves": (WavePlan(999),)}),
        ("waves", {"waves": (WavePlan(500), WavePlan(500), WavePlan(1000))}),
        ("waves", {"waves": (WavePlan(0), WavePlan(1000))}),
        ("timing", {"timing": Timing(offer=timedelta(0))}),
        ("timing", {"timing": Timing(install=timedelta(days=99999))}),
        ("limits", {"waves": (WavePlan(1000, Limits(failure_count=0)),)}),
        ("limits", {"waves": (WavePlan(1000, Limits(success_permille=1001)),)}),
        ("limits", {"waves": (WavePlan(1000, Limits(soak=timedelta(days=-1))),)}),
        ("selection", {"selection": Selection(tags=("a\0b",))}),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_which_field(
    field: str, change: dict[str, object]
) -> None:
    good: dict[str, object] = {"name": "Plan", "waves": (WavePlan(1000),)}
    assert operations.plan_problems(Plan(**good)) == {}  # type: ignore[arg-type]
    assert list(operations.plan_problems(Plan(**{**good, **change}))) == [field]  # type: ignore[arg-type]


@pytest.mark.parametrize("why", ["a\0b", "x" * 501])
def test_a_reason_that_cannot_be_kept_is_refused(small_world: World, why: str) -> None:
    small_world.boxes(1)
    rollout = small_world.rollout(1)
    with pytest.raises(Invalid):
        small_world.staff("pause", rollout, why=why)
    assert small_world.staff("pause", rollout, why="100 % sure").reason_values == {
        "why": "100 % sure"
    }


def test_every_deed_is_in_the_audit(small_world: World) -> None:
    small_world.boxes(1)
    rollout = small_world.rollout(small_world.image("2.0"))
    small_world.staff("pause", rollout)
    small_world.staff("resume", rollout)
    small_world.staff("widen", rollout, shares_permille=(1000,), cap=3)
    small_world.staff("cancel", rollout)
    with small_world.db.read() as session:
        verbs = session.scalars(
            select(AuditEntry.verb)
            .where(AuditEntry.subject_ref == small_world.found(rollout).public_id)
            .order_by(AuditEntry.id)
        ).all()
        image = session.get_one(Image, 2)
    assert image.version == "2.0"
    assert verbs == [
        "rollout.create",
        "rollout.start",
        "rollout.pause",
        "rollout.resume",
        "rollout.widen",
        "rollout.cancel",
    ]
