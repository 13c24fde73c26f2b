"""What the audit calls things: the names of verbs, subjects, fields and values in every room."""

from __future__ import annotations

from collections.abc import Mapping

from firmware.boxes.rules import BOX_STATE_NAMES
from firmware.images.rules import STATE_NAMES as IMAGE_STATE_NAMES
from firmware.rollouts.rules import ROLLOUT_STATE_NAMES
from stb_service.billing.rules import CAUSE_NAMES as BILLING_CAUSE_NAMES
from stb_service.billing.rules import FIELD_NAMES as BILLING_FIELD_NAMES
from stb_service.billing.rules import (
    METHOD_NAMES,
    PAYMENT_STATE_NAMES,
    QUOTE_STATE_NAMES,
)
from stb_service.devices.components import COMPONENT_NAMES
from stb_service.devices.rules import FIELD_NAMES as DEVICE_FIELD_NAMES
from stb_service.devices.rules import STATUS_NAMES, TENURE_NAMES
from stb_service.parts.rules import (
    CONDITION_NAMES,
    LOCATION_KIND_NAMES,
    PART_KIND_NAMES,
    RESERVATION_STATE_NAMES,
)
from stb_service.parts.rules import FIELD_NAMES as PART_FIELD_NAMES
from stb_service.rma.cases import EVENTS as CASE_EVENTS
from stb_service.rma.cases import PLACES as CASE_PLACES
from stb_service.rma.claiming.rules import BASIS_NAMES
from stb_service.rma.claims import EVENTS as CLAIM_EVENTS
from stb_service.rma.claims import PLACES as CLAIM_PLACES
from stb_service.rma.facts import REMEDY_NAMES
from stb_service.rma.lists import DEEDS, STATEMENTS
from stb_service.rma.lists import FIELD_NAMES as RETURN_FIELD_NAMES
from stb_service.rma.verdicts import FAULT_CLASS_NAMES, VERDICT_NAMES
from stb_service.rma.workshop import EVENTS as ORDER_EVENTS
from stb_service.rma.workshop import PLACES as ORDER_PLACES
from stb_service.shared.access import ROLE_NAMES, VERBS
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, LANGUAGES, Text, text
from stb_service.staff.rules import ORGANISATION_KIND_NAMES, THEME_NAMES
from stb_service.subscribers.rules import ACCOUNT_KIND_NAMES
from stb_service.subscribers.rules import FIELD_NAMES as ACCOUNT_FIELD_NAMES
from stb_service.subscribers.wording import VERB_NAMES as ACCOUNT_VERB_NAMES
from stb_service.warranty.policy import CAUSE_NAMES as FAULT_CAUSE_NAMES
from stb_service.warranty.rules import OUTCOME_NAMES

VERB_NAMES: Mapping[str, Text] = {
    "person.create": text("Person added"),
    "person.change": text("Person changed"),
    "person.settings": text("Own settings changed"),
    "person.password": text("Password changed"),
    "person.sign-in": text("Signed in"),
    "person.sign-in-refused": text("Sign-in refused"),
    "person.lock": text("Sign-in locked"),
    "person.sign-out": text("Signed out"),
    "person.sessions-end": text("Sign-ins ended"),
    "role.create": text("Role added"),
    "role.change": text("Role changed"),
    "organisation.create": text("Organisation added"),
    "organisation.change": text("Organisation changed"),
    "token.create": text("API token made"),
    "token.revoke": text("API token revoked"),
    "model.create": text("Model added"),
    "model.change": text("Model changed"),
    "device.create": text("Box registered"),
    "device.change": text("Box corrected"),
    "device.status": text("Box moved on"),
    "device.custody": text("Box handed over"),
    "device.board": text("Board put in"),
    "device.board-given": text("Board taken out"),
    "device.give": text("Box given to an account"),
    "device.transfer": text("Box passed on to another account"),
    "device.take-back": text("Box taken back from an account"),
    "device.held": text("Former owner of the box noted"),
    "device.holding-correct": text("Owner of the box corrected"),
    "device.place": text("Site of the box noted"),
    "device.tag": text("Tags of the box changed"),
    "device.capabilities": text("Capabilities of the box changed"),
    **ACCOUNT_VERB_NAMES,
    "dispute.settle": text("Dispute settled"),
    "part.create": text("Part added"),
    "part.change": text("Part changed"),
    "part.limits": text("Limits of the part changed"),
    "location.create": text("Place added"),
    "location.change": text("Place changed"),
    "stock_move.make": text("Stock moved"),
    "reservation.make": text("Parts reserved"),
    "reservation.consume": text("Reserved parts used"),
    "reservation.release": text("Reserved parts let go"),
    "stock_count.open": text("Stock-taking begun"),
    "stock_count.count": text("Part counted"),
    "stock_count.scan": text("Box counted"),
    "stock_count.take-out": text("Box taken from a stock-taking"),
    "stock_count.write-off": text("Missing boxes written off"),
    "stock_count.state": text("Stock stated by a file"),
    "stock_count.close": text("Stock-taking closed"),
    "stock_count.cancel": text("Stock-taking called off"),
    "warranty_policy.create": text("Warranty policy added"),
    "warranty_policy.draft": text("Draft of a warranty policy written"),
    "warranty_policy.discard": text("Draft of a warranty policy thrown away"),
    "warranty_policy.publish": text("Warranty policy published"),
    "warranty_policy.retire": text("Warranty policy retired"),
    "warranty_policy.assign": text("Warranty policy assigned"),
    "warranty_decision.make": text("Warranty decided"),
    "warranty_decision.override": text("Another warranty outcome granted"),
    "warranty_decision.carry": text("Granted outcome carried to a later decision"),
    "box.known": text("Box approved"),
    "box.pending": text("Box set to wait for approval"),
    "box.refused": text("Box refused"),
    "box.retired": text("Box retired"),
    "box.alias": text("Alias of the box changed"),
    "box.token": text("Token of the box changed"),
    "box.tokens-revoked": text("Tokens of the box revoked"),
    "box.ask": text("Box to be asked what it runs"),
    "box.forget": text("Box that waited for approval forgotten"),
    "gateway-token.create": text("Gateway token made"),
    "gateway-token.revoke": text("Gateway token revoked"),
    "image.uploaded": text("Image uploaded"),
    "image.fits_added": text("Image fits more boxes"),
    "image.notes_changed": text("Notes of the image changed"),
    "image.withdrawn": text("Image withdrawn"),
    "image.restored": text("Image brought back"),
    "rollout.create": text("Rollout planned"),
    "rollout.start": text("Rollout started"),
    "rollout.pause": text("Rollout paused"),
    "rollout.resume": text("Rollout resumed"),
    "rollout.halt": text("Rollout halted"),
    "rollout.complete": text("Rollout complete"),
    "rollout.cancel": text("Rollout cancelled"),
    "rollout.retry": text("Rollout tried again"),
    "rollout.widen": text("Rollout widened"),
    "effect.retry": text("Follow-up tried again"),
    "lab_run.take": text("Run of the lab taken in"),
    "quote.create": text("Quote begun"),
    "quote.change": text("Quote changed"),
    "quote.send": text("Quote sent"),
    "quote.extend": text("Quote extended"),
    "quote.accept": text("Quote accepted"),
    "quote.decline": text("Quote declined"),
    "quote.expire": text("Quote expired"),
    "quote.supersede": text("Quote superseded"),
    "quote.withdraw": text("Quote withdrawn"),
    "account.charge": text("Account charged"),
    "account.credit": text("Account credited"),
    "payment.begin": text("Payment begun"),
    "payment.receive": text("Payment received"),
    "payment.fail": text("Payment failed"),
    "payment.hold": text("Payment held for review"),
    "payment.refund": text("Payment given back"),
    "payment.return": text("Held payment returned"),
    "payment.pay-out": text("Price of a box paid back"),
    **{f"rma_claim.{event}": name for event, name in CLAIM_EVENTS.items()},
    "rma_claim_batch.send": text("Claims sent to a supplier"),
    "rma_credit_note.enter": text("Supplier's credit note entered"),
    "rma_supplier_terms.set": text("Terms of a supplier changed"),
    "rma_terms.model": text("Terms of a model's returns changed"),
    "rma_terms.days": text("Days of returns changed"),
    **{f"rma_case.{event}": name for event, name in {**CASE_EVENTS, **DEEDS}.items()},
    **{f"rma_order.{event}": name for event, name in {**ORDER_EVENTS, **DEEDS}.items()},
}

SUBJECT_NAMES: Mapping[str, Text] = {
    "person": text("Person"),
    "role": text("Role"),
    "organisation": text("Organisation"),
    "token": text("API token"),
    "model": text("Model"),
    "device": text("Box"),
    "account": text("Account"),
    "dispute": text("Dispute"),
    "part": text("Part"),
    "location": text("Place"),
    "stock_move": text("Move of stock"),
    "reservation": text("Reservation"),
    "stock_count": text("Stock-taking"),
    "warranty_policy": text("Warranty policy"),
    "warranty_decision": text("Warranty decision"),
    "box": text("Box"),
    "gateway-token": text("Gateway token"),
    "image": text("Image"),
    "rollout": text("Rollout"),
    "effect": text("Follow-up"),
    "lab_run": text("Lab run"),
    "quote": text("Quote"),
    "payment": text("Payment"),
    "rma_case": text("Return"),
    "rma_claim": text("Claim from a supplier"),
    "rma_claim_batch": text("Batch of claims"),
    "rma_credit_note": text("Supplier's credit note"),
    "rma_order": text("Workshop order"),
    "rma_supplier_terms": text("Terms of a supplier"),
    "rma_terms": text("Terms of returns"),
}

TOPIC_NAMES: Mapping[str, Text] = {
    "box.appeared": text("Register a box that has polled"),
    "quote.accepted": text("Tell that a quote was accepted"),
    "quote.declined": text("Tell that a quote was declined"),
    "quote.expired": text("Tell that a quote expired"),
    "quote.paid": text("Tell that a quote was paid"),
    "payment.refund": text("Give money back"),
    "payment.pay_out": text("Pay money out"),
    "box.replaced": text("Provision a replacement"),
    "case.resumed": text("Hear what was answered while a return was on hold"),
    "warranty.overridden": text("Judge a fault again by what was granted"),
    "paper.due": text("Send a paper to the customer"),
}

FIELD_NAMES: Mapping[str, Text] = {
    **RETURN_FIELD_NAMES,
    **ACCOUNT_FIELD_NAMES,
    **DEVICE_FIELD_NAMES,
    **BILLING_FIELD_NAMES,
    **PART_FIELD_NAMES,
    "name": text("Name"),
    "label": text("Name"),
    "code": text("Code"),
    "kind": text("Kind"),
    "verbs": text("What it allows"),
    "role": text("Role"),
    "organisation": text("Organisation"),
    "email": text("Mail"),
    "mail": text("Mail"),
    "phone": text("Phone"),
    "is_active": text("May sign in"),
    "language": text("Language"),
    "timezone": text("Time zone"),
    "theme": text("Appearance"),
    "person": text("Person"),
    "expires_at": text("Valid until"),
    "locked_until": text("Locked until"),
    "sessions": text("Sign-ins"),
    "tokens": text("API tokens"),
    "capabilities": text("Capabilities"),
    "revisions": text("Revisions"),
    "memory_mb": text("Memory (MB)"),
    "flash_mb": text("Flash (MB)"),
    "end_of_sale_on": text("End of sale"),
    "end_of_service_on": text("End of service"),
    "donor": text("Out of"),
    "to": text("Into"),
    "note": text("Note"),
    "claimant": text("Claimed by"),
    "state": text("State"),
    "alias": text("Alias"),
    "address": text("Address"),
    "former_until": text("Former one accepted until"),
    "version": text("Version"),
    "sha256": text("SHA-256"),
    "size_bytes": text("Bytes"),
    "fits": text("Fits"),
    "sequence": text("Sequence"),
    "withdrawn_at": text("Withdrawn"),
    "withdrawn_reason": text("Reason"),
    "image": text("Image"),
    "selection": text("Selection"),
    "waves": text("Waves (permille)"),
    "cap": text("At once"),
    "boxes": text("Boxes"),
    "models": text("Models"),
    "versions": text("Versions"),
    "uids": text("Boxes"),
    "topic": text("What"),
    "verdict": text("Verdict"),
    "evidence": text("Evidence"),
    "changed": text("Changed for this run"),
    "error": text("Reason"),
    "title": text("Title"),
    "jurisdiction": text("Jurisdiction"),
    "terms": text("Terms"),
    "preset": text("Preset"),
    "checked_by": text("Checked by"),
    "policy": text("Policy"),
    "in_force_from": text("In force from"),
    "retired_on": text("Retired on"),
    "from_on": text("Given out from"),
    "outcome": text("Outcome"),
    "reported_on": text("Reported on"),
    "component": text("Component"),
    "cause": text("Cause"),
    "hours_on": text("Hours of operation"),
    "covered_until": text("Covered until"),
    "supplier": text("Supplier"),
    "batch": text("Batch"),
    "claims": text("Claims"),
    "claim_state": text("State"),
    "credit_note": text("Credit note"),
    "credited_minor": text("Credited"),
    "issued_on": text("Issued on"),
    "months": text("Months"),
    "basis": text("Counted from"),
    "with_parts": text("Parts may be claimed"),
    "freight_minor": text("Freight for each claim"),
    "box_minor": text("What the box cost"),
}

VALUE_NAMES: Mapping[str, Mapping[str, Text]] = {
    "status": STATUS_NAMES,
    "tenure": TENURE_NAMES,
    "state": {
        **{str(state): name for state, name in BOX_STATE_NAMES.items()},
        **{str(state): name for state, name in IMAGE_STATE_NAMES.items()},
        **{str(state): name for state, name in ROLLOUT_STATE_NAMES.items()},
        **{str(state): name for state, name in PAYMENT_STATE_NAMES.items()},
        **{str(state): name for state, name in QUOTE_STATE_NAMES.items()},
        **RESERVATION_STATE_NAMES,
    },
    "case_state": {state: place.title for state, place in CASE_PLACES.items()},
    "order_state": {state: place.title for state, place in ORDER_PLACES.items()},
    "claim_state": {state: place.title for state, place in CLAIM_PLACES.items()},
    "basis": {str(basis): name for basis, name in BASIS_NAMES.items()},
    "remedy": REMEDY_NAMES,
    "verdict": {str(verdict): name for verdict, name in VERDICT_NAMES.items()},
    "fault_class": {str(found): name for found, name in FAULT_CLASS_NAMES.items()},
    "statement": STATEMENTS,
    "kind": {
        **{str(kind): name for kind, name in ORGANISATION_KIND_NAMES.items()},
        **{str(kind): name for kind, name in ACCOUNT_KIND_NAMES.items()},
        **LOCATION_KIND_NAMES,
        **PART_KIND_NAMES,
    },
    "cause": {
        **{str(cause): name for cause, name in BILLING_CAUSE_NAMES.items()},
        **{str(cause): name for cause, name in FAULT_CAUSE_NAMES.items()},
    },
    "method": METHOD_NAMES,
    "component": COMPONENT_NAMES,
    "condition": CONDITION_NAMES,
    "to_condition": CONDITION_NAMES,
    "outcome": {str(outcome): name for outcome, name in OUTCOME_NAMES.items()},
    "role": ROLE_NAMES,
    "verbs": {verb.name: verb.meaning for verb in VERBS.values()},
    "theme": THEME_NAMES,
    "language": {code: Text(name) for code, name in {**CUSTOMER_LANGUAGES, **LANGUAGES}.items()},
}


def verb_name(verb: str) -> str:
    """Return what was done, in words; a verb of old that the code no longer has, as it is."""
    return str(VERB_NAMES.get(verb, verb))


def topic_name(topic: str) -> str:
    """Return what an effect of the outbox is for."""
    return str(TOPIC_NAMES.get(topic, topic))


def subject_name(kind: str) -> str:
    """Return what something is that was changed."""
    return str(SUBJECT_NAMES.get(kind, kind))


def field_name(name: str) -> str:
    """Return what people call a field; of one without a name, its own words."""
    plain = name.removesuffix("_id")
    return str(FIELD_NAMES.get(name) or FIELD_NAMES.get(plain) or plain.replace("_", " "))


def value_name(field: str, value: str) -> str:
    """Return what people call a value of a field that takes fixed words; any other as it is."""
    return str(VALUE_NAMES.get(field, {}).get(value, value))
