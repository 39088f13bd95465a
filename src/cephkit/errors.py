"""Errors that a user can act on, and notes: the command line prints them without a traceback."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FROM_WORKER = re.compile(r"Caught \w+ in DataLoader worker .*\ncephkit\.errors\.\w+: ", re.DOTALL)


@dataclass(frozen=True)
class Note:
    """Something that a user should know and that stops nothing."""

    kind: str
    """What it is about, for programs; ``cephkit doctor`` calls its line so."""
    text: str
    remedy: str = ""
    """What to do, if anything."""

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


class CephkitError(Exception):
    """Something is wrong that the user can put right. ``str()`` is the message: ``path: text; remedy``.

    Args:
        text: what is wrong: the value found, the value expected.
        remedy: what to do. Many messages carry it in ``text``, after the last semicolon.
        path: the file concerned, and what in it, where ``text`` does not name it.
        kind: what it is about, for programs; each class has its own.
    """

    kind = "error"

    def __init__(self, text: str = "", remedy: str = "", path: Path | str | None = None, *, kind: str = "") -> None:
        # A loader worker passes an error on as its traceback's text, which must do as the only argument.
        super().__init__(_FROM_WORKER.sub("", text).rstrip("\n"))
        self.text: str = self.args[0]
        self.remedy, self.path, self.kind = remedy, path, kind or self.kind

    @property
    def advice(self) -> str:
        """The message without the path."""
        return f"{self.text}; {self.remedy}" if self.remedy else self.text

    def __str__(self) -> str:
        return f"{self.path}: {self.advice}" if self.path else self.advice


class FilmError(CephkitError):
    """A film that cannot be read."""

    kind = "film"


class LabelError(CephkitError):
    """A label file that cannot be used."""

    kind = "label"


class DataError(CephkitError):
    """A data set that cannot be used as it is; ``problems`` are those of its films, as far as they are known."""

    kind = "data set"

    def __init__(
        self, text: str = "", remedy: str = "", path: Path | None = None, *, kind: str = "",
        problems: Sequence[Note] = (),
    ) -> None:  # fmt: skip
        super().__init__(text, remedy, path, kind=kind)
        self.problems = tuple(problems)


class CheckpointError(CephkitError):
    """A checkpoint that is truncated, not cephkit's, or not of the model that is asked for."""

    kind = "checkpoint"


class SettingsError(CephkitError):
    """Settings that contradict each other or name something unknown."""

    kind = "settings"


class DivergedError(CephkitError):
    """A training run whose loss or gradients are no longer finite."""

    kind = "training"


def some(names: Sequence[str], count: int = 5) -> str:
    """The first names and how many more there are, for one line of a message."""
    rest = len(names) - count
    return ", ".join(names[:count]) + (f" and {rest} more" if rest > 0 else "")
