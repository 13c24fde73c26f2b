"""The papers of a case at the edge: its page, the documents, the API, and the customer's own link."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from stb_service.billing.addresses import link_of, signing_keys
from stb_service.billing.links import read_link, sign_link, signed_values
from stb_service.rma import papers, queries
from stb_service.rma.cases import CASE
from stb_service.rma.customer_pages import cover_of_case
from stb_service.rma.customer_words import PARCEL_CAME, PARCEL_STATES, REMEDIES, STATES
from stb_service.rma.models import ReturnCase
from stb_service.rma.writing import Installation, Writing
from stb_service.shared.access import EVERYTHING, public, requires
from stb_service.shared.documents import render
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.http.customers import answer_customers, customer_page, speak_to
from stb_service.shared.http.documents import send_document
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import CUSTOMER_LANGUAGES

pages = Blueprint("case_papers", __name__, template_folder="templates")
api = api_blueprint("papers", "Labels, slips and letters of returns.")
PURPOSE, PARCEL = "rma.case", "rma.parcel"
"""What links are for: that in letters shows a case with its quote, that on a parcel whether it came."""
FOLLOWED = timedelta(days=1000)
"""How long the link on a case's papers shows the case, from the day on which it was opened."""
SHOWN_OUTSIDE = {"follow_case": PURPOSE, "follow_parcel": PARCEL}


def link_of_case(case: ReturnCase) -> str:
    """Return the whole address at which a customer follows a case."""
    return _link_of(case, "follow_case")


def link_of_parcel(case: ReturnCase) -> str:
    """Return the whole address that goes with a parcel: it shows no more than the carrier knows."""
    return _link_of(case, "follow_parcel")


def _link_of(case: ReturnCase, page: str) -> str:
    word = sign_link(
        SHOWN_OUTSIDE[page],
        [case.public_id],
        until=case.opened_at + FOLLOWED,
        keys=signing_keys(),
    )
    return services().settings.public_url + url_for(f"case_papers.{page}", word=word)


def installation() -> Installation:
    """Return what papers take from this installation."""
    settings, registries = services().settings, services().registries
    return Installation(
        language=settings.language,
        zone=settings.timezone.key,
        link=link_of_case,
        quote_link=link_of,
        parcel_link=link_of_parcel,
        sources=registries.warranty_facts,
    )


def papers_of(case: ReturnCase) -> dict[str, Any]:
    """Return the values of `rma/papers.html`, for the page of a case."""
    found = papers.offers(unit(), case, current_actor().scope, installation(), now=request_time())
    lacks = {obstacle.code: obstacle for offer in found for obstacle in offer.obstacles}
    return {
        "case": case,
        "papers": found,
        "papers_lack": list(lacks.values()),
        "paper_languages": CUSTOMER_LANGUAGES,
    }


HIDDEN = {"X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}


def _document(ref: str, name: str) -> Any:
    case = queries.case_by_ref(unit(), ref, current_actor().scope)
    paper, language = papers.paper_of(
        unit(), case, name, current_actor().scope, installation(), now=request_time()
    )
    return send_document(render(paper, language))


@pages.get("/returns/<ref>/papers")
@requires("rma.view")
def show_papers(ref: str) -> ResponseReturnValue:
    """Show the papers of a case, and what those that cannot be printed lack."""
    case = queries.case_by_ref(unit(), ref, current_actor().scope)
    return render_template("rma/papers_page.html", **papers_of(case))


@pages.get("/returns/<ref>/papers/<name>.pdf")
@requires("rma.view")
def show_paper(ref: str, name: str) -> ResponseReturnValue:
    """Show a paper of a case, in the customer's language."""
    found: ResponseReturnValue = _document(ref, name)
    return found


# --- the API -------------------------------------------------------------------------------------


class MissingSchema(ma.Schema):
    """What a paper lacks."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class PaperSchema(ma.Schema):
    """A paper that makes sense now."""

    name = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    language = ma.fields.String(required=True)
    obstacles = ma.fields.List(ma.fields.Nested(MissingSchema), required=True)


class PapersSchema(ma.Schema):
    """The papers of a case."""

    items = ma.fields.List(ma.fields.Nested(PaperSchema), required=True)


@api.route("/returns/<string:case_id>/papers", methods=["GET"])
@api.refuses(404)
@api.response(200, PapersSchema)
@requires("rma.view")
def list_papers(case_id: str) -> Any:
    """List the papers of a case (by number or id) that make sense now, with what they lack."""
    case = queries.case_by_ref(unit(), case_id, current_actor().scope)
    return {"items": papers_of(case)["papers"]}


@api.route("/returns/<string:case_id>/papers/<string:name>", methods=["GET"])
@api.refuses(404, 409)
@api.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/pdf",
    description="The document; `text/html`, to be printed, where no PDF can be made.",
)
@requires("rma.view")
def get_paper(case_id: str, name: str) -> Any:
    """Return a paper in the customer's language: 404 where it makes no sense now, 409 with what it
    lacks.
    """
    return _document(case_id, name)


# --- the customer --------------------------------------------------------------------------------


@pages.url_value_preprocessor
def _speak(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let whatever is said to somebody who follows a case be said to a customer."""
    if endpoint in {f"case_papers.{page}" for page in SHOWN_OUTSIDE}:
        answer_customers()


@pages.get("/r/<word>")
@public
def follow_case(word: str) -> ResponseReturnValue:
    """Show a customer where their case is, in the language of its letters."""
    writing, said = _behind(PURPOSE, word)
    case, quote = writing.case, writing.quote
    page = customer_page(
        "rma/customer/case.html",
        said,
        case=case,
        state=STATES[case.state],
        remedy=REMEDIES[case.remedy],
        since=writing.day(case.entered_at),
        section=cover_of_case(unit(), case),
        quote=quote,
        quote_link=link_of(quote) if quote else None,
    )
    return page, 200, HIDDEN


@pages.get("/p/<word>")
@public
def follow_parcel(word: str) -> ResponseReturnValue:
    """Show whoever has a parcel in their hands whether we wait for it, and nothing else of it."""
    writing, said = _behind(PARCEL, word)
    case = writing.case
    state = PARCEL_STATES.get(CASE.places[case.state].phase, PARCEL_CAME)
    page = customer_page("rma/customer/parcel.html", said, case=case, state=state)
    return page, 200, HIDDEN


def _behind(purpose: str, word: str) -> tuple[Writing, Any]:
    """Return the case behind a link, and the language to show it in: also of one that has ended."""
    keys = signing_keys()
    _until, found = signed_values(purpose, word, keys=keys)
    case = queries.case_by_ref(unit(), str(found[0]), EVERYTHING)
    writing = Writing(unit(), case, EVERYTHING, installation(), request_time())
    said = speak_to(writing.language)
    read_link(purpose, word, now=request_time(), keys=keys)
    return writing, said
