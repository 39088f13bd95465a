"""The errors of two models on the films and landmarks that both are scored on."""

from dataclasses import dataclass

import numpy as np

from cephkit.errors import DataError
from cephkit.evaluation.compare import Unit
from cephkit.evaluation.scoring import Scores
from cephkit.geometry import Floats
from cephkit.landmarks import in_canonical_order


@dataclass(frozen=True)
class Paired:
    """Errors of A and B on the same films, landmarks and truth, and what could not be compared."""

    symbols: tuple[str, ...]
    errors_a: Floats
    """(N, K) in ``unit``; see ``radial_errors``."""
    errors_b: Floats
    unit: Unit
    """``mm``; ``px`` (film pixels) if no film has a pixel size."""
    left_out: dict[str, list[str]]
    """Films and landmarks that are not compared, by reason."""


def paired(a: Scores, b: Scores) -> Paired:
    """Return the errors on the films and landmarks that both are scored on; in mm if any film has a pixel size.

    Raises:
        DataError: there is no such film or landmark.
    """
    rows_a = {(film.split, film.film_id): row for row, film in enumerate(a.films)}
    rows_b = {(film.split, film.film_id): row for row, film in enumerate(b.films)}
    with_truth = {*a.symbols, *b.symbols} - {*a.landmarks_without_truth, *b.landmarks_without_truth}
    scored_a, scored_b = (tuple(s for s in one.symbols if s in with_truth) for one in (a, b))
    symbols = in_canonical_order(set(scored_a) & set(scored_b))
    films = [film for film in rows_a if film in rows_b]
    if not symbols:
        raise DataError(
            "nothing to compare: no landmark is scored for both. "
            f"A has {' '.join(scored_a) or 'none'}; B has {' '.join(scored_b) or 'none'}"
        )
    if not films:
        raise DataError("nothing to compare: no film is scored for both")
    index_a, index_b = [rows_a[film] for film in films], [rows_b[film] for film in films]
    columns_a, columns_b = ([one.symbols.index(symbol) for symbol in symbols] for one in (a, b))
    spaced = bool(np.isfinite(a.pixel_sizes[index_a]).any())
    errors_a, errors_b = (a.errors_mm, b.errors_mm) if spaced else (a.errors_px, b.errors_px)
    errors_a, errors_b = errors_a[np.ix_(index_a, columns_a)], errors_b[np.ix_(index_b, columns_b)]
    if np.isnan(errors_a).all():
        raise DataError(f"nothing to compare: no film has a truth of {' '.join(symbols)} and a pixel size")
    neither = {*a.landmarks_not_predicted} & {*b.landmarks_not_predicted}
    left_out = {
        "landmarks_only_in_a": [s for s in scored_a if s not in symbols],
        "landmarks_only_in_b": [s for s in scored_b if s not in symbols],
        "landmarks_in_neither": list(in_canonical_order(neither)),
        "films_only_in_a": [film_id for split, film_id in rows_a if (split, film_id) not in rows_b],
        "films_only_in_b": [film_id for split, film_id in rows_b if (split, film_id) not in rows_a],
        "films_without_pixel_size": [film for film in a.films_without_pixel_size if spaced],
    }
    return Paired(symbols, errors_a, errors_b, "mm" if spaced else "px", left_out)
