"""Ten stories of returned boxes, played through the pages by those whose work it is."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.hands import go, press, shows
from tests.browser.returned import Returned
from tests.browser.trade import AGENT, BOX, DAYS, INES, NORA, OMAR, PSU, SHOP, YEARS, House, Trade

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser-returns"),
    pytest.mark.timeout(300),  # a story is some fifty pages, one after the other
]

NOTHING = ""
AGREED = "Customer agrees to the fee for a box that does not come back, or is not covered"


def test_a_repair_in_warranty(story: Returned, house: House) -> None:
    box = house.supplies().box()
    story.open(box, "power_supply", checked=False)
    story.refused("Authorise the return", "Checks that come before a return are not recorded")
    story.checked().received().card(box, "In return", "Received", house.bench)

    story.inspected().stands("To be decided").sees("In warranty", "Component failed · Seen")
    story.step("Approve the repair", leads_to="Repair approved").repaired()
    story.step("Ship", leads_to="On its way to the customer", carrier="Post", tracking="1Z-OUT")
    story.step("Delivered", leads_to="Completed").step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Given back").ledger()
    story.stock(house.bench, PSU, "Defective 1 New 4").stock(house.bench, BOX, NOTHING)
    story.holds(box).card(box, "Sold", "CUSTOMER")


def test_a_box_dead_on_arrival_is_replaced(story: Returned, house: House) -> None:
    box, spare = house.box(sold=DAYS), house.spare()
    story.open(box, "mainboard").received().inspected().sees("Dead on arrival")
    story.step("Approve a replacement", leads_to="Replacement approved")
    story.refused("Allocate the replacement", "No box is allocated as the replacement.")
    story.keeps(spare).step("Allocate the replacement", leads_to="Being replaced")
    story.step("Ship", leads_to="On its way to the customer", tracking="1Z-NEW")
    story.step("Delivered", leads_to="Completed")
    story.refused("Customer confirms", "The provisioning of the new box is not acknowledged.")
    story.refused("Customer confirms", "Ids that are pinned to the old box are not released.")
    story.provisioned().step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Kept by the operator").ledger().holds(spare)
    story.stock(house.bench, BOX, "Defective 1").stock(house.shelf, BOX, NOTHING)
    story.card(box, "Replaced", house.bench).card(spare, "Sold", house.account)


def test_a_user_fault_is_disputed_upheld_quoted_accepted_paid_and_repaired(
    story: Returned, house: House
) -> None:
    box = house.supplies().box()
    story.open(box, "mainboard").received()
    wanted = "A user fault needs a photograph: take one now."
    story.inspected("Liquid", photo=True, told=wanted).sees("User fault", "Liquid · Seen")
    story.step("Customer contests the verdict", leads_to="Second inspection", why="always dry")
    first = "What is contested is judged by somebody else than whoever judged it before."
    story.work_refused("State the second verdict", first).inspection_refused(first)
    story.on_bench(OMAR).inspected_again("Liquid", by=OMAR).sees("Second: User fault")

    customer = story.quoted("50").customer()
    shows(customer, "Repair", "€59.50")
    go(customer, "Accept …")
    press(customer, "Yes, I accept")
    shows(customer, "You have accepted this quote. We go ahead when it is paid.")
    story.comes_to("Awaiting payment").refused("Release the repair", "The quote is not paid")
    story.pays("59.50").comes_to("Repair approved").repaired()
    story.step("Ship", leads_to="On its way to the customer", tracking="1Z-OUT")
    story.step("Delivered", leads_to="Completed").step("Customer confirms", leads_to="Closed")

    customer.reload()
    shows(customer, "You have accepted and paid this quote. Thank you.")
    story.ends("Closed", "Given back").ledger("Charge … €59.50", "Payment … -€59.50").holds(box)
    story.stock(house.bench, PSU, "Defective 1 New 4").card(box, "Sold", story.number)


def test_out_of_warranty_declined_and_returned(story: Returned, house: House) -> None:
    box = house.box(sold=YEARS)
    story.open(box).received().inspected().sees("Out of warranty")
    story.refused("Approve the repair", "A repair is approved for a fault that is covered")
    story.quoted().refused("Quote lapsed", "The quote still holds.")
    story.step("Customer declines", leads_to="To be returned unrepaired")
    story.step("Ship", leads_to="On its way to the customer", tracking="1Z-OUT")
    story.step("Delivered", leads_to="Completed").step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Given back").sees("DeclinedQ-").ledger().holds(box)
    story.stock(house.bench, BOX, NOTHING).card(box, "Sold")


def test_an_advance_replacement_that_is_not_returned(
    story: Returned, house: House, trade: Trade
) -> None:
    box, spare = house.box(), house.spare()
    story.open(box).authorised().keeps(spare)
    story.refused("Send the replacement ahead", "The customer has not agreed to the fee")
    story.state(AGREED, "by phone")
    story.step("Send the replacement ahead", leads_to="Replacement sent ahead", tracking="1Z-NEW")
    story.holds(box, spare).refused("Charge the fee", "The time for it has not passed")
    trade.let_time_run_out(story.number)
    story.look_again().sees("past due").step("Charge the fee", leads_to="Box not returned")
    story.refused("Fee paid", "A balance is open, and the account has no credit terms.")
    story.pays("95.20").step("Fee paid", leads_to="Completed")
    story.provisioned().step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Never came back").holds(spare).stock(house.shelf, BOX, NOTHING)
    fee = "Fee for a box that did not come back … €95.20"
    story.ledger(fee, "Payment … -€95.20").card(box, "Lost").card(spare, "Sold")


def test_a_swap_at_a_dealers_counter(story: Returned, house: House) -> None:
    """The dealer sold the box, so the box and the shelf are the dealer's to see."""
    box, spare = house.box(seller=SHOP), house.spare(house.shop)
    story.open(box, by=NORA, remedy="Swap at the counter").cannot("Authorise the return", by=NORA)
    story.authorised().refused("Swap at the counter", "No box is allocated", by=NORA)
    story.keeps(spare, by=NORA)
    said = {"signed_by": "A. Lovelace", "place": house.shop}
    wrong = f"“{spare}” was scanned, but the return is for {box}."
    story.turned_down("Swap at the counter", wrong, by=NORA, scanned=spare, **said)
    story.again("Swap at the counter", leads_to="Completed", by=NORA, scanned=box)
    story.provisioned().step("Customer confirms", leads_to="Closed", by=NORA)

    story.ends("Closed", "Arrived").ledger().holds(spare)
    story.stock(house.shop, BOX, "Defective 1")
    story.card(box, "Replaced", house.shop).card(spare, "Sold", house.account)


def test_another_box_in_the_parcel(story: Returned, house: House) -> None:
    box, other, stranger = house.box(), house.box(), house.spare()
    story.open(box).authorised()
    story.step("Handed to the carrier", leads_to="On its way here", tracking="1Z-IN")
    story.turned_down(
        "Receive", f"the return is for {box}", by=INES, scanned=stranger, place=house.bench
    )
    aside = {"leads_to": "Another box in the parcel", "by": INES, "place": house.bench}
    story.step("Another box came", scanned=stranger, **aside)
    story.sees(f"Expected{box}", f"Came{stranger}").card(stranger, "In return", house.bench)
    story.refused("Take the other box instead", "is not the customer's, or has a case of its own.")
    story.step("Other box sent back", leads_to="Authorised", tracking="1Z-STRAY")
    story.stock(house.shelf, BOX, "New 1")
    story.step("Another box came", scanned=other, **aside)
    mixed_up = {"why": "the customer mixed them up", "place": house.bench}
    story.step("Take the other box instead", leads_to="Received", **mixed_up)

    story.on_bench_as(other).ends("Received", "Arrived").sees(f"Box{other}").ledger()
    story.stock(house.bench, BOX, "Defective 1").holds(box, other)
    story.card(other, "In return", house.bench).card(box, "Sold")


def test_a_parcel_is_lost_on_its_way_here_and_another_on_its_way_back(
    story: Returned, house: House
) -> None:
    box, spare, another = house.box(), house.spare(), house.spare()
    story.open(box).authorised()
    story.step("Handed to the carrier", leads_to="On its way here", tracking="1Z-IN")
    story.step("Parcel lost", leads_to="Lost on its way here", why="no scan for ten days")
    unconfirmed = "The carrier has not confirmed that the parcel is lost."
    story.refused("Approve a replacement", unconfirmed)
    story.state("Carrier confirms the loss", "report 17").replaced(spare, tracking="1Z-NEW")
    story.card(box, "Lost")
    story.step("Parcel lost", leads_to="Lost on its way back", why="no scan either")
    story.refused("Approve a replacement", unconfirmed)
    story.state("Carrier confirms the loss", "report 18").replaced(another, tracking="1Z-ANEW")
    story.step("Delivered", leads_to="Completed").provisioned()
    story.step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Never came back").ledger().holds(another).stock(house.shelf, BOX, NOTHING)
    story.parcels("1Z-IN … To us … Lost", "1Z-NEW … To the customer … Lost", "1Z-ANEW … Delivered")
    story.card(spare, "Lost").card(another, "Sold", house.account)


def test_no_fault_found(story: Returned, house: House) -> None:
    box = house.box()
    story.open(box).received().inspected("No fault found", seen="Not seen").sees("No fault found")
    story.refused("Approve the repair", "A repair is approved for a fault that is covered")
    story.step("Return, no fault found", leads_to="To be returned, no fault found")
    story.step("Hand over", leads_to="Completed", signed_by="A. Lovelace")
    story.refused("Close", "The time for it has not passed")
    story.step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "Given back").ledger().holds(box).stock(house.bench, BOX, NOTHING)
    story.card(box, "Sold")


def test_a_rented_damaged_box_is_recovered_refurbished_and_redeployed(
    story: Returned, house: House
) -> None:
    box = house.supplies(house.shelf).box(tenure="rented")
    story.open(box).received(house.shelf).inspected("Damaged in use", photo=True)
    story.refused("Make a quote", "Nothing is to be paid by the customer of a box that was sold.")
    story.step("Take the rented box back", leads_to="Completed", why="damaged, and ours").holds()

    story.work("Plan the refurbishment", leads_to="Repair planned").repaired()
    story.work("Put on the shelf", leads_to="Kept by the operator")
    story.work_refused("Record the wiping", "It is not proven that the data were wiped")
    wiping = {"How": "overwritten", "What proves it": "certificate 17"}
    story.write("State the wiping", wiping, "State it")
    story.work("Record the wiping", leads_to="Wiped")
    story.work_refused("Put in stock", "The condition of the box is not graded.")
    story.write("Grade the box", {"Grade": "B"}, "Grade it")
    story.work("Put in stock", leads_to="In stock again", place=house.shelf)
    story.step("Customer confirms", leads_to="Closed")

    story.ends("Closed", "In stock again").ledger().stock(house.shelf, PSU, "Defective 1 New 4")
    story.stock(house.shelf, BOX, "As good as new 1").card(box, "Refurbished", house.shelf)
    story.given_out(box, "rented").holds(box).booked_out(box, house.shelf)
    story.stock(house.shelf, BOX, NOTHING).card(box, "Sold", "CUSTOMER")


def test_an_open_page_tells_what_others_did_and_keeps_what_is_half_typed(
    story: Returned, house: House
) -> None:
    story.open(house.box(), "power_supply", checked=False)
    page = story.case_page()
    page.clock.install()
    page.reload()
    note = page.get_by_label("Evidence")
    page.get_by_text("State something", exact=True).click()
    note.fill("half typed")
    changed = page.get_by_text("This return has changed since you opened the page.")
    with page.expect_response(lambda answer: "/changed?" in answer.url) as same:
        page.clock.fast_forward(21_000)
    assert same.value.status == 204
    expect(changed).to_have_count(0)

    other = story.desk(AGENT)
    other.goto(f"/returns/{story.number}")
    other.get_by_text("State something", exact=True).click()
    other.get_by_label("What", exact=True).select_option("Customer confirms the address")
    press(other, "State it")
    page.clock.fast_forward(21_000)
    expect(changed).to_be_visible()
    expect(note).to_have_value("half typed")
    go(page, "Show it as it is now")
    expect(changed).to_have_count(0)
