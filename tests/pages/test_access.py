"""Before anything of a page is drawn: who may see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit
from page_words import words
from streamlit.testing.v1 import AppTest

from delta_app.ui import access

ROOT = Path(__file__).parents[2]
SECRETS = {"redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "x" * 32}

Open = Callable[..., AppTest]


@pytest.fixture
def visit(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """visit(lock, who, users=...): the app's first page as that visitor sees it."""

    def opened(lock: Any, who: dict[str, Any] | None = None, **sections: Any) -> AppTest:
        monkeypatch.setattr(access, "_door", access._Door(lock))
        if who is not None:
            monkeypatch.setattr(access, "visitor", lambda: who)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.secrets["auth"] = SECRETS | {"client_id": "an id"}
        for name, section in sections.items():
            app.secrets[name] = section
        return app.run()

    return opened


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("who", [None, {}, {"is_logged_in": False, "email": "me@example.org"}])
def test_who_has_not_logged_in_sees_the_way_to_and_nothing_else(visit: Open, who: Any) -> None:
    app = visit("login", who)
    assert not app.exception
    assert labels(app) == ["Sign in"]
    assert [each.value for each in app.markdown] == ["#### Sign in"]
    assert not app.sidebar.caption


def test_each_provider_has_a_button(visit: Open) -> None:
    app = visit("login", {}, auth=SECRETS | {"google": {"client_id": "a"}, "work": {}})
    assert labels(app) == ["Sign in with google", "Sign in with work"]


def test_a_click_asks_the_provider(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(streamlit, "login", lambda *provider: asked.append(provider))
    visit("login", {}).button[0].click().run()
    assert asked == [()]


def test_who_has_logged_in_sees_the_page_and_the_way_out(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    out: list[str] = []
    monkeypatch.setattr(streamlit, "logout", lambda: out.append("out"))
    app = visit("login", {"is_logged_in": True, "email": "me@example.org"})
    assert not app.exception
    assert "Try the demo" in words(app)
    app.button(key="sign-out").click().run()
    assert out == ["out"]


def test_a_login_that_is_not_named_is_turned_away(visit: Open) -> None:
    users = {"users": ["you@example.org"]}
    app = visit("login", {"is_logged_in": True, "email": "me@<b>.org"}, delta_app=users)
    assert "me@<b>.org may not open this app" in words(app)
    assert "\\<b\\>" in app.error[0].value
    assert labels(app) == ["Sign in as another"]
    assert "Try the demo" not in words(app)
    app = visit("login", {"is_logged_in": True, "email": "YOU@example.org"}, delta_app=users)
    assert "Try the demo" in words(app)


@pytest.mark.parametrize(
    ("who", "users", "enters"),
    [
        ({"email": "me@example.org"}, None, True),
        ({}, None, True),
        ({}, ("@example.org",), False),
        ({"email": ""}, ("",), False),
        ({"email": "Me@Example.org"}, ("me@example.ORG",), True),
        ({"email": "me@example.org"}, ("@example.org",), True),
        ({"email": "me@evil-example.org"}, ("@example.org",), False),
        ({"email": "me@example.org.evil"}, ("@example.org",), False),
        ({"email": "me@example.org@evil"}, ("@example.org",), False),
        ({"email": "me@example.org", "email_verified": False}, ("@example.org",), False),
        ({"email": "me@example.org", "email_verified": True}, ("@example.org",), True),
        ({"email": "me@example.org"}, (), False),
    ],
)
def test_who_may_enter(who: dict[str, Any], users: tuple[str, ...] | None, enters: bool) -> None:
    assert access.may_enter(who, users) is enters


@pytest.mark.slow
@pytest.mark.parametrize("address", ["0.0.0.0", "::", None, "192.168.1.7"])
def test_plain_streamlit_shows_nothing_to_other_computers(
    visit: Open, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.setattr(access, "login_configured", lambda: False)
    monkeypatch.setattr(streamlit, "get_option", lambda name: address)
    app = visit(None)
    assert "would let other computers open the app" in words(app)
    assert "python -m delta_app app" in words(app)
    assert not app.button


def test_plain_streamlit_does_not_pass_a_password_over(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "login_configured", lambda: False)
    monkeypatch.setenv("DELTA_APP_PASSWORD", "correct horse")
    app = visit(None)
    assert "DELTA_APP_PASSWORD is set" in words(app)
    assert not app.button


@pytest.mark.parametrize(("lock", "out"), [("none", False), ("password", True)])
def test_the_way_out_is_there_where_there_is_a_way_in(visit: Open, lock: str, out: bool) -> None:
    app = visit(lock)
    links = [each.proto.body for each in app.get("html") if "/sign-out" in each.proto.body]
    assert len(links) == out
    assert "Try the demo" in words(app)
