"""What a page under test says."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def words(app: AppTest) -> str:
    """Every text, caption, message and button of a page, without what only Markdown reads."""
    said = [element.value for element in (*app.markdown, *app.caption)]
    messages = [element.value for element in (*app.error, *app.warning, *app.info)]
    labels = [button.label for button in app.button]
    return "\n".join(str(each) for each in (*said, *messages, *labels)).replace("\\", "")


def links(app: AppTest) -> dict[str, str]:
    """Label -> query string of the page's links, the sidebar's included."""
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.page_link}


def kept_charts(app: AppTest) -> list[dict]:
    """The charts of `draw_chart`, which stay as they are while data arrives."""
    drawn = [json.loads(component.proto.json) for component in app.get("bidi_component")]
    return [json.loads(data["figure"]) for data in drawn if "figure" in data]
