"""A trained model in Python: films of any kind in, landmarks out.

model = cephkit.load_model("checkpoint_best.pth")
record = model.predict("film.dcm")
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cephkit.checkpoint import load_model as load_checkpoint
from cephkit.data.folder import films_in
from cephkit.data.opened import OpenedFilm, open_array, open_film, open_image
from cephkit.data.pixels import pixel_hash, to_uint8
from cephkit.data.spacing import Spacing, as_spacing, stretch_of
from cephkit.data.straight import straightened
from cephkit.device import choose_device
from cephkit.errors import FilmError, SettingsError
from cephkit.geometry import Size
from cephkit.inference.prediction import finished
from cephkit.inference.predictor import Predictor
from cephkit.inference.stream import batched, in_order
from cephkit.notice import Notify
from cephkit.records.record import LandmarkRecord

FilmLike: TypeAlias = Path | str | Image.Image | NDArray[np.uint8] | NDArray[np.uint16]
"""A file; a PIL image, read by mode and EXIF as its file would be; or an array: (H, W) grey uint8 or uint16, or
(H, W, 3) uint8 of red, green and blue."""
Canvases: TypeAlias = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Shown:
    """A film made ready for the networks."""

    file: str
    film: OpenedFilm
    grey: NDArray[np.uint8]
    """(H, W), as people see it."""
    spacing: Spacing | None
    shown_size: Size
    """(height, width) with square pixels."""
    canvases: Canvases
    film_hash: str


class Model:
    """One model, or several that are averaged, on a device. Threads may share it.

    Args:
        predictor: the networks.
        keep_doubtful: give landmarks even of pictures that look like no lateral cephalogram; without it they
            count as not found, and ``LandmarkRecord.doubt`` says why.
        ignore_bad_pixel_size: read DICOM films whose own pixel size cannot be one without it; otherwise they are
            errors.
    """

    def __init__(self, predictor: Predictor, keep_doubtful: bool = False, ignore_bad_pixel_size: bool = False) -> None:
        self.predictor, self.keep_doubtful = predictor, keep_doubtful
        self.ignore_bad_pixel_size = ignore_bad_pixel_size

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks that it finds."""
        return self.predictor.spec.symbols

    @property
    def facts(self) -> dict[str, Any]:
        """Checkpoint, sha256, model, image_size and mode."""
        return self.predictor.facts

    @property
    def is_calibrated(self) -> bool:
        """Whether predictions have expected errors."""
        return self.predictor.calibration is not None

    def predict(self, film: FilmLike, *, spacing: Spacing | float | None = None, film_id: str = "") -> LandmarkRecord:
        """The landmarks of one film.

        Args:
            film: a file (PNG, JPEG, BMP, TIFF, WebP, DICOM), a PIL image or an array, see ``FilmLike``.
            spacing: mm per film pixel; None: what the file says, if it says anything.
            film_id: default: the file's name without its ending.

        Raises:
            FilmError: this is no film that can be read.
            SettingsError: the pixel size cannot be one.
        """
        (record,) = self.predict_shown([self.show(film, spacing)])
        return replace(record, film_id=film_id) if film_id else record

    def predict_batch(
        self, films: Sequence[FilmLike], *, spacing: Spacing | float | None = None
    ) -> list[LandmarkRecord]:
        """The landmarks of several films in one pass, which is faster on a card.

        Raises:
            FilmError: one of them is no film that can be read.
            SettingsError: as ``predict``.
        """
        return self.predict_shown([self.show(film, spacing) for film in films]) if films else []

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
        """The landmarks of every film in a folder, one after the other, with few films in memory.

        Args:
            folder: where the films are.
            spacing: as ``predict``.
            batch_size: films per pass.
            num_workers: threads that read films ahead.
            recursive: search the folders in it too.
            broken: is told of a film that cannot be read; None: a warning.
            notify: takes a line about files and folders that were passed over.

        Raises:
            SettingsError: no such folder or no film in it, a batch of none, or a pixel size that cannot be one.
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

        def read(file: Path) -> tuple[Path, Shown | FilmError]:
            try:
                return file, self.show(file, spacing)
            except FilmError as error:
                return file, error

        for batch in batched(in_order(read, files, num_workers), batch_size):
            for file, shown in batch:
                if isinstance(shown, FilmError):
                    if broken is None:
                        warnings.warn(str(shown), stacklevel=2)
                    else:
                        broken(file, shown)
            ready = [shown for _, shown in batch if isinstance(shown, Shown)]
            yield from self.predict_shown(ready) if ready else ()

    def show(self, film: FilmLike, spacing: Spacing | float | None = None, data: bytes | None = None) -> Shown:
        """Reads a film and makes it ready for the networks; see ``predict``. ``data``: its bytes, where read."""
        try:
            return self._ready(film, as_spacing(spacing), data)
        except MemoryError as error:
            where = f"{film}: " if isinstance(film, (str, Path)) else ""
            reason = "too large for this machine's memory; save the film smaller, or take it out"
            raise FilmError(where + reason) from error

    def _ready(self, film: FilmLike, spacing: Spacing | None, data: bytes | None) -> Shown:
        if isinstance(film, (str, Path)):
            file, use, ignore = Path(film).name, spacing is None, self.ignore_bad_pixel_size
            opened = open_film(Path(film), use_spacing=use, ignore_bad_spacing=ignore, data=data)
        else:
            opened, file = _opened(film), ""
        spacing = spacing or opened.spacing
        grey = to_uint8(opened.grey)
        straight = straightened(grey, stretch_of(spacing))
        canvases = self.predictor.canvases(straight)
        return Shown(file, opened, grey, spacing, straight.shape, canvases, pixel_hash(opened.grey))

    def predict_shown(self, films: Sequence[Shown]) -> list[LandmarkRecord]:
        """The landmarks of films that are ready."""
        canvases = [torch.stack(same) for same in zip(*(film.canvases for film in films), strict=True)]
        found = self.predictor.predict_canvases(canvases, [film.shown_size for film in films])
        return finished(self.predictor, found, films, self.keep_doubtful)


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
    """A model ready to predict.

    Args:
        path: a checkpoint of ``cephkit train``, or several, whose points are averaged.
        device: cuda, cuda:1, mps or cpu; None: a card where there is one.
        tta: look at each film several times and average: slower, a little better.
        refine: use the second stage of checkpoints that have one.
        mixed_precision: run the networks in half precision.
        keep_doubtful: see ``Model``.
        ignore_bad_pixel_size: see ``Model``.
        notify: takes a line where there is no such device and the CPU is used.

    Raises:
        CheckpointError: no checkpoint, or a damaged one.
        SettingsError: no such device, or checkpoints of different landmarks.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    where = choose_device(name, notify)
    loaded = [load_checkpoint(Path(each), where) for each in paths]
    return Model(Predictor(loaded, where, mixed_precision, tta, refine), keep_doubtful, ignore_bad_pixel_size)


def _opened(film: Any) -> OpenedFilm:
    if isinstance(film, Image.Image):
        return open_image(film)
    if isinstance(film, np.ndarray) and not np.ma.isMaskedArray(film):
        return open_array(film)
    raise FilmError(f"a {type(film).__name__} is no film; give a file, a PIL image or a numpy array")
