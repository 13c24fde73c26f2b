"""Samples of what customers are sent: listed, shown, and served so that they can do nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.shared.documents.papers import PAPERS
from stb_service.shared.documents.press import Press, Unprinted
from stb_service.shared.i18n import CUSTOMER_LANGUAGES


def test_every_paper_has_a_sample_in_every_language(client: FlaskClient) -> None:
    page = client.get("/letters").text
    links = set(re.findall(r'href="/letters/([^"]+)"', page))

    assert links == {f"{paper.name}/{code}" for paper in PAPERS for code in CUSTOMER_LANGUAGES}
    assert all(str(paper.title) in page for paper in PAPERS)


@pytest.mark.real("pango", "fonts of all customers")
def test_a_sample_is_a_pdf_that_the_browser_shows(client: FlaskClient) -> None:
    answer = client.get("/letters/parcel-label/ar")

    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert (
        answer.headers["Content-Disposition"] == 'inline; filename="parcel-label-R-000123-ar.pdf"'
    )
    assert answer.data.startswith(b"%PDF-")


def test_a_page_to_print_may_show_its_own_style_and_nothing_else(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(_press: Press, _page: str) -> bytes:
        raise Unprinted("cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(Press, "print", unable)
    answer = client.get("/letters/quote/hi")

    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert " style=" not in answer.text


@pytest.mark.parametrize("address", ["/letters/invoice/en", "/letters/quote/de", "/letters/quote"])
def test_what_is_not_written_is_not_found(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_a_dealers_people_may_see_them_strangers_may_not(
    people: Any, sign_in: Callable[[str], FlaskClient], anonymous: FlaskClient
) -> None:
    people.organisation("dealer")
    people.person("viewer", "dealer", username="dora")

    assert sign_in("dora").get("/letters").status_code == 200
    assert anonymous.get("/letters").status_code == 303
    assert anonymous.get("/letters/quote/en").status_code == 303
