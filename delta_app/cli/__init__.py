"""The command line, one file a command; the same services as the pages use."""

from delta_app.cli.dispatch import main

__all__ = ["main"]
