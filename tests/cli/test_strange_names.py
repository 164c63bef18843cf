"""What the command line prints of any name: one line, and nothing that a terminal obeys."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from strange_names import NAMES, QUICK

from delta_app.cli.output import print_error, print_json, print_table
from delta_app.data.names import printable
from delta_app.errors import DatasetError


@pytest.mark.slow
@QUICK
@given(NAMES)
def test_tables_errors_and_json(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: said.append(text))
        print_table(("NAME", "PICTURES"), [(name, "3"), ("oak", "12")])
        print_error(DatasetError(f"{name} is gone.", cure=name))
        print_json({name: name})
    assert len(said) == 5
    assert all(printable(line) == line for line in said[:4])
    assert json.loads(said[4]) == {name: name}
    assert "\n" not in said[4]
