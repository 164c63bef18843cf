"""What a disk says, in a person's words."""

from __future__ import annotations

import errno

from delta_app.errors import StoreError
from delta_app.runs.folder import RunFolder

_OF_THE_DISK = {
    errno.ENOSPC: "Make room on the disk",
    errno.EDQUOT: "Make room within your quota",
    errno.EROFS: "Make the disk writable again",
    errno.EACCES: "Give yourself the right to write there",
    errno.EPERM: "Give yourself the right to write there",
    errno.EIO: "Look after the disk, which does not answer",
}


def gone(folder: RunFolder) -> StoreError:
    """What is said of a run whose folder is not there any more."""
    return StoreError(
        f"The run's folder {folder.path} is gone: it was deleted or moved.",
        cure="Put it back and resume the run, or run again from the beginning.",
    )


def in_words(error: OSError, folder: RunFolder) -> StoreError | None:
    """What stands behind an error that ended a run; None where it is not about the disk."""
    if not folder.path.is_dir():
        return gone(folder)
    cure = _OF_THE_DISK.get(error.errno or 0)
    if cure is None:
        return None
    where = f" ({error.filename})" if error.filename else ""
    return StoreError(
        f"The disk does not take what the run writes: {error.strerror}{where}.",
        cure=f"{cure}, then resume the run.",
    )
