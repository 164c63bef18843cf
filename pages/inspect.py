"""Inspect: one picture through a run's source and target, and what its filters make of it."""

from delta_app.ui import inspect_page

inspect_page.draw()
