"""Ten stories of returned boxes, told through the API alone."""

from __future__ import annotations

from tests.stories.caller import BENCH, BOX, LATELY, MAIN, OLD, PSU, SHOP, TAX, World


def test_a_repair_in_warranty(world: World) -> None:
    world.supplies()
    box = world.customers_box()
    world.open(box, "power_supply", complaint="stays dark").received(box)
    assert world.states == ("received", "arrived")
    assert world.status_of(box) == "in_rma"

    world.judged()
    assert [fault["effective_verdict"] for fault in world.case["faults"]] == ["in_warranty"]
    first = {"component": "tuner", "old_serial": "T-1", "new_serial": "T-2"}
    world.step("approve_repair").repaired(first, {"component": "tuner", "new_serial": "T-3"})
    world.step("ship", carrier="Post", tracking="1Z2").step("deliver").step("confirm")

    assert world.states == ("closed", "given_back")
    assert world.entries == []
    swaps = world.ines.get(f"/devices/{box['id']}/components")["items"]
    assert [(row["old_serial"], row["new_serial"]) for row in swaps] == [
        ("T-2", "T-3"),
        ("T-1", "T-2"),
    ]
    assert {row["order"]["number"] for row in swaps} == {world.order["number"]}
    world.nora("GET", f"/devices/{box['id']}/components", 404)
    assert world.moved() == [(BOX, "CUSTOMER", BENCH), (BOX, BENCH, "CUSTOMER")]
    assert world.moved(world.order["number"]) == [
        (PSU, BENCH, "CUSTOMER"),
        (PSU, "CUSTOMER", BENCH),
    ]
    assert world.on_hand() == 4
    assert world.held == {box["serial"]}
    assert world.status_of(box) == "sold"


def test_a_box_dead_on_arrival_is_replaced(world: World) -> None:
    box, spare = world.customers_box(sold_on=LATELY), world.spare()
    world.open(box, "mainboard").received(box).judged()
    assert [fault["verdict"] for fault in world.case["faults"]] == ["doa"]

    world.step("approve_replace").allocated(spare).step("allocate")
    world.step("ship", carrier="Post", tracking="1Z9").step("deliver")
    assert world.refused("confirm") == ["provisioned", "pins"]
    world.provisioned().step("confirm")

    assert world.states == ("closed", "kept")
    assert world.entries == []
    assert world.held == {spare["serial"]}
    assert world.moved() == [(BOX, "CUSTOMER", BENCH), (BOX, MAIN, "CUSTOMER")]
    assert (world.status_of(box), world.status_of(spare)) == ("replaced", "sold")


def test_a_user_fault_disputed_and_upheld_quoted_accepted_paid_repaired_shipped(
    world: World,
) -> None:
    world.supplies()
    box = world.customers_box()
    world.open(box, "mainboard").received(box).judged("liquid", photo=True)
    assert world.case["faults"][0]["verdict"] == "user_fault"

    world.step("dispute", reason="it never got wet", lines=[1])
    path = f"/workshop-orders/{world.order['number']}/faults/1/verdict"
    found = {"confirmed": "yes", "fault_class": "liquid", "hours_on": 700}
    refusal = world.ines("PUT", path, 409, json=found)
    assert [obstacle["code"] for obstacle in refusal["obstacles"]] == ["second_inspector"]
    world.omar("PUT", path, json=found)
    world.work("judge_again", by=world.omar)
    world.quoted(5_000).step("accept", reason="by phone")
    assert world.states == ("awaiting_payment", "inspected")
    assert world.refused("release_repair") == ["paid"]
    world.pays(5_950, quote=world.case["quotes"][0]["number"]).step("release_repair").repaired()
    world.step("ship", tracking="1Z2").step("deliver").step("confirm")

    fault = world.case["faults"][0]
    assert (fault["verdict"], fault["second_verdict"]) == ("user_fault", "user_fault")
    assert (fault["hours_on"], fault["second_hours_on"]) == (None, 700)
    assert (fault["inspector"], fault["second_inspector"]) == ("ines.tech", "omar.tech")
    assert world.states == ("closed", "given_back")
    assert sum(amount for _, amount in world.entries) == world.balance == 0
    assert sorted(amount for _, amount in world.entries) == [-5_950, 5_950]
    assert world.moved(world.order["number"]) == [
        (PSU, BENCH, "CUSTOMER"),
        (PSU, "CUSTOMER", BENCH),
    ]
    assert world.held == {box["serial"]}


def test_out_of_warranty_declined_and_returned(world: World) -> None:
    box = world.customers_box(sold_on=OLD)
    world.open(box).received(box).judged().quoted()
    assert world.refused("lapse") == ["quote_lapsed"]

    world.step("decline")
    assert world.states == ("return_unrepaired", "inspected")
    world.step("ship", tracking="1Z2").step("deliver").step("confirm")

    assert world.states == ("closed", "given_back")
    assert world.case["quotes"][0]["state"] == "declined"
    assert world.entries == []
    assert world.moved() == [(BOX, "CUSTOMER", BENCH), (BOX, BENCH, "CUSTOMER")]
    assert world.held == {box["serial"]}


def test_an_advance_replacement_that_is_not_returned(world: World) -> None:
    box, spare = world.customers_box(), world.spare()
    world.boss.patch(
        "/return-terms/models/AUR-1", may_send_ahead=True, unreturned_minor=8_000, tax_ppm=TAX
    )
    world.open(box).authorised().allocated(spare)
    assert world.refused("send_ahead", tracking="1Z3") == ["fee_agreed"]
    world.says("statements", kind="fee_agreed").step("send_ahead", tracking="1Z3")
    assert world.held == {box["serial"], spare["serial"]}

    assert world.refused("charge_fee") == ["deadline"]
    world.clock.pass_days(15)
    world.step("charge_fee")
    assert world.balance == 9_520
    assert world.refused("settle_fee") == ["balance"]
    world.pays(9_520, account=world.home).step("settle_fee").provisioned().step("confirm")

    assert world.states == ("closed", "missing")
    assert [amount for _, amount in world.entries] == [9_520, -9_520]
    assert world.entries[0][0] == "advance_fee"
    assert world.moved() == [(BOX, MAIN, "CUSTOMER")]
    assert world.held == {spare["serial"]}
    assert world.status_of(box) == "lost"


def test_a_rented_box_that_never_comes(world: World) -> None:
    box = world.customers_box(tenure="rented")
    world.boss.patch("/return-terms/models/AUR-1", unreturned_minor=8_000, tax_ppm=TAX)
    world.open(box).authorised().says("statements", kind="fee_agreed")
    assert world.refused("charge_fee") == ["deadline"]
    world.clock.pass_days(31)
    assert world.refused("expire") == ["no_fee_due"]
    world.step("charge_fee")
    assert world.refused("settle_fee") == ["balance"]
    world.pays(9_520, account=world.home).step("settle_fee").step("confirm")

    assert world.states == ("closed", "missing")
    assert [amount for _, amount in world.entries] == [9_520, -9_520]
    assert world.entries[0][0] == "unreturned_fee"
    assert (world.held, world.status_of(box)) == (set(), "lost")


def test_a_swap_at_a_dealers_counter(world: World) -> None:
    """The dealer sold the box, so the box and the shelf are the dealer's to see."""
    box, spare = world.customers_box(seller="north"), world.spare(place=SHOP)
    world.open(box, by=world.nora, channel="counter", remedy="swap_counter").authorised()
    world.allocated(spare, by=world.nora)
    mine = world.nora.get("/returns")["items"]
    assert [case["number"] for case in mine] == [world.ref]

    said = {"scanned": box["serial"], "location": SHOP}
    assert world.refused("swap_at_counter", by=world.nora, **said) == ["signature"]
    world.step("swap_at_counter", by=world.nora, signed_by="A. Lovelace", **said)
    world.provisioned().step("confirm", by=world.nora)

    assert world.states == ("closed", "arrived")
    assert world.entries == []
    assert world.moved() == [(BOX, "CUSTOMER", SHOP), (BOX, SHOP, "CUSTOMER")]
    assert world.place_of(box) == (SHOP, "defective")
    assert world.held == {spare["serial"]}
    assert world.status_of(box) == "replaced"


def test_another_box_in_the_parcel(world: World) -> None:
    box, other, stranger = world.customers_box(), world.customers_box(), world.spare()
    world.open(box).authorised().step("post", tracking="1Z1")
    wrong = {"scanned": stranger["serial"], "location": BENCH}
    assert world.refused("receive", **wrong) == ["same_box"]

    world.step("mismatch", scanned=stranger["serial"], location=BENCH)
    assert world.refused("accept_other", reason="same") == ["other_fits"]
    assert world.refused("return_other") == ["stray_gone"]
    world.step("return_other", tracking="1Z2")
    inbound, stray = world.case["parcels"]
    world.says(f"parcels/{inbound['id']}/delivery", 404)
    world.says(f"parcels/{stray['id']}/delivery", 200)
    assert world.case["parcels"][1]["ending"] == "delivered"
    world.step("mismatch", scanned=other["serial"], location=BENCH)
    world.step("accept_other", reason="the customer mixed them up", location=BENCH)

    assert world.states == ("received", "arrived")
    assert world.case["device"]["serial"] == world.order["device"]["serial"] == other["serial"]
    assert world.entries == []
    assert world.moved() == [
        *((BOX, MAIN, "CUSTOMER"), (BOX, "CUSTOMER", BENCH)),
        *((BOX, BENCH, "CUSTOMER"), (BOX, "CUSTOMER", MAIN)),
        (BOX, "CUSTOMER", BENCH),
    ]
    assert world.place_of(other) == (BENCH, "defective")
    assert world.place_of(stranger) == (MAIN, "new")
    assert world.held == {box["serial"], other["serial"]}


def test_a_parcel_is_lost_on_its_way_here_and_another_on_its_way_back(world: World) -> None:
    box, spare, another = world.customers_box(), world.spare(), world.spare()
    world.open(box).authorised().step("post", tracking="1Z1").step("lose", reason="no scan")
    assert world.refused("approve_replace") == ["loss_confirmed"]
    world.says("statements", kind="loss_confirmed").step("approve_replace")
    assert world.status_of(box) == "lost"

    world.allocated(spare).step("allocate").step("ship", tracking="1Z2")
    world.step("lose", reason="no scan").says("statements", kind="loss_confirmed")
    world.step("approve_replace")
    assert world.status_of(spare) == "lost"
    world.allocated(another).step("allocate").step("ship", tracking="1Z3").step("deliver")
    world.provisioned().step("confirm")

    assert world.states == ("closed", "missing")
    endings = [(parcel["direction"], parcel["ending"]) for parcel in world.case["parcels"]]
    assert endings == [("in", "lost"), ("out", "lost"), ("out", "delivered")]
    assert world.entries == []
    assert world.moved() == [(BOX, MAIN, "CUSTOMER")] * 2
    assert world.held == {another["serial"]}


def test_no_fault_found(world: World) -> None:
    box = world.customers_box()
    world.open(box).received(box).judged("none_found", confirmed="no")

    assert world.refused("approve_repair") == ["may_repair"]
    world.step("return_nff").step("hand_over", signed_by="A. Lovelace")
    assert world.refused("close") == ["deadline"]
    world.clock.pass_days(15)
    world.step("close")

    assert world.states == ("closed", "given_back")
    assert world.case["faults"][0]["verdict"] == "nff"
    assert world.entries == []
    assert world.moved() == [(BOX, "CUSTOMER", BENCH), (BOX, BENCH, "CUSTOMER")]
    assert world.held == {box["serial"]}


def test_a_rented_damaged_box_is_recovered_refurbished_and_redeployed(world: World) -> None:
    world.supplies(MAIN)
    world.boss.patch("/return-terms/models/AUR-1", damage_minor=4_000, tax_ppm=TAX)
    box = world.customers_box(tenure="rented")
    world.open(box).received(box, MAIN).judged("user_damage", photo=True)
    world.step("recover", reason="damaged, and ours")
    assert world.states == ("completed", "kept")
    assert world.entries == [("damage_fee", 4_760)]
    assert world.refused("confirm") == ["balance"]
    world.pays(4_760, account=world.home)
    assert world.held == set()

    world.work("plan_refurbishment").repaired().work("shelve")
    assert world.refused_work("wipe") == ["wiped"]
    world.works("statements", kind="wiped", method="overwritten", note="certificate 17")
    world.work("wipe")
    assert world.refused_work("restock") == ["graded"]
    world.ines.put(f"/workshop-orders/{world.order['number']}/grade", grade="B")
    world.work("restock", location=MAIN).step("confirm")

    assert world.states == ("closed", "restocked")
    assert world.entries == [("damage_fee", 4_760), ("money", -4_760)]
    assert world.place_of(box) == (MAIN, "refurbished")
    assert world.moved(world.order["number"]) == [
        (PSU, MAIN, "CUSTOMER"),
        (PSU, "CUSTOMER", MAIN),
    ]
    assert world.status_of(box) == "refurb"
    world.agent.post(f"/devices/{box['id']}/holdings", 200, account=world.home, tenure="rented")
    assert world.held == {box["serial"]}
