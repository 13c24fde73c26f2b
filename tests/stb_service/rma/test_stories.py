"""The stories of returned boxes, played on the two machines."""

from __future__ import annotations

from dataclasses import replace

from stb_service.rma.cases import CASE
from stb_service.rma.rules import actions
from stb_service.rma.verdicts import Verdict
from stb_service.rma.workshop import ORDER
from tests.stb_service.rma.journey import START, Journey, lines


def test_a_box_in_warranty_is_repaired_and_goes_home() -> None:
    journey = Journey().to("completed").case("confirm")

    assert journey.states == ("closed", "given_back")


def test_the_bench_sends_a_box_back_to_work_when_its_test_fails() -> None:
    journey = Journey().to("repairing").order("test", "fail", "wait_for_parts", "go_on")

    assert journey.order("wait_for_supplier", "go_on", "test", "finish").states == (
        *("repaired", "repaired"),
    )


def test_a_box_dead_on_arrival_is_replaced_by_a_new_one_while_the_old_one_is_refurbished() -> None:
    journey = Journey().know(lines=lines(Verdict.DOA)).to("deciding")
    journey.case("approve_replace", "allocate", "ship", "deliver", "confirm")
    assert journey.states == ("closed", "kept")

    journey.order("plan_refurbishment", "reserve", "begin", "test", "finish", "shelve")

    assert journey.order("wipe", "restock").states == ("closed", "restocked")


def test_a_box_dead_on_arrival_is_not_replaced_by_a_used_one() -> None:
    journey = Journey().know(lines=lines(Verdict.DOA), spare_condition="refurbished")
    journey.to("deciding").case("approve_replace")

    assert journey.bars(CASE, "allocate") == ["spare_new"]


def test_a_user_fault_is_contested_upheld_quoted_paid_repaired_and_shipped() -> None:
    journey = Journey().know(lines=lines(Verdict.USER_FAULT)).to("quoted").case("dispute")
    assert journey.states == ("second_inspection", "second_inspection")

    first = lines(Verdict.USER_FAULT, disputed=True, second_inspector="ines")
    second = lines(Verdict.USER_FAULT, disputed=True, second_inspector="omar")
    assert journey.know(lines=first).bars(ORDER, "judge_again") == ["second_inspector"]
    journey.know(lines=second).order("judge_again").case("quote", "send_quote", "accept")
    assert journey.bars(CASE, "dispute") == ["step"]

    journey.know(lines=tuple(replace(line, agreed=True) for line in second), to_pay_minor=4_500)
    assert journey.bars(CASE, "release_repair") == ["paid"]
    journey.know(to_pay_minor=0).case("release_repair").order("reserve", "begin", "test", "finish")

    assert journey.case("ship", "deliver", "close").states == ("closed", "given_back")


def test_a_second_verdict_is_not_contested_again() -> None:
    journey = Journey().know(lines=lines(Verdict.USER_FAULT)).to("deciding").case("dispute")
    judged = lines(Verdict.USER_FAULT, disputed=True, second_inspector="omar")

    journey.know(lines=judged).order("judge_again")

    assert journey.bars(CASE, "dispute") == ["disputable"]


def test_a_quote_that_is_declined_sends_the_box_back_unrepaired() -> None:
    journey = Journey().know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted")

    assert journey.case("decline", "ship", "deliver").states == ("completed", "given_back")


def test_a_quote_that_lapses_counts_as_declined() -> None:
    journey = Journey().know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted")
    assert journey.bars(CASE, "lapse") == ["quote_lapsed"]

    assert journey.know(quote_until=START).case("lapse").states[0] == "return_unrepaired"


def test_who_declines_one_fault_has_the_covered_one_repaired_all_the_same() -> None:
    both = lines(Verdict.USER_FAULT, Verdict.IN_WARRANTY)
    journey = Journey().know(lines=both).to("quoted")
    assert journey.bars(CASE, "decline") == ["nothing_covered"]

    journey.case("decline_part").know(lines=(replace(both[0], declined=True), both[1]))

    assert journey.case("approve_repair").states == ("approved_repair", "planned")


def test_a_box_is_disposed_of_with_consent_once_it_is_wiped() -> None:
    journey = Journey().know(lines=lines(Verdict.OUT_OF_WARRANTY), wiping_proven=False)
    journey.to("quoted").case("choose_disposal")
    assert journey.bars(CASE, "dispose") == ["disposed"]
    assert journey.bars(ORDER, "scrap") == ["wiped"]
    assert "no_disposal" in journey.bars(ORDER, "plan_refurbishment")

    journey.know(wiping_proven=True).order("wipe")
    assert journey.bars(ORDER, "restock") == ["no_disposal"]

    assert journey.order("scrap").case("dispose", "close").states == ("closed", "scrapped")


def test_a_replacement_goes_ahead_and_the_old_box_comes_back() -> None:
    journey = Journey().to("ahead").case("receive").order("inspect", "judge")

    assert journey.bars(CASE, "approve_repair") == ["not_ahead"]
    assert journey.case("settle_ahead", "confirm").states == ("closed", "kept")


def test_a_replacement_sent_ahead_for_a_user_fault_costs_the_fee() -> None:
    journey = Journey().know(lines=lines(Verdict.USER_FAULT))
    journey.to("ahead").case("receive").order("inspect", "judge")

    assert journey.bars(CASE, "settle_ahead") == ["covered_ahead"]
    assert journey.bars(CASE, "quote") == ["not_ahead"]


def test_a_box_that_does_not_come_back_costs_the_fee() -> None:
    journey = Journey().to("ahead").case("charge_fee").know(balance_minor=12_000)
    assert journey.bars(CASE, "settle_fee") == ["balance"]

    journey.know(balance_minor=0).case("settle_fee", "close")

    assert journey.states == ("closed", "missing")


def test_a_box_that_comes_back_after_the_fee_is_received() -> None:
    journey = Journey().to("ahead").case("charge_fee", "receive").order("inspect", "judge")

    assert journey.case("settle_ahead").states == ("completed", "kept")


def test_a_dealer_swaps_at_the_counter_and_the_old_box_waits_for_the_bench() -> None:
    journey = Journey().to("authorised").case("swap_at_counter", "confirm")
    assert journey.states == ("closed", "arrived")

    assert journey.order("inspect", "judge", "shelve").states == ("closed", "kept")


def test_a_swap_needs_cover_that_is_known_of_or_a_rented_box() -> None:
    journey = Journey().know(cover_presumed=False).to("authorised")

    assert journey.bars(CASE, "swap_at_door") == ["may_swap"]
    assert journey.know(rented=True).bars(CASE, "swap_at_door") == []


def test_another_box_in_the_parcel_is_sent_back_and_the_right_one_comes() -> None:
    journey = Journey().to("authorised").case("post").know(scanned="SN7")
    assert journey.bars(CASE, "receive") == ["same_box"]
    journey.case("mismatch").know(stray_gone=False, tracking="")
    assert journey.bars(CASE, "return_other") == ["stray_gone"]

    journey.know(tracking="1Z2").case("return_other").know(scanned="00:1A:79:00:00:01")

    assert journey.case("receive").states == ("received", "arrived")


def test_another_box_of_the_same_customer_is_taken_instead() -> None:
    journey = Journey().to("authorised").know(scanned="SN7").case("mismatch", "accept_other")

    assert journey.states == ("received", "arrived")


def test_another_box_while_the_replacement_is_out_leaves_the_old_one_awaited() -> None:
    journey = Journey().to("ahead").know(scanned="SN7").case("mismatch")

    assert journey.bars(CASE, "return_other") == ["not_ahead"]
    assert journey.case("return_other_ahead").states[0] == "replacement_shipped_ahead"


def test_a_parcel_lost_on_its_way_here_ends_in_a_replacement() -> None:
    journey = Journey().to("authorised").case("post", "lose", "approve_replace", "allocate")

    assert journey.case("ship", "deliver", "confirm").states == ("closed", "missing")


def test_a_parcel_that_turns_up_is_received() -> None:
    assert Journey().to("authorised").case("post", "lose", "receive").states[1] == "arrived"


def test_a_repaired_box_lost_on_its_way_back_is_replaced() -> None:
    journey = Journey().to("outbound").case("lose", "approve_replace")

    assert journey.states == ("approved_replace", "missing")
    assert journey.case("allocate", "ship", "deliver").facts.boxes_given == 1


def test_a_replacement_that_is_lost_is_replaced_once_more() -> None:
    journey = Journey().to("deciding").case("approve_replace", "allocate", "ship", "lose")
    assert journey.facts.boxes_given == 1

    journey.case("approve_replace").case("allocate", "ship", "deliver")

    assert journey.facts.boxes_given == 1


def test_a_refused_parcel_is_kept_for_collection() -> None:
    journey = Journey().to("outbound").case("refuse")
    assert journey.states == ("undelivered", "stored")

    assert journey.case("hand_over").states == ("completed", "given_back")


def test_an_undeliverable_parcel_goes_out_again_once_the_address_is_confirmed() -> None:
    journey = Journey().know(address_confirmed=False).to("outbound").case("bounce")
    assert journey.bars(CASE, "ship") == ["address"]

    assert journey.know(address_confirmed=True).case("ship").states == (
        *("in_transit_out", "sent_back"),
    )


def test_a_box_that_nobody_wants_back_is_scrapped_after_a_last_notice() -> None:
    journey = Journey().to("outbound").case("bounce", "abandon").order("wipe", "scrap")

    assert journey.case("dispose").states == ("completed", "scrapped")


def test_a_replacement_that_is_not_collected_goes_back_to_the_shelf() -> None:
    journey = Journey().to("deciding").case("approve_replace", "allocate", "ship", "bounce")
    assert journey.bars(CASE, "abandon") == ["own_parcel"]

    assert journey.case("unclaimed").facts.boxes_given == 0


def test_no_fault_found_goes_back_as_it_came() -> None:
    journey = Journey().know(lines=lines(Verdict.NFF)).to("deciding")

    assert journey.case("return_nff", "ship", "deliver", "close").states[0] == "closed"


def test_a_rented_damaged_box_is_taken_back_refurbished_and_put_in_stock() -> None:
    journey = Journey().know(rented=True, lines=lines(Verdict.USER_FAULT)).to("deciding")
    assert journey.bars(CASE, "quote") == ["is_billable"]
    assert journey.bars(CASE, "approve_refund") == ["may_refund", "payee"]

    journey.case("recover", "confirm").order("plan_refurbishment", "reserve", "begin", "test")

    assert journey.order("finish", "shelve", "wipe", "restock").states == ("closed", "restocked")


def test_an_accessory_is_sent_and_no_box_is_expected() -> None:
    journey = Journey().know(remedy="accessory")
    journey.case("request", "approve_accessory", "ship", "lose", "send_again")

    assert journey.case("ship", "deliver", "confirm").states == ("closed", "new")


def test_a_box_of_the_operators_own_is_repaired_to_stock_without_a_case() -> None:
    journey = Journey().order("admit", "inspect", "judge", "shelve", "plan_refurbishment")

    assert journey.order("reserve", "begin", "condemn", "shelve", "scrap").states == (
        *("new", "scrapped"),
    )


def test_further_faults_lead_to_a_new_quote() -> None:
    journey = Journey().to("repairing").know(lines=lines(Verdict.IN_WARRANTY, None))
    assert journey.bars(ORDER, "find_more") == ["judged"]

    journey.know(lines=lines(Verdict.IN_WARRANTY, Verdict.USER_FAULT)).order("find_more")

    assert journey.case("quote").states == ("quoting", "inspected")


def test_beyond_repair_in_warranty_goes_back_to_the_decision() -> None:
    journey = Journey().to("repairing").order("condemn").know(beyond_repair=True)

    assert journey.states == ("decision_pending", "condemned")
    assert journey.bars(CASE, "approve_repair") == ["may_repair", "order"]
    assert journey.case("approve_replace").states == ("approved_replace", "kept")


def test_beyond_repair_on_a_paid_repair_is_the_customers_choice() -> None:
    paid = lines(Verdict.OUT_OF_WARRANTY, agreed=True)
    journey = Journey().know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept")
    journey.know(lines=paid).case("release_repair").order("reserve", "begin", "condemn")
    assert journey.states == ("customer_choosing", "condemned")

    journey.know(beyond_repair=True, quoted_remedy="replace")
    journey.case("choose_replacement", "send_quote", "reconsider", "choose_replacement")
    journey.case("send_quote", "accept", "release_replacement")

    assert journey.states == ("approved_replace", "kept")


def test_who_paid_for_a_repair_that_was_not_done_is_paid_back_before_the_case_is_closed() -> None:
    paid = lines(Verdict.OUT_OF_WARRANTY, agreed=True)
    journey = Journey().know(lines=lines(Verdict.OUT_OF_WARRANTY)).to("quoted").case("accept")
    journey.know(lines=paid).case("release_repair").order("reserve", "begin", "condemn")
    journey.know(balance_minor=-4_500).case("choose_return", "ship", "deliver")

    assert journey.bars(CASE, "confirm") == ["not_overpaid"]


def test_a_box_that_the_supplier_keeps_is_not_promised_back() -> None:
    journey = Journey().to("repairing").order("wait_for_supplier", "supplier_keeps")
    assert journey.states == ("decision_pending", "with_supplier")

    assert journey.bars(CASE, "withdraw") == ["box_here"]
    assert journey.case("approve_refund", "refund").states[0] == "completed"


def test_a_replacement_ends_only_when_the_new_box_is_provisioned_and_old_pins_are_released() -> (
    None
):
    journey = Journey().know(provisioned=False, pins_released=False).to("authorised")
    journey.case("swap_at_counter")

    assert journey.bars(CASE, "confirm") == ["provisioned", "pins"]
    assert journey.bars(CASE, "close") == ["provisioned", "pins"]


def test_a_return_that_nobody_sends_expires() -> None:
    journey = Journey().to("authorised").know(due_at=None)
    assert journey.bars(CASE, "expire") == ["deadline"]

    assert journey.know(due_at=START).case("expire").states == ("closed_expired", "cancelled")


def test_a_customer_takes_the_box_back_before_the_repair_is_begun() -> None:
    journey = Journey().to("repair").order("reserve").case("withdraw", "hand_over")

    assert journey.states == ("completed", "given_back")


def test_only_what_people_may_do_is_offered_and_what_is_asked_greys_no_button() -> None:
    facts = Journey().to("authorised").know(scanned="", spare="").facts

    offered = actions(CASE, facts, lambda verb: verb in {"rma.receive", "rma.swap"})

    assert {
        action.event: (action.asks, [o.code for o in action.obstacles]) for action in offered
    } == {
        "receive": (("same_box",), []),
        "mismatch": (("other_box",), []),
        "swap_at_counter": (("same_box", "signature"), ["spare"]),
        "swap_at_door": (("same_box", "signature"), ["spare"]),
    }
