"""What an edge does with a refused claim: it lists it for review, outside the refused work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stb_service.devices.identity.operations import Disputed, list_for_review
from stb_service.devices.identity.rules import ClaimSource
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.unit import request_time


@contextmanager
def kept_for_review(source: ClaimSource) -> Iterator[None]:
    """List a claim that is refused inside the block.

    The request's unit of work is rolled back first, so that the listing can have one of its
    own: SQLite has a single writer.
    """
    try:
        yield
    except Disputed as refusal:
        unit().rollback()
        with services().db.write() as session:
            list_for_review(
                session, refusal=refusal, source=source, actor=current_actor(), now=request_time()
            )
        raise
