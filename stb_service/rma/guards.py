"""When a need of a step is met, and the one sentence that says why it is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stb_service.rma.facts import Content, Facts, Remedy
from stb_service.rma.machine import NEW
from stb_service.rma.needs import Need
from stb_service.rma.verdicts import (
    Outcome,
    disputable,
    outcome_of_line,
    without_evidence,
)
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Moment, Text, text


def _no_values(facts: Facts) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Guard:
    """When a need is met, and the sentence for when it is not."""

    is_met: Callable[[Facts], bool]
    sentence: Text
    values: Callable[[Facts], Mapping[str, Any]] = _no_values

    def obstacle(self, need: Need, facts: Facts) -> Obstacle | None:
        """Return why the need is not met; None if it is."""
        if self.is_met(facts):
            return None
        return Obstacle(need.value, Text(self.sentence.msgid, dict(self.values(facts))))


STATED = frozenset(
    {
        *(Need.REASON, Need.SAME_BOX, Need.OTHER_BOX, Need.AHEAD_BACK),
        *(Need.PARCEL, Need.SIGNATURE, Need.STRAY_GONE),
    }
)
"""What is asked with a step: a page greys no button for it, but asks."""


def _numbers(found: Collection[int]) -> str:
    return ", ".join(str(number) for number in found)


def _goes_on(facts: Facts) -> bool:
    going = {Outcome.COVERED, Outcome.DOA, Outcome.AGREED}
    return facts.order.state != NEW and any(outcome_of_line(line) in going for line in facts.lines)


def _is_judged(facts: Facts) -> bool:
    return facts.outcome is not Outcome.UNDECIDED


def _is_due(facts: Facts) -> bool:
    return facts.now is not None and facts.due_at is not None and facts.now >= facts.due_at


def _quote_stands(facts: Facts) -> bool:
    return (
        facts.quote_sent
        and facts.now is not None
        and facts.quote_until is not None
        and facts.now < facts.quote_until
    )


def _is_same(facts: Facts) -> bool:
    return facts.scanned in facts.identifiers


def _disputed_by_others(facts: Facts) -> bool:
    disputed = [line for line in facts.lines if line.disputed]
    return bool(disputed) and all(
        line.second_inspector and line.second_inspector not in line.judges for line in disputed
    )


def _is_free(facts: Facts) -> bool:
    return facts.rented or facts.all_covered


def _is_settled(facts: Facts) -> bool:
    return facts.balance_minor <= 0 or facts.credit_terms


REQUEST: Mapping[Need, Guard] = {
    Need.REASON: Guard(lambda f: bool(f.reason.strip()), text("Say why.")),
    Need.ONLY_CASE: Guard(
        lambda f: f.other_cases == 0, text("The box has another case that is not closed.")
    ),
    Need.NO_ORDER: Guard(
        lambda f: f.order.state == NEW,
        text("The box is in the workshop already, as the operator's own."),
    ),
    Need.REPEATS: Guard(
        lambda f: f.repeats_ended_case,
        text("Only a case that was completed lately is repeated; otherwise open a new one."),
    ),
    Need.FOR_BOX: Guard(
        lambda f: f.remedy != Remedy.ACCESSORY,
        text("Only an accessory is promised: change what is promised before the box is sent in."),
    ),
    Need.FOR_PART: Guard(
        lambda f: f.remedy == Remedy.ACCESSORY,
        text("No accessory is promised: change what is promised first."),
    ),
    Need.CHECKS: Guard(
        lambda f: not f.unrecorded_checks,
        text("Checks that come before a return are not recorded: %(names)s."),
        lambda f: {"names": ", ".join(f.unrecorded_checks)},
    ),
    Need.DEADLINE: Guard(
        _is_due,
        text("The time for it has not passed: %(day)s."),
        lambda f: {"day": Moment(f.due_at) if f.due_at else "-"},
    ),
}
PARCELS: Mapping[Need, Guard] = {
    Need.SAME_BOX: Guard(
        _is_same,
        text("“%(scanned)s” was scanned, but the return is for %(serial)s."),
        lambda f: {"scanned": f.scanned, "serial": f.serial},
    ),
    Need.OTHER_BOX: Guard(
        lambda f: bool(f.scanned) and not _is_same(f),
        text("This is the box that the return is for: receive it."),
    ),
    Need.OTHER_FITS: Guard(
        lambda f: f.other_is_theirs,
        text("The box that came is not the customer's, or has a case of its own."),
    ),
    Need.STRAY_GONE: Guard(
        lambda f: f.stray_gone or bool(f.tracking.strip()),
        text("Send the box that came by mistake back: give the carrier's number of its parcel."),
    ),
    Need.PARCEL: Guard(
        lambda f: bool(f.tracking.strip()), text("Give the carrier's number of the parcel.")
    ),
    Need.SIGNATURE: Guard(
        lambda f: bool(f.signed_by.strip()), text("Say who has taken it over and signed.")
    ),
    Need.LOSS_CONFIRMED: Guard(
        lambda f: f.loss_confirmed, text("The carrier has not confirmed that the parcel is lost.")
    ),
    Need.OWN_PARCEL: Guard(
        lambda f: f.content == Content.OWN,
        text("The parcel did not hold the customer's own box."),
    ),
    Need.SPARE_PARCEL: Guard(
        lambda f: f.content != Content.OWN,
        text("The parcel held the customer's own box: it is kept or disposed of, not shelved."),
    ),
    Need.NOT_ACCESSORY: Guard(
        lambda f: f.content != Content.ACCESSORY,
        text("The parcel held an accessory: send another."),
    ),
    Need.FOR_ACCESSORY: Guard(
        lambda f: f.content == Content.ACCESSORY, text("The parcel held a box, no accessory.")
    ),
    Need.ADDRESS: Guard(
        lambda f: f.address_confirmed,
        text("The address has not been confirmed since the parcel came back."),
    ),
    Need.NOTICE: Guard(lambda f: f.notice_sent, text("The customer was not sent the last notice.")),
}
EXCHANGE: Mapping[Need, Guard] = {
    Need.ACCESSORY: Guard(
        lambda f: f.accessory_reserved, text("No accessory is reserved for the case.")
    ),
    Need.ACCESSORY_FREE: Guard(
        _is_free, text("The fault is in no warranty that is known of: quote the accessory.")
    ),
    Need.ACCESSORY_PAYS: Guard(
        lambda f: f.remedy == Remedy.ACCESSORY and not _is_free(f),
        text("Only an accessory is quoted without its box, and only where no warranty covers it."),
    ),
    Need.NO_BOX: Guard(
        lambda f: f.order.state == NEW, text("The box is here, or expected: it is decided on.")
    ),
    Need.SPARE: Guard(lambda f: bool(f.spare), text("No box is allocated as the replacement.")),
    Need.SPARE_FITS: Guard(
        lambda f: f.spare_fits, text("The replacement cannot do what the customer's box does.")
    ),
    Need.SPARE_NEW: Guard(
        lambda f: f.outcome is not Outcome.DOA or f.spare_condition == "new",
        text("A box that was dead on arrival is replaced by a new one."),
    ),
    Need.SPARE_PROMISED: Guard(
        lambda f: f.promised_condition != "new" or f.spare_condition == "new",
        text("The customer was promised a new box, and this one is refurbished."),
    ),
    Need.ONE_FOR_ONE: Guard(
        lambda f: f.boxes_given < f.boxes_taken,
        text("No more boxes leave as replacements than have come in."),
    ),
    Need.MAY_SEND_AHEAD: Guard(
        lambda f: f.may_send_ahead,
        text("Neither policy nor contract lets a replacement go ahead of the box."),
    ),
    Need.FEE_AGREED: Guard(
        lambda f: f.fee_agreed,
        text("The customer has not agreed to the fee for a box that does not come back."),
    ),
    Need.AHEAD: Guard(lambda f: f.sent_ahead, text("No replacement was sent ahead.")),
    Need.NOT_AHEAD: Guard(
        lambda f: not f.sent_ahead, text("The customer has a replacement, which was sent ahead.")
    ),
    Need.AHEAD_BACK: Guard(
        lambda f: f.ahead_back,
        text("Scan the replacement that was sent ahead: nothing else shows that it is back."),
    ),
    Need.AHEAD_LOST: Guard(
        lambda f: f.ahead_lost,
        text("The carrier has not confirmed that the replacement sent ahead is lost."),
    ),
    Need.FEE_CHARGEABLE: Guard(
        lambda f: f.fee_chargeable or not f.fee_agreed,
        text("The fee cannot be charged: the terms had none, or not in the account's currency."),
    ),
    Need.NO_FEE_DUE: Guard(
        lambda f: not (f.rented and f.fee_agreed and f.fee_chargeable),
        text(
            "The customer agreed to a fee for a box that does not come back: charge it, or cancel"
            " the return."
        ),
    ),
    Need.CHARGED: Guard(
        lambda f: f.fee_charged, text("No fee was charged for a box that did not come back.")
    ),
    Need.NOT_CHARGED: Guard(
        lambda f: not f.fee_charged,
        text("The fee for the box that did not come back was charged, and stands."),
    ),
    Need.RENTED: Guard(lambda f: f.rented, text("The box was sold: it is the customer's.")),
    Need.COVERED_AHEAD: Guard(
        lambda f: f.outcome is not Outcome.BILLABLE,
        text("The fault is not covered: charge the fee that was agreed for the replacement."),
    ),
    Need.NOT_COVERED: Guard(
        lambda f: f.outcome is Outcome.BILLABLE,
        text("Nothing is to be paid by the customer: settle without a fee."),
    ),
    Need.MAY_SWAP: Guard(
        lambda f: f.rented or f.cover_presumed,
        text("The box is in no warranty that is known of: receive it and quote."),
    ),
}
VERDICTS: Mapping[Need, Guard] = {
    Need.WARRANTY: Guard(
        lambda f: f.warranty_decided or f.parted,
        text("The warranty was not decided as of the day on which the fault was reported."),
    ),
    Need.CHECKLIST: Guard(
        lambda f: not f.open_checks,
        text("The checklist is not complete: %(names)s."),
        lambda f: {"names": ", ".join(f.open_checks)},
    ),
    Need.JUDGED: Guard(
        lambda f: bool(f.lines) and all(line.verdict is not None for line in f.lines),
        text("Each fault needs its verdict."),
    ),
    Need.EVIDENCE: Guard(
        lambda f: not without_evidence(f.lines),
        text("A user fault needs a photograph that shows it; there is none for fault %(lines)s."),
        lambda f: {"lines": _numbers(without_evidence(f.lines))},
    ),
    Need.MORE_FAULTS: Guard(lambda f: f.new_lines > 0, text("No further fault is written down.")),
    Need.DISPUTABLE: Guard(
        lambda f: bool(disputable(f.lines)),
        text("There is no user fault that a second inspector has not judged."),
    ),
    Need.SECOND_INSPECTOR: Guard(
        _disputed_by_others,
        text("What is contested is judged by somebody else than whoever judged it before."),
    ),
    Need.CHOICE: Guard(
        lambda f: f.choice_recorded or not f.choice_needed,
        text("It is not recorded that the customer was informed and chose between the remedies."),
    ),
    Need.MAY_REPAIR: Guard(
        lambda f: (
            not f.beyond_repair
            and (f.outcome in {Outcome.COVERED, Outcome.AGREED} or (f.rented and _is_judged(f)))
        ),
        text("A repair is approved for a fault that is covered or agreed, in a box worth it."),
    ),
    Need.MAY_REPLACE: Guard(
        lambda f: f.outcome in {Outcome.COVERED, Outcome.DOA} or (f.rented and _is_judged(f)),
        text("A replacement is approved for a fault that is covered, or for a rented box."),
    ),
    Need.MAY_REFUND: Guard(
        lambda f: not f.rented and f.outcome in {Outcome.COVERED, Outcome.DOA, Outcome.AGREED},
        text("A refund is approved for a box that was sold and whose fault is covered."),
    ),
    Need.IS_NFF: Guard(
        lambda f: f.outcome in {Outcome.NFF, Outcome.NOTHING_LEFT},
        text("A fault was found."),
    ),
    Need.IS_BILLABLE: Guard(
        lambda f: f.outcome is Outcome.BILLABLE and not f.rented,
        text("Nothing is to be paid by the customer of a box that was sold."),
    ),
    Need.NOT_BILLABLE: Guard(
        lambda f: _is_judged(f) and (f.outcome is not Outcome.BILLABLE or f.quote_gone),
        text("A fault is still to be paid by the customer: the quote stands as it is."),
    ),
    Need.OPERATORS_BOX: Guard(
        lambda f: f.rented and _is_judged(f), text("The box was sold: it is the customer's.")
    ),
    Need.OWN_STOCK: Guard(
        lambda f: f.remedy == Remedy.TO_STOCK and not f.has_account and _is_judged(f),
        text("Only a box that no account has is repaired to stock, if that is what was promised."),
    ),
    Need.PAYER: Guard(lambda f: f.has_account, text("No account would pay.")),
    Need.BOX_HERE: Guard(
        lambda f: not f.parted and f.order.state != NEW,
        text("The box is not, or no longer, here to be given back."),
    ),
    Need.BEYOND_REPAIR: Guard(
        lambda f: (f.beyond_repair or f.parted) and f.order.state != NEW,
        text("The box was not found beyond repair."),
    ),
    Need.PAID_WORK: Guard(
        lambda f: any(line.agreed for line in f.lines), text("The customer pays for no repair.")
    ),
    Need.FREE_WORK: Guard(
        lambda f: not any(line.agreed for line in f.lines),
        text("The customer pays for the repair, and chooses."),
    ),
}


MONEY: Mapping[Need, Guard] = {
    Need.QUOTE_READY: Guard(
        lambda f: f.quote_lines > 0 and f.quote_until is not None and not f.quote_leaves_out,
        text("The quote needs lines, the day until which it holds, and a price for each fault."),
    ),
    Need.OFFERS_SHOWN: Guard(
        lambda f: (
            f.quoted_remedy != Remedy.REPAIR
            or f.side_by_side
            or (f.nothing_else_offered and not f.others_offered)
        ),
        text(
            "The customer is shown another box beside the repair: compare both first, or state"
            " that no other is offered, where the terms of the model offer none."
        ),
    ),
    Need.OTHER_CHOSEN: Guard(
        lambda f: f.other_chosen,
        text("It is not recorded that the customer chose another box."),
    ),
    Need.QUOTE_STANDS: Guard(_quote_stands, text("The quote no longer holds: send a new one.")),
    Need.QUOTE_ACCEPTED: Guard(
        lambda f: f.quote_accepted, text("No quote that the customer accepted stands.")
    ),
    Need.QUOTE_GONE: Guard(
        lambda f: f.quote_gone, text("The quote was not taken back: it stands as it is.")
    ),
    Need.QUOTE_LAPSED: Guard(lambda f: not _quote_stands(f), text("The quote still holds.")),
    Need.NOTHING_COVERED: Guard(
        lambda f: not _goes_on(f),
        text("Another fault is covered or agreed: that one is repaired all the same."),
    ),
    Need.SOMETHING_COVERED: Guard(
        _goes_on, text("No other fault of the box is covered or agreed.")
    ),
    Need.FOR_REPAIR: Guard(
        lambda f: f.quoted_remedy == Remedy.REPAIR, text("The quote was for a replacement.")
    ),
    Need.FOR_REPLACEMENT: Guard(
        lambda f: f.quoted_remedy == Remedy.REPLACE, text("The quote was for a repair.")
    ),
    Need.PAID: Guard(
        lambda f: f.to_pay_minor <= 0 or f.credit_terms,
        text("The quote is not paid, and the account has no credit terms."),
    ),
    Need.NOTHING_PAID: Guard(
        lambda f: f.quote_paid_minor <= 0,
        text("Money was paid for the quote: wait for the rest, or have it given back."),
    ),
    Need.PART_PAID: Guard(
        lambda f: f.quote_paid_minor > 0, text("Nothing was paid for the quote: it lapses.")
    ),
    Need.BALANCE: Guard(
        _is_settled, text("A balance is open, and the account has no credit terms.")
    ),
    Need.NOT_OVERPAID: Guard(
        lambda f: f.balance_minor >= 0,
        text("The customer has paid for what was not done: pay it back first."),
    ),
    Need.DAMAGE_MONEY: Guard(
        lambda f: not f.damage_elsewhere,
        text(
            "The fee for damage is in another currency than the account: charge it there by hand or"
            " waive it, and state that."
        ),
    ),
    Need.HANDLING_MONEY: Guard(
        lambda f: not f.handling_elsewhere,
        text(
            "The fee for handling is in another currency than the account: charge it there by hand"
            " or waive it, and state that."
        ),
    ),
    Need.REFUND: Guard(
        lambda f: f.refund_minor is not None and 0 < f.refund_minor <= f.price_minor,
        text("State what is paid back: above zero, and no more than was paid for the box."),
    ),
    Need.PAYEE: Guard(
        lambda f: f.has_account and not f.rented,
        text("A refund goes to the account that bought the box: there is none, or it was rented."),
    ),
    Need.CONSENT: Guard(
        lambda f: f.disposal_consent,
        text("The customer's consent to disposal, as things stand now, is not recorded."),
    ),
}
WORKSHOP: Mapping[Need, Guard] = {
    Need.NO_CASE: Guard(
        lambda f: f.case.state == NEW, text("The box has a case: it is received there.")
    ),
    Need.CUSTOMERS_BOX: Guard(
        lambda f: not f.parted, text("The box is the operator's: write the fault down and go on.")
    ),
    Need.PARTED: Guard(
        lambda f: f.parted, text("The box is the customer's until the case has decided on it.")
    ),
    Need.PARTS: Guard(
        lambda f: not f.missing_parts,
        text("Parts are missing: %(parts)s."),
        lambda f: {"parts": ", ".join(f.missing_parts)},
    ),
    Need.PARTS_SETTLED: Guard(
        lambda f: f.parts_unsettled == 0,
        text("Reserved parts are neither used nor given back."),
    ),
    Need.COMPARED: Guard(
        lambda f: f.compared, text("Repair and replacement were not compared for this box.")
    ),
    Need.TESTED: Guard(lambda f: f.test_passed, text("No test that the box passed is recorded.")),
    Need.NOT_FAILED: Guard(
        lambda f: not f.test_failed,
        text("The box failed its last test: let it pass one, or go on with the repair."),
    ),
    Need.FIRMWARE: Guard(
        lambda f: f.firmware_recorded,
        text("The firmware before and after the repair is not recorded."),
    ),
    Need.WORK: Guard(
        lambda f: f.work_recorded,
        text(
            "Nothing says what was done: a part, time, a component, new firmware, or a note of the test."
        ),
    ),
    Need.COMPONENTS: Guard(
        lambda f: f.components_recorded,
        text("The serial of a component that was exchanged is not recorded."),
    ),
    Need.WIPED: Guard(
        lambda f: f.wiping_proven,
        text("It is not proven that the data were wiped since the box was tested or came back."),
    ),
    Need.GRADED: Guard(lambda f: bool(f.grade), text("The condition of the box is not graded.")),
    Need.NO_DISPOSAL: Guard(
        lambda f: f.case.state != "disposing",
        text("The customer consented to disposal, and to no other use of the box."),
    ),
}
END: Mapping[Need, Guard] = {
    Need.DISPOSED: Guard(
        lambda f: f.order.state in {"scrapped", "with_supplier"},
        text("The workshop has not scrapped the box."),
    ),
    Need.PROVISIONED: Guard(
        lambda f: f.boxes_given == 0 or f.provisioned,
        text("The provisioning of the new box is not acknowledged."),
    ),
    Need.PINS: Guard(
        lambda f: f.boxes_given == 0 or f.pins_released,
        text("Ids that are pinned to the old box are not released."),
    ),
}
GUARDS: Mapping[Need, Guard] = {
    **REQUEST,
    **PARCELS,
    **EXCHANGE,
    **VERDICTS,
    **MONEY,
    **WORKSHOP,
    **END,
}


def obstacles_of(needs: Collection[Need], facts: Facts) -> list[Obstacle]:
    """Return what bars a step, in the order of its needs; empty if nothing does."""
    found = (GUARDS[need].obstacle(need, facts) for need in needs)
    return [obstacle for obstacle in found if obstacle is not None]
