"""How unlike the films of a calibration a film is to the network.

The first stage gives a signature of each film (``LandmarkModel.with_signature``); each of its numbers is compared with
those of the films of the calibration, which the network was not trained on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cephkit.geometry import Floats

FEWEST_FILMS = 10
"""Fewer do not show what is usual."""
USUAL, UNUSUAL = 0.75, 0.95
"""Shares of the films that lie nearer than one that counts as like them, and than one that counts as unlike them."""
FARTHEST = 2.0
"""Of ``Likeness.strangeness``."""
LEAST_SD = 1e-6
LEAST_DISTANCE = 1e-9


@dataclass(frozen=True)
class Likeness:
    """Signatures of usual films, and how far films lie from them."""

    mean: Floats
    """(D,)."""
    sd: Floats
    """(D,)."""
    usual: float
    """Distance up to which a film is like the others."""
    unusual: float
    """Distance from which it is unlike them."""
    farthest: float
    """Distance of the film that is least like the others."""

    def distance(self, signatures: ArrayLike) -> Floats:
        """(N,) mean square of ``signatures`` (N, D) in standard deviations: about 1 for a usual film."""
        gap = (np.asarray(signatures, dtype=np.float64) - self.mean) / self.sd
        return np.asarray((gap**2).mean(-1))

    def strangeness(self, signatures: ArrayLike) -> Floats:
        """(N,) from 0, like the films, by 1, unlike them, to 2, as far again; NaN counts as that."""
        return self.share(self.distance(signatures))

    def share(self, distance: Floats) -> Floats:
        """(N,) ``strangeness`` of films at a ``distance`` (N,)."""
        share = np.log(np.maximum(distance, LEAST_DISTANCE) / self.usual) / np.log(self.unusual / self.usual)
        return np.where(np.isnan(share), FARTHEST, share.clip(0.0, FARTHEST))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        numbers = {name: getattr(self, name) for name in ("usual", "unusual", "farthest")}
        return {"mean": self.mean.tolist(), "sd": self.sd.tolist(), **numbers}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Likeness":
        """What ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in ("mean", "sd")}
        made = cls(**{**plain, **arrays})
        if made.mean.ndim != 1 or made.mean.shape != made.sd.shape or not np.isfinite(made.mean).all():
            raise ValueError(f"likeness: mean {made.mean.shape} and spread {made.sd.shape}")
        if not (np.isfinite(made.sd) & (made.sd > 0)).all() or not 0 < made.usual < made.unusual < np.inf:
            raise ValueError(f"likeness: from {made.usual} to {made.unusual}, or no spread")
        if not 0 < float(made.farthest) < np.inf or float(made.unusual) == np.inf:
            raise ValueError(f"likeness: farthest {made.farthest!r:.20}")
        return made


def fit_likeness(signatures: ArrayLike) -> tuple[Likeness | None, Floats]:
    """Fit the likeness of films with ``signatures`` (N, D), and the strangeness (N,) of each to the others.

    None and zeros if the films are too few.
    """
    values = np.asarray(signatures, dtype=np.float64)
    count = len(values)
    if count < FEWEST_FILMS or not np.isfinite(values).all():
        return None, np.zeros(count)
    # Each film's distance from the others, from the sums of all.
    total, squares = values.sum(0), (values**2).sum(0)
    means = (total - values) / (count - 1)
    variances = (squares - values**2) / (count - 1) - means**2
    distances = ((values - means) ** 2 / np.maximum(variances, LEAST_SD**2)).mean(-1)
    usual, unusual = np.maximum(np.quantile(distances, (USUAL, UNUSUAL)), LEAST_DISTANCE).tolist()
    sd = np.maximum(values.std(0), LEAST_SD)
    made = Likeness(values.mean(0), sd, usual, max(unusual, usual * 1.01), float(distances.max()))
    return made, made.share(distances)
