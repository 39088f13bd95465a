"""What makes a trained network a model to rely on: a second stage, plausible shapes, calibrated errors.

All of it goes into the checkpoint's ``extras``; the network itself is not touched.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cephkit.cephalometry.frame import Facing
from cephkit.checkpoint import LoadedModel, read_checkpoint, write_checkpoint
from cephkit.config import TrainConfig
from cephkit.data.film import Film, pixel_sizes_mm, points_array, stretches
from cephkit.data.prepare import PreparedData, film_cache, prepare
from cephkit.data.store import store_path
from cephkit.data.store_builder import check_disk, check_memory
from cephkit.errors import DataError
from cephkit.evaluation.metrics import radial_errors
from cephkit.geometry import Size, letterbox, transform
from cephkit.inference.conventions import FEWEST_FILMS as FEWEST_MARKED_TWICE
from cephkit.inference.conventions import with_conventions
from cephkit.inference.folder import predict_films
from cephkit.inference.pose import faces, fit_pose
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.uncertainty import FEWEST_ERRORS, Calibration, fit_calibration
from cephkit.interrupt import Stopped, until
from cephkit.models.refiner import RefinerSpec
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify
from cephkit.training.refine import RefinerTraining, train_refiner
from cephkit.training.validate import known_size

Floats = NDArray[np.float64]

LARGEST_DETAIL = 1536
"""Height of the second stage's canvas at most: finer pixels show no more, and a crop of them too little."""


@dataclass(frozen=True)
class Judgement:
    """Errors of a model on valid films."""

    mre: float
    """mm, or film pixels where no film has a pixel size."""
    within_2mm: float | None
    """SDR@2, percent."""
    per_landmark: Floats
    """(K,) MRE in the same unit."""
    in_mm: bool


def detail_size(films: Sequence[Film], wanted: Size | None) -> Size:
    """Canvas of the second stage: ``wanted``, or the median film's own size where that is not too large."""
    if wanted is not None:
        return wanted
    heights, widths = np.median([known_size(film) for film in films], axis=0)
    scale = min(1.0, LARGEST_DETAIL / heights)
    return (int(-(-heights * scale // 32) * 32), int(-(-widths * scale // 32) * 32))


def add_refiner(
    model: LoadedModel,
    detail: PreparedData,
    settings: RefinerTraining,
    truth: str,
    device: torch.device,
    notify: Notify,
    stop: Callable[[], bool] = lambda: False,
    batch_size: int = 2,
    saved: Path | None = None,
) -> dict[str, Any] | None:
    """A second stage for ``model``, as a checkpoint keeps it; None where it does not pay.

    It is kept only if it lowers the error on valid, and the lines said tell by how much on which landmarks.

    Args:
        model: the first stage.
        detail: train and valid films at the canvas of the second stage.
        settings: of its training.
        truth: whose landmarks valid is scored against.
        device: where to train.
        notify: takes lines for the user.
        stop: asked after every step.
        batch_size: valid films per pass.
        saved: see ``train_refiner``.

    Raises:
        Stopped: ``stop()`` was true.
    """
    symbols = model.spec.symbols
    spec = RefinerSpec(symbols, detail.canvas_size)
    height, width = spec.canvas_size
    notify(f"second stage: {len(detail.films['train'])} films at {height}x{width}, {settings.epochs} epochs")
    dataset = detail.dataset("train", symbols)
    network = train_refiner(spec, dataset, settings, device, notify, stop, saved)
    if network is None:
        raise Stopped
    stored = {
        "spec": spec.to_dict(),
        "model": {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()},
        "training": dataclasses.asdict(settings),
    }
    films = detail.films["valid"]
    before, after = (
        judge(films, predict_films(predictor, films, batch_size, shown=until(stop)).points, symbols, truth)
        for predictor in (
            Predictor(with_extras(model, extras), device, settings.mixed_precision)
            for extras in ({}, {"refiner": stored})
        )
    )
    for line in gains(before, after, symbols):
        notify(line)
    if not after.mre < before.mre:
        notify("the second stage does not lower the error on valid: it is not kept")
        return None
    stored["valid"] = {"first_stage": before.mre, "both": after.mre, "unit": "mm" if before.in_mm else "px"}
    return stored


def judge(films: Sequence[Film], points: Floats, symbols: Sequence[str], truth: str) -> Judgement:
    """Errors of ``points`` (N, K, 2) in film pixels."""
    goal = np.stack([points_array(film.points(truth), tuple(symbols)) for film in films])
    errors = radial_errors(points, goal)
    sizes = pixel_sizes_mm(films)
    in_mm = bool(np.isfinite(sizes).any())
    if in_mm:
        errors = errors * sizes[:, None]
    known = ~np.isnan(errors)
    finite = np.where(np.isfinite(errors), errors, np.nan)
    per_landmark = np.array(
        [np.nanmean(column) if np.isfinite(column).any() else np.nan for column in finite.T], dtype=np.float64
    )
    rate = 100 * float((errors[known] <= 2).mean()) if in_mm else None
    return Judgement(float(np.nanmean(finite)), rate, per_landmark, in_mm)


def gains(before: Judgement, after: Judgement, symbols: Sequence[str]) -> list[str]:
    """What the second stage changed, in words."""
    unit = "mm" if before.in_mm else "px"
    rates = ""
    if before.within_2mm is not None and after.within_2mm is not None:
        rates = f", SDR@2 {before.within_2mm:.1f} -> {after.within_2mm:.1f} %"
    change = after.per_landmark - before.per_landmark
    order = [index for index in np.argsort(change) if np.isfinite(change[index])]
    each = ", ".join(
        f"{symbols[index]} {before.per_landmark[index]:.2f} -> {after.per_landmark[index]:.2f}" for index in order
    )
    return [
        f"second stage on valid: MRE {before.mre:.3f} -> {after.mre:.3f} {unit}{rates}",
        f"by landmark, {unit}, most gained first: {each}",
    ]


def pose_of(data: PreparedData, found: Found | None, symbols: Sequence[str], canvas_size: Size) -> dict[str, Any]:
    """The pose model of the labelled films of ``data``, with the scores that predictions reach.

    ``found`` are predictions of the last films of ``data``; None while there are none worth looking at: no limit
    for scores.

    Raises:
        DataError: too few films for a shape.
    """
    films = [film for split in data.films.values() for film in split]
    layouts = [
        transform(
            letterbox(known_size(film), canvas_size).to_canvas,
            points_array(film.points(data.annotation), tuple(symbols)),
        )
        for film in films
    ]
    scores = None
    if found is not None:
        scores = np.full((len(films), len(symbols)), np.nan)
        scores[-len(found.scores) :] = found.scores
    try:
        return fit_pose(np.stack(layouts), scores, canvas_size, symbols).to_dict()
    except ValueError as error:
        raise DataError(f"no shapes to judge films by: {error}") from error


def add_pose(extras: dict[str, Any], data: PreparedData, found: Found | None, spec: ModelSpec, notify: Notify) -> None:
    """Adds ``pose`` to ``extras``, or says why it cannot; see ``pose_of``."""
    try:
        extras["pose"] = pose_of(data, found, spec.symbols, spec.canvas_size)
    except DataError as error:
        notify(f"{error}; left-facing films and pictures that are no films will not be recognised")


def calibration_of(
    found: Found,
    films: Sequence[Film],
    spec: ModelSpec,
    truth: str,
    marked: Sequence[Film] = (),
    said: str = "",
) -> Calibration:
    """A calibration from predictions of labelled films.

    Args:
        found: predictions of ``films``, without a bias removed.
        films: with their truth.
        spec: of the first stage.
        truth: whose landmarks are right.
        marked: films to learn from how far examiners differ; none: ``films``.
        said: which films these are, in words.

    Raises:
        DataError: too few films.
    """
    residuals = residuals_of(found, films, spec.symbols, truth)
    try:
        made = fit_calibration(found.features, residuals, [film.content or "" for film in films])
    except ValueError as error:
        raise DataError(f"expected errors cannot be calibrated: {error}") from error
    both = np.array([{"senior", "junior"} <= film.annotations.keys() for film in films], dtype=bool)
    each = []
    if both.sum() >= FEWEST_MARKED_TWICE:
        own = [residuals_of(found, films, spec.symbols, who) for who in ("senior", "junior")]
        each = [np.where(both[:, None, None], gaps, np.nan) for gaps in own]
    facing = shown_facing(found, films, spec.symbols, truth)
    made = with_conventions(
        made, films, spec.symbols, spec.canvas_size, found.features, residuals, each, found.signatures, marked, facing
    )
    return dataclasses.replace(made, films_said=said, truth=truth)


def residuals_of(found: Found, films: Sequence[Film], symbols: Sequence[str], truth: str) -> Floats:
    """(N, K, 2) truth minus prediction, canvas pixels, in the directions of the film as the network was shown it."""
    goal = np.stack([points_array(film.points(truth), tuple(symbols)) for film in films])
    gaps = (goal - found.points) * stretches(films) / found.units[:, None, None]
    return np.asarray(gaps @ found.frames.swapaxes(-1, -2))


def shown_facing(found: Found, films: Sequence[Film], symbols: Sequence[str], truth: str) -> Facing:
    """Where faces look as the network is shown them: most of the films, for one that looks otherwise is mirrored."""
    looks = [faces(symbols, points_array(film.points(truth), tuple(symbols))) for film in films]
    mirrored = np.linalg.det(found.frames) < 0
    votes = [(look == "left") != bool(flip) for look, flip in zip(looks, mirrored, strict=True) if look is not None]
    return "left" if sum(votes) * 2 > len(votes) else "right"


def described(films: Sequence[Film], truth: str) -> str:
    """Films of a calibration in words, e.g. "129 films of valid (truth: mean; machines: Kodak, Orthophos)"."""
    splits = " ".join(sorted({film.split for film in films}))
    machines = sorted({film.machine for film in films if film.machine})
    listed = f"; machines: {', '.join(machines)}" if machines else ""
    return f"{len(films)} films of {splits} (truth: {truth}{listed})"


def finish(
    path: Path,
    data: PreparedData,
    truth: str,
    device: torch.device,
    notify: Notify,
    mixed_precision: bool = False,
    batch_size: int = 2,
    refiner: dict[str, Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    completed: dict[str, Any] | None = None,
) -> None:
    """Adds to the checkpoint at ``path`` what it can say of its own errors, and a second stage if one is given.

    Args:
        path: a checkpoint to predict with.
        data: train and valid films; valid calibrates.
        truth: whose landmarks are right.
        device: where to predict.
        notify: takes lines for the user.
        mixed_precision: predict in half precision, as the model will be used.
        batch_size: films per pass.
        refiner: of ``add_refiner``.
        stop: asked before every pass.
        completed: what of a run is done with this; kept beside the rest.

    Raises:
        Stopped: ``stop()`` was true; the file is as it was.
        CheckpointError: the file cannot be read or written.
    """
    from cephkit.checkpoint import load_model

    model = load_model(path, device)
    extras = dict(model.extras) if refiner is None else {**model.extras, "refiner": refiner, "calibrations": {}}
    films = data.films["valid"]
    predictor = Predictor(with_extras(model, {**extras, "pose": None, "calibrations": None}), device, mixed_precision)
    found = predict_films(predictor, films, batch_size, shown=until(stop))
    try:
        marked = [film for group in data.films.values() for film in group]
        made = calibration_of(found, films, model.spec, truth, marked, described(films, truth))
        extras["calibrations"] = {**extras.get("calibrations", {}), predictor.mode: made.to_dict()}
    except DataError as error:
        notify(f"{error}; predictions come without expected errors")
    add_pose(extras, data, found, model.spec, notify)
    if completed is not None:
        extras["completed"] = completed
    write_extras(path, extras)


def write_extras(path: Path, extras: dict[str, Any], out: Path | None = None) -> None:
    """The checkpoint at ``path`` with other ``extras``, written to ``out``; None: in its place."""
    write_checkpoint(out or path, dataclasses.replace(read_checkpoint(path), extras=extras))


def with_extras(model: LoadedModel, extras: dict[str, Any]) -> LoadedModel:
    """``model`` with ``extras``, those that are None left out."""
    return dataclasses.replace(model, extras={key: value for key, value in extras.items() if value is not None})


def detail_data(data: PreparedData, root: Path, size: Size, hold: int | None, cache_dir: Path | None) -> PreparedData:
    """The films of ``data`` at another canvas size; what is to be said of them has been said."""
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


def check_end(config: TrainConfig, data: PreparedData, notify: Notify) -> None:
    """What only the end of a run needs, looked at before it starts: room for a second stage, points to calibrate.

    Raises:
        DataError: the films at the second stage's size do not fit into memory, or not onto the disk of the film store.
    """
    if config.refine:
        held = [film for group in data.films.values() for film in group][: config.hold]
        size, folder = detail_size(data.films["train"], config.refine_size), film_cache(config.cache_dir)
        check_memory(len(held), size, "the second stage: ")
        if held and not store_path(folder, held, size).exists():
            check_disk(folder, len(held), size, "the second stage: ")
    points = sum(len(film.points(config.truth).keys() & set(data.symbols)) for film in data.films["valid"])
    if points < FEWEST_ERRORS:
        notify(
            f"valid has {points} labelled points, a calibration needs {FEWEST_ERRORS}: "
            "predictions will come without expected errors"
        )
