"""Films and their landmarks for the exporters' tests: predictions, plain labels, and DICOM films."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from tests.cephalometry.faces import ROUND, face_like_real

WIDTH, HEIGHT = 2977, 3203
"""Of the films: no divisor of 100, so that percents do not come out even."""
SPACING = {"row_mm": 0.1, "column_mm": 0.1, "origin": "PixelSpacing, calibrated", "plane": "head"}
PATIENT = "Doe^Jane"


def write_prediction(path: Path, points: Points | None = None, **more: Any) -> Path:
    """A file as cephkit predict writes it: all that exporters read."""
    points = ROUND if points is None else points
    content = {
        **landmarks_json(path.stem, points),
        "missing": [],
        "scores": dict.fromkeys(points, 0.75),
        "expected_errors_px": dict.fromkeys(points, 9.5),
        "facing": "right",
        "film": {"file": f"{path.stem}.png", "hash": "0a1b", "width": WIDTH, "height": HEIGHT},
        "model": {"checkpoint": "best.pth", "sha256": "1234567890abcdef", "mode": "two stages"},
        "spacing": SPACING,
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_label(path: Path, points: Points) -> Path:
    """A plain Aariz label file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(landmarks_json(path.stem, points)), encoding="utf-8")
    return path


def write_picture(path: Path, width: int = 60, height: int = 80) -> Path:
    """A grey film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width), 90, np.uint8)).save(path)
    return path


def write_dicom(path: Path, **more: Any) -> Path:
    """A DICOM film whose header names a patient; its pixels are not there, for no exporter reads them."""
    film = Dataset()
    film.SOPClassUID, film.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4.5"
    film.StudyInstanceUID, film.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.1"
    film.SpecificCharacterSet = "ISO_IR 100"
    film.PatientName, film.PatientID = PATIENT, "PID-4711"
    film.PatientBirthDate, film.PatientSex, film.PatientComments = "19700101", "F", "private"
    film.StudyDate, film.StudyTime, film.AccessionNumber, film.Modality = "20260102", "101112", "A1", "OT"
    film.Rows, film.Columns = HEIGHT, WIDTH
    for keyword, value in more.items():
        setattr(film, keyword, value)
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID, film.file_meta.MediaStorageSOPInstanceUID = film.SOPClassUID, "1.2.3.4.5"
    path.parent.mkdir(parents=True, exist_ok=True)
    film.preamble = bytes(128)
    film.save_as(path, enforce_file_format=False)
    return path


def face(seed: int) -> Points:
    """A face like real ones that lies on the film, with coordinates as prediction writes them."""
    points = {symbol: (x, y) for symbol, (x, y) in face_like_real(seed).items()}
    assert all(0 <= x < WIDTH and 0 <= y < HEIGHT for x, y in points.values())
    return {symbol: (round(x, 3), round(y, 3)) for symbol, (x, y) in points.items()}
