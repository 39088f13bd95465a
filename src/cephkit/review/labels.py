"""Label files of films as they stand, written anew after each edit; and, if asked, those of the data set itself."""

import contextlib
from pathlib import Path
from typing import Any

from cephkit.data.aariz import ANNOTATORS, label_path
from cephkit.data.labels import landmarks_json, landmarks_of, read_label, schema_of_label
from cephkit.data.names import LABEL_ENDING, film_name
from cephkit.errors import LabelError
from cephkit.files import json_bytes, write_whole
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.schema_file import schema_dict
from cephkit.landmarks.shipped import KNOWN
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm


class Labels:
    """Writes labels. Only one thread may write those of a film at a time.

    Args:
        out: folder of results; labels lie in its folder ``labels``.
        schema: the landmarks of the session; others in the labels of the data set are left alone.
        dataset: root of the data set whose own labels are replaced too; None: they are left alone.
    """

    def __init__(self, out: Path, schema: LandmarkSchema, dataset: Path | None = None) -> None:
        self.out, self.schema, self.dataset = out, schema, dataset

    def write(self, film: ReviewFilm, record: LandmarkRecord, standing: Standing, revision: int) -> None:
        """Write a film's labels where they are not so already.

        Args:
            film: the film.
            record: its landmarks.
            standing: the same, with where each point comes from.
            revision: of the journal.

        Raises:
            CephkitError: they cannot be written.
        """
        review: dict[str, Any] = {
            "revision": revision,
            "confirmed": standing.confirmed,
            "confirmed_points": [symbol for symbol in record.points if standing.points[symbol].confirmed],
            "origins": {symbol: standing.points[symbol].origin for symbol in record.points},
        }
        path = self.out / "labels" / f"{film.film_id}{LABEL_ENDING}"
        if self.dataset is not None:
            # Once for each revision: what other tools write to the data set later is not taken back by a restart.
            review["in_place"] = True
            before = _review_of(path)
            if before.get("revision") != revision or not before.get("in_place"):
                self._replace(self.dataset, film, record)
        write_if_new(path, json_bytes({**record.to_dict(), "review": review}))

    def _replace(self, root: Path, film: ReviewFilm, record: LandmarkRecord) -> None:
        """Replace the label of the data set if its points are others; its first version is kept."""
        assert film.split is not None
        folder = ANNOTATORS[film.annotator or next(iter(ANNOTATORS))]
        path = label_path(root, film.split, folder, film.path)
        content: dict[str, Any] = {}
        known = record.schema
        if path.exists():
            with contextlib.suppress(LabelError):
                content = read_label(path)
                known = schema_of_label(content, record.schema, path)
                there = landmarks_of(content, path, known)[0]
                if {symbol: at for symbol, at in there.items() if self._is_ours(symbol, record)} == record.points:
                    return
        ours = landmarks_json(content.get("ceph_id") or film_name(film.path), record.points, record.schema)
        if path.exists():
            first = self.out / "originals" / film.split / folder / path.name
            if not first.exists():
                write_whole(first, path.read_bytes())
        listed = content.get("landmarks")
        others = [entry for entry in (listed if isinstance(listed, list) else []) if self._is_beyond(entry, record)]
        described = known.of(s for s in known.symbols if s in record.points or s not in record.schema)
        schema = {} if described.is_part_of(KNOWN) else {"schema": schema_dict(described, KNOWN)}
        write_whole(path, json_bytes({**ours, **content, "landmarks": [*ours["landmarks"], *others], **schema}))

    def _is_ours(self, symbol: str, record: LandmarkRecord) -> bool:
        return symbol in self.schema or symbol in record.points

    def _is_beyond(self, entry: Any, record: LandmarkRecord) -> bool:
        """Whether an entry of a label file is none of the film's landmarks here, so that it is left as it is."""
        if not isinstance(entry, dict):
            return False
        names = [name for name in (entry.get("landmark_id"), entry.get("symbol")) if isinstance(name, str)]
        found = [landmark for landmark in map(record.schema.find, names) if landmark is not None]
        return not any(self._is_ours(landmark.symbol, record) for landmark in found)


def _review_of(path: Path) -> dict[str, Any]:
    """Return what a label file says of its review; empty if there is no such file."""
    with contextlib.suppress(LabelError):
        review = read_label(path).get("review")
        return review if isinstance(review, dict) else {}
    return {}


def write_if_new(path: Path, content: bytes) -> None:
    """Write a whole file, unless it is so already.

    Raises:
        CephkitError: it cannot be written.
    """
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    write_whole(path, content)
