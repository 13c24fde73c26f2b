"""What holds of cover whatever happened to a box."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stb_service.warranty.cover import Fit, Known, Stay, cover
from stb_service.warranty.holders import Held, Told, last_tenure, told_by
from stb_service.warranty.periods import LastDay, Span, last_of_months, merged
from stb_service.warranty.policy import Basis, OnTransfer, Policy, Repairs, Start, Tenure

BEGIN = date(2024, 1, 1)
days = st.dates(BEGIN, date(2029, 12, 31))
parts = st.sampled_from(["tuner", "psu", "remote"])
components = st.none() | parts


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    received = draw(days)
    length = draw(st.none() | st.integers(0, 60))
    delivered = None if length is None else received + timedelta(days=length)
    return Stay(received, delivered, draw(st.frozensets(parts)), draw(st.booleans()))


knowns = st.builds(
    Known,
    days=st.dictionaries(st.sampled_from(list(Basis)), days, max_size=5),
    stays=st.lists(stays(), max_size=5).map(tuple),
    fits=st.lists(st.builds(Fit, parts, days), max_size=3).map(tuple),
    transfers=st.lists(days, max_size=3).map(tuple),
)
policies = st.builds(
    Policy,
    code=st.just("p"),
    version=st.just(1),
    jurisdiction=st.just("-"),
    starts=st.permutations(list(Basis)).map(lambda chain: tuple(Start(one) for one in chain)),
    months=st.integers(0, 36),
    last_day=st.sampled_from(LastDay),
    components=st.dictionaries(parts, st.integers(0, 36)),
    repairs=st.builds(
        Repairs, st.booleans(), st.integers(0, 120), st.integers(0, 12), st.booleans()
    ),
    transfer=st.sampled_from(OnTransfer),
)


@st.composite
def holdings(draw: st.DrawFn) -> list[Held]:
    """Return the holdings of a box as they were recorded, some of them at the same instant."""
    begun = draw(st.lists(days, max_size=5))
    return [
        Held(
            number,
            draw(st.integers(1, 3)),
            draw(st.sampled_from(Tenure)),
            datetime.combine(day, time(), UTC),
            day,
        )
        for number, day in enumerate(sorted(begun))
    ]


def with_holdings(known: Known, rows: list[Held]) -> Known:
    """Return what is known together with what the holdings of a box tell."""
    tenure = last_tenure(rows) or known.tenure
    told: Told = told_by(rows, tenure, known.days)
    return replace(
        known, tenure=tenure, days=told.days, transfers=(*known.transfers, *told.transfers)
    )


def covered(found: list[Span] | tuple[Span, ...]) -> set[date]:
    return {s.first + timedelta(days=n) for s in found for n in range(s.days)}


@given(knowns, policies, components, days)
def test_the_same_facts_give_the_same_cover_in_any_order(
    known: Known, policy: Policy, component: str | None, as_of: date
) -> None:
    turned = replace(
        known, stays=known.stays[::-1], fits=known.fits[::-1], transfers=known.transfers[::-1]
    )

    first = cover(known, policy, component, as_of)

    assert cover(known, policy, component, as_of) == first
    assert cover(turned, policy, component, as_of) == first


every_tenure = policies.map(lambda policy: replace(policy, tenures=frozenset(Tenure)))


@given(knowns, holdings(), every_tenure, components, days, st.data())
def test_neither_does_the_order_in_which_holdings_are_told(
    known: Known,
    rows: list[Held],
    policy: Policy,
    component: str | None,
    as_of: date,
    data: st.DataObject,
) -> None:
    turned = replace(
        known, stays=known.stays[::-1], fits=known.fits[::-1], transfers=known.transfers[::-1]
    )
    shuffled = data.draw(st.permutations(rows))

    first = cover(with_holdings(known, rows), policy, component, as_of)

    assert cover(with_holdings(turned, shuffled), policy, component, as_of) == first


@given(knowns, holdings(), every_tenure, components, days, st.integers(0, 400))
def test_another_owner_never_adds_cover(
    known: Known,
    rows: list[Held],
    policy: Policy,
    component: str | None,
    as_of: date,
    later: int,
) -> None:
    first = Held(-1, 1, Tenure.SOLD, datetime.combine(BEGIN, time(), UTC), BEGIN)  # before all
    last = max([first, *rows], key=lambda one: (one.since, one.number))
    on = last.on + timedelta(days=later)
    since = max(last.since, datetime.combine(on, time(), UTC))
    other = Held(9, last.account + 1, last.tenure, since, on)

    before = cover(with_holdings(known, [first, *rows]), policy, component, as_of)
    after = cover(with_holdings(known, [first, *rows, other]), policy, component, as_of)

    assert covered(list(after.spans)) <= covered(list(before.spans))


@given(knowns, policies, components, days, stays())
def test_another_return_never_takes_cover_away(
    known: Known, policy: Policy, component: str | None, as_of: date, stay: Stay
) -> None:
    more = replace(known, stays=(*known.stays, stay))

    before = covered(list(cover(known, policy, component, as_of).spans))
    after = covered(list(cover(more, policy, component, as_of).spans))

    assert before <= after


@given(knowns, policies, components, days, st.integers(1, 24))
def test_a_longer_term_never_takes_cover_away(
    known: Known, policy: Policy, component: str | None, as_of: date, more: int
) -> None:
    longer = replace(policy, months=policy.months + more)

    before = covered(list(cover(known, policy, component, as_of).spans))
    after = covered(list(cover(known, longer, component, as_of).spans))

    assert before <= after


@given(knowns, policies, components, days)
def test_what_happens_twice_counts_once(
    known: Known, policy: Policy, component: str | None, as_of: date
) -> None:
    twice = replace(
        known, stays=known.stays * 2, fits=known.fits * 2, transfers=known.transfers * 2
    )

    assert (
        cover(twice, policy, component, as_of).spans == cover(known, policy, component, as_of).spans
    )


@given(knowns, policies, components, days)
def test_spans_are_in_order_and_apart(
    known: Known, policy: Policy, component: str | None, as_of: date
) -> None:
    spans = list(cover(known, policy, component, as_of).spans)

    assert spans == list(merged(spans))


@given(days, st.integers(1, 60))
def test_the_conventions_differ_by_a_day_or_by_nothing_at_a_short_month(
    first: date, months: int
) -> None:
    later = last_of_months(first, months, LastDay.ANNIVERSARY)
    earlier = last_of_months(first, months, LastDay.DAY_BEFORE)

    assert (later - earlier).days == (1 if later.day == first.day else 0)


@given(days, st.integers(1, 60), st.sampled_from(LastDay))
def test_a_period_that_begins_later_never_ends_sooner(
    first: date, months: int, convention: LastDay
) -> None:
    following = first + timedelta(days=1)

    assert last_of_months(first, months, convention) <= last_of_months(
        following, months, convention
    )


@given(st.lists(st.tuples(days, st.integers(0, 60)), max_size=8))
def test_merged_spans_hold_the_same_days(pairs: list[tuple[date, int]]) -> None:
    spans = [Span(first, first + timedelta(days=length)) for first, length in pairs]

    found = list(merged(spans))

    assert covered(found) == covered(spans)
    assert sum(span.days for span in found) == len(covered(spans))
