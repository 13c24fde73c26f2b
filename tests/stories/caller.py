"""An operator as its people and machines see it: through the API, and nothing behind it.

The world of a story is made through the API too, but for who is there: people and their tokens.
"""

from __future__ import annotations

import io
import itertools
from datetime import datetime, timedelta
from typing import Any

from flask.testing import FlaskClient

from tests.conftest import Api, People

TERMS: dict[str, Any] = {
    "starts": [{"basis": "sale"}, {"basis": "production", "after_days": 180}],
    "months": 24,
    "last_day": "anniversary",
    "doa_days": 14,
    "excluded": ["liquid"],
}
PSU, BOX = "PSU-12", "BOX-AUR-1"
MAIN, BENCH, SHOP, ACME = "MAIN", "BENCH", "SHOP-N", "ACME"
PLACES = (
    (MAIN, "warehouse", None),
    (BENCH, "warehouse", None),
    (SHOP, "dealer", "north"),
    (ACME, "supplier", None),
)
PRECHECKS = ("restart", "cables", "firmware", "outage")
CHECKLIST = ("identity", "seals", "outside", "liquid", "power", "picture", "network", "remote")
SOLD, OLD, LATELY = "2025-05-05", "2022-05-05", "2026-02-25"
TAX = 190_000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Clock:
    """The time of a story: ten minutes pass with each request."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=10)
        return self.now

    def pass_days(self, days: int) -> None:
        """Let days pass."""
        self.now += timedelta(days=days)


class Caller:
    """Somebody with a token. Each call is told which status is expected, and returns the answer."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def __call__(self, method: str, path: str, status: int = 200, /, **arguments: Any) -> Any:
        answer = self._api(method, path, **arguments)
        assert answer.status_code == status, f"{method} {path}: {answer.status} {answer.text}"
        return answer.json if answer.is_json else answer.data

    def get(self, path: str, **query: str) -> Any:
        """Read."""
        return self("GET", path, query_string=query)

    def post(self, path: str, status: int = 201, /, **body: Any) -> Any:
        """Send a body."""
        return self("POST", path, status, json=body)

    def put(self, path: str, **body: Any) -> Any:
        """Set something."""
        return self("PUT", path, json=body)

    def patch(self, path: str, **body: Any) -> Any:
        """Change something."""
        return self("PATCH", path, json=body)


class World:
    """The operator of a story, with a dealer, a shelf, and a household; and the case it is about."""

    def __init__(self, browser: FlaskClient, people: People, clock: Clock) -> None:
        self._browser, self._people, self.clock = browser, people, clock
        self._serials = itertools.count(1)
        people.organisation("north")
        self.boss = self.somebody("administrator")
        self.agent = self.somebody("agent")
        self.ines = self.somebody("technician", name="ines.tech")
        self.omar = self.somebody("technician", name="omar.tech")
        self.nora = self.somebody("agent", "north")
        self._furnish()
        home = self.agent.post("/accounts", kind="person", name="Ada Lovelace", currency="EUR")
        self.home = home["id"]
        self.agent.post(f"/accounts/{self.home}/sites", name="Home", timezone="Europe/Berlin")
        self.ref = ""

    def somebody(
        self, role: str, organisation: str = "operator", name: str | None = None
    ) -> Caller:
        """Return somebody of a role."""
        person = self._people.person(role, organisation, name)
        return Caller(Api(self._browser, self._people.token(person)))

    def _furnish(self) -> None:
        boss = self.boss
        boss.post("/models", code="AUR-1", name="Aurora One", maker="Aurora")
        for code, kind, organisation in PLACES:
            boss.post("/locations", code=code, name=code, kind=kind, organisation=organisation)
        boss.post(
            "/parts",
            sku=PSU,
            name="Power supply",
            currency="EUR",
            component="power_supply",
            fits=[{"model": "AUR-1"}],
        )
        boss.post("/parts", sku=BOX, name="Aurora One", currency="EUR", model="AUR-1")
        policy = boss.post(
            "/warranty/policies", code="plain", title="Plain", jurisdiction="EU", terms=TERMS
        )
        boss.post(f"/warranty/policies/{policy['id']}/publish", 200, in_force_from="2015-01-01")
        boss.post("/warranty/assignments", policy="plain", from_on="2015-01-01")

    # --- boxes and stock ------------------------------------------------------------------------

    def customers_box(
        self, tenure: str = "sold", sold_on: str = SOLD, seller: str | None = None
    ) -> dict[str, Any]:
        """Register a box, and give it to the household."""
        box: dict[str, Any] = self.agent.post(
            "/devices",
            serial=f"SN-{next(self._serials):04}",
            model="AUR-1",
            tenure=tenure,
            sold_on=sold_on,
            status="sold",
            seller=seller,
        )
        self.agent.post(f"/devices/{box['id']}/holdings", 200, account=self.home, tenure=tenure)
        return box

    def spare(self, place: str = MAIN) -> dict[str, Any]:
        """Put a new box on a shelf."""
        box: dict[str, Any] = self.agent.post(
            "/devices", serial=f"SN-{next(self._serials):04}", model="AUR-1"
        )
        self._receive(place, device=box["id"], unit_cost_minor=9_000)
        return box

    def supplies(self, place: str = BENCH) -> None:
        """Receive five power supplies."""
        self._receive(place, part=PSU, quantity=5, unit_cost_minor=700)

    def _receive(self, place: str, **what: Any) -> None:
        self.agent.post("/stock-receipts", from_location=ACME, to_location=place, **what)

    def place_of(self, box: dict[str, Any]) -> tuple[str, str]:
        """Return where a box stands by its last move, and in which condition."""
        last = self.boss.get("/stock-moves", device=box["id"])["items"][0]["target"]
        return last["location"]["code"], last["condition"]

    def on_hand(self, place: str = BENCH, part: str = PSU) -> int:
        """Return how many pieces of a part are at a place and of use; an old piece is none."""
        lines = self.boss.get(f"/locations/{place}/stock")["items"]
        found: list[int] = [
            standing["on_hand"]
            for line in lines
            if line["part"]["sku"] == part
            for standing in line["standings"]
            if standing["condition"] != "defective"
        ]
        return sum(found)

    def moved(self, ref: str | None = None) -> list[tuple[str, str, str]]:
        """Return what moved because of the case, the first first: what, from where, to where."""
        items = self.boss.get("/stock-moves", reference=ref or self.ref)["items"]
        return [
            (
                item["part"]["sku"],
                item["source"]["location"]["code"],
                item["target"]["location"]["code"],
            )
            for item in reversed(items)
        ]

    def status_of(self, box: dict[str, Any]) -> str:
        """Return where a box is in its life."""
        found: str = self.boss.get(f"/devices/{box['id']}")["status"]
        return found

    # --- money and holdings ---------------------------------------------------------------------

    @property
    def balance(self) -> int:
        """What the household owes."""
        rows = self.boss.get(f"/accounts/{self.home}/ledger")["balances"]
        return sum(row["minor"] for row in rows)

    @property
    def entries(self) -> list[tuple[str, int]]:
        """The household's ledger, the first first."""
        rows = self.boss.get(f"/accounts/{self.home}/ledger")["items"]
        return [(row["cause"], row["amount_minor"]) for row in reversed(rows)]

    @property
    def held(self) -> set[str]:
        """The serials of the boxes that the household has."""
        rows = self.boss.get(f"/accounts/{self.home}/holdings")["items"]
        return {row["device"]["serial"] for row in rows if row["until"] is None}

    # --- the case -------------------------------------------------------------------------------

    def open(
        self, box: dict[str, Any], *components: str, by: Caller | None = None, **more: Any
    ) -> World:
        """Open a case; what follows is about it."""
        faults = [{"component": name, "symptom": "does not work"} for name in components or ("",)]
        caller = by or self.agent
        self.ref = caller.post("/returns", device=box["serial"], faults=faults, **more)["number"]
        return self

    @property
    def case(self) -> Any:
        """The case as the administrator reads it."""
        return self.boss.get(f"/returns/{self.ref}")

    @property
    def order(self) -> Any:
        """The workshop order of the case."""
        return self.boss.get(f"/workshop-orders/{self.case['order']['number']}")

    @property
    def states(self) -> tuple[str, str]:
        """Where both machines are."""
        case = self.case
        return case["state"], case["order"]["state"]

    def says(self, path: str, status: int = 201, *, by: Caller | None = None, **body: Any) -> World:
        """Say something of the case."""
        (by or self.agent).post(f"/returns/{self.ref}/{path}", status, **body)
        return self

    def works(self, path: str, status: int = 201, *, by: Caller | None = None, **body: Any) -> Any:
        """Write something down about the box in the workshop."""
        number = self.case["order"]["number"]
        return (by or self.ines).post(f"/workshop-orders/{number}/{path}", status, **body)

    def step(self, event: str, *, by: Caller | None = None, **said: Any) -> World:
        """Make a step of the case."""
        self._step(by or self.agent, f"/returns/{self.ref}", event, said, 200)
        return self

    def work(self, event: str, *, by: Caller | None = None, **said: Any) -> World:
        """Make a step of the workshop order."""
        number = self.case["order"]["number"]
        self._step(by or self.ines, f"/workshop-orders/{number}", event, said, 200)
        return self

    def refused(self, event: str, *, by: Caller | None = None, **said: Any) -> list[str]:
        """Return what bars a step of the case."""
        problem = self._step(by or self.agent, f"/returns/{self.ref}", event, said, 409)
        return [obstacle["code"] for obstacle in problem["obstacles"]]

    def refused_work(self, event: str, **said: Any) -> list[str]:
        """Return what bars a step of the workshop order."""
        path = f"/workshop-orders/{self.case['order']['number']}"
        problem = self._step(self.ines, path, event, said, 409)
        return [obstacle["code"] for obstacle in problem["obstacles"]]

    def _step(
        self, caller: Caller, path: str, event: str, said: dict[str, Any], status: int
    ) -> Any:
        return caller("POST", f"{path}/steps", status, json={"event": event, **said})

    # --- parts of stories -----------------------------------------------------------------------

    def authorised(self) -> World:
        """Record what comes before a return, and authorise it."""
        for code in PRECHECKS:
            self.agent.put(f"/returns/{self.ref}/prechecks/{code}", answer="done")
        return self.step("approve")

    def received(self, box: dict[str, Any], place: str = BENCH) -> World:
        """Let the box come in by a parcel."""
        self.authorised().step("post", carrier="Post", tracking="1Z1")
        return self.step("receive", by=self.ines, scanned=box["serial"], location=place)

    def judged(
        self, fault_class: str = "component", *, confirmed: str = "yes", photo: bool = False
    ) -> World:
        """Let Ines inspect the box, and judge every fault alike."""
        self.work("inspect")
        number = self.case["order"]["number"]
        for code in CHECKLIST:
            self.ines.put(f"/workshop-orders/{number}/checks/{code}", result="pass")
        for fault in self.case["faults"]:
            self.judge(fault["number"], fault_class, confirmed=confirmed)
            if photo:
                form = {"photo": (io.BytesIO(PNG), "box.png"), "fault": str(fault["number"])}
                self.ines("POST", f"/returns/{self.ref}/photos", 201, data=form)
        return self.work("judge")

    def judge(
        self, number: int, fault_class: str, *, confirmed: str = "yes", by: Caller | None = None
    ) -> World:
        """State what was found of a fault."""
        path = f"/workshop-orders/{self.case['order']['number']}/faults/{number}/verdict"
        (by or self.ines).put(path, confirmed=confirmed, fault_class=fault_class)
        return self

    def repaired(self, *swaps: dict[str, Any]) -> World:
        """Repair the box with a power supply and by some swaps, test it, and finish."""
        planned = self.works("parts", part=PSU)["parts"][-1]
        assert planned["is_reserved"]
        self.work("reserve").work("begin")
        self.works(f"parts/{planned['id']}/use", 200)
        for swap in swaps:
            self.works("components", **swap)
        self.works("labour", what="exchange", minutes=30, rate_minor=4_000)
        number = self.case["order"]["number"]
        self.ines.put(f"/workshop-orders/{number}/firmware", before="1.0.0", after="1.1.0")
        self.work("test")
        self.works("tests", passed=True)
        return self.work("finish")

    def quoted(self, amount: int = 5_000) -> World:
        """Quote the repair, and send the quote."""
        line = {"kind": "labour", "description": "Repair", "unit_minor": amount, "tax_ppm": TAX}
        self.step("quote").says("quote", lines=[line])
        return self.says("statements", kind="nothing_else_offered").step("send_quote")

    def pays(self, amount_minor: int, **whose: str) -> World:
        """Take money."""
        fields = {"amount_minor": amount_minor, "currency": "EUR", "method": "cash"}
        self.agent.post("/payments", **fields, **whose)
        return self

    def allocated(self, box: dict[str, Any], by: Caller | None = None) -> World:
        """Keep a box for the case."""
        return self.says("exchange", device=box["serial"], by=by)

    def provisioned(self) -> World:
        """Let the new box be provisioned, and what was pinned to the old one be released."""
        return self.says("provisioning-acknowledgement", 200).says("pins-release", 200)
