"""The HTTP edge both apps share: one unit of work, one access check, one face for errors."""

from stb_service.shared.http.app import StbFlask, make_flask, services
from stb_service.shared.http.unit import current_actor, read_form, unit

__all__ = ["StbFlask", "current_actor", "make_flask", "read_form", "services", "unit"]
