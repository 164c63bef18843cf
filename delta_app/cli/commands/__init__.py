"""The commands, one a file; each defines COMMAND."""
