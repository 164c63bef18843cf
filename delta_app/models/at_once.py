"""How many pictures run together where none depends on another: as many as the memory holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from delta_app.models.out_of_memory import give_back, is_out_of_memory, let_go, no_room

T = TypeVar("T")


class AtOnce:
    """Runs a function on batches: whole, or in halves, quarters, ... once memory did not suffice.

    What the function computes of a picture must not hang on the pictures beside it (eval mode);
    then the parts' results, put together, are those of the whole batch.

    Args:
        on_smaller: told how many pictures run at once from now on.

    Attributes:
        most: so many pictures at once; None while whole batches have fitted.
    """

    def __init__(self, on_smaller: Callable[[int], None] = lambda most: None) -> None:
        self.most: int | None = None
        self._on_smaller = on_smaller

    def __call__(self, call: Callable[..., T], *batch: Tensor) -> list[T]:
        """The results of `call` on the parts of a batch, in order.

        Args:
            call: may be broken off anywhere and called again; it leaves nothing behind.
            batch: pictures, (N, 3, S, S), and what else is cut along with them, (N, ...).

        Raises:
            TrainingError: a single picture does not fit.
        """
        pictures = batch[0]
        while True:
            size = min(len(pictures), self.most or len(pictures))
            parts = zip(*(each.split(size) for each in batch), strict=True)
            try:
                return [call(*part) for part in parts]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                let_go(error)
                if size == 1:
                    raise no_room(1, pictures.shape[-1], pictures.device) from error
            give_back(pictures.device)
            self.most = -(-size // 2)
            self._on_smaller(self.most)
