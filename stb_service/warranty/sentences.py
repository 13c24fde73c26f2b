"""A trace in words: each rule a sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import has_app_context
from flask_babel import format_date

from stb_service.devices.components import component_name
from stb_service.devices.rules import TENURE_NAMES
from stb_service.shared.i18n import Text, foreign_text, text
from stb_service.warranty.cover import Rule
from stb_service.warranty.policy import BASIS_NAMES, CAUSE_NAMES
from stb_service.warranty.rules import CLAIM_NAMES, LAST_DAY_NAMES, TRANSFER_NAMES

SENTENCES: Mapping[str, Text] = {
    "given_out": text("%(basis)s on %(day)s says which version of a policy it has."),
    "given_out_unknown": text("It is not known when the box was given out; %(day)s stands for it."),
    "passed": text(
        "Policy %(code)s is assigned, but none of its versions was in force on %(day)s."
    ),
    "policy": text("Policy %(code)s, version %(version)s, is assigned to it by %(by)s."),
    "policy_of_all": text("Policy %(code)s, version %(version)s, is the one of all boxes."),
    "tenure_presumed": text("How the customer has the box is not stated: it is taken as sold."),
    "tenure_held": text(
        "How the customer has the box is not stated: it is taken as the last account had it"
        " (%(tenure)s)."
    ),
    "given_anew": text(
        "It was given out anew on %(day)s (%(tenure)s); what was before does not count."
    ),
    "held": text("An account has had it since %(day)s: that is the day of delivery."),
    "held_sale": text("No day of sale is stated; %(day)s stands for it."),
    "held_late": text(
        "An account is recorded from %(day)s on, more than %(days)s days after: %(basis)s. That"
        " says nothing about the delivery."
    ),
    "passed_on": text("It went to another owner on %(day)s."),
    "bought": text(
        "It was bought in place of another box, and had on %(day)s; what was before does not count."
    ),
    "tenure": text("Tenure: %(tenure)s. The policy covers no such box."),
    "start_replaced": text("It was given for another box on %(day)s; its cover begins then."),
    "start_unknown": text("%(basis)s: no day is known."),
    "start": text("Cover begins on %(day)s, by: %(basis)s."),
    "start_later": text("Cover begins on %(day)s, %(after_days)s days after: %(basis)s."),
    "start_presumed": text("Cover is presumed to begin on %(day)s, by: %(basis)s."),
    "start_presumed_later": text(
        "Cover is presumed to begin on %(day)s, %(after_days)s days after: %(basis)s."
    ),
    "start_limited": text(
        "It begins on %(day)s at the latest: at most %(days)s days after: %(basis)s."
    ),
    "no_evidence": text("No day is known from which cover could begin."),
    "term": text(
        "The box is covered for %(months)s months, until %(day)s (last day: %(convention)s)."
    ),
    "term_of_component": text(
        "%(component)s is covered for %(months)s months, until %(day)s (last day: %(convention)s)."
    ),
    "no_term": text("The policy gives it no term."),
    "remainder": text("What was left of the other box's cover goes on until %(day)s."),
    "no_remainder": text("Nothing was left of the other box's cover."),
    "at_least": text("It is covered for %(days)s days at least, until %(day)s."),
    "suspended": text(
        "It was with us for %(days)s days from %(from)s on; they are added: until %(day)s."
    ),
    "extended": text("The customer chose repair: %(months)s months are added once, until %(day)s."),
    "component_restarted": text(
        "The part that was fitted on %(from)s has %(months)s months of its own, until %(day)s."
    ),
    "tail": text("What was repaired is covered for %(days)s days from %(from)s on, until %(day)s."),
    "transferred": text("The box went to another owner; its cover %(transfer)s: until %(day)s."),
    "not_yet": text("Reported on %(day)s, before cover begins."),
    "expired": text("Reported on %(day)s, when it was not covered."),
    "excluded": text("The inspection found: %(cause)s. The policy does not cover that."),
    "dead_on_arrival": text("Reported on %(day)s, within %(days)s days of the beginning."),
    "dead_on_arrival_by_hours": text(
        "Reported on %(day)s, within %(days)s days of the beginning and after %(hours)s hours of"
        " operation (at most %(most)s)."
    ),
    "dead_on_arrival_unread": text(
        "Reported on %(day)s, within %(days)s days of the beginning. Up to %(most)s hours of"
        " operation it is dead on arrival; its counter is not read."
    ),
    "ran_too_long": text(
        "Not dead on arrival: its counter shows %(hours)s hours of operation, more than %(most)s."
    ),
    "covered": text("Reported on %(day)s, when it was covered."),
    "no_cover": text("So there is no cover."),
}


@dataclass(frozen=True)
class Day:
    """A day as the reader writes it; ISO 8601 where nobody reads."""

    day: date

    def __str__(self) -> str:
        """Return it in words."""
        if not has_app_context():
            return self.day.isoformat()
        return str(format_date(self.day, "d MMM y"))


def sentence_of(rule: Rule) -> Text:
    """Return what a rule says; of a rule of old that the code no longer has, its name."""
    found = SENTENCES.get(_kind(rule))
    if found is None:
        return foreign_text(rule.name)
    values = {name: _word(name, value) for name, value in rule.values.items()}
    if rule.day is not None:
        values["day"] = Day(rule.day)
    return Text(found.msgid, values)


def sentences_of(trace: Iterable[Rule]) -> list[Text]:
    """Return a trace in words."""
    return [sentence_of(rule) for rule in trace]


def _kind(rule: Rule) -> str:
    """Return which sentence a rule is said by: some have one more where a value is there or not."""
    values = rule.values
    if rule.name in {"start", "start_presumed"} and values["after_days"]:
        return f"{rule.name}_later"
    if rule.name == "term":
        if not values["months"]:
            return "no_term"
        return "term_of_component" if values["component"] else "term"
    if rule.name == "remainder" and values.get("is_nothing"):
        return "no_remainder"
    if rule.name == "dead_on_arrival" and "most" in values:
        return f"{rule.name}_{'unread' if values['hours'] is None else 'by_hours'}"
    if rule.name == "policy" and not values["by"]:
        return "policy_of_all"
    return rule.name


def _word(name: str, value: Any) -> Any:
    if isinstance(value, date):
        return Day(value)
    if name == "by":
        return ", ".join(str(CLAIM_NAMES[one]) for one in value)
    if name == "component" and value:
        return component_name(value)
    names: Mapping[str, Mapping[str, Text]] = {
        "basis": {str(basis): name for basis, name in BASIS_NAMES.items()},
        "tenure": TENURE_NAMES,
        "cause": CAUSE_NAMES,
        "convention": LAST_DAY_NAMES,
        "transfer": TRANSFER_NAMES,
    }
    return names.get(name, {}).get(value, value)
