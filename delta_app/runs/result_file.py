"""result.json as other parts than the training loop read it: checked, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from delta_app.runs.checked_files import read_checked

LARGEST_FILE = 100_000

_Share = Annotated[float, Field(ge=0.0, le=1.0)] | None
_Count = Annotated[int, Field(ge=0, le=2**53)]


class ResultFile(BaseModel):
    """What a run reached, as `delta_app.training.final_test.RunResult` wrote it.

    Attributes:
        step: steps done when it was tested; None in files of older versions.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    ended: Literal["completed", "stopped", "paused", "interrupted"]
    best_epoch: _Count | None = None
    val_top1: _Share = None
    test_top1: _Share = None
    test_balanced: _Share = None
    test_evaluations: _Count = 0
    step: _Count | None = None


def read_result(path: Path) -> ResultFile | None:
    """What a result.json holds; None where there is none.

    Raises:
        ValueError: it cannot be read, or holds something else; in one line.
    """
    return read_checked(path, ResultFile, LARGEST_FILE)
