"""How serials and MACs are read."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.devices.identity.rules import (
    identity_warnings,
    lookup_key,
    mac_warnings,
    made_on_hint,
    maker_key,
    normalise_mac,
    normalise_serial,
    past,
    serial_warnings,
    typed_keys,
)
from stb_service.shared.identifiers import Malformed

CYRILLIC = str.maketrans("ABCE", "\u0410\u0412\u0421\u0415")
CYRILLIC_LOWER = str.maketrans("ABCE", "\u0430\u0432\u0441\u0435")

# A first octet that is even (unicast) and the other five.
macs = st.tuples(
    st.integers(0, 127).map(lambda n: 2 * n), *[st.integers(0, 255) for _ in range(5)]
).filter(any)


def written(octets: tuple[int, ...], between: str) -> str:
    return between.join(f"{octet:02X}" for octet in octets)


@given(macs, st.sampled_from([":", "-", ".", "", " ", "_", " : "]))
def test_a_mac_is_read_with_any_separator(octets: tuple[int, ...], between: str) -> None:
    assert normalise_mac(written(octets, between)) == written(octets, ":")


@given(macs)
def test_a_mac_is_read_in_the_dotted_notation_of_switches(octets: tuple[int, ...]) -> None:
    bare = written(octets, "").lower()

    assert normalise_mac(f"{bare[:4]}.{bare[4:8]}.{bare[8:]}") == written(octets, ":")


@given(macs)
def test_a_mac_is_read_with_single_digits_for_small_octets(octets: tuple[int, ...]) -> None:
    assert normalise_mac(":".join(f"{octet:x}" for octet in octets)) == written(octets, ":")


@given(macs, st.sampled_from([CYRILLIC, CYRILLIC_LOWER]))
def test_a_mac_is_read_with_cyrillic_look_alikes(
    octets: tuple[int, ...], table: dict[int, int]
) -> None:
    assert normalise_mac(written(octets, ":").translate(table)) == written(octets, ":")


@given(macs)
def test_reading_a_canonical_mac_changes_nothing(octets: tuple[int, ...]) -> None:
    canonical = normalise_mac(written(octets, ":"))

    assert normalise_mac(canonical) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "MAC: 001A79ABCDEF",
        "mac address 00:1a:79:ab:cd:ef",
        "0x001A79ABCDEF",
        "OO:1A:79:AB:CD:EF",
        "00:lA:79:AB:CD:EF",
        "\uff10\uff10:1A:79:AB:CD:EF",
        "\u0660\u0660:1A:79:AB:CD:EF",
        "00\u20101A\u201079\u2010AB\u2010CD\u2010EF",
    ],
)
def test_a_mac_is_read_as_people_mistype_and_paste_it(typed: str) -> None:
    assert normalise_mac(typed) == "00:1A:79:AB:CD:EF"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "this has 0"),
        ("00:1A:79:AB:CD", "this has 10"),
        ("001A79ABCDE", "this has 11"),
        ("001A79ABCDEF0", "this has 13"),
        ("00:1A:79:AB:CD:EG", "'G' is no hexadecimal digit"),
        ("00:00:00:00:00:00", "All zeros"),
        ("FF:FF:FF:FF:FF:FF", "broadcast"),
        ("01:00:5E:00:00:01", "multicast"),
    ],
)
def test_what_is_no_mac_of_a_box_is_refused_with_the_reason(typed: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        normalise_mac(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  84-6593603 ", "84-6593603"),
        ("84 6593 603", "846593603"),
        ("062014n067770", "062014N067770"),
        ("062014\u041d067770", "062014H067770"),
        ("sn\u200b0001", "SN0001"),
        ("84\u20116593603", "84-6593603"),
        ("X" * 64, "X" * 64),
    ],
)
def test_a_serial_is_kept_upper_case_without_spaces_and_look_alikes(typed: str, kept: str) -> None:
    assert normalise_serial(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "---", "X" * 65, "ЖУК-1", "A\x00B"])
def test_what_is_no_serial_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        normalise_serial(typed)


@given(st.text(max_size=80))
def test_any_text_is_either_a_serial_that_stays_as_it_is_or_malformed(typed: str) -> None:
    try:
        serial = normalise_serial(typed)
    except Malformed:
        return
    assert normalise_serial(serial) == serial


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("1A-79", ["1A79"]),
        ("84-65", ["8465"]),
        ("EO:12", ["EO12", "E012"]),
        ("", []),
        ("\u0445", ["X"]),
    ],
)
def test_what_is_typed_into_the_search_box_becomes_keys(typed: str, keys: list[str]) -> None:
    assert typed_keys(typed) == keys


@given(st.from_regex(r"[0-9A-Z]{1,12}", fullmatch=True), st.text("0123456789ABCDEFXYZ", max_size=6))
def test_everything_that_begins_with_a_key_lies_before_its_past(key: str, rest: str) -> None:
    assert key <= key + rest < past(key)


def test_two_spellings_of_a_maker_are_one_maker() -> None:
    assert maker_key("Aurora Ltd.") == maker_key("AURORA  LTD")


def test_the_lookup_of_a_mac_has_no_colons() -> None:
    assert lookup_key("00:1A:79:00:00:01") == "001A79000001"


@pytest.mark.parametrize(
    ("mac", "maker"),
    [
        ("00:1A:79:00:00:01", "Infomir"),
        ("10:27:BE:00:00:01", "TVIP"),
        ("5C:0F:FB:00:00:01", "Amino"),
        ("B4:9D:FD:00:00:01", "SDMC"),
        ("D4:CF:F9:00:00:01", "SEI Robotics"),
        ("02:00:00:00:00:01", "Anyone"),
        ("10:27:BE:00:00:01", ""),
    ],
)
def test_a_prefix_of_the_maker_or_of_nobody_gives_no_warning(mac: str, maker: str) -> None:
    assert mac_warnings(mac, maker) == []


def test_a_prefix_of_another_maker_gives_a_warning_that_names_both() -> None:
    (warning,) = mac_warnings("10:27:BE:00:00:01", "Aurora")

    assert str(warning) == "The prefix 10:27:BE belongs to TVIP, not to Aurora."


@pytest.mark.parametrize(
    ("serial", "month"),
    [
        ("062014N067770", date(2014, 6, 1)),
        ("122014N067770", date(2014, 12, 1)),
        ("132014N067770", None),
        ("002014N067770", None),
        ("84-6593603", None),
    ],
)
def test_a_serial_of_month_and_year_hints_at_when_the_box_was_made(
    serial: str, month: date | None
) -> None:
    assert made_on_hint(serial) == month


@pytest.mark.parametrize(
    "serial",
    [
        "BEDACD4569BAF",
        "0000000000000",
        hashlib.md5(b"00:1A:79:00:00:01").hexdigest()[:13].upper(),
        hashlib.md5(b"00:1a:79:00:00:01").hexdigest()[:13].upper(),
    ],
)
def test_a_serial_that_an_emulator_makes_up_is_not_genuine(serial: str) -> None:
    (warning,) = serial_warnings(serial, ["00:1A:79:00:00:01"])

    assert str(warning).startswith("Not genuine")


def test_a_usual_serial_gives_no_warning() -> None:
    macs = ("00:1A:79:00:00:01", None)

    assert identity_warnings(serial="062014N067770", maker="Infomir", macs=macs) == []
