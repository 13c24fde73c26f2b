"""The staff app with the rooms of people and administration alone."""

from __future__ import annotations

from stb_service.admin import wiring as admin
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask, make_flask, pages
from stb_service.shared.http.api import make_api
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings
from stb_service.staff import signin
from stb_service.staff import wiring as staff


def make_small_app(settings: Settings, db: Database) -> StbFlask:
    registries = Registries()
    app = make_flask(
        "stb_service.app",
        settings=settings,
        db=db,
        registries=registries,
        authenticate=signin.authenticate,
    )
    pages.install(app)
    signin.install(app)
    api = make_api(app, title="stb-service", version="0")
    for room in (staff, admin):
        room.wire(registries)
        for page_blueprint in room.page_blueprints:
            app.register_blueprint(page_blueprint)
        for api_blueprint in room.api_blueprints:
            api.register_blueprint(api_blueprint)
    return app
