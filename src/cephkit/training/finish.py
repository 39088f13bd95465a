"""What a run does after its epochs: a second stage where asked for, a pose model, calibrated errors.

All of it goes into the best checkpoint's ``extras``; the network itself is not touched. ``completed`` there records
what is done, so that a resume does only what is missing. A second stage is kept only if it lowers the error on valid.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from cephkit.calibration.expected import FEWEST_ERRORS
from cephkit.calibration.fit import calibrate, describe, with_calibrations
from cephkit.checkpoint import LoadedModel, load_model, read_checkpoint, with_extras, write_extras
from cephkit.config import TrainConfig
from cephkit.data.cache import film_cache
from cephkit.data.film import Film, points_array
from cephkit.data.prepare import PreparedData, prepare
from cephkit.data.store import store_path
from cephkit.data.store_builder import check_disk, check_memory
from cephkit.datasets.origins import DATA_SETS, origins_of
from cephkit.errors import DataError, DivergedError
from cephkit.evaluation.metrics import summarise
from cephkit.evaluation.scoring import Scores
from cephkit.geometry import Floats, Size, letterbox, transform
from cephkit.inference.folder import predict_films
from cephkit.inference.pose import fit_pose
from cephkit.inference.predictor import Found, Predictor
from cephkit.interrupt import Stopped, until
from cephkit.models.refiner import RefinerSpec
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify
from cephkit.screen import ProgressBar
from cephkit.training.context import NetworkRun
from cephkit.training.refine import RefinerTraining, state_path, train_refiner
from cephkit.training.validate import MEAN, Validation, known_size

SHARES = np.linspace(0.2, 1.0, 17)
SHARE_FOLDS = 5
LARGEST_DETAIL = 1536
"""Height of the second stage's canvas at most: finer pixels show no more, and a crop would cover too little."""


def detail_size(films: Sequence[Film], wanted: Size | None) -> Size:
    """Canvas of the second stage: ``wanted``, or the median film's own size where that is not too large."""
    if wanted is not None:
        return wanted
    heights, widths = np.median([known_size(film) for film in films], axis=0)
    scale = min(1.0, LARGEST_DETAIL / heights)
    return (int(-(-heights * scale // 32) * 32), int(-(-widths * scale // 32) * 32))


def detail_data(data: PreparedData, size: Size, hold: int | None, cache_dir: Path | None) -> PreparedData:
    """The films of ``data`` at another canvas size, without a second report on them."""
    splits = tuple(data.films)
    detail = prepare(
        data.source, splits=splits, annotation=data.annotation, canvas_size=size, hold=hold, cache_dir=cache_dir,
        skip_bad_films=True, keep_twins=data.keep_twins, notify=lambda line: None,
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
    best_by: str = MEAN,
) -> dict[str, Any] | None:
    """Trains a second stage for ``model``, as a checkpoint keeps it; None where it does not lower the error, and in all
    processes but the first.

    How much it counts beside the first stage is chosen on valid, and it is kept only if it lowers the error there, each
    film with the share chosen without it; the user is told by how much, on which landmarks. Without valid films it is
    kept, and counts as usual.

    Args:
        model: the first stage.
        detail: train films, and valid films if there are any, at the canvas of the second stage.
        settings: of its training.
        truth: whose landmarks the valid films are scored against.
        fabric: device, precision and processes; all of them train, the first one judges.
        screen: shows lines and progress.
        stop: asked after every step.
        batch_size: valid films per pass.
        saved: see ``train_refiner``.
        log_dir: see ``train_refiner``.
        best_by: see ``Validation.error``, which judges the two stages as it did the first one.

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
        DATA_SETS: [origin.to_dict() for origin in origins_of(detail)],
    }
    if "valid" not in detail.films:
        return stored
    films, pose = detail.films["valid"], model.extras.get("pose")
    alone = {**stored, "spec": dataclasses.replace(spec, share=1.0).to_dict()}
    guesses, seconds = (
        predict_films(predictor, films, batch_size, progress=until(stop)).points
        for predictor in (
            Predictor(with_extras(model, extras), fabric.device, settings.mixed_precision)
            for extras in ({"pose": pose}, {"pose": pose, "refiner": alone})
        )
    )

    def scores(points: Floats) -> Scores:
        return Scores(tuple(films), symbols, points, truth, detail.schema)

    before = scores(guesses)
    first = mean(before.errors)
    share, shares = choose_share(np.stack([scores(guesses + each * (seconds - guesses)).errors for each in SHARES]))
    after = scores(guesses + shares[:, None, None] * (seconds - guesses))
    stored["spec"] = dataclasses.replace(spec, share=share).to_dict()
    both = mean(after.errors)
    notify(f"share of the second stage, chosen on valid: {share:g}")
    for line in gains(before, after):
        notify(line)
    if not both < first:
        notify("the second stage does not lower the error on valid: it is not kept")
        return None
    stored["valid"] = {"first_stage": first, "both": both, "unit": before.unit}
    sources = np.array([film.source for film in films])
    names = set(sources.tolist())
    by_source = {
        name: summarise(after.errors_px[sources == name], after.pixel_sizes[sources == name])
        for name in names
        if len(names) > 1
    }
    judged = Validation(np.nan, np.nan, after.metrics(), after.predicted, by_source)
    return {**stored, "error": judged.error(best_by), "sdr": judged.metrics.sdr}


def choose_share(errors: Floats) -> tuple[float, Floats]:
    """The share of the second stage with the smallest mean error, and for each film that chosen without it.

    Args:
        errors: (S, N, K) of the N valid films with each of ``SHARES``; NaN where there is none.

    Returns:
        The share, and (N,) shares: films are dealt to ``SHARE_FOLDS``, each of which has the best of all others.
    """

    def best(among: Floats) -> float:
        means = [mean(each) for each in among]
        return float(SHARES[int(np.nanargmin(means))]) if np.isfinite(means).any() else RefinerSpec.share

    fold = np.arange(errors.shape[1]) % SHARE_FOLDS
    without = [best(errors[:, fold != number]) for number in range(SHARE_FOLDS)]
    return best(errors), np.array(without)[fold]


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


def mean(errors: Floats) -> float:
    """The mean of the finite errors; NaN without any."""
    found = errors[np.isfinite(errors)]
    return float(found.mean()) if found.size else np.nan


def pose_of(data: PreparedData, found: Found | None, symbols: Sequence[str], canvas_size: Size) -> dict[str, Any]:
    """Fits the pose model to the labelled films of ``data``, and its limits to the scores that predictions reach.

    ``found`` are predictions of the last films of ``data``; None: no limit for scores.

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
    """Adds ``pose`` to ``extras``, or tells the user why it cannot; see ``pose_of``."""
    try:
        extras["pose"] = pose_of(data, found, spec.symbols, spec.canvas_size)
    except DataError as error:
        notify(f"{error}; left-facing films and pictures that are not films will not be recognised")


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
    """Adds a calibration and a pose model to the checkpoint at ``path``, and a second stage if one is given.

    Args:
        path: a checkpoint to predict with.
        data: train films, and valid films that calibrate, if there are any.
        truth: whose landmarks count as right.
        device: where to predict.
        notify: takes lines for the user.
        mixed_precision: predict in half precision, as the model will be used.
        batch_size: films per pass.
        refiner: of ``add_refiner``.
        stop: asked before every pass.
        completed: which parts of a run are done after this; stored with the rest.

    Raises:
        Stopped: ``stop()`` was true; the file is as it was.
        CheckpointError: the file cannot be read or written.
    """
    model = load_model(path, device)
    extras = dict(model.extras) if refiner is None else {**model.extras, "refiner": refiner, "calibrations": {}}
    films, found = data.films.get("valid", ()), None
    if films:
        bare = with_extras(model, {**extras, "pose": None, "calibrations": None})
        predictor = Predictor(bare, device, mixed_precision)
        found = predict_films(predictor, films, batch_size, progress=until(stop))
        try:
            marked = [film for group in data.films.values() for film in group]
            made = calibrate(found, films, model.spec, truth, marked, describe(films, truth))
            extras = with_calibrations(extras, {predictor.mode: made})
        except DataError as error:
            notify(f"{error}; predictions come without expected errors")
    add_pose(extras, data, found, model.spec, notify)
    if completed is not None:
        extras["completed"] = completed
    write_extras(path, extras)


def check_finish(config: TrainConfig, data: PreparedData, notify: Notify) -> None:
    """Checks before a run what only its end needs: room for a second stage, labelled points to calibrate on.

    Raises:
        DataError: the films at the second stage's size do not fit into memory, or not onto the disk of the film store.
    """
    if config.refine:
        held = [film for group in data.films.values() for film in group][: config.hold]
        size, folder = detail_size(data.films["train"], config.refine_size), film_cache(config.cache_dir)
        try:
            check_memory(len(held), size, "the second stage: ")
            if held and not store_path(folder, held, size).exists():
                check_disk(folder, len(held), size, "the second stage: ")
        except DataError as error:
            raise DataError(error.text, f"{error.remedy}; --no_refine does without a second stage") from error
    points = sum(len(film.points(config.truth).keys() & set(data.symbols)) for film in data.films.get("valid", ()))
    if points < FEWEST_ERRORS and not config.is_final:
        notify(
            f"valid has {points} labelled points, a calibration needs {FEWEST_ERRORS}: "
            "predictions will come without expected errors"
        )


def complete(run: NetworkRun, stop: Callable[[], bool]) -> bool:
    """Give the best checkpoint what it lacks; whether it lacked something.

    Raises:
        Stopped: ``stop()`` was true; the message says how to resume, which does only the rest.
        CephkitError: a file or a film cannot be read or written.
    """
    config, fabric, screen = run.config, run.fabric, run.screen
    batch_size = run.packing.batch_size if run.valid is None else run.valid.batch_size
    path, wanted = run.keeper.best, second_stage(config)
    saved = state_path(path)
    fabric.barrier()  # the first process may still be writing
    if not path.is_file():
        return False
    lacks_nothing = is_complete(read_checkpoint(path).extras, wanted)
    fabric.barrier()  # and changes the file next
    if lacks_nothing:
        saved.unlink(missing_ok=True)
        return False
    refiner, where = None, "in the second stage"
    try:
        if wanted is not None:
            size = detail_size(run.data.films["train"], config.refine_size)
            with fabric.rank_zero_first():  # the first process decodes, the others find its film store
                detail = detail_data(run.data, size, config.hold, config.cache_dir)
            try:
                refiner = add_refiner(
                    load_model(path, fabric.device), detail,
                    RefinerTraining(**wanted["training"], num_workers=config.num_workers), config.truth, fabric, screen,
                    stop, batch_size, saved, config.log_dir / "second_stage", config.best_by,
                )  # fmt: skip
            except DivergedError as error:
                advice = "" if config.folds else f"; cephkit refine {path} --lr trains another"
                screen.notify(f"{error.text}: it is not kept{advice}")
        if not fabric.is_global_zero:
            return True
        where = "before the errors of the best checkpoint were calibrated"
        finish(
            path, run.data, config.truth, fabric.device, screen.notify, config.mixed_precision, batch_size,
            refiner, stop, {"second_stage": wanted},
        )  # fmt: skip
    except Stopped as error:
        raise Stopped(
            f"stopped {where}; the epochs are done, the state is saved. To resume, {config.resuming(run.keeper.latest)}"
        ) from error
    saved.unlink(missing_ok=True)
    return True


def second_stage(config: TrainConfig) -> dict[str, Any] | None:
    """The settings that decide what the second stage comes out as, plain types; None without one."""
    if not config.refine:
        return None
    training = RefinerTraining(epochs=config.refine_epochs, seed=config.seed, mixed_precision=config.mixed_precision)
    size = None if config.refine_size is None else list(config.refine_size)
    return {"size": size, "training": training.to_dict()}


def is_complete(extras: dict[str, Any], wanted: dict[str, Any] | None) -> bool:
    """Whether a checkpoint with ``extras`` has all that a run with the second stage ``wanted`` gives it."""
    done = extras.get("completed")
    return isinstance(done, dict) and (wanted is None or done.get("second_stage") == wanted)
