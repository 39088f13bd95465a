"""One line of the checklist, and what all lines together mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
