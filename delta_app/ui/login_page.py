"""The page that asks for the password, as HTML: it stands before Streamlit, and needs no script."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from string import Template

WORDMARK = Path(__file__).resolve().parents[2] / "assets" / "wordmark.svg"

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

COLORS = ("primaryColor", "backgroundColor", "secondaryBackgroundColor", "textColor", "borderColor")
"""The theme's colours that the page is drawn in."""

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in · Delta App</title>
<style>
:root { $light }
@media (prefers-color-scheme: dark) { :root { $dark } }
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: var(--secondaryBackgroundColor); color: var(--textColor);
  font: 400 14px/1.5 "Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif;
}
main {
  width: min(22rem, calc(100vw - 2rem)); padding: 1.75rem; border-radius: 6px;
  border: 1px solid var(--borderColor); background: var(--backgroundColor);
}
img { height: 34px; display: block; margin-bottom: 1.25rem; }
label { display: block; font-weight: 600; margin-bottom: 0.35rem; }
input, button {
  width: 100%; font: inherit; border-radius: 6px; padding: 0.5rem 0.7rem; height: 2.5rem;
  border: 1px solid var(--borderColor);
}
input { background: var(--backgroundColor); color: inherit; }
input:focus-visible, button:focus-visible {
  outline: 2px solid var(--primaryColor); outline-offset: 1px;
}
button {
  margin-top: 0.9rem; background: var(--primaryColor); border-color: var(--primaryColor);
  color: $on_primary; font-weight: 600; cursor: pointer;
}
@media (prefers-color-scheme: dark) { button { color: $on_primary_dark; } }
[role="alert"] {
  margin: 0 0 1rem; padding: 0.55rem 0.7rem; border-radius: 6px;
  border-left: 3px solid var(--primaryColor); background: var(--secondaryBackgroundColor);
}
p { margin: 1.1rem 0 0; opacity: 0.75; font-size: 0.93em; }
</style>
</head>
<body>
<main>
<img src="$wordmark" alt="Delta App">
$problem
<form method="post">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
  required autofocus>
<button type="submit">Sign in</button>
</form>
<p>Whoever started this app has set the password.</p>
</main>
</body>
</html>
""")


def login_page(light: Mapping[str, str], dark: Mapping[str, str], problem: str = "") -> str:
    """The page; its form is sent to the address it stands at.

    Args:
        light, dark: the theme's colours by name, those of COLORS.
        problem: why the last try did not get in.
    """
    said = f'<div role="alert">{html.escape(problem)}</div>' if problem else ""
    picture = base64.b64encode(WORDMARK.read_bytes()).decode()
    return _PAGE.substitute(
        light=_variables(light),
        dark=_variables(dark),
        on_primary="#FFFFFF",
        on_primary_dark=dark["backgroundColor"],
        wordmark=f"data:image/svg+xml;base64,{picture}",
        problem=said,
    )


def _variables(colors: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colors[name]};" for name in COLORS)
