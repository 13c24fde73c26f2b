"""What a case promises follows its steps: whoever approves another remedy than was promised changes
the promise, and that is audited.
"""

from __future__ import annotations

from collections.abc import Mapping

from stb_service.rma.acting import Acting
from stb_service.rma.facts import Remedy
from stb_service.rma.owners import record

PROMISES: Mapping[str, Remedy] = {
    "send_ahead": Remedy.REPLACE,
    "swap_at_counter": Remedy.SWAP_COUNTER,
    "swap_at_door": Remedy.SWAP_DOOR,
    "approve_repair": Remedy.REPAIR,
    "release_repair": Remedy.REPAIR,
    "approve_replace": Remedy.REPLACE,
    "release_replacement": Remedy.REPLACE,
    "approve_refund": Remedy.REFUND,
    "recover": Remedy.TO_STOCK,
    "withdraw": Remedy.UNREPAIRED,
    "decline": Remedy.UNREPAIRED,
    "lapse": Remedy.UNREPAIRED,
    "choose_return": Remedy.UNREPAIRED,
}
"""Which remedy a step of a case promises from then on."""


def promise(acting: Acting, event: str) -> None:
    """Let a case promise what a step of it says, openly."""
    case, wanted = acting.the_case, PROMISES.get(event)
    if wanted is None or case.remedy == wanted:
        return
    changes = {"remedy": [case.remedy, wanted]}
    case.remedy = wanted
    record(acting.session, case, "change", changes, actor=acting.actor, now=acting.now)
