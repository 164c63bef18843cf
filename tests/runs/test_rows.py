"""Records of rows that have not changed are not made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from delta_app.runs import rows
from delta_app.runs.records import RunRecord
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]


def test_only_a_row_that_changed_is_read_again(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(20):
        new_run(f"run {place}")
    before = store.runs()
    store.update(before[3].id, step=7)
    read: list[str] = []

    def counting(text: str) -> Any:
        read.append(text)
        return json.loads(text)

    monkeypatch.setattr(rows, "from_json", counting)
    after = store.runs()
    assert len(read) == 2  # config and facts of the one
    assert after[3].step == 7
    assert [one is other for one, other in zip(before, after, strict=True)].count(False) == 1


def test_a_place_in_the_line_is_told_whatever_is_asked_for(
    store: RunStore, new_run: NewRun
) -> None:
    first, second, third = (new_run() for _ in range(3))
    store.request(first.id, "stop")
    assert [run.queue_position for run in store.runs()] == [2, 1, None]
    assert store.get(third.id).queue_position == 2
    assert store.get(second.id).queue_position == 1


def test_a_run_has_one_record_whatever_it_went_through(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    for step in range(50):
        store.update(run.id, step=step)
        assert store.get(run.id).step == step
    assert kept_of(store) == [run.id]
    store.delete(run.id)
    assert kept_of(store) == []


def test_no_more_records_are_kept_than_a_list_may_have(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT_RECORDS", 3)
    made = [new_run(f"run {place}").id for place in range(5)]
    for run_id in (*made, made[2]):
        store.get(run_id)
    assert kept_of(store) == [made[3], made[4], made[2]]  # used longest ago first


def kept_of(store: RunStore) -> list[str]:
    """Ids of the runs of a store whose records are kept."""
    return [run_id for runs_dir, run_id in rows._kept if runs_dir == store.runs_dir]
