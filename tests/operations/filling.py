"""A service with a row of nearly every kind, made by the verbs that make them in life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import MetaData, Table, func, inspect, select, table, update
from sqlalchemy.orm import Session

from firmware.edge import make_edge
from firmware.verdicts.operations import take_run
from firmware.verdicts.rules import Evidence, read_junit
from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.operations import accept_quote, create_quote, send_quote
from stb_service.billing.payments.operations import refund_payment, take_notice
from stb_service.billing.rules import Line
from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.demo import load_demo
from stb_service.devices.holdings.operations import give_to_account, transfer
from stb_service.devices.models import Device
from stb_service.devices.rules import Tenure
from stb_service.metadata import metadata
from stb_service.parts.catalogue.operations import create_location, create_part, set_stock_rule
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.counts.operations import close_count, count_part, open_count
from stb_service.parts.operations import consume_reservation, receive_stock, reserve_parts
from stb_service.parts.queries import location_by_ref
from stb_service.rma.bench import plan_part, record_check, record_labour, record_test
from stb_service.rma.cases import CASE
from stb_service.rma.claiming.crediting import enter_credit_note
from stb_service.rma.claiming.models import ClaimLine, SupplierClaim
from stb_service.rma.claiming.operations import set_supplier_terms, submit_claims, write_step
from stb_service.rma.claims import Credited
from stb_service.rma.comparing import compare_repair
from stb_service.rma.deciding import judge_fault
from stb_service.rma.exchange import allocate_spare, reserve_accessory
from stb_service.rma.lists import CHECKLIST, PRECHECKS_OF, Stated
from stb_service.rma.models import ComponentSwap, OrderPart, WorkshopOrder
from stb_service.rma.operations import act, open_case
from stb_service.rma.photographs import add_photo
from stb_service.rma.queries import order_of_case
from stb_service.rma.quoting import quote_case
from stb_service.rma.stating import record_precheck, state
from stb_service.rma.terms import ModelTermsFields, set_model_terms, set_return_terms
from stb_service.rma.workshop import ORDER
from stb_service.shared import jobs, leases, outbox
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http.idempotency import IdempotencyKey
from stb_service.shared.settings import Settings
from stb_service.subscribers.operations import add_person, add_site, create_account, erase_person
from stb_service.warranty import decisions
from stb_service.warranty import operations as warranty
from stb_service.warranty.cover import Outcome
from stb_service.warranty.policy import Cause
from tests.conftest import NOW, People
from tests.live import Live

SERIALS = tuple(f"FILLED00000000{number:02d}" for number in range(6))
IMAGE = bytes(range(256)) * 400
JUNIT = b'<testsuite name="rig"><testcase name="zap"/></testsuite>'


def fill(db: Database, settings: Settings, actor: Actor) -> dict[str, str]:
    """Fill a database and the files beside it; return the tokens of six boxes by serial."""
    people = People(db, actor, NOW)
    people.organisation("dealer")
    people.token(people.person("administrator", username="some.admin"))
    with db.write() as session:
        boxes = load_demo(session, actor=actor, now=NOW, seed=7, boxes=40)
        _warranty(session, boxes, actor)
        leases.take(session, name="some", holder="one", span=timedelta(seconds=10), now=NOW)
        outbox.emit(session, topic="some", key="k", payload={"ä": [1, None]}, now=NOW)
        jobs.enqueue(session, kind="k", title="t", arguments={"a": 1}, actor=actor, now=NOW)
        session.add(
            IdempotencyKey(
                actor_ref="a",
                key="k",
                fingerprint="f" * 64,
                status=201,
                headers={"Content-Type": "application/json"},
                body=b"\x00\xff{}",
                created_at=NOW,
            )
        )
    with db.write() as session:
        _account(session, actor)
        _books(session, actor)
    live = Live(settings, {}, db, FileStore(settings.files_dir))
    tokens = {serial: live.box(serial) for serial in SERIALS}
    live.rollout("filled", live.image("2.0.0", IMAGE))
    speak(db, settings, tokens)
    with db.write() as session:
        take_run(
            session,
            sent=read_junit(JUNIT),
            evidence=Evidence.REAL_BOX,
            result=live.files.keep_bytes(JUNIT),
            report=None,
            image=None,
            actor=actor,
            now=NOW,
        )
        fill_stock(session, actor)
    with db.write() as session:
        fill_returns(session, live.files, actor)
    return tokens


def _warranty(session: Session, boxes: Sequence[Device], actor: Actor) -> None:
    """Bring a policy into force, begin its next version, decide on a fault and grant goodwill."""
    who: dict[str, Any] = {"actor": actor, "now": NOW}
    since = date(2018, 1, 1)
    policy = warranty.load_preset(session, preset="eu-consumer", **who)
    warranty.publish(session, policy=policy, in_force_from=since, **who)
    warranty.assign(session, policy=policy, from_on=since, **who)
    warranty.write_draft(session, policy=policy, title="Next", **who)
    sold = next(box for box in boxes if box.sold_on and box.tenure == Tenure.SOLD)
    decision = decisions.decide(
        session,
        uid=sold.public_id,
        reported_on=sold.sold_on or since,
        cause=Cause.LIQUID,
        sources=(),
        **who,
    )
    decisions.override(
        session, decision=decision, outcome=Outcome.GOODWILL, reason="A customer of years", **who
    )


def _account(session: Session, actor: Actor) -> None:
    """Open an account that somebody reaches, that has two boxes, and that another had before."""
    made: dict[str, Any] = {"currency": "EUR", "dealer": "dealer", "actor": actor, "now": NOW}
    first, second = (
        create_account(
            session, kind="person", name=name, phones=["+4930123"], emails=["ä@b.de"], **made
        )
        for name in ("Zoë", "Ida")
    )
    where = {"name": "Home", "street": "1", "timezone": "Asia/Kolkata"}
    site = add_site(session, uid=first.public_id, **where, actor=actor, now=NOW)
    box = session.scalars(select(Device).where(Device.status == "in_stock").limit(1)).one()
    uid = box.public_id
    session.execute(update(Device).where(Device.id == box.id).values(seller_id=first.dealer_id))
    give_to_account(
        session,
        uid=uid,
        account=first.number,
        site=site.public_id,
        tenure="rented",
        actor=actor,
        now=NOW,
    )
    transfer(session, uid=uid, account=second.number, proof="letter", actor=actor, now=NOW)
    add_person(session, uid=first.public_id, name="Uma", actor=actor, now=NOW)
    erase_person(
        session, uid=first.public_id, person=first.people[1].public_id, actor=actor, now=NOW
    )


def _books(session: Session, actor: Actor) -> None:
    """Make a quote that was sent, accepted, paid by a notice and partly given back, and a draft."""
    account = create_account(
        session, kind="business", name="Filled Ltd", currency="EUR", actor=actor, now=NOW
    )
    who: dict[str, Any] = {"actor": actor, "now": NOW}
    lines = [Line("labour", "Repair", 1_000, 1_000, 190_000)]
    first, _ = (
        create_quote(
            session, account=account.public_id, zone="UTC", title=title, lines=lines, **who
        )
        for title in ("Repair", "Repair of another")
    )
    send_quote(session, ref=first.public_id, **who)
    accept_quote(session, ref=first.public_id, **who)
    notice = Notice("e1", NoticeKind.SUCCEEDED, "p1", 1_190, "EUR", first.number)
    payment, _ = take_notice(session, provider="bank", notice=notice, fingerprint="f", now=NOW)
    refund_payment(session, ref=payment.public_id, amount_minor=90, key="k", **who)


def fill_returns(session: Session, files: FileStore, actor: Actor) -> None:
    """Play a repair that was quoted, an accessory, and a box that was exchanged ahead."""
    who: dict[str, Any] = {"actor": actor, "now": NOW}
    line = part_by_ref(session, "BOX")
    boxes = [
        register_device(session, serial=f"RETURNED{number}", model=line.model_code, **who)
        for number in range(4)
    ]
    account = create_account(session, kind="business", name="Returns Ltd", currency="EUR", **who)
    first, second, third, spare = (box.public_id for box in boxes)
    for uid in (first, second, third):
        number = account.number
        give_to_account(session, uid=uid, account=number, tenure="sold", moves=False, **who)
    code = str(line.model_code)
    terms: ModelTermsFields = {
        "new_minor": 9_900,
        "unreturned_minor": 8_000,
        "may_send_ahead": True,
    }
    set_model_terms(session, model=code, **terms, **who)
    set_return_terms(session, storage_days=30, **who)

    repair = open_case(session, device=first, complaint="stays dark", **who)
    ref = repair.number
    for check in PRECHECKS_OF[repair.remedy]:
        record_precheck(session, ref=ref, code=check, answer="done", **who)
    act(session, ref=ref, machine=CASE, event="approve", **who)
    said = Stated(tracking="1Z1", carrier="Post")
    act(session, ref=ref, machine=CASE, event="post", stated=said, **who)
    said = Stated(scanned=boxes[0].serial, location="MAIN")
    act(session, ref=ref, machine=CASE, event="receive", stated=said, **who)
    act(session, ref=ref, machine=ORDER, event="inspect", **who)
    for check in CHECKLIST:
        record_check(session, ref=ref, code=check, result="pass", **who)
    judge_fault(session, ref=ref, number=1, confirmed="yes", fault_class="wear", **who)
    add_photo(session, ref=ref, data=b"\x89PNG\r\n\x1a\n", fault=1, files=files, **who)
    act(session, ref=ref, machine=ORDER, event="judge", **who)
    compare_repair(session, ref=ref, parts_minor=500, labour_minor=2_000, **who)
    act(session, ref=ref, machine=CASE, event="quote", **who)
    lines = [Line("labour", "Repair", 1_000, 1_000, 190_000)]
    quote_case(session, ref=ref, lines=lines, zone="UTC", **who)
    act(session, ref=ref, machine=CASE, event="send_quote", **who)
    plan_part(session, ref=ref, part="PSU-12", **who)
    free: dict[str, Any] = {"billing_code": "own", "reason": "to see what it costs"}
    record_labour(session, ref=ref, what="looked", minutes=10, rate_minor=4_000, **free, **who)
    record_test(session, ref=ref, passed=False, **who)
    order = order_of_case(session, repair, EVERYTHING)
    assert order is not None
    session.add(
        ComponentSwap(order_id=order.id, component="disk", new_serial="D1", by="test", at=NOW)
    )

    fill_claims(session, order, actor)
    accessory = open_case(session, device=second, remedy="accessory", **who).number
    reserve_accessory(
        session, ref=accessory, part="PSU-12", location="MAIN", reason="asked for", **who
    )
    ahead = open_case(session, device=third, **who).number
    allocate_spare(session, ref=ahead, device=spare, **who)
    state(session, ref=ahead, kind="fee_agreed", **who)


def fill_claims(session: Session, order: WorkshopOrder, actor: Actor) -> None:
    """Claim something for an order, send it, and enter the supplier's credit note."""
    who: dict[str, Any] = {"actor": actor, "now": NOW}
    model = str(order.device.model.code) if order.device.model else ""
    terms = set_supplier_terms(session, model=model, supplier="ACME", **who)
    claim = SupplierClaim(
        ordinal=1,
        number="SC-000001",
        order=order,
        device=order.device,
        supplier=terms.supplier,
        currency="EUR",
        amount_minor=500,
        credited_minor=0,
        opened_at=NOW,
        changed_at=NOW,
    )
    write_step(session, claim, "propose", **who)
    planned = session.scalar(select(OrderPart.id).filter_by(order_id=order.id))
    part = {"kind": "part", "what": "PSU-12", "quantity": 1, "amount_minor": 500}
    session.add(ClaimLine(claim_id=claim.id, position=1, order_part_id=planned, **part))
    batch = submit_claims(session, claims=[claim.number], **who)
    enter_credit_note(
        session,
        supplier="ACME",
        number="CN-1",
        issued_on=NOW.date(),
        lines=[Credited(claim.number, 400, "EUR")],
        batch=batch.number,
        **who,
    )


def fill_stock(session: Session, actor: Actor) -> None:
    """Move, reserve and count a part and a box."""
    who: dict[str, Any] = {"actor": actor, "now": NOW}
    box = session.scalars(
        select(Device).where(Device.model_id.is_not(None), Device.status == "in_stock").limit(1)
    ).one()
    fits = {box.model_code: 1}
    create_part(session, sku="PSU-12", name="Supply", currency="EUR", fits=fits, **who)
    create_part(session, sku="BOX", name="Boxes", currency="EUR", model=box.model_code, **who)
    for code, kind in (("MAIN", "warehouse"), ("ACME", "supplier")):
        create_location(session, code=code, name=code, kind=kind, **who)
    ends: dict[str, Any] = {"from_location": "ACME", "to_location": "MAIN"}
    receive_stock(session, part="PSU-12", quantity=9, unit_cost_minor=250, **ends, **who)
    receive_stock(session, device=box.public_id, unit_cost_minor=4_000, **ends, **who)
    reserve_parts(session, key="filled", part="PSU-12", location="MAIN", quantity=3, **who)
    consume_reservation(session, ref="filled", quantity=2, **who)
    set_stock_rule(
        session,
        part=part_by_ref(session, "PSU-12"),
        location=location_by_ref(session, "MAIN", EVERYTHING),
        minimum=5,
        maximum=9,
        **who,
    )
    count = open_count(session, location="MAIN", **who)
    count_part(session, ref=count.public_id, part="PSU-12", counted=6, **who)
    close_count(session, ref=count.public_id, **who)


def speak(db: Database, settings: Settings, tokens: dict[str, str]) -> None:
    """Let every box state a version, poll, and report on what it is offered."""
    edge = make_edge(settings, db)
    browser = edge.test_client()
    orders: dict[str, str] = {}
    for serial, token in tokens.items():
        base = f"/{settings.tenant}/controller/v1/{serial}"
        headers = {"Authorization": f"TargetToken {token}"}
        stated = {"mode": "merge", "data": {"sw_version": "1.0.0", "boot_id": "b1"}}
        assert browser.put(f"{base}/configData", json=stated, headers=headers).status_code == 200
        answer = browser.get(base, headers=headers).get_json()
        href = answer["_links"]["deploymentBase"]["href"]
        orders[serial] = href.partition("/deploymentBase/")[2].partition("?")[0]
    for serial, token in tokens.items():
        said = browser.post(
            f"/{settings.tenant}/controller/v1/{serial}/deploymentBase/{orders[serial]}/feedback",
            json={
                "id": orders[serial],
                "status": {
                    "execution": "closed",
                    "result": {"finished": "failure"},
                    "details": ["ö"],
                },
            },
            headers={"Authorization": f"TargetToken {token}"},
        )
        assert said.status_code == 200
    edge.extensions["edge"].presence.close()


def tables(db: Database) -> list[Table]:
    """Return the tables as they are in the database."""
    found = MetaData()
    found.reflect(db.engine)
    return [one for one in found.tables.values() if one.name != "alembic_version"]


def contents(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, in the order of their keys."""
    with db.read() as session:
        return {
            one.name: [tuple(row) for row in session.execute(select(one).order_by(one.c.id))]
            for one in metadata.sorted_tables
        }


def counts(db: Database) -> dict[str, int]:
    """Return the number of rows of each table there is."""
    names = sorted(set(inspect(db.engine).get_table_names()) - {"alembic_version"})
    with db.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table(name))) or 0
            for name in names
        }
