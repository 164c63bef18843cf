"""Commands, names of runs, tables and logs, whatever the folder of pictures is called."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from strange_names import FILES, LIST, LONG, NAMES, QUICK

from delta_app.data.names import printable
from delta_app.errors import RunError
from delta_app.runs.description import describe_run, free_name
from delta_app.runs.folder import new_folder
from delta_app.runs.log_file import LogFile
from delta_app.runs.records import ATTENTION, TRAINING, Event
from delta_app.runs.store import RunStore
from delta_app.runs.table import LONGEST_NAME, checked_name
from delta_app.services.forms import command_line, shell_word
from delta_app.training.run_config import RunConfig


def config_on(data: str) -> RunConfig:
    return RunConfig.from_flat(
        {"method": "delta", "data": data, "backbone": "resnet18", "weights": "random"}
    )


@QUICK
@given(NAMES)
def test_the_command_to_copy_is_one_line_that_says_the_path(name: str) -> None:
    data = f"/pictures/{name}"
    command = command_line(config_on(data))
    assert printable(command) == command, "nothing in it ends the paste or hides what it does"
    if printable(data) == data:
        words = shlex.split(command)
        assert words[words.index("--data") + 1] == data


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to read the words with")
def test_a_shell_reads_each_word_as_it_was() -> None:
    words = [each.replace("\0", "") for each in (*LIST, *FILES)]
    script = f"printf '%s\\0' {' '.join(map(shell_word, words))}"
    assert "\n" not in script
    read = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert read.decode().split("\0")[:-1] == words


@QUICK
@given(NAMES)
def test_a_run_on_any_folder_has_a_name(name: str) -> None:
    for kind in (TRAINING, ATTENTION):
        config = config_on(f"/pictures/{name}")
        first = free_name(kind, config, set())
        assert checked_name(first) == first
        assert len(first) <= LONGEST_NAME
        second = free_name(kind, config, {first})
        assert checked_name(second) == second != first
        dataset = describe_run(kind, config)["dataset"]
        assert printable(dataset) == dataset


@pytest.mark.slow
def test_runs_of_any_name_are_kept_apart_and_stay_in_the_folder(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    for name in LIST:
        config = config_on(f"/pictures/{name}")
        described = describe_run(TRAINING, config)
        described.pop("wanted_device")
        run = store.create(TRAINING, name[:LONGEST_NAME], **described)
        assert run.folder.parent == store.runs_dir
        found = store.get(run.id)
        assert (found.name, found.dataset) == (run.name, run.dataset)
        assert "\n" not in found.name
        assert store.rename(run.id, name[-LONGEST_NAME:]).name
    assert len(store.runs()) == len(LIST)
    with pytest.raises(RunError, match="at most 200"):
        store.rename(run.id, "x" * 300)


@QUICK
@given(NAMES)
def test_a_run_folder_is_never_elsewhere(tmp_path: Path, name: str) -> None:
    folder = new_folder(tmp_path / "runs", name[:60]).path
    assert folder.parent == tmp_path / "runs"
    assert folder.name.isascii()
    assert not set(folder.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


def check_log(folder: Path, name: str) -> None:
    log = folder / "log.txt"
    log.unlink(missing_ok=True)
    written = LogFile(log)
    written.append(Event(1.7e9, "info", f"left out: {name}"))
    written.append(Event(1.7e9, "error", name))
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    told = [line for line in lines if not line.startswith("    ")]
    assert len(told) == 2, lines
    assert all(line.startswith("20") for line in told)
    assert all(printable(line) == line for line in lines)


@QUICK
@given(NAMES)
def test_no_name_forges_a_line_of_the_log(tmp_path: Path, name: str) -> None:
    check_log(tmp_path, name)


@pytest.mark.slow
@LONG
@given(NAMES)
def test_no_name_forges_a_line_of_the_log_at_length(tmp_path: Path, name: str) -> None:
    check_log(tmp_path, name)
