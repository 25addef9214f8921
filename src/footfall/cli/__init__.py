"""The command line: one function per command. Prints causes, not tracebacks; exit status 0, 1 (failed), 2 (called wrongly)."""

from footfall.cli.main import main

__all__ = ["main"]
