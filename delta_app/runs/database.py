"""The connection to the store's database: short transactions, errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from delta_app.errors import StoreError
from delta_app.runs.schema import bring_up_to_date, is_up_to_date

# How long a statement waits for another process's transaction before it gives up.
BUSY_SECONDS = 5.0

REPAIR = "Move the file away: a new store is made, and the run folders stay as they are."
"""The cure for a store whose file was cut, copied halfway or changed by something else."""


class Database:
    """One database, its tables up to date, for any number of threads.

    Args:
        url: as SQLAlchemy takes it. SQLite is put in WAL mode, so that pages read while a run
            writes; transactions that write take the write lock at their start, so that what
            they read is still true when they write.

    Raises:
        StoreError: the database cannot be opened, or a later version of the app wrote it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, **_engine_options(url))
        if self._engine.dialect.name == "sqlite":
            _set_up_sqlite(self._engine)
        with self.reading() as connection:
            ready = is_up_to_date(connection)
        if not ready:
            with self.writing() as connection:
                bring_up_to_date(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout the block.

        Raises:
            StoreError: the store cannot be read, or the block finds in it what cannot be there.
        """
        with _in_words(self.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or undone where it raises.

        Raises as `reading`.
        """
        with _in_words(self.url), self._engine.connect() as connection:
            connection = connection.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        self._engine.dispose()


def _engine_options(url: str) -> dict[str, Any]:
    if not url.startswith("sqlite"):
        return {"pool_pre_ping": True}
    # Streamlit's script threads come and go: a connection may be used by one after the other.
    return {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}


def _set_up_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy, not the driver, begin transactions; set what each connection needs."""

    @event.listens_for(engine, "connect")
    def _connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL loses at most the last transactions on a power cut, and never the
        # store's soundness; FULL would wait for the disk at every write.
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """Turn what a database driver raises into a `StoreError` with a cure."""
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        cure = _cure(said) if url.startswith("sqlite") else ""
        raise StoreError(f"The run store {_where(url)} cannot be used: {said}.", cure=cure) from (
            error
        )
    except (ValueError, TypeError, LookupError) as error:
        # Damage that SQLite does not notice: a status that is none, JSON that is none.
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise StoreError(f"The run store {_where(url)} is damaged: {said}.", cure=REPAIR) from error


def _where(url: str) -> str:
    return url.removeprefix("sqlite:///") if url.startswith("sqlite") else url


def _cure(said: str) -> str:
    """What to do about the words of SQLite; other databases' words speak for themselves."""
    if "locked" in said:
        return "Another program holds it: close what has it open, then try again."
    if "is full" in said:
        return "Make room on the disk."
    if "readonly" in said or "unable to open" in said:
        return "Give yourself the right to write there, or choose another folder with --runs-dir."
    return REPAIR  # what else SQLite says comes of a file that was cut, copied or changed
