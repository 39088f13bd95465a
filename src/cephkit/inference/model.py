"""A trained model in Python: films of any kind in, landmarks out.

model = cephkit.load_model("checkpoint_best.pth")
record = model.predict("film.dcm")
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cephkit.checkpoint import load_model as load_checkpoint
from cephkit.data.folder import films_in
from cephkit.data.spacing import Spacing, as_spacing
from cephkit.device import choose_device
from cephkit.errors import FilmError, SettingsError
from cephkit.inference.prediction import finished
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import FilmLike, PreprocessedFilm, preprocess
from cephkit.inference.stream import batched, in_order
from cephkit.notice import Notify
from cephkit.records.record import LandmarkRecord


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
    device: str | None = None,
    tta: bool = False,
    refine: bool = True,
    mixed_precision: bool = False,
    keep_doubtful: bool = False,
    ignore_bad_pixel_size: bool = False,
    notify: Notify = warnings.warn,
) -> Model:
    """Load a model to predict with.

    Args:
        path: a checkpoint of ``cephkit train``, or several, whose points are averaged.
        device: cuda, cuda:1, mps or cpu; None: a card where there is one.
        tta: average several views of each film: slower, slightly better.
        refine: use the second stage of checkpoints that have one.
        mixed_precision: run the networks in half precision.
        keep_doubtful: see ``Model``.
        ignore_bad_pixel_size: see ``Model``.
        notify: takes a line if there is no such device and the CPU is used instead.

    Raises:
        CheckpointError: it is missing, damaged, or not a checkpoint.
        SettingsError: no such device, or checkpoints of different landmarks.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    where = choose_device(name, notify)
    loaded = [load_checkpoint(Path(each), where) for each in paths]
    return Model(Predictor(loaded, where, mixed_precision, tta, refine), keep_doubtful, ignore_bad_pixel_size)
