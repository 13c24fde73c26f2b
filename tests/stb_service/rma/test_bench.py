"""What the bench may write down, and when."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.verdicts.models import LabRun
from stb_service.rma import bench
from stb_service.shared.errors import Invalid, Refused
from tests.conftest import NOW
from tests.stb_service.rma.conftest import House


@pytest.fixture
def repairing(one: House) -> House:
    """A covered fault whose repair is begun."""
    one.parts()
    one.open(one.customers_box(), "power_supply").received_somewhere().judged()
    return one.on_case("approve_repair").on_order("reserve").on_order("begin")


def run_of_lab(house: House) -> str:
    """Keep a run of the lab."""
    with house.db.write() as session:
        run = LabRun(
            name="soak", title="Soak test", form="stb-lab", evidence="emulated", verdict="pass",
            held=1, expected=1, changes=[], failing=[], result_sha256="0" * 64, sent_at=NOW,
            sent_by="rig", last_sent_at=NOW,
        )  # fmt: skip
        session.add(run)
        session.flush()
        return run.public_id


def why(house: House, verb: Any, **arguments: Any) -> list[str]:
    """Return the codes of what bars something on the bench."""
    with pytest.raises(Refused) as refusal:
        house.say(verb, **arguments)
    return [obstacle.code for obstacle in refusal.value.obstacles]


# --- runs of the lab -----------------------------------------------------------------------------


def test_a_run_that_the_lab_never_had_stands_behind_no_test(repairing: House) -> None:
    with pytest.raises(Invalid) as refusal:
        repairing.say(bench.record_test, passed=True, lab_run="nope")
    assert list(refusal.value.fields) == ["lab_run"]
    made = repairing.say(bench.record_test, passed=True)
    with pytest.raises(Invalid):
        repairing.say(bench.attach_lab_run, test=made.public_id, lab_run="nope")
    run = run_of_lab(repairing)
    assert repairing.say(bench.record_test, passed=True, lab_run=run).lab_run == run
    found = repairing.say(bench.attach_lab_run, test=made.public_id, lab_run=run)
    assert found.lab_run == run
