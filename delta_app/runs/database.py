"""The connection to the store's database: short transactions, errors in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from delta_app.errors import StoreError
from delta_app.runs.commits import Commits, Stamp
from delta_app.runs.schema import bring_up_to_date, is_up_to_date

# How long a statement waits for another process's transaction before it gives up.
BUSY_SECONDS = 5.0

REPAIR = "Run `python -m delta_app runs repair`: the store is made anew from the run folders."
"""The cure for a store that was cut, copied halfway, changed by something else, or is gone."""


class Database:
    """One database, its tables up to date, for any number of threads.

    A SQLite file that another one was put in place of is opened anew; one that was taken away is
    not made again, or what is written there would hide what was.

    Args:
        url: as SQLAlchemy takes it. SQLite is put in WAL mode, so that pages read while a run
            writes; transactions that write take the write lock at their start, so that what
            they read is still true when they write.

    Raises:
        StoreError: the database cannot be opened, or a later version of the app wrote it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, json_deserializer=from_json, **_engine_options(url))
        if self._engine.dialect.name == "sqlite":
            _set_up_sqlite(self._engine)
        self._file = sqlite_file(url)
        self._commits = None if self._file is None else Commits(self._file)
        self._opening = threading.Lock()
        self._inode: int | None = None
        self._open()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout the block.

        Raises:
            StoreError: the store cannot be read, or the block finds in it what cannot be there.
        """
        self._look_at_file()
        with self._reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or undone where it raises.

        Raises as `reading`.
        """
        self._look_at_file()
        with self._writing() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _in_words(self.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _in_words(self.url), self._engine.connect() as connection:
            connection = connection.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def stamp(self) -> Stamp | None:
        """Another one after every commit, for a glance; None where it cannot be told.

        Raises:
            StoreError: as `reading`, where the file is gone or another one was put in its place.
        """
        if self._commits is None:
            return None
        self._look_at_file()
        return self._commits.stamp()

    def _open(self) -> None:
        """Bring the tables up to date, and remember which file they are in."""
        with self._reading() as connection:
            ready = is_up_to_date(connection)
        if not ready:
            with self._writing() as connection:
                bring_up_to_date(connection)
        self._inode = _inode(self._file)

    def _look_at_file(self) -> None:
        """Let go of a file that is not the store any more.

        Raises:
            StoreError: there is no file now, or the one that is there cannot be used.
        """
        found = _inode(self._file)
        if found == self._inode:
            return
        with self._opening:
            if found == self._inode:
                return
            self.close()
            if found is None:
                raise StoreError(f"The run store {self._file} is gone.", cure=REPAIR)
            self._open()

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        self._engine.dispose()
        if self._commits is not None:
            self._commits.close()


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for other databases and for one in memory."""
    name = url.removeprefix("sqlite:///")
    return Path(name) if url.startswith("sqlite:///") and name not in ("", ":memory:") else None


def _inode(file: Path | None) -> int | None:
    """Which file stands there now; None where none does."""
    if file is None:
        return None
    try:
        return file.stat().st_ino
    except OSError:
        return None


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
