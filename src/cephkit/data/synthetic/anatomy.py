"""The template head, and how it is fitted to the landmarks of one face.

The template's outlines are in mm around sella, x towards nasion, y down, for a sella-nasion length of 70 mm. ``MEAN``
holds the median of the Aariz faces in this frame; an outline that names a landmark passes through it, in every face.
All other numbers were drawn by hand to lie where the anatomy lies relative to them.
"""

import numpy as np
from numpy.typing import ArrayLike

from cephkit.data.synthetic.layer import Warp, catmull_rom
from cephkit.geometry import Floats

Knot = str | tuple[float, float]

SELLA_NASION_MM = 70.0
MEAN: dict[str, tuple[float, float]] = {
    "A": (60.9, 56.2), "ANS": (66.1, 52.7), "B": (48.1, 94.1), "Me": (39.7, 112.6), "N": (70.0, 0.0),
    "Or": (51.2, 26.2), "Pog": (47.0, 106.7), "PNS": (13.5, 45.5), "Pn": (93.8, 50.2), "R": (-17.8, 48.1),
    "S": (0.0, 0.0), "Ar": (-19.8, 28.8), "Co": (-15.1, 18.5), "Gn": (44.7, 111.3), "Go": (-17.5, 73.2),
    "Po": (-26.8, 16.0), "LIT": (58.8, 76.6), "LMT": (32.0, 71.5), "UIT": (63.4, 80.4), "UMT": (31.6, 70.1),
    "Li": (70.5, 87.9), "Ls": (76.7, 73.2), "N`": (74.5, 4.2), "Pog`": (59.0, 108.0), "Sn": (77.3, 59.2),
}  # fmt: skip
# Which landmarks carry which part: the jaw opens and shifts without bending the skull.
SKULL = ("N", "S", "Or", "Po", "ANS", "A", "PNS", "Ar", "UIT", "UMT")
JAW = ("Co", "Ar", "R", "Go", "Me", "Gn", "Pog", "B", "LIT", "LMT")
SKIN = ("N`", "Pn", "Sn", "Ls", "Li", "Pog`", "N", "S", "Po", "PNS", "Go", "Me")
VAULT = ((60.0, -90.0), (-30.0, -115.0), (-110.0, -60.0), (-95.0, 35.0))
"""Places that move with the frame alone, so that the vault keeps its shape."""
NECK = ((-40.0, 110.0), (-90.0, 110.0), (-60.0, 280.0), (20.0, 280.0))
"""Places that move with the neck."""
VARY: dict[str, tuple[tuple[tuple[float, float], float], ...]] = {
    "skull": (
        ((70.0, -26.0), 1.5), ((36.0, 45.5), 1.2), ((42.0, 8.0), 1.5), ((14.0, 16.0), 1.0), ((-48.0, 14.0), 3.0),
        ((26.0, -8.0), 1.2), ((38.0, 34.0), 1.5), ((40.0, 62.0), 0.6), ((66.0, 25.0), 0.8),
    ),
    "jaw": (((7.0, 25.0), 1.5), ((13.0, 55.0), 1.2), ((20.0, 104.0), 0.9), ((-6.0, 87.0), 0.9), ((38.0, 101.0), 0.7)),
    "skin": (
        ((-8.0, 110.0), 4.0), ((20.0, 121.5), 3.0), ((-10.0, 73.0), 2.0), ((84.0, -32.0), 1.5), ((88.0, 38.0), 0.7),
    ),
}  # fmt: skip
"""Places that no landmark holds, and how far they differ from face to face: deviation in mm."""
VAULT_MM = 3.0
"""Deviation of the vault and the neck, mm."""
MEAN_TILT = 0.18
"""Radians by which sella-nasion rises to the front in a head held upright."""
NECK_FOLLOWS = 0.5
"""Share of the head's tilt that the neck takes part in."""
NECK_PIVOT = (-36.0, 45.0)

OUTLINES: dict[str, tuple[Knot, ...]] = {
    "head": (
        (80, -14), (84, -30), (82, -50), (75, -72), (58, -97), (28, -115), (-8, -124), (-45, -123), (-80, -109),
        (-108, -82), (-122, -45), (-121, -8), (-110, 26), (-96, 50), (-88, 75), (-90, 110), (-100, 160), (-125, 230),
        (-200, 300), (-200, 420), (60, 420), (30, 300), (-12, 220), (-10, 180), (-5, 150), (3, 130), (16, 121),
        (32, 122), (46, 121), (55, 116), "Pog`", (61, 101), (63.5, 96.5), (68, 93), "Li", (69.5, 83.5), (66, 81.2),
        (70.5, 79.5), "Ls", (76, 68), (75.3, 63.5), "Sn", (83, 59), (88.5, 57.8), (92.5, 55.5), "Pn", (91.5, 44),
        (86, 33), (80.5, 20), (76.5, 11), "N`", (76, -3),
    ),
    "skull": (
        "N", (74, -5), (76.5, -14), (78, -30), (76, -50), (69, -70), (53, -92), (26, -109), (-8, -118), (-44, -117),
        (-77, -103), (-103, -78), (-116, -44), (-115, -9), (-106, 20), (-92, 38), (-74, 47), (-56, 46), (-42, 41),
        (-33, 38.5), (-25.5, 36), "Ar", (-10, 24), (2, 22), (9, 18), (14, 6), (30, 0), (48, 1), (64, 2),
    ),
    "inner table": (
        (60, -3), (64, -12), (67.5, -30), (66, -50), (60, -67), (46, -86), (22, -102), (-8, -111), (-42, -110),
        (-72, -97), (-96, -73), (-109, -42), (-107.5, -12), (-99, 12), (-85, 30), (-72, 39), (-57, 38), (-44, 30),
        (-32, 33), (-25, 35), (-16, 17), (-9, 3), (-6, -5), (4, -8), (20, -6), (45, -5),
    ),
    "frontal sinus": ((70, -5), (73, -12), (74.5, -22), (73.5, -31), (70.5, -33), (68, -25), (66, -14), (65, -6)),
    "nasal bone": ("N", (72.6, 6), (75.6, 13), (79, 21), (77, 20.5), (73, 14), (69.3, 8)),
    "maxilla": (
        "ANS", (63, 55), "A", (60.6, 61), (61.8, 66), (63.3, 70.5), (59, 73), (50, 68), (40, 65), (30, 63), (20, 61),
        (14.5, 55), "PNS", (20, 47), (38, 49), (54, 50.5), (61, 51.3),
    ),
    "palate": ("ANS", (61, 51.3), (54, 50.5), (38, 49), (20, 47), "PNS", (20, 49.5), (38, 52.5), (52, 55), (60, 55)),
    "maxillary sinus": ((50, 29), (55, 36), (55.5, 45), (47, 50.5), (33, 51), (24, 46), (22.5, 34), (28, 25), (40, 24)),
    "pterygomaxillary fissure": (
        (14, 43), (11.6, 34), (10, 24), (11, 17), (15, 14.5), (19, 18), (18.5, 26), (16.5, 35),
    ),
    "sphenoid sinus": ((7, 5), (14, -1), (26, 0), (30, 8), (24, 17), (8, 19), (-4, 17), (-6, 9)),
    "ethmoid": ((28, 1), (58, 3), (64, 8), (62, 24), (52, 36), (36, 28), (26, 20)),
    "midface": (
        (68, 2), (68, 20), (66.5, 34), (63.5, 46), (60, 52), (38, 50), (16, 47), (9, 36), (4, 20), (6, 4), (30, -4),
        (52, -8),
    ),
    "zygoma body": (
        (46, 20), (51, 26), (47, 33), (43, 38), (38.5, 45.5), (34.5, 46), (32.3, 40), (31, 31), (25, 24), (36, 21.5),
    ),
    "cheek": ((40, 50), (58, 60), (56, 90), (40, 108), (10, 100), (-18, 80), (-24, 50), (-16, 22), (10, 30)),
    "petrous": (
        (-8, 4), (-14, -1), (-21, -3), (-28, -8), (-37, -7), (-47, -3), (-58, 0), (-50, 9), (-44, 18), (-38, 27),
        (-26, 27), (-15, 22), (-9, 14),
    ),
    "mastoid": ((-30, 4), (-52, -4), (-68, 8), (-64, 24), (-46, 38), (-36, 41), (-31, 30)),
    "jaw": (
        (57.5, 82), (54.5, 85.5), (50, 90), "B", (47.4, 99), "Pog", "Gn", "Me", (33, 110.5), (20, 104), (6, 96.5),
        (-5, 88), (-13, 81), "Go", (-19.2, 62), "R", (-17.2, 39), "Ar", (-20.2, 24), "Co", (-11.5, 17.8), (-8, 20.5),
        (-8.5, 26), (-6.5, 32), (-1, 35.5), (4, 31), (7, 24.5), (9.5, 27), (10.5, 38), (13, 52), (17, 64), (23, 79),
        (33, 84), (45, 87), (52, 86.5),
    ),
    "alveolus": ((54, 92), (57.5, 82), (52, 83), (45, 82), (32, 79.5), (22, 75), (16, 70), (20, 92), (40, 100)),
    "turbinate": ((16, 41), (26, 37), (44, 37), (56, 41), (55, 45), (44, 47), (24, 45.5)),
    "symphysis": (
        (55.5, 84), (50.5, 89.5), "B", (47.4, 99), "Pog", "Gn", "Me", (36.5, 110.5), (36, 106.5), (38.3, 102),
        (42, 95.5), (46, 88.5), (50, 82.5),
    ),
    "airway": (
        (10, 34), (2, 28), (-9, 31), (-15, 42), (-20, 55), (-25, 70), (-30, 88), (-34, 108), (-38, 130), (-42, 160),
        (-50, 230), (-32, 230), (-24, 160), (-20, 134), (-24, 112), (-21, 98), (-14, 84), (-10, 73), (-5, 62), (4, 50),
        (11, 44),
    ),
    "tongue": ((52, 68), (40, 60), (22, 57), (4, 62), (-10, 76), (-17, 92), (-12, 106), (10, 112), (34, 104), (46, 88)),
    "soft palate": ("PNS", (8, 47), (0, 55), (-7, 65), (-11, 73), (-8.5, 74), (-3, 66), (5, 56), (13, 49)),
    "hyoid": (
        (-1, 108), (0.5, 112), (-2, 116), (-6, 115), (-8, 111), (-16, 108.5), (-25, 104), (-24, 102.5), (-15, 105.5),
    ),
}  # fmt: skip
COURSES: dict[str, tuple[Knot, ...]] = {
    "sella": (
        (30, -3), (18, -4), (10, -5.5), (7.5, -3), (5.9, 1), (3.8, 4.6), (0, 6), (-3.8, 4.6), (-5.8, 1), (-6, -3),
        (-7.5, -5.8), (-9.5, -4), (-10.5, 3), (-16.5, 18), (-21.5, 30),
    ),
    "anterior clinoid": ((28, -7), (14, -8), (6, -7.6), (4, -6), (7, -5), (12, -4)),
    "orbital roof": ((68, -4), (60, -10), (48, -13), (32, -11), (18, -7)),
    "cribriform": ((66, 1), (52, 0), (36, 0.5), (26, -2.5)),
    "orbit": ((66, -2), (57, -2), (50, 3), (45.5, 11), (45.5, 20), "Or", (55, 25.5), (58, 22), (61.5, 14)),
    "orbit floor": ("Or", (44, 24.5), (36, 21), (28, 17)),
    "key ridge": ((46, 20), (44.5, 28), (42.5, 37), (38, 45.5), (34.5, 46), (32.3, 40), (31, 31), (26, 24)),
    "zygoma": ((45, 20), (38, 24), (24, 25), (8, 22), (-8, 20), (-20, 17)),
    "nasal floor": ("ANS", (61, 51.3), (54, 50.5), (38, 49), (20, 47), "PNS"),
    "palate roof": ("PNS", (20, 49.5), (36, 53), (48, 57), (54, 64), (58, 72)),
    "maxilla front": ("ANS", (63, 54.8), "A", (60.6, 61), (61.8, 66), (63.3, 70.5)),
    "pyriform": ((66, 8), (68, 20), (66.5, 32), (63, 42), (62, 50)),
    "pterygoid": ((9, 17), (8, 26), (9.5, 36), (12.5, 44), (12, 52)),
    "fissure wall": ((14, 43), (11.6, 34), (10, 24), (11, 17), (15, 14.5), (19, 18), (18.5, 26), (16.5, 35), (14, 43)),
    "vault": (
        (70, -7), (72, -16), (72.5, -30), (71, -50), (64.5, -68), (49, -89), (24, -105.5), (-8, -114.5), (-43, -113.5),
        (-74.5, -100), (-99.5, -75.5), (-112.5, -43), (-111, -10), (-102.5, 16), (-88.5, 34), (-73, 43), (-56, 42),
    ),
    "petrous ridge": ((-8, 8), (-18, -3), (-30, -8), (-44, -5), (-56, -2)),
    "jaw border": (
        (57.5, 82), (54.5, 85.5), (50, 90), "B", (47.4, 99), "Pog", "Gn", "Me", (33, 110.5), (20, 104), (6, 96.5),
        (-5, 88), (-13, 81), "Go", (-19.2, 62), "R", (-17.2, 39), "Ar", (-20.2, 24), "Co", (-11.5, 17.8), (-8, 20.5),
        (-8.5, 26), (-6.5, 32), (-1, 35.5), (4, 31), (7, 24.5), (9.5, 27), (10.5, 38), (13, 52), (17, 64),
    ),
    "canal": ((2, 52), (6, 68), (16, 85), (28, 92), (38, 92)),
    "oblique line": ((10.5, 38), (12.5, 52), (17, 66), (26, 80), (36, 90)),
    "basilar": ((-24.5, 36), "Ar", (-10, 24), (2, 22), (9, 24)),
    "middle fossa": ((9, -4), (4, 6), (-4, 14), (-12, 13), (-24, 2), (-40, -2)),
    "lambda suture": ((-60, 20), (-78, -4), (-92, -30), (-104, -52)),
    "coronal suture": ((22, -100), (24, -80), (16, -62), (20, -40), (14, -22)),
}  # fmt: skip


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

    def frame(self, places: ArrayLike) -> Floats:
        """Map template mm ``(n, 2)`` to pixels, by the sella-nasion frame alone."""
        return np.asarray(self.at["S"] + np.asarray(places, dtype=np.float64) @ self.axes)

    def neck(self, places: ArrayLike) -> Floats:
        """Map template mm ``(n, 2)`` to pixels, in a neck that partly follows the head."""
        back = -(1 - NECK_FOLLOWS) * self.tilt
        turn = np.array([[np.cos(back), np.sin(back)], [-np.sin(back), np.cos(back)]])
        return self.frame(NECK_PIVOT + (np.asarray(places, dtype=np.float64) - NECK_PIVOT) @ turn)

    def place(self, places: ArrayLike, part: str = "skull") -> Floats:
        """Map template mm ``(n, 2)`` to pixels, as ``part`` (skull, jaw or skin) of this face lies."""
        return self._warps[part](np.asarray(places, dtype=np.float64))

    def outline(self, name: str, part: str = "skull") -> Floats:
        """Return the closed curve ``(m, 2)`` of an entry of ``OUTLINES``, pixels."""
        return catmull_rom(self.place(_knots(OUTLINES[name]), part), closed=True)

    def course(self, name: str, part: str = "skull") -> Floats:
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


def _knots(knots: tuple[Knot, ...]) -> Floats:
    return np.array([MEAN[knot] if isinstance(knot, str) else knot for knot in knots])
