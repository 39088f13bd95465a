"""The folder that ``cephkit predict`` fills: JSON and an overlay per film, one table of all films.

The JSON files are the truth: the table is made from them, and a film whose JSON is there is not predicted again.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cephkit.data.names import film_key, film_name
from cephkit.errors import CephkitError, SettingsError
from cephkit.files import write_json
from cephkit.inference.prediction import COLUMNS, Prediction, landmark_rows
from cephkit.tables import columns_of, write_csv

TABLE = "landmarks.csv"
PROBLEMS = "problems.csv"
PROBLEM_COLUMNS = ("file", "problem")


@dataclass(frozen=True)
class _Known:
    """A result that is there."""

    content: str
    run: str
    empty: bool
    """Whether no landmark was found."""
    doubt: str
    notes: tuple[str, ...]


class ResultFolder:
    """Names results so that no film's replace another's, nor any file that is not ours.

    Args:
        folder: made when the first result is written.
        inputs: films that are being read; never written over.
        run: tells the model and the settings; results of another run are made anew.
        resume: take what is there of this run as done.

    Raises:
        SettingsError: the folder has a ``landmarks.csv`` or ``problems.csv`` that is not ours.
    """

    def __init__(self, folder: Path, inputs: Iterable[Path] = (), run: str = "", resume: bool = True) -> None:
        self.folder, self.run, self.resume = folder, run, resume
        self._taken: set[str] = set()
        self._inputs = {path.resolve() for path in inputs}
        for name, columns in ((TABLE, COLUMNS), (PROBLEMS, PROBLEM_COLUMNS)):
            _refuse_foreign(folder / name, columns)
        self._known = {
            film_key(film_name(path)): _Known(
                content["film"].get("content", ""),
                content.get("run", ""),
                not content["landmarks"],
                content.get("doubt", ""),
                tuple(map(str, content.get("notes") or ())),
            )
            for path, content in self._results()
        }
        self._contents = {known.content for known in self._known.values() if resume and known.run == run}

    def may_be_done(self, content: str) -> bool:
        """Whether this run has a result of a film of this content, under whatever name."""
        return content in self._contents

    def name_for(self, file: Path, content: str) -> str:
        """A name for the results of ``file``: that without ending, with a number where another film has it."""
        stem, number = film_name(file), 1
        while True:
            name = stem if number == 1 else f"{stem}-{number}"
            if film_key(name) not in self._taken and self._is_free(name, content):
                self._taken.add(film_key(name))
                return name
            number += 1

    def problem_of(self, name: str, content: str, overlay: bool) -> str | None:
        """What was wrong with a film whose result is there, empty where nothing was; None where it has to be made."""
        known = self._known.get(film_key(name))
        if known is None or not self.resume or (known.content, known.run) != (content, self.run):
            return None
        if overlay and not self.overlay_path(name).exists():
            return None
        return problem(known.empty, known.doubt, known.notes)

    def json_path(self, name: str) -> Path:
        """Where the landmarks go."""
        return self.folder / f"{name}.json"

    def overlay_path(self, name: str) -> Path:
        """Where the picture goes."""
        return self.folder / f"{name}_overlay.png"

    def write(self, prediction: Prediction) -> None:
        """The JSON of a film, named ``prediction.film_id``.

        Raises:
            CephkitError: it cannot be written.
        """
        write_json(self.json_path(prediction.film_id), {**prediction.to_dict(), "run": self.run})

    def write_tables(self, problems: Iterable[tuple[str, str]]) -> Path | None:
        """``landmarks.csv`` of all results in the folder, film by film; and ``problems.csv``, where there are some.

        Raises:
            CephkitError: it cannot be written.
        """
        listed = [dict(zip(PROBLEM_COLUMNS, each, strict=True)) for each in problems]
        if listed:
            write_csv(self.folder / PROBLEMS, PROBLEM_COLUMNS, listed)
        else:
            _remove(self.folder / PROBLEMS)
        if next(self._results(), None) is None:
            return None
        write_csv(self.folder / TABLE, COLUMNS, (row for _, film in self._results() for row in landmark_rows(film)))
        return self.folder / TABLE

    def _results(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Our JSON files, in order of name."""
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                landmark_rows(content)
                if not all(isinstance(content.get(name, ""), str) for name in ("run", "doubt")):
                    continue
                if not isinstance(content["film"].get("content", ""), str):
                    continue
            except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                continue  # not ours
            yield path, content

    def _is_free(self, name: str, content: str) -> bool:
        json_path, overlay_path = self.json_path(name), self.overlay_path(name)
        if {json_path.resolve(), overlay_path.resolve()} & self._inputs:
            return False
        known = self._known.get(film_key(name))
        if known is not None:
            return known.content == content
        return not json_path.exists() and not overlay_path.exists()


def problem(empty: bool, doubt: str, notes: Sequence[str] = ()) -> str:
    """What is wrong with a film that was read, and what may explain it; empty where nothing is."""
    if not empty:
        return ""
    return "; ".join([f"no lateral cephalogram? {doubt}" if doubt else "no landmark found", *notes])


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CephkitError(f"{path}: cannot be removed ({error.strerror or error}); close it elsewhere") from error


def _refuse_foreign(path: Path, columns: tuple[str, ...]) -> None:
    if columns_of(path) not in (None, columns):
        raise SettingsError(f"{path}: is not a table of cephkit predict; choose another --out")
