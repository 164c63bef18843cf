"""The login page: in the app's colours, without a script, and no word of a visitor's unescaped."""

from __future__ import annotations

import re

from delta_app.ui.login_page import COLORS, HEADERS, login_page

LIGHT = dict.fromkeys(COLORS, "#FFFFFF")
DARK = dict.fromkeys(COLORS, "#101014")


def test_it_asks_for_the_password_and_nothing_else() -> None:
    page = login_page(LIGHT, DARK)
    assert re.findall(r"<input[^>]*name=\"(\w+)\"", page) == ["password"]
    assert 'type="password"' in page
    assert 'method="post"' in page
    assert "action=" not in page, "it is sent to the address it stands at"
    assert 'role="alert"' not in page.split("</style>")[1]
    assert "script" not in page
    assert "http" not in page.replace("http-equiv", ""), "nothing is fetched from anywhere"


def test_both_themes_are_in_it() -> None:
    page = login_page(LIGHT, DARK)
    light, dark = page.split("@media (prefers-color-scheme: dark)")[:2]
    assert "--backgroundColor: #FFFFFF" in light
    assert "--backgroundColor: #101014" in dark


def test_a_problem_is_said_as_text() -> None:
    page = login_page(LIGHT, DARK, "<b>wrong</b> $password")
    assert '<div role="alert">&lt;b&gt;wrong&lt;/b&gt; $password</div>' in page


def test_no_other_page_may_hold_it() -> None:
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
