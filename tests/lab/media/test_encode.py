"""The cache of encoded streams: what is believed, and what is told meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.media.content import Content
from lab.media.encode import CODECS, Cache, Recipe, encode

FRAMES = 5
RECIPE = Recipe("mpeg2video", Content(width=320, height=180, frames=FRAMES))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit flipped": flipped,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-188]),
    "emptied": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "without its note": lambda path: path.with_name(f"{path.name}.sha256").unlink(),
    "with another's note": lambda path: path.with_name(f"{path.name}.sha256").write_text("0" * 64),
    "with a torn note": lambda path: path.with_name(f"{path.name}.sha256").write_bytes(b"\xff"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_encoded_anew(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path / "cache")
    path = cache.path_of(RECIPE)
    whole = path.read_bytes()
    DAMAGES[damage](path)
    told: list[tuple[int, int]] = []

    assert cache.path_of(RECIPE, lambda *words: told.append(words)).read_bytes() == whole
    assert len(told) == FRAMES
    assert sorted(file.suffix for file in cache.folder.iterdir()) == [".sha256", ".ts"]


def test_every_picture_is_told_and_one_that_is_kept_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    told: list[tuple[int, int]] = []

    cache.path_of(RECIPE, lambda *words: told.append(words))
    assert told == [(done, FRAMES) for done in range(1, FRAMES + 1)]
    told.clear()
    cache.path_of(RECIPE, lambda *words: told.append(words))
    assert told == [(FRAMES, FRAMES)]


def test_an_encoding_that_is_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path).path_of(RECIPE, stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_no_encoder_puts_itself_before_everything_else(tmp_path: Path, codec: str) -> None:
    seen: set[int] = set()

    def tell(_done: int, _all: int) -> None:
        seen.update(os.sched_getscheduler(int(t.name)) for t in Path("/proc/self/task").iterdir())

    before = os.sched_getscheduler(0)
    encode(Recipe(codec, RECIPE.content), tmp_path / "out", tell)

    assert (seen, os.sched_getscheduler(0)) == ({before}, before)
