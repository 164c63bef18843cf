"""Exit codes, one-line errors, and what light commands do not load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delta_app import __version__
from delta_app.cli import dispatch, main
from delta_app.cli.command import UsageError
from delta_app.errors import Cancelled, DatasetError
from delta_app.services.opening import Opening

Say = Callable[..., Any]


def test_help_lists_every_command(say: Say) -> None:
    said = say("--help")
    assert said.code == 0
    for name in dispatch.COMMANDS:
        assert name in said.out
        assert dispatch.command_named(name).summary in said.out


@pytest.mark.parametrize("name", dispatch.COMMANDS)
def test_every_command_has_help(name: str, say: Say) -> None:
    assert say(name, "--help").code == 0


def test_version(say: Say) -> None:
    assert __version__ in say("--version").out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        [],
        ["runs"],
        ["train", "--epochs", "x"],
        ["app", "--port", "0"],
        ["train", "--no-such-option"],
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], say: Say) -> None:
    said = say(*words)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert "--help" in said.err


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `backbones` raise."""

    def run(options: Any, context: Any) -> int:
        raise error

    command = replace(dispatch.command_named("backbones"), run=run)
    monkeypatch.setattr("delta_app.cli.commands.backbones.COMMAND", command)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DatasetError("What.\nWhere.", cure="The cure."), 1, "error: What. Where. The cure."),
        (UsageError("--lr: wrong"), 2, "error: --lr: wrong"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (Cancelled(), 130, "Interrupted."),
    ],
)
def test_errors_become_one_line_and_a_code(
    error: BaseException, code: int, line: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    said = say("backbones")
    assert (said.code, said.err) == (code, line + "\n")
    assert said.out == ""


def test_a_mistake_of_ours_shows_its_traceback_only_with_debug(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ZeroDivisionError("by zero"))
    said = say("backbones")
    assert said.code == 1
    assert said.err.splitlines() == [
        "error: unexpected ZeroDivisionError: by zero. "
        "Run it again with --debug to see where, and report it."
    ]
    for words in (["backbones", "--debug"], ["--debug", "backbones"]):
        assert "Traceback" in say(*words).err


def test_app_passes_its_options_to_the_launcher(tmp_path: Path) -> None:
    seen: list[Opening] = []

    def launch(opening: Opening) -> int:
        seen.append(opening)
        return 7

    runs_dir = ["--runs-dir", str(tmp_path / "new")]
    assert main(["app", *runs_dir], launch=launch) == 7
    words = ["--port", "9000", "--no-browser", "--share", "--host", "10.0.0.1"]
    words += ["--password-file", "secret", "--root", "one", "--root", "two"]
    assert main(["app", *words, *runs_dir], launch=launch) == 7
    assert seen == [
        Opening(runs_dir=tmp_path / "new"),
        Opening(
            runs_dir=tmp_path / "new",
            port=9000,
            host="10.0.0.1",
            share=True,
            password_file="secret",
            roots=("one", "two"),
            open_browser=False,
        ),
    ]


def test_a_password_is_no_option(say: Say) -> None:
    """The list of processes would show it to everyone on the machine."""
    said = say("app", "--password", "correct horse")
    assert said.code == 2


@pytest.mark.slow
def test_light_commands_do_not_load_torch(shapes: Path, tmp_path: Path) -> None:
    """Torch takes seconds to load; a list of runs needs none of it."""
    script = f"""
import sys
from delta_app.cli import main
for words in (["--help"], ["app", "--help"], ["check", "--help"], ["check", {str(shapes)!r}],
              ["runs", "list", "--runs-dir", {str(tmp_path)!r}]):
    main(words)
assert "torch" not in sys.modules, "torch"
assert "streamlit" not in sys.modules, "streamlit"
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=120)
