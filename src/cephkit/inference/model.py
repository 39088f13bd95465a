"""A trained model in Python: films of any kind in, landmarks out.

model = cephkit.load_model("checkpoint_best.pth")
record = model.predict("film.dcm")
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.checkpoint import load_model as load_checkpoint
from cephkit.data.folder import films_in
from cephkit.data.names import film_name
from cephkit.data.spacing import Spacing, as_spacing
from cephkit.device import choose_device
from cephkit.errors import FilmError, SettingsError
from cephkit.geometry import Floats
from cephkit.inference.folder import batched, in_order
from cephkit.inference.predictor import Errors, Found, Predictor
from cephkit.inference.preprocess import FilmLike, PreprocessedFilm, preprocess
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.model_paths import checkpoint_files
from cephkit.notice import Notify
from cephkit.records.record import LandmarkRecord


def finished(
    predictor: Predictor, found: Found, films: Sequence[PreprocessedFilm], keep_doubtful: bool = False
) -> list[LandmarkRecord]:
    """The records of B films; points and errors are in pixels of the films as they are stored.

    A landmark off the film counts as not found; so do all of a film that is doubted, because a picture that is no
    film has none, whatever a network says.

    Args:
        predictor: what found the landmarks.
        found: of ``films``.
        films: the films.
        keep_doubtful: give the landmarks of doubted films too.
    """
    errors = predictor.errors(found)
    return [_record(predictor, found, errors, row, film, keep_doubtful) for row, film in enumerate(films)]


def _record(
    predictor: Predictor, found: Found, errors: Errors, row: int, film: PreprocessedFilm, keep_doubtful: bool
) -> LandmarkRecord:
    pose, (height, width) = found.poses[row], film.grey.shape
    points: Floats = found.points[row]
    expected = regions = None
    if errors.expected is not None and errors.regions is not None:
        expected = errors.expected[row] * float(np.sqrt(film.shrink.prod()))
        regions = errors.regions[row] * np.outer(film.shrink, film.shrink)
    is_kept = keep_doubtful or not pose.doubt
    symbols, low, high = predictor.spec.symbols, -0.5, np.array([width, height]) - 0.5
    # NaN fails both comparisons.
    kept = {s: k for k, s in enumerate(symbols) if is_kept and ((low <= points[k]) & (points[k] <= high)).all()}
    record = LandmarkRecord(
        points={symbol: (float(points[k, 0]), float(points[k, 1])) for symbol, k in kept.items()},
        missing=tuple(symbol for symbol in symbols if symbol not in kept),
        schema=predictor.spec.schema,
        scores={symbol: float(found.scores[row, k]) for symbol, k in kept.items()},
        expected_errors={} if expected is None else {symbol: float(expected[k]) for symbol, k in kept.items()},
        regions={} if regions is None else {symbol: regions[k] for symbol, k in kept.items()},
        facing=pose.facing,
        doubt=pose.doubt,
        notes=(*film.opened.notes, *filter(None, [pose.note, errors.notes[row]]), *predictor.lacks),
        spacing=film.spacing,
        film_id=film_name(film.file) if film.file else "",
        file=film.file,
        film_hash=film.film_hash,
        content=film.opened.content,
        size=(height, width),
        orientation=film.opened.orientation,
        model=predictor.facts,
    )
    return record.reviewed()


class Model:
    """One model, or several that are averaged, on a device. Threads may share it.

    Args:
        predictor: the networks.
        keep_doubtful: give landmarks even of pictures that do not look like lateral cephalograms; otherwise these count
            as not found, and ``LandmarkRecord.doubt`` says why.
        ignore_bad_pixel_size: ignore an impossible pixel size in a DICOM file; otherwise it is an error.
    """

    def __init__(self, predictor: Predictor, keep_doubtful: bool = False, ignore_bad_pixel_size: bool = False) -> None:
        self.predictor, self.keep_doubtful = predictor, keep_doubtful
        self.ignore_bad_pixel_size = ignore_bad_pixel_size

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks that the model finds."""
        return self.predictor.spec.symbols

    @property
    def schema(self) -> LandmarkSchema:
        """What these landmarks are."""
        return self.predictor.spec.schema.of(self.symbols)

    @property
    def facts(self) -> dict[str, Any]:
        """Checkpoint, sha256, model, image_size and mode."""
        return self.predictor.facts

    @property
    def is_calibrated(self) -> bool:
        """Whether results have expected errors."""
        return self.predictor.calibration is not None

    def predict(self, film: FilmLike, *, spacing: Spacing | float | None = None, film_id: str = "") -> LandmarkRecord:
        """Find the landmarks of one film.

        Args:
            film: a file (PNG, JPEG, BMP, TIFF, WebP, DICOM), a PIL image or an array, see ``FilmLike``.
            spacing: mm per film pixel; None: what the file says, if anything.
            film_id: default: the file's name without its ending.

        Raises:
            FilmError: it cannot be read as a film.
            SettingsError: no pixel of a cephalogram has that size.
        """
        (record,) = self.predict_preprocessed([self.preprocess(film, spacing)])
        return replace(record, film_id=film_id) if film_id else record

    def predict_batch(
        self, films: Sequence[FilmLike], *, spacing: Spacing | float | None = None
    ) -> list[LandmarkRecord]:
        """Find the landmarks of several films in one pass, which is faster on a card.

        Raises:
            FilmError: one of them cannot be read as a film.
            SettingsError: as ``predict``.
        """
        return self.predict_preprocessed([self.preprocess(film, spacing) for film in films]) if films else []

    def predict_folder(
        self,
        folder: Path | str,
        *,
        spacing: Spacing | float | None = None,
        batch_size: int = 1,
        num_workers: int = 1,
        recursive: bool = False,
        broken: Callable[[Path, FilmError], None] | None = None,
        notify: Notify | None = None,
    ) -> Iterator[LandmarkRecord]:
        """Find the landmarks of every film in a folder, one after the other, with few films in memory.

        Args:
            folder: where the films are.
            spacing: as ``predict``.
            batch_size: films per pass.
            num_workers: threads that read films ahead.
            recursive: search its subfolders too.
            broken: called with each film that cannot be read; None: a warning.
            notify: takes a line about files and folders that are skipped.

        Raises:
            SettingsError: no such folder or no film in it, a batch size of 0, or an impossible pixel size.
        """
        if batch_size < 1:
            raise SettingsError(f"batch_size must be 1 or more, got {batch_size}")
        return self._through(
            films_in(Path(folder), recursive=recursive, notify=notify), spacing, batch_size, num_workers, broken
        )

    def _through(
        self,
        files: Sequence[Path],
        spacing: Spacing | float | None,
        batch_size: int,
        num_workers: int,
        broken: Callable[[Path, FilmError], None] | None,
    ) -> Iterator[LandmarkRecord]:

        def read(file: Path) -> tuple[Path, PreprocessedFilm | FilmError]:
            try:
                return file, self.preprocess(file, spacing)
            except FilmError as error:
                return file, error

        for batch in batched(in_order(read, files, num_workers), batch_size):
            for file, film in batch:
                if isinstance(film, FilmError):
                    if broken is None:
                        warnings.warn(str(film), stacklevel=2)
                    else:
                        broken(file, film)
            ready = [film for _, film in batch if isinstance(film, PreprocessedFilm)]
            yield from self.predict_preprocessed(ready) if ready else ()

    def preprocess(
        self, film: FilmLike, spacing: Spacing | float | None = None, data: bytes | None = None
    ) -> PreprocessedFilm:
        """Read a film and prepare it for the networks; see ``predict``. ``data``: its bytes, if they have been read."""
        return preprocess(
            film, self.predictor.canvas_sizes, as_spacing(spacing), ignore_bad_spacing=self.ignore_bad_pixel_size,
            data=data,
        )  # fmt: skip

    def predict_preprocessed(self, films: Sequence[PreprocessedFilm]) -> list[LandmarkRecord]:
        """Find the landmarks of films that ``preprocess`` made, in one pass."""
        return finished(self.predictor, self.predictor.run(films), films, self.keep_doubtful)


def load_model(
    path: Path | str | Sequence[Path | str],
    *,
    device: str = "auto",
    tta: bool = False,
    refine: bool = True,
    mixed_precision: bool = False,
    keep_doubtful: bool = False,
    ignore_bad_pixel_size: bool = False,
    notify: Notify = warnings.warn,
) -> Model:
    """Load a model to predict with.

    Args:
        path: a checkpoint of ``cephkit train`` or its folder, a folder of ``cephkit publish`` or its name on the hub
            (``hf:owner/name``), or several of these, whose points are averaged.
        device: auto (a card if there is one), cuda, cuda:1, mps or cpu.
        tta: average several views of each film: slower, slightly better.
        refine: use the second stage of checkpoints that have one.
        mixed_precision: run the networks in half precision.
        keep_doubtful: see ``Model``.
        ignore_bad_pixel_size: see ``Model``.
        notify: takes a line if there is no such device and the CPU is used instead, or a model comes from the hub.

    Raises:
        CheckpointError: it is missing, damaged, or not a checkpoint.
        SettingsError: no such device, or checkpoints of different landmarks.
    """
    paths = checkpoint_files([path] if isinstance(path, (str, Path)) else path, notify)
    where = choose_device(device, notify)
    loaded = [load_checkpoint(each, where) for each in paths]
    return Model(Predictor(loaded, where, mixed_precision, tta, refine), keep_doubtful, ignore_bad_pixel_size)
