"""Run: one run, live while it goes on, its result once it has ended."""

from delta_app.ui import run_page

run_page.draw()
