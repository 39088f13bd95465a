"""Films to review: synthetic ones with what a model might have found, and special ones."""

import os
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cephkit.data.aariz import read_aariz
from cephkit.data.opened import open_film, pixel_hash
from cephkit.data.spacing import Spacing
from cephkit.data.synthetic.writer import synthesize
from cephkit.records.record import LandmarkRecord

HEIGHT = 640
"""Pixels of the common film: fast to draw, and two tiles wide."""
ERROR_PX = 3.0
"""Standard deviation of what the model is off."""
DIFFERENT = 6
"""Films that are drawn; more are links to these."""


def dataset(folder: Path, films: int = DIFFERENT, height: int = HEIGHT) -> Path:
    """Write a data set of synthetic films, labelled."""
    synthesize(folder, films, seed=13, height=height, workers=1, notify=lambda line: None)
    return folder


def folder_with_predictions(folder: Path, films: int, height: int = HEIGHT) -> tuple[Path, Path]:
    """Write ``films`` synthetic films film000.png, ... and what a model found on each.

    Of every second film the model misses a landmark. Returns the folder of the films and the one of the predictions.
    """
    films_folder, predictions = folder / "films", folder / "predictions"
    films_folder.mkdir(parents=True)
    predictions.mkdir()
    drawn = read_aariz(dataset(folder / "drawn", min(films, DIFFERENT), height)).films
    for index in range(films):
        film = drawn[index % len(drawn)]
        path = films_folder / f"film{index:03d}{film.path.suffix}"
        os.link(film.path, path)
        points = next(iter(film.annotations.values()))
        predicted(path, points, film.spacing, seed=index, misses=index % 2 == 1).to_json(
            predictions / f"{path.stem}.json"
        )
    return films_folder, predictions


def predicted(
    path: Path, truth: dict[str, tuple[float, float]], spacing: Spacing | None, seed: int = 0, misses: bool = False
) -> LandmarkRecord:
    """Return what a model might have found on the film at ``path``, with its expected errors."""
    rng = np.random.default_rng(seed)
    opened = open_film(path)
    height, width = opened.grey.shape
    points = {
        symbol: (float(np.clip(x + dx, 1, width - 2)), float(np.clip(y + dy, 1, height - 2)))
        for (symbol, (x, y)), (dx, dy) in zip(truth.items(), rng.normal(0, ERROR_PX, (len(truth), 2)), strict=True)
    }
    missing = (next(reversed(points)),) if misses else ()
    for symbol in missing:
        del points[symbol]
    errors = {symbol: float(error) for symbol, error in zip(points, rng.uniform(1, 9, len(points)), strict=True)}
    return LandmarkRecord(
        points=points,
        missing=missing,
        scores=dict.fromkeys(points, 0.8),
        expected_errors=errors,
        regions={symbol: np.diag([2 * error**2, error**2]) for symbol, error in errors.items()},
        facing="right",
        spacing=spacing,
        film_id=path.stem,
        file=path.name,
        film_hash=pixel_hash(opened.grey),
        content=opened.content,
        size=(height, width),
        model={"checkpoint": "checkpoint_best.pth", "sha256": "0" * 64, "model": "tiny", "image_size": [640, 640]},
    ).reviewed()


def write_large(path: Path, side: int = 9750) -> Path:
    """Write a film of 95 megapixels: grey ramps with a white cross in the middle."""
    ramp = (np.arange(side) * 200 // side).astype(np.uint8)
    film = np.broadcast_to(ramp, (side, side)).copy()
    middle = side // 2
    film[middle - 20 : middle + 20] = 255
    film[:, middle - 20 : middle + 20] = 255
    Image.fromarray(film).save(path, compression=None)
    return path


def write_deep(
    path: Path,
    left: int = 30000,
    right: int = 30040,
    size: tuple[int, int] = (600, 500),
    pixel_mm: tuple[float, float] = (0.1, 0.1),
) -> Path:
    """Write a 16-bit DICOM film whose halves differ by less than a step of 8 bits; two corners are black and white."""
    height, width = size
    pixels = np.full(size, left, dtype=np.uint16)
    pixels[:, width // 2 :] = right
    pixels[:3, :3], pixels[-3:, -3:] = 0, 65535
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.Modality, film.PatientName = "DX", "Somebody^Private"
    film.Rows, film.Columns = height, width
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 16, 15, 0
    film.WindowCenter, film.WindowWidth = 32768, 65536
    film.ImagerPixelSpacing = list(pixel_mm)
    film.PixelData = pixels.tobytes()
    film.save_as(path, enforce_file_format=True)
    return path
