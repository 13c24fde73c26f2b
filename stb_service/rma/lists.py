"""What is asked, checked and stated in returns: codes that rows hold, each with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stb_service.rma.facts import Remedy
from stb_service.shared.i18n import Text, text


class Channel(StrEnum):
    """How a case came to us."""

    CALL = "call"
    COUNTER = "counter"
    BOX = "box"
    IMPORT = "import"


CHANNEL_NAMES: Mapping[str, Text] = {
    Channel.CALL: text("Call"),
    Channel.COUNTER: text("Counter"),
    Channel.BOX: text("The box itself"),
    Channel.IMPORT: text("Import"),
}


@dataclass(frozen=True)
class Stated:
    """What whoever makes a step says with it.

    `location`: where a box is taken in, put, scrapped or sent, by an authorisation as well (code or
    public id of a place).
    `lines`: the numbers of the faults that are meant, such as those that are contested.
    `provider`: who pays money back; empty means a person.
    """

    reason: str = ""
    scanned: str = ""
    carrier: str = ""
    tracking: str = ""
    signed_by: str = ""
    location: str = ""
    lines: tuple[int, ...] = ()
    provider: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return what was said, as an event keeps it; the reason has a column of its own."""
        said = {
            "scanned": self.scanned,
            "carrier": self.carrier,
            "tracking": self.tracking,
            "signed_by": self.signed_by,
            "location": self.location,
            "lines": list(self.lines),
            "provider": self.provider,
        }
        return {name: value for name, value in said.items() if value}


NOTHING = Stated()

# --- before a return is authorised ---------------------------------------------------------------


class Answer(StrEnum):
    """What came of a check that might have prevented the return."""

    DONE = "done"
    TRIED = "tried"
    NOT_POSSIBLE = "not_possible"
    REFUSED = "refused"


ANSWER_NAMES: Mapping[str, Text] = {
    Answer.DONE: text("Done, the fault stays"),
    Answer.TRIED: text("Tried, without an end"),
    Answer.NOT_POSSIBLE: text("Not possible"),
    Answer.REFUSED: text("Customer would not"),
}
PRECHECKS: Mapping[str, Text] = {
    "restart": text("Unplugged for a minute and started again"),
    "cables": text("Cables and power supply tried at another place"),
    "firmware": text("Firmware is the one that the box should have"),
    "outage": text("No outage where the box stands"),
    "batteries": text("Batteries of the remote control changed"),
}
_BOX = ("restart", "cables", "firmware", "outage")
PRECHECKS_OF: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(Remedy, _BOX),
    Remedy.ACCESSORY: ("cables", "batteries"),
}
"""Which checks come before a return, by what it promises: a box that comes in may be repaired then,
whatever was promised first."""

# --- on the bench --------------------------------------------------------------------------------


class Result(StrEnum):
    """What a point of the checklist came to."""

    PASS = "pass"  # noqa: S105 - a result of a check
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


RESULT_NAMES: Mapping[str, Text] = {
    Result.PASS: text("In order"),
    Result.FAIL: text("Not in order"),
    Result.NOT_APPLICABLE: text("Does not apply"),
}
CHECKLIST: Mapping[str, Text] = {
    "identity": text("Serial and MAC are those of the label"),
    "seals": text("Seals and screws are untouched"),
    "outside": text("Case and connectors are undamaged"),
    "liquid": text("No trace of liquid"),
    "power": text("Starts with its own power supply"),
    "picture": text("Picture and sound"),
    "network": text("Network"),
    "remote": text("Answers to the remote control"),
}
"""The points of an inspection, in the order in which they are gone through."""

# --- what is stated ------------------------------------------------------------------------------

STATEMENTS: Mapping[str, Text] = {
    "fee_agreed": text(
        "Customer agrees to the fee for a box that does not come back, or is not covered"
    ),
    "loss_confirmed": text("Carrier confirms the loss"),
    "ahead_loss_confirmed": text("Carrier confirms the loss of the replacement sent ahead"),
    "address_confirmed": text("Customer confirms the address"),
    "notice_sent": text("Last notice sent to the customer"),
    "disposal_consent": text("Customer consents to disposal"),
    "remedy_chosen": text("Customer was informed and chose the remedy"),
    "nothing_else_offered": text("No other box is offered to the customer, new or refurbished"),
    "fee_settled": text("Fee in another currency charged by hand, or waived"),
    "price_paid": text("Price that was paid for the box"),
    "refunded": text("Amount that is paid back to the customer"),
    "wiped": text("Customer's data wiped, or its storage destroyed"),
}
OF_ORDER = frozenset({"wiped"})
"""What is stated of the workshop order; the rest of the case."""
SINCE_ENTERED = frozenset(
    {
        *("address_confirmed", "notice_sent"),
        *("loss_confirmed", "ahead_loss_confirmed", "disposal_consent", "refunded"),
    }
)
"""What counts only if it was stated since the present state was entered."""
WITH_AMOUNT = frozenset({"price_paid", "refunded"})
"""What is stated with an amount of money: by whoever decides, and with what shows it."""
WITH_NOTE = frozenset({"fee_settled"})
"""What is stated by whoever decides, with what became of it."""
GRADES: Mapping[str, Text] = {
    "A": text("As good as new"),
    "B": text("Signs of use"),
    "C": text("Clear signs of use"),
}
BILLING_CODE_NAMES: Mapping[str, Text] = {
    "warranty": text("Warranty"),
    "goodwill": text("Goodwill"),
    "contract": text("Contract"),
    "billable": text("To be paid"),
    "supplier": text("Supplier"),
    "own": text("Operator's own"),
}


@dataclass(frozen=True)
class FaultSaid:
    """A fault as it is reported."""

    component: str = ""
    symptom: str = ""


# --- what the audit calls it ---------------------------------------------------------------------

DEEDS: Mapping[str, Text] = {
    "change": text("Return corrected"),
    "add-fault": text("Fault written down"),
    "judge-fault": text("Fault judged"),
    "grant-goodwill": text("Goodwill granted"),
    "add-photo": text("Photograph added"),
    "precheck": text("Check before a return recorded"),
    "state": text("Statement recorded"),
    "allocate-spare": text("Replacement kept for a return"),
    "drop-spare": text("Replacement given back to the shelf"),
    "reserve-accessory": text("Accessory kept for a return"),
    "provision": text("Provisioning acknowledged"),
    "release-pins": text("Pinned ids released"),
    "deliver-stray": text("Box that came by mistake delivered back"),
    "check": text("Point of the checklist recorded"),
    "plan-part": text("Part planned"),
    "use-part": text("Part used"),
    "drop-part": text("Planned part dropped"),
    "record-labour": text("Labour recorded"),
    "swap-component": text("Component exchanged"),
    "record-test": text("Test recorded"),
    "attach-lab-run": text("Lab run attached to a test"),
    "record-firmware": text("Firmware of the repair recorded"),
    "grade": text("Box graded"),
    "compare": text("Repair and replacement compared"),
    "choose": text("Customer's choice recorded"),
}
"""What is done to a case or an order beside its steps."""

FIELD_NAMES: Mapping[str, Text] = {
    "case_state": text("State"),
    "order_state": text("State"),
    "held": text("On hold"),
    "scanned": text("Scanned"),
    "tracking": text("Number of the parcel"),
    "fault": text("Fault"),
    "fault_class": text("Cause"),
    "contract": text("Contract"),
    "spare": text("Replacement"),
    "check": text("Check"),
    "answer": text("Answer"),
    "result": text("Result"),
    "statement": text("Statement"),
    "stands": text("Stands"),
    "billing_code": text("Who pays"),
    "minutes": text("Minutes"),
    "passed": text("Passed"),
    "grade": text("Grade"),
    "choice": text("Choice"),
    "advice": text("Advice"),
    "beyond_repair": text("Beyond repair"),
    "remedy": text("Remedy"),
    "complaint": text("Complaint"),
    "firmware_before": text("Firmware before"),
    "firmware_after": text("Firmware after"),
    "new_serial": text("New serial"),
    "lab_run": text("Lab run"),
    "tau_permille": text("Threshold (permille)"),
    "new_minor": text("Price of a new box"),
    "refurbished_minor": text("Price of a refurbished box"),
    "unreturned_minor": text("Fee for a box that does not come back"),
    "damage_minor": text("Fee for a rented box that was damaged"),
    "handling_minor": text("Handling fee where no fault was found"),
    "labour_minor": text("Price of an hour's work"),
    "may_send_ahead": text("Replacement may go ahead"),
    "late_credited": text("Fee credited when the old box comes late"),
    "repaired_life_months": text("Months that a repaired box lasts"),
    "replacement_life_months": text("Months that a replacement lasts"),
    "supported_until_on": text("Supported until"),
    "new_supported_until_on": text("New box supported until"),
    "request_days": text("Days for a request"),
    "authorised_days": text("Days for the box to come"),
    "ahead_days": text("Days for the old box to come back"),
    "choice_days": text("Days for the customer's choice"),
    "payment_days": text("Days for the payment"),
    "storage_days": text("Days of storage"),
    "confirm_days": text("Days until a case is closed"),
    "repeat_days": text("Days in which a return is repeated"),
}
