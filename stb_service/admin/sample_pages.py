"""What customers are sent, as it looks: every paper in every language, with a made-up case."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from stb_service.shared.access import requires
from stb_service.shared.documents import render
from stb_service.shared.documents.papers import PAPERS
from stb_service.shared.documents.samples import sample
from stb_service.shared.errors import NotFound
from stb_service.shared.http.documents import send_document
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, text

pages = Blueprint("admin_samples", __name__, template_folder="templates")


@pages.get("/letters")
@requires("self.use")
def papers() -> ResponseReturnValue:
    """List the papers, with a sample in each language."""
    return render_template("admin/letters.html", papers=PAPERS, languages=CUSTOMER_LANGUAGES)


@pages.get("/letters/<name>/<language>")
@requires("self.use")
def paper_sample(name: str, language: str) -> ResponseReturnValue:
    """Show a sample as the customer would get it."""
    kinds = {kind.name: kind for kind in PAPERS}
    if name not in kinds or language not in CUSTOMER_LANGUAGES:
        raise NotFound(text("There is no such letter in this language."))
    return send_document(render(sample(kinds[name], language), language))
