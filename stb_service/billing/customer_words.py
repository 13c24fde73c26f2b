"""What this room says to customers behind a signed link."""

from __future__ import annotations

from collections.abc import Mapping

from stb_service.billing.rules import QuoteState
from stb_service.shared.speech import CustomerText, customer_text

STATES: Mapping[str, CustomerText] = {
    QuoteState.DRAFT: customer_text("Being written"),
    QuoteState.SENT: customer_text("Waiting for your answer"),
    QuoteState.ACCEPTED: customer_text("Accepted"),
    QuoteState.DECLINED: customer_text("Declined"),
    QuoteState.EXPIRED: customer_text("Ended"),
    QuoteState.SUPERSEDED: customer_text("Replaced by a newer quote"),
    QuoteState.WITHDRAWN: customer_text("Withdrawn"),
}
OVER = customer_text("The last day of this quote is over. Ask for a new one.")
CHANGED = customer_text("This quote was changed after this link was made. Use the newer link.")
REFUSALS: Mapping[str, CustomerText] = {
    "over": OVER,
    "edition": CHANGED,
    "quote-accepted": customer_text("You have accepted this quote already."),
    "quote-declined": customer_text("You have declined this quote."),
    "quote-expired": OVER,
    "quote-superseded": customer_text(
        "A newer quote has taken the place of this one. Use the newer link."
    ),
    "quote-withdrawn": customer_text("This quote was withdrawn."),
    "not-payable": customer_text("There is nothing to be paid for this quote now."),
}
"""What a customer is told of a refusal, by its code."""
PAID = customer_text("Thank you, your payment was received.")
UNPAID = customer_text("The payment failed. You can try again.")
