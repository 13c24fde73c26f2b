import hashlib
import itertools
import math
from pathlib import Path

import pytest

from lab.network.trace_files import BadTrace, parse_trace, read_trace
from lab.network.traces import FASTEST_BPS, LATEST_NS, Step, Trace, generate
from lab.units import NS_PER_MS, NS_PER_S

SABRE = """[
  {"duration_ms": 1000, "bandwidth_kbps": 5000, "latency_ms": 20},
  {"duration_ms": 500.5, "bandwidth_kbps": 0}
]
"""


OK = '{"duration_ms":1,"bandwidth_kbps":1}'
BIG = '\n{"duration_ms":1,"bandwidth_kbps":N}'


def steps(text: str, form: str) -> list[tuple[int, int, int]]:
    return [
        (step.duration_ns // NS_PER_MS, step.rate_bps, step.latency_ns // NS_PER_MS)
        for step in parse_trace(text, form, name="x").steps
    ]


def test_sabre_gives_each_step_its_span_rate_and_latency() -> None:
    assert steps(SABRE, "sabre") == [(1000, 5_000_000, 20), (500, 0, 0)]


def test_in_columns_a_rate_holds_until_the_next_line() -> None:
    text = "# seconds Mbit/s\n0 4\n\n2.5\t1.5\n3.5, 0.25\n"
    assert steps(text, "columns") == [
        (2500, 4_000_000, 0),
        (1000, 1_500_000, 0),
        (1000, 250_000, 0),
    ]


def test_what_follows_a_number_sign_is_passed_over() -> None:
    assert steps("# s Mbit/s\n0 1 # tail\n1 2# tail\n#", "columns") == [
        (1000, 1_000_000, 0),
        (1000, 2_000_000, 0),
    ]
    assert steps("5 # five\n100\n", "mahimahi") == [(100, 240_000, 0)]


def test_one_line_of_columns_lasts_a_second() -> None:
    assert steps("7 3\n", "columns") == [(1000, 3_000_000, 0)]


def test_mahimahi_counts_1500_bytes_at_each_millisecond() -> None:
    text = "\n".join(["1"] * 10 + ["100"] * 10 + ["101"] + ["150"] * 4) + "\n"
    assert steps(text, "mahimahi") == [(100, 20 * 120_000, 0), (50, 5 * 240_000, 0)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (SABRE, "sabre"),
        ("0 4\n1 5\n", "columns"),
        ("5\n7\n", "mahimahi"),
        ("5\r7\r", "mahimahi"),
    ],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, text: str, form: str) -> None:
    path = tmp_path / "trace"
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert read_trace(path).steps == parse_trace(text, form, name="trace").steps


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing in it"),
        (" \n\n", "there is nothing in it"),
        ('{"steps": []}', "not a JSON array"),
    ],
)
def test_what_is_no_trace_of_any_format_is_told_as_what_it_is(text: str, why: str) -> None:
    with pytest.raises(BadTrace) as caught:
        parse_trace(text, None, name="trace")
    assert str(caught.value) == f"trace, line 1: {why}"


@pytest.mark.parametrize(
    ("form", "text", "line", "why"),
    [
        ("sabre", "{}", 1, "not a JSON array"),
        ("sabre", "[]", 1, "an empty array"),
        ("sabre", '[\n {"duration_ms": 1},\n 2]', 2, "no bandwidth_kbps"),
        ("sabre", '[{"duration_ms":1,"bandwidth_kbps":1},\n\n 2]', 3, "not an object"),
        ("sabre", '[\n{"duration_ms":1,"bandwidth_kbps":"x"}]', 2, "bandwidth_kbps is 'x'"),
        ("sabre", '[\n{"duration_ms":1,"bandwidth_kbps":true}]', 2, "bandwidth_kbps is True"),
        ("sabre", '[\n{"duration_ms":1,"bandwidth_kbps":-1}]', 2, "bandwidth_kbps is -1"),
        ("sabre", '[\n{"duration_ms":0,"bandwidth_kbps":1}]', 2, "duration_ms is not above 0"),
        ("sabre", '[\n{"duration_ms":1,"bandwidth_kbps":1}\n', 3, "a comma or ] is missing"),
        ("sabre", '[{"duration_ms":1,"bandwidth_kbps":1}\n{}]', 2, "a comma or ] is missing"),
        ("sabre", '[{"duration_ms":1,"bandwidth_kbps":1}]\nx', 1, "something follows"),
        ("sabre", '[\n{"duration_ms":', 2, "not JSON"),
        ("columns", "0 1\n1 2 3\n", 2, "3 columns"),
        ("columns", "0 1\n\n1 fast\n", 3, "the rate is 'fast'"),
        ("columns", "0 1\n0 2\n", 2, "does not go forward"),
        ("columns", "0 nan\n", 1, "the rate is 'nan'"),
        ("columns", "# only words\n", 1, "no line says anything"),
        ("columns", "0 0\n1 0\n", 1, "nothing ever gets through"),
        ("mahimahi", "5\n4\n", 2, "goes back"),
        ("mahimahi", "5\n6.5\n", 2, "'6.5' is not one whole millisecond"),
        ("mahimahi", "0\n0\n", 1, "no opportunity after 0 ms"),
        ("mahimahi", "9999999999\n", 1, "longer than a week"),
        ("mahimahi", "5\n7\n604800001\n", 3, "longer than a week"),
        ("mahimahi", f"5\n{'9' * 5000}\n", 2, "longer than a week"),
        ("columns", "0 1\n604801 2\n", 2, "longer than a week"),
        ("columns", "0 1\n1 2\n400000 2\n", 3, "longer than a week"),
        ("columns", "0 1\n1 2\n2 3000000\n3 1\n", 3, "3e+06 Mbit/s are more than 1e+06"),
        ("columns", f"0 1\n1 {'9' * 400}\n", 2, "the rate is inf, not a number from 0 to"),
        ("columns", "0 1\n1_0 2\n", 2, "the time is '1_0', not a number"),
        ("columns", "0 1\n1 \u0662\n", 2, "the rate is '\u0662', not a number"),
        ("columns", "0 1\n1 0x10\n", 2, "the rate is '0x10'"),
        ("columns", "0 1\x0c\u2028\n1 fast\n", 2, "the rate is 'fast'"),
        ("columns", "0 1\r\n1 fast\r\n", 2, "the rate is 'fast'"),
        ("columns", "0 1\r1 fast\r", 2, "the rate is 'fast'"),
        ("sabre", "[\n" + OK + "," + BIG.replace("N", "9" * 400) + "]", 3, "bandwidth_kbps is inf"),
        ("sabre", "[\n" + OK + "," + BIG.replace("N", "9" * 5000) + "]", 3, "kbps is inf, not"),
        ("sabre", "[\n" + OK + "," + BIG.replace("N", "2e9") + "]", 3, "2e+06 Mbit/s are more"),
        ("sabre", "[\n" + OK + "," + BIG.replace("N", '"5"') + "]", 3, "is '5', not a number"),
        ("sabre", "[\n" + OK + "," + BIG.replace("N", '1, "a": 2, "a": 3') + "]", 3, "twice"),
        ("sabre", "[\n" + OK + ",\n\n]", 4, "not JSON: Expecting value"),
        ("sabre", "[\n" + OK + ",\n" + OK.replace(":1,", ":604800000,") + "]", 3, "than a week"),
        (
            "sabre",
            "[\n" + OK.replace("}", ', "latency_ms": 60001}') + "]",
            2,
            "a latency of 60.001 s",
        ),
        ("sabre", "[\n" + OK + ",\n" + "[" * 100_000, 3, "nested too deeply"),
        ("sabre", "[\u00a0]", 1, "not JSON"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_broken_file_is_refused_with_line_and_reason(
    form: str, text: str, line: int, why: str
) -> None:
    with pytest.raises(BadTrace) as caught:
        parse_trace(text, form, name="evening.txt")
    assert (caught.value.line, str(caught.value).partition(":")[0]) == (
        line,
        f"evening.txt, line {line}",
    )
    assert why in caught.value.why


def test_bytes_that_are_no_text_are_refused_at_their_line(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"0 1\n1 2\n\xff\xfe\n")
    with pytest.raises(BadTrace, match="line 3: not a text"):
        read_trace(path)


def test_statistics_are_weighted_by_time() -> None:
    trace = Trace((Step(3 * NS_PER_S, 4_000_000), Step(NS_PER_S, 0)), "by hand")
    found = trace.statistics()
    assert (found.mean_bps, found.least_bps, found.most_bps) == (3e6, 0, 4_000_000)
    assert (found.p05_bps, found.median_bps, found.outage_share) == (0, 4_000_000, 0.25)
    assert math.isclose(found.variation, math.sqrt(3e12) / 3e6)


def test_statistics_are_told_in_words() -> None:
    trace = Trace((Step(3 * NS_PER_S, 4_000_000, 2 * NS_PER_MS), Step(NS_PER_S, 0)), "by hand")
    assert trace.statistics().told() == {
        "duration": "4 s in 2 steps",
        "mean": "3.00 Mbit/s",
        "least": "0.00 Mbit/s",
        "p05": "0.00 Mbit/s",
        "median": "4.00 Mbit/s",
        "most": "4.00 Mbit/s",
        "variation": "0.577",
        "outage": "25.00% of the time",
        "latency": "at most 2 ms",
    }


def test_the_hash_is_of_the_steps_alone() -> None:
    trace = Trace((Step(5, 7, 2),), "a")
    assert trace.digest == Trace((Step(5, 7, 2),), "b").digest
    assert trace.digest == hashlib.sha256(b"5 7 2\n").hexdigest()
    assert trace.digest != Trace((Step(5, 8, 2),), "a").digest


def test_a_made_trace_is_the_same_for_its_seed_and_like_what_was_asked_for() -> None:
    asked = {"mean_bps": 10_000_000, "duration_ns": 20_000 * NS_PER_S, "variation": 0.4}
    trace = generate(5, **asked)  # type: ignore[arg-type]
    found = trace.statistics()
    assert trace.digest == generate(5, **asked).digest != generate(6, **asked).digest  # type: ignore[arg-type]
    assert abs(found.mean_bps / 10_000_000 - 1) < 0.1
    assert abs(found.variation - 0.4) < 0.05


def test_rates_that_follow_each_other_are_alike() -> None:
    trace = generate(1, mean_bps=1_000_000, duration_ns=5000 * NS_PER_S, correlation=0.9)
    logs = [math.log(step.rate_bps) for step in trace.steps]
    mean = sum(logs) / len(logs)
    both = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(logs))
    own = sum((a - mean) ** 2 for a in logs)
    assert abs(both / own - 0.9) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [{"variation": -1}, {"correlation": 1.0}, {"mean_bps": 0}, {"step_ns": 0}, {"duration_ns": 1}],
)
def test_a_generator_refuses_what_makes_no_trace(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lies in|are positive"):
        generate(1, **{"mean_bps": 1000, "duration_ns": NS_PER_S, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((), "at least one step"),
        ((Step(0, 1),), "a step of 0 ns lasts no time"),
        ((Step(1, -1),), "a rate lies in"),
        ((Step(1, FASTEST_BPS + 1),), "a rate lies in"),
        ((Step(1, 1, -1),), "a latency lies in"),
        ((Step(1, 1, LATEST_NS + 1),), "a latency lies in"),
        ((Step(1, 0),), "nothing ever gets through"),
        ((Step(10**15, 1),), "lasts a week at most"),
    ],
)
def test_what_no_link_can_be_is_refused(wrong: tuple[Step, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Trace(wrong, "x")
