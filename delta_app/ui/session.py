"""What a visitor has entered, kept while they look at other pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st


class FormState:
    """A form's values by key, apart from its widgets.

    Streamlit forgets a widget's value when the widget is not drawn: another page, another
    method, a folded choice. The values stand here; a widget is seeded from them whenever it
    comes back, and `keep` takes its value over once it is drawn.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.values: dict[str, Any] = st.session_state.setdefault(f"{name}:values", {})

    def widget(self, key: str, default: Any) -> str:
        """The widget's key, with its value in place before it is drawn."""
        widget_key = f"{self._name}:{key}"
        if widget_key not in st.session_state:
            st.session_state[widget_key] = self.values.get(key, default)
        return widget_key

    def keep(self, key: str, value: Any) -> None:
        """Remember what the widget returned."""
        self.values[key] = value

    def current(self, key: str, default: Any = None) -> Any:
        """The value as it stands on the screen, also before its widget is drawn again."""
        widget_key = f"{self._name}:{key}"
        if widget_key in st.session_state:
            return st.session_state[widget_key]
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Change a value from outside its widget, in a callback or before it is drawn."""
        self.values[key] = value
        st.session_state[f"{self._name}:{key}"] = value

    def fill(self, values: Mapping[str, Any]) -> None:
        """Replace every value: the form filled in from elsewhere, or emptied."""
        prefix = f"{self._name}:"
        for key in [k for k in st.session_state if str(k).startswith(prefix)]:
            if key != f"{prefix}values":
                del st.session_state[key]
        self.values.clear()
        self.values.update(values)
