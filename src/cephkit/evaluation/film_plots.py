"""The best, the median and the worst film, with truth and prediction on it.

The SVG is written here, not by matplotlib, which would turn a grey film of 100 kB into colour pixels of 1 MB.
A film's id stands in the CSV file and never in the picture.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.opened import read_grey
from cephkit.data.pixels import to_uint8
from cephkit.drawing.placing import best_place, box_around
from cephkit.errors import BrokenFilmError, FilmError
from cephkit.evaluation.plots import Omitted, Plot
from cephkit.evaluation.scoring import Scores

Floats = NDArray[np.float64]

LARGEST_HEIGHT, LARGEST_WIDTH = 900, 1200
RING_MM = 2.0
TRUTH, PREDICTION, GAP, RING = "#56d4ff", "#ffb000", "#ff5c5c", "#ffffff"
KINDS = ("best", "median", "worst")
COLUMNS = (
    "film",
    "landmark",
    "truth_x_px",
    "truth_y_px",
    "predicted_x_px",
    "predicted_y_px",
    "error_px",
    "error_mm",
)

_FONT, _STRIP = 12, 26


@dataclass(frozen=True)
class _View:
    """A film on the picture; pixel centres lie at integers, so that the film begins at -0.5."""

    scale: float
    width: int
    height: int

    def at(self, xy: Floats) -> tuple[float, float]:
        """Picture x, y of film pixels."""
        return (float(xy[0]) + 0.5) * self.scale, (float(xy[1]) + 0.5) * self.scale

    def holds(self, xy: Floats) -> bool:
        """Whether film pixels ``xy`` lie on the picture."""
        x, y = self.at(xy)
        return 0 <= x <= self.width and 0 <= y <= self.height


def overlay(scores: Scores, kind: str) -> Plot | Omitted:
    """The best, median or worst film (``KINDS``) by their own MRE; the same film twice only once.

    Films are compared in mm, or in pixels where no film has a pixel size. A film without a prediction has no MRE
    and is not chosen.
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
    except BrokenFilmError as error:  # the message of other errors would tell where the film lies
        return Omitted(name, title, f"the film is not shown: {error.reason}")
    except FilmError:
        return Omitted(name, title, "the film is not shown: it cannot be read")
    height, width = grey.shape
    scale = min(1.0, LARGEST_HEIGHT / height, LARGEST_WIDTH / width)
    view = _View(scale, max(1, round(width * scale)), max(1, round(height * scale)))
    truth, predicted = scores.truth[index], scores.predicted[index]
    errors_px, errors_mm = scores.errors_px[index], scores.errors_mm[index]
    scored = [column for column in range(len(scores.symbols)) if not np.isnan(errors_px[column])]
    found = [column for column in scored if np.isfinite(errors_px[column])]
    ring = None if film.spacing is None else RING_MM / film.spacing.short_mm * scale
    svg = _svg(grey, view, {scores.symbols[c]: (truth[c], predicted[c]) for c in scored}, ring)
    rows = []
    for column in scored:
        figures = (*truth[column], *predicted[column], errors_px[column], errors_mm[column])
        plain = [float(value) if np.isfinite(value) else None for value in figures]
        rows.append(dict(zip(COLUMNS, (film.film_id, scores.symbols[column], *plain), strict=True)))
    notes = [f"Film {film.film_id}"]
    if ring is None:
        notes.append("No 2 mm rings: the film has no pixel size.")
    if len(found) < len(scored):
        absent = " ".join(scores.symbols[column] for column in scored if column not in found)
        notes.append(f"Without a prediction: {absent}.")
    outside = [scores.symbols[c] for c in found if not (view.holds(truth[c]) and view.holds(predicted[c]))]
    if outside:
        notes.append(f"Truth or prediction outside the film: {' '.join(outside)}.")
    alt = f"{title}. Film in grey with {len(scored)} true points and {len(found)} predicted ones; numbers in the CSV."
    return Plot(name, title, alt, svg, COLUMNS, rows, tuple(notes))


def _svg(grey: NDArray[np.uint8], view: _View, points: dict[str, tuple[Floats, Floats]], ring: float | None) -> bytes:
    """The picture; ``points`` are truth and prediction in film pixels, ``ring`` a radius in picture pixels."""
    stream = io.BytesIO()
    small = Image.fromarray(grey).resize((view.width, view.height), Image.Resampling.BILINEAR)
    small.save(stream, "JPEG", quality=85)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    size = f'width="{view.width}" height="{view.height}"'
    whole = view.height + _STRIP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{view.width}" height="{whole}" '
        f'viewBox="0 0 {view.width} {whole}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{view.width}" height="{whole}" fill="#101010"/>',
        f'<image {size} preserveAspectRatio="none" href="data:image/jpeg;base64,{data}"/>',
        f'<clipPath id="film"><rect {size}/></clipPath><g clip-path="url(#film)" fill="none">',
    ]
    for truth, predicted in points.values():
        x, y = view.at(truth)
        if ring is not None:
            # White dashes on a dark ring: seen on bright bone and on the dark around the head.
            parts.append(f'<circle {_circle(x, y, ring)} stroke="#000000" stroke-width="1.8" stroke-opacity="0.55"/>')
            parts.append(f'<circle {_circle(x, y, ring)} stroke="{RING}" stroke-width="0.9" stroke-dasharray="2.5 2"/>')
        if np.isfinite(predicted).all():
            px, py = view.at(predicted)
            ends = f'x1="{x:.2f}" y1="{y:.2f}" x2="{px:.2f}" y2="{py:.2f}"'
            parts.append(f'<line {ends} stroke="{GAP}" stroke-width="1.4"/>')
            parts.append(_cross(px, py))
        parts.append(f'<circle {_circle(x, y, 2)} fill="{TRUTH}" stroke="#000000" stroke-width="0.5"/>')
    parts += [*_labels(points, view, ring or 5.0), "</g>", *_legend(view, ring is not None), "</svg>\n"]
    return "\n".join(parts).encode()


def _circle(x: float, y: float, radius: float) -> str:
    return f'cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}"'


def _cross(x: float, y: float) -> str:
    path = f"M{x - 3.5:.2f} {y - 3.5:.2f}l7 7m0 -7l-7 7"
    strokes = (("#000000", 2.6), (PREDICTION, 1.4))  # a dark rim, to be seen on bright bone
    return "".join(f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>' for colour, width in strokes)


def _labels(points: dict[str, tuple[Floats, Floats]], view: _View, reach: float) -> Iterable[str]:
    """Symbols beside their points, where they hide the fewest points and other symbols."""
    centres = {symbol: view.at(truth) for symbol, (truth, _) in points.items()}
    taken = [box_around(x, y, reach) for x, y in centres.values()]
    crosses = (view.at(predicted) for _, predicted in points.values() if np.isfinite(predicted).all())
    taken += [box_around(x, y, 4) for x, y in crosses]
    for symbol, (x, y) in centres.items():
        width, height = 0.66 * _FONT * len(symbol), float(_FONT)
        places = [
            (x + dx * (gap + width / 2) - width / 2, y + dy * (gap + height / 2) - height / 2)
            for gap in (reach + 2, 2 * reach + 4, 3.5 * reach)
            for dx, dy in ((1, 0), (-1, 0), (0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (0, -1), (0, 1))
        ]
        boxes = [(left, top, left + width, top + height) for left, top in places]
        box = best_place(boxes, taken, (0, 0, view.width, view.height))
        taken.append(box)
        yield (
            f'<text x="{box[0]:.1f}" y="{box[3] - 2:.1f}" font-size="{_FONT}" fill="#ffffff" stroke="#000000" '
            f'stroke-width="2.2" paint-order="stroke" stroke-linejoin="round">{symbol}</text>'
        )


def _legend(view: _View, has_ring: bool) -> Iterable[str]:
    y = view.height + _STRIP / 2
    entries = [
        ("truth", f'<circle {_circle(8, y, 3)} fill="{TRUTH}"/>'),
        ("prediction", f'<g transform="translate(0 0)" fill="none">{_cross(8, y)}</g>'),
        ("error", f'<line x1="2" y1="{y}" x2="14" y2="{y}" stroke="{GAP}" stroke-width="1.6"/>'),
    ]
    if has_ring:
        ring = f'<circle {_circle(8, y, 6)} fill="none" stroke="{RING}" stroke-dasharray="2.5 2"/>'
        entries.append((f"{RING_MM:g} mm", ring))
    x = 8.0
    for text, mark in entries:
        label = f'<text x="20" y="{y + 4}" font-size="{_FONT}" fill="#dddddd">{text}</text>'
        yield f'<g transform="translate({x:.0f} 0)">{mark}{label}</g>'
        x += 34 + 0.62 * _FONT * len(text)
