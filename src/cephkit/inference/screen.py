"""What a long run says: a line per film, and on a terminal a bar below them that tells how long it will take."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class Screen:
    """Counts ``total`` films; where the output is no terminal there are lines only."""

    def __init__(self, total: int) -> None:
        self.total, self.shown = total, 0
        console = Console()
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("films, left"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> "Screen":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, line: str) -> None:
        """One film is done; ``line``, if any, is said."""
        self.shown += 1
        self._progress.advance(self._task)
        text = f"[{self.shown}/{self.total}] {line}"
        if not line:
            return
        if self._progress.disable:
            print(text, flush=True)
        else:
            self._progress.console.print(Text(text), soft_wrap=True)
