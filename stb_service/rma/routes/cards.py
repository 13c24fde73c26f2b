"""What the API tells of a case or a workshop order, for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.queries import told_of
from stb_service.devices.routes import who
from stb_service.rma import bench, choosing, queries
from stb_service.rma.before import findings
from stb_service.rma.cases import CASE
from stb_service.rma.events import case_history, order_history
from stb_service.rma.gathering import next_actions
from stb_service.rma.history import Turnaround, time_in_states, turnaround
from stb_service.rma.lists import PRECHECKS, PRECHECKS_OF, Stated
from stb_service.rma.machine import Machine
from stb_service.rma.models import (
    CaseEvent,
    CasePhoto,
    Fault,
    OrderEvent,
    OrderPart,
    Precheck,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.rma.queries import Belongings
from stb_service.rma.refunding import check_payer
from stb_service.rma.rules import MACHINES, Action
from stb_service.rma.told import account_told, accounts_told, name_told
from stb_service.rma.workshop import ORDER
from stb_service.shared import personal
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import check_if_match, etag
from stb_service.shared.http.unit import request_time
from stb_service.subscribers.models import Account

Answer = tuple[Any, int, dict[str, str]]


# --- finding -------------------------------------------------------------------------------------


def case_of(ref: str) -> ReturnCase:
    """Return a case of the caller's scope."""
    return queries.case_by_ref(unit(), ref, current_actor().scope)


def order_of(ref: str) -> WorkshopOrder:
    """Return a workshop order of the caller's scope."""
    return queries.order_by_ref(unit(), ref, current_actor().scope)


def case_for_change(ref: str) -> ReturnCase:
    """Return a case that is to be changed, if the caller has read it as it is."""
    case = case_of(ref)
    check_if_match(case)
    return case


def order_for_change(ref: str) -> WorkshopOrder:
    """Return a workshop order that is to be changed, if the caller has read it as it is."""
    order = order_of(ref)
    check_if_match(order)
    return order


def case_answer(case: ReturnCase, status: int = 200) -> Answer:
    """Return a case as an answer with its ETag."""
    unit().flush()
    return case_card(unit(), case, current_actor()), status, {"ETag": etag(case)}


def order_answer(order: WorkshopOrder, status: int = 200) -> Answer:
    """Return a workshop order as an answer with its ETag."""
    unit().flush()
    return order_card(unit(), order, current_actor()), status, {"ETag": etag(order)}


def stated_in(body: Mapping[str, Any]) -> Stated:
    """Return what was said with a step."""
    said = {name: body[name] for name in Stated.__dataclass_fields__}
    stated = Stated(**{**said, "lines": tuple(said["lines"])})
    return check_payer(stated, services().settings.payment_provider)


# --- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A row with values beside its own."""

    row: object
    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Return what was said, else what the row has."""
        return self.values[name] if name in self.values else getattr(self.row, name)


def case_rows(session: Session, cases: Sequence[ReturnCase], reader: Actor) -> list[Any]:
    """Return cases by the names of `ReturnSchema`, with whose they are as far as the reader is told."""
    told = accounts_told(session, cases, reader)
    return [_case_row(case, told.get(case.account_id or 0), reader) for case in cases]


def _case_row(case: ReturnCase, account: Account | None, reader: Actor) -> Any:
    values = {
        "account": account,
        "handler": told_of(case.handler, reader.scope),
        "waits_for": CASE.places[case.state].waits.value,
        "phase": case.phase.value,
    }
    return _Row(case, values)


def order_row(order: WorkshopOrder) -> Any:
    """Return a workshop order by the names of `WorkshopOrderSchema`."""
    waits = ORDER.places[order.state].waits.value
    return _Row(order, {"waits_for": waits, "phase": order.phase.value})


def _action(action: Action) -> dict[str, Any]:
    return {
        "machine": action.machine,
        "event": action.event,
        "title": str(action.title),
        "asks": [need.value for need in action.asks],
        "is_possible": not action.obstacles,
        "obstacles": [{"code": o.code, "message": str(o)} for o in action.obstacles],
    }


def _actions(
    session: Session, case: ReturnCase | None, order: WorkshopOrder | None, machine: Machine
) -> list[dict[str, Any]]:
    found = next_actions(session, case, order, **who())
    return [_action(action) for action in found if action.machine == machine.name]


def fault_row(fault: Fault, photos: Sequence[CasePhoto]) -> Any:
    """Return a fault by the names of `ReturnFaultSchema`."""
    return _Row(fault, {"photos": sum(photo.fault_id == fault.id for photo in photos)})


def part_row(part: OrderPart) -> Any:
    """Return a planned part by the names of `WorkshopPartSchema`."""
    return _Row(part, {"is_reserved": part.reservation is not None})


def precheck_rows(
    session: Session, case: ReturnCase, recorded: Sequence[Precheck]
) -> list[dict[str, Any]]:
    """Return the checks that come before a return, with the answers to those that were made; of the
    others what the service knows of the box.
    """
    known = {row.code: row for row in recorded}
    codes = list(dict.fromkeys([*PRECHECKS_OF[case.remedy], *known]))
    is_open = any(code not in known for code in codes) and case.is_live
    found = findings(session, case.device, request_time()) if is_open else {}
    return [_precheck(code, known.get(code), str(found.get(code, ""))) for code in codes]


def _precheck(code: str, row: Precheck | None, finding: str) -> dict[str, Any]:
    return {
        "code": code,
        "title": str(PRECHECKS[code]),
        "answer": row.answer if row else None,
        "finding": row.finding if row else finding,
        "note": row.note if row else "",
        "by": row.by if row else "",
        "at": row.at if row else None,
    }


# --- cards ---------------------------------------------------------------------------------------


def case_card(session: Session, case: ReturnCase, reader: Actor) -> Any:
    """Return a case by the names of `ReturnCardSchema`."""
    order = queries.order_of_case(session, case, EVERYTHING)
    found = queries.belongings(session, case, order, EVERYTHING)
    account = account_told(session, case, reader)
    values = {
        "opened_by": name_told(reader, case.opened_by),
        "person": case.person if account else None,
        "site": case.site if account else None,
        "previous": queries.previous_of(session, case, reader.scope),
        "next": queries.next_of(session, case, reader.scope),
        "order": order,
        "actions": _actions(session, case, order, CASE),
        "faults": [fault_row(fault, found.photos) for fault in found.faults],
        "prechecks": precheck_rows(session, case, found.prechecks),
        "quotes": found.quotes if reader.can("billing.view") else [],
        "links": _links("returns", case.public_id, case.device.public_id, order),
        **_shared(found, reader),
        "exchanges": found.exchanges,
        "accessories": found.accessories,
    }
    return _Row(_case_row(case, account, reader), values)


def _shared(found: Belongings, reader: Actor) -> dict[str, Any]:
    return {
        "comparisons": [
            _Row(row, {"offers": choosing.offers_of(row)}) for row in found.comparisons
        ],
        "statements": [_Row(row, {"by": name_told(reader, row.by)}) for row in found.statements],
        "parcels": found.parcels,
        "photos": found.photos,
    }


def _links(
    collection: str, ref: str, device: str, other: ReturnCase | WorkshopOrder | None
) -> dict[str, str]:
    found = {
        "self": f"/api/v1/{collection}/{ref}",
        "history": f"/api/v1/{collection}/{ref}/history",
        "device": f"/api/v1/devices/{device}",
    }
    if isinstance(other, WorkshopOrder):
        found["order"] = f"/api/v1/workshop-orders/{other.public_id}"
    elif other is not None:
        found["case"] = f"/api/v1/returns/{other.public_id}"
    return found


def order_card(session: Session, order: WorkshopOrder, reader: Actor) -> Any:
    """Return a workshop order by the names of `WorkshopOrderCardSchema`."""
    case = queries.case_of_order(session, order, EVERYTHING)
    found = queries.belongings(session, case, order, EVERYTHING)
    values = {
        "actions": _actions(session, case, order, ORDER),
        "faults": [fault_row(fault, found.photos) for fault in found.faults],
        "parts": [part_row(part) for part in found.parts],
        "labour_minor": bench.work_of(session, order),
        "links": _links("workshop-orders", order.public_id, order.device.public_id, case),
        **_shared(found, reader),
        **{name: getattr(found, name) for name in ("checks", "labour", "components", "tests")},
    }
    return _Row(order_row(order), values)


# --- histories and machines ----------------------------------------------------------------------


def history_of_case(session: Session, case: ReturnCase, reader: Actor) -> dict[str, Any]:
    """Return what has happened to a case and its box, in the order in which it did."""
    order = queries.order_of_case(session, case, EVERYTHING)
    rows: list[CaseEvent | OrderEvent] = [*queries.events_of_case(session, case, EVERYTHING)]
    rows += queries.events_of_order(session, order, EVERYTHING) if order else []
    happened, now = case_history(session, case), request_time()
    told = _history(session, rows, time_in_states(CASE, happened, now), case, reader)
    return {**told, "turnaround": _turnaround(turnaround(happened, now))}


def _turnaround(found: Turnaround | None) -> dict[str, int] | None:
    if found is None:
        return None
    spans = {"seconds": found.whole, "customer": found.customer, "on_hold": found.on_hold}
    return {name: int(span.total_seconds()) for name, span in spans.items()}


def history_of_order(session: Session, order: WorkshopOrder, reader: Actor) -> dict[str, Any]:
    """Return what has happened to a box in the workshop."""
    rows = queries.events_of_order(session, order, EVERYTHING)
    past = time_in_states(ORDER, order_history(session, order), request_time())
    case = queries.case_of_order(session, order, EVERYTHING)
    return _history(session, rows, past, case, reader)


def _history(
    session: Session,
    rows: Sequence[CaseEvent | OrderEvent],
    past: Mapping[str, Any],
    case: ReturnCase | None,
    reader: Actor,
) -> dict[str, Any]:
    refs = personal.people_in(row.stated for row in rows)
    sees = case is not None and account_told(session, case, reader) is not None
    keys = personal.keys_of(session, refs) if sees and reader.can("accounts.personal") else {}
    ordered = sorted(rows, key=lambda row: (row.at, isinstance(row, OrderEvent), row.seq))
    return {
        "items": [_event(row, keys, reader) for row in ordered],
        "seconds": {state: int(time.total_seconds()) for state, time in past.items()},
    }


def _event(row: CaseEvent | OrderEvent, keys: personal.Keys, reader: Actor) -> Any:
    machine = CASE if isinstance(row, CaseEvent) else ORDER
    said = personal.opened(row.stated, keys)
    values = {
        "machine": machine.name,
        "number": row.seq,
        "title": str(machine.events[row.event]),
        "by": name_told(reader, row.actor_label, row.actor_ref),
        "said": {n: None if v is personal.UNREADABLE else v for n, v in said.items()},
        "is_carried": row.carried_by is not None,
    }
    return _Row(row, values)


def machine_values(name: str) -> dict[str, Any]:
    """Return a machine by the names of `MachineSchema`."""
    machine = MACHINES[name]
    return {
        "name": machine.name,
        "title": str(machine.title),
        "states": [
            {
                "state": place.state,
                "title": str(place.title),
                "phase": place.phase.value,
                "waits_for": place.waits.value,
                "is_final": place.is_final,
            }
            for place in machine.places.values()
        ],
        "events": [{"event": e, "title": str(title)} for e, title in machine.events.items()],
        "steps": [
            {**asdict(step), "needs": [n.value for n in step.needs]} for step in machine.steps
        ],
    }
