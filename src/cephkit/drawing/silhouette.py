"""Smooth outlines of the head that follow its landmarks: the template of synthetic films, laid on any face.

Every point of an outline is a weighted sum of landmarks, with complex weights, as x + iy: a page can redraw all of them
while a landmark is dragged. The weights interpolate: outlines pass through the landmarks they are drawn by. Between and
beyond the landmarks, the template is placed by the similarity that fits best, and moves with the landmarks nearby
(kriging; Matheron, The theory of regionalized variables, 1971). Outlines are schematic: only landmarks are evidence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Points
from cephkit.data.synthetic.anatomy import COURSES, JAW, MEAN, OUTLINES, SKIN, SKULL, Knot
from cephkit.data.synthetic.layer import catmull_rom
from cephkit.data.synthetic.teeth import INCISOR, MOLAR
from cephkit.geometry import Facing, Floats
from cephkit.landmarks.schema import Tissue
from cephkit.landmarks.shipped import AARIZ

Weights = NDArray[np.complex128]

REACH_MM = 20.0
"""How far a landmark moves the outlines around it, in mm of the template. Chosen on the 290 Aariz faces of the table: a
landmark that is left out is placed with a mean error of 2.7 mm; 3.0 mm at 40 and 3.1 mm at 5."""
FEWEST = 3
"""Landmarks of a part of the head that are needed to place it."""
INCISOR_MM = 22.0
"""Length of an incisor whose width is that of the template."""


@dataclass(frozen=True)
class _Template:
    """A smooth outline in mm of the template."""

    name: str
    tissue: Tissue
    curve: Weights
    """(P,) x + iy."""
    part: tuple[str, ...]
    """The landmarks that it moves with."""
    needs: frozenset[str]
    closed: bool = False


@dataclass(frozen=True)
class Silhouette:
    """One outline: its points are ``weights @ landmarks``, as complex numbers."""

    name: str
    tissue: Tissue
    closed: bool
    symbols: tuple[str, ...]
    """The landmarks of the weights' columns."""
    weights: Weights
    """(P, K); each row sums to 1."""

    def points(self, points: Points) -> Floats:
        """Return the outline (P, 2) on a face, film pixels that are square."""
        placed = self.weights @ np.array([complex(*points[symbol]) for symbol in self.symbols])
        return np.stack([placed.real, placed.imag], axis=-1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types; ``weights`` are P rows of K pairs (real, imaginary)."""
        pairs = np.stack([self.weights.real, self.weights.imag], axis=-1).round(6)
        return {
            "name": self.name, "tissue": self.tissue, "closed": self.closed, "symbols": list(self.symbols),
            "weights": pairs.tolist(),
        }  # fmt: skip


def silhouettes(present: Iterable[str], facing: Facing = "right") -> tuple[Silhouette, ...]:
    """Return the outlines that a face with the landmarks ``present`` has; they follow the 29 of Aariz alone.

    Args:
        present: symbols of the landmarks.
        facing: where the face looks.
    """
    drawn = _silhouettes(AARIZ.in_order(symbol for symbol in present if symbol in AARIZ))
    if facing == "right":
        return drawn
    # A mirrored template is the conjugate, and so are its weights.
    return tuple(Silhouette(s.name, s.tissue, s.closed, s.symbols, s.weights.conj()) for s in drawn)


@lru_cache(maxsize=256)
def _silhouettes(present: tuple[str, ...]) -> tuple[Silhouette, ...]:
    drawn = []
    for template in _templates():
        symbols = tuple(symbol for symbol in template.part if symbol in present)
        if template.needs <= set(symbols) and len(symbols) >= FEWEST:
            source = np.array([complex(*MEAN[symbol]) for symbol in symbols])
            weights = kriging(source, template.curve)
            drawn.append(Silhouette(template.name, template.tissue, template.closed, symbols, weights))
    for name, edge, apex in (("upper incisor", "UIT", "UIA"), ("lower incisor", "LIT", "LIA")):
        if {edge, apex} <= set(present):
            along = _incisor(upper=edge == "UIT")
            drawn.append(Silhouette(name, "tooth", True, (edge, apex), np.stack([1 - along, along], axis=-1)))
    return tuple(drawn)


def kriging(source: Weights, places: Weights, reach: float = REACH_MM) -> Weights:
    """Return the weights (P, K) by which ``places`` follow ``source`` (K,) when that moves; rows sum to 1.

    A similarity of the source moves the places alike; a place that is a source follows that one alone.
    """
    count = len(source)
    drift = np.stack([np.ones(count), source], axis=-1)
    system = np.zeros((count + 2, count + 2), dtype=np.complex128)
    system[:count, :count] = _covariance(np.abs(source[:, None] - source), reach)
    system[:count, count:] = drift.conj()
    system[count:, :count] = drift.T
    right = np.vstack([_covariance(np.abs(source[:, None] - places), reach), np.ones(len(places)), places])
    return np.asarray(np.linalg.solve(system, right)[:count].T)


def _covariance(distance: Floats, reach: float) -> Floats:
    """Matern covariance of smoothness 5/2."""
    scaled = np.sqrt(5) * distance / reach
    return np.asarray((1 + scaled + scaled**2 / 3) * np.exp(-scaled))


@lru_cache(maxsize=1)
def _templates() -> tuple[_Template, ...]:
    def curve(knots: Sequence[Knot], closed: bool = False) -> Weights:
        places = np.array([MEAN[knot] if isinstance(knot, str) else knot for knot in knots], dtype=np.float64)
        return _complex(catmull_rom(places, closed, steps=4))

    skull, jaw, palate = frozenset({"S", "N"}), frozenset({"Go", "Me", "Pog"}), frozenset({"ANS", "PNS", "A"})
    head = OUTLINES["head"]
    chin, nose = head.index((3, 130)), head.index("Sn")
    frontal = (*OUTLINES["skull"][5:0:-1], "N")
    return (
        _Template("sella", "bone", curve(COURSES["sella"]), SKULL, skull),
        _Template("anterior cranial base", "bone", curve(COURSES["cribriform"]), SKULL, skull),
        _Template("frontal bone", "bone", curve(frontal), SKULL, skull),
        _Template("nasal bone", "bone", curve(OUTLINES["nasal bone"], closed=True), SKULL, skull, closed=True),
        _Template("orbit", "bone", curve(COURSES["orbit"]), SKULL, skull | {"Or"}),
        _Template("maxilla", "bone", curve(OUTLINES["maxilla"], closed=True), SKULL, palate, closed=True),
        _Template("mandible", "bone", curve(OUTLINES["jaw"], closed=True), JAW, jaw, closed=True),
        _Template("symphysis", "bone", curve(OUTLINES["symphysis"], closed=True), JAW, jaw | {"B"}, closed=True),
        _Template("upper molar", "tooth", _molar("UMT"), SKULL, frozenset({"UMT", "UIT"}), closed=True),
        _Template("lower molar", "tooth", _molar("LMT"), JAW, frozenset({"LMT", "LIT"}), closed=True),
        _Template("lips and chin", "soft", curve(head[chin : nose + 1]), SKIN, frozenset({"Sn", "Ls", "Li", "Pog`"})),
        _Template("nose and forehead", "soft", curve((*head[nose:], *head[:2])), SKIN, frozenset({"Sn", "Pn", "N`"})),
    )


def _complex(points: Floats) -> Weights:
    return np.asarray(points[:, 0] + 1j * points[:, 1])


def _incisor(upper: bool) -> Weights:
    """Return the outline (P,) along the tooth: 0 at its edge, 1 at its apex, imaginary to its side."""
    local = np.array(INCISOR[0])
    # From the edge to the apex of an upper tooth the front lies to the left, of a lower one to the right, with y down.
    side = -1 if upper else 1
    return _complex(catmull_rom(local * (1, side / INCISOR_MM), closed=True, steps=4))


def _molar(symbol: str) -> Weights:
    """Return the outline (P,) of a molar on its cusp, with its roots upright on the plane of the other teeth."""
    local = np.array(MOLAR[0])
    rootwards = -20.5 if symbol == "UMT" else 21.0
    places = np.stack([local[:, 1], local[:, 0] * rootwards], axis=-1)
    return _complex(catmull_rom(places + MEAN[symbol], closed=True, steps=4))
