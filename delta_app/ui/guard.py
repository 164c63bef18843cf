"""The lock before a shared app: without the password nothing gets an answer but the login page.

It stands before Streamlit's own server, so that pages, pictures, uploads and the connection that
pages are drawn over are all behind it, on whatever address.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote

from delta_app.formatting import duration
from delta_app.services.password import Password, Tries
from delta_app.services.visits import LASTS, Visits
from delta_app.ui.login_page import HEADERS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

SIGN_OUT = "/sign-out"
HEALTH = "/_stcore/health"
"""Says that a server is there, to whoever watches over it, and nothing else."""

LONGEST_FORM = 4096
"""Bytes of a try; a longer one is no password."""

POLICY_VIOLATION = 1008
"""The code a connection is closed with where its visit has ended."""

log = logging.getLogger(__name__)


class Guard:
    """An ASGI application around another one.

    Args:
        page: the login page's HTML, given why the last try did not get in.
    """

    def __init__(
        self,
        application: Application,
        password: Password,
        page: Callable[[str], str],
        *,
        tries: Tries | None = None,
        visits: Visits | None = None,
    ) -> None:
        self._application = application
        self._password = password
        self._page = page
        self._tries = tries or Tries()
        self._visits = visits or Visits()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what belongs to a visit; answer everything else with the login page."""
        if scope["type"] == "lifespan" or scope.get("path") == HEALTH:
            await self._application(scope, receive, send)
            return
        token = _cookie(scope)
        if token is None or not self._visits.goes_on(token):
            await self._outside(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._application(scope, self._while_it_lasts(token, receive), send)
        elif scope["path"] == SIGN_OUT:
            self._visits.end(token)
            await _redirect(send, "/", _set_cookie(scope, "", 0))
        elif _is_form(scope):  # the login page of a second tab, sent after the first got in
            await _redirect(send, _address(scope))
        else:
            await self._application(scope, receive, send)

    async def _outside(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif scope["path"] == SIGN_OUT:
            await _redirect(send, "/")
        elif _is_form(scope):
            await self._try(scope, receive, send)
        else:
            await self._show(send, 401)

    async def _try(self, scope: Message, receive: Receive, send: Send) -> None:
        given = await _password_in(receive)
        wait = self._tries.wait
        if wait:  # not even looked at: else a thread would have to wait
            again = math.ceil(wait)
            problem = f"Too many wrong passwords. Try again in {duration(again)}."
            await self._show(send, 429, problem, {"retry-after": str(again)})
        elif self._password.matches(given):
            self._tries.succeeded()
            cookie = _set_cookie(scope, self._visits.begin(), int(LASTS))
            await _redirect(send, _address(scope), cookie)
        else:
            self._tries.failed()
            log.warning("A wrong password was given, from %s.", (scope.get("client") or ["?"])[0])
            await self._show(send, 401, "That is not the password.")

    async def _show(
        self, send: Send, status: int, problem: str = "", more: dict[str, str] | None = None
    ) -> None:
        body = self._page(problem).encode()
        await _answer(send, status, HEADERS | (more or {}), body)

    def _while_it_lasts(self, token: str, receive: Receive) -> Receive:
        """What a page's connection sends, until its visit has ended or was signed out."""

        async def received() -> Message:
            message = await receive()
            if self._visits.goes_on(token):
                return message
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

        return received


def cookie_name(port: int) -> str:
    """The cookie that holds a visit's token: browsers do not keep those of two ports apart."""
    return f"delta-app-{port}"


def _port(scope: Message) -> int:
    return int((scope.get("server") or ("", 0))[1] or 0)


def _cookie(scope: Message) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == b"cookie":
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                continue
            found = jar.get(cookie_name(_port(scope)))
            if found is not None:
                return found.value
    return None


def _set_cookie(scope: Message, token: str, seconds: int) -> str:
    """Not for scripts, not sent along by other sites' pages, encrypted where the visit is."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    name = cookie_name(_port(scope))
    return f"{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _is_form(scope: Message) -> bool:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return scope["method"] == "POST" and kind.startswith(b"application/x-www-form-urlencoded")


def _address(scope: Message) -> str:
    """Path and query as they were asked for, on this very server: never another's name."""
    path = quote("/" + scope["path"].lstrip("/\\"), safe="/:@!$&'()*+,;=~-._")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{quote(query, safe='%/?:@!$&()*+,;=~-._')}" if query else path


async def _password_in(receive: Receive) -> str:
    """The password of a form that was sent; "" where there is none, or too much."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return ""
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_FORM:
            return ""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=4).get("password", [""])[0]
    except ValueError:
        return ""


async def _redirect(send: Send, to: str, cookie: str | None = None) -> None:
    headers = {"location": to, "cache-control": "no-store"}
    await _answer(send, 303, headers | ({"set-cookie": cookie} if cookie else {}), b"")


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
