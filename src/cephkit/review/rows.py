"""The rows of the list of films, kept ready as text, with a revision that tells a page what changed."""

import json
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.record import found_by, respaced, sought

Status: TypeAlias = Literal["unreviewed", "started", "confirmed"]


class Rows:
    """One row for each film. Threads may share it."""

    def __init__(self, films: Sequence[ReviewFilm]) -> None:
        self._lock = threading.Lock()
        self._rows = [blank_row(film) for film in films]
        self._texts = [as_json(row) for row in self._rows]
        self._changed = [0] * len(films)
        self._revision = 1

    def update(self, n: int, **figures: Any) -> None:
        """Change figures of a row; the revision grows if it is another row then."""
        with self._lock:
            row = {**self._rows[n], **figures}
            if row != self._rows[n]:
                self._revision += 1
                self._rows[n], self._texts[n], self._changed[n] = row, as_json(row), self._revision

    def row(self, n: int) -> dict[str, Any]:
        """Return a copy of a row."""
        return dict(self._rows[n])

    def to_json(self, since: int = 0) -> bytes:
        """Return {revision, films}: the rows that changed after revision ``since``; all if that is not ours."""
        with self._lock:
            since = since if since <= self._revision else 0
            texts = (
                self._texts
                if since <= 0
                else [text for text, changed in zip(self._texts, self._changed, strict=True) if changed > since]
            )
            return f'{{"revision":{self._revision},"films":[{",".join(texts)}]}}'.encode()


def blank_row(film: ReviewFilm) -> dict[str, Any]:
    """Return the row of a film of which nothing is known yet, its labels neither."""
    return {
        "n": film.n, "id": film.film_id, "file": film.file, "split": film.split or "",
        "status": "unreviewed", "broken": "",
        "largest_error_mm": None, "largest_error_px": None, "largest_distance_mm": None, "missing": 0,
        "needs_review": 0, "doubt": "; ".join(film.doubtful), "points": 0,
    }  # fmt: skip


def figures(
    film: ReviewFilm, standing: Standing, sources: Sequence[LandmarkRecord], edits: int, schema: LandmarkSchema
) -> dict[str, Any]:
    """Return what the row of a film says of its landmarks.

    Args:
        film: the film.
        standing: its landmarks and its pixel size.
        sources: what models found, the latest first.
        edits: how many there were.
        schema: the landmarks of the session.
    """
    spacing, predicted = standing.spacing, sources[0] if sources else None
    status: Status = "confirmed" if standing.confirmed else "started" if edits else "unreviewed"
    doubted = found_by(standing, sources)
    if predicted is not None:  # of labels a model says how far they may be off
        doubted |= {s: predicted for s, mark in standing.points.items() if mark.origin == "label"}
    doubted = {s: source for s, source in doubted.items() if not standing.points[s].confirmed}
    largest = max((each.expected_errors[s] for s, each in doubted.items() if s in each.expected_errors), default=None)
    unsettled = {
        s for s, mark in standing.points.items() if not mark.confirmed and mark.origin not in ("corrected", "placed")
    }
    reviewed = {id(each): respaced(each, spacing).needs_review for each in doubted.values()}
    compared = {s: mark.at for s, mark in standing.points.items()} if predicted is None else predicted.points
    return {
        "status": status,
        "largest_error_px": None if largest is None else round(largest, 2),
        "largest_error_mm": None if largest is None or spacing is None else round(largest * spacing.mean_mm, 2),
        "largest_distance_mm": largest_distance_mm(film.mean_truth, compared, spacing),
        "missing": sum(symbol not in standing.points for symbol in sought(film, sources, schema)),
        "needs_review": len(
            {s for s, each in doubted.items() if s in reviewed[id(each)]} | (unsettled & set(film.doubted))
        ),
        "doubt": "; ".join(
            [
                *(film.doubtful if not standing.confirmed else ()),
                *film.faults,
                *([predicted.doubt] if predicted is not None and predicted.doubt else []),
            ]
        ),
        "points": len(standing.points),
    }


def largest_distance_mm(truth: Points, points: Points, spacing: Spacing | None) -> float | None:
    """Return the largest distance in mm between points of one landmark; None without a pixel size or a pair."""
    if spacing is None:
        return None
    distances = [
        math.hypot((x - truth[s][0]) * spacing.column_mm, (y - truth[s][1]) * spacing.row_mm)
        for s, (x, y) in points.items()
        if s in truth
    ]
    return round(max(distances), 2) if distances else None


def as_json(row: Mapping[str, Any]) -> str:
    """Return a row as JSON in ASCII: a file's name may hold half characters, which UTF-8 cannot."""
    return json.dumps(row, allow_nan=False, separators=(",", ":"))
