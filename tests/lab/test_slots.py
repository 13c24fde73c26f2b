import pytest

from lab.box.image import Image
from lab.box.slots import BOOT_ATTEMPTS, Flash, SlotState, factory_flash

NEW = Image("1.2.0")


def flashed() -> Flash:
    flash = factory_flash("1.0.0")
    flash.begin_write()
    flash.finish_write(NEW)
    return flash


def test_a_factory_box_runs_slot_a_and_slot_b_is_empty() -> None:
    flash = factory_flash("1.0.0")
    assert (flash.running.name, flash.version, flash.spare.state) == ("A", "1.0.0", SlotState.EMPTY)


def test_writing_does_not_change_what_runs_until_a_boot() -> None:
    flash = flashed()
    assert (flash.version, flash.spare.state) == ("1.0.0", SlotState.UNTRIED)


def test_an_image_that_comes_up_becomes_the_running_slot() -> None:
    flash = flashed()
    assert flash.boot(new_image_comes_up=True)
    assert (flash.running.name, flash.version, flash.running.state) == (
        "B",
        "1.2.0",
        SlotState.GOOD,
    )


@pytest.mark.parametrize(
    ("failures", "state", "next_boot_comes_up"),
    [
        (BOOT_ATTEMPTS - 1, SlotState.UNTRIED, False),
        (BOOT_ATTEMPTS, SlotState.REFUSED, True),
        (BOOT_ATTEMPTS + 1, SlotState.REFUSED, True),
    ],
)
def test_the_bootloader_falls_back_when_the_attempts_are_used_up(
    failures: int, state: SlotState, next_boot_comes_up: bool
) -> None:
    flash = flashed()
    _ = [flash.boot(new_image_comes_up=False) for _ in range(failures)]
    assert flash.spare.state is state
    assert flash.version == "1.0.0"
    assert flash.boot(new_image_comes_up=False) is next_boot_comes_up


def test_an_image_may_come_up_on_its_last_attempt() -> None:
    flash = flashed()
    _ = [flash.boot(new_image_comes_up=False) for _ in range(BOOT_ATTEMPTS - 1)]
    assert flash.boot(new_image_comes_up=True)
    assert flash.version == "1.2.0"


def test_a_power_cut_while_writing_breaks_only_the_spare_slot() -> None:
    flash = factory_flash("1.0.0")
    flash.begin_write()
    flash.lose_power()
    assert flash.boot(new_image_comes_up=True)
    assert (flash.version, flash.spare.state) == ("1.0.0", SlotState.BROKEN)


def test_a_power_cut_after_writing_leaves_the_new_image_to_be_tried() -> None:
    flash = flashed()
    flash.lose_power()
    assert flash.spare.state is SlotState.UNTRIED


def test_a_write_cannot_end_before_it_began() -> None:
    with pytest.raises(ValueError, match="not being written"):
        factory_flash("1.0.0").finish_write(NEW)


def test_a_second_write_before_the_reboot_forgets_the_first() -> None:
    flash = flashed()
    flash.begin_write()
    assert flash.boot(new_image_comes_up=True)
    assert flash.version == "1.0.0"


def test_going_back_needs_an_image_that_once_came_up() -> None:
    flash = flashed()
    assert not flash.swap_back()
    flash.boot(new_image_comes_up=True)
    assert flash.swap_back()
    assert flash.version == "1.0.0"
