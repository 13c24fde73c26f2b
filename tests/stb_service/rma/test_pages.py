"""The pages of returns in the whole app, on one filled database that each test gets a copy of."""

from __future__ import annotations

import html
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from stb_service.billing.payments.operations import record_payment
from stb_service.devices.models import Device
from stb_service.rma.board import Wanted
from stb_service.rma.cases import CASE
from stb_service.rma.events import newest_quote
from stb_service.rma.exports import HANDLERS, Reading, rows_of
from stb_service.rma.lists import NOTHING
from stb_service.rma.models import CaseEvent, ReturnCase, WorkshopOrder
from stb_service.rma.operations import act, open_case
from stb_service.rma.queries import case_by_ref
from stb_service.shared import jobs
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings
from stb_service.staff import operations as staff
from tests.conftest import ADMIN, NOW, People, csrf_of, with_stores
from tests.databases import KeptSqlite
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import BENCH, MAIN, PNG, SHOP, House


@dataclass(frozen=True)
class Filled:
    """A file with an operator, a dealer and some returns, and what they are called."""

    path: Path
    files: Path
    names: SimpleNamespace


@pytest.fixture(scope="module")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Returns at every second step: asked for, authorised, on their way, on the bench, quoted."""
    return fill(tmp_path_factory.mktemp("returns"), sqlite_template)


def fill(folder: Path, template: Path) -> Filled:
    """Fill a copy of an empty database."""
    path = folder / "filled.sqlite3"
    shutil.copy(template, path)
    db = Database(f"sqlite:///{path}")
    with db.write() as session:
        staff.install_builtin_roles(session)
    house = House(db, ADMIN, NOW)
    house.files = FileStore(folder / "files")
    names = SimpleNamespace(account=house.home.number)

    def case(name: str, serial: str, *components: str, **fields: Any) -> Device:
        device = house.customers_box(serial, **fields)
        house.open(device, *components, complaint="No picture since Monday")
        setattr(names, name, house.ref)
        return device

    case("asked", "SN-0001", "tuner")
    case("authorised", "SN-0002", mac_ethernet="02:00:00:00:AA:02")
    house.authorised()
    case("posted", "SN-0003")
    house.authorised().on_case("post", carrier="Post", tracking="1Z-POSTED")
    case("received", "SN-0004")
    house.received_somewhere()
    case("deciding", "SN-0005", "mainboard")
    house.received_somewhere().judged("liquid", photo=True)
    case("quoted", "SN-0006", sold_on=NOW.date().replace(year=2020))
    house.received_somewhere().judged("component").quoted()
    case("cancelled", "SN-0007")
    house.on_case("cancel", reason="It works again")
    house.box("SN-0008", tenure="sold", status="sold")
    house.spare("SN-9001")
    shop = house.box("SN-0100", custodian="north", status="in_stock")
    people = People(db, ADMIN, NOW)
    for role, organisation, username in (
        ("administrator", "operator", "root.admin"),
        ("agent", "operator", "amir.agent"),
        ("viewer", "operator", "vic.viewer"),
        ("agent", "north", "dora.dealer"),
    ):
        people.person(role, organisation, username)
    dealer = house.dealer("north")
    names.dealers = house.do(
        open_case, device=shop.public_id, channel="counter", actor=dealer
    ).number
    names.uids = {row.serial: row.public_id for row in _boxes(db)}
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return Filled(path, folder / "files", names)


def _boxes(db: Database) -> list[Device]:
    with db.read() as session:
        return list(session.scalars(select(Device)))


@pytest.fixture
def db_of_pages(filled: Filled, kept_sqlite: KeptSqlite) -> Database:
    return kept_sqlite.fresh(filled.path)


@pytest.fixture
def app(made_app: Any, settings: Settings, filled: Filled, db_of_pages: Database) -> Any:
    shutil.copytree(filled.files, settings.files_dir, dirs_exist_ok=True)
    return with_stores(made_app, settings, db_of_pages)


@pytest.fixture
def names(filled: Filled) -> SimpleNamespace:
    return filled.names


@pytest.fixture
def client(sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in("root.admin")


@pytest.fixture
def dealer(sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in("dora.dealer")


class Post:
    """Sends forms the way a browser does that has opened a page."""

    def __init__(self, browser: FlaskClient) -> None:
        self._browser = browser
        self._token = csrf_of(browser.get("/returns/list").text) or csrf_of(
            browser.get("/returns/intake").text
        )

    def __call__(self, path: str, **data: Any) -> Any:
        return self._browser.post(path, data={"csrf_token": self._token, **data})

    def step(self, case: str, event: str, **said: str) -> Any:
        """Make a step of a case."""
        return self(f"/returns/{case}/steps", machine="case", event=event, **said)

    def scan(self, scanned: str, **more: str) -> str:
        """Scan something at the bench, and follow to what it came to."""
        answer = self("/returns/intake", scanned=scanned, place=BENCH, **more)
        if answer.status_code == 303:
            answer = self._browser.get(answer.headers["Location"])
        return str(answer.text)


@pytest.fixture
def post(client: FlaskClient) -> Post:
    return Post(client)


def case_of(db: Database, number: str) -> ReturnCase:
    with db.read() as session:
        found = session.scalar(select(ReturnCase).where(ReturnCase.number == number))
        assert found is not None
        return found


def events(db: Database, number: str) -> list[str]:
    """Return what has happened to a case."""
    with db.read() as session:
        return list(
            session.scalars(
                select(CaseEvent.event)
                .join(ReturnCase, CaseEvent.case_id == ReturnCase.id)
                .where(ReturnCase.number == number)
                .order_by(CaseEvent.seq)
            )
        )


def told(page: str) -> str:
    """Return the words of the live region."""
    _, _, rest = page.partition('id="told"')
    inside = rest.partition("</div>\n<form")[0].partition(">")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def work_off(db: Database, app: Any) -> None:
    """Do all waiting work, as the worker would."""
    with db.read() as session:
        waiting = jobs.waiting(session, now=datetime.now(UTC))
    for number in waiting:
        jobs.run(
            db,
            app.extensions["stb"].files,
            HANDLERS,
            number,
            clock=lambda: datetime.now(UTC),
            actor_of=lambda _session, _ref: ADMIN,
        )


# --- the board and the list ----------------------------------------------------------------------


def test_the_board_has_a_column_for_each_phase_with_its_cases(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    page = client.get("/returns").text

    columns = page.split('class="stb-board-column"')[1:]
    assert len(columns) == 7
    assert names.asked in columns[0]
    assert names.dealers in columns[0]
    assert names.posted in columns[1]
    assert "SN-0004" in columns[2]
    assert "waits for the customer" in columns[4]
    assert names.cancelled not in page
    assert "/returns/list?phase=arriving&amp;standing=live" in columns[1]


def test_the_board_is_narrowed_by_the_address(client: FlaskClient, names: SimpleNamespace) -> None:
    assert names.asked not in client.get("/returns?text=SN-0003").text
    assert names.posted in client.get("/returns?text=1Z-POSTED").text
    assert names.dealers in client.get("/returns?handler=north").text
    assert names.asked not in client.get("/returns?handler=north").text
    assert names.received not in client.get("/returns?standing=due").text
    assert names.asked not in client.get("/returns?mine=true").text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("text=02-00-00-00-aa-02", "authorised"),
        ("text=r4", "received"),
        ("text=W-000002", "posted"),
        ("text=1Z-POSTED", "posted"),
        ("state=quoted", "quoted"),
        ("phase=decision", "deciding"),
        ("waits=carrier", "posted"),
        ("standing=closed", "cancelled"),
    ],
)
def test_the_list_is_narrowed_by_the_address(
    client: FlaskClient, names: SimpleNamespace, query: str, number: str
) -> None:
    found = re.findall(
        r'stb-code" href="/returns/(R-\d+)"', client.get(f"/returns/list?{query}").text
    )

    assert found == [getattr(names, number)]


def test_the_list_knows_account_model_remedy_and_day(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    for query in (
        f"account={names.account}",
        "model=AUR-1",
        "opened_from=2026-03-01&opened_to=2026-03-02",
    ):
        assert names.asked in client.get(f"/returns/list?{query}").text
    for query in ("account=A-999999", "model=BOR-2", "remedy=refund", "opened_from=2026-12-01"):
        assert names.asked not in client.get(f"/returns/list?{query}").text


def test_what_cannot_be_read_in_the_address_is_left_out(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    wrong = "state=nowhere&opened_from=yesterday&mine=perhaps&text=%00&opened_to=9999-12-31"

    for path in ("/returns", "/returns/list"):
        assert names.asked in client.get(f"{path}?{wrong}").text


def test_board_and_list_take_a_fixed_number_of_queries(
    client: FlaskClient, db_of_pages: Database, names: SimpleNamespace
) -> None:
    def count(path: str) -> int:
        client.get(path)
        with statements(db_of_pages) as sent:
            client.get(path)
        return len(sent)

    assert count("/returns?text=SN-0003") == count("/returns")
    assert count("/returns/list?state=asked") == count("/returns/list")


def test_the_overview_tells_how_many_returns_wait_for_whom(
    client: FlaskClient, dealer: FlaskClient, names: SimpleNamespace
) -> None:
    def told(browser: FlaskClient) -> dict[str, str]:
        found = re.findall(
            r'<a href="(/returns[^"]*)">(?:<svg.*?</svg>)? ?(\d+)', browser.get("/").text
        )
        return {html.unescape(address): number for address, number in found}

    def listed(browser: FlaskClient, address: str) -> str:
        return str(len(re.findall(r'stb-code" href="/returns/R-', browser.get(address).text)))

    tile, own = told(client), told(dealer)
    assert set(tile) == {
        "/returns",
        "/returns/list?waits=us&standing=live",
        "/returns/list?waits=customer&standing=live",
        "/returns/list?standing=due",
    }
    assert tile.pop("/returns") == "7"
    assert own.pop("/returns") == "1"
    assert tile == {address: listed(client, address) for address in tile}
    assert own == {address: listed(dealer, address) for address in own}


def test_a_dealer_sees_its_own_returns_alone(dealer: FlaskClient, names: SimpleNamespace) -> None:
    for path in ("/returns", "/returns/list"):
        page = dealer.get(path).text
        assert names.dealers in page
        assert names.asked not in page
    assert dealer.get(f"/returns/{names.dealers}").status_code == 200
    assert dealer.get(f"/returns/{names.asked}").status_code == 404
    assert dealer.get(f"/returns/{names.asked}/edit").status_code == 404
    assert Post(dealer).step(names.asked, "cancel", reason="x").status_code == 404


def test_the_list_is_exported_by_long_work(
    client: FlaskClient, post: Post, db_of_pages: Database, app: Any, names: SimpleNamespace
) -> None:
    answer = post("/returns/export", phase="decision", opened_from="2026-03-01", format="csv")
    page = client.get(answer.headers["Location"])
    reading = Reading(Wanted(phase="decision"), ADMIN, NOW, UTC)
    rows = list(rows_of(db_of_pages, reading, lambda _count: None))
    work_off(db_of_pages, app)
    file = client.get(f"{answer.headers['Location']}/file")
    file.close()

    assert answer.status_code == 303
    assert "Export of returns" in page.text
    assert [row[0] for row in rows] == ["number", names.deciding]
    assert names.account in rows[1]
    assert file.headers["Content-Disposition"] == "attachment; filename=returns.csv"


# --- the page of a case --------------------------------------------------------------------------


def test_a_return_tells_how_long_its_box_is_here_once_it_is(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    pages = [client.get(f"/returns/{ref}") for ref in (names.posted, names.received)]

    told = [(page.status_code, "Turnaround" in page.text) for page in pages]
    assert told == [(200, False), (200, True)]


def test_the_case_page_tells_where_it_is_and_what_bars_what(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    page = client.get(f"/returns/{names.asked}").text

    assert "No picture since Monday" in page
    assert "Ada Lovelace" in page
    assert "Checks that come before a return are not recorded" in page
    assert 'value="cancel"' in page
    assert 'class="stb-machine' in page
    assert 'name="answer-firmware"' in page
    assert "Tuner" in page


def test_a_part_payment_whose_time_is_over_is_told_with_what_can_be_done(
    client: FlaskClient, post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    def told() -> str:
        return str(client.get(f"/returns/{names.quoted}").text)

    warning = "was paid, and the time to pay the rest is over"
    before = told()
    who: dict[str, Any] = {"actor": ADMIN, "now": NOW + timedelta(days=2)}
    with db_of_pages.write() as session:
        quote = newest_quote(session, case_by_ref(session, names.quoted, EVERYTHING))
        assert quote is not None
        act(session, ref=names.quoted, machine=CASE, event="accept", stated=NOTHING, **who)
        paid: dict[str, Any] = {"amount_minor": 1_000, "currency": "EUR", "method": "cash"}
        record_payment(session, quote=quote.quote.public_id, **paid, **who)

    late = told()
    steps = re.findall(r'<form[^>]*>(?:(?!</form>)[\s\S])*value="lapse_part_paid"', late)
    after = post.step(names.quoted, "lapse_part_paid")

    assert f"€10.00 {warning}" in late
    assert re.search(rf"{warning}[^<]*<a [^>]*/payments/new\?quote={quote.quote.number}", late)
    assert len(steps) == 1
    assert after.status_code == 303
    assert warning not in before + told()


def test_a_case_is_found_by_its_public_id_too(
    client: FlaskClient, db_of_pages: Database, names: SimpleNamespace
) -> None:
    ref = case_of(db_of_pages, names.asked).public_id

    assert names.asked in client.get(f"/returns/{ref}").text
    assert client.get("/returns/R-999999").status_code == 404


def test_the_page_shows_verdict_photograph_quote_and_history(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    judged = client.get(f"/returns/{names.deciding}").text
    quoted = client.get(f"/returns/{names.quoted}").text

    assert "User fault" in judged
    assert "Customer contests the verdict" in judged
    source = re.findall(r'<img src="(/returns/[^"]+)"', judged)[0]
    photo = client.get(source)
    photo.close()
    assert (photo.status_code, photo.mimetype) == (200, "image/png")
    assert photo.headers["X-Content-Type-Options"] == "nosniff"
    assert "Q-000001" in quoted
    assert "Inspection begun" in quoted


def test_checks_are_recorded_in_place_and_the_return_authorised(
    client: FlaskClient, post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    answers = {f"answer-{code}": "done" for code in ("restart", "cables", "firmware", "outage")}
    recorded = post(f"/returns/{names.asked}/checks", **answers, **{"note-cables": "all of them"})
    authorised = post.step(names.asked, "approve")

    page = client.get(f"/returns/{names.asked}").text
    assert (recorded.status_code, authorised.status_code) == (303, 303)
    assert case_of(db_of_pages, names.asked).state == "authorised"
    assert "all of them" in page
    assert "Checked before it was sent in" in page


def test_a_refused_step_tells_every_reason_and_keeps_what_was_typed(
    post: Post, names: SimpleNamespace
) -> None:
    answer = post.step(names.authorised, "post", carrier="Swift Post", tracking=" ")

    assert answer.status_code == 409
    assert 'value="Swift Post"' in answer.text
    assert "This needs another look" in answer.text


def test_the_list_of_what_is_wrong_with_a_step_leads_to_its_field(
    post: Post, names: SimpleNamespace
) -> None:
    answer = post.step(names.posted, "receive", scanned="SN-0003", location="NOWHERE")

    assert answer.status_code == 422
    assert 'href="#field-location"' in answer.text
    assert answer.text.count('id="field-location"') == 1


def test_a_step_that_is_none_is_refused(post: Post, names: SimpleNamespace) -> None:
    assert post.step(names.asked, "fly").status_code == 422
    assert post(f"/returns/{names.asked}/steps", machine="toaster", event="x").status_code == 422


def test_who_only_looks_has_no_buttons_and_makes_no_steps(
    sign_in: Callable[[str], FlaskClient], names: SimpleNamespace
) -> None:
    viewer = sign_in("vic.viewer")

    page = viewer.get(f"/returns/{names.asked}").text
    assert "There is nothing for you to do here." in page
    assert 'name="answer-firmware"' not in page
    assert Post(viewer).step(names.asked, "cancel", reason="x").status_code == 403
    assert viewer.get("/returns/new").status_code == 403
    assert viewer.get("/returns/intake").status_code == 403


@pytest.mark.parametrize(
    ("path", "data", "shown"),
    [
        ("faults", {"component": "tuner", "symptom": ""}, "field-symptom-error"),
        ("statements", {"kind": "price_paid", "amount_minor": "much"}, 'value="much"'),
        (
            "statements",
            {"kind": "wiped", "amount_minor": "1"},
            "An amount is stated of prices and refunds alone.",
        ),
        ("statements", {"kind": "nothing", "note": "a letter"}, 'value="a letter"'),
        ("spare", {"device": "NO-SUCH-BOX"}, 'value="NO-SUCH-BOX"'),
        ("photographs", {"note": "the back"}, 'value="the back"'),
        ("checks", {"answer-restart": "maybe", "note-restart": "asked"}, 'value="asked"'),
    ],
)
def test_a_refused_form_of_the_page_keeps_what_was_typed(
    post: Post, names: SimpleNamespace, path: str, data: dict[str, str], shown: str
) -> None:
    answer = post(f"/returns/{names.asked}/{path}", **data)

    assert answer.status_code == 422
    assert shown in answer.text


def test_the_parcel_of_a_box_that_came_by_mistake_is_told_delivered(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    post.step(names.authorised, "mismatch", scanned="UNKNOWN-7")
    post.step(names.authorised, "return_other", tracking="1Z-STRAY")
    path = f"/returns/{names.authorised}"
    found = re.search(rf'action="({path}/parcels/[^"]+/delivered)"', client.get(path).text)
    assert found is not None

    assert post(found[1]).status_code == 303
    assert "/delivered" not in client.get(path).text


def test_the_forms_of_the_page_write_what_they_say(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    base = f"/returns/{names.asked}"
    answers = [
        post(f"{base}/faults", component="remote", symptom="A key is stuck"),
        post(f"{base}/statements", kind="price_paid", amount_minor="149.90", note="Receipt 7"),
        post(f"{base}/statements", kind="fee_agreed", withdrawn="true"),
        post(f"{base}/photographs", photo=(io.BytesIO(PNG), "a.png"), fault="1", note="The label"),
        post(f"{base}/spare", device="SN-9001"),
        post(f"{base}/edit", complaint="No sound either", remedy="replace", language="el"),
    ]

    page = client.get(base).text
    assert [answer.status_code for answer in answers] == [303] * 6
    for words in (
        "A key is stuck",
        "149.90",
        "Receipt 7",
        "The label",
        "SN-9001",
        "No sound either",
    ):
        assert words in page
    assert "taken back" in page
    assert post(f"{base}/spare/release", reason="not needed").status_code == 303


def test_goodwill_is_granted_on_the_page(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    base = f"/returns/{names.deciding}"

    assert post(f"{base}/goodwill", number="1", reason="").status_code == 422
    assert post(f"{base}/goodwill", number="1", reason="A good customer").status_code == 303
    assert "Goodwill" in client.get(base).text


def test_a_quote_is_made_from_the_case(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    base = f"/returns/{names.deciding}"
    post.step(names.deciding, "quote")
    lines = {
        "line_kind": "labour",
        "line_description": "Board",
        "line_unit": "80",
        "line_tax": "19",
    }
    wrong = post(f"{base}/quote", remedy="repair", title="Repair", line_description="Board")
    made = post(f"{base}/quote", remedy="repair", title="Repair of the board", **lines)
    bare = post.step(names.deciding, "send_quote")
    post(f"{base}/statements", kind="nothing_else_offered")
    sent = post.step(names.deciding, "send_quote")

    assert "compare both first" in html.unescape(bare.text)
    assert wrong.status_code == 422
    assert 'value="Board"' in wrong.text
    assert (made.status_code, sent.status_code) == (303, 303)
    assert "95.20" in client.get(base).text


def test_an_accessory_is_held_back_and_authorised(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    opened = post("/returns/new", device="SN-0008", remedy="accessory", channel="call")
    base = opened.headers["Location"]

    assert post(f"{base}/accessory", part="PSU-12", location=MAIN, quantity="1").status_code == 409
    assert "Hold an accessory back" in client.get(base).text


# --- opening -------------------------------------------------------------------------------------


def test_the_box_is_found_by_any_identifier_and_its_holder_proposed(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    page = client.get("/returns/new?device=0200.0000.aa02").text

    assert "SN-0002" in page
    assert "Ada Lovelace" in page
    assert names.authorised in page
    assert "This box has a return that is not closed" in page


def test_an_account_offers_its_boxes(client: FlaskClient, names: SimpleNamespace) -> None:
    page = client.get(f"/returns/new?account={names.account}").text

    assert f"/returns/new?device={names.uids['SN-0003']}" in page


def test_a_box_that_nobody_knows_is_said_at_the_field(client: FlaskClient) -> None:
    answer = client.get("/returns/new?device=NO-SUCH")

    assert answer.status_code == 422
    assert 'id="field-device-error"' in answer.text
    assert client.get("/returns/new?device=%00%01").status_code in {200, 422}


def test_a_return_is_opened_with_faults_and_checks(
    client: FlaskClient, post: Post, names: SimpleNamespace
) -> None:
    answer = post(
        "/returns/new",
        device=names.uids["SN-0007"],
        remedy="repair",
        channel="counter",
        complaint="Smells of smoke",
        component=["power_supply", "", ""],
        symptom=["Hot", "No picture", ""],
        **{"answer-restart": "refused", "note-restart": "afraid of it"},
    )

    page = client.get(answer.headers["Location"]).text
    assert answer.status_code == 303
    for words in ("Smells of smoke", "Power supply", "No picture", "afraid of it"):
        assert words in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"remedy": "magic"}, "remedy"),
        ({"reported_on": "2999-01-01"}, "reported_on"),
        ({"account": "A-999999"}, "account"),
        ({"component": ["flux"]}, "component"),
        ({"device": "NO-SUCH"}, "device"),
        ({"previous": "R-000001"}, "previous"),
    ],
)
def test_a_refused_opening_keeps_what_was_typed(
    post: Post, names: SimpleNamespace, wrong: dict[str, Any], field: str
) -> None:
    form = {"device": "SN-0008", "remedy": "repair", "channel": "call", "complaint": "Crackles"}
    answer = post("/returns/new", symptom=["It clicks"], **{"component": [""], **form, **wrong})

    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert "Crackles" in answer.text
    assert "It clicks" in answer.text


def test_a_second_return_of_a_box_is_refused_and_the_first_named(
    post: Post, names: SimpleNamespace
) -> None:
    answer = post("/returns/new", device="SN-0001", remedy="repair", channel="call")

    assert answer.status_code == 409
    assert "The box has another case that is not closed." in answer.text
    assert names.asked in answer.text


def test_card_and_account_offer_a_return(
    client: FlaskClient, db_of_pages: Database, names: SimpleNamespace
) -> None:
    free = client.get(f"/devices/{names.uids['SN-0008']}").text
    busy = client.get(f"/devices/{names.uids['SN-0001']}").text

    assert f"/returns/new?device={names.uids['SN-0008']}" in free
    assert names.asked in busy
    assert "/returns/new?device=" not in busy


# --- taking in by scan ---------------------------------------------------------------------------


def test_a_label_asks_for_its_box_and_the_box_is_received(
    post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    asked = post.scan(names.authorised)
    received = post.scan("020000-00AA02", label=names.authorised)

    assert "Now scan the box itself: SN-0002 is expected." in told(asked)
    assert f'name="label" value="{names.authorised}"' in asked
    assert told(received).startswith(f"Received: {names.authorised}")
    assert case_of(db_of_pages, names.authorised).state == "received"
    assert "Received at BENCH today" in received
    assert received.count("SN-0002") == 2


def test_a_box_is_received_by_its_serial_alone_and_only_once(
    post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    first, second = post.scan("SN-0003"), post.scan("SN-0003")

    assert told(first).startswith("Received:")
    assert "This box was received already" in told(second)
    assert events(db_of_pages, names.posted).count("receive") == 1
    assert "This box was received already" in told(post.scan(names.posted))
    assert "This box was received already" in told(post.scan("SN-0003", label=names.posted))


def test_a_tracking_number_stands_for_the_label(post: Post, names: SimpleNamespace) -> None:
    page = post.scan("1Z-POSTED")

    assert names.posted in told(page)
    assert f'name="label" value="{names.posted}"' in page


def test_another_box_is_shown_beside_and_written_down_when_scanned_twice(
    post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    beside = post.scan("SN-0008", label=names.authorised)
    assert "This is another box" in told(beside)
    assert beside.count("SN-0002") == 1
    assert 'name="again" value="SN-0008"' in beside
    assert case_of(db_of_pages, names.authorised).state == "authorised"

    written = post.scan("sn-0008", label=names.authorised, again="SN-0008")
    assert "another box came" in told(written)
    assert case_of(db_of_pages, names.authorised).state == "mismatch"
    assert "SN-0008" in post.scan(names.authorised) + str(post.scan("SN-0008"))


def test_a_box_that_nobody_knows_is_another_box_too(post: Post, names: SimpleNamespace) -> None:
    page = post.scan("STRANGE-1", label=names.authorised)

    assert "This is another box" in told(page)
    assert "STRANGE-1" in page


@pytest.mark.parametrize(
    ("scanned", "says"),
    [
        ("NOTHING-1", "Nothing is known as NOTHING-1."),
        ("R-999999", "Nothing is known as R-999999."),
        ("SN-0001", "asked for but not authorised"),
        ("SN-0008", "There is no open return for SN-0008."),
        ("SN-0007", "There is no open return for SN-0007."),
        ("SN-0004", "This box was received already"),
    ],
)
def test_other_scans_say_what_to_do(post: Post, scanned: str, says: str) -> None:
    page = post.scan(scanned)

    assert says in told(page)
    assert 'name="scanned" maxlength="64" required autofocus' in page


def test_an_empty_scan_and_an_unknown_place_are_told(
    post: Post, db_of_pages: Database, names: SimpleNamespace
) -> None:
    empty = post("/returns/intake", scanned=" ", place=BENCH)
    nowhere = post("/returns/intake", scanned="SN-0003", place="NOWHERE")
    kept = post("/returns/intake", scanned="x" * 65, place=BENCH, label=names.authorised)

    assert (empty.status_code, nowhere.status_code, kept.status_code) == (422, 422, 422)
    assert "Scan or type something." in told(empty.text)
    assert "Choose the place where the box is taken in." in told(nowhere.text)
    assert f'name="label" value="{names.authorised}"' in kept.text
    assert case_of(db_of_pages, names.posted).state == "in_transit_in"


def test_a_dealer_takes_in_its_own_boxes_alone(dealer: FlaskClient, names: SimpleNamespace) -> None:
    scan = Post(dealer)

    assert SHOP in dealer.get("/returns/intake").text
    assert "Nothing is known as" in told(
        scan("/returns/intake", scanned="SN-0003", place=SHOP).text
    )
    assert "not authorised" in told(scan("/returns/intake", scanned="SN-0100", place=SHOP).text)


# --- a page that is open while somebody else works on ---------------------------------------------


def asked_of(page: str) -> str:
    """Return the address that a page asks whether it has changed."""
    return html.unescape(page.partition('id="case-changed"')[2].partition('hx-get="')[2]).partition(
        '"'
    )[0]


def test_an_open_page_tells_that_somebody_else_moved_the_case(
    client: FlaskClient, names: SimpleNamespace, sign_in: Callable[[str], FlaskClient]
) -> None:
    page = client.get(f"/returns/{names.asked}")
    address = asked_of(page.text)
    same = client.get(address)
    assert (same.status_code, same.data) == (204, b"")

    Post(sign_in("amir.agent"))(f"/returns/{names.asked}/checks", **{"answer-restart": "done"})
    told = client.get(address)
    assert told.status_code == 200
    assert "This return has changed" in told.text
    assert f'href="/returns/{names.asked}"' in told.text
    assert "hx-get" not in told.text
    assert "<html" not in told.text

    fresh = asked_of(client.get(f"/returns/{names.asked}").text)
    assert fresh != address
    assert client.get(fresh).status_code == 204


def test_an_open_page_tells_that_the_box_was_worked_on(
    client: FlaskClient, post: Post, names: SimpleNamespace, db_of_pages: Database
) -> None:
    with db_of_pages.read() as session:
        order = session.scalars(
            select(WorkshopOrder)
            .join(WorkshopOrder.case)
            .where(ReturnCase.number == names.received)
        ).one()

    path = f"/workshop/{order.number}/inspection"
    post(f"{path}/begin")
    address = asked_of(client.get(f"/returns/{names.received}").text)
    before = case_of(db_of_pages, names.received).row_version
    post(path, **{"check.power.result": "pass"})
    assert client.get(address).status_code == 200
    assert case_of(db_of_pages, names.received).row_version == before


def test_what_ended_asks_no_more_and_what_nobody_sees_is_told_to_nobody(
    client: FlaskClient, dealer: FlaskClient, names: SimpleNamespace
) -> None:
    assert 'id="case-changed"' not in client.get(f"/returns/{names.cancelled}").text
    assert dealer.get(asked_of(client.get(f"/returns/{names.asked}").text)).status_code == 404
    assert client.get(f"/returns/{names.asked}/changed").status_code == 200


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(
    client: FlaskClient, names: SimpleNamespace
) -> None:
    page = f"/returns/{names.asked}"
    start = datetime.now(UTC)
    quiet = {"HX-Request": "true", "X-Quiet": "true"}
    for minutes, headers, status in ((50, {}, 200), (100, quiet, 200), (115, quiet, 204)):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert client.get(page, headers=headers).status_code == status
