"""Who has said the password: a random token each, for a day."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

LASTS = 24 * 3600.0
"""Seconds after which the password is asked for again."""


class Visits:
    """The visits that were let in by this process; a restart ends them all.

    Args:
        clock: seconds, never set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[bytes, float] = {}  # hash of a token -> when it ends

    def begin(self) -> str:
        """Let a visitor in; the token that they show from now on."""
        now = self._clock()
        self._ends = {token: end for token, end in self._ends.items() if end > now}
        token = secrets.token_urlsafe(32)
        self._ends[_hashed(token)] = now + LASTS
        return token

    def goes_on(self, token: str | None) -> bool:
        """Whether a token is of a visit that has not ended. Only hashes are compared."""
        return token is not None and self._ends.get(_hashed(token), 0.0) > self._clock()

    def end(self, token: str) -> None:
        """Sign a visitor out."""
        self._ends.pop(_hashed(token), None)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
