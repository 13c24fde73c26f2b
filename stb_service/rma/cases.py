"""The case: the promise to a customer, from the first call to the closed case."""

from __future__ import annotations

from enum import StrEnum

from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Phase, Step, Waits, table
from stb_service.rma.needs import Need
from stb_service.shared.i18n import Text, text


class CaseState(StrEnum):
    """Where a case is."""

    REQUESTED = "requested"
    AUTHORISED = "authorised"
    INBOUND = "in_transit_in"
    AHEAD = "replacement_shipped_ahead"
    NOT_RETURNED = "not_returned"
    MISMATCH = "mismatch"
    LOST_IN = "lost_inbound"
    RECEIVED = "received"
    INSPECTING = "inspecting"
    SECOND = "second_inspection"
    DECIDING = "decision_pending"
    CHOOSING = "customer_choosing"
    QUOTING = "quoting"
    QUOTED = "quoted"
    AWAITING_PAYMENT = "awaiting_payment"
    REPAIR = "approved_repair"
    REPLACE = "approved_replace"
    REFUND = "approved_refund"
    REPAIRING = "repairing"
    REPLACING = "replacing"
    ACCESSORY = "accessory_due"
    REPAIRED = "repaired"
    NFF = "nff_return"
    UNREPAIRED = "return_unrepaired"
    DISPOSING = "disposing"
    OUTBOUND = "in_transit_out"
    LOST_OUT = "lost_outbound"
    UNDELIVERED = "undelivered"
    COMPLETED = "completed"
    CLOSED = "closed"
    REJECTED = "closed_rejected"
    EXPIRED = "closed_expired"
    CANCELLED = "cancelled"


_S, _P, _W = CaseState, Phase, Waits
PLACES = table(
    (
        (_S.REQUESTED, text("Requested"), _P.ASKED, _W.US),
        (_S.AUTHORISED, text("Authorised"), _P.ARRIVING, _W.CUSTOMER),
        (_S.INBOUND, text("On its way here"), _P.ARRIVING, _W.CARRIER),
        (_S.AHEAD, text("Replacement sent ahead"), _P.ARRIVING, _W.CUSTOMER),
        (_S.NOT_RETURNED, text("Box not returned"), _P.ARRIVING, _W.CUSTOMER),
        (_S.MISMATCH, text("Another box in the parcel"), _P.ARRIVING, _W.US),
        (_S.LOST_IN, text("Lost on its way here"), _P.ARRIVING, _W.CARRIER),
        (_S.RECEIVED, text("Received"), _P.BENCH, _W.US),
        (_S.INSPECTING, text("Being inspected"), _P.BENCH, _W.US),
        (_S.SECOND, text("Second inspection"), _P.BENCH, _W.US),
        (_S.DECIDING, text("To be decided"), _P.DECISION, _W.US),
        (_S.CHOOSING, text("Customer's choice"), _P.CUSTOMER, _W.CUSTOMER),
        (_S.QUOTING, text("Being quoted"), _P.DECISION, _W.US),
        (_S.QUOTED, text("Quoted"), _P.CUSTOMER, _W.CUSTOMER),
        (_S.AWAITING_PAYMENT, text("Awaiting payment"), _P.CUSTOMER, _W.CUSTOMER),
        (_S.REPAIR, text("Repair approved"), _P.WORK, _W.US),
        (_S.REPLACE, text("Replacement approved"), _P.WORK, _W.US),
        (_S.REFUND, text("Refund approved"), _P.WORK, _W.US),
        (_S.REPAIRING, text("In repair"), _P.WORK, _W.US),
        (_S.REPLACING, text("Being replaced"), _P.LEAVING, _W.US),
        (_S.ACCESSORY, text("Accessory to be sent"), _P.LEAVING, _W.US),
        (_S.REPAIRED, text("Repaired"), _P.LEAVING, _W.US),
        (_S.NFF, text("To be returned, no fault found"), _P.LEAVING, _W.US),
        (_S.UNREPAIRED, text("To be returned unrepaired"), _P.LEAVING, _W.US),
        (_S.DISPOSING, text("To be disposed of"), _P.LEAVING, _W.US),
        (_S.OUTBOUND, text("On its way to the customer"), _P.LEAVING, _W.CARRIER),
        (_S.LOST_OUT, text("Lost on its way back"), _P.LEAVING, _W.CARRIER),
        (_S.UNDELIVERED, text("Came back undelivered"), _P.LEAVING, _W.CUSTOMER),
        (_S.COMPLETED, text("Completed"), _P.ENDED, _W.CUSTOMER),
        (_S.CLOSED, text("Closed"), _P.ENDED, _W.NOBODY),
        (_S.REJECTED, text("Rejected"), _P.ENDED, _W.NOBODY),
        (_S.EXPIRED, text("Expired"), _P.ENDED, _W.NOBODY),
        (_S.CANCELLED, text("Cancelled"), _P.ENDED, _W.NOBODY),
    )
)

EVENTS: dict[str, Text] = {
    "request": text("Request a return"),
    "repeat": text("Open again as a new case"),
    "approve": text("Authorise the return"),
    "approve_accessory": text("Authorise an accessory"),
    "reject": text("Reject"),
    "expire": text("Let it expire"),
    "cancel": text("Cancel"),
    "post": text("Handed to the carrier"),
    "receive": text("Receive"),
    "mismatch": text("Another box came"),
    "accept_other": text("Take the other box instead"),
    "return_other": text("Other box sent back"),
    "return_other_ahead": text("Other box sent back, exchange goes on"),
    "return_other_unreturned": text("Other box sent back, fee stands"),
    "lose": text("Parcel lost"),
    "find": text("Parcel found"),
    "write_off": text("Write off"),
    "send_ahead": text("Send the replacement ahead"),
    "ahead_undelivered": text("Replacement came back"),
    "ahead_lost": text("Replacement lost on its way"),
    "charge_fee": text("Charge the fee"),
    "settle_fee": text("Fee paid"),
    "settle_ahead": text("Settle the exchange"),
    "settle_uncovered": text("Charge the fee and settle the exchange"),
    "swap_at_counter": text("Swap at the counter"),
    "swap_at_door": text("Swap at the door"),
    "inspect": text("Inspection begun"),
    "judge": text("Verdict stated"),
    "judge_again": text("Second verdict stated"),
    "dispute": text("Customer contests the verdict"),
    "approve_repair": text("Approve the repair"),
    "approve_replace": text("Approve a replacement"),
    "approve_refund": text("Approve a refund"),
    "return_nff": text("Return, no fault found"),
    "recover": text("Take the rented box back"),
    "to_stock": text("Repair to stock"),
    "withdraw": text("Customer wants it back"),
    "quote": text("Make a quote"),
    "quote_accessory": text("Quote the accessory"),
    "send_quote": text("Send the quote"),
    "revise": text("Revise the quote"),
    "accept": text("Customer accepts"),
    "decline": text("Customer declines"),
    "decline_accessory": text("Customer declines the accessory"),
    "decline_part": text("Customer declines these faults"),
    "lapse": text("Quote lapsed"),
    "lapse_part": text("Quote lapsed for these faults"),
    "lapse_part_paid": text("Payment stayed incomplete"),
    "reconsider": text("Back to the customer's choice"),
    "choose_replacement": text("Customer wants another box"),
    "choose_return": text("Customer wants it unrepaired"),
    "choose_disposal": text("Customer consents to disposal"),
    "release_repair": text("Release the repair"),
    "release_replacement": text("Release the replacement"),
    "release_accessory": text("Release the accessory"),
    "redecide": text("Decide again"),
    "ask_again": text("Back to the request"),
    "begin": text("Repair begun"),
    "finish": text("Repair finished"),
    "fail": text("Repair taken up again"),
    "find_more": text("Further faults found"),
    "beyond_repair": text("Beyond repair"),
    "beyond_repair_paid": text("Beyond repair, customer pays"),
    "allocate": text("Allocate the replacement"),
    "release_spare": text("Give the replacement back"),
    "refund": text("Pay the money back"),
    "ship": text("Ship"),
    "hand_over": text("Hand over"),
    "deliver": text("Delivered"),
    "refuse": text("Customer refused the parcel"),
    "bounce": text("Parcel undeliverable"),
    "send_again": text("Send another accessory"),
    "abandon": text("Nobody wants it back"),
    "unclaimed": text("Not collected, back to the shelf"),
    "dispose": text("Disposed of"),
    "confirm": text("Customer confirms"),
    "close": text("Close"),
    HOLD: text("Hold"),
    RESUME: text("Resume"),
}

_N = Need
_EDIT, _DECIDE, _RECEIVE, _SHIP = "rma.edit", "rma.decide", "rma.receive", "rma.ship"
_COVERED = (_N.CHOICE, _N.NOT_AHEAD)
_SPARE = (_N.SPARE, _N.SPARE_FITS)
_PROMISED = (*_SPARE, _N.SPARE_NEW, _N.SPARE_PROMISED)
_FEE = (_N.FEE_AGREED, _N.FEE_CHARGEABLE)
_SWAP = (_N.SAME_BOX, _N.MAY_SWAP, *_SPARE, _N.SPARE_NEW, _N.BALANCE, _N.SIGNATURE)
_LOST = (_N.LOSS_CONFIRMED, _N.NOT_ACCESSORY)
_GONE = {
    _S.AHEAD: (_S.AUTHORISED, ()),
    _S.NOT_RETURNED: (_S.AUTHORISED, (_N.AHEAD,)),
    **{state: (state, (_N.AHEAD,)) for state in (_S.LOST_IN, _S.MISMATCH, _S.DECIDING)},
}
"""Where a case goes on once what was sent ahead has not reached the customer, wherever its own box is
by then: another may be sent.
"""
_ENDS = (_N.BALANCE, _N.NOT_OVERPAID, _N.DAMAGE_MONEY, _N.PROVISIONED, _N.PINS)
_UNSENT = (
    (_S.REPAIRED, (_N.BOX_HERE, _N.NOT_FAILED)),
    (_S.NFF, (_N.BOX_HERE,)),
    (_S.UNREPAIRED, (_N.BOX_HERE,)),
)
MOVES = (
    # the request
    Step(NEW, "request", _S.REQUESTED, _EDIT, (_N.ONLY_CASE, _N.NO_ORDER)),
    Step(NEW, "repeat", _S.REQUESTED, _EDIT, (_N.ONLY_CASE, _N.NO_ORDER, _N.REPEATS)),
    Step(
        *(_S.REQUESTED, "approve", _S.AUTHORISED, "rma.authorise", (_N.FOR_BOX, _N.CHECKS)),
        carries=("expect",),
    ),
    Step(
        *(_S.REQUESTED, "approve_accessory", _S.ACCESSORY, "rma.authorise"),
        needs=(_N.FOR_PART, _N.CHECKS, _N.ACCESSORY, _N.ACCESSORY_FREE),
    ),
    Step(
        *(_S.REQUESTED, "quote_accessory", _S.QUOTING, "rma.authorise"),
        needs=(_N.CHECKS, _N.ACCESSORY_PAYS, _N.PAYER),
    ),
    Step(_S.REQUESTED, "reject", _S.REJECTED, "rma.authorise", (_N.REASON,)),
    Step(_S.REQUESTED, "expire", _S.REJECTED, _EDIT, (_N.DEADLINE,)),
    Step(_S.REQUESTED, "cancel", _S.CANCELLED, _EDIT, (_N.REASON,)),
    Step(_S.AUTHORISED, "cancel", _S.CANCELLED, _EDIT, (_N.REASON,), ("cancel",)),
    Step(_S.INBOUND, "cancel", _S.CANCELLED, _EDIT, (_N.REASON,), ("cancel",)),
    Step(_S.AHEAD, "cancel", _S.CANCELLED, _EDIT, (_N.AHEAD_BACK, _N.REASON), ("cancel",)),
    Step(
        *(_S.MISMATCH, "cancel", _S.CANCELLED, _EDIT),
        needs=(_N.STRAY_GONE, _N.NOT_AHEAD, _N.REASON),
        carries=("cancel",),
    ),
    Step(_S.ACCESSORY, "cancel", _S.CANCELLED, _EDIT, (_N.REASON, _N.NOTHING_PAID)),
    Step(
        *(_S.AUTHORISED, "expire", _S.EXPIRED, _EDIT, (_N.DEADLINE, _N.NO_FEE_DUE)),
        carries=("cancel",),
    ),
    # the way here
    Step(_S.AUTHORISED, "post", _S.INBOUND, _EDIT, (_N.PARCEL,)),
    *(
        step
        for state in (_S.AUTHORISED, _S.INBOUND, _S.AHEAD, _S.NOT_RETURNED)
        for step in (
            Step(state, "receive", _S.RECEIVED, _RECEIVE, (_N.SAME_BOX,), ("arrive",)),
            Step(state, "mismatch", _S.MISMATCH, _RECEIVE, (_N.OTHER_BOX,)),
        )
    ),
    Step(
        *(_S.MISMATCH, "accept_other", _S.RECEIVED, "rma.authorise", (_N.OTHER_FITS, _N.REASON)),
        carries=("arrive",),
    ),
    Step(
        *(_S.MISMATCH, "return_other", _S.AUTHORISED, _RECEIVE),
        needs=(_N.STRAY_GONE, _N.NOT_AHEAD, _N.NOT_CHARGED),
    ),
    Step(*(_S.MISMATCH, "return_other_ahead", _S.AHEAD, _RECEIVE), needs=(_N.STRAY_GONE, _N.AHEAD)),
    Step(
        *(_S.MISMATCH, "return_other_unreturned", _S.NOT_RETURNED, _RECEIVE),
        needs=(_N.STRAY_GONE, _N.NOT_AHEAD, _N.CHARGED),
    ),
    Step(_S.INBOUND, "lose", _S.LOST_IN, _RECEIVE, (_N.REASON,)),
    Step(_S.AHEAD, "lose", _S.LOST_IN, _RECEIVE, (_N.REASON,)),
    Step(_S.LOST_IN, "receive", _S.RECEIVED, _RECEIVE, (_N.SAME_BOX,), ("arrive",)),
    Step(
        *(_S.LOST_IN, "approve_replace", _S.REPLACE, _DECIDE, (*_LOST, _N.NOT_AHEAD)),
        carries=("lose",),
    ),
    Step(
        *(_S.LOST_IN, "approve_refund", _S.REFUND, _DECIDE, (*_LOST, _N.PAYEE, _N.NOT_AHEAD)),
        carries=("lose",),
    ),
    Step(
        *(_S.LOST_IN, "settle_ahead", _S.COMPLETED, _DECIDE, (_N.AHEAD, _N.LOSS_CONFIRMED)),
        carries=("lose",),
    ),
    Step(
        *(_S.LOST_IN, "write_off", _S.CLOSED, _DECIDE, (_N.NOT_AHEAD, _N.REASON, _N.NOT_OVERPAID)),
        carries=("lose",),
    ),
    # a replacement ahead, a swap
    Step(
        *(_S.AUTHORISED, "send_ahead", _S.AHEAD, _DECIDE),
        needs=(_N.MAY_SEND_AHEAD, *_FEE, *_SPARE, _N.BALANCE, _N.PARCEL),
    ),
    *(
        step
        for state, (then, needs) in _GONE.items()
        for step in (
            Step(
                *(state, "ahead_undelivered", then, _RECEIVE),
                needs=(*needs, _N.AHEAD_BACK, _N.REASON),
            ),
            Step(state, "ahead_lost", then, _DECIDE, (*needs, _N.AHEAD_LOST, _N.REASON)),
        )
    ),
    Step(_S.AHEAD, "charge_fee", _S.NOT_RETURNED, _DECIDE, (_N.DEADLINE, *_FEE)),
    Step(_S.AUTHORISED, "charge_fee", _S.NOT_RETURNED, _DECIDE, (_N.RENTED, _N.DEADLINE, *_FEE)),
    Step(_S.NOT_RETURNED, "settle_fee", _S.COMPLETED, _DECIDE, (_N.BALANCE,), ("lose",)),
    Step(
        *(_S.NOT_RETURNED, "write_off", _S.CLOSED, _DECIDE, (_N.REASON, _N.NOT_OVERPAID)),
        carries=("lose",),
    ),
    Step(_S.AUTHORISED, "swap_at_counter", _S.COMPLETED, "rma.swap", _SWAP, ("swap_in",)),
    Step(_S.AUTHORISED, "swap_at_door", _S.COMPLETED, "rma.swap", _SWAP, ("swap_in",)),
    # the bench
    Step(_S.RECEIVED, "inspect", _S.INSPECTING),
    Step(_S.INSPECTING, "judge", _S.DECIDING),
    Step(
        _S.DECIDING,
        "dispute",
        _S.SECOND,
        _EDIT,
        (_N.DISPUTABLE, _N.BOX_HERE, _N.REASON),
        ("dispute",),
    ),
    Step(
        _S.QUOTED,
        "dispute",
        _S.SECOND,
        _EDIT,
        (_N.DISPUTABLE, _N.BOX_HERE, _N.REASON),
        ("dispute",),
    ),
    Step(_S.SECOND, "judge_again", _S.DECIDING),
    # the decision
    Step(
        *(_S.DECIDING, "approve_repair", _S.REPAIR, _DECIDE),
        needs=(_N.MAY_REPAIR, _N.BOX_HERE, *_COVERED, _N.PAID, _N.DAMAGE_MONEY),
        carries=("plan",),
    ),
    Step(
        *(
            _S.DECIDING,
            "approve_replace",
            _S.REPLACE,
            _DECIDE,
            (_N.MAY_REPLACE, *_COVERED, _N.DAMAGE_MONEY),
        ),
        carries=("keep",),
    ),
    Step(
        *(_S.DECIDING, "approve_refund", _S.REFUND, _DECIDE),
        needs=(_N.MAY_REFUND, _N.PAYEE, *_COVERED),
        carries=("keep",),
    ),
    Step(
        *(_S.DECIDING, "return_nff", _S.NFF, _DECIDE),
        needs=(_N.IS_NFF, _N.BOX_HERE, _N.NOT_AHEAD, _N.HANDLING_MONEY),
    ),
    Step(_S.DECIDING, "quote", _S.QUOTING, _DECIDE, (_N.IS_BILLABLE, _N.PAYER, _N.NOT_AHEAD)),
    Step(_S.DECIDING, "to_stock", _S.COMPLETED, _DECIDE, (_N.OWN_STOCK,), ("keep",)),
    Step(
        *(
            _S.DECIDING,
            "recover",
            _S.COMPLETED,
            _DECIDE,
            (_N.OPERATORS_BOX, _N.REASON, _N.DAMAGE_MONEY),
        ),
        carries=("keep",),
    ),
    Step(
        *(_S.DECIDING, "settle_ahead", _S.COMPLETED, _DECIDE, (_N.AHEAD, _N.COVERED_AHEAD)),
        carries=("keep",),
    ),
    Step(
        *(_S.DECIDING, "settle_uncovered", _S.COMPLETED, _DECIDE),
        needs=(_N.AHEAD, _N.NOT_COVERED, *_FEE),
        carries=("keep",),
    ),
    Step(_S.RECEIVED, "withdraw", _S.UNREPAIRED, _EDIT, (_N.NOT_AHEAD, _N.REASON)),
    *(
        Step(
            *(state, "withdraw", _S.UNREPAIRED, _EDIT),
            needs=(_N.BOX_HERE, _N.NOT_AHEAD, _N.REASON, _N.DAMAGE_MONEY),
        )
        for state in (_S.DECIDING, _S.QUOTING, _S.AWAITING_PAYMENT)
    ),
    Step(_S.REPAIR, "withdraw", _S.UNREPAIRED, _EDIT, (_N.REASON,), ("call_off",)),
    # quote and payment
    Step(_S.QUOTING, "send_quote", _S.QUOTED, _DECIDE, (_N.QUOTE_READY, _N.OFFERS_SHOWN)),
    Step(_S.QUOTED, "revise", _S.QUOTING, _DECIDE, (_N.REASON,)),
    *(
        Step(state, "redecide", _S.DECIDING, _DECIDE, (_N.REASON, _N.NOT_BILLABLE, _N.BOX_HERE))
        for state in (_S.QUOTING, _S.QUOTED)
    ),
    Step(
        *(_S.AWAITING_PAYMENT, "redecide", _S.DECIDING, _DECIDE),
        needs=(_N.REASON, _N.QUOTE_GONE, _N.BOX_HERE),
    ),
    Step(_S.QUOTED, "accept", _S.AWAITING_PAYMENT, _EDIT, (_N.QUOTE_STANDS,)),
    Step(_S.QUOTED, "decline", _S.UNREPAIRED, _EDIT, (_N.NOTHING_COVERED, _N.BOX_HERE)),
    Step(_S.QUOTED, "decline_part", _S.DECIDING, _EDIT, (_N.SOMETHING_COVERED,)),
    Step(
        *(_S.QUOTED, "lapse", _S.UNREPAIRED, _EDIT),
        needs=(_N.QUOTE_LAPSED, _N.NOTHING_COVERED, _N.BOX_HERE),
    ),
    Step(_S.QUOTED, "lapse_part", _S.DECIDING, _EDIT, (_N.QUOTE_LAPSED, _N.SOMETHING_COVERED)),
    Step(
        *(_S.QUOTED, "choose_disposal", _S.DISPOSING, _EDIT),
        needs=(_N.NOTHING_COVERED, _N.BOX_HERE, _N.CONSENT),
        carries=("keep",),
    ),
    Step(
        *(_S.QUOTED, "choose_replacement", _S.QUOTING, _EDIT),
        needs=(_N.OTHER_CHOSEN, _N.FOR_REPAIR, _N.NOTHING_COVERED),
    ),
    *(
        Step(state, "reconsider", _S.CHOOSING, _EDIT, (_N.BEYOND_REPAIR,))
        for state in (_S.QUOTING, _S.QUOTED, _S.AWAITING_PAYMENT)
    ),
    Step(_S.CHOOSING, "choose_replacement", _S.QUOTING, _EDIT),
    Step(_S.CHOOSING, "choose_return", _S.UNREPAIRED, _EDIT, (_N.BOX_HERE,)),
    Step(_S.CHOOSING, "choose_disposal", _S.DISPOSING, _EDIT, (_N.CONSENT,), ("keep",)),
    Step(_S.CHOOSING, "approve_refund", _S.REFUND, _DECIDE, (_N.PAYEE, _N.REASON), ("keep",)),
    Step(_S.CHOOSING, "lapse", _S.UNREPAIRED, _EDIT, (_N.DEADLINE, _N.BOX_HERE)),
    Step(
        *(
            _S.AWAITING_PAYMENT,
            "release_repair",
            _S.REPAIR,
            _EDIT,
            (_N.QUOTE_ACCEPTED, _N.FOR_REPAIR, _N.BOX_HERE, _N.PAID),
        ),
        carries=("plan",),
    ),
    Step(
        *(_S.AWAITING_PAYMENT, "release_replacement", _S.REPLACE, _EDIT),
        needs=(_N.QUOTE_ACCEPTED, _N.FOR_REPLACEMENT, _N.PAID),
        carries=("keep",),
    ),
    Step(
        *(_S.AWAITING_PAYMENT, "lapse", _S.UNREPAIRED, _EDIT),
        needs=(_N.DEADLINE, _N.NOTHING_PAID, _N.BOX_HERE),
    ),
    Step(
        *(_S.AWAITING_PAYMENT, "lapse_part_paid", _S.UNREPAIRED, _DECIDE),
        needs=(_N.DEADLINE, _N.PART_PAID, _N.BOX_HERE),
    ),
    # the same for an accessory, whose box stays where it is
    *(
        Step(state, "cancel", _S.CANCELLED, _EDIT, (_N.NO_BOX, _N.REASON, _N.NOTHING_PAID))
        for state in (_S.QUOTING, _S.AWAITING_PAYMENT)
    ),
    *(
        Step(state, "ask_again", _S.REQUESTED, _DECIDE, (_N.NO_BOX, _N.ACCESSORY_FREE, _N.REASON))
        for state in (_S.QUOTING, _S.QUOTED, _S.AWAITING_PAYMENT)
    ),
    Step(_S.QUOTED, "decline_accessory", _S.CANCELLED, _EDIT, (_N.NO_BOX,)),
    Step(_S.QUOTED, "expire", _S.EXPIRED, _EDIT, (_N.NO_BOX, _N.QUOTE_LAPSED)),
    Step(
        *(_S.AWAITING_PAYMENT, "expire", _S.EXPIRED, _EDIT),
        needs=(_N.NO_BOX, _N.DEADLINE, _N.NOTHING_PAID),
    ),
    Step(
        *(_S.AWAITING_PAYMENT, "release_accessory", _S.ACCESSORY, _EDIT),
        needs=(_N.QUOTE_ACCEPTED, _N.NO_BOX, _N.ACCESSORY, _N.PAID),
    ),
    # the work
    Step(_S.REPAIR, "begin", _S.REPAIRING, "", (_N.PAID,)),
    Step(_S.REPAIR, "redecide", _S.DECIDING, _DECIDE, (_N.REASON,), ("call_off",)),
    Step(_S.REPAIRING, "finish", _S.REPAIRED),
    Step(_S.REPAIRED, "fail", _S.REPAIRING),
    Step(_S.REPAIRING, "find_more", _S.DECIDING),
    Step(_S.REPAIRING, "beyond_repair", _S.DECIDING, "", (_N.FREE_WORK,)),
    Step(_S.REPAIRING, "beyond_repair_paid", _S.CHOOSING, "", (_N.PAID_WORK,)),
    Step(_S.REPLACE, "allocate", _S.REPLACING, _SHIP, _PROMISED),
    Step(_S.REPLACE, "approve_refund", _S.REFUND, _DECIDE, (_N.PAYEE, _N.REASON)),
    Step(_S.REPLACING, "release_spare", _S.REPLACE, _SHIP, (_N.REASON,)),
    Step(_S.REFUND, "refund", _S.COMPLETED, _DECIDE, (_N.REFUND,)),
    # the way out
    *(
        step
        for state, needs in _UNSENT
        for step in (
            Step(
                *(state, "ship", _S.OUTBOUND, _SHIP, (*needs, _N.BALANCE, _N.PARCEL)),
                carries=("send_back",),
            ),
            Step(
                *(state, "hand_over", _S.COMPLETED, _SHIP, (*needs, _N.BALANCE, _N.SIGNATURE)),
                carries=("give_back",),
            ),
        )
    ),
    *(
        step
        for state, needs in (
            (_S.REPLACING, (*_PROMISED, _N.ONE_FOR_ONE)),
            (_S.ACCESSORY, (_N.ACCESSORY,)),
        )
        for step in (
            Step(state, "ship", _S.OUTBOUND, _SHIP, (*needs, _N.BALANCE, _N.PARCEL)),
            Step(state, "hand_over", _S.COMPLETED, _SHIP, (*needs, _N.BALANCE, _N.SIGNATURE)),
        )
    ),
    Step(_S.OUTBOUND, "deliver", _S.COMPLETED, _SHIP, (), ("deliver",)),
    Step(_S.OUTBOUND, "refuse", _S.UNDELIVERED, _SHIP, (_N.REASON,), ("come_back",)),
    Step(_S.OUTBOUND, "bounce", _S.UNDELIVERED, _SHIP, (_N.REASON,), ("come_back",)),
    Step(_S.OUTBOUND, "lose", _S.LOST_OUT, _SHIP, (_N.REASON,)),
    Step(_S.LOST_OUT, "find", _S.OUTBOUND, _SHIP, (_N.REASON,)),
    Step(_S.LOST_OUT, "approve_replace", _S.REPLACE, _DECIDE, _LOST, ("lose",)),
    Step(_S.LOST_OUT, "approve_refund", _S.REFUND, _DECIDE, (*_LOST, _N.PAYEE), ("lose",)),
    Step(
        *(_S.LOST_OUT, "send_again", _S.ACCESSORY, _DECIDE),
        needs=(_N.LOSS_CONFIRMED, _N.FOR_ACCESSORY),
    ),
    Step(
        *(_S.UNDELIVERED, "ship", _S.OUTBOUND, _SHIP, (_N.ADDRESS, _N.BALANCE, _N.PARCEL)),
        carries=("send_back",),
    ),
    Step(
        *(_S.UNDELIVERED, "hand_over", _S.COMPLETED, _SHIP, (_N.BALANCE, _N.SIGNATURE)),
        carries=("give_back",),
    ),
    Step(
        *(_S.UNDELIVERED, "abandon", _S.DISPOSING, _DECIDE),
        needs=(_N.OWN_PARCEL, _N.DEADLINE, _N.NOTICE),
        carries=("keep",),
    ),
    Step(
        *(_S.UNDELIVERED, "unclaimed", _S.COMPLETED, _DECIDE),
        needs=(_N.SPARE_PARCEL, _N.DEADLINE, _N.NOTICE),
    ),
    Step(_S.DISPOSING, "dispose", _S.COMPLETED, _DECIDE, (_N.DISPOSED,)),
    # the end
    Step(_S.COMPLETED, "confirm", _S.CLOSED, _EDIT, _ENDS),
    Step(_S.COMPLETED, "close", _S.CLOSED, _EDIT, (_N.DEADLINE, *_ENDS)),
)
CASE = Machine("case", text("Case"), PLACES, EVENTS, MOVES, _EDIT)
