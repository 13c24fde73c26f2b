"""Two slots of flash and the bootloader that chooses between them.

The running slot is never written. A new image goes to the other slot, gets a
number of boot attempts, and becomes the running slot only when it comes up;
when the attempts are used up the bootloader goes back to the slot that ran.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from lab.box.image import Image

BOOT_ATTEMPTS = 3


class SlotState(StrEnum):
    """What can be said of a slot."""

    EMPTY = "empty"
    WRITING = "writing"
    BROKEN = "broken"
    UNTRIED = "untried"
    REFUSED = "refused"
    GOOD = "good"


@dataclass(slots=True)
class Slot:
    """One half of the flash."""

    name: str
    state: SlotState = SlotState.EMPTY
    image: Image | None = None


@dataclass(slots=True)
class Flash:
    """Both slots, which one runs, and how many attempts the other has left."""

    slots: tuple[Slot, Slot]
    running_index: int = 0
    attempts_left: int = 0
    failed_boots: int = field(default=0)

    @property
    def running(self) -> Slot:
        """The slot the box runs from."""
        return self.slots[self.running_index]

    @property
    def spare(self) -> Slot:
        """The slot the box does not run from."""
        return self.slots[1 - self.running_index]

    @property
    def version(self) -> str:
        """What the box runs."""
        return self.running.image.version if self.running.image else ""

    def begin_write(self) -> None:
        """Erase the spare slot: from here until the end a power cut leaves it broken."""
        self.spare.image = None
        self.spare.state = SlotState.WRITING
        self.attempts_left = 0

    def finish_write(self, image: Image) -> None:
        """The spare slot holds the image; the next boot will try it.

        Raises:
            ValueError: nothing was being written.
        """
        if self.spare.state is not SlotState.WRITING:
            raise ValueError(f"slot {self.spare.name} is {self.spare.state}, not being written")
        self.spare.image = image
        self.spare.state = SlotState.UNTRIED
        self.attempts_left = BOOT_ATTEMPTS

    def lose_power(self) -> None:
        """Whatever was being written is broken; a finished image stays."""
        if self.spare.state is SlotState.WRITING:
            self.spare.state = SlotState.BROKEN

    def boot(self, *, new_image_comes_up: bool) -> bool:
        """One attempt of the bootloader; whether the box came up.

        The running slot always comes up. An image in the spare slot that does not
        is tried BOOT_ATTEMPTS times in all, then refused for good.
        """
        if self.attempts_left == 0:
            return True
        if new_image_comes_up:
            self.attempts_left = 0
            self.running_index = 1 - self.running_index
            self.running.state = SlotState.GOOD
            return True
        self.failed_boots += 1
        self.attempts_left -= 1
        if self.attempts_left == 0:
            self.spare.state = SlotState.REFUSED
        return False

    def swap_back(self) -> bool:
        """Choose the other slot, if it holds an image that once came up; whether it did."""
        if self.spare.state is not SlotState.GOOD:
            return False
        self.running_index = 1 - self.running_index
        return True


def factory_flash(version: str) -> Flash:
    """A box as it left the factory: slot A runs, slot B is empty."""
    return Flash((Slot("A", SlotState.GOOD, Image(version)), Slot("B")))
