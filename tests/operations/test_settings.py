"""Settings: read once, refused by name, the key kept for its owner."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from stb_service.app import make_app
from stb_service.cli import main
from stb_service.shared.db import Database
from stb_service.shared.errors import Misconfigured
from stb_service.shared.settings import SETTINGS, Settings, read_settings
from stb_service.staff.rules import password_problems
from stb_service.staff.setup import FIRST_ADMINISTRATOR
from tests.conftest import People, csrf_of

BAD = [
    ("STB_PORT", "eighty"),
    ("STB_PORT", "-1"),
    ("STB_PORT", "65536"),
    ("STB_EDGE_PORT", "8001.5"),
    ("STB_EDGE_PORT", "8000"),
    ("STB_PUBLIC_URL", "tv.example.com"),
    ("STB_PUBLIC_URL", "https://"),
    ("STB_PUBLIC_URL", "ftp://tv.example.com"),
    ("STB_EDGE_URL", "//boxes.example.com"),
    ("STB_EDGE_URL", "http://boxes.example.com/?a=b"),
    ("STB_TRUSTED_PROXIES", "10.0.0.0/33"),
    ("STB_TRUSTED_PROXIES", "10.0.0.1,proxy.example.com"),
    ("STB_XCONF_FROM", "10.0.0.0/33"),
    ("STB_DATABASE_URL", "somewhere"),
    ("STB_DATABASE_URL", "mysql://localhost/stb"),
    ("STB_SECRET_KEY", "short"),
    ("STB_ADMIN_PASSWORD", "elevenchars"),
    ("STB_ADMIN_PASSWORD", "x" * 257),
    ("STB_ADMIN_PASSWORD", "the-Admin-password"),
    ("STB_ADMIN_PASSWORD", "abcabcabcabcabc"),
    ("STB_TENANT", "two/parts"),
    ("STB_TENANT", "x" * 65),
    ("STB_TIMEZONE", "Mars/Olympus"),
    ("STB_TIMEZONE", "../etc/passwd"),
    ("STB_LANGUAGE", "xx"),
    ("STB_DEMO_BOXES", "-1"),
    ("STB_DEMO_BOXES", "many"),
    ("STB_POLL_INTERVAL_S", "0"),
    ("STB_POLL_INTERVAL_S", "86400"),
    ("STB_UNKNOWN_BOX", "ignore"),
    ("STB_CONTROLLER_ID", "serial,imei"),
    ("STB_CONTROLLER_ID", ","),
    ("STB_ATTRIBUTES", "colour=x"),
    ("STB_ATTRIBUTES", "version"),
    ("STB_ATTRIBUTES", "version="),
    ("STB_RESTATE_S", "0"),
    ("STB_MAX_IMAGE_BYTES", "-5"),
    ("STB_SESSION_IDLE_MINUTES", "0"),
    ("STB_SESSION_MAX_HOURS", "soon"),
    ("STB_RETENTION_DAYS", "0"),
    ("STB_RETENTION_DAYS", "36501"),
    ("STB_PAYMENT_PROVIDER", "a-bank"),
    ("STB_PAYMENT_SECRETS", "bank"),
    ("STB_PAYMENT_SECRETS", "Bank=0123456789abcdef"),
    ("STB_PAYMENT_SECRETS", "bank=short"),
    ("STB_PROVISIONING", "robot"),
    ("STB_LOG_LEVEL", "LOUD"),
]
FREE = {"STB_HOME", "STB_HOST", "STB_SECRET_KEY_FORMER"}


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    make_settings: Callable[..., Settings], name: str, value: str
) -> None:
    with pytest.raises(Misconfigured, match=f"^{name}"):
        make_settings(**{name: value})


def test_every_setting_that_can_be_bad_was_tried() -> None:
    assert {name for name, _ in BAD} | FREE == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("STB_PORT", "0", 0),
        ("STB_PORT", "65535", 65535),
        ("STB_POLL_INTERVAL_S", "1", 1),
        ("STB_POLL_INTERVAL_S", "86399", 86399),
        ("STB_PUBLIC_URL", "https://tv.example.com/", "https://tv.example.com"),
        ("STB_TIMEZONE", "Asia/Kathmandu", ZoneInfo("Asia/Kathmandu")),
        ("STB_CONTROLLER_ID", " mac , alias ", ("mac", "alias")),
        ("STB_DEMO_BOXES", "0", 0),
        ("STB_PORT", "", 8000),
        ("STB_ADMIN_PASSWORD", "", ""),
        ("STB_ADMIN_PASSWORD", "twelve chars", "twelve chars"),
    ],
)
def test_a_good_value_is_taken(
    make_settings: Callable[..., Settings], name: str, value: str, expected: object
) -> None:
    found = make_settings(**{name: value})

    assert getattr(found, name.removeprefix("STB_").lower()) == expected


def test_attributes_keep_the_names_that_are_not_given(
    make_settings: Callable[..., Settings],
) -> None:
    found = make_settings(STB_ATTRIBUTES="version=fw,boot_id=boot").attributes

    assert (found["version"], found["boot_id"], found["model"]) == ("fw", "boot", "model")


@pytest.mark.parametrize("name", ["STB_SECRET_KEY", "STB_ADMIN_PASSWORD", "STB_PAYMENT_SECRETS"])
def test_a_secret_that_is_refused_is_not_repeated(
    make_settings: Callable[..., Settings], name: str
) -> None:
    with pytest.raises(Misconfigured) as refusal:
        make_settings(**{name: "tooshort"})

    assert "tooshort" not in str(refusal.value)


@pytest.mark.parametrize(
    "password",
    [
        *("x", "elevenchars", "twelve chars", "abcdabcdabcd", "abcdeabcdeab"),
        *("aN ADMIN's own words", "w" * 252 + "ords", "w" * 253 + "ords"),
    ],
)
def test_the_first_password_is_judged_like_any_other(
    make_settings: Callable[..., Settings], password: str
) -> None:
    try:
        refused = make_settings(STB_ADMIN_PASSWORD=password).admin_password != password
    except Misconfigured:
        refused = True

    assert refused is bool(password_problems(password, username=FIRST_ADMINISTRATOR))


@pytest.mark.parametrize(
    ("name", "value"), [("STB_PORT", "eighty"), ("STB_ADMIN_PASSWORD", "tooshort")]
)
def test_the_command_line_names_the_variable_and_ends_with_2(
    tmp_path: Path, name: str, value: str
) -> None:
    environ = {"STB_HOME": str(tmp_path), name: value}

    done = CliRunner().invoke(main, ["db", "current"], env=environ)

    assert done.exit_code == 2
    assert name in done.output
    assert "Traceback" not in done.output


# The secret key


def test_the_key_is_made_once_and_is_for_its_owner(make_settings: Callable[..., Settings]) -> None:
    first, second = make_settings(), make_settings()

    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 64
    assert stat.S_IMODE((first.home / "secret_key").stat().st_mode) == 0o600


def test_a_given_key_writes_no_file(make_settings: Callable[..., Settings]) -> None:
    found = make_settings(STB_SECRET_KEY="k" * 32)

    assert found.secret_key == "k" * 32
    assert not (found.home / "secret_key").exists()


def test_two_services_have_two_keys(tmp_path: Path) -> None:
    keys = {read_settings({"STB_HOME": str(tmp_path / name)}).secret_key for name in ("one", "two")}

    assert len(keys) == 2


@pytest.mark.parametrize(
    ("former", "still_in"),
    [
        ("old-key-old-key-old", True),
        ("another-key,old-key-old-key-old", True),
        ("another-key", False),
    ],
)
def test_a_sign_in_outlives_a_change_of_the_key_while_the_former_one_is_accepted(
    make_settings: Callable[..., Settings],
    sqlite_db: Database,
    people: People,
    former: str,
    still_in: bool,
) -> None:
    from tests.conftest import PASSWORD

    people.person("viewer", username="some.viewer")

    def browser_of(settings: Settings) -> Any:
        app = make_app(settings, sqlite_db)
        app.config.update(RATELIMIT_ENABLED=False)
        return app.test_client()

    before = browser_of(make_settings(STB_SECRET_KEY="old-key-old-key-old"))
    csrf = csrf_of(before.get("/sign-in").text)
    form = {"username": "some.viewer", "password": PASSWORD, "csrf_token": csrf}
    assert before.post("/sign-in", data=form).status_code == 303
    cookie = before.get_cookie("stb_session").value

    after = browser_of(
        make_settings(STB_SECRET_KEY="new-key-new-key-new", STB_SECRET_KEY_FORMER=former)
    )
    after.set_cookie("stb_session", cookie)

    assert (after.get("/me").status_code == 200) is still_in
