"""The folder that ``cephkit predict`` fills: JSON and an overlay per film, one table of all films.

The JSON files are the truth: the table is made from them, and a film whose JSON is there is not predicted again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.names import film_key, film_name, first_free
from cephkit.errors import CephkitError, LabelError, SettingsError
from cephkit.files import columns_of, write_csv
from cephkit.records.reader import read_record
from cephkit.records.record import COLUMNS, LandmarkRecord, landmark_rows

TABLE = "landmarks.csv"
PROBLEMS = "problems.csv"
PROBLEM_COLUMNS = ("file", "problem")


@dataclass(frozen=True)
class _Known:
    """A result that exists."""

    content: str
    """Hash of the bytes of its film's file."""
    run: str
    problem: str


class ResultFolder:
    """Names results so that none replaces another film's, or a file that cephkit did not write.

    Args:
        folder: made when the first result is written.
        inputs: films that are being read; never written over.
        run: digest of the model and the settings; results of another run are replaced.
        resume: skip films that this run has a result of.

    Raises:
        SettingsError: the folder has a ``landmarks.csv`` or ``problems.csv`` of another program.
    """

    def __init__(self, folder: Path, inputs: Iterable[Path] = (), run: str = "", resume: bool = True) -> None:
        self.folder, self.run, self.resume = folder, run, resume
        self._taken: set[str] = set()
        self._inputs = {path.resolve() for path in inputs}
        for name, columns in ((TABLE, COLUMNS), (PROBLEMS, PROBLEM_COLUMNS)):
            _refuse_foreign(folder / name, columns)
        self._known = {
            film_key(record.film_id): _Known(record.content, record.run, problem(record)) for record in self._results()
        }
        self._contents = {known.content for known in self._known.values() if resume and known.run == run}

    def may_be_done(self, content: str) -> bool:
        """Tell whether this run has a result of a film with this content, under any name."""
        return content in self._contents

    def name_for(self, file: Path, content: str) -> str:
        """Choose a name for the results of ``file``: its own without ending, with a number if another film has it."""
        name = first_free(film_name(file), lambda name: self._is_free(name, content))
        self._taken.add(film_key(name))
        return name

    def problem_of(self, name: str, content: str, overlay: bool) -> str | None:
        """Return what was wrong with a film that has a result, empty if nothing was; None if it must be predicted."""
        known = self._known.get(film_key(name))
        if known is None or not self.resume or (known.content, known.run) != (content, self.run):
            return None
        if overlay and not self.overlay_path(name).exists():
            return None
        return known.problem

    def json_path(self, name: str) -> Path:
        """Return the file for a film's landmarks."""
        return self.folder / f"{name}.json"

    def overlay_path(self, name: str) -> Path:
        """Return the file for a film's picture."""
        return self.folder / f"{name}_overlay.png"

    def write(self, record: LandmarkRecord) -> None:
        """Write the JSON of a film, named ``record.film_id``.

        Raises:
            CephkitError: it cannot be written.
        """
        replace(record, run=self.run).to_json(self.json_path(record.film_id))

    def write_tables(self, problems: Iterable[tuple[str, str]]) -> Path | None:
        """Write ``landmarks.csv`` of all results in the folder, film by film, and ``problems.csv`` if there are any.

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
        write_csv(self.folder / TABLE, COLUMNS, landmark_rows(self._results()))
        return self.folder / TABLE

    def _results(self) -> Iterator[LandmarkRecord]:
        """Yield the results in the folder, in order of their files' names."""
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            try:
                record = read_record(path)
            except LabelError:
                continue
            if record.film_hash and record.content:  # labels and files of other programs do not name the film so
                yield record

    def _is_free(self, name: str, content: str) -> bool:
        json_path, overlay_path = self.json_path(name), self.overlay_path(name)
        if film_key(name) in self._taken or {json_path.resolve(), overlay_path.resolve()} & self._inputs:
            return False
        known = self._known.get(film_key(name))
        if known is not None:
            return known.content == content
        return not json_path.exists() and not overlay_path.exists()


def problem(record: LandmarkRecord) -> str:
    """Describe what is wrong with a film that was read, and what may explain it; empty if landmarks were found."""
    if record.points:
        return ""
    doubt = f"no lateral cephalogram? {record.doubt}" if record.doubt else "no landmark found"
    return "; ".join([doubt, *record.notes])


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CephkitError(f"{path}: cannot be removed ({error.strerror or error}); close it elsewhere") from error


def _refuse_foreign(path: Path, columns: tuple[str, ...]) -> None:
    if columns_of(path) not in (None, columns):
        raise SettingsError(f"{path}: is not a table of cephkit predict; choose another --out")
