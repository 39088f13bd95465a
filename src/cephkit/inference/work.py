"""Predicts films into a folder: threads read ahead and draw, this one runs the model; few films are in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from cephkit.data.about import About
from cephkit.data.names import of_film
from cephkit.data.opened import content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.drawing.overlay import draw_overlay
from cephkit.drawing.raster import png_bytes
from cephkit.errors import FilmError
from cephkit.files import write_whole
from cephkit.inference.folder import batched, in_order
from cephkit.inference.model import Model
from cephkit.inference.preprocess import PreprocessedFilm
from cephkit.inference.results import ResultFolder, problem
from cephkit.records.record import LandmarkRecord


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
            picture = draw_overlay(read.film.grey, found, caption, record.review_regions)
            write_whole(written, png_bytes(picture))
        line = f"{read.file.name}: {len(found)} landmarks -> {written}{_doubts(record)}"
        return Done(read.file, problem(record), line, has_pixel_size=record.spacing is not None)


def _failed(file: Path, reason: str) -> Done:
    return Done(file, reason, f"FAILED {file}: {reason}")


def _doubts(record: LandmarkRecord) -> str:
    """What a user should look at twice, as the end of a line."""
    notes = "".join(f"; {note}" for note in record.notes)
    if record.doubt and not record.points:
        return f"; NO LATERAL CEPHALOGRAM? {record.doubt}{notes}; look at it, or give --keep_doubtful"
    text = "; faces left" if record.facing == "left" else ""
    text += f"; NO LATERAL CEPHALOGRAM? {record.doubt}" if record.doubt else ""
    text += f"; NOT FOUND: {' '.join(record.missing)}" if record.missing else ""
    text += f"; look at: {' '.join(record.needs_review)}" if record.needs_review else ""
    return text + notes
