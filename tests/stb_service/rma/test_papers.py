"""Papers of cases: which make sense when, what stands on them, and what is said to be missing."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from stb_service.rma import papers
from stb_service.rma.paper_pages import link_of_case, link_of_parcel
from stb_service.rma.papers import Offer
from stb_service.rma.queries import case_by_ref
from stb_service.rma.terms import set_model_terms
from stb_service.rma.writing import Installation
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.outbox import OutboxEntry
from stb_service.staff.operations import change_organisation
from stb_service.staff.queries import operator
from stb_service.subscribers.operations import change_account, change_site
from stb_service.subscribers.queries import account_by_uid
from tests.conftest import csrf_of
from tests.stb_service.rma.conftest import MAIN, OLD, TAX, House
from tests.stb_service.rma.test_fees import found_late

LINK = "https://box.example/r/word"
OUTSIDE = "https://box.example/p/word"
HOUSE = Installation(
    "en", "Europe/Berlin", lambda _c: LINK, lambda _q: f"{LINK}/quote", lambda _c: OUTSIDE
)
STREET = "12 Harbour Lane"
ADDRESS = "Service Street 1\r\n\r\n10115 Berlin"
real = pytest.mark.real("pango", "fonts of all customers")


def send(browser: FlaskClient, path: str, **form: str) -> Any:
    token = csrf_of(browser.get(path).text)
    return browser.post(path, data={"csrf_token": token, **form})


def codes(found: Offer) -> list[str]:
    return [obstacle.code for obstacle in found.obstacles]


class Post(House):
    """A house whose letters can be read."""

    def lives(self) -> Post:
        """Let operator and household have addresses."""
        with self.db.write() as session:
            found = operator(session)
            assert found is not None
            change_organisation(
                session,
                organisation=found,
                address=ADDRESS,
                phone="+49 30 1",
                mail="a@example.com",
                actor=self.actor,
                now=self.now,
            )
        with self.db.read() as session:
            (site,) = account_by_uid(session, self.home.public_id, EVERYTHING).sites
        where = {"street": STREET, "city": "Cork", "country": "IE"}
        self.do(change_site, uid=self.home.public_id, site=site.public_id, **where)
        return self

    @property
    def offers(self) -> dict[str, Offer]:
        with self.db.read() as session:
            case = case_by_ref(session, self.ref, EVERYTHING)
            found = papers.offers(session, case, EVERYTHING, HOUSE, now=self.now)
            return {offer.name: offer for offer in found}

    def paper(self, name: str) -> Any:
        found = self.offers[name]
        assert found.paper is not None, found.obstacles
        return found.paper

    @property
    def due(self) -> list[str]:
        with self.db.read() as session:
            rows = select(OutboxEntry).where(OutboxEntry.topic == papers.DUE)
            return [row.payload["paper"] for row in session.scalars(rows.order_by(OutboxEntry.id))]


@pytest.fixture
def post(sqlite_db: Database, actor: Any, now: datetime, files: Any) -> Post:
    made = Post(sqlite_db, actor, now)
    made.files = files
    return made


def test_what_is_missing_is_said_and_an_authorised_return_has_its_papers(post: Post) -> None:
    post.open(post.customers_box(), "power_supply", complaint="stays dark")
    assert post.offers == {}

    post.authorised()
    assert list(post.offers) == ["parcel-label", "packing-slip", "return-authorised"]
    assert codes(post.offers["parcel-label"]) == ["no-operator-address", "no-street"]

    post.lives()
    label, slip = post.paper("parcel-label"), post.paper("packing-slip")
    letter = post.paper("return-authorised")
    assert label.customer.lines == (STREET, "Cork", "Ireland")
    assert label.receiver.lines == ("Service Street 1", "10115 Berlin")
    assert (label.case, label.return_reference, label.link) == ("R-000001", "W-000001", OUTSIDE)
    assert (slip.link, letter.link) == (OUTSIDE, LINK)
    assert (slip.with_power_supply, slip.with_remote) == (True, False)
    assert (letter.fault, letter.is_postage_paid) == ("stays dark", True)
    assert slip.send_by == letter.send_by
    assert (slip.send_by - letter.on).days == 29
    assert post.due == ["parcel-label", "packing-slip", "return-authorised"]

    post.tick(days=31)
    assert codes(post.offers["return-authorised"]) == ["over"]


def test_the_customers_language_is_the_persons_before_the_accounts(post: Post) -> None:
    post.open(post.customers_box()).authorised()
    assert post.offers["packing-slip"].language == "en"
    post.do(change_account, uid=post.home.public_id, language="ar")
    assert post.offers["packing-slip"].language == "ar"


def test_a_quote_and_a_box_that_goes_back_unrepaired(post: Post) -> None:
    device = post.customers_box(sold_on=OLD)
    post.lives().open(device).received(device).judged().quoted(5_000)
    quote = post.paper("quote")
    assert (quote.total_minor, quote.net_minor, quote.currency) == (5_950, 5_000, "EUR")
    assert [line.words for line in quote.lines] == ["Repair"]
    assert quote.link == f"{LINK}/quote"
    assert [str(reason) for reason in quote.reasons] == ["The warranty ended on 5 May 2024."]

    post.on_case("decline")
    back = post.paper("returned-unrepaired")
    assert [str(reason) for reason in back.reasons] == ["You declined our quote."]
    post.on_case("ship", carrier="Post", tracking="1Z2")
    assert post.paper("returned-unrepaired").tracking == "1Z2"
    assert post.due[-2:] == ["quote", "returned-unrepaired"]


def test_a_quote_of_another_box_and_of_an_accessory_says_so(post: Post) -> None:
    device = post.customers_box(sold_on=OLD)
    post.lives().do(set_model_terms, model="AUR-1", new_minor=9_900, tax_ppm=TAX)
    post.open(device, "mainboard").received(device).judged().quoted(5_000)
    repair = post.paper("quote")
    post.on_case("revise", reason="wants another box").quoted(9_900, remedy="replace")
    other = post.paper("quote")
    post.open(post.customers_box("SN-0002", sold_on=OLD), "remote", remedy="accessory").checked()
    post.on_case("quote_accessory").quoted(2_000, remedy="accessory")
    accessory = post.paper("quote")

    found = [(paper.offered, bool(paper.choices)) for paper in (repair, other, accessory)]
    assert found == [("repair", True), ("replace", False), ("accessory", False)]


def test_a_rented_box_that_nobody_replaced_has_no_final_notice(post: Post) -> None:
    post.lives()
    post.do(set_model_terms, model="AUR-1", unreturned_minor=9_000)
    post.open(post.customers_box(tenure="rented")).authorised()

    assert "final-notice" not in post.offers


def test_a_rented_box_for_which_a_fee_was_agreed_has_its_final_notice(post: Post) -> None:
    post.do(set_model_terms, model="AUR-1", unreturned_minor=8_000, tax_ppm=TAX)
    post.lives().open(post.customers_box(tenure="rented")).authorised().state("fee_agreed")

    notice = post.paper("final-notice")
    assert (notice.fee_minor, notice.replacement_sent_on) == (9_520, None)
    assert notice.send_by > notice.on

    post.tick(days=31)
    post.on_case("charge_fee")
    assert "final-notice" not in post.offers


def test_a_replacement_sent_ahead_and_the_final_notice(post: Post) -> None:
    device, spare = post.customers_box(), post.spare()
    terms = {"may_send_ahead": True, "unreturned_minor": 8_000, "tax_ppm": TAX}
    post.do(set_model_terms, model="AUR-1", **terms)
    post.lives().open(device).authorised().allocated(spare).state("fee_agreed")
    post.on_case("send_ahead", carrier="Post", tracking="1Z3")
    post.do(set_model_terms, model="AUR-1", unreturned_minor=0)
    notice, replaced = post.paper("final-notice"), post.paper("box-replaced")
    assert (notice.fee_minor, notice.currency) == (9_520, "EUR")
    assert notice.replacement_sent_on == replaced.on
    post.tick(days=3)
    other = post.customers_box("SN-0002")
    post.on_case("mismatch", scanned=other.serial, location=MAIN)
    post.on_case("return_other_ahead", tracking="1Z9")
    assert post.paper("final-notice").replacement_sent_on == notice.replacement_sent_on
    assert replaced.replacement.serial == "SN-9001"
    assert not replaced.is_refurbished
    assert isinstance(replaced.covered_until, date)
    assert post.due[-1] == "box-replaced"


def test_fees_stand_on_letters_and_on_the_page(
    people: Any, client: FlaskClient, post: Post
) -> None:
    post.do(set_model_terms, model="AUR-1", damage_minor=4_000, handling_minor=1_500, tax_ppm=TAX)
    rented, bought = post.customers_box("SN-0001", tenure="rented"), post.customers_box("SN-0002")
    post.lives().open(rented).received(rented).judged("user_damage", photo=True)
    assert "damage-fee" not in post.offers
    post.on_case("recover", reason="it is ours")
    fee = post.paper("damage-fee")
    assert (fee.fee_minor, fee.currency) == (4_760, "EUR")
    assert post.due[-1] == "damage-fee"
    assert "Damage fee" in client.get(f"/returns/{post.ref}").text

    post.open(bought).received(bought).judged("none_found", confirmed="no").on_case("return_nff")
    assert post.paper("returned-unrepaired").fee_minor == 1_785
    assert "Handling fee" in client.get(f"/returns/{post.ref}").text


def test_the_page_of_a_closed_return_asks_what_became_of_a_fee_while_the_box_is_here(
    people: Any, client: FlaskClient, post: Post
) -> None:
    found_late(post)
    path = f"/returns/{post.ref}"
    assert "State something" in client.get(path).text

    said = {"kind": "fee_settled", "note": "waived: in dollars"}
    assert send(client, f"{path}/statements", **said).status_code == 303
    assert "waived: in dollars" in client.get(path).text


def test_a_return_that_was_rejected(post: Post) -> None:
    post.lives().open(post.customers_box()).on_case("reject", reason="Not our box")
    assert post.paper("return-declined").reasons == ("Not our box",)
    assert list(post.offers) == ["return-declined"]


# --- pages ---------------------------------------------------------------------------------------


@real
def test_the_papers_are_shown_printed_and_followed(
    people: Any, client: FlaskClient, api: Any, post: Post
) -> None:
    import pypdfium2
    import zxingcpp

    post.open(post.customers_box(), "power_supply").authorised()
    page = client.get(f"/returns/{post.ref}/papers").text
    assert "The operator has no address" in page
    refusal = api("GET", f"/returns/{post.ref}/papers/parcel-label")
    assert refusal.status_code == 409
    assert [o["code"] for o in refusal.json["obstacles"]] == ["no-operator-address", "no-street"]

    post.lives()
    page = client.get(f"/returns/{post.ref}/papers").text
    assert f"/returns/{post.ref}/papers/parcel-label.pdf" in page
    items = api("GET", f"/returns/{post.ref}/papers").json["items"]
    assert [item["name"] for item in items] == list(post.offers)
    assert client.get(f"/returns/{post.ref}/papers/quote.pdf").status_code == 404

    answer = client.get(f"/returns/{post.ref}/papers/parcel-label.pdf")
    assert answer.content_type == "application/pdf"
    sheet = pypdfium2.PdfDocument(answer.data)[0]
    picture = sheet.render(scale=203 / 72, grayscale=True).to_numpy()
    read = {code.format.name: code.text for code in zxingcpp.read_barcodes(picture)}
    assert read["Code128"] == post.ref

    path = re.sub(r"^https?://[^/]+", "", read["QRCode"])
    followed = client.get(path)
    assert post.ref in followed.text
    assert "We wait for this parcel." in followed.text
    assert followed.headers["X-Robots-Tag"] == "noindex"
    assert client.get("/r/forged").status_code == client.get("/p/forged").status_code == 404


def test_the_label_on_a_parcel_lets_nobody_answer_and_shows_no_more_than_that_it_came(
    app: Any, people: Any, client: FlaskClient, post: Post
) -> None:
    box = post.customers_box(sold_on=OLD)
    post.lives().open(box, "power_supply", complaint="stays dark").received(box)
    post.judged("component").quoted()
    with app.test_request_context(), post.db.read() as session:
        case = case_by_ref(session, post.ref, EVERYTHING)
        links = link_of_parcel(case), link_of_case(case)
    outside, letters = (re.sub(r"^https?://[^/]+", "", link) for link in links)
    shown, asked = client.get(outside).text, client.get(letters).text

    assert "/q/" in asked
    assert "This parcel has reached us." in shown
    secrets = ("/q/", "quote", "SN-0001", "stays", "answer", "Lovelace", "Aurora", "59.50")
    assert [word for word in secrets if word in shown] == []
    word = outside.rsplit("/", 1)[1]
    assert client.get(f"/r/{word}").status_code == client.get(f"/q/{word}").status_code == 404
    assert client.get("/p/" + letters.rsplit("/", 1)[1]).status_code == 404


def test_the_operators_address_is_entered_on_its_page(client: FlaskClient, api: Any) -> None:
    path = "/organisations/operator"
    form = {"name": "The operator", "address": "Street 1\nCity", "phone": "1", "mail": "no"}
    assert "Not a valid email address." in send(client, path, **form).text
    assert send(client, path, **form | {"mail": "a@example.com"}).status_code == 303

    found = api("GET", path).json
    assert (found["address"], found["mail"]) == ("Street 1\nCity", "a@example.com")
    assert send(client, path, name="The operator").status_code == 303
    assert api("GET", path).json["address"] == ""
