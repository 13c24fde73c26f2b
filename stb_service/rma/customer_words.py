"""What this room says to customers: where their case is, and what was agreed."""

from __future__ import annotations

from collections.abc import Mapping

from stb_service.rma.cases import CaseState
from stb_service.rma.facts import Remedy
from stb_service.rma.machine import Phase
from stb_service.shared.speech import CustomerText, customer_text

_S = CaseState
_COMES_BACK = customer_text("The box comes back to you unrepaired.")
_REPAIRED = customer_text("The box is being repaired.")
_REPLACED = customer_text("You receive another box.")
_DONE = customer_text("This return is done.")
STATES: Mapping[str, CustomerText] = {
    _S.REQUESTED: customer_text("We have your request and will answer it."),
    _S.AUTHORISED: customer_text("We wait for your box."),
    _S.INBOUND: customer_text("Your box is on its way to us."),
    _S.AHEAD: customer_text("Another box was sent to you. We wait for the old one."),
    _S.NOT_RETURNED: customer_text("The box that we wait for has not reached us."),
    _S.MISMATCH: customer_text("Another box came than the one that was announced."),
    _S.LOST_IN: customer_text("The parcel was lost on its way to us."),
    _S.RECEIVED: customer_text("Your box has reached us."),
    _S.INSPECTING: customer_text("We are inspecting your box."),
    _S.SECOND: customer_text("Somebody else is inspecting your box again."),
    _S.DECIDING: customer_text("We are deciding what is done next."),
    _S.CHOOSING: customer_text("We wait for your choice."),
    _S.QUOTING: customer_text("We are preparing a quote for you."),
    _S.QUOTED: customer_text("We wait for your answer to our quote."),
    _S.AWAITING_PAYMENT: customer_text("We wait for your payment."),
    _S.REPAIR: _REPAIRED,
    _S.REPLACE: _REPLACED,
    _S.REFUND: customer_text("You get your money back."),
    _S.REPAIRING: _REPAIRED,
    _S.REPLACING: _REPLACED,
    _S.ACCESSORY: customer_text("We are sending you the accessory."),
    _S.REPAIRED: customer_text("Your box is repaired and will be sent to you."),
    _S.NFF: customer_text("We found no fault in your box. It comes back to you."),
    _S.UNREPAIRED: _COMES_BACK,
    _S.DISPOSING: customer_text("The box is disposed of, as you agreed."),
    _S.OUTBOUND: customer_text("A parcel is on its way to you."),
    _S.LOST_OUT: customer_text("The parcel to you was lost. We look after it."),
    _S.UNDELIVERED: customer_text("The parcel to you came back to us."),
    _S.COMPLETED: _DONE,
    _S.CLOSED: _DONE,
    _S.REJECTED: customer_text("The return was declined."),
    _S.EXPIRED: customer_text("The return has ended, as the box did not come in time."),
    _S.CANCELLED: customer_text("The return was cancelled."),
}
PARCEL_STATES: Mapping[Phase, CustomerText] = {
    Phase.ASKED: customer_text("We wait for this parcel."),
    Phase.ARRIVING: customer_text("We wait for this parcel."),
    Phase.ENDED: _DONE,
}
PARCEL_CAME = customer_text("This parcel has reached us.")
"""What is said of a parcel to whoever holds it, and while the return goes on."""
REMEDIES: Mapping[str, CustomerText] = {
    Remedy.REPAIR: customer_text("Repair, then back to you"),
    Remedy.REPLACE: customer_text("Another box"),
    Remedy.REFUND: customer_text("Your money back"),
    Remedy.SWAP_COUNTER: customer_text("Exchange at the counter"),
    Remedy.SWAP_DOOR: customer_text("Exchange at your door"),
    Remedy.ACCESSORY: customer_text("An accessory"),
    Remedy.TO_STOCK: customer_text("The box stays with us"),
    Remedy.UNREPAIRED: customer_text("Back to you as it is"),
}
