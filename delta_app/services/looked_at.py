"""A picture to look at: from a run's split, or uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from PIL import Image

from delta_app.data.decode import decode_rgb, read_bytes
from delta_app.errors import DatasetError
from delta_app.formatting import size
from delta_app.services import allowed
from delta_app.services.run_pictures import RunPicture

MOST_MEGABYTES = 32
"""Of an uploaded picture: 1024 * 1024 bytes each, as Streamlit counts them."""

MOST_PIXELS = 64_000_000
"""Of an uploaded picture: it is decoded while a person waits, beside a run that trains."""


@dataclass(frozen=True)
class LookedAt:
    """A picture to look at: from a run's split, or uploaded.

    Attributes:
        name: what it is called on the screen.
        digest: sha256 (hex) of the file's bytes.
        path: its file; None for an uploaded one.
        data: the bytes of an uploaded one.
        true_class: what it is filed under; None for an uploaded one.
    """

    name: str
    digest: str
    path: str | None = None
    data: bytes | None = None
    true_class: str | None = None

    def check(self) -> None:
        """Refuse a picture that may not be looked at, whatever is kept of it.

        Raises:
            OutsideError: its file lies outside what the app may read.
        """
        if self.path is not None:
            allowed.check_picture(self.path)

    def read(self) -> Image.Image:
        """The picture, mode RGB.

        Raises:
            OutsideError: its file lies outside what the app may read.
            DatasetError: it cannot be read; it names the file.
        """
        self.check()
        try:
            if self.data is None:
                return decode_rgb(read_bytes(self.path or ""))
            return decode_rgb(self.data, most_pixels=MOST_PIXELS)
        except DatasetError as error:
            raise DatasetError(
                f"The picture {self.name} {error.message}.", cure="Choose another picture."
            ) from error


def from_split(picture: RunPicture) -> LookedAt:
    """A picture of a run's own splits."""
    file = picture.picture
    return LookedAt(file.relative, file.digest, path=file.path, true_class=picture.true_class)


def uploaded(name: str, data: bytes) -> LookedAt:
    """A picture that was uploaded; nothing of it is decoded yet.

    Raises:
        DatasetError: it is larger than MOST_MEGABYTES.
    """
    if len(data) > MOST_MEGABYTES * 1024 * 1024:
        raise DatasetError(
            f"The picture {name} has {size(len(data))}, at most {MOST_MEGABYTES} MB are taken.",
            cure="Save it smaller.",
        )
    return LookedAt(name, sha256(data).hexdigest(), data=data)
