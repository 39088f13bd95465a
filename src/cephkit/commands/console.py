"""The console that a command prints its tables to."""

from rich.console import Console


def table_console(width: int = 120) -> Console:
    """Return a console as wide as the terminal, or ``width`` columns if the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=width)
