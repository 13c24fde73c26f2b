"""Tests that share one real part (a browser, SWUpdate, a fleet) run in one process."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_the_tests_of_a_group_stay_together(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", default=False):  # known to workers alone
        pytest.skip("the suite runs in one process")
    assert request.node.nodeid.endswith("@together"), "pytest and pytest-xdist do not fit"
