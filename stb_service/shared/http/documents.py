"""Documents for customers, as they go to a browser."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from flask import Response

from stb_service.shared.documents import Document
from stb_service.shared.documents.printing import STYLE


def send_document(document: Document) -> Response:
    """Answer with a document, to be looked at and printed; it may load and run nothing."""
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    return Response(
        document.content,
        content_type=document.content_type,
        headers={
            "Content-Disposition": f'inline; filename="{document.filename}"',
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
            "object-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        },
    )
