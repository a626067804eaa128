"""Opening the database and bringing its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from archive import audit, row_agreement
from archive.search import index

_BUSY_MILLISECONDS = 30_000


def open_engine(url: str) -> Engine:
    """An engine on `url`. SQLite runs in WAL mode and every commit reaches the disk; so it does
    on PostgreSQL, unless its keeper has said otherwise."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    if url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        return create_engine(
            "postgresql+psycopg://" + url.partition("://")[2],
            # A connection that a restarted server has closed is found out before it is used.
            pool_pre_ping=True,
            hide_parameters=True,  # an error is logged, the values of people are not
            # A plan made for any value would serve frequent and rare words alike: badly.
            connect_args={"prepare_threshold": None, "options": "-c timezone=UTC"},
        )
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, in _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # An acknowledged upload must survive a power cut; WAL's default of NORMAL may lose it.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The 2 MB that SQLite keeps by default hold not even the upper pages of a large index.
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # Writers take the lock at once: a transaction that reads first and writes later would
    # otherwise fail at the upgrade instead of waiting its turn.
    reading = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


class Database:
    """Sessions on one engine: `write()` commits at the end or rolls back, `read()` never locks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._writer = sessionmaker(self.engine, expire_on_commit=False)
        event.listen(self._writer, "after_flush", index.follow)
        event.listen(self._writer, "before_commit", audit.before_commit)
        event.listen(self._writer, "after_transaction_end", audit.after_transaction)
        self._reader = sessionmaker(
            self.engine.execution_options(read_only=True), expire_on_commit=False
        )

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to the newest revision (or the one named); does nothing when they are
        there. Raises `DatabaseError` rather than leave a row that points at nothing."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._free_to_rebuild() as connection, connection.begin():
            config.attributes["connection"] = connection
            before = MigrationContext.configure(connection).get_current_heads()
            command.upgrade(config, revision)
            moved = MigrationContext.configure(connection).get_current_heads() != before
            # Reads every row: minutes among ten million, too long for a mere start.
            if moved and self.engine.dialect.name == "sqlite":
                astray = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if astray:
                    raise DatabaseError("migration", {}, ValueError(f"rows astray: {astray[:5]}"))
        if revision == "head":
            with self.write() as session:
                index.begin(session)
                row_agreement.begin(session)

    @contextmanager
    def _free_to_rebuild(self) -> Iterator[Connection]:
        """A connection on which SQLite lets a table be rebuilt while others point at it; the
        switch only works outside a transaction."""
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if self.engine.dialect.name != "sqlite" or driver is None:
                yield connection
                return
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                yield connection
            finally:
                driver.execute("PRAGMA foreign_keys=ON")

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._writer() as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._reader() as session:
            yield session

    def rehearsal(self) -> Database:
        """The same database over the same connections, in which nothing stays that is written."""
        return _Rehearsal(self.url, self.engine, self._writer, self._reader)

    def close(self) -> None:
        self.engine.dispose()


class _Rehearsal(Database):
    def __init__(
        self,
        url: str,
        engine: Engine,
        writer: sessionmaker[Session],
        reader: sessionmaker[Session],
    ) -> None:
        self.url, self.engine, self._writer, self._reader = url, engine, writer, reader

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._writer() as session:
            yield session
            session.rollback()
