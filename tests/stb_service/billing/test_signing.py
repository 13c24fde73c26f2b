"""Signed links and signed notices: what is believed, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stb_service.billing.links import Purpose, read_link, sign_link
from stb_service.billing.notices import TOLERANCE, check_signature, signature
from stb_service.shared.errors import NotFound, Unauthenticated

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=1)
BODY = b'{"event_id": "e1"}'
SECRET, FORMER = "s" * 16, "f" * 16


def link(purpose: Purpose = Purpose.QUOTE, key: str = "key") -> str:
    return sign_link(purpose, ["uid", 3], until=UNTIL, keys=[key])


def test_a_link_says_what_was_put_in() -> None:
    assert read_link(Purpose.QUOTE, link(), now=NOW, keys=["key"]) == ["uid", 3]


def test_a_link_of_a_former_key_is_accepted() -> None:
    assert read_link(Purpose.QUOTE, link(), now=NOW, keys=["key", "newer"]) == ["uid", 3]


def test_a_link_holds_to_its_last_second() -> None:
    assert read_link(Purpose.QUOTE, link(), now=UNTIL - timedelta(seconds=1), keys=["key"])


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_link_ends(seconds: int) -> None:
    now = UNTIL + timedelta(seconds=seconds)

    with pytest.raises(NotFound, match="ended"):
        read_link(Purpose.QUOTE, link(), now=now, keys=["key"])


@pytest.mark.parametrize(
    "word",
    ["", ".", "x", link()[:-1], "A" + link(), link(Purpose.CHECKOUT), link(key="other"), "\0", "é"],
)
def test_any_other_word_opens_nothing(word: str) -> None:
    with pytest.raises(NotFound):
        read_link(Purpose.QUOTE, word, now=NOW, keys=["key"])


def check(header: str, *, body: bytes = BODY, now: datetime = NOW) -> None:
    check_signature(header, body, now=now, secrets=[FORMER, SECRET])


@pytest.mark.parametrize("secret", [SECRET, FORMER])
def test_a_notice_signed_by_the_present_or_a_former_secret_is_believed(secret: str) -> None:
    check(signature(BODY, at=NOW, secret=secret))


def test_one_right_signature_of_several_is_enough() -> None:
    good = signature(BODY, at=NOW, secret=SECRET)

    check(good.replace("v1=", f"v1={'0' * 64},v1="))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_clocks_may_differ_by_the_tolerance(seconds: int) -> None:
    check(signature(BODY, at=NOW + timedelta(seconds=seconds), secret=SECRET))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_clocks_may_not_differ_by_more(seconds: int) -> None:
    assert abs(timedelta(seconds=seconds)) > TOLERANCE
    with pytest.raises(Unauthenticated, match="too old"):
        check(signature(BODY, at=NOW + timedelta(seconds=seconds), secret=SECRET))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        "t=x,v1=00",
        "t=1772445600,v1=",
        "t=1772445600,v1=é",
        "t=²,v1=00",
        f"t={'9' * 5000},v1=00",
        signature(BODY, at=NOW, secret="other"),
        signature(BODY + b" ", at=NOW, secret=SECRET),
        signature(BODY, at=NOW, secret=SECRET).replace("t=1", "t=2", 1),
    ],
)
def test_any_other_signature_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        check(header)
