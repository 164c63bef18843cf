"""Damaged run stores: files cut, changed and replaced, and rows that hold what they may not."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

from benchmarks.damage.raw import RAW
from benchmarks.damage.structure import damaged_json

_OTHER_SCHEMAS = (
    "create table schema_version (version integer); insert into schema_version values (1)",
    "create table schema_version (version integer)",
    "create table schema_version (version); insert into schema_version values ('new')",
    "create table schema_version (version integer); insert into schema_version values (99)",
    "create table schema_version (other text); insert into schema_version values ('x')",
    "create table runs (id text)",
    "create view schema_version as select 1 as version",
)

_COLUMNS = (
    "status", "name", "created_at", "kind", "color", "queue_position", "id", "seconds",
    "epoch", "val_top1", "phase_at", "facts", "config", "error_message", "request",
)  # fmt: skip
_VALUES = ("'odd'", "x'80ff'", "cast(x'80ff' as text)", "''", "-1", "9e999", "1.5", "'{\"a\":'")


def damaged_store(chance: random.Random, sound: bytes, work: Path) -> tuple[str, bytes]:
    """What was done, and the file.

    Args:
        sound: a store's file, whole in itself (no write-ahead log beside it).
        work: a folder to make files in.
    """
    by_hand = ("a page changed", "other schema", "odd value", "odd JSON", "a row changed")
    way = chance.choice(by_hand if chance.random() < 0.6 else tuple(RAW))
    if way in RAW:
        return way, RAW[way](chance, sound)
    if way == "a page changed":
        page = 4096 * chance.randrange(max(1, len(sound) // 4096))
        changed = bytearray(sound)
        for _ in range(chance.randint(1, 40)):
            changed[min(page + chance.randrange(120), len(changed) - 1)] = chance.randrange(256)
        return way, bytes(changed)
    if way == "other schema":
        text = chance.choice(_OTHER_SCHEMAS)
        return way, _edited(b"", work, lambda raw: raw.executescript(text))
    changes = {"odd value": _odd_value, "odd JSON": _odd_json, "a row changed": _row_changed}
    return way, _edited(sound, work, lambda raw: changes[way](chance, raw))


def _edited(sound: bytes, work: Path, edit: Callable[[sqlite3.Connection], object]) -> bytes:
    file = work / "edited.sqlite"
    file.unlink(missing_ok=True)
    if sound:
        file.write_bytes(sound)
    raw = sqlite3.connect(file)
    raw.execute("pragma ignore_check_constraints = on")
    edit(raw)
    raw.commit()
    raw.close()
    return file.read_bytes()


def _odd_value(chance: random.Random, raw: sqlite3.Connection) -> None:
    if chance.random() < 0.3:
        table, column = chance.choice(
            (("metrics", "value"), ("metrics", "name_key"), ("metrics", "epoch"),
             ("events", "at"), ("events", "message"), ("metric_names", "name"))
        )  # fmt: skip
        raw.execute(f"update or ignore {table} set {column} = {chance.choice(_VALUES)}")
        return
    column, value = chance.choice(_COLUMNS), chance.choice(_VALUES)
    raw.execute(f"update or ignore runs set {column} = {value}")


def _odd_json(chance: random.Random, raw: sqlite3.Connection) -> None:
    column = chance.choice(("config", "facts"))
    for key, text in raw.execute(f"select key, {column} from runs").fetchall():
        _, data = damaged_json(chance, json.loads(text))
        raw.execute(
            f"update runs set {column} = ? where key = ?", (data.decode("utf-8", "ignore"), key)
        )


def _row_changed(chance: random.Random, raw: sqlite3.Connection) -> None:
    statement = chance.choice(
        (
            "delete from metric_names",
            "delete from runs",
            "delete from schema_version",
            "insert into schema_version values (1)",
            "drop table events",
            "drop table metrics",
            "update metrics set name_key = 77",
            "alter table runs rename column config to settings",
        )
    )
    raw.execute(statement)
