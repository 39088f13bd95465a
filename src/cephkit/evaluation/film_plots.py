"""The best, the median and the worst film, with truth and prediction.

Not drawn by matplotlib, which would turn a grey film of 100 kB into colour pixels of 1 MB. A film's id is in the CSV
file and never in the picture.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Points
from cephkit.data.opened import read_grey, to_uint8
from cephkit.drawing import painter
from cephkit.drawing.marks import ON_FILM, XY, Stroke, box_around
from cephkit.drawing.svg import View, document, film_svg, marks_svg, reduced, text_width
from cephkit.errors import FilmError
from cephkit.evaluation.plots import Omitted, Plot
from cephkit.evaluation.scoring import Scores

LARGEST_HEIGHT, LARGEST_WIDTH = 900, 1200
RING_MM = 2.0
KINDS = ("best", "median", "worst")
COLUMNS = (
    *("film", "landmark", "truth_x_px", "truth_y_px", "predicted_x_px", "predicted_y_px", "error_px"),
    "error_mm",
)

STRIP, LEGEND_TEXT = 26, "#dddddd"
"""Height of the legend and colour of its texts."""


def overlay(scores: Scores, kind: str) -> Plot | Omitted:
    """The best, median or worst film (``KINDS``) by its own MRE; a film is drawn only once.

    Films are compared in mm, or in pixels if no film has a pixel size. A film without a prediction has no MRE and is
    not chosen.
    """
    chosen, unit = chosen_films(scores)
    name, title = f"film_{kind}", f"{kind.capitalize()} film"
    if kind in chosen:
        index, mre = chosen[kind]
        return _overlay(scores, index, name, f"{title}: MRE {mre:.2f} {unit}")
    return Omitted(name, title, "" if chosen else "no film has both a truth and a prediction")


def chosen_films(scores: Scores) -> tuple[dict[str, tuple[int, float]], str]:
    """Kind -> (index of the film, its MRE), and the unit of that MRE: ``mm`` or ``pixels``."""
    unit, errors = "mm", scores.errors_mm
    if not np.isfinite(errors).any():
        unit, errors = "pixels", scores.errors_px
    finite = np.isfinite(errors)
    rows = np.flatnonzero(finite.any(axis=1))
    means = np.where(finite, errors, 0.0)[rows].sum(axis=1) / finite[rows].sum(axis=1)
    order = np.argsort(means, kind="stable")
    chosen: dict[str, tuple[int, float]] = {}
    if len(rows):
        places = {"best": 0, "worst": len(rows) - 1, "median": (len(rows) - 1) // 2}
        taken: set[int] = set()
        for kind, place in places.items():
            if place not in taken:
                taken.add(place)
                chosen[kind] = int(rows[order[place]]), float(means[order[place]])
    return chosen, unit


def _overlay(scores: Scores, index: int, name: str, title: str) -> Plot | Omitted:
    film = scores.films[index]
    try:
        grey = to_uint8(read_grey(film.path))
    except FilmError as error:  # its text alone: the report must not reveal the film's folder
        return Omitted(name, title, f"the film could not be read: {error.text}")
    truth, predicted = scores.truth[index], scores.predicted[index]
    errors_px, errors_mm = scores.errors_px[index], scores.errors_mm[index]
    scored = [column for column in range(len(scores.symbols)) if not np.isnan(errors_px[column])]
    found = [column for column in scored if np.isfinite(errors_px[column])]
    radius = None if film.spacing is None else RING_MM / film.spacing.short_mm
    true_points, predicted_points = (
        {scores.symbols[column]: (float(points[column, 0]), float(points[column, 1])) for column in columns}
        for points, columns in ((truth, scored), (predicted, found))
    )
    svg = _svg(grey, true_points, predicted_points, radius)
    rows = []
    for column in scored:
        figures = (*truth[column], *predicted[column], errors_px[column], errors_mm[column])
        plain = [float(value) if np.isfinite(value) else None for value in figures]
        rows.append(dict(zip(COLUMNS, (film.film_id, scores.symbols[column], *plain), strict=True)))
    notes = [f"Film {film.film_id}"]
    if radius is None:
        notes.append("No 2 mm rings: the film has no pixel size.")
    if len(found) < len(scored):
        absent = " ".join(scores.symbols[column] for column in scored if column not in found)
        notes.append(f"Without a prediction: {absent}.")
    limits = np.array([grey.shape[1], grey.shape[0]]) - 0.5
    inside = (np.minimum(truth, predicted) >= -0.5).all(axis=-1) & (np.maximum(truth, predicted) <= limits).all(axis=-1)
    outside = [scores.symbols[column] for column in found if not inside[column]]
    if outside:
        notes.append(f"Truth or prediction outside the film: {' '.join(outside)}.")
    alt = f"{title}. Film in grey with {len(scored)} true points and {len(found)} predicted ones; numbers in the CSV."
    return Plot(name, title, alt, svg, COLUMNS, rows, tuple(notes))


def _svg(grey: NDArray[np.uint8], truth: Points, predicted: Points, radius: float | None) -> bytes:
    """The film with its points and rings of ``radius``, all in film pixels; a legend below in pixels of the picture."""
    view = View.whole(*grey.shape)
    width, height = reduced((grey.shape[1], grey.shape[0]), (LARGEST_WIDTH, LARGEST_HEIGHT))
    unit = view.height / height
    pen = painter.error_pen(unit)
    reach = radius or pen.arm
    taken = [box_around(*point, reach) for point in truth.values()]
    taken += [box_around(*point, pen.arm) for point in predicted.values()]
    gaps = (reach + 2 * unit, 2 * reach + 4 * unit, 3.5 * reach)
    names = painter.names(truth, pen, text_width, view.box, taken, gaps)
    marks = marks_svg(painter.errors(truth, predicted, pen, radius), names, ON_FILM)
    picture = document(view, (film_svg(grey, view, (width, height)), marks), width=width, height=height)
    whole = View(0, 0, width, height + STRIP)
    background = f'<rect width="{width}" height="{whole.bottom}" fill="#101010"/>'
    parts = (background, picture, _legend(height + STRIP / 2, radius is not None))
    return document(whole, parts, width=width, height=whole.bottom).encode()


def _legend(y: float, has_ring: bool) -> str:
    pen = painter.error_pen()
    signs: dict[str, Callable[[XY], Stroke]] = {
        "truth": lambda at: painter.dot(at, pen),
        "prediction": lambda at: painter.cross(at, pen),
        "error": lambda at: painter.line(((at[0] - 6, y), (at[0] + 6, y)), pen),
    }
    if has_ring:
        signs[f"{RING_MM:g} mm"] = lambda at: painter.ring(at, 6, pen)
    entries = [(sign, text, LEGEND_TEXT) for text, sign in signs.items()]
    strokes, texts, _ = painter.legend(entries, (8.0, y), pen, text_width)
    return marks_svg(strokes, texts, ON_FILM)
