"""How shapes of faces vary before any data set is known: by the table of Aariz faces, or smoothly.

Covariances are (2K, 2K), x0, y0, x1, ..., of shapes aligned to a mean with a root mean square radius of 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.shapes import table
from cephkit.inference.shapes import as_complex, misfit

Floats = NDArray[np.float64]

LENGTH = 0.85
"""Landmarks this far apart (about 40 mm in a head) move together only in part."""
ORDINARY_SD, ORDINARY_NOISE = 0.055, 0.025
"""What faces differ by where the landmarks are unknown: smoothly, and each landmark for itself (2.6 and 1.2 mm)."""
GROSS_SD, GROSS_NOISE = 0.17, 0.053
"""What the oddest faces differ by: a cleft, a jaw far back, a bite without teeth, with landmarks off by 2.5 mm."""
ANNOTATOR_SD = 0.02
"""Each landmark, beyond what the components of the table say: conventions and annotators differ."""
LARGEST_MISFIT = 0.3
"""``misfit`` above which a mean shape is none of the table's faces."""


def smooth(mean: Floats, sd: float, noise: float) -> Floats:
    """Covariance of smooth deformations: ``sd`` of each coordinate, alike in near landmarks, and ``noise`` alone."""
    apart = np.linalg.norm(mean[:, None] - mean[None], axis=-1)
    together = sd**2 * np.exp(-(apart**2) / (2 * LENGTH**2)) + noise**2 * np.eye(len(mean))
    return np.kron(together, np.eye(2))


def prior_covariance(mean: Floats, symbols: Sequence[str] | None) -> Floats:
    """What shapes about ``mean`` (K, 2) are expected to vary by before films tell.

    The table's where it knows all of ``symbols`` and their mean shape, whichever way it looks; else any smooth one's.
    """
    known = None if symbols is None else _of_the_table(mean, symbols)
    return smooth(mean, ORDINARY_SD, ORDINARY_NOISE) if known is None else known


def _of_the_table(mean: Floats, symbols: Sequence[str]) -> Floats | None:
    faces = table()
    order = list(faces["symbols"])
    if not set(symbols) <= set(order):
        return None
    rows = [order.index(symbol) for symbol in symbols]
    face = faces["mean_mm"].reshape(-1, 2)[rows]
    moves = faces["components_mm"].reshape(-1, len(order), 2)[:, rows]
    flip = np.array([-1.0, 1.0])
    mirrored = misfit(face * flip, mean) < misfit(face, mean)
    if mirrored:
        face, moves = face * flip, moves * flip
    if misfit(face, mean) > LARGEST_MISFIT:
        return None
    z, goal = as_complex(face - face.mean(0)), as_complex(mean - mean.mean(0))
    factor = np.vdot(z, goal) / np.vdot(z, z).real
    shape, turned = z * factor, (as_complex(moves) - as_complex(moves).mean(1, keepdims=True)) * factor
    # What a similarity explains is no change of shape.
    turned -= np.outer(turned @ shape.conj(), shape) / np.vdot(shape, shape).real
    flat = np.stack((turned.real, turned.imag), -1).reshape(len(turned), -1)
    left_out = (1 - faces["explained"]) / faces["explained"] * float((flat**2).sum()) / flat.shape[1]
    covariance: Floats = flat.T @ flat + (left_out + ANNOTATOR_SD**2) * np.eye(flat.shape[1])
    return covariance
