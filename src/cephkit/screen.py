"""What users see on the terminal: lines, tables, and the progress of long work.

Progress is a bar with lines above it on a terminal, and plain lines everywhere else.
"""

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

T = TypeVar("T")


class ProgressBar:
    """Moves from 0 to ``total``; nothing is drawn unless the output is a terminal.

    Args:
        total: of the count; None if the first ``update`` gives it.
        title: printed before the bar.
        stderr: draw on stderr, so that stdout carries results alone.
        quiet: print nothing at all.
        estimate: show the time left; False if the figures contain it.
        plain_every_s: without a terminal, ``update`` prints a line if the last one is that old; None: never.
    """

    def __init__(
        self,
        total: int | None = None,
        title: str = "",
        *,
        stderr: bool = False,
        quiet: bool = False,
        estimate: bool = True,
        plain_every_s: float | None = None,
    ) -> None:
        self._console = Console(stderr=stderr, quiet=quiet, highlight=False)
        columns = [TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn()]
        columns += [TimeRemainingColumn(), TextColumn("left")] if estimate else [TextColumn("{task.fields[figures]}")]
        hidden = quiet or not self._console.is_terminal
        self._bar = Progress(*columns, console=self._console, transient=True, disable=hidden)
        self._total, self._title = total, title
        self._plain_every_s, self._last_plain = plain_every_s, -float("inf")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def notify(self, line: str) -> None:
        """Print ``line`` as it is, above the bar if there is one."""
        self._console.print(Text(line), soft_wrap=True)

    def update(self, done: int, figures: str = "", total: int | None = None) -> None:
        """Move the bar to ``done``, with ``figures`` beside it."""
        self._total = total or self._total
        if not self._bar.disable:
            if not self._bar.tasks:
                self._bar.add_task(self._title, total=self._total, figures=figures)
            self._bar.update(self._bar.tasks[0].id, completed=done, total=self._total, figures=figures)
        elif self._plain_every_s is not None and time.monotonic() - self._last_plain >= self._plain_every_s:
            self._last_plain = time.monotonic()
            self.notify(f"step {done}/{self._total}  {figures}")


def track(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """``items``, with a bar on stderr while they are consumed."""
    with ProgressBar(total, title, stderr=True) as bar:
        for done, item in enumerate(items):
            bar.update(done)
            yield item


def table_console(width: int = 120) -> Console:
    """Return a console as wide as the terminal, or ``width`` columns if the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def figure_table(texts: Iterable[str], figures: Iterable[str]) -> Table:
    """Return an empty table with columns of ``texts``, then of ``figures``; no lines, so that it fits 80 columns."""
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    for heading in texts:
        table.add_column(heading, no_wrap=True)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def figure(value: float | None, digits: int) -> str:
    """Format a figure; ``-`` for None."""
    return "-" if value is None else f"{value:.{digits}f}"
