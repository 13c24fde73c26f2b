"""Documents that people write: what a reader must not be led into."""

from __future__ import annotations

import marshmallow as ma
import pytest

from lab.documents import DEEPEST, BadDocument, load_document


class Anything(ma.Schema):
    """Takes all names."""

    class Meta:
        """Nothing is refused by the schema."""

        unknown = ma.INCLUDE


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("one: 1\n? [a, b]\n: 2\n", 2, "a name is one word"),
        ("one: 1\n? {a: b}\n: 2\n", 2, "a name is one word"),
        (BOMB, 2, "write it out: an alias (*a) is not read"),
        ("one: &a [*a]\n", 1, "an alias (*a) is not read"),
        ("\n" + "[" * 30_000, 2, f"more than {DEEPEST} lists"),
        ("one:\n  two: 1\n  two: 2\n", 3, "two: is there twice"),
    ],
)
def test_what_leads_astray_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BadDocument) as caught:
        load_document(text, Anything(), name="one.yaml")

    assert f"one.yaml, line {line}: " in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize("deep", [DEEPEST - 1, DEEPEST])
def test_depth_is_read_up_to_its_limit(deep: int) -> None:
    text = "one: " + "[" * (deep - 1) + "]" * (deep - 1)

    assert load_document(text, Anything(), name="one.yaml").keys() == {"one"}
