"""The press: nothing is fetched, nothing hangs, and what cannot be printed is said once."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stb_service.shared.documents.press import COMMAND, Press, Unprinted

PAGE = "<!DOCTYPE html><html lang=en><title>t</title><p>words</p>"
real = pytest.mark.real("pango", "fonts of all customers")


@pytest.fixture
def make_press() -> Iterator[Callable[..., Press]]:
    made: list[Press] = []

    def make(*command: str, **limits: float) -> Press:
        made.append(Press(command or COMMAND, **limits))
        return made[-1]

    yield make
    for press in made:
        press.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[Press]:
    """A press for all tests that do not end it: to start one takes a second or more."""
    press = Press()
    yield press
    press.close()


def script(code: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", code)


@real
def test_a_page_becomes_a_pdf(kept: Press) -> None:
    assert kept.print(PAGE).startswith(b"%PDF-")


@real
@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/x.png", "file:///etc/hostname"])
@pytest.mark.parametrize("what", ["<img src='{}'>", "<link rel=stylesheet href='{}'>"])
def test_nothing_is_fetched(kept: Press, where: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        address = where.format(port=listening.getsockname()[1])
        with pytest.raises(Unprinted, match="Fatal"):
            kept.print(PAGE + what.format(address))
        with pytest.raises(TimeoutError):
            listening.accept()


@real
def test_a_page_with_letters_that_no_font_has_is_not_printed(kept: Press) -> None:
    with pytest.raises(Unprinted, match="letters"):
        kept.print(PAGE + "\U000f1234")
    assert kept.print(PAGE)


@real
def test_a_printer_that_ended_is_followed_by_another(make_press: Callable[..., Press]) -> None:
    press = make_press()
    press.print(PAGE)
    first = press._printer
    assert first is not None
    first.kill()
    first.wait()

    assert press.print(PAGE).startswith(b"%PDF-")


def test_a_printer_that_hangs_is_ended(make_press: Callable[..., Press]) -> None:
    press = make_press(*script("import time; time.sleep(60)"), timeout_s=0.3)

    began = time.monotonic()
    with pytest.raises(Unprinted, match="too long"):
        press.print(PAGE)

    assert time.monotonic() - began < 10
    assert press._printer is None


def test_a_page_that_waits_too_long_is_not_printed(make_press: Callable[..., Press]) -> None:
    press = make_press(*script("import time; time.sleep(60)"), wait_s=0.05)

    with press._lock, pytest.raises(Unprinted, match="waiting"):
        press.print(PAGE)


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "import sys; sys.stdin.buffer.read(8); sys.stdout.write('Pshort')",
        "import sys; sys.stdout.buffer.write(b'P' + bytes([255] * 8) + b'x' * 99)",
        "import sys; sys.stdout.buffer.write(b'P' + bytes(7) + bytes([9]) + b'12345678')",
    ],
)
def test_a_printer_that_breaks_off_prints_nothing(
    make_press: Callable[..., Press], code: str
) -> None:
    with pytest.raises(Unprinted, match="ended"):
        make_press(*script(code), timeout_s=5).print(PAGE)


def test_what_a_printer_said_before_it_took_the_page_is_heard(
    make_press: Callable[..., Press],
) -> None:
    said = "import sys; sys.stdout.buffer.write(b'M' + (4).to_bytes(8, 'big') + b'none')"

    with pytest.raises(Unprinted, match="none"):
        make_press(*script(said)).print("more than a pipe holds" * 10_000)


def test_what_is_missing_on_the_machine_is_asked_for_once(
    make_press: Callable[..., Press], tmp_path: Path
) -> None:
    """The printer as it is, where its library cannot be loaded."""
    starts = tmp_path / "starts"
    press = make_press(
        *script(
            f"import runpy, sys; open({str(starts)!r}, 'a').write('x');"
            "sys.modules['weasyprint'] = None;"
            f"runpy.run_path({COMMAND[-1]!r}, run_name='__main__')"
        )
    )

    for _ in range(2):
        with pytest.raises(Unprinted, match="weasyprint"):
            press.print(PAGE)

    assert starts.read_text() == "x"
