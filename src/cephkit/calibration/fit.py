"""Fits a model's expected errors, its 90 % regions and the spread between examiners to labelled films.

Residuals are how far predictions lie from the truth, in the frame in which the network works.

How far examiners differ about where a landmark is adds to the regions of a model. It learns where the examiners of its
training put a landmark. Others draw the tangent a little differently, or take another contour for Gonion: on the ISBI
2015 films two orthodontists differ in the same direction on film after film. No film shows that, so it is learnt from
films that two have marked, and from what is usual; how much of it regions need is learnt from either annotator's points
and from machines left out of the calibration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.calibration.expected import fit_calibration, without_slips
from cephkit.data.film import Film, pixel_sizes_mm, points_array, stretches
from cephkit.data.spacing import stretch_of
from cephkit.errors import DataError
from cephkit.geometry import Facing, Floats, Size, letterbox
from cephkit.inference.pose import faces
from cephkit.inference.predictor import Found
from cephkit.inference.uncertainty import COVERAGE, NEW_EXAMINER, Calibration, fit_likeness, within
from cephkit.models.spec import ModelSpec

USUAL_DISTANCE_MM = 2.4
"""Root mean square distance between two examiners' points: of 19 landmarks on 150 films of ISBI 2015, the median's."""
USUAL_FILM_MM = 235.0
"""Height of a film of unknown pixel size."""
FEWEST_FILMS = 20
"""Marked by two, below which they are ignored."""
USUAL_WEIGHT = 1.0
"""What is usual counts as much as so many times what the films show of a landmark: a third examiner may differ from
two about a landmark that these agree about."""
FEWEST_OF_MACHINE = 10
"""Films of one machine that are left out to see how the others' calibration holds on them."""
LEAST_SHARE, USUAL_SHARE = 0.1, 0.25
"""Of ``Calibration.share``: at least; and where films were marked once. At most it is ``NEW_EXAMINER``."""


def examiner_moments(
    films: Sequence[Film], symbols: Sequence[str], canvas_size: Size, facing: Facing | None = None
) -> Floats:
    """(K, 2, 2) second moments of the distance between two examiners' points, canvas pixels squared.

    Of faces that look to the ``facing`` side: films that look to the other count as their mirror images.
    """
    usual = np.eye(2) * (USUAL_DISTANCE_MM / canvas_mm(films, canvas_size)) ** 2 / 2
    gaps = _gaps(films, tuple(symbols), canvas_size, facing)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(gaps).all(-1))
    moments = np.broadcast_to(usual, (len(symbols), 2, 2)).copy()
    for column in range(len(symbols)):
        of_landmark = gaps[known[:, column], column]
        if len(of_landmark) >= FEWEST_FILMS:
            kept = without_slips(of_landmark)
            moments[column] = (kept.T @ kept / len(kept) + USUAL_WEIGHT * usual) / (1 + USUAL_WEIGHT)
    return moments


def canvas_mm(films: Sequence[Film], canvas_size: Size) -> float:
    """Millimetres per canvas pixel, the median of ``films``; that of a usual film if none has a pixel size."""
    scales = np.array([_scale(film, canvas_size) for film in films])
    sizes = pixel_sizes_mm(films)
    if np.isfinite(sizes).any():
        return float(np.nanmedian(sizes / scales))
    return USUAL_FILM_MM / canvas_size[0]


def with_conventions(
    calibration: Calibration,
    films: Sequence[Film],
    symbols: Sequence[str],
    canvas_size: Size,
    features: Floats,
    residuals: Floats,
    by_examiner: Sequence[Floats],
    signatures: Floats | None,
    marked: Sequence[Film] = (),
    facing: Facing | None = None,
) -> Calibration:
    """Extend ``calibration`` to other examiners, and to films unlike its own.

    Args:
        calibration: made of ``films``.
        films: the N films of the calibration.
        symbols: the K landmarks.
        canvas_size: of the first stage.
        features: (N, K, F), as ``fit_calibration``.
        residuals: (N, K, 2), as ``fit_calibration``.
        by_examiner: the same for each annotator's own points; fewer than two are ignored.
        signatures: (N, D) of the films.
        marked: films to learn from how examiners differ; none: ``films``.
        facing: where faces look on the network's canvases.
    """
    likeness, strangeness = None, np.zeros(len(films))
    if signatures is not None:
        likeness, strangeness = fit_likeness(signatures)
    made = replace(
        calibration,
        likeness=likeness,
        share=0.0,
        examiners=examiner_moments(marked or films, symbols, canvas_size, facing),
    )
    examiners = [_Abroad(made, features, strangeness, gaps) for gaps in by_examiner] if len(by_examiner) > 1 else []
    groups = [group for group in (examiners, _left_out_machines(made, films, features, residuals, signatures)) if group]
    # The smallest with which regions hold 90 % of either annotator's points, and of those of left-out machines.
    low, high = LEAST_SHARE if examiners else USUAL_SHARE, NEW_EXAMINER

    def holds(share: float) -> bool:
        return all(_held(group, share) >= COVERAGE for group in groups)

    if holds(low):
        return replace(made, share=low)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return replace(made, share=high)


@dataclass(frozen=True)
class _Abroad:
    """Films that a calibration was made without, or points of an examiner that it does not know."""

    calibration: Calibration
    features: Floats
    strangeness: Floats
    residuals: Floats

    def inside(self, share: float) -> NDArray[np.bool_]:
        """Of each point that is known, whether it lies in its region."""
        regions = replace(self.calibration, share=share).regions(self.features, self.strangeness)
        known = np.isfinite(self.residuals).all(-1) & np.isfinite(self.features).all(-1)
        return within(regions, self.residuals)[known]


def _held(group: Sequence[_Abroad], share: float) -> float:
    return float(np.concatenate([each.inside(share) for each in group]).mean())


def _left_out_machines(
    made: Calibration, films: Sequence[Film], features: Floats, residuals: Floats, signatures: Floats | None
) -> list[_Abroad]:
    """Each machine's films, with a calibration made from those of the others."""
    machines = np.array([film.machine or "" for film in films])
    names, counts = np.unique(machines, return_counts=True)
    found = []
    for name in names[counts >= FEWEST_OF_MACHINE] if (counts >= FEWEST_OF_MACHINE).sum() > 1 else ():
        here = machines == name
        try:
            calibration = fit_calibration(features[~here], residuals[~here])
        except ValueError:  # too few films without it
            continue
        likeness = None if signatures is None else fit_likeness(signatures[~here])[0]
        calibration = replace(calibration, examiners=made.examiners, likeness=likeness)
        strange = calibration.strangeness(None if signatures is None else signatures[here], int(here.sum()))
        found.append(_Abroad(calibration, features[here], strange, residuals[here]))
    return found


def _gaps(films: Sequence[Film], symbols: tuple[str, ...], canvas_size: Size, facing: Facing | None) -> Floats:
    """(N, K, 2) senior's point from junior's, canvas pixels."""
    gaps = np.full((len(films), len(symbols), 2), np.nan)
    for row, film in enumerate(films):
        if {"senior", "junior"} <= film.annotations.keys():
            senior, junior = (points_array(film.points(who), symbols) for who in ("senior", "junior"))
            gaps[row] = (senior - junior) * stretch_of(film.spacing) * _scale(film, canvas_size)
            if facing is not None and faces(symbols, senior) not in (None, facing):
                gaps[row, :, 0] *= -1
    return gaps


def _scale(film: Film, canvas_size: Size) -> float:
    """Canvas pixels per shorter side of a film pixel."""
    if film.size is None:
        return 1.0
    height, width = film.size
    across, down = stretch_of(film.spacing)
    return letterbox((round(height * down), round(width * across)), canvas_size).scale


def residuals(
    found: Found,
    films: Sequence[Film],
    symbols: Sequence[str],
    truth: str,
    columns: Sequence[int] | slice = slice(None),
) -> Floats:
    """Truth minus prediction, (N, K, 2) canvas pixels, along the axes of the canvas that the network was given.

    ``columns`` are the places of ``symbols`` in ``found``.
    """
    goal = np.stack([points_array(film.points(truth), tuple(symbols)) for film in films])
    gaps = (goal - found.points[:, columns]) * stretches(films) / found.units[:, None, None]
    return np.asarray(gaps @ found.frames.swapaxes(-1, -2))


def canvas_facing(found: Found, films: Sequence[Film], symbols: Sequence[str], truth: str) -> Facing:
    """Where most faces look on the canvases that the network was given; a face that looks the other way is mirrored."""
    directions = [faces(symbols, points_array(film.points(truth), tuple(symbols))) for film in films]
    mirrored = np.linalg.det(found.frames) < 0
    votes = [(way == "left") != bool(flip) for way, flip in zip(directions, mirrored, strict=True) if way]
    return "left" if sum(votes) * 2 > len(votes) else "right"


def describe(films: Sequence[Film], truth: str) -> str:
    """Describes the films of a calibration, e.g. "129 films of valid (truth: mean; machines: Kodak, Orthophos)"."""
    splits = " ".join(sorted({film.split for film in films}))
    machines = sorted({film.machine for film in films if film.machine})
    listed = f"; machines: {', '.join(machines)}" if machines else ""
    return f"{len(films)} films of {splits} (truth: {truth}{listed})"


def calibrate(
    found: Found, films: Sequence[Film], spec: ModelSpec, truth: str, marked: Sequence[Film] = (), description: str = ""
) -> Calibration:
    """Fits expected errors and regions to predictions of labelled films.

    Args:
        found: predictions of ``films``, without a bias removed.
        films: with their truth.
        spec: of the first stage.
        truth: whose landmarks count as right.
        marked: films from which to learn how far examiners differ; none: ``films``.
        description: of the films, for the user.

    Raises:
        DataError: too few films.
    """
    gaps = residuals(found, films, spec.symbols, truth)
    try:
        made = fit_calibration(found.features, gaps, [film.content or "" for film in films])
    except ValueError as error:
        raise DataError(f"expected errors cannot be calibrated: {error}") from error
    both = np.array([{"senior", "junior"} <= film.annotations.keys() for film in films], dtype=bool)
    each = []
    if both.sum() >= FEWEST_FILMS:
        own = [residuals(found, films, spec.symbols, who) for who in ("senior", "junior")]
        each = [np.where(both[:, None, None], one, np.nan) for one in own]
    facing = canvas_facing(found, films, spec.symbols, truth)
    made = with_conventions(
        made, films, spec.symbols, spec.canvas_size, found.features, gaps, each, found.signatures, marked, facing
    )
    return replace(made, films_said=description, truth=truth)


def with_calibrations(extras: Mapping[str, Any], made: Mapping[str, Calibration]) -> dict[str, Any]:
    """Return a checkpoint's ``extras`` with calibrations by ``Predictor.mode``; those of other modes stay."""
    others = extras.get("calibrations")
    plain = {mode: calibration.to_dict() for mode, calibration in made.items()}
    return {**extras, "calibrations": {**(others if isinstance(others, dict) else {}), **plain}}
