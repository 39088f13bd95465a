"""One line of the check list, and what all lines together mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cephkit.errors import CephkitError
from cephkit.memory import GIB

Status = Literal["ok", "warning", "failure"]
EXIT_STATUS: dict[Status, int] = {"ok": 0, "warning": 1, "failure": 2}


@dataclass(frozen=True)
class Check:
    """What was looked at and what was found."""

    name: str
    status: Status
    """``warning``: training works, but not as well as it could; ``failure``: it would not work."""
    found: str
    remedy: str = ""
    """What to do; empty where all is well."""


def ok(name: str, found: str) -> Check:
    """A check that all is well with."""
    return Check(name, "ok", found)


def warning(name: str, found: str, remedy: str) -> Check:
    """A check that a run survives."""
    return Check(name, "warning", found, remedy)


def failure(name: str, found: str, remedy: str) -> Check:
    """A check that a run would not survive."""
    return Check(name, "failure", found, remedy)


def refused(name: str, error: CephkitError, otherwise: str) -> Check:
    """The failure that ``error`` tells; its remedy is the error's own last clause, or ``otherwise``."""
    found, _, remedy = str(error).rpartition("; ")
    return failure(name, found, remedy) if found else failure(name, remedy, otherwise)


def exit_status(checks: Iterable[Check]) -> int:
    """0 where all is well, 1 with a warning, 2 with a failure."""
    return max((EXIT_STATUS[check.status] for check in checks), default=0)


def gib(count: float) -> str:
    """Bytes for the eye: ``7.6 GiB``, ``46 MiB``."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 2**20:.0f} MiB"
