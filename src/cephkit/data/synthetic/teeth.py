"""Teeth on their landmarks: cusp tips and edges lie where the landmarks say, roots where the apices say."""

import numpy as np

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.layer import Layer, catmull_rom
from cephkit.geometry import Floats

Outline = tuple[tuple[float, float], ...]

# Outlines: x along the tooth from the tip (0) to the apex (1), y across in mm towards the front of the mouth.
INCISOR: tuple[Outline, ...] = (
    (
        (0.0, 0.0), (0.03, 0.8), (0.16, 2.5), (0.3, 3.5), (0.4, 3.4), (0.6, 2.8), (0.82, 1.8), (0.96, 0.8), (1.0, 0),
        (0.96, -0.8), (0.82, -1.8), (0.6, -2.6), (0.4, -3.2), (0.3, -3.2), (0.16, -1.6), (0.04, -0.7),
    ),
    (
        (0.0, 0.0), (0.03, 0.8), (0.16, 2.5), (0.3, 3.5), (0.4, 3.3), (0.3, 0.5), (0.37, -3.1), (0.3, -3.2),
        (0.16, -1.6), (0.04, -0.7),
    ),
)  # fmt: skip
PREMOLAR: tuple[Outline, ...] = (
    (
        (0.0, 0.0), (0.06, 1.8), (0.15, 3.2), (0.24, 3.6), (0.36, 2.8), (0.6, 2.2), (0.85, 1.3), (0.97, 0.6), (1.0, 0),
        (0.97, -0.6), (0.85, -1.3), (0.6, -2.2), (0.36, -2.8), (0.24, -3.6), (0.15, -3.2), (0.06, -1.8),
    ),
    (
        (0.0, 0.0), (0.06, 1.8), (0.15, 3.2), (0.24, 3.6), (0.35, 2.8), (0.28, 0), (0.35, -2.8), (0.24, -3.6),
        (0.15, -3.2), (0.06, -1.8),
    ),
)  # fmt: skip
# A molar's landmark is its front cusp, so the tooth reaches back from it.
MOLAR: tuple[Outline, ...] = (
    (
        (0.0, 0.0), (0.06, 2.0), (0.18, 2.9), (0.36, 2.2), (0.62, 1.6), (0.92, -0.3), (1.0, -1.6), (0.93, -2.0),
        (0.6, -1.5), (0.46, -2.7), (0.6, -4.0), (0.9, -5.4), (0.98, -6.2), (0.92, -7.0), (0.6, -7.0), (0.36, -7.4),
        (0.18, -8.2), (0.07, -7.4), (0.01, -5.4), (0.06, -2.7),
    ),
    (
        (0.0, 0.0), (0.06, 2.0), (0.18, 2.9), (0.34, 2.3), (0.25, -2.7), (0.34, -7.5), (0.18, -8.2), (0.07, -7.4),
        (0.01, -5.4), (0.06, -2.7),
    ),
)  # fmt: skip
MOLAR_WIDTH_MM = 10.8
METAL = 5.0
METAL_FILMS = 0.35
THIRD_MOLAR_FILMS = 0.5
# Along the arch from the second premolar (0) to the central incisor (1), as the side view shortens it: place, how far
# the tooth leans with the incisor, its width.
BETWEEN = ((0.0, 0.1, 1.0), (0.29, 0.2, 1.0), (0.58, 0.5, 0.95))


def draw_teeth(bone: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Add both arches to ``bone``, the sides a little apart, and now and then fillings of metal."""
    filled = rng.random() < METAL_FILMS
    wise = rng.random() < THIRD_MOLAR_FILMS
    for edge, apex, premolar, molar in (("UIT", "UIA", "UPM", "UMT"), ("LIT", "LIA", "LPM", "LMT")):
        _arch(bone, anatomy, (edge, apex, premolar, molar), filled, wise, rng)


def _arch(
    bone: Layer, anatomy: Anatomy, names: tuple[str, str, str, str], filled: bool, wise: bool, rng: np.random.Generator
) -> None:
    unit = anatomy.unit
    edge, apex, premolar, molar = (anatomy.at[name] for name in names)
    palate = _unit(anatomy.at["ANS"] - anatomy.at["PNS"], anatomy.axes[0])
    front = _unit(_unit(premolar - molar, palate) + palate, palate)
    upper = names[0] == "UIT"
    rootwards = np.array([front[1], -front[0]]) * (1 if upper else -1)
    root = rootwards * (20.5 if upper else 21.0) * unit
    mm = front * unit
    axis = apex - edge
    spread = float(np.clip((edge - premolar) @ front / (25 * unit), 0.5, 1.2))
    for shift, weight in ((rng.normal(0, 0.9, 2) * unit, 0.45), (np.zeros(2), 0.55)):
        for behind in range(1 + wise, -1, -1):
            # The curve of Spee, and roots that lean back more from tooth to tooth.
            tip = molar + shift - mm * MOLAR_WIDTH_MM * behind + rootwards * (0.0, 0.8, 3.5)[behind] * unit
            _tooth(bone, tip, root - mm * (1.0 + 1.8 * behind), mm, MOLAR, weight * (1.1 if behind < 2 else 0.8))
            if filled and behind < 2 and weight > 0.5 and rng.random() < 0.7:
                _filling(bone, tip, root, mm, rng)
        for place, lean, width in BETWEEN:
            tip = premolar * (1 - place) + edge * place + shift
            _tooth(
                bone, tip, (1 - lean) * root * 1.05 + lean * axis, mm * width * min(1.0, spread * 1.1), PREMOLAR, weight
            )
    lateral = edge + rng.normal(0, 0.4, 2) * unit - mm * 3.2 * spread + rootwards * unit * 0.7
    _tooth(bone, lateral, axis * 0.93, mm * 0.85, INCISOR, 0.6)
    _tooth(bone, edge, axis, mm * (1.0 if upper else 0.85), INCISOR, 1.0)


def _unit(vector: Floats, otherwise: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        vector, length = otherwise, float(np.linalg.norm(otherwise))
    return vector / length


def _shape(tip: Floats, course: Floats, front: Floats, outline: Outline) -> Floats:
    """Curve of an outline on a tooth from ``tip`` along ``course`` to its apex; ``front`` is 1 mm forward."""
    along = _unit(course, front)
    across = np.array([along[1], -along[0]]) * np.linalg.norm(front)
    if across @ front < 0:
        across = -across
    local = np.array(outline)
    return catmull_rom(tip + local[:, :1] * course + local[:, 1:] * across, closed=True, steps=5)


def _tooth(bone: Layer, tip: Floats, course: Floats, front: Floats, shape: tuple[Outline, ...], weight: float) -> None:
    body, enamel = (_shape(tip, course, front, outline) for outline in shape)
    bone.fill(body, 0.3 * weight, 0.22, rim=0.08 * weight, rim_mm=0.7)
    bone.fill(enamel, 0.2 * weight, 0.3, rim=0.16 * weight, rim_mm=0.8)
    bone.line(tip + np.array([[0.32], [0.6], [0.95]]) * course, -0.1 * weight, 0.9, 0.35)


def _filling(bone: Layer, tip: Floats, course: Floats, front: Floats, rng: np.random.Generator) -> None:
    deep, back = rng.uniform(0.12, 0.28), rng.uniform(-6.0, -3.0)
    outline = ((0.06, 0.8), (deep, 0.2), (deep * 0.8, back / 2), (deep, back + 0.6), (0.07, back), (0.08, back / 2))
    bone.fill(_shape(tip, course, front, outline), METAL, 0.15)
