"""The checklist on the screen, and as JSON."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cephkit.doctor.checks import Check, Status, exit_status

SYMBOLS: dict[Status, tuple[str, str]] = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red")}
WORDS: dict[Status, str] = {"ok": "OK", "warning": "WARNING", "failure": "FAILURE"}
NAME_WIDTH = 24
VERDICTS = (
    "All is well: training can start.",
    "Training can start; read the warnings first.",
    "Training would not work like this: fix the failures first.",
)
"""By exit status."""


class Report:
    """Prints lines as they come: with colours and symbols on a terminal, plain elsewhere, not at all if ``quiet``."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(file=sys.stdout, quiet=quiet, highlight=False)
        self.checks: list[Check] = []

    def heading(self, title: str) -> None:
        """Print the heading of the lines that follow."""
        self._console.print(Text(f"\n{title}", style="bold"))

    def add(self, checks: Check | Sequence[Check]) -> None:
        """Print and keep more lines."""
        for check in map(without_home, [checks] if isinstance(checks, Check) else checks):
            self.checks.append(check)
            self._print(check)

    def end(self) -> None:
        """Print the summary."""
        counts = summary(self.checks)
        style = SYMBOLS[("ok", "warning", "failure")[counts["exit_status"]]][1]
        warnings, failures = (
            f"{counts[word]} {word}{'s' if counts[word] != 1 else ''}" for word in ("warning", "failure")
        )
        line = f"\n{counts['ok']} OK, {warnings}, {failures}. "
        self._console.print(Text(line + VERDICTS[counts["exit_status"]], style=f"bold {style}"), soft_wrap=True)

    def _print(self, check: Check) -> None:
        symbol, style = SYMBOLS[check.status]
        text = Text(check.found)
        if not self._console.is_terminal:
            lines = [*check.found.splitlines(), *([f"-> {check.remedy}"] if check.remedy else [])]
            head = f"{WORDS[check.status]:<8} {check.name:<{NAME_WIDTH}} "
            self._console.print(Text(head + f"\n{' ' * len(head)}".join(lines)), soft_wrap=True)  # one line, for grep
            return
        if check.remedy:
            text.append(f"\n-> {check.remedy}", style="cyan")
        if not self._console.encoding.lower().startswith("utf"):
            symbol = WORDS[check.status]
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style=f"bold {style}")
        grid.add_column(width=NAME_WIDTH, style="" if check.status == "ok" else "bold")
        grid.add_column(overflow="fold")
        grid.add_row(symbol, check.name, text)
        self._console.print(grid)


def summary(checks: Sequence[Check]) -> dict[str, int]:
    """Count the lines of each status, and add the exit status."""
    counts = Counter(check.status for check in checks)
    return {
        "ok": counts["ok"], "warning": counts["warning"], "failure": counts["failure"],
        "exit_status": exit_status(checks),
    }  # fmt: skip


def to_json(checks: Sequence[Check]) -> dict[str, Any]:
    """Return ``{"checks": [{name, status, found, remedy}], "summary": {ok, warning, failure, exit_status}}``."""
    return {"checks": [asdict(check) for check in checks], "summary": summary(checks)}


def without_home(check: Check) -> Check:
    """Return ``check`` without the user's name, since users post such reports."""
    home = Path.home()
    if len(home.parts) < 2:
        return check
    found, remedy = (text.replace(str(home), "~") for text in (check.found, check.remedy))
    return Check(check.name, check.status, found, remedy)
