"""The forms of rollouts and recalls, and their preview."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from firmware.rollouts.forms import PlanForm, read_waves, words_of
from firmware.rollouts.rules import MemberState
from stb_service.shared.errors import Invalid

NEW = "/firmware/rollouts/new"
PREVIEW = "/firmware/rollouts/preview"
WAVES = {
    "wave_share": ["10", "100"],
    "wave_soak": ["0.5", "0"],
    "wave_success": ["90", "90"],
    "wave_failure": ["10", "10"],
    "wave_failure_count": ["2", "2"],
    "wave_suspect": ["30", "30"],
    "wave_suspect_count": ["3", "3"],
    "wave_min_decided": ["", "5"],
}


def form(fleet: Any, **more: Any) -> dict[str, Any]:
    return {
        "image": fleet.images["2.0"],
        "name": "Autumn",
        "salt": "salt-of-the-form",
        "cap": "9",
        **WAVES,
        **more,
    }


def created(fleet: Any, answer: Any) -> str:
    return str(answer.location.rsplit("/", 1)[1])


def test_the_form_offers_what_there_is(browser: Any, fleet: Any) -> None:
    shown = browser.get(f"{NEW}?image={fleet.images['2.0']}")

    assert re.search(rf'<option value="{fleet.images["2.0"]}" selected>', shown)
    assert 'value="KX-1"' in shown
    assert 'value="lab"' in shown


def test_a_plan_is_written_down_as_typed(browser: Any, fleet: Any) -> None:
    answer = browser.post(NEW, **form(fleet, models="KX-1", friendly_tags="lab", grace="1.5"))

    with fleet.db.read() as session:
        rollout = fleet.rollout(session, created(fleet, answer))
        waves = [(w.number, w.share_permille, w.soak_s, w.min_decided) for w in rollout.waves]
        assert rollout.selection["models"] == ["KX-1"]
        assert rollout.friendly == ["uid-00", "uid-01", "uid-02", "uid-03"]
        assert (rollout.cap, rollout.grace_s, rollout.salt) == (9, 90, "salt-of-the-form")
        assert waves == [(0, 0, 30, None), (1, 100, 30, None), (2, 1000, 0, 5)]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"models": "KX-2"},
        {"boxes": "SN0001, 00-1a-79-00-00-02\nuid-07"},
        {"friendly": "SN0005\nSN0006"},
    ],
)
def test_what_the_preview_shows_is_what_the_start_does(
    browser: Any, fleet: Any, more: dict[str, str]
) -> None:
    typed = form(fleet, **more)
    preview = browser.post(PREVIEW, status=200, **typed).text
    public_id = created(fleet, browser.post(NEW, **typed))
    browser.post(f"/firmware/rollouts/{public_id}/start")

    told = {
        int(wave): int(boxes)
        for wave, boxes in re.findall(
            r'<tr><td>Wave (\d+) <span[^>]*>[^<]*</span></td><td class="stb-number">(\d+)', preview
        )
    }
    sample = dict(
        re.findall(
            r'/firmware/boxes/(uid-\d+)">[^<]*</a></td><td>[^<]*</td><td class="stb-number">(\d+)',
            preview,
        )
    )
    waves = fleet.waves(public_id)
    done = {wave: list(waves.values()).count(wave) for wave in sorted(set(waves.values()))}
    assert told == done
    assert sample
    assert {uid: waves[uid] for uid in sample} == {uid: int(wave) for uid, wave in sample.items()}


def test_a_preview_writes_nothing(browser: Any, fleet: Any) -> None:
    browser.post(PREVIEW, status=200, **form(fleet))
    assert "No rollouts yet" in browser.get("/firmware/rollouts")


def test_a_preview_without_an_image_asks_for_one(browser: Any, fleet: Any) -> None:
    shown = browser.post(PREVIEW, status=200, **form(fleet, image=""))
    assert "Choose an image" in shown.text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": ""}, "Missing data"),
        ({"image": "none"}, "There is no such image."),
        ({"boxes": "SN0001 NOPE"}, "No box is called NOPE."),
        ({"boxes": "x" * 65}, "is no serial and no MAC"),
        ({"wave_share": ["10", "20"]}, "The last wave reaches"),
        ({"wave_share": ["", ""]}, "At least one wave."),
        ({"cap": "9" * 30}, "Must be"),
    ],
)
def test_a_refusal_keeps_what_was_typed_and_says_why(
    browser: Any, fleet: Any, more: dict[str, Any], message: str
) -> None:
    refused = browser.post(NEW, status=422, **form(fleet, tags="lab", **more))

    assert message in refused.text
    assert re.search(r'name="tags" value="lab"[^>]*checked', refused.text)
    assert 'value="salt-of-the-form"' in refused.text


def test_a_message_stands_at_its_wave(browser: Any, fleet: Any) -> None:
    refused = browser.post(NEW, status=422, **form(fleet, wave_soak=["0", "x"])).text
    assert 'href="#field-wave-2-soak"' in refused
    assert re.search(r'is-invalid"[^>]*id="field-wave-2-soak"', refused)


def test_a_name_is_taken_once(browser: Any, fleet: Any) -> None:
    browser.post(NEW, **form(fleet))
    refused = browser.post(NEW, status=409, **form(fleet))
    assert "There is a rollout of this name already." in refused.text


@pytest.mark.parametrize("address", [NEW, PREVIEW, "/firmware/rollouts/recall"])
def test_a_viewer_may_not_plan(browser_of: Callable[..., Any], fleet: Any, address: str) -> None:
    browser_of("viewer").post(address, status=403, **form(fleet))


def test_a_recall_brings_boxes_back_in_waves(browser: Any, fleet: Any) -> None:
    public_id = fleet.start()
    uids = fleet.bring(public_id, MemberState.VERIFIED, 6)
    with fleet.db.write() as session:
        for member in fleet.rollout(session, public_id).waves and _members(session, uids):
            member.running_version = "2.0"
    recalled = {"recalled": fleet.images["2.0"], "image": fleet.images["1.0"], "reason": "hot"}

    page = browser.get(f"/firmware/rollouts/recall?recalled={fleet.images['2.0']}")
    preview = browser.post(PREVIEW, status=200, **form(fleet, **recalled)).text
    answer = browser.post("/firmware/rollouts/recall", **form(fleet, **recalled))

    assert fleet.images["1.0"] in page
    assert fleet.images["3.0"] not in page
    assert "6</span> boxes are meant" in preview
    assert set(fleet.waves(created(fleet, answer))) == set(uids)
    assert fleet.state(public_id) == "cancelled"
    assert fleet.state(created(fleet, answer)) == "running"


def _members(session: Any, uids: list[str]) -> Any:
    from sqlalchemy import select

    from firmware.boxes.models import Box

    return session.scalars(select(Box).where(Box.uid.in_(uids))).all()


def test_a_recall_to_a_newer_version_is_refused(browser: Any, fleet: Any) -> None:
    recalled = {"recalled": fleet.images["2.0"], "image": fleet.images["3.0"], "reason": "hot"}
    refused = browser.post("/firmware/rollouts/recall", status=409, **form(fleet, **recalled))
    assert "not older" in refused.text


def test_there_may_be_no_version_to_go_back_to(browser: Any, fleet: Any) -> None:
    shown = browser.get(f"/firmware/rollouts/recall?recalled={fleet.images['1.0']}")
    assert "There is no older version to go back to" in shown


def test_pasted_lists_are_parted_as_people_paste_them() -> None:
    pasted = "SN1,SN2; SN3\tSN4\r\n00 1a 79 00 00 01\n SN5 SN1 "
    assert words_of(pasted) == ["SN1", "SN2", "SN3", "SN4", "00 1a 79 00 00 01", "SN5"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"grace": "1e300"}, "grace"),
        ({"grace": "nan"}, "grace"),
        ({"cap": "0"}, "cap"),
        ({"seen_within_days": "99999999999"}, "seen_within_days"),
        ({"name": "a\x00b"}, "name"),
        ({"salt": "s" * 33}, "salt"),
    ],
)
def test_a_form_that_cannot_be_is_refused_at_its_field(typed: dict[str, str], field: str) -> None:
    plain = {"image": "image-id", "name": "Autumn"}
    assert PlanForm().validate(plain) == {}
    assert set(PlanForm().validate({**plain, **typed})) == {field}


@pytest.mark.parametrize(
    ("column", "value"),
    [("share", "x"), ("share", "0"), ("soak", "nan"), ("failure_count", "9" * 30)],
)
def test_a_wave_that_cannot_be_is_refused_at_its_cell(column: str, value: str) -> None:
    typed: MultiDict[str, str] = MultiDict({**WAVES, f"wave_{column}": ["100", value]})
    with pytest.raises(Invalid) as refused:
        read_waves(typed)
    assert set(refused.value.fields) == {f"wave-2-{column}"}
