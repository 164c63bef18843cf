"""Which addresses the app may listen on: this computer's own, or all with a lock on the door."""

from __future__ import annotations

import ipaddress
import socket

from delta_app.errors import SettingsError
from delta_app.services.password import LEAST_LENGTH
from delta_app.services.password import VARIABLE as PASSWORD_VARIABLE

LOCAL, EVERYWHERE = "localhost", "0.0.0.0"

_LOCKS = (
    f"a password of {LEAST_LENGTH} characters or more in {PASSWORD_VARIABLE} or in a file that "
    "--password-file names, or a login in .streamlit/secrets.toml ([auth])"
)


def host_of(host: str | None, *, share: bool, locked: bool) -> str:
    """The address to listen on.

    Args:
        host: what was asked for; None takes this computer's own, or all of them to share.
        share: whether other computers shall reach it.
        locked: whether a password or a login is asked for.

    Raises:
        SettingsError: others would reach it unasked, or without a lock.
    """
    if share and not locked:
        raise SettingsError(
            "--share lets other computers open the app, and nothing keeps strangers out.",
            cure=f"Set {_LOCKS}.",
            field="share",
        )
    if host is None:
        return EVERYWHERE if share else LOCAL
    if not share and not is_loopback(host):
        raise SettingsError(
            f"--host {host} would let other computers open the app.",
            cure=f"Leave it out, or add --share and {_LOCKS}.",
            field="host",
        )
    return host


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address: every one that the name stands for."""
    try:
        found = socket.getaddrinfo(host or EVERYWHERE, None, type=socket.SOCK_STREAM)
        return all(
            ipaddress.ip_address(str(each[4][0]).split("%")[0]).is_loopback for each in found
        )
    except (OSError, ValueError):  # no such name: listening on it will say so
        return False
