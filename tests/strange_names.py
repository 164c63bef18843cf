"""A name that a chart would take for markup, and how it is written so that it is not."""

from __future__ import annotations

STRANGE = "<b>bold</b><br>R&D"
AS_TEXT = "&lt;b&gt;bold&lt;/b&gt;&lt;br&gt;R&amp;D"

SHORT = "<b>&</b>"
SHORT_AS_TEXT = "&lt;b&gt;&amp;&lt;/b&gt;"
"""Short enough for any axis."""
