"""Without the password nothing gets an answer but the login page; with it, everything does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from delta_app.services.password import Password, Tries
from delta_app.services.visits import LASTS, Visits
from delta_app.ui.guard import HEALTH, LONGEST_FORM, SIGN_OUT, Guard, Message, Receive, Send

RIGHT = b"password=correct+horse"
FORM = (b"content-type", b"application/x-www-form-urlencoded")
PLACES = (
    "/",
    "/run",
    "/media/0f1e2d.jpg",
    "/_stcore/stream",
    "/_stcore/upload_file/a/b",
    "/_stcore/host-config",
    "/_stcore/health/../stream",
    "/static/js/index.js",
    "/sign-outs",
    "//_stcore/health",
)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A guard before an application that notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[Message] = []
        self.received: list[Message] = []
        self.clock = Clock()
        self.guard = Guard(
            self._application,
            Password("correct horse"),
            lambda problem: f"<login>{problem}</login>",
            tries=Tries(self.clock),
            visits=Visits(self.clock),
        )

    async def _application(self, scope: Message, receive: Receive, send: Send) -> None:
        self.reached.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["type"] == "websocket":
            self.received.append(await receive())
            if self.received[-1]["type"] == "websocket.disconnect":
                return

    def ask(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        query: bytes = b"",
        body: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[bytes, bytes]] = (),
        **scope: Any,
    ) -> Answer:
        """Send one request; what came back."""
        parts = [
            {"type": "http.request", "body": each, "more_body": place < len(body) - 1}
            for place, each in enumerate(body)
        ]
        asked = {"type": "http", "method": method, "path": path, "query_string": query}
        asked |= {"headers": list(headers), "server": ("localhost", 8501), "scheme": "http"}
        asked |= {"client": ("192.0.2.7", 5000)}
        return Answer(drive(self.guard, asked | scope, parts))

    def sign_in(self, path: str = "/", body: bytes = RIGHT, **more: Any) -> Answer:
        return self.ask(path, method="POST", body=(body,), headers=(FORM,), **more)


def drive(guard: Guard, scope: Message, messages: list[Any]) -> list[Message]:
    """Run the guard on one scope; what it sent."""
    sent: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting)
        return message() if callable(message) else message

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent


class Answer:
    """What came back: status, headers, text, and the cookie to show from now on."""

    def __init__(self, sent: list[Message]) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.text = b"".join(each.get("body", b"") for each in sent[1:]).decode()

    @property
    def cookie(self) -> tuple[bytes, bytes]:
        return b"cookie", self.headers["set-cookie"].partition(";")[0].encode()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"])
def test_nothing_is_behind_the_door_but_the_login_page(door: Door, path: str, method: str) -> None:
    for headers in ((), ((b"cookie", b"delta-app-8501=guessed"),), ((b"cookie", b"\xff;=,{"),)):
        answer = door.ask(path, method=method, headers=headers)
        assert answer.status == 401
        assert answer.text == "<login></login>"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not door.reached


def test_no_connection_is_accepted(door: Door) -> None:
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    assert drive(door.guard, scope, [{"type": "websocket.connect"}]) == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert not door.reached


def test_who_watches_over_the_server_gets_an_answer(door: Door) -> None:
    assert door.ask(HEALTH).status == 200
    drive(door.guard, {"type": "lifespan"}, [])
    assert [scope["type"] for scope in door.reached] == ["http", "lifespan"]


@pytest.mark.parametrize(
    ("path", "query", "back"),
    [
        ("/", b"", "/"),
        (
            "/run",
            b"run=delta-k3f9a2&tab=Feature%20maps",
            "/run?run=delta-k3f9a2&tab=Feature%20maps",
        ),
        ("/fine-tune", b"data=%2Fhome%2Fme%2F%C3%A9", "/fine-tune?data=%2Fhome%2Fme%2F%C3%A9"),
        ("//evil.example/run", b"", "/evil.example/run"),
        ("/\\evil.example", b"", "/evil.example"),
        ("/a\r\nSet-Cookie: b", b"c\r\nd", "/a%0D%0ASet-Cookie:%20b?c%0D%0Ad"),
    ],
)
def test_the_password_opens_the_address_that_was_asked_for(
    door: Door, path: str, query: bytes, back: str
) -> None:
    answer = door.sign_in(path, query=query)
    assert (answer.status, answer.headers["location"]) == (303, back)
    for place in PLACES:
        assert door.ask(place, headers=(answer.cookie,)).status == 200
    assert [scope["path"] for scope in door.reached] == list(PLACES)


def test_the_cookie_is_not_for_scripts_nor_other_sites(door: Door) -> None:
    cookie = door.sign_in().headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={int(LASTS)}"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "Secure" in door.sign_in(scheme="https").headers["set-cookie"]
    assert cookie.startswith("delta-app-8501=")
    other = door.sign_in(server=("localhost", 8502)).headers["set-cookie"]
    assert other.startswith("delta-app-8502="), "two apps keep theirs apart"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"password=",
        b"password=wrong",
        b"other=correct+horse",
        b"\xff\xfe",
        b"a=1&" * 9 + RIGHT,
    ],
)
def test_a_wrong_password_is_told_and_noted(
    door: Door, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = door.sign_in(body=body)
    assert (answer.status, answer.text) == (401, "<login>That is not the password.</login>")
    assert "set-cookie" not in answer.headers
    assert "192.0.2.7" in caplog.text
    assert "wrong password" in caplog.text


def test_a_password_may_come_in_parts_but_not_without_end(door: Door) -> None:
    parts = [RIGHT[:5], RIGHT[5:]]
    assert door.ask(method="POST", body=parts, headers=(FORM,)).status == 303
    endless = [b"password=correct+horse&x=", *[b"x" * 1000] * 5]
    assert sum(map(len, endless)) > LONGEST_FORM
    assert door.ask(method="POST", body=endless, headers=(FORM,)).status == 401
    gone = {"type": "http.disconnect"}
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [FORM]}
    assert drive(door.guard, scope, [gone])[0]["status"] == 401


def test_only_a_form_is_a_try(door: Door) -> None:
    for kind in (b"text/plain", b"application/json", b"multipart/form-data"):
        answer = door.ask(method="POST", body=(RIGHT,), headers=((b"content-type", kind),))
        assert answer.text == "<login></login>"
    assert door.ask(query=RIGHT).status == 401, "an address is no place for a password"


def test_after_a_few_wrong_ones_even_the_right_one_waits(door: Door) -> None:
    for _ in range(3):
        assert door.sign_in(body=b"password=wrong").status == 401
    answer = door.sign_in()
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.text == "<login>Too many wrong passwords. Try again in 1.0 s.</login>"
    door.clock.now += 0.9
    assert door.sign_in(body=b"password=wrong").status == 429, "which does not make it longer"
    door.clock.now += 0.1
    assert door.sign_in(body=b"password=wrong").status == 401
    door.clock.now += 1.9
    assert door.sign_in().status == 429
    door.clock.now += 0.1
    assert door.sign_in().status == 303


def test_a_visit_goes_on_while_others_guess(door: Door) -> None:
    cookie = door.sign_in().cookie
    for _ in range(5):
        door.sign_in(body=b"password=wrong")
    assert door.ask(headers=(cookie,)).status == 200


def test_signing_out_ends_the_visit_everywhere(door: Door) -> None:
    cookie, other = door.sign_in().cookie, door.sign_in().cookie
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": [cookie]}
    scope |= {"server": ("localhost", 8501)}

    def after_signing_out() -> Message:
        door.guard._visits.end(cookie[1].decode().partition("=")[2])
        return {"type": "websocket.receive", "bytes": b"show me"}

    first = {"type": "websocket.receive", "bytes": b"hello"}
    drive(door.guard, scope, [first, after_signing_out])
    assert door.received == [first, {"type": "websocket.disconnect", "code": 1008}]
    assert door.ask(headers=(cookie,)).status == 401
    answer = door.ask(SIGN_OUT, headers=(other,))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert door.ask(headers=(other,)).status == 401
    assert door.ask(SIGN_OUT).status == 303, "also for who is out already"


def test_a_visit_ends_after_a_day(door: Door) -> None:
    cookie = door.sign_in().cookie
    door.clock.now += LASTS
    assert door.ask(headers=(cookie,)).status == 401


def test_a_second_tabs_form_is_no_error(door: Door) -> None:
    cookie = door.sign_in().cookie
    answer = door.ask("/runs", method="POST", body=(b"password=x",), headers=(FORM, cookie))
    assert (answer.status, answer.headers["location"]) == (303, "/runs")
    assert not door.reached
