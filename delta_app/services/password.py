"""The password of a shared app: where it comes from, how it is compared, how tries are slowed."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

from delta_app.errors import SettingsError

VARIABLE = "DELTA_APP_PASSWORD"
LEAST_LENGTH = 8

FREE_TRIES = 3
"""How many may fail before the next must wait."""

LONGEST_WAIT = 60.0
"""Seconds; a person who has mistyped often must not wait for hours."""


class Password:
    """A password, kept as a salted hash for as long as the process lives.

    Raises:
        SettingsError: it has fewer than LEAST_LENGTH characters.
    """

    def __init__(self, text: str) -> None:
        if len(text) < LEAST_LENGTH:
            raise SettingsError(
                f"The password has {len(text)} characters, expected {LEAST_LENGTH} at least.",
                cure="Choose a longer one.",
                field="password",
            )
        self._salt = secrets.token_bytes(16)
        self._hash = self._hashed(text)

    def matches(self, given: str) -> bool:
        """Whether that is the password, in a time that says nothing of how much of it is right."""
        return hmac.compare_digest(self._hashed(given), self._hash)

    def _hashed(self, text: str) -> bytes:
        # One letter may be written in two ways in Unicode; keyboards differ.
        plain = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        return hashlib.sha256(self._salt + plain).digest()


def read_password(file: str | Path | None) -> Password | None:
    """The password in a file, else in DELTA_APP_PASSWORD; None where neither says one.

    It is never an option of the command: the list of processes would show it. The variable is
    taken out of the environment, so that nothing this process starts inherits it.

    Args:
        file: its first line counts, without the line break.

    Raises:
        SettingsError: the file cannot be read, or the password is too short.
    """
    variable = os.environ.pop(VARIABLE, None)
    if file is None:
        return None if variable is None else Password(variable)
    try:
        text = Path(os.path.expanduser(file)).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"The password file {file} cannot be read: {reason}.",
            cure=f"Write the password into it as plain text, or set {VARIABLE}.",
            field="password_file",
        ) from error
    return Password(text.split("\n", 1)[0].rstrip("\r"))


class Tries:
    """Failed tries of this process: each one makes the next wait longer.

    A try that comes too early is not looked at, so that nothing ever waits in a thread.

    Args:
        clock: seconds, never set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed = 0
        self._next = 0.0

    @property
    def wait(self) -> float:
        """Seconds until a try is looked at again; 0 where it is now."""
        return max(0.0, self._next - self._clock())

    def failed(self) -> None:
        """Note a wrong password: after FREE_TRIES the waits are 1, 2, 4, ... seconds."""
        self._failed += 1
        if self._failed >= FREE_TRIES:
            pause = min(2.0 ** min(self._failed - FREE_TRIES, 30), LONGEST_WAIT)
            self._next = self._clock() + pause

    def succeeded(self) -> None:
        """Note the right one: everything begins anew."""
        self._failed, self._next = 0, 0.0
