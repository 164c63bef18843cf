"""Whatever a name holds, Markdown shows it as it is, on one line."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from strange_names import LIST, LONG, NAMES, QUICK

from delta_app.data.names import printable
from delta_app.errors import DatasetError
from delta_app.ui.messages import error_text, plain, variant_chip

markdown_it = pytest.importorskip("markdown_it", reason="no Markdown parser to test with")
# With everything that Streamlit's has: HTML, tables, lines through.
PARSER = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """The text of one paragraph without any markup in it; fails where there is some."""
    rendered = PARSER.render(markdown).strip()
    found = re.fullmatch(r"<p>([^<]*)</p>", rendered, re.DOTALL)
    assert found, rendered
    return html.unescape(found[1])


def as_it_is(name: str) -> str:
    """A name as it should be read: blanks and line breaks are one blank, turning marks gone."""
    return printable(re.sub(r"[ \t\n\r\v\f\x85\u2028\u2029]+", " ", name)).strip()


def check(name: str) -> None:
    written, wanted = plain(name), as_it_is(name)
    if not wanted:
        return
    read = shown(written).translate(dict.fromkeys((0x2068, 0x2069)))
    assert read.strip() == wanted
    assert shown(f"Run: {written}.").startswith("Run: ")
    # The second line of a paragraph, where === would make a heading of the first.
    second = PARSER.render(f"Title  \n{written}").strip()
    assert second.startswith("<p>Title<br />"), second
    assert second.count("<") == 3, second


@pytest.mark.parametrize("name", LIST)
def test_names_known_to_be_strange(name: str) -> None:
    check(name)


@QUICK
@given(NAMES)
def test_any_name(name: str) -> None:
    check(name)


@pytest.mark.slow
@LONG
@given(NAMES)
def test_any_name_at_length(name: str) -> None:
    check(name)


def test_nothing_in_a_name_is_a_command_of_streamlits() -> None:
    """:red[x], :material/x:, :smile: and $x$ need their sign unescaped."""
    for name in LIST:
        assert not re.search(r"(?<!\\)[:$\[\]`<&]", plain(name)), plain(name)


def test_text_from_right_to_left_does_not_turn_what_stands_around_it() -> None:
    assert plain("\u05e2\u05e5 (3)") == "\u2068\u05e2\u05e5 \\(3\\)\u2069"
    assert "\u202e" not in plain("a\u202eb")
    assert plain("oak") == "oak"


def test_errors_and_chips_too() -> None:
    error = DatasetError("<b>x</b>\n# y", cure="*z*")
    assert shown(error_text(error)) == "<b>x</b> # y *z*"
    assert "<b>" not in PARSER.render(variant_chip("<b>x</b>", "#111111"))
