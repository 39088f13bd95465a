"""How far off a predicted landmark may be: an expected error and a 90 % region, calibrated on labelled films.

Features of the heatmaps (width, height, disagreement of views) rank errors well, but their scale means nothing. So the
logarithm of the error is fitted to them, landmark by landmark, on the validation films; and the regions are made large
enough to hold 90 % of these films' true points (``calibration.expected``; split conformal prediction: Angelopoulos and
Bates, A Gentle Introduction to Conformal Prediction, 2021, sections 2.2 and 2.3).

That holds for films and examiners like those of the calibration. Other examiners put their points elsewhere, so regions
are widened by how far examiners differ (``calibration.fit``), and more so on films unlike the calibration's.

Lengths are canvas pixels, whatever the film's. Directions are those of the film as the network got it: upright, and
facing as the training's films do.

How unlike the films of a calibration a film is to the network shows in signatures: the first stage gives one of each
film (``LandmarkModel.with_signature``), and each of its numbers is compared with those of the films of the calibration,
which the network was not trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


COVERAGE = 0.9
SMALLEST_FEATURE = 1e-4
NORMAL_90 = 2 * np.log(10)
"""Squared radius, in standard deviations, that holds 90 % of a normal distribution in the plane."""
NEW_EXAMINER = 0.75
"""Mean square distance of a new examiner from the mean of two, as a share of that between two examiners."""


@dataclass(frozen=True)
class Calibration:
    """From features of the heatmaps to errors in canvas pixels."""

    intercepts: Floats
    """(K,) of the logarithm of the expected error."""
    weights: Floats
    """(F,) of the features' logarithms."""
    shapes: Floats
    """(K, 2, 2) covariance of the error's direction, determinant 1."""
    radius: float
    """Of the region, in expected errors: ``COVERAGE`` of the films' true points lie within."""
    films: tuple[str, ...] = ()
    """Content hashes of the films that it was made from, which cannot test it."""
    examiners: Floats | None = None
    """(K, 2, 2) second moments of the distance between two examiners' points; None: nothing is added for them."""
    share: float = 0.0
    """Of ``examiners``, what is added on films like those of the calibration; on unlike ones up to ``NEW_EXAMINER``."""
    likeness: Likeness | None = None
    """Of the films; None: unknown, and no film counts as unlike them."""
    removed_bias: Floats | None = None
    """(K, 2) added to the network's points; None: nothing."""
    is_local: bool = False
    """Whether it was made from a user's own films."""
    films_said: str = ""
    """Which films it was made from, in words."""
    truth: str = ""
    """Whose landmarks counted as right; empty in older files."""

    @property
    def bias(self) -> Floats:
        """(K, 2) added to the network's points."""
        return np.zeros((len(self.intercepts), 2)) if self.removed_bias is None else self.removed_bias

    @property
    def rests_on(self) -> str:
        """The films that the promise of 90 % rests on, in a line."""
        text = self.films_said or f"{len(self.films)} films"
        if self.removed_bias is not None:
            text += ", the model's bias against them removed"
        if self.is_local:
            return f"{text}; it holds for films and examiners like these"
        if self.examiners is None:
            return f"{text}; other machines and other examiners need a calibration of their own"
        return f"{text}, and on how far two examiners differ; to be sure on your films, calibrate on 20 of them"

    def strangeness(self, signatures: Floats | None, films: int) -> Floats:
        """(N,) 0 for films like those of the calibration, 1 and more for unlike ones; see ``Likeness.strangeness``."""
        if self.likeness is None or signatures is None:
            return np.zeros(films)
        return self.likeness.strangeness(signatures)

    def unlike_notes(self, signatures: Floats | None, films: int) -> list[str]:
        """A note for each film that is unlike all of the calibration; else empty."""
        if self.likeness is None or signatures is None:
            return [""] * films
        far = ~(self.likeness.distance(signatures) <= self.likeness.farthest)
        note = "looks unlike all films of the calibration: errors may be larger than stated; check the landmarks"
        return [note if film else "" for film in far]

    def expected(self, features: ArrayLike, strangeness: ArrayLike = 0.0) -> Floats:
        """Expected error (N, K) in canvas pixels from features (N, K, F); NaN where a feature is NaN.

        On films whose ``strangeness`` (N,) is more than 1 they grow by what is unknown of the examiners' conventions.
        """
        near = np.exp(self.intercepts + logarithms(features) @ self.weights)
        more = self._examiners(np.asarray(strangeness, dtype=np.float64) - 1) - self._examiners(0.0)
        return np.asarray(np.sqrt(near**2 + np.pi / 4 * np.trace(more, axis1=-2, axis2=-1)))

    def regions(self, features: ArrayLike, strangeness: ArrayLike = 0.0) -> Floats:
        """(N, K, 2, 2) matrices R, canvas pixels squared: the true point lies where r' R^-1 r <= 1 (90 %).

        They grow with ``strangeness`` (N,) from 0 to 1; those of a local calibration, whose films hardly tell what is
        usual, from 1 to 2.
        """
        reach = self.radius * self.expected(features)
        strange = np.asarray(strangeness, dtype=np.float64) - self.is_local
        return np.asarray(reach[..., None, None] ** 2 * self.shapes + NORMAL_90 * self._examiners(strange))

    def _examiners(self, strangeness: ArrayLike) -> Floats:
        """(N, K, 2, 2), or (K, 2, 2) for a single number: what examiners add to the second moments of the error."""
        if self.examiners is None:
            return np.zeros_like(self.shapes)
        share = self.share + (NEW_EXAMINER - self.share) * np.clip(strangeness, 0.0, 1.0)
        return np.asarray(share)[..., None, None, None] * self.examiners

    def without_examiners(self) -> "Calibration":
        """The same for the examiners of the calibration's own films."""
        return replace(self, examiners=None)

    def of_landmarks(self, columns: Sequence[int]) -> "Calibration":
        """The same for some landmarks, or for all in another order."""
        chosen = list(columns)
        changed = {
            name: getattr(self, name)[chosen] for name in _ARRAYS_OF_LANDMARKS if getattr(self, name) is not None
        }
        return replace(self, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain |= {name: array.tolist() for name, array in plain.items() if isinstance(array, np.ndarray)}
        likeness = None if self.likeness is None else self.likeness.to_dict()
        return {**plain, "films": list(self.films), "likeness": likeness}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Calibration":
        """The calibration that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a key is missing or unknown, or a value cannot be one.
        """
        arrays = {
            name: np.array(plain[name], dtype=np.float64)
            for name in ("weights", *_ARRAYS_OF_LANDMARKS)
            if plain.get(name) is not None
        }
        likeness = plain.get("likeness")
        likeness = None if likeness is None else Likeness.from_dict(likeness)
        made = cls(**{**plain, **arrays, "films": tuple(plain["films"]), "likeness": likeness})
        made._check()
        return made

    def _check(self) -> None:
        landmarks = len(self.intercepts) if self.intercepts.ndim else 0
        sides = {"intercepts": (), "shapes": (2, 2), "examiners": (2, 2), "removed_bias": (2,)}
        for name, side in sides.items():
            array = getattr(self, name)
            if array is not None and (array.shape != (landmarks, *side) or not np.isfinite(array).all()):
                raise ValueError(f"{name} {array.shape} of {landmarks} landmarks")
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all():
            raise ValueError(f"weights {self.weights.shape}")
        if not (np.linalg.det(self.shapes) > 0).all() or not (self.shapes[:, 0, 0] > 0).all():
            raise ValueError("a shape is not an ellipse")
        if self.examiners is not None and np.linalg.eigvalsh(self.examiners).min(initial=0.0) < -1e-9:
            raise ValueError("examiners has a negative variance")
        if type(self.is_local) is not bool:
            raise TypeError(f"is_local {self.is_local!r:.20}")
        if type(self.radius) not in (int, float) or not 0 < float(self.radius) < np.inf or not 0 <= self.share <= 1:
            raise ValueError(f"radius {self.radius!r:.20}, share {self.share!r:.20}")
        if (
            not isinstance(self.films_said, str)
            or not isinstance(self.truth, str)
            or not all(isinstance(film, str) for film in self.films)
        ):
            raise TypeError("films are not strings")


_ARRAYS_OF_LANDMARKS = ("intercepts", "shapes", "examiners", "removed_bias")


def within(regions: ArrayLike, gaps: ArrayLike) -> NDArray[np.bool_]:
    """(...) whether ``gaps`` (..., 2) lie in ``regions`` (..., 2, 2); False for NaN."""
    r, g = np.asarray(regions, dtype=np.float64), np.asarray(gaps, dtype=np.float64)
    determinant = r[..., 0, 0] * r[..., 1, 1] - r[..., 0, 1] * r[..., 1, 0]
    x, y = g[..., 0], g[..., 1]
    form = r[..., 1, 1] * x * x - (r[..., 0, 1] + r[..., 1, 0]) * x * y + r[..., 0, 0] * y * y
    with np.errstate(invalid="ignore"):
        return np.asarray(form <= determinant)


def logarithms(features: ArrayLike) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    return np.asarray(np.log(np.maximum(values, SMALLEST_FEATURE)))
