"""Found by a Python that is started with this folder on its path: notes whom the process asks for.

The file that CONNECTIONS names gets the line "watched" for the process itself, and one for every
name that is looked up and every address that is connected to, but for this machine's own.
"""

import os
import sys

_OWN = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host not in _OWN:
        _write(f"{event} {host}")


def _write(line: str) -> None:
    with open(os.environ["CONNECTIONS"], "a", encoding="utf-8") as file:
        file.write(f"{line}\n")


_write("watched")
sys.addaudithook(_note)
