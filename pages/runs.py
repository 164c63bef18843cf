"""Runs: every run in a table, to search, sort, open, compare, rename and delete."""

from delta_app.ui import runs_page

runs_page.draw()
