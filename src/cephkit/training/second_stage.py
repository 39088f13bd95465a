"""Adds a second stage to a trained model, if it lowers the error on valid films."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray

from cephkit.checkpoint import LoadedModel, with_extras
from cephkit.data.film import Film
from cephkit.data.prepare import PreparedData, prepare
from cephkit.errors import DataError
from cephkit.evaluation.scoring import Scores
from cephkit.geometry import Size
from cephkit.inference.folder import predict_films
from cephkit.inference.predictor import Predictor
from cephkit.interrupt import Stopped, until
from cephkit.models.refiner import RefinerSpec
from cephkit.progress import ProgressBar
from cephkit.training.refine import RefinerTraining, train_refiner
from cephkit.training.validate import known_size

LARGEST_DETAIL = 1536
"""Height of the second stage's canvas at most: finer pixels show no more, and a crop would cover too little."""


def detail_size(films: Sequence[Film], wanted: Size | None) -> Size:
    """Canvas of the second stage: ``wanted``, or the median film's own size where that is not too large."""
    if wanted is not None:
        return wanted
    heights, widths = np.median([known_size(film) for film in films], axis=0)
    scale = min(1.0, LARGEST_DETAIL / heights)
    return (int(-(-heights * scale // 32) * 32), int(-(-widths * scale // 32) * 32))


def detail_data(data: PreparedData, root: Path, size: Size, hold: int | None, cache_dir: Path | None) -> PreparedData:
    """The films of ``data`` at another canvas size, without a second report on them."""
    splits = tuple(data.films)
    detail = prepare(
        root, splits=splits, annotation=data.annotation, canvas_size=size, hold=hold, cache_dir=cache_dir,
        skip_bad_films=True, notify=lambda line: None,
    )  # fmt: skip
    contents = {film.path: film.content for films in detail.films.values() for film in films}
    changed = [film.path for films in data.films.values() for film in films if contents.get(film.path) != film.content]
    if changed:
        raise DataError(f"{changed[0]}: changed during the run ({len(changed)} films in all); put the first film back")
    return detail


def add_refiner(
    model: LoadedModel,
    detail: PreparedData,
    settings: RefinerTraining,
    truth: str,
    fabric: Fabric,
    screen: ProgressBar,
    stop: Callable[[], bool] = lambda: False,
    batch_size: int = 2,
    saved: Path | None = None,
    log_dir: Path | None = None,
) -> dict[str, Any] | None:
    """Trains a second stage for ``model``, as a checkpoint keeps it; None where it does not lower the error, and in all
    processes but the first.

    It is kept only if it lowers the error on valid; the user is told by how much, on which landmarks.

    Args:
        model: the first stage.
        detail: train and valid films at the canvas of the second stage.
        settings: of its training.
        truth: whose landmarks the valid films are scored against.
        fabric: device, precision and processes; all of them train, the first one judges.
        screen: shows lines and progress.
        stop: asked after every step.
        batch_size: valid films per pass.
        saved: see ``train_refiner``.
        log_dir: see ``train_refiner``.

    Raises:
        Stopped: ``stop()`` was true.
    """
    symbols, notify = model.spec.symbols, screen.notify
    spec = RefinerSpec(symbols, detail.canvas_size)
    height, width = spec.canvas_size
    notify(f"second stage: {len(detail.films['train'])} films at {height}x{width}, {settings.epochs} epochs")
    dataset = detail.dataset("train", symbols)
    network = train_refiner(spec, dataset, settings, fabric, screen, stop, saved, log_dir)
    if network is None:
        raise Stopped
    if not fabric.is_global_zero:
        return None
    stored = {
        "spec": spec.to_dict(),
        "model": {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()},
        "training": dataclasses.asdict(settings),
    }
    films = detail.films["valid"]
    before, after = (
        Scores(tuple(films), symbols, predict_films(predictor, films, batch_size, progress=until(stop)).points, truth)
        for predictor in (
            Predictor(with_extras(model, extras), fabric.device, settings.mixed_precision)
            for extras in ({}, {"refiner": stored})
        )
    )
    first, both = mean(before.errors), mean(after.errors)
    for line in gains(before, after):
        notify(line)
    if not both < first:
        notify("the second stage does not lower the error on valid: it is not kept")
        return None
    stored["valid"] = {"first_stage": first, "both": both, "unit": before.unit}
    return stored


def gains(before: Scores, after: Scores) -> list[str]:
    """Two lines on what the second stage changed: overall, and landmark by landmark."""
    rates = [scores.metrics().sdr["2"] for scores in (before, after)]
    rate = "" if None in rates else f", SDR@2 {rates[0]:.1f} -> {rates[1]:.1f} %"
    means = [np.array([mean(column) for column in scores.errors.T]) for scores in (before, after)]
    change = means[1] - means[0]
    each = [
        f"{before.symbols[index]} {means[0][index]:.2f} -> {means[1][index]:.2f}"
        for index in np.argsort(change)
        if np.isfinite(change[index])
    ]
    return [
        f"second stage on valid: MRE {mean(before.errors):.3f} -> {mean(after.errors):.3f} {before.unit}{rate}",
        f"by landmark, {before.unit}, largest gain first: {', '.join(each)}",
    ]


def mean(errors: NDArray[np.float64]) -> float:
    """The mean of the finite errors; NaN without any."""
    found = errors[np.isfinite(errors)]
    return float(found.mean()) if found.size else np.nan
