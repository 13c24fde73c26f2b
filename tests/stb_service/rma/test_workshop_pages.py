"""The pages of the workshop: the bench, an order, an inspection on a tablet, repair or replace, terms."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.verdicts.models import LabRun
from stb_service.rma import bench
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.terms import set_model_terms
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import read_settings
from stb_service.staff.operations import install_builtin_roles
from tests.conftest import ADMIN, NOW, PASSWORD, People, csrf_of, with_stores
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import BENCH, MAIN, PNG, PSU, House

HTMX = {"HX-Request": "true"}


class Shop:
    """A filled service behind the app, and browsers of its people."""

    def __init__(self, app: Any, settings: Any, house: House, people: People) -> None:
        self.app, self.settings, self.house, self.people = app, settings, house, people
        self._browsers: dict[str, FlaskClient] = {}

    def browser(self, username: str) -> FlaskClient:
        """Return the browser of somebody, signed in."""
        if username not in self._browsers:
            browser = self._browsers[username] = self.app.test_client()
            token = csrf_of(browser.get("/sign-in").text)
            answer = browser.post(
                "/sign-in",
                data={"username": username, "password": PASSWORD, "csrf_token": token},
            )
            assert answer.status_code == 303, answer.text
        return self._browsers[username]

    def get(self, path: str, who: str = "ines", **more: Any) -> Any:
        """Return the answer to a page that is opened."""
        return self.browser(who).get(path, **more)

    def page(self, path: str, who: str = "ines", status: int = 200) -> str:
        """Return a page."""
        answer = self.get(path, who)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    def post(self, path: str, who: str = "ines", **data: Any) -> Any:
        """Send a form the way a browser does that has opened a page."""
        browser = self.browser(who)
        token = csrf_of(browser.get("/workshop").text)
        named = {name.replace("__", "."): value for name, value in data.items()}
        return browser.post(path, data={"csrf_token": token, **named})

    def sent(self, path: str, who: str = "ines", **data: Any) -> str:
        """Send a form that is taken; return the page that it leads to."""
        answer = self.post(path, who, **data)
        assert answer.status_code == 303, answer.text
        return self.page(answer.headers["Location"], who)


@pytest.fixture(scope="module")
def made_shop(
    made_app: Any, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The database of this module, filled once."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(sqlite_template, folder / "shop.sqlite3")
    db = Database(f"sqlite:///{folder / 'shop.sqlite3'}")
    settings = read_settings({"STB_HOME": str(folder / "home")})
    house = House(db, ADMIN, NOW)
    house.files = FileStore(settings.files_dir)
    with db.write() as session:
        install_builtin_roles(session)
    people = People(db, ADMIN, NOW)
    for username, role in (("ines", "administrator"), ("omar", "administrator")):
        people.person(role, username=username)
    people.person("technician", username="tom")
    people.person("agent", username="ada")
    people.person("agent", organisation="north", username="nora")
    house.parts(5)
    yield Shop(made_app, settings, house, people)
    db.close()


@pytest.fixture
def shop(made_shop: Shop) -> Shop:
    """The same, behind the app of this process."""
    with_stores(made_shop.app, made_shop.settings, made_shop.house.db)
    return made_shop


def received(shop: Shop, serial: str, *components: str, **box: Any) -> str:
    """Let a box come in; return the number of its order."""
    device = shop.house.customers_box(serial, **box)
    shop.house.open(device, *components).received(device)
    return shop.house.order.number


def filled(*faults: tuple[str, str], result: str = "pass") -> dict[str, str]:
    """Return a whole inspection, as the form sends it."""
    form = {f"check.{code}.result": result for code in CHECKLIST}
    for number, (confirmed, cause) in enumerate(faults, 1):
        form[f"fault.{number}.confirmed"] = confirmed
        form[f"fault.{number}.fault_class"] = cause
    return form


# --- the bench -----------------------------------------------------------------------------------


def test_the_bench_shows_boxes_by_state_and_ones_own_first(shop: Shop) -> None:
    mine = received(shop, "SN-1001")
    other = received(shop, "SN-1002")
    shop.sent(f"/workshop/{mine}/inspection/begin")

    page = shop.page("/workshop")
    own, _, rest = page.partition("Arrived: ")

    assert mine in own
    assert other not in own
    assert other in rest
    assert "SN-1002" in rest
    assert other not in shop.page(f"/workshop?location={MAIN}")
    assert other in shop.page(f"/workshop?location={BENCH}")
    assert mine in shop.page("/workshop/orders?state=inspecting")
    assert other not in shop.page("/workshop/orders?state=inspecting")
    assert "No order matches" in shop.page("/workshop/orders?text=W-999")


def test_the_bench_takes_the_same_queries_for_one_more_box(shop: Shop) -> None:
    received(shop, "SN-1011")
    shop.page("/workshop")
    with statements(shop.house.db) as before:
        shop.page("/workshop")
    received(shop, "SN-1012")
    with statements(shop.house.db) as after:
        shop.page("/workshop")

    assert len(before) == len(after)


@pytest.mark.parametrize("typed", ["{order}", "{case}", "SN-1021", " sn-1021 "])
def test_a_scan_opens_the_order(shop: Shop, typed: str) -> None:
    if not hasattr(shop, "scanned"):
        shop.scanned = (received(shop, "SN-1021"), shop.house.case.number)  # type: ignore[attr-defined]
    order, case = shop.scanned  # type: ignore[attr-defined]

    answer = shop.get("/workshop/open", query_string={"scan": typed.format(order=order, case=case)})

    assert answer.headers["Location"].endswith(f"/workshop/{order}")


def test_a_scan_that_means_nothing_says_so(shop: Shop) -> None:
    answer = shop.get("/workshop/open?scan=NOBODY")

    assert "There is no order of “NOBODY” in the workshop." in shop.page(answer.headers["Location"])


# --- the inspection ------------------------------------------------------------------------------


def test_an_inspection_keeps_what_is_half_filled_in_and_ends_in_a_verdict(shop: Shop) -> None:
    order = received(shop, "SN-2001")
    path = f"/workshop/{order}/inspection"
    assert "Begin the inspection" in shop.page(path)
    shop.sent(f"{path}/begin")

    half = {"check.power.note": "smells", "fault.1.fault_class": "component"}
    refused = shop.post(path, **half)
    assert refused.status_code == 422
    assert 'value="smells"' in refused.text
    assert "Say what it came to." in refused.text
    assert "Choose one of these." in refused.text
    assert 'value="component" checked' in refused.text

    early = shop.sent(path, **filled(), then="judge")
    assert "What you filled in is kept." in early
    assert 'value="pass" id="field-check-power-result" checked' in early
    assert "stb-flash" in early.partition("alert-error")[2]

    done = shop.sent(path, **filled(("yes", "component")), then="judge")
    assert "The verdict is stated." in done
    assert "In warranty" in done
    assert "Component failed" in done


def test_an_inspector_names_the_component_that_is_to_blame(shop: Shop) -> None:
    order = received(shop, "SN-2012", "remote")
    path = f"/workshop/{order}/inspection"
    shop.sent(f"{path}/begin")
    asked = f"{path}/faults/1?fault.1.confirmed=yes&fault.1.fault_class=component"
    said = {**filled(("yes", "component")), "fault.1.component": "mainboard"}

    assert "Out of warranty" in shop.page(asked).partition("What other causes")[0]
    other = shop.page(f"{asked}&fault.1.component=mainboard").partition("What other causes")[0]
    assert "In warranty" in other
    assert shop.post(path, **{**said, "fault.1.component": "soul"}).status_code == 422
    assert shop.post(path, **{"fault.1.component": "mainboard"}).status_code == 422
    assert "found: Mainboard" in shop.sent(path, **said, then="judge")
    answer = shop.house.case
    assert answer.state == "decision_pending"


def test_the_rules_propose_a_verdict_and_ask_for_a_photograph_at_once(shop: Shop) -> None:
    order = received(shop, "SN-2011")
    path = f"/workshop/{order}/inspection"
    shop.sent(f"{path}/begin")
    asked = f"{path}/faults/1"

    empty = shop.page(asked)
    liquid = shop.page(f"{asked}?fault.1.confirmed=yes&fault.1.fault_class=liquid")
    unseen = shop.page(f"{asked}?fault.1.confirmed=no&fault.1.fault_class=liquid")
    contract = shop.page(
        f"{asked}?fault.1.confirmed=yes&fault.1.fault_class=liquid&fault.1.contract=true"
    )

    assert "What the causes would come to" in empty
    assert "User fault" in liquid
    assert "take one now" in liquid
    assert "when it was covered" in liquid
    assert "take one now" not in unseen
    assert "Covered by contract" in contract.partition("What other causes")[0]
    assert shop.get(f"{path}/faults/9").status_code == 404


def test_an_inspector_is_asked_for_the_counter_where_the_policy_counts_hours(shop: Shop) -> None:
    house = shop.house
    plain = f"/workshop/{received(shop, 'SN-2015')}/inspection"
    shop.sent(f"{plain}/begin")
    house.in_force("counted", doa_hours=48)
    house.assign("counted", since=house.now.date())
    order = received(shop, "SN-2016", sold_on=house.now.date())
    path, asked = f"/workshop/{order}/inspection", f"/workshop/{order}/inspection/faults/1"
    shop.sent(f"{path}/begin")

    assert 'name="fault.1.hours_on"' not in shop.page(plain)
    assert 'name="fault.1.hours_on"' in shop.page(path)
    answers = "fault.1.confirmed=yes&fault.1.fault_class=component"
    for typed, verdict in (("", "arrival"), ("48", "arrival"), ("49", "In warranty")):
        proposed = shop.page(f"{asked}?{answers}&fault.1.hours_on={typed}")
        assert verdict in proposed.partition("What other causes")[0].partition("</p>")[0]

    wrong = shop.post(path, **filled(("yes", "component")), **{"fault.1.hours_on": "4.5"})
    assert wrong.status_code == 422
    assert 'value="4.5"' in wrong.text
    assert "0 to 100000 hours." in wrong.text

    form = {**filled(("yes", "component")), "fault.1.hours_on": "49"}
    kept = shop.sent(path, **form)
    assert 'name="fault.1.hours_on" value="49"' in kept
    done = shop.sent(path, **form, then="judge")
    assert "In warranty" in done
    assert "49 hours of operation" in done
    assert "49 hours of operation" in shop.page(f"/returns/{house.case.number}")


def test_photographs_are_taken_one_by_one_and_sent_as_nothing_but_pictures(shop: Shop) -> None:
    order = received(shop, "SN-2021")
    shop.sent(f"/workshop/{order}/inspection/begin")
    browser = shop.browser("ines")
    token = csrf_of(shop.page("/workshop"))

    def upload(data: bytes, name: str = "a.html", **form: str) -> Any:
        return browser.post(
            f"/workshop/{order}/photos",
            data={"csrf_token": token, "photo": (BytesIO(data), name), **form},
            headers=HTMX,
        )

    kept = upload(PNG, fault="1")
    assert kept.status_code == 200
    assert 'id="photos-1"' in kept.text
    assert "<!doctype" not in kept.text
    refused = upload(b"<script>alert(1)</script>", fault="1")
    assert refused.status_code == 422
    assert "A photograph is a JPEG, PNG or WebP picture." in refused.text
    assert 'id="photos-1"' in refused.text
    assert 'id="photos-0"' in upload(PNG, "b.png").text
    assert upload(PNG, fault="7").status_code == 404

    ref = kept.text.partition("/returns/photos/")[2].partition('"')[0]
    file = shop.get(f"/returns/photos/{ref}/file")
    assert file.data == PNG
    assert file.mimetype == "image/png"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in file.headers["Content-Security-Policy"]
    assert "Fault 1" in shop.page(f"/returns/photos/{ref}")
    assert shop.get(f"/returns/photos/{ref}", "nora").status_code == 404
    assert shop.get(f"/returns/photos/{ref}/file", "nora").status_code == 404
    assert f"/returns/photos/{ref}" in shop.page(f"/workshop/{order}")


def test_goodwill_is_granted_where_the_box_lies(shop: Shop) -> None:
    order = received(shop, "SN-2026", "mainboard")
    shop.house.judged("liquid", photo=True)
    page = f"/workshop/{order}"
    assert "Grant goodwill" in shop.page(page)
    assert "Grant goodwill" not in shop.page(page, "tom")

    refused = shop.post(f"{page}/goodwill", number="1", reason="")
    assert refused.status_code == 422
    assert "goodwill-reason-error" in refused.text
    assert shop.post(f"{page}/goodwill", "tom", number="1", reason="x").status_code == 403
    granted = shop.sent(f"{page}/goodwill", number="1", reason="A customer for ten years")

    assert "Goodwill, ines" in granted
    assert "Grant goodwill" not in granted


def test_a_second_inspection_hides_the_first_verdict_and_refuses_the_first_inspector(
    shop: Shop,
) -> None:
    order = received(shop, "SN-2031")
    path = f"/workshop/{order}/inspection"
    shop.sent(f"{path}/begin")
    browser, token = shop.browser("ines"), csrf_of(shop.page("/workshop"))
    browser.post(
        f"/workshop/{order}/photos",
        data={"csrf_token": token, "photo": (BytesIO(PNG), "a.png"), "fault": "1"},
    )
    note = {"fault.1.note": "sticky traces"}
    shop.sent(path, **filled(("yes", "liquid")), **note, then="judge")
    shop.house.ref = order
    shop.house.on_case("dispute", reason="It was dry.")

    first = shop.page(path)
    assert "What is contested is judged by somebody else" in first
    assert 'name="fault.1.confirmed"' not in first
    second = shop.page(path, "omar")
    assert "It was dry." in second
    assert "sticky traces" not in second
    assert "First verdict:" not in second

    said = {"fault.1.confirmed": "yes", "fault.1.fault_class": "component"}
    kept = shop.sent(path, "omar", **said)
    assert "First verdict" in kept
    assert "User fault" in kept
    done = shop.sent(path, "omar", then="judge")
    assert "Second verdict" in done


# --- the work ------------------------------------------------------------------------------------


def test_a_repair_is_planned_made_tested_and_finished_on_the_page(shop: Shop) -> None:
    order = received(shop, "SN-3001", "power_supply")
    path, house = f"/workshop/{order}", shop.house
    case = house.case.number
    shop.sent(f"{path}/inspection/begin")
    shop.sent(f"{path}/inspection", **filled(("yes", "component")), then="judge")
    house.ref = case
    house.on_case("approve_repair")
    with house.db.write() as session:
        run = LabRun(
            name="soak", title="Soak test", form="stb-lab", evidence="emulated", verdict="pass",
            held=1, expected=1, changes=[], failing=[], result_sha256="0" * 64, sent_at=NOW,
            sent_by="rig", last_sent_at=NOW,
        )  # fmt: skip
        session.add(run)
        session.flush()
        lab_run = run.public_id

    refused = shop.post(f"{path}/parts", part="NO-SUCH", quantity="2")
    assert refused.status_code == 422
    assert 'value="NO-SUCH"' in refused.text
    assert "There is no such part." in refused.text
    many = shop.sent(f"{path}/parts", part=PSU, quantity="50")
    assert "missing" in many
    barred = shop.page(path)
    assert f"Parts are missing: {PSU}." in barred
    assert PSU in shop.page("/workshop").partition("Repair planned")[2]
    missing = barred.partition(f"{path}/parts/")[2].partition("/")[0]
    shop.sent(f"{path}/parts/{missing}/drop")
    planned = shop.sent(f"{path}/parts", part=PSU, fault="1")
    assert "reserved" in planned
    part = planned.partition('/use"')[0].rpartition("/")[2]

    shop.sent(f"{path}/steps", machine="order", event="reserve")
    shop.sent(f"{path}/steps", machine="order", event="begin")
    wait = shop.post(f"{path}/steps", machine="order", event="wait_for_parts", carrier="Post")
    assert wait.status_code == 409
    assert "This needs another look" in wait.text

    assert "1 used" in shop.sent(f"{path}/parts/{part}/use")
    assert "30 minutes" in shop.sent(f"{path}/labour", what="exchange", minutes="30", fault="1")
    swapped = shop.sent(
        f"{path}/components", component="mainboard", old_serial="OLD-1", new_serial="NEW-1"
    )
    assert "NEW-1" in swapped
    assert "1.1.0" in shop.sent(f"{path}/firmware", before="1.0.0", after="1.1.0")
    shop.sent(f"{path}/steps", machine="order", event="test")
    wrong = shop.post(f"{path}/tests", passed="yes", lab_run="nothing")
    assert wrong.status_code == 422
    assert "There is no such run." in wrong.text
    tested = shop.sent(f"{path}/tests", passed="yes", note="an hour")
    test = tested.partition(f"{path}/tests/")[2].partition("/")[0]
    assert f"/lab/runs/{lab_run}" in shop.sent(f"{path}/tests/{test}/run", lab_run=lab_run)
    finished = shop.sent(f"{path}/steps", machine="order", event="finish")

    assert "Repaired" in finished
    assert house.states == ("repaired", "repaired")


def test_a_box_from_stock_is_admitted_wiped_graded_and_photographed(shop: Shop) -> None:
    shop.house.spare("SN-3011")
    assert "There is no such box." in shop.post("/workshop/admit", device="NOTHING").text

    page = shop.sent("/workshop/admit", device="sn-3011")
    order = page.partition("Workshop order ")[2].partition(" ")[0].partition("<")[0]
    assert "from stock" in page
    assert "Signs of use" in shop.sent(f"/workshop/{order}/grade", grade="B")
    assert "three passes" in shop.sent(
        f"/workshop/{order}/wiping", method="overwritten", note="three passes"
    )
    assert shop.post(f"/workshop/{order}/wiping", method="overwritten", note=" ").status_code == 422
    shop.sent(f"/workshop/{order}/inspection/begin")
    assert "hums" in shop.sent(f"/workshop/{order}/faults", symptom="hums", back="inspection")


def test_who_may_not_repair_is_offered_nothing_to_write_down(shop: Shop) -> None:
    order = received(shop, "SN-3021")

    page = shop.page(f"/workshop/{order}", "ada")

    assert "Plan a part" not in page
    assert shop.post(f"/workshop/{order}/parts", "ada", part=PSU).status_code == 403
    assert shop.get(f"/workshop/{order}/inspection", "ada").status_code == 403
    assert shop.get(f"/workshop/{order}", "nora").status_code == 404
    assert order not in shop.page("/workshop", "nora")


@pytest.mark.parametrize(
    "path",
    ["", "/inspection", "/comparison", "/inspection/faults/1"],
)
def test_what_is_not_there_is_not_found(shop: Shop, path: str) -> None:
    assert shop.get(f"/workshop/W-999999{path}").status_code == 404


# --- repair or replace, terms --------------------------------------------------------------------


def test_repair_and_replacement_are_tried_kept_and_chosen(shop: Shop) -> None:
    order = received(shop, "SN-4001")
    case = shop.house.case.number
    path = f"/workshop/{order}/comparison"
    if "were not compared yet" in shop.page(path):
        shop.house.do(
            set_model_terms,
            model="AUR-1",
            currency="EUR",
            new_minor=9_900,
            refurbished_minor=5_900,
            labour_minor=4_000,
        )

    form = shop.page(path)
    assert "€99.00" in form
    assert "consumer_chooses" not in form
    tried = shop.page(f"{path}?parts=10&labour=20")
    assert "This is tried and not kept yet." in tried
    assert "€30.00" in tried
    assert "Cost of a month" in tried
    assert "were not compared yet" in shop.page(path)

    wrong = shop.post(path, parts="ten", labour="20", bounce_permille="200")
    assert wrong.status_code == 422
    assert 'value="ten"' in wrong.text
    assert "An amount with at most 2 decimals" in wrong.text
    assert 'id="field-bounce_permille-error"' in wrong.text

    kept = shop.sent(path, parts="60", labour="20", repair_price="75.50", tau_permille="1")
    assert "€75.50" in kept
    assert "beyond economic repair" in kept
    assert "The repair costs more than 60 %" in kept
    ref = kept.partition("/comparison/")[2].partition("/")[0]
    chosen = shop.sent(f"/returns/{case}/comparison/{ref}/choice", choice="new", note="by phone")
    assert "Chosen: A new box" in chosen
    assert "by phone" in chosen
    assert shop.post(f"/returns/{case}/comparison/{ref}/choice", choice="gold").status_code == 422
    assert "For the operator" not in shop.page(f"/returns/{case}/comparison", "nora", 404)


def test_the_terms_of_a_model_keep_what_was_typed_and_are_listed(shop: Shop) -> None:
    path = "/returns/terms/AUR-1"
    given = {
        "currency": "eur",
        "new_minor": "120",
        "refurbished_minor": "70",
        "unreturned_minor": "80.50",
        "labour_minor": "45",
        "tau": "62.5",
        "tax": "19",
        "may_send_ahead": "true",
        "repaired_life_months": "24",
        "replacement_life_months": "48",
        "supported_until_on": "2029-12-31",
    }

    wrong = shop.post(path, **{**given, "unreturned_minor": "80.505", "tau": "101"})
    assert wrong.status_code == 422
    assert 'value="80.505"' in wrong.text
    assert 'id="field-tau-error"' in wrong.text
    listed = shop.sent(path, **given)

    assert "€80.50" in listed
    assert "62.5%" in listed
    form = shop.page(path)
    assert 'value="62.5"' in form
    assert 'value="2029-12-31"' in form
    assert shop.get("/returns/terms/NONE").status_code == 404
    assert shop.get("/returns/terms", "ada").status_code == 403


def test_the_days_of_each_wait_are_set(shop: Shop) -> None:
    days = dict.fromkeys(
        ("request_days", "authorised_days", "ahead_days", "choice_days", "payment_days"), "21"
    )
    rest = {"storage_days": "60", "confirm_days": "14", "repeat_days": "90"}

    wrong = shop.post("/returns/terms", **{**days, **rest, "storage_days": "9999"})
    assert wrong.status_code == 422
    assert 'value="9999"' in wrong.text
    page = shop.sent("/returns/terms", **days, **rest)

    assert 'name="payment_days" value="21"' in page
    assert "Last changed by ines." in page


# --- the card of a box ---------------------------------------------------------------------------


def test_the_card_of_a_box_lists_the_components_that_were_exchanged(shop: Shop) -> None:
    house = shop.house
    order = received(shop, "SN-9701")
    box = house.case.device.public_id
    card = f"/devices/{box}"
    house.judged().on_case("approve_repair")
    assert "Components exchanged" not in shop.page(card)

    house.on_order("reserve").on_order("begin")
    house.say(bench.swap_component, component="disk", old_serial="D-1", new_serial="D-2")
    house.say(bench.swap_component, component="disk", new_serial="D-3")

    told = shop.page(card).partition("Components exchanged")[2]
    assert 0 < told.index("D-3") < told.index("D-1")
    assert f'href="/workshop/{order}"' in told
    with statements(house.db) as before:
        shop.page(card)
    house.say(bench.swap_component, component="disk", new_serial="D-4")
    with statements(house.db) as after:
        shop.page(card)
    assert len(before) == len(after)
