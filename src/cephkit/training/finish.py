"""Completes a trained checkpoint: its pose model, its calibrated errors and, where one was trained, its second stage.

All of it goes into the checkpoint's ``extras``; the network itself is not touched.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cephkit.calibration.fit import calibrate
from cephkit.calibration.residuals import describe
from cephkit.checkpoint import load_model, with_extras, write_extras
from cephkit.config import TrainConfig
from cephkit.data.film import points_array
from cephkit.data.prepare import PreparedData, film_cache
from cephkit.data.store import store_path
from cephkit.data.store_builder import check_disk, check_memory
from cephkit.errors import DataError
from cephkit.geometry import Size, letterbox, transform
from cephkit.inference.folder import predict_films
from cephkit.inference.pose import fit_pose
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.uncertainty import FEWEST_ERRORS
from cephkit.interrupt import until
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify
from cephkit.training.second_stage import detail_size
from cephkit.training.validate import known_size


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
        notify(f"{error}; left-facing films and pictures that are no films will not be recognised")


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
        data: train and valid films; valid calibrates.
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
    films = data.films["valid"]
    predictor = Predictor(with_extras(model, {**extras, "pose": None, "calibrations": None}), device, mixed_precision)
    found = predict_films(predictor, films, batch_size, progress=until(stop))
    try:
        marked = [film for group in data.films.values() for film in group]
        made = calibrate(found, films, model.spec, truth, marked, describe(films, truth))
        extras["calibrations"] = {**extras.get("calibrations", {}), predictor.mode: made.to_dict()}
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
        check_memory(len(held), size, "the second stage: ")
        if held and not store_path(folder, held, size).exists():
            check_disk(folder, len(held), size, "the second stage: ")
    points = sum(len(film.points(config.truth).keys() & set(data.symbols)) for film in data.films["valid"])
    if points < FEWEST_ERRORS:
        notify(
            f"valid has {points} labelled points, a calibration needs {FEWEST_ERRORS}: "
            "predictions will come without expected errors"
        )
