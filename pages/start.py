"""Start: what goes on or was last finished, the demo, a new fine-tuning, and this machine."""

from delta_app.ui import start

start.draw()
