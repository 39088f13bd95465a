"""From what the networks found to finished landmark records: the only place that turns the one into the other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cephkit.data.names import film_name
from cephkit.inference.predictor import Errors, Found, Predictor
from cephkit.inference.preprocess import PreprocessedFilm
from cephkit.records.record import LandmarkRecord

Floats = NDArray[np.float64]


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
