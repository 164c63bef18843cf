"""The store's tables, their version, and how older stores are brought up to it.

Version 1   runs, metrics, events.
Version 2   runs.resumed_at: a run works in several stretches.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from delta_app.errors import StoreError

VERSION = 2

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("request", String),
    Column("owner", Text),
    Column("method", String, nullable=False),
    Column("method_label", Text, nullable=False),
    Column("color", String, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("backbone", String, nullable=False),
    Column("config", JSON, nullable=False),
    Column("wanted_device", String, nullable=False),
    Column("device", String),
    Column("phase", String, nullable=False, server_default=""),
    Column("phase_done", Integer, nullable=False, server_default="0"),
    Column("phase_total", Integer),
    Column("phase_detail", Text, nullable=False, server_default=""),
    Column("phase_speed", Float),
    Column("phase_at", Float),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("epochs", Integer, nullable=False, server_default="0"),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("steps", Integer, nullable=False, server_default="0"),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("resumed_at", Float),
    Column("finished_at", Float),
    Column("seconds", Float),
    Column("pictures_per_second", Float),
    Column("memory_bytes", Integer),
    Column("val_top1", Float),
    Column("best_epoch", Integer),
    Column("test_top1", Float),
    Column("test_balanced", Float),
    Column("test_evaluations", Integer, nullable=False, server_default="0"),
    Column("attention", Text),
    Column("queue_position", Integer),
    Column("error_message", Text),
    Column("error_cure", Text),
    Column("error_log", Text),
    Column("facts", JSON, nullable=False),
    Index("runs_by_status", "status", "queue_position"),
)

# One short integer row a number, clustered by run: 20,000 points of one run lie together.
metric_names = Table(
    "metric_names",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)
metrics = Table(
    "metrics",
    metadata,
    Column("run_key", ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name_key", ForeignKey("metric_names.key"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("epoch", Float, nullable=False),
    Column("value", Float),  # NULL stands for not-a-number, which SQLite cannot hold
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("run_key", ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("level", String, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)


def _add_resumed_at(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE runs ADD COLUMN resumed_at FLOAT"))
    connection.execute(update(runs).values(resumed_at=runs.c.started_at))


# MIGRATIONS[n] brings a store of version n to version n + 1.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: _add_resumed_at}


def is_up_to_date(connection: Connection) -> bool:
    """Whether the store has the tables of this version."""
    if not inspect(connection).has_table(schema_version.name):
        return False
    return _version(connection) == VERSION


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables of a new store, or migrate those of an older one, in one transaction.

    Raises:
        StoreError: the store was written by a later version of the app.
    """
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=VERSION))
        return
    found = _version(connection)
    if found > VERSION:
        raise StoreError(
            f"The run store {connection.engine.url.database} has schema version {found}; this "
            f"Delta App knows up to {VERSION}.",
            cure="Update Delta App, or choose another folder with --runs-dir.",
        )
    for version in range(found, VERSION):
        MIGRATIONS[version](connection)
        connection.execute(update(schema_version).values(version=version + 1))


def _version(connection: Connection) -> int:
    found = connection.scalars(select(schema_version.c.version)).all()
    if len(found) != 1 or not isinstance(found[0], int) or found[0] < 1:
        raise LookupError(f"its schema version is {', '.join(map(repr, found)) or 'missing'}")
    return found[0]
