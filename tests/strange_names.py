"""Names that markup, shells, spreadsheets, terminals or file systems would stumble over."""

from __future__ import annotations

import unicodedata

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

STRANGE = "<b>bold</b><br>R&D"
AS_TEXT = "&lt;b&gt;bold&lt;/b&gt;&lt;br&gt;R&amp;D"

SHORT = "<b>&</b>"
SHORT_AS_TEXT = "&lt;b&gt;&amp;&lt;/b&gt;"
"""Short enough for any axis."""

LIST = (
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#60;",
    "# heading",
    "* item",
    "1. first",
    "    code",
    "> quoted",
    "=====",
    "-----",
    "| a | b |",
    "**bold** _it_ ~~no~~ `code`",
    "[link](https://evil.example)",
    "![picture](https://evil.example/x.png)",
    "https://evil.example and www.evil.example",
    ":red[text] :material/home: :smile: $x^2$",
    "a -> b -- c",
    "two\nlines",
    "2026-11-28 03:00:00.000+00:00 info    Completed.\n2026-11-28 03:00:01.000+00:00 info    Done.",
    "bell\x07 escape\x1b[31m return\r tab\t",
    "paste\x1b[201~; touch /tmp/x\n",
    "turned \u202etxt.exe",
    "\u0634\u062c\u0631\u0629 \u05e2\u05e5",
    "\U0001f469\u200d\U0001f33e \U0001f41d\ufe0f",
    "Ze\u0301ro \u2028 line",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2+3",
    "$(touch x) `touch x` ; touch x & | > x",
    'it\'s "quoted" \\ back',
    "%{x} %s {0} {{name}}",
    "{b}",
    "CON",
    "con.jpg",
    "~root",
    "-rf",
    " leading and trailing ",
    "300 " + "letters " * 37,
    "\u00e4" * 127,
)
"""Each is found somewhere that it would break."""

_PIECES = st.sampled_from(LIST) | st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), max_size=40
)

NAMES = st.builds("".join, st.lists(_PIECES, min_size=1, max_size=3))
"""Any text, of any length."""


def _as_file(name: str) -> str:
    """The name as far as a file system takes it: one part of a path, of 200 bytes at most."""
    part = name.replace("/", "\u2215").replace("\0", "")
    short = part.encode("utf-8")[:200].decode("utf-8", "ignore")
    return unicodedata.normalize("NFC", short)


FILES = tuple(dict.fromkeys(map(_as_file, LIST)))
"""The list above as names of files; 200 bytes leave room for an ending."""

QUICK = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""For every run of the tests: the same examples each time."""

FEW = settings(QUICK, max_examples=6)
"""For what takes long, such as a page or a chart."""

LONG = settings(QUICK, max_examples=1000, derandomize=False)
"""For the slow runs: other examples each time."""
