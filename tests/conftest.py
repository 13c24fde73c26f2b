"""What the whole suite stands on: people, the app, its clients; its databases are in `databases`."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings, read_settings
from stb_service.staff import operations as staff
from stb_service.staff.models import Organisation, Person
from stb_service.staff.queries import actor_of

pytest_plugins = ("tests.databases",)

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
ADMIN = Actor("person", "test-admin", "test-admin", builtin_verbs("administrator"))

# how long one example takes says nothing on a busy machine
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.register_profile("prove", max_examples=2_000, deadline=None)  # by `make prove`
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often each race is run")


gc.disable()  # while the tests are collected, for all of it stays


def pytest_collection_finish() -> None:
    """No search for garbage looks again at what is there for the whole run."""
    gc.freeze()
    gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each race as often as `--rounds` says: what goes wrong seldom shows in the long run."""
    rounds = metafunc.config.getoption("rounds")
    if rounds > 1 and metafunc.definition.get_closest_marker("race"):
        metafunc.fixturenames.append("round_number")
        metafunc.parametrize("round_number", range(rounds))


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> None:
    """Hash passwords with argon2's least cost: a test makes many people."""
    staff._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    staff._nobodys.cache_clear()
    staff._nobodys()  # made once for each process


@pytest.fixture(autouse=True, scope="session")
def _careless_files() -> Iterator[None]:
    """What tests write need not outlive the machine's power: nobody waits for a disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _file: None)
        yield


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def staffed_template(sqlite_template: Path) -> Path:
    """A migrated SQLite file with the built-in roles and the operator, that tests copy."""
    path = sqlite_template.with_name("staffed.sqlite3")
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}")
    People(db, ADMIN, NOW)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def actor() -> Actor:
    """An administrator of the operator who is no row of the database."""
    return ADMIN


class People:
    """Makes organisations and people in a database."""

    def __init__(self, database: Database, actor: Actor, now: datetime) -> None:
        self._db, self._actor, self._now = database, actor, now
        with database.write() as session:
            if session.scalar(select(Organisation.id)) is None:
                self._move_in(session)

    def _move_in(self, session: Session) -> None:
        staff.install_builtin_roles(session)
        staff.create_organisation(
            session,
            code="operator",
            name="The operator",
            kind="operator",
            actor=self._actor,
            now=self._now,
        )

    def organisation(self, code: str, kind: str = "dealer") -> Organisation:
        with self._db.write() as session:
            return staff.create_organisation(
                session, code=code, name=code.title(), kind=kind, actor=self._actor, now=self._now
            )

    def person(
        self, role: str, organisation: str = "operator", username: str | None = None
    ) -> Person:
        from stb_service.shared.access import EVERYTHING
        from stb_service.staff.queries import organisation_by_ref

        with self._db.write() as session:
            return staff.create_person(
                session,
                username=username or f"{role.replace('_', '-')}.{organisation}",
                name=role.title(),
                password=PASSWORD,
                organisation=organisation_by_ref(session, organisation, EVERYTHING),
                role=role,
                actor=self._actor,
                now=self._now,
                must_change_password=False,
            )

    def actor(self, role: str, organisation: str = "operator") -> Actor:
        person = self.person(role, organisation)
        with self._db.read() as session:
            return actor_of(session.get_one(Person, person.id))

    def token(self, person: Person) -> str:
        with self._db.write() as session:
            owner = session.get_one(Person, person.id)
            _, secret = staff.create_token(
                session,
                person=owner,
                name="test",
                days=30,
                actor=self._actor,
                now=datetime.now(UTC),
            )
            return secret


@pytest.fixture
def people(sqlite_db: Database, actor: Actor, now: datetime) -> People:
    """Roles, the operator, and a way to make more, in `sqlite_db`."""
    return People(sqlite_db, actor, now)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**environ: str) -> Settings:
        return read_settings({"STB_HOME": str(tmp_path / "home"), **environ})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@cache
def whole_app() -> StbFlask:
    """The whole staff app, made once: it costs a second; each test gives it its own stores."""
    from stb_service.app import make_app

    with tempfile.TemporaryDirectory() as home:
        settings = read_settings({"STB_HOME": home})
        made = make_app(settings, Database(settings.database_url))
    (limiter,) = made.extensions["limiter"]
    limiter.enabled = False  # all tests sign in from one address
    return made


@pytest.fixture(scope="session")
def made_app() -> StbFlask:
    return whole_app()


@pytest.fixture
def app(made_app: Any, settings: Settings, sqlite_db: Database, people: People) -> Any:
    """The whole staff app on a migrated SQLite database with roles and an operator."""
    return with_stores(made_app, settings, sqlite_db)


def with_stores(made: StbFlask, settings: Settings, db: Database) -> StbFlask:
    """Give an app that was made once the stores of one test, and registries to add to."""
    found = made.extensions.setdefault("as made", made.extensions["stb"])
    made.extensions["stb"] = replace(
        found,
        settings=settings,
        db=db,
        files=FileStore(settings.files_dir),
        registries=Registries(
            **{name: copy(part) for name, part in vars(found.registries).items()}
        ),
    )
    return made


@pytest.fixture
def sign_in(app: Any) -> Callable[[str], FlaskClient]:
    """Return a browser that is signed in as the person of this user name."""

    def sign(username: str) -> FlaskClient:
        browser: FlaskClient = app.test_client()
        page = browser.get("/sign-in")
        answer = browser.post(
            "/sign-in",
            data={"username": username, "password": PASSWORD, "csrf_token": csrf_of(page.text)},
        )
        assert answer.status_code == 303, answer.text
        return browser

    return sign


def csrf_of(page: str) -> str:
    """Return the token of the first form of a page."""
    _, _, rest = page.partition('name="csrf_token" value="')
    return rest.partition('"')[0]


@pytest.fixture
def client(people: People, sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """A browser of an administrator of the operator."""
    people.person("administrator", username="root.admin")
    return sign_in("root.admin")


@pytest.fixture
def anonymous(app: Any) -> FlaskClient:
    found: FlaskClient = app.test_client()
    return found


class Api:
    """A client of the JSON API with a token."""

    def __init__(self, browser: FlaskClient, secret: str) -> None:
        self._browser = browser
        self._headers = {"Authorization": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {**self._headers, **arguments.pop("headers", {})}
        return self._browser.open(f"/api/v1{path}", method=method, headers=headers, **arguments)


@pytest.fixture
def api(app: Any, people: People) -> Api:
    """The API as an administrator of the operator."""
    secret = people.token(people.person("administrator", username="api.admin"))
    return Api(app.test_client(), secret)


@pytest.fixture
def api_as(app: Any, people: People) -> Callable[..., Api]:
    """Return the API as a person of a role and organisation."""

    def make(role: str, organisation: str = "operator") -> Api:
        return Api(app.test_client(), people.token(people.person(role, organisation)))

    return make


@pytest.fixture
def edge(settings: Settings, sqlite_db: Database) -> Iterator[Any]:
    """The box edge on `sqlite_db`."""
    from firmware.edge import make_edge

    made = make_edge(settings, sqlite_db)
    yield made
    made.extensions["edge"].presence.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip by name, or with STB_TEST_ALL=1 fail, what needs a part that is not here."""
    from tests.parts import PARTS, wants_all

    for mark in item.iter_markers("real"):
        for name in mark.args:
            if PARTS[name].path is None:
                message = f"{name} is not on this machine"
                pytest.fail(message) if wants_all() else pytest.skip(message)
