"""Samples faces from the table of the Aariz annotations: landmarks in mm, a machine, a CVM stage."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from cephkit.data.film import Points
from cephkit.geometry import Floats, Size
from cephkit.landmarks.shipped import AARIZ

GREATEST_SD = 2.5
"""Components are drawn from a normal distribution and clipped here: real faces do not go beyond."""
MARGIN_MM = 4.0
"""Least distance of a landmark from the film's edge."""

# How far annotators scatter around the true place, mm per axis. Our own estimate: points on a corner are easy to find,
# points on a curve or under overlapping shadows are not.
EASY_SD_MM, HARD_SD_MM = 0.35, 0.7
HARD = frozenset(("R", "Co", "Go", "Po", "Ar", "Or", "PNS", "UMT", "LMT", "UPM", "LPM", "UIA", "LIA"))
JUNIOR_FACTOR = 1.3


@dataclass(frozen=True)
class Machine:
    """One machine's films, as in the real set: pixel size, file ending, height and width covered."""

    name: str
    pixel_size_mm: float
    ending: str
    film_mm: tuple[float, float]


@dataclass(frozen=True)
class Face:
    """A head on a film."""

    points_mm: Floats
    """(29, 2): x to the right, y down, from the film's upper left corner, in mm."""
    machine: Machine
    cvm_stage: int

    def points(self, mm_per_px: float) -> Points:
        """Return the landmarks in film pixels, pixel centres at integers."""
        pixels = self.points_mm / mm_per_px - 0.5
        return {symbol: (float(x), float(y)) for symbol, (x, y) in zip(AARIZ.symbols, pixels, strict=True)}


@cache
def table() -> dict[str, Any]:
    """Load ``aariz_faces.json``, with lists of numbers as arrays."""
    plain = json.loads(files("cephkit.data.synthetic").joinpath("aariz_faces.json").read_text(encoding="utf-8"))
    if tuple(plain["symbols"]) != AARIZ.symbols:
        raise ValueError("aariz_faces.json has other landmarks than cephkit; regenerate it with derive.py")
    numbers = ("mean_mm", "components_mm")
    return {**plain, **{name: np.asarray(plain[name], dtype=np.float64) for name in numbers}}


def draw_face(rng: np.random.Generator) -> Face:
    """Draw a face with proportions, size, head posture and place on the film as in real ones."""
    faces = table()
    components = faces["components_mm"]
    weights = rng.standard_normal(len(components)).clip(-GREATEST_SD, GREATEST_SD)
    shape = (faces["mean_mm"] + weights @ components).reshape(-1, 2)
    source = _pick(faces["machines"], rng)
    layout = _pick([one for one in faces["formats"] if one["machine"] == source["machine"]], rng)
    height, width = layout["height_mm"], layout["width_mm"]
    scatter = rng.standard_normal(2).clip(-1.5, 1.5)
    place = np.array(layout["place_mean"]) + scatter * layout["place_sd"]
    points = shape + place * (width, height)
    # A head that would extend beyond the edge is moved onto the film.
    low, high = points.min(axis=0), points.max(axis=0)
    points += np.maximum(MARGIN_MM - low, 0) - np.maximum(high - (np.array([width, height]) - MARGIN_MM), 0)
    stages, counts = zip(*faces["cvm_stages"].items(), strict=True)
    stage = int(rng.choice(np.array(stages, dtype=int), p=np.array(counts) / sum(counts)))
    machine = Machine(source["machine"], source["pixel_size_mm"], source["ending"], (height, width))
    return Face(points, machine, stage)


def _pick(entries: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """Pick one of ``entries``, weighted by its number of ``films``."""
    films = np.array([entry["films"] for entry in entries], dtype=np.float64)
    return entries[int(rng.choice(len(entries), p=films / films.sum()))]


def annotate(points: Points, mm_per_px: float, size: Size, factor: float, rng: np.random.Generator) -> Points:
    """Mark ``points`` as an annotator does: whole pixels on the film, with ``factor`` times the usual scatter."""
    height, width = size
    marked = {}
    for symbol, (x, y) in points.items():
        sd = factor * (HARD_SD_MM if symbol in HARD else EASY_SD_MM) / mm_per_px
        dx, dy = sd * rng.standard_normal(2)
        marked[symbol] = (float(np.clip(round(x + dx), 0, width - 1)), float(np.clip(round(y + dy), 0, height - 1)))
    return marked
