"""Faces of real proportions, healthy and deformed, and what is no face; in mm, (29, 2) each."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.shapes import draw_face
from cephkit.landmarks.shipped import AARIZ

Floats = NDArray[np.float64]
AT = {symbol: index for index, symbol in enumerate(AARIZ.symbols)}
JAW = ("B", "Me", "Pog", "Gn", "Go", "LPM", "LIT", "LMT", "LIA", "Li", "Pog`")


def drawn_faces(count: int, seed: int = 0) -> Floats:
    """(count, 29, 2)."""
    rng = np.random.default_rng(seed)
    return np.stack([draw_face(rng).points_mm for _ in range(count)])


def shares(given: Mapping[str, float]) -> Floats:
    """(29, 1): how far each landmark goes along."""
    weights = np.zeros((len(AARIZ.symbols), 1))
    for symbol, share in given.items():
        weights[AT[symbol]] = share
    return weights


def long_face(face: Floats) -> Floats:
    """10 mm longer below the palate, and what lies between by its height."""
    height = (face[:, 1] - face[AT["ANS"], 1]) / (face[AT["Me"], 1] - face[AT["ANS"], 1])
    behind = shares(dict.fromkeys(("R", "Ar", "Co", "Po", "PNS", "Go"), 0.6))[:, 0]
    return face + np.stack((0 * height, 10 * height.clip(0, 1) * (1 - behind)), axis=1)


def retrognathic_jaw(face: Floats) -> Floats:
    """The jaw's body and its soft tissue 15 mm back, the joint where it was."""
    moved = dict.fromkeys(JAW, 1.0) | {"Go": 0.4, "R": 0.2, "Ls": 0.15}
    return face - 15 * shares(moved) * (1, 0)


def cleft(face: Floats) -> Floats:
    """The front of the upper jaw 15 mm back, with its teeth and the lip."""
    moved = {
        "A": 1,
        "ANS": 1,
        "UIT": 0.9,
        "UIA": 1,
        "UPM": 0.7,
        "UMT": 0.5,
        "Ls": 0.8,
        "Sn": 0.8,
        "Pn": 0.4,
        "PNS": 0.2,
    }
    return face - 15 * shares(moved) * (1, 0)


def edentulous_bite(face: Floats) -> Floats:
    """No teeth: their tips on the ridges, and the jaw closed about its joint until the chin is 15 mm higher."""
    worn = face.copy()
    for tip, apex in (("UIT", "UIA"), ("LIT", "LIA")):
        worn[AT[tip]] = face[AT[apex]] + 0.35 * (face[AT[tip]] - face[AT[apex]])
    worn += 7 * (shares({"LMT": 1, "LPM": 1}) - shares({"UMT": 1, "UPM": 1})) * (0, 1)
    joint = face[AT["Co"]]
    angle = -15 / float(np.linalg.norm(face[AT["Me"]] - joint))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rows = [AT[symbol] for symbol in JAW]
    worn[rows] = (worn[rows] - joint) @ turn.T + joint
    return worn


DEFORMED: dict[str, Callable[[Floats], Floats]] = {
    "long face": long_face,
    "retrognathic jaw": retrognathic_jaw,
    "cleft": cleft,
    "edentulous bite": edentulous_bite,
}


def scattered(sd_mm: float) -> Callable[[Floats, np.random.Generator], Floats]:
    """Every landmark off for itself, as of a network that sees nothing."""
    return lambda face, rng: face + rng.normal(0, sd_mm, face.shape)


NO_FACES: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "random points": lambda face, rng: rng.uniform(0, 200, face.shape),
    "noise of 10 mm": scattered(10),
    "noise of 20 mm": scattered(20),
    "a cluster": lambda face, rng: 100 + rng.normal(0, 3, face.shape),
    "a mirrored face": lambda face, rng: face * (-1, 1),
    "shuffled": lambda face, rng: rng.permutation(face),
    "one half shuffled": lambda face, rng: np.concatenate((face[:14], rng.permutation(face[14:]))),
}
