"""One line of the checklist, what all lines together mean, and the checklist on the screen and as JSON."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cephkit.errors import CephkitError, Note
from cephkit.memory import GIB

Status = Literal["ok", "warning", "failure"]
EXIT_STATUS: dict[Status, int] = {"ok": 0, "warning": 1, "failure": 2}


@dataclass(frozen=True)
class Check:
    """What was checked and what was found."""

    name: str
    status: Status
    """``warning``: training works, but not as well as it could; ``failure``: it would not work."""
    found: str
    remedy: str = ""
    """What to do; empty if all is well."""


def ok(name: str, found: str) -> Check:
    """Make a check that found no trouble."""
    return Check(name, "ok", found)


def warning(name: str, found: str, remedy: str) -> Check:
    """Make a check that found trouble that a run survives."""
    return Check(name, "warning", found, remedy)


def failure(name: str, found: str, remedy: str) -> Check:
    """Make a check that found trouble that a run would not survive."""
    return Check(name, "failure", found, remedy)


def refused(name: str, error: CephkitError, otherwise: str) -> Check:
    """Make a failure of ``error``; ``otherwise`` is the remedy of an error that has none of its own."""
    found = f"{error.path}: {error.text}" if error.path else error.text
    return failure(name, found, error.remedy or otherwise)


def noted(note: Note) -> Check:
    """Make a warning of ``note``."""
    return warning(note.kind, note.text, note.remedy)


def exit_status(checks: Iterable[Check]) -> int:
    """Return 0 if all is well, 1 with a warning, 2 with a failure."""
    return max((EXIT_STATUS[check.status] for check in checks), default=0)


def gib(count: float) -> str:
    """Format bytes: ``7.6 GiB``, ``46 MiB``."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 2**20:.0f} MiB"


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
