"""What a box is made of: one list."""

from __future__ import annotations

from stb_service.devices.components import COMPONENT_NAMES, Component, component_name


def test_every_component_has_a_name_of_its_own() -> None:
    assert set(COMPONENT_NAMES) == set(Component)
    assert len({str(name) for name in COMPONENT_NAMES.values()}) == len(Component)


def test_a_word_that_is_not_in_the_list_is_shown_as_it_is() -> None:
    assert str(component_name("power_supply")) == "Power supply"
    assert str(component_name("90% wool")) == "90% wool"
