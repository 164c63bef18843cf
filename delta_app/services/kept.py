"""What is costly to make and is asked for again: kept up to a limit, the oldest dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by key, of at most `most_bytes` together; the one used longest ago goes first.

    Args:
        most: how many are kept at most, however small they are; None for any number.

    Safe for any number of threads. A value is made once: who asks for it meanwhile waits, who
    asks for another does not. The value made last is kept even where it is larger than all that
    is allowed.
    """

    def __init__(
        self, most_bytes: int, size_of: Callable[[V], int], *, most: int | None = None
    ) -> None:
        self._most_bytes = most_bytes
        self._most = most
        self._size_of = size_of
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of that key, made where it is not there; what `make` raises is passed on."""
        with self._lock:
            if key in self._values:
                return self._used(key)
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._used(key)
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._values[key] = value, self._size_of(value)
                self._drop_oldest()
            return value

    def forget(self, outdated: Callable[[Hashable], bool]) -> None:
        """Drop the values whose keys are outdated."""
        with self._lock:
            for key in [key for key in self._values if outdated(key)]:
                del self._values[key]

    def __len__(self) -> int:
        return len(self._values)

    @property
    def bytes(self) -> int:
        """How much is kept now."""
        return sum(size for _, size in self._values.values())

    def _used(self, key: Hashable) -> V:
        self._values.move_to_end(key)
        return self._values[key][0]

    def _drop_oldest(self) -> None:
        while len(self._values) > 1 and (
            self.bytes > self._most_bytes or (self._most is not None and len(self) > self._most)
        ):
            self._values.popitem(last=False)
