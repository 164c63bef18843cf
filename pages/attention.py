"""Attention: measure which filters matter, and see whether to believe it."""

from delta_app.ui import attention_page

attention_page.draw()
