"""Small sessions for the tests of the review's server."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from cephkit.data.aariz import AarizFolder
from cephkit.data.film import Film, Points
from cephkit.data.folder import films_in
from cephkit.records.record import LandmarkRecord
from cephkit.review.app import build_app
from cephkit.review.datasets import Truth, listed_dataset
from cephkit.review.films import ReviewFilm, Source, films_of_datasets, films_of_folder
from cephkit.review.predicting import NoPredictions, Predictions
from cephkit.review.session import ReviewSession

PORT, TOKEN = 8000, "a-token"
ADDRESS = f"http://127.0.0.1:{PORT}"
SAME_ORIGIN = {"origin": ADDRESS}
SIZE = (120, 100)
"""(height, width) of the films."""
FACE: Points = {
    "S": (30.0, 30.0), "N": (80.0, 28.0), "A": (78.0, 62.0), "B": (74.0, 82.0), "Me": (68.0, 95.0), "Go": (36.0, 80.0),
    "Po": (20.0, 42.0), "Or": (70.0, 42.0), "ANS": (82.0, 58.0), "PNS": (50.0, 58.0),
}  # fmt: skip
"""A face that looks right, film pixels."""


def grey_film(seed: int = 0, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Noise that no other seed has."""
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def write_films(folder: Path, count: int = 3) -> Path:
    """Films f0.png, f1.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        Image.fromarray(grey_film(seed)).save(folder / f"f{seed}.png")
    return folder


def folder_session(
    folder: Path, out: Path, predictions: Predictions | None = None, **settings: Any
) -> ReviewSession:  # fmt: skip
    """A session of the films in a folder."""
    films = films_of_folder(films_in(folder, leave_out=[out]), folder, settings.pop("about", {}))
    return ReviewSession(films, out, Source("films", folder.name), predictions, **settings)


def dataset_session(root: Path, out: Path, **settings: Any) -> ReviewSession:
    """A session of a data set in the Aariz layout."""
    listed = listed_dataset(root.name, AarizFolder(root))
    films = films_of_datasets([listed], settings.setdefault("schema", listed.schema), {})
    return ReviewSession(films, out, Source("dataset", root.name), **settings)


@contextmanager
def browser(session: ReviewSession, static: Path | None = None) -> Iterator[TestClient]:
    """A client that has opened the page."""
    given = {} if static is None else {"static": static}
    with TestClient(build_app(session, TOKEN, PORT, **given), base_url=ADDRESS, follow_redirects=False) as client:
        assert client.get(f"/?token={TOKEN}").status_code == 303
        yield client


def labelled_film(folder: Path, **truth: Points) -> ReviewFilm:
    """A film of a data set with these points of annotators; its picture is not there."""
    path = folder / "f.png"
    mean = Film("f", path, "train", annotations=truth).points("mean")
    return ReviewFilm(0, "f", path, "f.png", read_truth=lambda: Truth(truth, mean))


class Given(NoPredictions):
    """Predictions that a test makes."""

    def __init__(self, records: Mapping[int, LandmarkRecord]) -> None:
        self.records = dict(records)

    def record(self, n: int) -> LandmarkRecord | None:
        return self.records.get(n)


def placed(symbol: str, at: Sequence[float], before: Mapping[str, Any] | None = None, **mark: Any) -> dict[str, Any]:
    """An edit that puts a point somewhere."""
    after = {"at": list(at), "origin": "placed", "confirmed": False, **mark}
    return {"kind": "points", "changes": [{"symbol": symbol, "before": before, "after": after}]}


def confirmed(before: bool = False, after: bool = True) -> dict[str, Any]:
    """An edit of the film's own flag."""
    return {"kind": "film", "before": before, "after": after}


def body(revision: int, edit: Mapping[str, Any], reviewer: str = "Ann", **more: Any) -> dict[str, Any]:
    """What the page sends."""
    return {"revision": revision, "reviewer": reviewer, "edit": edit, **more}


def face_edit(points: Points = FACE) -> dict[str, Any]:
    """An edit that places a whole face."""
    changes = [
        {"symbol": symbol, "before": None, "after": {"at": list(at), "origin": "placed", "confirmed": False}}
        for symbol, at in points.items()
    ]
    return {"kind": "points", "changes": changes}
