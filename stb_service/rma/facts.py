"""What is known of a case and its box when somebody wants to make a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stb_service.rma.machine import Position
from stb_service.rma.verdicts import FaultLine, Outcome, outcome_of
from stb_service.shared.i18n import Text, text


class Remedy(StrEnum):
    """What a case promises."""

    REPAIR = "repair"
    REPLACE = "replace"
    REFUND = "refund"
    SWAP_COUNTER = "swap_counter"
    SWAP_DOOR = "swap_door"
    ACCESSORY = "accessory"
    TO_STOCK = "to_stock"
    UNREPAIRED = "unrepaired"


REMEDY_NAMES: dict[str, Text] = {
    Remedy.REPAIR: text("Repair and return"),
    Remedy.REPLACE: text("Replacement"),
    Remedy.REFUND: text("Refund"),
    Remedy.SWAP_COUNTER: text("Swap at the counter"),
    Remedy.SWAP_DOOR: text("Swap at the door"),
    Remedy.ACCESSORY: text("Accessory only"),
    Remedy.TO_STOCK: text("Repair to stock"),
    Remedy.UNREPAIRED: text("Return unrepaired"),
}


class Content(StrEnum):
    """What a parcel to the customer holds. `STRAY`: what came by mistake, and is nobody's promise."""

    OWN = "own"
    SPARE = "spare"
    ACCESSORY = "accessory"
    STRAY = "stray"


@dataclass(frozen=True)
class Facts:
    """The facts that steps depend on; as they stand, nothing is known or proven.

    The first four are what whoever makes the step states with it, and are not known when a page
    is drawn. `parted`: the box has become the operator's, or is gone, so that the promise and the
    box go on apart. Numbers of money are integer minor units of one currency.
    """

    # stated with the step
    reason: str = ""
    scanned: str = ""
    tracking: str = ""
    signed_by: str = ""
    # where both machines are
    case: Position = field(default_factory=Position)
    order: Position = field(default_factory=Position)
    parted: bool = False
    now: datetime | None = None
    due_at: datetime | None = None
    held_because: str = ""
    # the request
    remedy: str = Remedy.REPAIR
    rented: bool = False
    other_cases: int = 0
    unrecorded_checks: Sequence[str] = ()
    repeats_ended_case: bool = False
    # the box that was authorised, and the one that came
    serial: str = ""
    identifiers: frozenset[str] = frozenset()
    other_is_theirs: bool = False
    stray_gone: bool = False
    # what leaves in exchange
    accessory_reserved: bool = False
    all_covered: bool = False
    spare: str = ""
    spare_fits: bool = False
    spare_condition: str = ""
    promised_condition: str = ""
    may_send_ahead: bool = False
    fee_agreed: bool = False
    fee_chargeable: bool = False
    fee_charged: bool = False
    damage_elsewhere: bool = False
    handling_elsewhere: bool = False
    sent_ahead: bool = False
    ahead_back: bool = False
    ahead_lost: bool = False
    cover_presumed: bool = False
    boxes_taken: int = 0
    boxes_given: int = 0
    # parcels
    content: str = Content.OWN
    loss_confirmed: bool = False
    address_confirmed: bool = False
    notice_sent: bool = False
    # the verdict
    warranty_decided: bool = False
    open_checks: Sequence[str] = ()
    lines: Sequence[FaultLine] = ()
    new_lines: int = 0
    choice_needed: bool = False
    choice_recorded: bool = False
    beyond_repair: bool = False
    side_by_side: bool = False
    others_offered: bool = False
    nothing_else_offered: bool = False
    other_chosen: bool = False
    compared: bool = False
    # quotes and money
    quote_lines: int = 0
    quote_leaves_out: Sequence[int] = ()
    quote_sent: bool = False
    quote_accepted: bool = False
    quote_gone: bool = False
    quote_until: datetime | None = None
    quoted_remedy: str = Remedy.REPAIR
    quote_paid_minor: int = 0
    to_pay_minor: int = 0
    balance_minor: int = 0
    credit_terms: bool = False
    has_account: bool = False
    refund_minor: int | None = None
    price_minor: int = 0
    disposal_consent: bool = False
    # the workshop
    missing_parts: Sequence[str] = ()
    parts_unsettled: int = 0
    test_passed: bool = False
    test_failed: bool = False
    firmware_recorded: bool = False
    work_recorded: bool = False
    components_recorded: bool = False
    wiping_proven: bool = False
    grade: str = ""
    # the end
    provisioned: bool = False
    pins_released: bool = False

    @property
    def outcome(self) -> Outcome:
        """What the verdicts make of the case."""
        return outcome_of(self.lines)
