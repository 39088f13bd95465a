"""Judges the predictions of checkpoints or of a file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cephkit.data.check import unlabelled
from cephkit.data.film import Film
from cephkit.data.findings import doubts_note, problems_of
from cephkit.data.label_check import label_findings
from cephkit.data.labelled import LabelledFilms
from cephkit.data.names import film_key
from cephkit.datasets.find import find_dataset
from cephkit.errors import DataError, some
from cephkit.evaluation.options import JudgeOptions
from cephkit.evaluation.results import lacks
from cephkit.evaluation.scoring import Scores, listed, read_predictions, score_predictions, symbols_with_truth
from cephkit.evaluation.trust import trust
from cephkit.landmarks.shipped import in_known_order
from cephkit.notice import Notify
from cephkit.screen import track

if TYPE_CHECKING:
    from cephkit.inference.predictor import Predictor


@dataclass(frozen=True)
class Judged:
    """Scores, and what they were made from."""

    scores: Scores
    source: dict[str, Any]
    """For ``metrics.json``."""
    predictor: "Predictor | None" = None


def judge_checkpoints(
    options: JudgeOptions, paths: Sequence[Path], notify: Notify, *, tta: bool, refine: bool
) -> Judged:
    """Judge one checkpoint, or several whose points are averaged.

    Films are read, posed and run as ``cephkit predict`` does. Points of films that do not look like a lateral
    cephalogram are judged too, although predict withholds them, because a model must not gain by refusing films;
    ``films_doubted`` lists them.

    Raises:
        CephkitError: the checkpoints or the films cannot be judged.
    """
    from cephkit.checkpoint import current_versions, load_model
    from cephkit.data.prepare import prepare
    from cephkit.device import choose_device
    from cephkit.inference.folder import predict_films
    from cephkit.inference.predictor import Predictor
    from cephkit.model_paths import checkpoint_files

    device = choose_device(options.device, notify)
    loaded = [load_model(path, device) for path in checkpoint_files(paths, notify)]
    predictor = Predictor(loaded, device, options.mixed_precision, tta, refine)
    spec = predictor.spec
    # Data sets that are left out are those that it learnt from.
    if not options.leave_out and (note := loaded[0].folds_note(options.splits)):
        notify(note)
    prepared = prepare(
        find_dataset(options),
        splits=options.splits, annotation=options.truth, canvas_size=spec.canvas_size, hold=0,
        cache_dir=options.cache_dir, skip_bad_films=options.skip_bad_films, keep_twins=options.keep_twins,
        notify=notify,
    )  # fmt: skip
    films = [film for group in prepared.films.values() for film in group]
    schema = in_known_order(spec.schema, prepared.schema)
    if not set(symbols_with_truth(films, options.truth, schema)) & set(spec.symbols):
        raise DataError(f"{options.dataset}: nothing to score: no film has a landmark that the model finds")
    found = predict_films(
        predictor, films, options.batch_size, options.num_workers,
        lambda batches: track(batches, "predicting", len(batches)),
    )  # fmt: skip
    # The order that a predictions file has, so that it gives the same figures to the last bit.
    symbols = schema.in_order(spec.symbols)
    columns = [spec.symbols.index(symbol) for symbol in symbols]
    scores = Scores(tuple(films), symbols, found.points[:, columns], options.truth, schema)
    posed = [(film.film_id, pose) for film, pose in zip(films, found.poses, strict=True)]
    about = [
        {
            "path": model.path.as_posix(),
            "sha256": model.meta["sha256"],
            "epoch": model.meta["epoch"],
            "versions": model.meta["versions"],
            **model.spec.to_dict(),
        }
        for model in loaded
    ]
    source: dict[str, Any] = {
        "checkpoint": about[0],
        **({"ensemble": about} if len(about) > 1 else {}),
        "mode": predictor.mode,
        "tta": tta,
        "second_stage": any(stage.refiner is not None for stage in predictor.stages),
        "model_lacks": list(predictor.lacks),
        "films_doubted": [{"film": film, "reason": pose.doubt} for film, pose in posed if pose.doubt],
        "films_unusual": [{"film": film, "note": pose.note} for film, pose in posed if pose.note],
        "films_facing_left": [film for film, pose in posed if pose.facing == "left"],
        "device": str(device),
        "mixed_precision": options.mixed_precision,
        "versions": {**current_versions(), "numpy": np.__version__},
    }
    for lack in lacks(source):
        notify(lack)
    if predictor.calibration is not None:
        source["uncertainty"] = trust(predictor.calibration, found, columns, scores)
    return Judged(scores, source, predictor)


def judge_file(options: JudgeOptions, path: Path, notify: Notify) -> Judged:
    """Judge the predictions in a file. Only labels are read: no film is decoded.

    Raises:
        CephkitError: the file or the labels cannot be judged.
    """
    folder = find_dataset(options).read(options.splits)
    for note in folder.notes:
        notify(note.text)
    ids = {film_key(film.film_id): film.film_id for film in folder.films}
    written = read_predictions(path, folder.schema)
    # Names are compared as file systems do: without case, in one Unicode form.
    predictions = {ids.get(film_key(film), film) if ids.get(film_key(film)) not in written else film: points
                   for film, points in written.items()}  # fmt: skip
    films = _usable(folder, options, notify)
    if not films:
        raise DataError(f"{options.dataset}: no usable film in {' '.join(options.splits)}")
    known = {film.film_id for film in folder.films} | {problem.film_id for problem in folder.problems}
    # A benchmark's file may well hold more films than this data set; a misspelt id shows as a film without prediction.
    others = [film_id for film_id in predictions if film_id not in known]
    if others:
        notify(f"not judged, not in {' '.join(options.splits)}: {len(others)} films: {some(others)}")
    scores = score_predictions(films, predictions, options.truth, options.allow_missing, folder.schema)
    source: dict[str, Any] = {"predictions": {"path": path.as_posix()}}
    if path.is_file():
        source["predictions"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return Judged(scores, source)


def _usable(folder: LabelledFilms, options: JudgeOptions, notify: Notify) -> list[Film]:
    """Select the films without a problem.

    Raises:
        DataError: listing the problems, unless they are to be skipped.
    """
    named = {(problem.split, problem.film_id) for problem in folder.problems}
    readable = [film for film in folder.films if (film.split, film.film_id) not in named]
    findings = label_findings(readable, folder.schema)
    problems = [*folder.problems, *unlabelled(readable, options.truth), *problems_of(findings)]
    lines = [str(problem) for problem in problems]
    if problems and not options.skip_bad_films:
        raise DataError(
            f"{options.dataset}: films that cannot be judged:\n{listed(lines)}\n"
            "Fix them or skip them with --skip_bad_films"
        )
    for line in lines:
        notify(f"left out: {line}")
    named = {(problem.split, problem.film_id) for problem in problems}
    usable = [film for film in readable if (film.split, film.film_id) not in named]
    for note in doubts_note(findings, usable):
        notify(note.text)
    return usable
