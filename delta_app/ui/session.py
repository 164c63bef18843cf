"""What a visitor has entered, kept while they look at other pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


class FormState:
    """A form's values by key, apart from its widgets.

    Streamlit forgets a widget's value when the widget is not drawn: another page, another
    method, a folded step. The values stand here; a widget gets its value as its default, and
    `keep` takes over what it returned.

    A widget's value is never written into the session's state: the browser takes it over only
    once it has drawn the widget, and a click in between would bring the old value back. A value
    that is changed from outside gives the widget a new key instead, and with it a new default.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.values: dict[str, Any] = st.session_state.setdefault(f"{name}:values", {})
        self._changes: dict[str, int] = st.session_state.setdefault(f"{name}:changes", {})

    def widget(self, key: str) -> str:
        """The widget's key."""
        changes = self._changes.get(key, 0) + self._changes.get("", 0)
        return f"{self._name}:{key}" + (f"#{changes}" if changes else "")

    def get(self, key: str, default: Any = None) -> Any:
        """The value that the widget is drawn with."""
        return self.values.get(key, default)

    def keep(self, key: str, value: Any) -> None:
        """Remember what the widget returned."""
        self.values[key] = value

    def taking_over(
        self, key: str, read: Callable[[Any], Any] = lambda entered: entered
    ) -> Callable[[], None]:
        """For a widget's `on_change`: remember its value even where it is not drawn again.

        A value that is entered just before a click that folds the widget away comes together
        with the click: the script then never draws the widget, and would never read it.

        Args:
            read: from what the widget holds to the value.
        """
        widget = self.widget(key)

        def take() -> None:
            if widget in st.session_state:
                self.values[key] = read(st.session_state[widget])

        return take

    def current(self, key: str, default: Any = None) -> Any:
        """The value as it stands on the screen, also before its widget is drawn again."""
        return st.session_state.get(self.widget(key), self.values.get(key, default))

    def set(self, key: str, value: Any) -> None:
        """Change a value from outside its widget."""
        self.values[key] = value
        self._changes[key] = self._changes.get(key, 0) + 1

    def fill(self, values: Mapping[str, Any]) -> None:
        """Replace every value: the form filled in from elsewhere."""
        self.values.clear()
        self.values.update(values)
        self._changes[""] = self._changes.get("", 0) + 1
