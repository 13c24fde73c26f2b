"""The workshop order: what happens to a box, whoever it belongs to by then."""

from __future__ import annotations

from enum import StrEnum

from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Phase, Step, Waits, table
from stb_service.rma.needs import Need
from stb_service.shared.i18n import Text, text


class OrderState(StrEnum):
    """Where a box is in the workshop."""

    EXPECTED = "expected"
    ARRIVED = "arrived"
    INSPECTING = "inspecting"
    INSPECTED = "inspected"
    SECOND = "second_inspection"
    PLANNED = "planned"
    RESERVED = "parts_reserved"
    IN_REPAIR = "in_repair"
    WAITING_PARTS = "waiting_parts"
    WAITING_SUPPLIER = "waiting_supplier"
    TESTING = "testing"
    REPAIRED = "repaired"
    CONDEMNED = "condemned"
    SENT_BACK = "sent_back"
    STORED = "stored"
    KEPT = "kept"
    WIPED = "wiped"
    GIVEN_BACK = "given_back"
    RESTOCKED = "restocked"
    SCRAPPED = "scrapped"
    WITH_SUPPLIER = "with_supplier"
    MISSING = "missing"
    CANCELLED = "cancelled"


_S, _P, _W = OrderState, Phase, Waits
PLACES = table(
    (
        (_S.EXPECTED, text("Expected"), _P.ARRIVING, _W.CUSTOMER),
        (_S.ARRIVED, text("Arrived"), _P.BENCH, _W.US),
        (_S.INSPECTING, text("Being inspected"), _P.BENCH, _W.US),
        (_S.SECOND, text("Second inspection"), _P.BENCH, _W.US),
        (_S.INSPECTED, text("Inspected"), _P.DECISION, _W.US),
        (_S.CONDEMNED, text("Beyond repair"), _P.WORK, _W.US),
        (_S.PLANNED, text("Repair planned"), _P.WORK, _W.US),
        (_S.RESERVED, text("Parts reserved"), _P.WORK, _W.US),
        (_S.IN_REPAIR, text("In repair"), _P.WORK, _W.US),
        (_S.WAITING_PARTS, text("Waiting for parts"), _P.WORK, _W.SUPPLIER),
        (_S.WAITING_SUPPLIER, text("Waiting for the supplier"), _P.WORK, _W.SUPPLIER),
        (_S.TESTING, text("Being tested"), _P.WORK, _W.US),
        (_S.REPAIRED, text("Repaired"), _P.LEAVING, _W.US),
        (_S.SENT_BACK, text("On its way back"), _P.LEAVING, _W.CARRIER),
        (_S.STORED, text("Came back undelivered"), _P.LEAVING, _W.CUSTOMER),
        (_S.KEPT, text("Kept by the operator"), _P.WORK, _W.US),
        (_S.WIPED, text("Wiped"), _P.WORK, _W.US),
        (_S.GIVEN_BACK, text("Given back"), _P.ENDED, _W.NOBODY),
        (_S.RESTOCKED, text("In stock again"), _P.ENDED, _W.NOBODY),
        (_S.SCRAPPED, text("Scrapped"), _P.ENDED, _W.NOBODY),
        (_S.WITH_SUPPLIER, text("Left with the supplier"), _P.ENDED, _W.NOBODY),
        (_S.MISSING, text("Never came back"), _P.ENDED, _W.NOBODY),
        (_S.CANCELLED, text("Not needed"), _P.ENDED, _W.NOBODY),
    )
)

EVENTS: dict[str, Text] = {
    "expect": text("Expect the box"),
    "admit": text("Admit a box from stock"),
    "arrive": text("Box arrived"),
    "swap_in": text("Box taken in exchange"),
    "cancel": text("Box not needed"),
    "lose": text("Box lost"),
    "inspect": text("Begin the inspection"),
    "judge": text("State the verdict"),
    "dispute": text("Have it inspected again"),
    "judge_again": text("State the second verdict"),
    "plan": text("Plan the repair"),
    "plan_refurbishment": text("Plan the refurbishment"),
    "reserve": text("Reserve the parts"),
    "call_off": text("Call the repair off"),
    "begin": text("Begin the repair"),
    "wait_for_parts": text("Wait for parts"),
    "wait_for_supplier": text("Send it to the supplier"),
    "go_on": text("Go on with the repair"),
    "supplier_keeps": text("Supplier keeps the box"),
    "find_more": text("Report further faults"),
    "condemn": text("Find it beyond repair"),
    "test": text("Test"),
    "fail": text("Test failed"),
    "finish": text("Test passed"),
    "send_back": text("Send the box back"),
    "give_back": text("Hand the box back"),
    "deliver": text("Box delivered"),
    "come_back": text("Box came back undelivered"),
    "keep": text("Keep the box"),
    "shelve": text("Put on the shelf"),
    "wipe": text("Record the wiping"),
    "restock": text("Put in stock"),
    "scrap": text("Scrap"),
    "claim": text("Return it to the supplier"),
    HOLD: text("Hold"),
    RESUME: text("Resume"),
}
PARTING = frozenset({"admit", "swap_in", "keep", "lose", "supplier_keeps"})
"""The events from which on the box is the operator's, or gone: the order then goes alone."""

_N = Need
_JUDGING = (_N.CHECKLIST, _N.JUDGED, _N.EVIDENCE)
_WRITE_OFF = ("beyond_repair", "beyond_repair_paid")
MOVES = (
    Step(NEW, "expect", _S.EXPECTED),
    Step(NEW, "admit", _S.ARRIVED, "rma.receive", (_N.NO_CASE,)),
    Step(_S.EXPECTED, "arrive", _S.ARRIVED),
    Step(_S.EXPECTED, "swap_in", _S.ARRIVED),
    Step(_S.EXPECTED, "lose", _S.MISSING),
    Step(_S.EXPECTED, "cancel", _S.CANCELLED),
    # the bench
    Step(_S.ARRIVED, "inspect", _S.INSPECTING, "rma.inspect", (), ("inspect",)),
    Step(
        *(_S.INSPECTING, "judge", _S.INSPECTED, "rma.inspect", (*_JUDGING, _N.WARRANTY)),
        carries=("judge",),
    ),
    Step(_S.INSPECTED, "dispute", _S.SECOND),
    Step(
        *(_S.SECOND, "judge_again", _S.INSPECTED, "rma.inspect"),
        needs=(_N.SECOND_INSPECTOR, _N.JUDGED, _N.EVIDENCE),
        carries=("judge_again",),
    ),
    Step(_S.INSPECTED, "plan", _S.PLANNED),
    # the repair
    Step(_S.PLANNED, "reserve", _S.RESERVED, "rma.repair", (_N.PARTS,)),
    Step(_S.RESERVED, "begin", _S.IN_REPAIR, "rma.repair", (), ("begin",)),
    Step(_S.IN_REPAIR, "wait_for_parts", _S.WAITING_PARTS, "rma.repair", (_N.REASON,)),
    Step(_S.IN_REPAIR, "wait_for_supplier", _S.WAITING_SUPPLIER, "rma.repair", (_N.PARCEL,)),
    Step(_S.WAITING_PARTS, "go_on", _S.IN_REPAIR, "rma.repair", (_N.PARTS,)),
    Step(_S.WAITING_SUPPLIER, "go_on", _S.IN_REPAIR, "rma.repair", (_N.SAME_BOX,)),
    Step(
        *(_S.WAITING_SUPPLIER, "supplier_keeps", _S.WITH_SUPPLIER, "rma.claim"),
        needs=(_N.REASON, _N.DAMAGE_MONEY),
        carries=_WRITE_OFF,
    ),
    Step(
        *(_S.IN_REPAIR, "find_more", _S.INSPECTED, "rma.repair"),
        needs=(_N.CUSTOMERS_BOX, _N.MORE_FAULTS, _N.JUDGED, _N.EVIDENCE),
        carries=("find_more",),
    ),
    Step(
        *(_S.IN_REPAIR, "condemn", _S.CONDEMNED, "rma.repair", (_N.REASON, _N.COMPARED)),
        carries=_WRITE_OFF,
    ),
    Step(
        *(_S.WAITING_PARTS, "condemn", _S.CONDEMNED, "rma.repair", (_N.REASON, _N.COMPARED)),
        carries=_WRITE_OFF,
    ),
    Step(_S.IN_REPAIR, "test", _S.TESTING, "rma.repair"),
    Step(_S.TESTING, "fail", _S.IN_REPAIR, "rma.repair", (_N.REASON,)),
    Step(_S.REPAIRED, "fail", _S.IN_REPAIR, "rma.repair", (_N.REASON,), ("fail",)),
    Step(
        *(_S.TESTING, "finish", _S.REPAIRED, "rma.repair"),
        needs=(_N.TESTED, _N.PARTS_SETTLED, _N.FIRMWARE, _N.COMPONENTS, _N.WORK),
        carries=("finish",),
    ),
    Step(_S.PLANNED, "call_off", _S.INSPECTED),
    Step(_S.RESERVED, "call_off", _S.INSPECTED),
    # back to the customer
    *(
        step
        for state in (_S.ARRIVED, _S.INSPECTED, _S.CONDEMNED, _S.REPAIRED, _S.STORED)
        for step in (
            Step(state, "send_back", _S.SENT_BACK),
            Step(state, "give_back", _S.GIVEN_BACK),
        )
    ),
    Step(_S.SENT_BACK, "deliver", _S.GIVEN_BACK),
    Step(_S.SENT_BACK, "come_back", _S.STORED),
    Step(_S.SENT_BACK, "lose", _S.MISSING),
    # the operator's own
    Step(_S.INSPECTED, "keep", _S.KEPT),
    Step(_S.CONDEMNED, "keep", _S.KEPT),
    Step(_S.STORED, "keep", _S.KEPT),
    *(
        Step(state, "shelve", _S.KEPT, "rma.repair", (_N.PARTED,))
        for state in (_S.INSPECTED, _S.CONDEMNED, _S.PLANNED, _S.RESERVED, _S.REPAIRED)
    ),
    Step(_S.KEPT, "plan_refurbishment", _S.PLANNED, "rma.repair", (_N.NO_DISPOSAL,)),
    Step(_S.KEPT, "wipe", _S.WIPED, "rma.repair", (_N.WIPED,)),
    Step(_S.KEPT, "claim", _S.WITH_SUPPLIER, "rma.claim", (_N.WIPED, _N.PARCEL, _N.DAMAGE_MONEY)),
    Step(_S.KEPT, "scrap", _S.SCRAPPED, "rma.scrap", (_N.WIPED, _N.REASON, _N.DAMAGE_MONEY)),
    Step(_S.WIPED, "scrap", _S.SCRAPPED, "rma.scrap", (_N.WIPED, _N.REASON, _N.DAMAGE_MONEY)),
    Step(
        *(_S.WIPED, "restock", _S.RESTOCKED, "rma.scrap"),
        needs=(_N.WIPED, _N.TESTED, _N.GRADED, _N.NO_DISPOSAL, _N.DAMAGE_MONEY),
    ),
)
ORDER = Machine("order", text("Workshop order"), PLACES, EVENTS, MOVES, "rma.repair")
