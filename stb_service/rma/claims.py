"""Claims from suppliers: what a repair under our warranty may cost the maker, and what came of it.

A third table beside case and order, for it goes on long after both have ended. Claims are sent
one by one or in batches; the supplier's credit is held against what was claimed, line by line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Phase, Step, Waits, table
from stb_service.rma.needs import Need
from stb_service.shared.i18n import Text, text


class ClaimState(StrEnum):
    """Where a claim is."""

    CANDIDATE = "candidate"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SHORT = "short"
    CREDITED = "credited"
    WAIVED = "waived"


_S, _P, _W = ClaimState, Phase, Waits
PLACES = table(
    (
        (_S.CANDIDATE, text("To be claimed"), _P.ASKED, _W.US),
        (_S.SUBMITTED, text("Sent to the supplier"), _P.ARRIVING, _W.SUPPLIER),
        (_S.ACCEPTED, text("Accepted by the supplier"), _P.ARRIVING, _W.SUPPLIER),
        (_S.REFUSED, text("Refused by the supplier"), _P.DECISION, _W.US),
        (_S.SHORT, text("Credited too little"), _P.DECISION, _W.US),
        (_S.CREDITED, text("Credited"), _P.ENDED, _W.NOBODY),
        (_S.WAIVED, text("Given up"), _P.ENDED, _W.NOBODY),
    )
)
EVENTS: dict[str, Text] = {
    "propose": text("Propose a claim"),
    "submit": text("Send the claim"),
    "accept": text("Supplier accepts"),
    "refuse": text("Supplier refuses"),
    "credit": text("Credit matched"),
    "credit_short": text("Credit is short"),
    "take": text("Take what was credited"),
    "claim_again": text("Claim again"),
    "waive": text("Give the claim up"),
    HOLD: text("Hold"),
    RESUME: text("Resume"),
}
_CLAIM, _WHY = "rma.claim", (Need.REASON,)
MOVES = (
    Step(NEW, "propose", _S.CANDIDATE, _CLAIM),
    Step(_S.CANDIDATE, "submit", _S.SUBMITTED, _CLAIM),
    Step(_S.CANDIDATE, "waive", _S.WAIVED, _CLAIM, _WHY),
    Step(_S.SUBMITTED, "accept", _S.ACCEPTED, _CLAIM),
    Step(_S.SUBMITTED, "refuse", _S.REFUSED, _CLAIM, _WHY),
    *(
        step
        for state in (_S.SUBMITTED, _S.ACCEPTED, _S.SHORT, _S.REFUSED)
        for step in (
            Step(state, "credit", _S.CREDITED, _CLAIM),
            Step(state, "credit_short", _S.SHORT, _CLAIM),
        )
    ),
    Step(_S.SHORT, "take", _S.CREDITED, _CLAIM, _WHY),
    *(
        step
        for state in (_S.SHORT, _S.REFUSED)
        for step in (
            Step(state, "claim_again", _S.SUBMITTED, _CLAIM, _WHY),
            Step(state, "waive", _S.WAIVED, _CLAIM, _WHY),
        )
    ),
)
CLAIM = Machine("claim", text("Claim from a supplier"), PLACES, EVENTS, MOVES, _CLAIM)


@dataclass(frozen=True)
class Claimed:
    """What was claimed under one number."""

    number: str
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Credited:
    """One line of a supplier's credit note, with the number that it names."""

    reference: str
    amount_minor: int
    currency: str


class Match(StrEnum):
    """What became of a claim, or of a line that belongs to none."""

    MATCHED = "matched"
    SHORT = "short"
    OVER = "over"
    MISSING = "missing"
    CURRENCY = "currency"
    UNKNOWN = "unknown"


MATCH_NAMES: Mapping[str, Text] = {
    Match.MATCHED: text("Credited in full"),
    Match.SHORT: text("Credited too little"),
    Match.OVER: text("Credited too much"),
    Match.MISSING: text("Not credited"),
    Match.CURRENCY: text("Credited in another currency"),
    Match.UNKNOWN: text("Credited, but not claimed in this batch"),
}
EVENT_OF: Mapping[str, str] = {
    Match.MATCHED: "credit",
    Match.OVER: "credit",
    Match.SHORT: "credit_short",
}
"""What a match says of its claim; the others are for a person to look at."""


@dataclass(frozen=True)
class Reconciled:
    """One number, with what was claimed and what was credited under it."""

    number: str
    match: Match
    claimed_minor: int
    credited_minor: int


def reconcile(claims: Sequence[Claimed], credit: Sequence[Credited]) -> list[Reconciled]:
    """Hold a credit note against the claims of a batch.

    Several lines under one number add up. Numbers are compared as people type them: without
    regard to case and spaces around them. Claims come first, in their order, then what is known
    of no claim.
    """
    lines: dict[str, list[Credited]] = {}
    for line in credit:
        lines.setdefault(_key(line.reference), []).append(line)
    found = [_reconciled(claim, lines.pop(_key(claim.number), [])) for claim in claims]
    strange = [
        Reconciled(own[0].reference.strip(), Match.UNKNOWN, 0, sum(o.amount_minor for o in own))
        for own in lines.values()
    ]
    return found + strange


def _key(number: str) -> str:
    return number.strip().casefold()


def _reconciled(claim: Claimed, lines: Sequence[Credited]) -> Reconciled:
    credited = sum(line.amount_minor for line in lines)
    if not lines:
        match = Match.MISSING
    elif any(line.currency != claim.currency for line in lines):
        match = Match.CURRENCY
    elif credited == claim.amount_minor:
        match = Match.MATCHED
    else:
        match = Match.SHORT if credited < claim.amount_minor else Match.OVER
    return Reconciled(claim.number, match, claim.amount_minor, credited)
