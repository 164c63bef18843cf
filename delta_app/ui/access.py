"""Who may see the pages: this computer alone, who has said the password, or who has logged in.

The password is asked for before Streamlit (`guard`). A login by OpenID Connect is Streamlit's own
and needs its server, so it is asked for here, before anything of a page is drawn.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from delta_app.errors import DeltaAppError, SettingsError
from delta_app.services.password import VARIABLE
from delta_app.services.sharing import EVERYWHERE, host_of
from delta_app.ui.guard import SIGN_OUT
from delta_app.ui.messages import error_box, plain

Lock = Literal["none", "password", "login"]

USERS = "delta_app"
"""The section of secrets.toml whose `users` names who may come in."""


@dataclass
class _Door:
    """The lock of this process; None until it is known."""

    lock: Lock | None = None


_door = _Door()


def lock_with(lock: Lock) -> None:
    """Say how this process is locked: by who launches it, before any page is drawn."""
    _door.lock = lock


def login_configured() -> bool:
    """Whether secrets.toml has a login by OpenID Connect.

    Raises:
        SettingsError: it has, and what Streamlit needs for it is not installed.
    """
    if not st.secrets.load_if_toml_exists() or "auth" not in st.secrets:
        return False
    if importlib.util.find_spec("authlib") is None:
        raise SettingsError(
            ".streamlit/secrets.toml asks for a login ([auth]), for which Streamlit needs Authlib.",
            cure="Install it: pip install 'Authlib>=1.3.2'.",
            field="share",
        )
    return True


def ask() -> None:
    """End the page, with what there is to do, unless its visitor may see it."""
    if _door.lock is None:
        _door.lock = _of_plain_streamlit()
    if _door.lock == "login" and not _logged_in():
        st.stop()


def _of_plain_streamlit() -> Lock:
    """The lock under `streamlit run app.py`, which binds as Streamlit's options say.

    A password cannot be asked for there, so where one is needed, or set, the page ends.
    """
    try:
        locked = login_configured()
        host = st.get_option("server.address") or EVERYWHERE
        host_of(host, share=locked, locked=locked)
        if VARIABLE in os.environ:
            raise SettingsError(f"{VARIABLE} is set, and streamlit run cannot ask for it.")
    except DeltaAppError as error:
        error_box(
            DeltaAppError(
                error.message,
                cure="Start the app by python -m delta_app app, which listens on this computer "
                "alone, and asks for a password where it is shared (--share).",
            )
        )
        st.stop()
    return "login" if locked else "none"


def sign_out_link() -> None:
    """The way out, where there is a way in."""
    if _door.lock == "password":
        st.html(f'<a class="delta-sign-out" href="{SIGN_OUT}" target="_self">Sign out</a>')
    elif _door.lock == "login":
        st.button("Sign out", key="sign-out", type="tertiary", on_click=st.logout)


def _logged_in() -> bool:
    """Whether the visitor's login is one that may come in; else the page to log in is drawn."""
    who = visitor()
    if who.get("is_logged_in") and may_enter(who, _users()):
        return True
    with st.container(border=True, key="login", width=360):
        st.markdown("#### Sign in")
        if who.get("is_logged_in"):
            name = plain(str(who.get("email") or who.get("name") or "This account"))
            st.error(f"{name} may not open this app. Ask whoever started it.")
            st.button("Sign in as another", key="login:out", on_click=st.logout)
            return False
        for provider in _providers():
            label = f"Sign in with {provider}" if provider else "Sign in"
            st.button(
                plain(label),
                key=f"login:{provider}",
                type="primary",
                width="stretch",
                on_click=st.login,
                args=(provider,) if provider else (),
            )
    return False


def visitor() -> Mapping[str, Any]:
    """What the login's provider says of who looks at the page; `is_logged_in` is Streamlit's."""
    return st.user.to_dict()


def may_enter(who: Mapping[str, Any], users: tuple[str, ...] | None) -> bool:
    """Whether someone who has logged in may come in.

    Args:
        who: what the login's provider says of them.
        users: addresses ("me@example.org") and domains ("@example.org"), in any case; None lets in
            everyone whom the provider lets in.
    """
    if users is None:
        return True
    email = str(who.get("email") or "").casefold()
    if not email or who.get("email_verified") is False:
        return False
    domain = f"@{email.rpartition('@')[2]}"
    return any(each.casefold() in (email, domain) for each in users)


def _users() -> tuple[str, ...] | None:
    section = st.secrets.get(USERS, {})
    return None if "users" not in section else tuple(map(str, section["users"]))


def _providers() -> list[str]:
    """The names of the providers in [auth]; "" where there is one without a name."""
    named = [name for name, value in st.secrets["auth"].items() if isinstance(value, Mapping)]
    return named or [""]
