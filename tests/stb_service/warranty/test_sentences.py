"""Every rule is a sentence, and what is stored is read again as it was."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.shared.i18n import speaking
from stb_service.warranty.cover import Known, Replaced, Rule, cover
from stb_service.warranty.policy import Basis, OnReplacement, Policy, Tenure
from stb_service.warranty.sentences import SENTENCES, sentence_of, sentences_of
from stb_service.warranty.traces import facts_json, known_of, trace_json, trace_of
from tests.stb_service.warranty.test_cover_properties import components, days, knowns, policies

DAY = date(2026, 3, 2)
lasts = st.dictionaries(st.sampled_from(["remote", "tuner"]), st.none() | days)
replaced = st.none() | st.builds(Replaced, days, st.none() | days, lasts)
boxes = st.builds(
    lambda known, other, tenure, hours: Known(
        tenure, known.days, known.stays, known.fits, known.transfers, other, hours
    ),
    knowns,
    replaced,
    st.sampled_from(Tenure),
    st.none() | st.integers(0, 100_000),
)
kinds = st.builds(
    lambda policy, kind: Policy(**{**vars(policy), "replacement": kind, "replacement_days": 90}),
    policies,
    st.sampled_from(OnReplacement),
)


@given(boxes, kinds, components, days)
def test_every_rule_of_a_trace_is_a_sentence(
    known: Known, policy: Policy, component: str | None, as_of: date
) -> None:
    found = cover(known, policy, component, as_of)

    words = [str(sentence) for sentence in sentences_of(found.trace)]

    assert all(word.endswith((".", ")")) for word in words)
    assert not [word for word in words if "%(" in word or "None" in word]


@given(boxes, kinds, components, days)
def test_what_is_stored_gives_the_same_cover_again(
    known: Known, policy: Policy, component: str | None, as_of: date
) -> None:
    again = known_of(facts_json(known))

    first, second = (cover(one, policy, component, as_of) for one in (known, again))

    assert (first.spans, first.trace) == (second.spans, second.trace)
    assert trace_of(trace_json(first.trace)) == list(first.trace)
    assert facts_json(again) == facts_json(known)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            Rule("given_out", DAY, {"basis": "sale"}),
            "Sale on 2026-03-02 says which version of a policy it has.",
        ),
        (
            Rule("policy", values={"code": "p", "version": 2, "by": ["model", "seller"]}),
            "Policy p, version 2, is assigned to it by its model, its seller.",
        ),
        (
            Rule("policy", values={"code": "p", "version": 2, "by": []}),
            "Policy p, version 2, is the one of all boxes.",
        ),
        (
            Rule("start", DAY, {"basis": "shipment", "after_days": 14}),
            "Cover begins on 2026-03-02, 14 days after: Shipment.",
        ),
        (
            Rule("suspended", DAY, {"days": 3, "from": date(2026, 1, 1)}),
            "It was with us for 3 days from 2026-01-01 on; they are added: until 2026-03-02.",
        ),
        (
            Rule("excluded", DAY, {"cause": "liquid"}),
            "The inspection found: Liquid. The policy does not cover that.",
        ),
        (Rule("of_old", DAY, {}), "of_old"),
    ],
)
def test_a_rule_in_words(rule: Rule, words: str) -> None:
    assert str(sentence_of(rule)) == words


def test_a_day_is_written_as_its_reader_writes_it() -> None:
    rule = Rule("covered", date(2026, 1, 31))

    with speaking("en", "UTC"):
        words = str(sentence_of(rule))

    assert words == "Reported on 31 Jan 2026, when it was covered."


def test_each_basis_can_begin_cover_in_words() -> None:
    rules = [Rule("start", DAY, {"basis": basis.value, "after_days": 0}) for basis in Basis]

    assert len({str(sentence_of(rule)) for rule in rules}) == len(Basis)
    assert {"start", "term", "tail", "transferred"} <= set(SENTENCES)
