"""Which folders may be read: a few roots with all beneath, judged once all links are resolved."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from delta_app.data.names import is_passed_over, is_picture, printable
from delta_app.errors import OutsideError
from delta_app.formatting import some

OPTION = "--root"


@dataclass(frozen=True)
class Roots:
    """Folders that may be read, with all that lies beneath them.

    A path is judged by where it really leads: links are resolved as the system resolves them, and
    `..` after a link as well. What is not there yet is judged by its folder.

    Attributes:
        chosen: those that a person chose, or the default; browsing starts there.
        own: those that the app itself keeps and brings; read, but not offered.
    """

    chosen: tuple[Path, ...]
    own: tuple[Path, ...] = ()

    def allow(self, path: str | Path) -> bool:
        """Whether `path` leads into one of the roots."""
        real = _real(path)
        if real is None:
            return False
        leads = (_real(root) for root in (*self.chosen, *self.own))
        return any(root is not None and real.is_relative_to(root) for root in leads)

    def check(self, path: str | Path, *, folder: bool = False, field: str | None = None) -> None:
        """Say no to a path that leads out of the roots.

        Args:
            folder: whether it names a folder; else the folder it lies in would have to be a root.
            field: the setting that the refusal belongs beside.

        Raises:
            OutsideError: it does; the cure names the option that would allow it.
        """
        if not self.allow(path):
            raise self._refusal(Path(path), folder, field)

    def check_folder(self, folder: str | Path, *, field: str | None = None) -> None:
        """Say no to a folder that leads out of the roots, or in which a link does.

        Nothing outside is listed or opened for it. What is hidden is passed over, as everywhere.

        Raises:
            OutsideError: as `check`; it names the link and where it leads.
        """
        self.check(folder, folder=True, field=field)
        for link in _links(Path(folder)):
            if not self.allow(link):
                raise self._refusal(link, not is_picture(link.name), field)

    def _refusal(self, path: Path, folder: bool, field: str | None) -> OutsideError:
        where, wanted, real = f"{printable(str(path))} lies", _lexical(path), _real(path)
        if real is None:
            return OutsideError(
                f"{printable(str(path))!r} cannot be the path of anything.",
                cure="Choose a file or folder that is there.",
                field=field,
            )
        # Where a path that stands in the roots leads may be told; any other's may not.
        if any(wanted.is_relative_to(_lexical(root)) for root in self.chosen):
            wanted = real
            where = f"{printable(str(path))} leads to {printable(str(wanted))},"
        allowed = [printable(str(root)) for root in self.chosen]
        wider = [*allowed, printable(str(wanted if folder else wanted.parent))]
        return OutsideError(
            f"{where} outside the folders that this app may read ({some(allowed)}).",
            cure="Choose something inside them, or start the app with "
            f"{' '.join(f'{OPTION} {shlex.quote(each)}' for each in wider)}.",
            field=field,
        )


def _real(path: str | Path) -> Path | None:
    """Where a path leads; None for what no file system can hold, such as a NUL."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return None


def _lexical(path: str | Path) -> Path:
    return Path(os.path.abspath(path))


def _links(folder: Path) -> Iterator[Path]:
    """The symbolic links under a folder, hidden and system names left away.

    A link to a folder is followed once it was given, so whoever asks must stop at one that leads
    out; a folder is looked at once, whichever link leads there.
    """
    waiting, seen = [folder], set[tuple[int, int]]()
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                for entry in entries:
                    if is_passed_over(entry.name):
                        continue
                    if entry.is_symlink():
                        yield Path(entry.path)
                    if entry.is_dir():
                        waiting.append(Path(entry.path))
        except OSError:
            continue  # what cannot be listed is said by whoever reads the folder
