"""The template head fitted to the landmarks of one face."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.data.synthetic.spline import Warp, catmull_rom
from cephkit.data.synthetic.template import (
    COURSES,
    JAW,
    MEAN,
    MEAN_TILT,
    NECK,
    NECK_FOLLOWS,
    NECK_PIVOT,
    OUTLINES,
    SELLA_NASION_MM,
    SKIN,
    SKULL,
    VARY,
    VAULT,
    VAULT_MM,
    Knot,
)

Points = NDArray[np.float64]


class Anatomy:
    """The template on one face: ``outline`` and ``course`` give smooth curves in pixels of the film.

    Args:
        points: all 29 landmarks by symbol, pixels.
        rng: source of all that the landmarks do not determine.
    """

    def __init__(self, points: dict[str, tuple[float, float]], rng: np.random.Generator) -> None:
        self.at = {symbol: np.array(place, dtype=np.float64) for symbol, place in points.items()}
        axis = self.at["N"] - self.at["S"]
        self.unit = max(float(np.linalg.norm(axis)) / SELLA_NASION_MM, 1e-3)
        x = axis / SELLA_NASION_MM
        self.axes = np.array([x, [-x[1], x[0]]])
        self.tilt = MEAN_TILT - float(np.arctan2(-axis[1], axis[0]))
        """How far the face looks down, radians."""
        self._warps = {
            name: self._warp(name, keys, rng) for name, keys in (("skull", SKULL), ("jaw", JAW), ("skin", SKIN))
        }

    def frame(self, places: ArrayLike) -> Points:
        """Map template mm ``(n, 2)`` to pixels, by the sella-nasion frame alone."""
        placed: Points = self.at["S"] + np.asarray(places, dtype=np.float64) @ self.axes
        return placed

    def neck(self, places: ArrayLike) -> Points:
        """Map template mm ``(n, 2)`` to pixels, in a neck that partly follows the head."""
        back = -(1 - NECK_FOLLOWS) * self.tilt
        turn = np.array([[np.cos(back), np.sin(back)], [-np.sin(back), np.cos(back)]])
        return self.frame(NECK_PIVOT + (np.asarray(places, dtype=np.float64) - NECK_PIVOT) @ turn)

    def place(self, places: ArrayLike, part: str = "skull") -> Points:
        """Map template mm ``(n, 2)`` to pixels, as ``part`` (skull, jaw or skin) of this face lies."""
        return self._warps[part](np.asarray(places, dtype=np.float64))

    def outline(self, name: str, part: str = "skull") -> Points:
        """Return the closed curve ``(m, 2)`` of an entry of ``OUTLINES``, pixels."""
        return catmull_rom(self.place(_knots(OUTLINES[name]), part), closed=True)

    def course(self, name: str, part: str = "skull") -> Points:
        """Return the open curve ``(m, 2)`` of an entry of ``COURSES``, pixels."""
        return catmull_rom(self.place(_knots(COURSES[name]), part))

    def _warp(self, part: str, symbols: tuple[str, ...], rng: np.random.Generator) -> Warp:
        source = [MEAN[symbol] for symbol in symbols]
        target = [self.at[symbol] for symbol in symbols]
        for places, carry in ((VAULT, self.frame), (NECK, self.neck)):
            if part == "skin" or (part == "skull" and places is VAULT):
                source += places
                target += list(carry(np.array(places) + rng.normal(0, VAULT_MM, (len(places), 2))))
        rough = Warp(np.array(source), np.array(target))
        for place, deviation in VARY[part]:
            source.append(place)
            target.append(rough(place)[0] + rng.normal(0, deviation * self.unit, 2))
        return Warp(np.array(source), np.array(target))


def _knots(knots: tuple[Knot, ...]) -> Points:
    return np.array([MEAN[knot] if isinstance(knot, str) else knot for knot in knots])
