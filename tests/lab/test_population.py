import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.box.identity import MAKES, Identity, Wire, make_identities
from lab.fleet.identity_files import COLUMNS, Listed, read_identities, write_identities
from lab.fleet.mixture import deal, read_mixture, spread


def made(total: int, seed: int = 1) -> list[Identity]:
    models = [(make.model, make.revisions[0]) for make in MAKES]
    return make_identities(
        seed=seed,
        models=[models[index % len(models)] for index in range(total)],
        wires=[Wire.DDI] * total,
        version="1.0.0",
        with_tokens=True,
    )


@given(
    shares=st.dictionaries(st.text(min_size=1), st.integers(0, 100), min_size=1).filter(
        lambda shares: any(shares.values())
    ),
    total=st.integers(0, 500),
)
def test_a_mixture_fills_the_fleet_and_strays_less_than_a_box_from_each_share(
    shares: dict[str, int], total: int
) -> None:
    counts = spread(shares, total)
    weight = sum(shares.values())
    assert sum(counts.values()) == total
    assert all(abs(counts[name] * weight - shares[name] * total) < weight for name in shares)


def test_numbers_that_add_up_to_the_fleet_are_exact_counts() -> None:
    assert spread({"healthy": 53, "liar": 2, "silent": 5}, 60) == {
        "healthy": 53,
        "liar": 2,
        "silent": 5,
    }


def test_a_deal_is_the_same_for_the_same_seed() -> None:
    assert deal({"a": 5, "b": 5}, 10, random.Random(3)) == deal(
        {"a": 5, "b": 5}, 10, random.Random(3)
    )


def test_a_name_alone_counts_one() -> None:
    assert read_mixture("healthy, liar=3") == {"healthy": 1, "liar": 3}


@pytest.mark.parametrize(
    "text", ["", "healthy=", "healthy=-1", "healthy=x", "=3", "a=1,a=2", "a=0"]
)
def test_a_mixture_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read|twice|nothing"):
        read_mixture(text)


def test_no_two_boxes_share_a_serial_or_a_mac() -> None:
    boxes = made(600)
    assert len({box.serial for box in boxes}) == len({box.mac for box in boxes}) == 600


def test_boxes_look_as_their_makers_number_them() -> None:
    infomir, amino = made(4)[0], made(4)[3]
    assert re.fullmatch(r"(0[1-9]|1[0-2])20(1[4-9]|2[0-3])[A-Z]\d{6}", infomir.serial)
    assert re.fullmatch(r"00:1A:79(:[0-9A-F]{2}){3}", infomir.mac)
    assert re.fullmatch(r"\d{2}-\d{7}", amino.serial)


def test_the_same_seed_makes_the_same_boxes_and_another_seed_others() -> None:
    assert made(20) == made(20)
    assert made(20) != made(20, seed=2)


@pytest.mark.parametrize("name", ["boxes.csv", "boxes.jsonl"])
def test_identities_survive_a_file(tmp_path: Path, name: str) -> None:
    boxes = made(12)
    write_identities(tmp_path / name, boxes)
    read = read_identities(tmp_path / name, version="unused")
    assert read == [Listed(identity) for identity in boxes]


def test_the_file_has_the_documented_columns(tmp_path: Path) -> None:
    write_identities(tmp_path / "boxes.csv", made(1))
    header = (tmp_path / "boxes.csv").read_text().splitlines()[0]
    assert header == ",".join(COLUMNS)
    assert header == "serial,mac,model,revision,version,wire,controller_id,token"


def test_a_file_may_leave_out_all_but_serial_mac_and_model(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("mac,model,serial,colour,personality\n00:1A:79:00:00:01,MAG254,S1,red,liar\n")
    (listed,) = read_identities(path, version="1.0.0")
    expected = Identity("S1", "00:1A:79:00:00:01", "MAG254", "", "1.0.0", Wire.DDI, "S1")
    assert listed == Listed(expected, personality="liar")


@pytest.mark.parametrize(
    "text",
    [
        "serial,mac,model\n",
        "serial,mac,model\nS1,,MAG254\n",
        "serial,mac,model\nS1,M1,MAG254\nS1,M2,MAG254\n",
        "serial,mac,model,wire\nS1,M1,MAG254,telex\n",
    ],
)
def test_a_file_that_names_no_proper_boxes_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"boxes with|has no|not a valid"):
        read_identities(path, version="1.0.0")
