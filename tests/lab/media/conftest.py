"""Streams encoded once for all tests of a process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.media.content import Content
from lab.media.encode import Cache, Recipe

Encoded = Callable[..., tuple[Recipe, bytes]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("encoded"))


@pytest.fixture(scope="session")
def encoded(cache: Cache) -> Encoded:
    """Return a recipe and its bytes: four seconds of small pictures."""

    def make(codec: str, *, bit_depth: int = 8, **more: object) -> tuple[Recipe, bytes]:
        content = Content(width=320, height=180, frames=100, bit_depth=bit_depth)
        recipe = Recipe(codec, content, mux_bps=1_200_000, **more)  # type: ignore[arg-type]
        return recipe, cache.path_of(recipe).read_bytes()

    return make
