"""Errors that a user can act on: the command line prints them without a traceback."""

import re
from pathlib import Path

_IN_A_WORKER = re.compile(r"Caught \w+ in DataLoader worker .*\ncephkit\.errors\.\w+: ", re.DOTALL)


class CephkitError(Exception):
    """What is wrong, where, and what to do; the message is shown to the user as it is."""

    def __init__(self, message: str = "") -> None:
        # A loader's worker hands an error over as its traceback's text.
        super().__init__(_IN_A_WORKER.sub("", message).rstrip("\n"))


class FilmError(CephkitError):
    """A film that cannot be read."""


class BrokenFilmError(FilmError):
    """A film that cannot be read, with ``reason`` and ``remedy`` apart for lists of problems."""

    def __init__(self, reason: str, remedy: str = "", path: Path | None = None) -> None:
        # One argument must do: a loader's worker hands an error over as its message alone.
        where = f"{path}: " if path else ""
        super().__init__(f"{where}{reason}" + (f"; {remedy}" if remedy else ""))
        self.reason, self.remedy = reason, remedy


class LabelError(CephkitError):
    """A label file that cannot be used."""


class DataError(CephkitError):
    """A data set that cannot be used as it is."""


class CheckpointError(CephkitError):
    """A checkpoint that is torn, foreign, or does not fit what is asked of it."""


class SettingsError(CephkitError):
    """Settings that contradict each other or name something unknown."""
