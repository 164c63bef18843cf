"""What a torch weights file may not be, told before anything in it is read.

`weights_only=True` keeps its pickle from running code, not from asking for memory: what is looked
for here would take far more of it than the file has bytes.
"""

from __future__ import annotations

import mmap
import zipfile
from pathlib import Path

_BYTEARRAY = (b"c__builtin__\nbytearray\n", b"cbuiltins\nbytearray\n")
"""How a pickle names it. torch allows it, and called with a number it takes as many bytes."""


_TAR_AT = 257
"""Where a tar says that it is one."""


def unsound(path: Path) -> str | None:
    """Why a torch weights file is not to be read, to stand after its name; None where it may be.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            file.seek(0)
            try:
                with zipfile.ZipFile(file) as archive:
                    if found := _unsound_archive(archive.infolist(), path.stat().st_size):
                        return found
            except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
                raise ValueError("its archive is damaged or cut short") from error
        file.seek(_TAR_AT)
        if file.read(5) == b"ustar":
            return "is in torch's oldest format (tar), which cannot be read without running code"
        if _names_bytearray(file.fileno()):
            return "holds a bytearray, which no tensor needs and which could take all memory"
    return None


def _unsound_archive(members: list[zipfile.ZipInfo], file_bytes: int) -> str | None:
    """torch.save compresses nothing, so its members are together smaller than the file."""
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "":
            return f"holds a member named {member.filename!r}, outside itself"
        if parts[-1] == "constants.pkl" or "code" in parts[1:-1]:
            return "is a TorchScript archive, which holds code besides weights"
        if member.compress_type != zipfile.ZIP_STORED:
            return "is a compressed archive, which torch.save never writes"
    claimed = sum(member.file_size for member in members)
    if claimed > file_bytes:
        return f"claims to hold {claimed} bytes and has {file_bytes}"
    return None


def _names_bytearray(descriptor: int) -> bool:
    try:
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(each) >= 0 for each in _BYTEARRAY)
    except ValueError:  # an empty file
        return False
