"""Compare: two to eight runs side by side."""

from delta_app.ui import compare_page

compare_page.draw()
