"""Who is in which wave."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.rollouts.cohorts import plan_waves, position, quotas, wave_of_latecomer

shares = st.lists(st.integers(1, 999), min_size=0, max_size=5, unique=True).map(
    lambda found: [*sorted(found), 1000]
)
fleets = st.dictionaries(
    st.integers(0, 10_000).map(lambda n: f"box-{n}"),
    st.tuples(st.sampled_from(["X1", "X2"]), st.sampled_from(["r1", "r2", "r3"])),
    min_size=1,
    max_size=80,
)
salts = st.text(min_size=1, max_size=8)


@given(fleets, salts, shares)
@settings(deadline=None)
def test_every_box_is_in_one_wave(
    fleet: dict[str, tuple[str, str]], salt: str, cut: list[int]
) -> None:
    waves = plan_waves(fleet.items(), salt=salt, shares_permille=cut)
    assert set(waves) == set(fleet)
    assert set(waves.values()) <= set(range(1, len(cut) + 1))


@given(fleets, salts, shares)
@settings(deadline=None)
def test_every_wave_holds_each_kind_while_there_are_boxes(
    fleet: dict[str, tuple[str, str]], salt: str, cut: list[int]
) -> None:
    waves = plan_waves(fleet.items(), salt=salt, shares_permille=cut)
    boxes = Counter(fleet.values())
    kinds_of = {(fleet[uid], wave) for uid, wave in waves.items()}
    expected = {
        (kind, wave) for kind, n in boxes.items() for wave in range(1, min(n, len(cut)) + 1)
    }
    # a wave is without a kind only where the waves before it took all of its boxes
    absent = expected - kinds_of
    taken_before = {
        (kind, wave)
        for kind, wave in absent
        if all(waves[uid] < wave for uid in fleet if fleet[uid] == kind)
    }
    assert absent == taken_before


@given(fleets, salts, shares)
@settings(deadline=None)
def test_a_rare_kind_is_in_the_first_wave(
    fleet: dict[str, tuple[str, str]], salt: str, cut: list[int]
) -> None:
    waves = plan_waves(fleet.items(), salt=salt, shares_permille=cut)
    first = {fleet[uid] for uid, wave in waves.items() if wave == 1}
    assert first == set(fleet.values())


@given(fleets, salts, shares, st.data())
@settings(deadline=None)
def test_widening_uninvites_nobody(
    fleet: dict[str, tuple[str, str]], salt: str, cut: list[int], data: st.DataObject
) -> None:
    raised = [data.draw(st.integers(share, 1000)) for share in cut]
    before = plan_waves(fleet.items(), salt=salt, shares_permille=cut)
    after = plan_waves(fleet.items(), salt=salt, shares_permille=sorted(raised))
    assert all(after[uid] <= before[uid] for uid in fleet)


@given(st.integers(0, 500), shares)
def test_quotas_rise_and_reach_everything(size: int, cut: list[int]) -> None:
    found = quotas(size, cut)
    assert found == sorted(found)
    assert found[-1] == size


@pytest.mark.parametrize(
    ("size", "expected"), [(0, [0, 0]), (1, [1, 1]), (2, [1, 2]), (20, [2, 20]), (21, [3, 21])]
)
def test_quotas_round_up_and_leave_no_wave_empty(size: int, expected: list[int]) -> None:
    assert quotas(size, [100, 1000]) == expected


def test_every_rollout_has_its_own_order() -> None:
    fleet = [(f"box-{n}", ("X1", "r1")) for n in range(400)]
    one = plan_waves(fleet, salt="one", shares_permille=[100, 1000])
    two = plan_waves(fleet, salt="two", shares_permille=[100, 1000])
    guinea_pigs = {uid for uid in one if one[uid] == 1 and two[uid] == 1}
    assert Counter(one.values())[1] == Counter(two.values())[1] == 40
    assert len(guinea_pigs) < 20  # 4 are expected by chance


def test_the_friendly_are_in_wave_zero_and_in_no_other() -> None:
    fleet = [(f"box-{n}", ("X1", "r1")) for n in range(10)]
    friendly = frozenset({"box-3", "box-7", "stranger"})
    waves = plan_waves(fleet, salt="s", shares_permille=[500, 1000], friendly=friendly)
    assert {uid for uid, wave in waves.items() if wave == 0} == {"box-3", "box-7"}


def test_latecomers_fall_into_waves_by_their_shares() -> None:
    waves = Counter(wave_of_latecomer("s", f"late-{n}", [100, 400, 1000]) for n in range(5000))
    assert waves[1] == pytest.approx(500, rel=0.15)
    assert waves[2] == pytest.approx(1500, rel=0.1)
    assert waves[3] == pytest.approx(3000, rel=0.1)


@given(st.text(), st.text())
def test_a_position_is_uniform_below_two_to_the_53(salt: str, uid: str) -> None:
    assert 0 <= position(salt, uid) < 2**53
