"""returns: cases, workshop orders, and all that belongs to them

Revision: 0007_returns
Follows: 0006_quotes_and_payments
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime
from stb_service.shared.schema import seal_moves, unseal_moves

revision = "0007_returns"
down_revision = "0006_quotes_and_payments"
branch_labels = None
depends_on = None

CASE_MOVES = (
    ("new", False, "request", "requested", False),
    ("new", False, "repeat", "requested", False),
    ("requested", False, "approve", "authorised", False),
    ("requested", False, "approve_accessory", "accessory_due", False),
    ("requested", False, "reject", "closed_rejected", False),
    ("requested", False, "expire", "closed_rejected", False),
    ("requested", False, "cancel", "cancelled", False),
    ("requested", False, "hold", "requested", True),
    ("requested", True, "resume", "requested", False),
    ("authorised", False, "expire", "closed_expired", False),
    ("authorised", False, "cancel", "cancelled", False),
    ("authorised", False, "post", "in_transit_in", False),
    ("authorised", False, "receive", "received", False),
    ("authorised", False, "mismatch", "mismatch", False),
    ("authorised", False, "send_ahead", "replacement_shipped_ahead", False),
    ("authorised", False, "charge_fee", "not_returned", False),
    ("authorised", False, "swap_at_counter", "completed", False),
    ("authorised", False, "swap_at_door", "completed", False),
    ("authorised", False, "hold", "authorised", True),
    ("authorised", True, "resume", "authorised", False),
    ("in_transit_in", False, "cancel", "cancelled", False),
    ("in_transit_in", False, "receive", "received", False),
    ("in_transit_in", False, "mismatch", "mismatch", False),
    ("in_transit_in", False, "lose", "lost_inbound", False),
    ("in_transit_in", False, "hold", "in_transit_in", True),
    ("in_transit_in", True, "resume", "in_transit_in", False),
    ("replacement_shipped_ahead", False, "cancel", "cancelled", False),
    ("replacement_shipped_ahead", False, "receive", "received", False),
    ("replacement_shipped_ahead", False, "mismatch", "mismatch", False),
    ("replacement_shipped_ahead", False, "lose", "lost_inbound", False),
    ("replacement_shipped_ahead", False, "ahead_undelivered", "authorised", False),
    ("replacement_shipped_ahead", False, "ahead_lost", "authorised", False),
    ("replacement_shipped_ahead", False, "charge_fee", "not_returned", False),
    ("replacement_shipped_ahead", False, "hold", "replacement_shipped_ahead", True),
    ("replacement_shipped_ahead", True, "resume", "replacement_shipped_ahead", False),
    ("not_returned", False, "receive", "received", False),
    ("not_returned", False, "mismatch", "mismatch", False),
    ("not_returned", False, "write_off", "closed", False),
    ("not_returned", False, "settle_fee", "completed", False),
    ("not_returned", False, "ahead_undelivered", "authorised", False),
    ("not_returned", False, "ahead_lost", "authorised", False),
    ("not_returned", False, "hold", "not_returned", True),
    ("not_returned", True, "resume", "not_returned", False),
    ("mismatch", False, "cancel", "cancelled", False),
    ("mismatch", False, "accept_other", "received", False),
    ("mismatch", False, "return_other", "authorised", False),
    ("mismatch", False, "return_other_ahead", "replacement_shipped_ahead", False),
    ("mismatch", False, "return_other_unreturned", "not_returned", False),
    ("mismatch", False, "ahead_undelivered", "mismatch", False),
    ("mismatch", False, "ahead_lost", "mismatch", False),
    ("mismatch", False, "hold", "mismatch", True),
    ("mismatch", True, "resume", "mismatch", False),
    ("lost_inbound", False, "receive", "received", False),
    ("lost_inbound", False, "write_off", "closed", False),
    ("lost_inbound", False, "settle_ahead", "completed", False),
    ("lost_inbound", False, "approve_replace", "approved_replace", False),
    ("lost_inbound", False, "approve_refund", "approved_refund", False),
    ("lost_inbound", False, "ahead_undelivered", "lost_inbound", False),
    ("lost_inbound", False, "ahead_lost", "lost_inbound", False),
    ("lost_inbound", False, "hold", "lost_inbound", True),
    ("lost_inbound", True, "resume", "lost_inbound", False),
    ("received", False, "inspect", "inspecting", False),
    ("received", False, "withdraw", "return_unrepaired", False),
    ("received", False, "hold", "received", True),
    ("received", True, "resume", "received", False),
    ("inspecting", False, "judge", "decision_pending", False),
    ("inspecting", False, "hold", "inspecting", True),
    ("inspecting", True, "resume", "inspecting", False),
    ("second_inspection", False, "judge_again", "decision_pending", False),
    ("second_inspection", False, "hold", "second_inspection", True),
    ("second_inspection", True, "resume", "second_inspection", False),
    ("decision_pending", False, "settle_ahead", "completed", False),
    ("decision_pending", False, "settle_uncovered", "completed", False),
    ("decision_pending", False, "dispute", "second_inspection", False),
    ("decision_pending", False, "approve_repair", "approved_repair", False),
    ("decision_pending", False, "approve_replace", "approved_replace", False),
    ("decision_pending", False, "approve_refund", "approved_refund", False),
    ("decision_pending", False, "return_nff", "nff_return", False),
    ("decision_pending", False, "recover", "completed", False),
    ("decision_pending", False, "to_stock", "completed", False),
    ("requested", False, "quote_accessory", "quoting", False),
    ("quoting", False, "cancel", "cancelled", False),
    ("quoted", False, "decline_accessory", "cancelled", False),
    ("quoted", False, "expire", "closed_expired", False),
    ("awaiting_payment", False, "cancel", "cancelled", False),
    ("awaiting_payment", False, "expire", "closed_expired", False),
    ("awaiting_payment", False, "release_accessory", "accessory_due", False),
    ("quoting", False, "ask_again", "requested", False),
    ("quoted", False, "ask_again", "requested", False),
    ("awaiting_payment", False, "ask_again", "requested", False),
    ("decision_pending", False, "withdraw", "return_unrepaired", False),
    ("decision_pending", False, "quote", "quoting", False),
    ("decision_pending", False, "ahead_undelivered", "decision_pending", False),
    ("decision_pending", False, "ahead_lost", "decision_pending", False),
    ("decision_pending", False, "hold", "decision_pending", True),
    ("decision_pending", True, "resume", "decision_pending", False),
    ("customer_choosing", False, "approve_refund", "approved_refund", False),
    ("customer_choosing", False, "lapse", "return_unrepaired", False),
    ("customer_choosing", False, "choose_replacement", "quoting", False),
    ("customer_choosing", False, "choose_return", "return_unrepaired", False),
    ("customer_choosing", False, "choose_disposal", "disposing", False),
    ("customer_choosing", False, "hold", "customer_choosing", True),
    ("customer_choosing", True, "resume", "customer_choosing", False),
    ("quoting", False, "withdraw", "return_unrepaired", False),
    ("quoting", False, "send_quote", "quoted", False),
    ("quoting", False, "redecide", "decision_pending", False),
    ("quoting", False, "reconsider", "customer_choosing", False),
    ("quoting", False, "hold", "quoting", True),
    ("quoting", True, "resume", "quoting", False),
    ("quoted", False, "dispute", "second_inspection", False),
    ("quoted", False, "revise", "quoting", False),
    ("quoted", False, "redecide", "decision_pending", False),
    ("quoted", False, "choose_replacement", "quoting", False),
    ("quoted", False, "accept", "awaiting_payment", False),
    ("quoted", False, "decline", "return_unrepaired", False),
    ("quoted", False, "decline_part", "decision_pending", False),
    ("quoted", False, "lapse", "return_unrepaired", False),
    ("quoted", False, "lapse_part", "decision_pending", False),
    ("quoted", False, "reconsider", "customer_choosing", False),
    ("quoted", False, "choose_disposal", "disposing", False),
    ("quoted", False, "hold", "quoted", True),
    ("quoted", True, "resume", "quoted", False),
    ("awaiting_payment", False, "withdraw", "return_unrepaired", False),
    ("awaiting_payment", False, "redecide", "decision_pending", False),
    ("awaiting_payment", False, "lapse", "return_unrepaired", False),
    ("awaiting_payment", False, "lapse_part_paid", "return_unrepaired", False),
    ("awaiting_payment", False, "reconsider", "customer_choosing", False),
    ("awaiting_payment", False, "release_repair", "approved_repair", False),
    ("awaiting_payment", False, "release_replacement", "approved_replace", False),
    ("awaiting_payment", False, "hold", "awaiting_payment", True),
    ("awaiting_payment", True, "resume", "awaiting_payment", False),
    ("approved_repair", False, "withdraw", "return_unrepaired", False),
    ("approved_repair", False, "redecide", "decision_pending", False),
    ("approved_repair", False, "begin", "repairing", False),
    ("approved_repair", False, "hold", "approved_repair", True),
    ("approved_repair", True, "resume", "approved_repair", False),
    ("approved_replace", False, "approve_refund", "approved_refund", False),
    ("approved_replace", False, "allocate", "replacing", False),
    ("approved_replace", False, "hold", "approved_replace", True),
    ("approved_replace", True, "resume", "approved_replace", False),
    ("approved_refund", False, "refund", "completed", False),
    ("approved_refund", False, "hold", "approved_refund", True),
    ("approved_refund", True, "resume", "approved_refund", False),
    ("repairing", False, "finish", "repaired", False),
    ("repairing", False, "find_more", "decision_pending", False),
    ("repairing", False, "beyond_repair", "decision_pending", False),
    ("repairing", False, "beyond_repair_paid", "customer_choosing", False),
    ("repairing", False, "hold", "repairing", True),
    ("repairing", True, "resume", "repairing", False),
    ("replacing", False, "release_spare", "approved_replace", False),
    ("replacing", False, "ship", "in_transit_out", False),
    ("replacing", False, "hand_over", "completed", False),
    ("replacing", False, "hold", "replacing", True),
    ("replacing", True, "resume", "replacing", False),
    ("accessory_due", False, "cancel", "cancelled", False),
    ("accessory_due", False, "ship", "in_transit_out", False),
    ("accessory_due", False, "hand_over", "completed", False),
    ("accessory_due", False, "hold", "accessory_due", True),
    ("accessory_due", True, "resume", "accessory_due", False),
    ("repaired", False, "fail", "repairing", False),
    ("repaired", False, "ship", "in_transit_out", False),
    ("repaired", False, "hand_over", "completed", False),
    ("repaired", False, "hold", "repaired", True),
    ("repaired", True, "resume", "repaired", False),
    ("nff_return", False, "ship", "in_transit_out", False),
    ("nff_return", False, "hand_over", "completed", False),
    ("nff_return", False, "hold", "nff_return", True),
    ("nff_return", True, "resume", "nff_return", False),
    ("return_unrepaired", False, "ship", "in_transit_out", False),
    ("return_unrepaired", False, "hand_over", "completed", False),
    ("return_unrepaired", False, "hold", "return_unrepaired", True),
    ("return_unrepaired", True, "resume", "return_unrepaired", False),
    ("disposing", False, "dispose", "completed", False),
    ("disposing", False, "hold", "disposing", True),
    ("disposing", True, "resume", "disposing", False),
    ("in_transit_out", False, "lose", "lost_outbound", False),
    ("in_transit_out", False, "deliver", "completed", False),
    ("in_transit_out", False, "refuse", "undelivered", False),
    ("in_transit_out", False, "bounce", "undelivered", False),
    ("in_transit_out", False, "hold", "in_transit_out", True),
    ("in_transit_out", True, "resume", "in_transit_out", False),
    ("lost_outbound", False, "find", "in_transit_out", False),
    ("lost_outbound", False, "approve_replace", "approved_replace", False),
    ("lost_outbound", False, "approve_refund", "approved_refund", False),
    ("lost_outbound", False, "send_again", "accessory_due", False),
    ("lost_outbound", False, "hold", "lost_outbound", True),
    ("lost_outbound", True, "resume", "lost_outbound", False),
    ("undelivered", False, "ship", "in_transit_out", False),
    ("undelivered", False, "hand_over", "completed", False),
    ("undelivered", False, "abandon", "disposing", False),
    ("undelivered", False, "unclaimed", "completed", False),
    ("undelivered", False, "hold", "undelivered", True),
    ("undelivered", True, "resume", "undelivered", False),
    ("completed", False, "confirm", "closed", False),
    ("completed", False, "close", "closed", False),
    ("completed", False, "hold", "completed", True),
    ("completed", True, "resume", "completed", False),
)
ORDER_MOVES = (
    ("new", False, "expect", "expected", False),
    ("new", False, "admit", "arrived", False),
    ("expected", False, "arrive", "arrived", False),
    ("expected", False, "swap_in", "arrived", False),
    ("expected", False, "cancel", "cancelled", False),
    ("expected", False, "lose", "missing", False),
    ("expected", False, "hold", "expected", True),
    ("expected", True, "resume", "expected", False),
    ("arrived", False, "inspect", "inspecting", False),
    ("arrived", False, "send_back", "sent_back", False),
    ("arrived", False, "give_back", "given_back", False),
    ("arrived", False, "hold", "arrived", True),
    ("arrived", True, "resume", "arrived", False),
    ("inspecting", False, "judge", "inspected", False),
    ("inspecting", False, "hold", "inspecting", True),
    ("inspecting", True, "resume", "inspecting", False),
    ("second_inspection", False, "judge_again", "inspected", False),
    ("second_inspection", False, "hold", "second_inspection", True),
    ("second_inspection", True, "resume", "second_inspection", False),
    ("inspected", False, "dispute", "second_inspection", False),
    ("inspected", False, "plan", "planned", False),
    ("inspected", False, "send_back", "sent_back", False),
    ("inspected", False, "give_back", "given_back", False),
    ("inspected", False, "keep", "kept", False),
    ("inspected", False, "shelve", "kept", False),
    ("inspected", False, "hold", "inspected", True),
    ("inspected", True, "resume", "inspected", False),
    ("condemned", False, "send_back", "sent_back", False),
    ("condemned", False, "give_back", "given_back", False),
    ("condemned", False, "keep", "kept", False),
    ("condemned", False, "shelve", "kept", False),
    ("condemned", False, "hold", "condemned", True),
    ("condemned", True, "resume", "condemned", False),
    ("planned", False, "reserve", "parts_reserved", False),
    ("planned", False, "call_off", "inspected", False),
    ("planned", False, "shelve", "kept", False),
    ("planned", False, "hold", "planned", True),
    ("planned", True, "resume", "planned", False),
    ("parts_reserved", False, "call_off", "inspected", False),
    ("parts_reserved", False, "begin", "in_repair", False),
    ("parts_reserved", False, "shelve", "kept", False),
    ("parts_reserved", False, "hold", "parts_reserved", True),
    ("parts_reserved", True, "resume", "parts_reserved", False),
    ("in_repair", False, "wait_for_parts", "waiting_parts", False),
    ("in_repair", False, "wait_for_supplier", "waiting_supplier", False),
    ("in_repair", False, "find_more", "inspected", False),
    ("in_repair", False, "condemn", "condemned", False),
    ("in_repair", False, "test", "testing", False),
    ("in_repair", False, "hold", "in_repair", True),
    ("in_repair", True, "resume", "in_repair", False),
    ("waiting_parts", False, "go_on", "in_repair", False),
    ("waiting_parts", False, "condemn", "condemned", False),
    ("waiting_parts", False, "hold", "waiting_parts", True),
    ("waiting_parts", True, "resume", "waiting_parts", False),
    ("waiting_supplier", False, "go_on", "in_repair", False),
    ("waiting_supplier", False, "supplier_keeps", "with_supplier", False),
    ("waiting_supplier", False, "hold", "waiting_supplier", True),
    ("waiting_supplier", True, "resume", "waiting_supplier", False),
    ("testing", False, "fail", "in_repair", False),
    ("testing", False, "finish", "repaired", False),
    ("testing", False, "hold", "testing", True),
    ("testing", True, "resume", "testing", False),
    ("repaired", False, "fail", "in_repair", False),
    ("repaired", False, "send_back", "sent_back", False),
    ("repaired", False, "give_back", "given_back", False),
    ("repaired", False, "shelve", "kept", False),
    ("repaired", False, "hold", "repaired", True),
    ("repaired", True, "resume", "repaired", False),
    ("sent_back", False, "lose", "missing", False),
    ("sent_back", False, "deliver", "given_back", False),
    ("sent_back", False, "come_back", "stored", False),
    ("sent_back", False, "hold", "sent_back", True),
    ("sent_back", True, "resume", "sent_back", False),
    ("stored", False, "send_back", "sent_back", False),
    ("stored", False, "give_back", "given_back", False),
    ("stored", False, "keep", "kept", False),
    ("stored", False, "hold", "stored", True),
    ("stored", True, "resume", "stored", False),
    ("kept", False, "plan_refurbishment", "planned", False),
    ("kept", False, "wipe", "wiped", False),
    ("kept", False, "scrap", "scrapped", False),
    ("kept", False, "claim", "with_supplier", False),
    ("kept", False, "hold", "kept", True),
    ("kept", True, "resume", "kept", False),
    ("wiped", False, "restock", "restocked", False),
    ("wiped", False, "scrap", "scrapped", False),
    ("wiped", False, "hold", "wiped", True),
    ("wiped", True, "resume", "wiped", False),
)

EXCHANGE_MOVES = (
    ("new", "allocated"),
    ("allocated", "released"),
    ("allocated", "given"),
    ("given", "returned"),
    ("given", "lost"),
)
SEALED = ("rma_case_moves", "rma_order_moves")
APPEND_ONLY = (
    *("rma_case_events", "rma_order_events"),
    *("rma_judgements", "rma_exchange_events"),
)
STATEMENT = (
    *("id", "case_id", "order_id", "kind", "stands", "amount_minor", "method", "photo", "lab_run"),
    *("fee_currency", "fee_tax_ppm", "late_credited", "seq", "at", "by"),
)
"""What of a statement never changes; its words may be emptied, when a person is erased."""
MACHINES = (
    ("rma_cases", "rma_case_events", "case_id"),
    ("rma_orders", "rma_order_events", "order_id"),
)
ENDS = {
    "rma_cases": ("closed_at", ("cancelled", "closed", "closed_expired", "closed_rejected")),
    "rma_orders": (
        "ended_at",
        ("cancelled", "given_back", "missing", "restocked", "scrapped", "with_supplier"),
    ),
}
"""The states in which a case or an order has ended, and where the instant of it stands."""
LATER = (
    *(
        (
            f"fk_{table}_last_event",
            *(table, events),
            ["id", "event_seq", "state", "held"],
            [owner, "seq", "to_state", "to_held"],
        )
        for table, events, owner in MACHINES
    ),
    *(
        (
            f"fk_rma_faults_{verdict}",
            *("rma_faults", "rma_judgements"),
            ["id", seq, verdict],
            ["fault_id", "seq", verdict],
        )
        for seq, verdict in (("verdict_seq", "verdict"), ("second_seq", "second_verdict"))
    ),
    (
        "fk_rma_exchanges_last_event",
        *("rma_exchanges", "rma_exchange_events"),
        ["id", "event_seq", "state"],
        ["exchange_id", "seq", "to_state"],
    ),
    (
        "fk_rma_case_events_carried_by",
        *("rma_case_events", "rma_order_events"),
        ["carried_by"],
        ["id"],
    ),
    (
        "fk_rma_order_events_carried_by",
        *("rma_order_events", "rma_case_events"),
        ["carried_by"],
        ["id"],
    ),
)
"""References between tables that refer to each other: PostgreSQL is told once both are there."""

SQLITE_APPEND_ONLY = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END
"""
SQLITE_STATEMENTS = """
CREATE TRIGGER rma_statements_no_update BEFORE UPDATE OF {columns} ON rma_statements
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_statements_emptied BEFORE UPDATE OF note ON rma_statements
WHEN NEW.note <> ''
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_statements_no_delete BEFORE DELETE ON rma_statements
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_statements_no_replace BEFORE INSERT ON rma_statements
WHEN EXISTS (SELECT 1 FROM rma_statements WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END
"""
SQLITE_MACHINE = """
CREATE TRIGGER {table}_not_back BEFORE UPDATE ON {table}
WHEN NEW.event_seq < (SELECT max(seq) FROM {events} WHERE {owner} = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it shows where its last event led to'); END;

CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {events}_shown AFTER INSERT ON {events}
BEGIN
  UPDATE {table} SET state = NEW.to_state, held = NEW.to_held, event_seq = NEW.seq,
    {ended} = CASE WHEN NEW.to_state IN ({finals}) THEN NEW.at END
  WHERE id = NEW.{owner} AND event_seq < NEW.seq;
END
"""
SQLITE_TRACES = """
CREATE TRIGGER rma_faults_no_delete BEFORE DELETE ON rma_faults
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_faults_no_replace BEFORE INSERT ON rma_faults
WHEN EXISTS (SELECT 1 FROM rma_faults WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_faults_not_back BEFORE UPDATE ON rma_faults
WHEN coalesce(NEW.verdict_seq, 0) < (
  SELECT max(seq) FROM rma_judgements WHERE fault_id = NEW.id AND verdict IS NOT NULL
) OR coalesce(NEW.second_seq, 0) < (
  SELECT max(seq) FROM rma_judgements WHERE fault_id = NEW.id AND second_verdict IS NOT NULL
)
BEGIN SELECT RAISE(ABORT, 'it shows the last judgement'); END;

CREATE TRIGGER rma_judgements_shown AFTER INSERT ON rma_judgements
BEGIN
  UPDATE rma_faults SET verdict = NEW.verdict, verdict_seq = NEW.seq
  WHERE NEW.verdict IS NOT NULL AND id = NEW.fault_id AND coalesce(verdict_seq, 0) < NEW.seq;
  UPDATE rma_faults SET second_verdict = NEW.second_verdict, second_seq = NEW.seq
  WHERE NEW.second_verdict IS NOT NULL AND id = NEW.fault_id AND coalesce(second_seq, 0) < NEW.seq;
END;

CREATE TRIGGER rma_exchanges_no_replace BEFORE INSERT ON rma_exchanges
WHEN EXISTS (SELECT 1 FROM rma_exchanges WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER rma_exchanges_not_back BEFORE UPDATE ON rma_exchanges
WHEN NEW.event_seq < (SELECT max(seq) FROM rma_exchange_events WHERE exchange_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it shows where its last event led to'); END;

CREATE TRIGGER rma_exchange_events_shown AFTER INSERT ON rma_exchange_events
BEGIN
  UPDATE rma_exchanges SET state = NEW.to_state, event_seq = NEW.seq
  WHERE id = NEW.exchange_id AND event_seq < NEW.seq;
END
"""
POSTGRESQL = """
CREATE FUNCTION rma_keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'what happened is never changed'; END $$
"""
POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION rma_keep()
"""
POSTGRESQL_STATEMENTS = """
CREATE TRIGGER rma_statements_no_change BEFORE DELETE OR TRUNCATE ON rma_statements
FOR EACH STATEMENT EXECUTE FUNCTION rma_keep();

CREATE TRIGGER rma_statements_no_update BEFORE UPDATE ON rma_statements FOR EACH ROW
WHEN (NEW.note <> '' OR {differs}) EXECUTE FUNCTION rma_keep()
"""
POSTGRESQL_MACHINE = """
CREATE FUNCTION {table}_not_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_seq < (SELECT max(seq) FROM {events} WHERE {owner} = NEW.id) THEN
    RAISE EXCEPTION 'it shows where its last event led to';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION {events}_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE {table} SET state = NEW.to_state, held = NEW.to_held, event_seq = NEW.seq,
    {ended} = CASE WHEN NEW.to_state IN ({finals}) THEN NEW.at END
  WHERE id = NEW.{owner} AND event_seq < NEW.seq;
  RETURN NEW;
END $$;

CREATE TRIGGER {table}_not_back BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_not_back();

CREATE TRIGGER {events}_shown AFTER INSERT ON {events}
FOR EACH ROW EXECUTE FUNCTION {events}_shown()
"""

POSTGRESQL_TRACES = """
CREATE FUNCTION rma_faults_not_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(NEW.verdict_seq, 0) < (
    SELECT max(seq) FROM rma_judgements WHERE fault_id = NEW.id AND verdict IS NOT NULL
  ) OR coalesce(NEW.second_seq, 0) < (
    SELECT max(seq) FROM rma_judgements WHERE fault_id = NEW.id AND second_verdict IS NOT NULL
  ) THEN
    RAISE EXCEPTION 'it shows the last judgement';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION rma_judgements_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rma_faults SET verdict = NEW.verdict, verdict_seq = NEW.seq
  WHERE NEW.verdict IS NOT NULL AND id = NEW.fault_id AND coalesce(verdict_seq, 0) < NEW.seq;
  UPDATE rma_faults SET second_verdict = NEW.second_verdict, second_seq = NEW.seq
  WHERE NEW.second_verdict IS NOT NULL AND id = NEW.fault_id AND coalesce(second_seq, 0) < NEW.seq;
  RETURN NEW;
END $$;

CREATE FUNCTION rma_exchanges_not_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_seq < (SELECT max(seq) FROM rma_exchange_events WHERE exchange_id = NEW.id) THEN
    RAISE EXCEPTION 'it shows where its last event led to';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION rma_exchange_events_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE rma_exchanges SET state = NEW.to_state, event_seq = NEW.seq
  WHERE id = NEW.exchange_id AND event_seq < NEW.seq;
  RETURN NEW;
END $$;

CREATE TRIGGER rma_faults_no_delete BEFORE DELETE OR TRUNCATE ON rma_faults
FOR EACH STATEMENT EXECUTE FUNCTION rma_keep();

CREATE TRIGGER rma_faults_not_back BEFORE UPDATE ON rma_faults
FOR EACH ROW EXECUTE FUNCTION rma_faults_not_back();

CREATE TRIGGER rma_judgements_shown AFTER INSERT ON rma_judgements
FOR EACH ROW EXECUTE FUNCTION rma_judgements_shown();

CREATE TRIGGER rma_exchanges_not_back BEFORE UPDATE ON rma_exchanges
FOR EACH ROW EXECUTE FUNCTION rma_exchanges_not_back();

CREATE TRIGGER rma_exchange_events_shown AFTER INSERT ON rma_exchange_events
FOR EACH ROW EXECUTE FUNCTION rma_exchange_events_shown()
"""
TRACES = ("faults_not_back", "judgements_shown", "exchanges_not_back", "exchange_events_shown")


def guards(*, is_sqlite: bool) -> list[str]:
    """Return the statements that make the triggers, one for each, for one kind of database."""
    append_only = SQLITE_APPEND_ONLY if is_sqlite else POSTGRESQL_APPEND_ONLY
    machine = SQLITE_MACHINE if is_sqlite else POSTGRESQL_MACHINE
    texts = [] if is_sqlite else [POSTGRESQL]
    texts += [append_only.format(table=table) for table in APPEND_ONLY]
    statements = SQLITE_STATEMENTS if is_sqlite else POSTGRESQL_STATEMENTS
    differs = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in STATEMENT)
    columns = ", ".join(f'"{name}"' for name in STATEMENT)
    texts.append(statements.format(columns=columns, differs=differs))
    for table, events, owner in MACHINES:
        ended, states = ENDS[table]
        finals = ", ".join(f"'{state}'" for state in states)
        names = {"table": table, "events": events, "owner": owner}
        texts.append(machine.format(**names, ended=ended, finals=finals))
    texts.append(SQLITE_TRACES if is_sqlite else POSTGRESQL_TRACES)
    return [statement for text in texts for statement in text.split(";\n\n")]


def fill(table: str, moves: tuple[tuple[str, bool, str, str, bool], ...]) -> None:
    """Write the legal moves of a machine."""
    names = ("from_state", "from_held", "event", "to_state", "to_held")
    op.bulk_insert(
        sa.table(table, *(sa.column(name) for name in names)),
        [dict(zip(names, move, strict=True)) for move in moves],
    )


def upgrade() -> None:
    op.create_table(
        "rma_case_moves",
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_case_moves")),
        sa.UniqueConstraint(
            "from_state", "from_held", "event", "to_state", "to_held", name="uq_rma_case_moves_move"
        ),
    )
    op.create_table(
        "rma_order_moves",
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_order_moves")),
        sa.UniqueConstraint(
            "from_state",
            "from_held",
            "event",
            "to_state",
            "to_held",
            name="uq_rma_order_moves_move",
        ),
    )
    op.create_table(
        "rma_terms",
        sa.Column("request_days", sa.Integer(), nullable=False),
        sa.Column("authorised_days", sa.Integer(), nullable=False),
        sa.Column("ahead_days", sa.Integer(), nullable=False),
        sa.Column("choice_days", sa.Integer(), nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=False),
        sa.Column("storage_days", sa.Integer(), nullable=False),
        sa.Column("confirm_days", sa.Integer(), nullable=False),
        sa.Column("repeat_days", sa.Integer(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_rma_terms_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_terms")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_terms_public_id")),
    )
    op.create_table(
        "rma_model_terms",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tau_permille", sa.Integer(), nullable=False),
        sa.Column("new_minor", sa.BigInteger(), nullable=False),
        sa.Column("refurbished_minor", sa.BigInteger(), nullable=False),
        sa.Column("unreturned_minor", sa.BigInteger(), nullable=False),
        sa.Column("damage_minor", sa.BigInteger(), nullable=False),
        sa.Column("handling_minor", sa.BigInteger(), nullable=False),
        sa.Column("labour_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_ppm", sa.Integer(), nullable=False),
        sa.Column("may_send_ahead", sa.Boolean(), nullable=False),
        sa.Column("late_credited", sa.Boolean(), nullable=False),
        sa.Column("repaired_life_months", sa.Integer(), nullable=False),
        sa.Column("replacement_life_months", sa.Integer(), nullable=False),
        sa.Column("supported_until_on", sa.Date(), nullable=True),
        sa.Column("new_supported_until_on", sa.Date(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_model_terms_currency")),
        sa.CheckConstraint(
            "new_minor >= 0 AND refurbished_minor >= 0 AND unreturned_minor >= 0 AND damage_minor >= 0 AND handling_minor >= 0 AND labour_minor >= 0 AND tax_ppm BETWEEN 0 AND 1000000",
            name=op.f("ck_rma_model_terms_amounts"),
        ),
        sa.CheckConstraint(
            "repaired_life_months >= 0 AND replacement_life_months >= 0",
            name=op.f("ck_rma_model_terms_months"),
        ),
        sa.CheckConstraint("tau_permille BETWEEN 0 AND 1000", name=op.f("ck_rma_model_terms_tau")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["device_models.id"], name=op.f("fk_rma_model_terms_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_model_terms")),
        sa.UniqueConstraint("model_id", name=op.f("uq_rma_model_terms_model_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_model_terms_public_id")),
    )
    op.create_table(
        "rma_cases",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=True),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "handler_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("remedy", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("tenure", sa.String(length=16), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("complaint", sa.String(length=2000), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column(
            "previous_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=128), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('call', 'counter', 'box', 'import')", name=op.f("ck_rma_cases_channel")
        ),
        sa.CheckConstraint(
            "remedy IN ('repair', 'replace', 'refund', 'swap_counter', 'swap_door', 'accessory', 'to_stock', 'unrepaired')",
            name=op.f("ck_rma_cases_remedy"),
        ),
        sa.CheckConstraint("event_seq > 0", name=op.f("ck_rma_cases_event_seq")),
        sa.CheckConstraint(
            "(closed_at IS NOT NULL) = (state IN ('cancelled', 'closed', 'closed_expired', 'closed_rejected'))",
            name=op.f("ck_rma_cases_closed"),
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_cases_currency")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_rma_cases_account_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_rma_cases_device_id")),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["organisations.id"], name=op.f("fk_rma_cases_handler_id")
        ),
        sa.ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_case_events.case_id",
                "rma_case_events.seq",
                "rma_case_events.to_state",
                "rma_case_events.to_held",
            ],
            name="fk_rma_cases_last_event",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["subscribers.id"], name=op.f("fk_rma_cases_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["rma_cases.id"], name=op.f("fk_rma_cases_previous_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_rma_cases_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_cases")),
        sa.UniqueConstraint("external_id", name=op.f("uq_rma_cases_external_id")),
        sa.UniqueConstraint("number", name=op.f("uq_rma_cases_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_rma_cases_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_cases_public_id")),
    )
    with op.batch_alter_table("rma_cases", schema=None) as batch_op:
        batch_op.create_index("ix_rma_cases_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_rma_cases_device", ["device_id", "id"], unique=False)
        batch_op.create_index(
            "ix_rma_cases_due",
            ["due_at", "id"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index("ix_rma_cases_handler", ["handler_id", "id"], unique=False)
        batch_op.create_index("ix_rma_cases_person", ["person_id"], unique=False)
        batch_op.create_index("ix_rma_cases_previous", ["previous_id"], unique=False)
        batch_op.create_index("ix_rma_cases_state", ["state", "entered_at"], unique=False)
        batch_op.create_index(
            "uq_rma_cases_live_device",
            ["device_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL AND state <> 'completed'"),
            postgresql_where=sa.text("closed_at IS NULL AND state <> 'completed'"),
        )

    op.create_table(
        "rma_accessories",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "reservation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("reserved_at", UtcDateTime(), nullable=False),
        sa.Column("reserved_by", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 100", name=op.f("ck_rma_accessories_quantity")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_accessories_case_id")
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_rma_accessories_part_id")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_rma_accessories_reservation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_accessories")),
        sa.UniqueConstraint("reservation_id", name=op.f("uq_rma_accessories_reservation_id")),
    )
    with op.batch_alter_table("rma_accessories", schema=None) as batch_op:
        batch_op.create_index("ix_rma_accessories_case", ["case_id", "id"], unique=False)

    op.create_table(
        "rma_case_events",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_seq", sa.Integer(), nullable=False),
        sa.Column("predecessor_seq", sa.Integer(), nullable=True),
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_ref", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("stated", Json, nullable=False),
        sa.Column(
            "carried_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(seq = 1 AND from_state = 'new' AND NOT from_held) OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name=op.f("ck_rma_case_events_begins"),
        ),
        sa.CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq",
            name=op.f("ck_rma_case_events_predecessor"),
        ),
        sa.CheckConstraint("previous_seq = seq - 1", name=op.f("ck_rma_case_events_follows")),
        sa.ForeignKeyConstraint(
            ["carried_by"],
            ["rma_order_events.id"],
            name="fk_rma_case_events_carried_by",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["case_id", "predecessor_seq", "from_state", "from_held"],
            [
                "rma_case_events.case_id",
                "rma_case_events.seq",
                "rma_case_events.to_state",
                "rma_case_events.to_held",
            ],
            name="fk_rma_case_events_predecessor",
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_case_events_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["from_state", "from_held", "event", "to_state", "to_held"],
            [
                "rma_case_moves.from_state",
                "rma_case_moves.from_held",
                "rma_case_moves.event",
                "rma_case_moves.to_state",
                "rma_case_moves.to_held",
            ],
            name="fk_rma_case_events_move",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_case_events")),
        sa.UniqueConstraint("case_id", "seq", "to_state", "to_held", name="uq_rma_case_events_end"),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_rma_case_events_case_id_seq")),
    )
    op.create_table(
        "rma_exchanges",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "replaced_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("provision_key", sa.String(length=64), nullable=False),
        sa.Column("allocated_at", UtcDateTime(), nullable=False),
        sa.Column("allocated_by", sa.String(length=128), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=True),
        sa.Column("provisioned_at", UtcDateTime(), nullable=True),
        sa.Column("provisioned_by", sa.String(length=128), nullable=False),
        sa.Column("pins_released_at", UtcDateTime(), nullable=True),
        sa.Column("pins_released_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('allocated', 'released', 'given', 'returned', 'lost')",
            name=op.f("ck_rma_exchanges_state"),
        ),
        sa.ForeignKeyConstraint(
            ["id", "event_seq", "state"],
            [
                "rma_exchange_events.exchange_id",
                "rma_exchange_events.seq",
                "rma_exchange_events.to_state",
            ],
            name="fk_rma_exchanges_last_event",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_exchanges_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_rma_exchanges_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_rma_exchanges_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_id"], ["devices.id"], name=op.f("fk_rma_exchanges_replaced_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_exchanges")),
        sa.UniqueConstraint("provision_key", name=op.f("uq_rma_exchanges_provision_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_exchanges_public_id")),
    )
    with op.batch_alter_table("rma_exchanges", schema=None) as batch_op:
        batch_op.create_index("ix_rma_exchanges_device", ["device_id", "id"], unique=False)
        batch_op.create_index("ix_rma_exchanges_replaced", ["replaced_id"], unique=False)
        batch_op.create_index(
            "uq_rma_exchanges_case",
            ["case_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('allocated', 'given')"),
            postgresql_where=sa.text("state IN ('allocated', 'given')"),
        )
        batch_op.create_index(
            "uq_rma_exchanges_spare",
            ["device_id"],
            unique=True,
            sqlite_where=sa.text("state = 'allocated'"),
            postgresql_where=sa.text("state = 'allocated'"),
        )

    op.create_table(
        "rma_exchange_events",
        sa.Column(
            "exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("predecessor_seq", sa.Integer(), nullable=True),
        sa.Column("from_state", sa.String(length=16), nullable=False),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_ref", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "from_state || '>' || to_state IN ({})".format(
                ", ".join(f"'{start}>{end}'" for start, end in EXCHANGE_MOVES)
            ),
            name=op.f("ck_rma_exchange_events_move"),
        ),
        sa.CheckConstraint(
            "(seq = 1) = (from_state = 'new')", name=op.f("ck_rma_exchange_events_begins")
        ),
        sa.CheckConstraint(
            "seq > 0 AND coalesce(predecessor_seq, 0) = seq - 1",
            name=op.f("ck_rma_exchange_events_follows"),
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["rma_exchanges.id"], name=op.f("fk_rma_exchange_events_exchange_id")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id", "predecessor_seq", "from_state"],
            [
                "rma_exchange_events.exchange_id",
                "rma_exchange_events.seq",
                "rma_exchange_events.to_state",
            ],
            name="fk_rma_exchange_events_predecessor",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_exchange_events")),
        sa.UniqueConstraint("exchange_id", "seq", "to_state", name="uq_rma_exchange_events_end"),
        sa.UniqueConstraint(
            "exchange_id", "seq", name=op.f("uq_rma_exchange_events_exchange_id_seq")
        ),
    )
    op.create_table(
        "rma_orders",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "destination_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("technician", sa.String(length=128), nullable=False),
        sa.Column("firmware_before", sa.String(length=128), nullable=False),
        sa.Column("firmware_after", sa.String(length=128), nullable=False),
        sa.Column("grade", sa.String(length=8), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("event_seq > 0", name=op.f("ck_rma_orders_event_seq")),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('cancelled', 'given_back', 'missing', 'restocked', 'scrapped', 'with_supplier'))",
            name=op.f("ck_rma_orders_ended"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["rma_cases.id"], name=op.f("fk_rma_orders_case_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_rma_orders_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_order_events.order_id",
                "rma_order_events.seq",
                "rma_order_events.to_state",
                "rma_order_events.to_held",
            ],
            name="fk_rma_orders_last_event",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_rma_orders_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["locations.id"], name=op.f("fk_rma_orders_destination_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_orders")),
        sa.UniqueConstraint("case_id", name=op.f("uq_rma_orders_case_id")),
        sa.UniqueConstraint("number", name=op.f("uq_rma_orders_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_rma_orders_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_orders_public_id")),
    )
    with op.batch_alter_table("rma_orders", schema=None) as batch_op:
        batch_op.create_index("ix_rma_orders_destination", ["destination_id"], unique=False)
        batch_op.create_index("ix_rma_orders_device", ["device_id", "id"], unique=False)
        batch_op.create_index("ix_rma_orders_location", ["location_id", "state"], unique=False)
        batch_op.create_index("ix_rma_orders_state", ["state", "entered_at"], unique=False)
        batch_op.create_index(
            "uq_rma_orders_live_device",
            ["device_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "rma_prechecks",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("finding", sa.String(length=500), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "answer IN ('done', 'tried', 'not_possible', 'refused')",
            name=op.f("ck_rma_prechecks_answer"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_prechecks_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_prechecks")),
        sa.UniqueConstraint("case_id", "code", name=op.f("uq_rma_prechecks_case_id_code")),
    )
    op.create_table(
        "rma_quotes",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("remedy", sa.String(length=16), nullable=False),
        sa.Column("faults", Json, nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "remedy IN ('repair', 'replace', 'accessory')", name=op.f("ck_rma_quotes_remedy")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["rma_cases.id"], name=op.f("fk_rma_quotes_case_id")),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_rma_quotes_quote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_quotes")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_rma_quotes_quote_id")),
    )
    with op.batch_alter_table("rma_quotes", schema=None) as batch_op:
        batch_op.create_index("ix_rma_quotes_case", ["case_id", "id"], unique=False)

    op.create_table(
        "rma_checks",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "result IN ('pass', 'fail', 'not_applicable')", name=op.f("ck_rma_checks_result")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_checks_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_checks")),
        sa.UniqueConstraint(
            "order_id", "round", "code", name=op.f("uq_rma_checks_order_id_round_code")
        ),
    )
    op.create_table(
        "rma_comparisons",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("result", Json, nullable=False),
        sa.Column("offers", Json, nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("choice", sa.String(length=16), nullable=False),
        sa.Column("choice_note", sa.String(length=500), nullable=False),
        sa.Column("chosen_at", UtcDateTime(), nullable=True),
        sa.Column("chosen_by", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(choice = '') = (chosen_at IS NULL)", name=op.f("ck_rma_comparisons_chosen")
        ),
        sa.CheckConstraint(
            "case_id IS NOT NULL OR order_id IS NOT NULL", name=op.f("ck_rma_comparisons_owner")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_comparisons_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_comparisons_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_comparisons")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_comparisons_public_id")),
    )
    with op.batch_alter_table("rma_comparisons", schema=None) as batch_op:
        batch_op.create_index("ix_rma_comparisons_case", ["case_id", "id"], unique=False)
        batch_op.create_index("ix_rma_comparisons_order", ["order_id", "id"], unique=False)

    op.create_table(
        "rma_components",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("component", sa.String(length=32), nullable=False),
        sa.Column("old_serial", sa.String(length=64), nullable=False),
        sa.Column("new_serial", sa.String(length=64), nullable=False),
        sa.Column("fault_number", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "component <> '' AND new_serial <> ''", name=op.f("ck_rma_components_named")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_components_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_components")),
    )
    with op.batch_alter_table("rma_components", schema=None) as batch_op:
        batch_op.create_index("ix_rma_components_order", ["order_id", "id"], unique=False)

    op.create_table(
        "rma_faults",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("component", sa.String(length=32), nullable=False),
        sa.Column("symptom", sa.String(length=500), nullable=False),
        sa.Column("reported_by", sa.String(length=16), nullable=False),
        sa.Column("found_seq", sa.Integer(), nullable=True),
        sa.Column("confirmed", sa.String(length=16), nullable=True),
        sa.Column("fault_class", sa.String(length=16), nullable=True),
        sa.Column("found_component", sa.String(length=32), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("verdict_seq", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column(
            "decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("inspector_ref", sa.String(length=64), nullable=False),
        sa.Column("inspector", sa.String(length=128), nullable=False),
        sa.Column("inspected_at", UtcDateTime(), nullable=True),
        sa.Column("hours_on", sa.Integer(), nullable=True),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("dispute_reason", sa.String(length=1000), nullable=False),
        sa.Column("second_class", sa.String(length=16), nullable=True),
        sa.Column("second_component", sa.String(length=32), nullable=True),
        sa.Column("second_verdict", sa.String(length=16), nullable=True),
        sa.Column("second_seq", sa.Integer(), nullable=True),
        sa.Column("second_note", sa.String(length=1000), nullable=False),
        sa.Column("second_inspector_ref", sa.String(length=64), nullable=False),
        sa.Column("second_inspector", sa.String(length=128), nullable=False),
        sa.Column("second_at", UtcDateTime(), nullable=True),
        sa.Column("second_hours_on", sa.Integer(), nullable=True),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.Column("goodwill_by", sa.String(length=128), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.CheckConstraint(
            "confirmed IN ('yes', 'no', 'intermittent')", name=op.f("ck_rma_faults_confirmed")
        ),
        sa.CheckConstraint(
            "fault_class IN ('manufacturing', 'component', 'firmware', 'transport', 'user_damage', 'liquid', 'surge', 'third_party', 'wear', 'none_found')",
            name=op.f("ck_rma_faults_fault_class"),
        ),
        sa.CheckConstraint("hours_on >= 0", name=op.f("ck_rma_faults_hours_on")),
        sa.CheckConstraint("second_hours_on >= 0", name=op.f("ck_rma_faults_second_hours_on")),
        sa.CheckConstraint(
            "reported_by IN ('customer', 'bench')", name=op.f("ck_rma_faults_reported_by")
        ),
        sa.CheckConstraint(
            "second_class IN ('manufacturing', 'component', 'firmware', 'transport', 'user_damage', 'liquid', 'surge', 'third_party', 'wear', 'none_found')",
            name=op.f("ck_rma_faults_second_class"),
        ),
        sa.CheckConstraint(
            "second_verdict IN ('doa', 'in_warranty', 'contract', 'goodwill', 'out_of_warranty', 'user_fault', 'nff')",
            name=op.f("ck_rma_faults_second_verdict"),
        ),
        sa.CheckConstraint(
            "verdict IN ('doa', 'in_warranty', 'contract', 'goodwill', 'out_of_warranty', 'user_fault', 'nff')",
            name=op.f("ck_rma_faults_verdict"),
        ),
        sa.CheckConstraint(
            "(case_id IS NULL) <> (order_id IS NULL)", name=op.f("ck_rma_faults_owner")
        ),
        sa.CheckConstraint("NOT (agreed AND declined)", name=op.f("ck_rma_faults_answer")),
        sa.CheckConstraint("number > 0", name=op.f("ck_rma_faults_number")),
        sa.ForeignKeyConstraint(["case_id"], ["rma_cases.id"], name=op.f("fk_rma_faults_case_id")),
        sa.CheckConstraint(
            "(verdict IS NULL) = (verdict_seq IS NULL)", name=op.f("ck_rma_faults_judged")
        ),
        sa.CheckConstraint(
            "(second_verdict IS NULL) = (second_seq IS NULL)",
            name=op.f("ck_rma_faults_judged_again"),
        ),
        *(
            sa.ForeignKeyConstraint(
                ["id", seq, verdict],
                [f"rma_judgements.{name}" for name in ("fault_id", "seq", verdict)],
                name=f"fk_rma_faults_{verdict}",
                initially="DEFERRED",
                deferrable=True,
                use_alter=True,
            )
            for seq, verdict in (("verdict_seq", "verdict"), ("second_seq", "second_verdict"))
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["warranty_decisions.id"], name=op.f("fk_rma_faults_decision_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_faults_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_faults")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_rma_faults_case_id_number")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_rma_faults_order_id_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_faults_public_id")),
    )
    with op.batch_alter_table("rma_faults", schema=None) as batch_op:
        batch_op.create_index("ix_rma_faults_decision", ["decision_id"], unique=False)

    op.create_table(
        "rma_judgements",
        sa.Column("fault_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("second_verdict", sa.String(length=16), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_ref", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_rma_judgements_seq")),
        sa.CheckConstraint(
            "(verdict IS NULL) <> (second_verdict IS NULL)", name=op.f("ck_rma_judgements_one")
        ),
        sa.CheckConstraint(
            "verdict IN ('doa', 'in_warranty', 'contract', 'goodwill', 'out_of_warranty', 'user_fault', 'nff')",
            name=op.f("ck_rma_judgements_verdict"),
        ),
        sa.CheckConstraint(
            "second_verdict IN ('doa', 'in_warranty', 'contract', 'goodwill', 'out_of_warranty', 'user_fault', 'nff')",
            name=op.f("ck_rma_judgements_second_verdict"),
        ),
        sa.ForeignKeyConstraint(
            ["fault_id"], ["rma_faults.id"], name=op.f("fk_rma_judgements_fault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_judgements")),
        sa.UniqueConstraint("fault_id", "seq", name=op.f("uq_rma_judgements_fault_id_seq")),
        sa.UniqueConstraint("fault_id", "seq", "verdict", name="uq_rma_judgements_verdict"),
        sa.UniqueConstraint("fault_id", "seq", "second_verdict", name="uq_rma_judgements_second"),
    )
    op.create_table(
        "rma_labour",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fault_number", sa.Integer(), nullable=True),
        sa.Column("billing_code", sa.String(length=16), nullable=False),
        sa.Column("code_reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "billing_code IN ('warranty', 'goodwill', 'contract', 'billable', 'supplier', 'own')",
            name=op.f("ck_rma_labour_billing_code"),
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 6000", name=op.f("ck_rma_labour_minutes")),
        sa.CheckConstraint(
            "rate_minor >= 0 AND length(currency) = 3", name=op.f("ck_rma_labour_rate")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_labour_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_labour")),
    )
    with op.batch_alter_table("rma_labour", schema=None) as batch_op:
        batch_op.create_index("ix_rma_labour_order", ["order_id", "id"], unique=False)

    op.create_table(
        "rma_order_events",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_seq", sa.Integer(), nullable=False),
        sa.Column("predecessor_seq", sa.Integer(), nullable=True),
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_ref", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("stated", Json, nullable=False),
        sa.Column(
            "carried_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(seq = 1 AND from_state = 'new' AND NOT from_held) OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name=op.f("ck_rma_order_events_begins"),
        ),
        sa.CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq",
            name=op.f("ck_rma_order_events_predecessor"),
        ),
        sa.CheckConstraint("previous_seq = seq - 1", name=op.f("ck_rma_order_events_follows")),
        sa.ForeignKeyConstraint(
            ["carried_by"],
            ["rma_case_events.id"],
            name="fk_rma_order_events_carried_by",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["from_state", "from_held", "event", "to_state", "to_held"],
            [
                "rma_order_moves.from_state",
                "rma_order_moves.from_held",
                "rma_order_moves.event",
                "rma_order_moves.to_state",
                "rma_order_moves.to_held",
            ],
            name="fk_rma_order_events_move",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "predecessor_seq", "from_state", "from_held"],
            [
                "rma_order_events.order_id",
                "rma_order_events.seq",
                "rma_order_events.to_state",
                "rma_order_events.to_held",
            ],
            name="fk_rma_order_events_predecessor",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_order_events_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_order_events")),
        sa.UniqueConstraint(
            "order_id", "seq", "to_state", "to_held", name="uq_rma_order_events_end"
        ),
        sa.UniqueConstraint("order_id", "seq", name=op.f("uq_rma_order_events_order_id_seq")),
    )
    op.create_table(
        "rma_order_parts",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("fault_number", sa.Integer(), nullable=True),
        sa.Column("billing_code", sa.String(length=16), nullable=False),
        sa.Column("code_reason", sa.String(length=500), nullable=False),
        sa.Column(
            "reservation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("dropped_at", UtcDateTime(), nullable=True),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("planned_by", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "billing_code IN ('warranty', 'goodwill', 'contract', 'billable', 'supplier', 'own')",
            name=op.f("ck_rma_order_parts_billing_code"),
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name=op.f("ck_rma_order_parts_quantity")),
        sa.CheckConstraint("used BETWEEN 0 AND quantity", name=op.f("ck_rma_order_parts_used")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_order_parts_order_id")
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_rma_order_parts_part_id")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_rma_order_parts_reservation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_order_parts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_order_parts_public_id")),
        sa.UniqueConstraint("reservation_id", name=op.f("uq_rma_order_parts_reservation_id")),
    )
    with op.batch_alter_table("rma_order_parts", schema=None) as batch_op:
        batch_op.create_index("ix_rma_order_parts_order", ["order_id", "id"], unique=False)
        batch_op.create_index("ix_rma_order_parts_part", ["part_id"], unique=False)

    op.create_table(
        "rma_parcels",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("content", sa.String(length=16), nullable=False),
        sa.Column("carrier", sa.String(length=64), nullable=False),
        sa.Column("tracking", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "content IN ('own', 'spare', 'accessory', 'stray')",
            name=op.f("ck_rma_parcels_content"),
        ),
        sa.CheckConstraint(
            "direction IN ('in', 'out', 'supplier', 'stray')", name=op.f("ck_rma_parcels_direction")
        ),
        sa.CheckConstraint(
            "ending IN ('delivered', 'lost', 'refused', 'bounced', 'found')",
            name=op.f("ck_rma_parcels_ending"),
        ),
        sa.CheckConstraint(
            "(ending IS NULL) = (ended_at IS NULL)", name=op.f("ck_rma_parcels_ended")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["rma_cases.id"], name=op.f("fk_rma_parcels_case_id")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_parcels_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_parcels")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_parcels_public_id")),
    )
    with op.batch_alter_table("rma_parcels", schema=None) as batch_op:
        batch_op.create_index("ix_rma_parcels_case", ["case_id", "id"], unique=False)
        batch_op.create_index("ix_rma_parcels_order", ["order_id", "id"], unique=False)
        batch_op.create_index("ix_rma_parcels_tracking", ["tracking"], unique=False)

    op.create_table(
        "rma_statements",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("photo", sa.String(length=16), nullable=True),
        sa.Column("lab_run", sa.String(length=16), nullable=True),
        sa.Column("fee_currency", sa.String(length=3), nullable=True),
        sa.Column("fee_tax_ppm", sa.Integer(), nullable=True),
        sa.Column("late_credited", sa.Boolean(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('fee_agreed', 'loss_confirmed', 'ahead_loss_confirmed', 'address_confirmed', 'notice_sent', 'disposal_consent', 'remedy_chosen', 'nothing_else_offered', 'fee_settled', 'price_paid', 'refunded', 'wiped')",
            name=op.f("ck_rma_statements_kind"),
        ),
        sa.CheckConstraint(
            "(fee_currency IS NULL) = (fee_tax_ppm IS NULL) AND (fee_currency IS NULL) = (late_credited IS NULL) AND (fee_currency IS NULL OR (kind = 'fee_agreed' AND amount_minor > 0))",
            name=op.f("ck_rma_statements_fee"),
        ),
        sa.CheckConstraint(
            "(case_id IS NULL) <> (order_id IS NULL)", name=op.f("ck_rma_statements_owner")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["rma_cases.id"], name=op.f("fk_rma_statements_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_statements_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_statements")),
    )
    with op.batch_alter_table("rma_statements", schema=None) as batch_op:
        batch_op.create_index("ix_rma_statements_case", ["case_id", "kind", "id"], unique=False)
        batch_op.create_index("ix_rma_statements_order", ["order_id", "kind", "id"], unique=False)

    op.create_table(
        "rma_tests",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_seq", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("lab_run", sa.String(length=16), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_tests_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_tests")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_tests_public_id")),
    )
    with op.batch_alter_table("rma_tests", schema=None) as batch_op:
        batch_op.create_index("ix_rma_tests_order", ["order_id", "id"], unique=False)

    op.create_table(
        "rma_photos",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fault_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("taken_by", sa.String(length=128), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "media_type IN ('image/jpeg', 'image/png', 'image/webp')",
            name=op.f("ck_rma_photos_type"),
        ),
        sa.CheckConstraint(
            "(case_id IS NULL) <> (order_id IS NULL)", name=op.f("ck_rma_photos_owner")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["rma_cases.id"], name=op.f("fk_rma_photos_case_id")),
        sa.ForeignKeyConstraint(
            ["fault_id"], ["rma_faults.id"], name=op.f("fk_rma_photos_fault_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_photos_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_photos")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_photos_public_id")),
    )
    with op.batch_alter_table("rma_photos", schema=None) as batch_op:
        batch_op.create_index("ix_rma_photos_case", ["case_id", "id"], unique=False)
        batch_op.create_index("ix_rma_photos_fault", ["fault_id"], unique=False)
        batch_op.create_index("ix_rma_photos_order", ["order_id", "id"], unique=False)
        batch_op.create_index("ix_rma_photos_sha256", ["sha256"], unique=False)
    fill("rma_case_moves", CASE_MOVES)
    fill("rma_order_moves", ORDER_MOVES)
    for table in SEALED:
        seal_moves(op.get_bind(), table)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        for name, table, other, columns, others in LATER:
            op.create_foreign_key(
                *(name, table, other, columns, others), deferrable=True, initially="DEFERRED"
            )
    for guard in guards(is_sqlite=is_sqlite):
        op.execute(guard)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in SEALED:
        unseal_moves(op.get_bind(), table)
    if not is_sqlite:
        for name, table, *_ in LATER:
            op.drop_constraint(name, table, type_="foreignkey")
    with op.batch_alter_table("rma_photos", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_photos_sha256")
        batch_op.drop_index("ix_rma_photos_order")
        batch_op.drop_index("ix_rma_photos_fault")
        batch_op.drop_index("ix_rma_photos_case")

    op.drop_table("rma_photos")
    with op.batch_alter_table("rma_tests", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_tests_order")

    op.drop_table("rma_tests")
    with op.batch_alter_table("rma_statements", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_statements_order")
        batch_op.drop_index("ix_rma_statements_case")

    op.drop_table("rma_statements")
    with op.batch_alter_table("rma_parcels", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_parcels_tracking")
        batch_op.drop_index("ix_rma_parcels_order")
        batch_op.drop_index("ix_rma_parcels_case")

    op.drop_table("rma_parcels")
    with op.batch_alter_table("rma_order_parts", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_order_parts_part")
        batch_op.drop_index("ix_rma_order_parts_order")

    op.drop_table("rma_order_parts")
    op.drop_table("rma_order_events")
    with op.batch_alter_table("rma_labour", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_labour_order")

    op.drop_table("rma_labour")
    with op.batch_alter_table("rma_faults", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_faults_decision")

    op.drop_table("rma_judgements")
    op.drop_table("rma_faults")
    with op.batch_alter_table("rma_components", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_components_order")

    op.drop_table("rma_components")
    with op.batch_alter_table("rma_comparisons", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_comparisons_order")
        batch_op.drop_index("ix_rma_comparisons_case")

    op.drop_table("rma_comparisons")
    op.drop_table("rma_checks")
    with op.batch_alter_table("rma_quotes", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_quotes_case")

    op.drop_table("rma_quotes")
    op.drop_table("rma_prechecks")
    with op.batch_alter_table("rma_orders", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_rma_orders_live_device",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_rma_orders_state")
        batch_op.drop_index("ix_rma_orders_location")
        batch_op.drop_index("ix_rma_orders_device")
        batch_op.drop_index("ix_rma_orders_destination")

    op.drop_table("rma_orders")
    with op.batch_alter_table("rma_exchanges", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_rma_exchanges_spare",
            sqlite_where=sa.text("state = 'allocated'"),
            postgresql_where=sa.text("state = 'allocated'"),
        )
        batch_op.drop_index(
            "uq_rma_exchanges_case",
            sqlite_where=sa.text("state IN ('allocated', 'given')"),
            postgresql_where=sa.text("state IN ('allocated', 'given')"),
        )
        batch_op.drop_index("ix_rma_exchanges_replaced")
        batch_op.drop_index("ix_rma_exchanges_device")

    op.drop_table("rma_exchange_events")
    op.drop_table("rma_exchanges")
    op.drop_table("rma_case_events")
    with op.batch_alter_table("rma_accessories", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_accessories_case")

    op.drop_table("rma_accessories")
    with op.batch_alter_table("rma_cases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_rma_cases_live_device",
            sqlite_where=sa.text("closed_at IS NULL AND state <> 'completed'"),
            postgresql_where=sa.text("closed_at IS NULL AND state <> 'completed'"),
        )
        batch_op.drop_index("ix_rma_cases_state")
        batch_op.drop_index("ix_rma_cases_previous")
        batch_op.drop_index("ix_rma_cases_person")
        batch_op.drop_index("ix_rma_cases_handler")
        batch_op.drop_index(
            "ix_rma_cases_due",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_rma_cases_device")
        batch_op.drop_index("ix_rma_cases_account")

    op.drop_table("rma_cases")
    op.drop_table("rma_model_terms")
    op.drop_table("rma_terms")
    op.drop_table("rma_order_moves")
    op.drop_table("rma_case_moves")
    if not is_sqlite:  # there a table takes its triggers along
        for table, events, _ in MACHINES:
            op.execute(f"DROP FUNCTION {table}_not_back()")
            op.execute(f"DROP FUNCTION {events}_shown()")
        for name in TRACES:
            op.execute(f"DROP FUNCTION rma_{name}()")
        op.execute("DROP FUNCTION rma_keep()")
