"""The folder that ``cephkit predict`` fills: JSON and an overlay per film, one table of all films.

The JSON files are the truth: the table is made from them, and a film whose JSON is there is not predicted again.

While films are predicted, threads read ahead and draw, this one runs the model; few films are in memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from cephkit.data.about import About
from cephkit.data.names import film_key, film_name, first_free, of_film
from cephkit.data.opened import content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.drawing.overlay import draw_overlay
from cephkit.drawing.raster import png_bytes
from cephkit.errors import CephkitError, FilmError, LabelError, SettingsError
from cephkit.files import columns_of, write_csv, write_whole
from cephkit.inference.folder import batched, in_order
from cephkit.inference.model import Model
from cephkit.inference.preprocess import PreprocessedFilm
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
    doubt = f"not a lateral cephalogram? {record.doubt}" if record.doubt else "no landmark found"
    return "; ".join([doubt, *record.notes])


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CephkitError(f"{path}: cannot be removed ({error.strerror or error}); close it elsewhere") from error


def _refuse_foreign(path: Path, columns: tuple[str, ...]) -> None:
    if columns_of(path) not in (None, columns):
        raise SettingsError(f"{path}: is not a table of cephkit predict; choose another --out")


@dataclass(frozen=True)
class Done:
    """A film that is done with."""

    file: Path
    problem: str = ""
    """Why it could not be read, or what is wrong with its landmarks."""
    line: str = ""
    """For the screen; empty where its result was there."""
    was_there: bool = False
    has_pixel_size: bool = True
    """False where nobody says how large its pixels are."""


@dataclass(frozen=True)
class _Read:
    """A film that was read, or why it could not be."""

    file: Path
    content: str = ""
    film: PreprocessedFilm | None = None
    """None also if there seems to be a result of it."""
    error: str = ""


class Work:
    """See above.

    Args:
        model: what predicts.
        results: where results go.
        spacing: of all films; None: what each file says.
        about: what is known of single films, by the stem of the file's name; counts before ``spacing``.
        overlay: draw the landmarks on each film.
        batch_size: films per pass through the network.
        workers: threads that read and as many that write; 0: none beside this one.
    """

    def __init__(
        self,
        model: Model,
        results: ResultFolder,
        spacing: Spacing | None = None,
        about: Mapping[str, About] = MappingProxyType({}),
        overlay: bool = True,
        batch_size: int = 1,
        workers: int = 0,
    ) -> None:
        self.model, self.results, self.spacing, self.about = model, results, spacing, about
        self.overlay, self.batch_size, self.workers = overlay, batch_size, workers

    def all(self, files: Sequence[Path]) -> Iterator[Done]:
        """All films, in their order, each written when it comes out."""
        return in_order(self._write, self._predicted(in_order(self._read, files, self.workers)), self.workers)

    def _read(self, file: Path) -> _Read:
        try:
            data = read_bytes(file)
            content = content_hash(data)
            if self.results.may_be_done(content):
                return _Read(file, content)
            return _Read(file, content, self._preprocessed(file, data))
        except FilmError as error:
            return _Read(file, error=error.advice)

    def _preprocessed(self, file: Path, data: bytes | None = None) -> PreprocessedFilm:
        row = of_film(self.about, file)
        spacing: Spacing | None = self.spacing if row is None or row.spacing is None else row.spacing
        return self.model.preprocess(file, spacing, data)

    def _predicted(self, films: Iterator[_Read]) -> Iterator[Done | tuple[_Read, LandmarkRecord]]:
        for batch in batched(films, self.batch_size):
            items = [self._named(read) for read in batch]
            ready = [item[1] for item in items if not isinstance(item, Done)]
            found = iter(self.model.predict_preprocessed(ready) if ready else ())
            for item in items:
                yield item if isinstance(item, Done) else (item[0], replace(next(found), film_id=item[2]))

    def _named(self, read: _Read) -> Done | tuple[_Read, PreprocessedFilm, str]:
        """A film with the name that its results will have; or done, where there is nothing to do."""
        if read.error:
            return _failed(read.file, read.error)
        name = self.results.name_for(read.file, read.content)
        problem = self.results.problem_of(name, read.content, self.overlay)
        if problem is not None:
            return Done(read.file, problem, was_there=True)
        if read.film is not None:
            return read, read.film, name
        try:  # the result that seemed to be there belongs to a film of another name
            film = self._preprocessed(read.file)
        except FilmError as error:
            return _failed(read.file, error.advice)
        return replace(read, film=film), film, name

    def _write(self, item: Done | tuple[_Read, LandmarkRecord]) -> Done:
        if isinstance(item, Done):
            return item
        read, record = item
        assert read.film is not None
        name, found = record.film_id, record.points
        written = self.results.json_path(name)
        # Before the picture: a picture alone, left by a run that was stopped, would pass for someone else's.
        self.results.write(record)
        if self.overlay:
            caption = f"{read.file.name}   {len(found)} of {len(record.symbols)} landmarks"
            written = self.results.overlay_path(name)
            picture = draw_overlay(read.film.grey, found, caption, record.review_regions, record.schema)
            write_whole(written, png_bytes(picture))
        line = f"{read.file.name}: {len(found)} landmarks -> {written}{_doubts(record)}"
        return Done(read.file, problem(record), line, has_pixel_size=record.spacing is not None)


def _failed(file: Path, reason: str) -> Done:
    return Done(file, reason, f"FAILED {file}: {reason}")


def _doubts(record: LandmarkRecord) -> str:
    """What a user should look at twice, as the end of a line."""
    notes = "".join(f"; {note}" for note in record.notes)
    if record.doubt and not record.points:
        return f"; NOT A LATERAL CEPHALOGRAM? {record.doubt}{notes}; check it, or use --keep_doubtful"
    text = "; faces left" if record.facing == "left" else ""
    text += f"; NOT A LATERAL CEPHALOGRAM? {record.doubt}" if record.doubt else ""
    text += f"; NOT FOUND: {' '.join(record.missing)}" if record.missing else ""
    text += f"; needs review: {' '.join(record.needs_review)}" if record.needs_review else ""
    return text + notes
