"""The folder of a run: what every file in it is called."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from delta_app.errors import StoreError

# Without 0/o and 1/l/i, which are mistaken for one another when typed.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files; a file is there only once the run has written it."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings, as `python -m delta_app train --config` reads them."""
        return self.path / "config.json"

    @property
    def run(self) -> Path:
        """The run's row in the store, once more."""
        return self.path / "run.json"

    @property
    def split(self) -> Path:
        """Every picture of every split."""
        return self.path / "split.json"

    @property
    def model(self) -> Path:
        """Classes, preprocessing, backbone, behaviour layers, digest of the weights."""
        return self.path / "model.json"

    @property
    def attention(self) -> Path:
        """The channel attention that was measured."""
        return self.path / "attention.json"

    @property
    def attention_head(self) -> Path:
        """The head with which the attention was measured."""
        return self.path / "head.safetensors"

    @property
    def faithfulness(self) -> Path:
        """What disabling the filters in order of importance does."""
        return self.path / "faithfulness.json"

    @property
    def best(self) -> Path:
        """Weights of the chosen epoch."""
        return self.path / "best.safetensors"

    @property
    def snapshot(self) -> Path:
        """The latest weights, for looking inside while the run goes on."""
        return self.path / "snapshot.safetensors"

    @property
    def predictions(self) -> Path:
        """What the network says of every validation and test picture."""
        return self.path / "predictions.json"

    @property
    def result(self) -> Path:
        """What came out, in numbers."""
        return self.path / "result.json"

    @property
    def journal(self) -> Path:
        """Every number that was measured, in order."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Where the run goes on when it is resumed."""
        return self.path / "last.ckpt"

    @property
    def measuring(self) -> Path:
        """What a measurement of attention has found that is not complete."""
        return self.path / "measuring.ckpt"

    @property
    def log(self) -> Path:
        """Every event with its time."""
        return self.path / "log.txt"

    @property
    def owner_lock(self) -> Path:
        """Locked by the process that works on the run, for as long as it lives."""
        return self.path / "owner.lock"


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """The folders of runs that lie in a runs folder, by name: those that say what the run is.

    Links are left out, and what is hidden.
    """
    found = map(RunFolder, folders_in(runs_dir))
    return [folder for folder in found if folder.config.is_file() or folder.run.is_file()]


def folders_in(runs_dir: Path) -> list[Path]:
    """What folders lie in a runs folder, by name, of runs or not; without links and hidden ones."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []
    return [runs_dir / name for name in sorted(names)]


def new_folder(runs_dir: Path, prefix: str) -> RunFolder:
    """Make the folder of a new run; its name is the run's id, as `new_id` gives it.

    Raises:
        StoreError: the folder cannot be made.
    """
    while True:
        path = runs_dir / new_id(prefix)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(
                f"No run folder can be made in {runs_dir}: {error.strerror}.",
                cure="Make room or give yourself the right to write there, or choose another "
                "folder with --runs-dir.",
            ) from error
        return RunFolder(path)


def new_id(prefix: str) -> str:
    """An id for a run: short, readable and safe in a path and an address, like "delta-k3f9a2".

    Args:
        prefix: what kind of run it is; letters and digits stay, all else becomes "-".
    """
    plain = "".join(c if c.isascii() and c.isalnum() else " " for c in prefix.lower())
    slug = "-".join(plain.split()) or "run"
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(6))
    return f"{slug}-{tail}"
