"""Judges several models of one command together: each fold by the model trained without it, or each seed on valid.

Out of fold, every film is judged by a model that has not seen it, so that all films score and calibrate. One
calibration from all of them goes into each model, and into the first one for the ensemble of all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cephkit.calibration.fit import calibrate, describe, with_calibrations
from cephkit.checkpoint import LoadedModel, load_model, read_checkpoint, with_extras, write_extras
from cephkit.config import TrainConfig
from cephkit.data.film import Film
from cephkit.data.prepare import prepare
from cephkit.device import choose_device
from cephkit.errors import DataError
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics
from cephkit.evaluation.results import metrics_content, print_results, write_results
from cephkit.evaluation.scoring import Scores, predictions_json
from cephkit.files import write_csv, write_json
from cephkit.geometry import Floats
from cephkit.inference.folder import predict_films
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.uncertainty import LEAST_SD, Calibration
from cephkit.landmarks.shipped import in_known_order
from cephkit.model_paths import BEST
from cephkit.models.refiner import RefinerSpec
from cephkit.notice import Notify
from cephkit.screen import figure, figure_table, table_console
from cephkit.settings.options import SOURCES
from cephkit.training.context import data_of
from cephkit.training.finish import add_pose
from cephkit.training.left_out import judge_left_out

OUT_OF_FOLD = "out_of_fold"
"""Folder of the results of all folds, in ``--save_dir``."""
REFERENCE_FILMS = 200
"""Films at most on which a network shows what signatures are usual for it."""
COLUMNS = ("model", "films", "mre_mm", "sd_mm", *(f"sdr_{key}mm_percent" for key in THRESHOLDS_MM), "mre_px", "epoch")


@dataclass(frozen=True)
class Judged:
    """One model on films that it was not trained on."""

    model: LoadedModel
    predictor: Predictor
    films: tuple[Film, ...]
    found: Found
    scores: Scores

    @property
    def mode(self) -> str:
        """See ``Predictor.mode``."""
        return self.predictor.mode


def judge_folds(
    config: TrainConfig, configs: Mapping[str, TrainConfig], final: TrainConfig | None, notify: Notify
) -> float | None:
    """Score and calibrate on all films out of fold; the mean error.

    Writes ``folds.csv`` and the folder ``out_of_fold`` into ``--save_dir``, and calibrations into the checkpoints, that
    of the final model included.

    Args:
        config: with ``folds``.
        configs: of the folds' models, by name.
        final: of the model on the films of all folds, if there is one.
        notify: takes lines for the user.

    Raises:
        CephkitError: a film or a file cannot be read or written.
    """
    device = torch.device(choose_device(config.device, notify))
    every = {name: _judged([own], own, device, notify) for name, own in configs.items()}
    together = _out_of_fold([each.scores for each in every.values()], notify)
    metrics = together.metrics(draws=1000)
    made, are_one = _calibrate_folds(list(every.values()), config, notify)
    if final is not None:
        _complete_final(final, configs, list(every.values()), made, config, notify)
    for own in [*configs.values(), *([] if final is None else [final])]:
        judge_left_out(own, own.save_dir / BEST, notify)
    rows = [_row(name, each.scores.metrics(), each.model) for name, each in every.items()]
    write_csv(config.save_dir / "folds.csv", COLUMNS, [*rows, *_spread(rows), _row("all", metrics)])
    out = config.save_dir / OUT_OF_FOLD
    about: dict[str, Any] = {
        "dataset_path": config.dataset,
        "folds": {name: {"films": len(each.films), "epoch": each.model.meta["epoch"]} for name, each in every.items()},
    }
    content = metrics_content(together, metrics, about)
    write_json(out / "predictions.json", predictions_json(together.records()))
    write_results(out, together, content)
    print_results(together, metrics, table_console(), content)
    _print(rows)
    notify(f"each film by the model that was trained without it: {out}; by fold: {config.save_dir / 'folds.csv'}")
    if final is not None:
        notify(f"one model of all films: cephkit predict --checkpoint {config.save_dir}")
    elif are_one and len(every) > 1:
        notify(f"all of them as one: cephkit predict --checkpoint {config.save_dir}")
    return metrics.mre_mm if together.unit == "mm" else metrics.mre_pixels


def _out_of_fold(every: Sequence[Scores], notify: Notify) -> Scores:
    """The scores of all films, on the landmarks that all models know."""
    schema = in_known_order(*(scores.schema for scores in every))
    known = [symbol for symbol in every[0].symbols if all(symbol in scores.symbols for scores in every)]
    lost = [s for s in schema.in_order(s for scores in every for s in scores.symbols) if s not in known]
    if lost:
        notify(f"not judged together, as too few films have them for every fold to learn: {' '.join(lost)}")
    points = [scores.predicted[:, [scores.symbols.index(symbol) for symbol in known]] for scores in every]
    films = tuple(film for scores in every for film in scores.films)
    return Scores(films, tuple(known), np.concatenate(points), every[0].truth_source, schema)


def judge_seeds(config: TrainConfig, configs: Mapping[str, TrainConfig], notify: Notify) -> float | None:
    """Score each seed and all as an ensemble on valid, and calibrate the ensemble; its mean error.

    Writes ``seeds.csv`` into ``--save_dir``, and the calibration of the ensemble into the first checkpoint.

    Args:
        config: with ``seeds``.
        configs: of the models, by name.
        notify: takes lines for the user.

    Raises:
        CephkitError: a film or a file cannot be read or written.
    """
    device = torch.device(choose_device(config.device, notify))
    rows = []
    for name, own in configs.items():
        each = _judged([own], config, device, notify)
        rows.append(_row(name, each.scores.metrics(), each.model))
    together = _judged(list(configs.values()), config, device, notify)
    try:
        made = calibrate(
            together.found, together.films, together.predictor.spec, config.truth, (),
            describe(together.films, config.truth),
        )  # fmt: skip
        _write_calibrations(together.model.path, {together.mode: made})
    except DataError as error:
        notify(f"{error}; predictions of the ensemble come without expected errors")
    metrics = together.scores.metrics()
    ensemble = _row("ensemble", metrics)
    write_csv(config.save_dir / "seeds.csv", COLUMNS, [*rows, *_spread(rows), ensemble])
    _print([*rows, ensemble])
    notify(f"by seed: {config.save_dir / 'seeds.csv'}")
    notify(f"all of them as one: cephkit predict --checkpoint {config.save_dir}")
    return metrics.mre_mm if together.scores.unit == "mm" else metrics.mre_pixels


def _judged(
    configs: Sequence[TrainConfig], data: TrainConfig, device: torch.device, notify: Notify, refine: bool = True
) -> Judged:
    """Judge the best model of ``configs``, or several as an ensemble, on the valid films of ``data``."""
    models = [load_model(own.save_dir / BEST, device) for own in configs]
    # The errors of the networks themselves, with no bias removed.
    bare = [with_extras(model, {**model.extras, "calibrations": None}) for model in models]
    predictor = Predictor(bare, device, data.mixed_precision, refine=refine)
    prepared = prepare(
        data_of(data), splits=("valid",), annotation=data.truth, canvas_size=predictor.spec.canvas_size, hold=0,
        cache_dir=data.cache_dir, skip_bad_films=data.skip_bad_films, notify=lambda line: None,
    )  # fmt: skip
    films, spec = prepared.films["valid"], predictor.spec
    found = predict_films(predictor, films, 2, data.num_workers)
    schema = in_known_order(spec.schema, prepared.schema)
    return Judged(models[0], predictor, films, found, Scores(films, spec.symbols, found.points, data.truth, schema))


@dataclass(frozen=True)
class Usual:
    """What the signatures of one network are on average, which each network has of its own."""

    mean: Floats
    """(D,)."""
    sd: Floats
    """(D,)."""

    @classmethod
    def of(cls, model: LoadedModel, films: Sequence[Film], config: TrainConfig, device: torch.device) -> "Usual":
        """Those of ``model`` on ``films``, or on some of them if there are many."""
        some_films = films[:: -(-len(films) // REFERENCE_FILMS)]
        predictor = Predictor(with_extras(model, {"pose": model.extras.get("pose")}), device, config.mixed_precision)
        signatures = predict_films(predictor, some_films, 2, config.num_workers).signatures
        assert signatures is not None
        return cls(signatures.mean(0), np.maximum(signatures.std(0), LEAST_SD))

    def aligned(self, found: Found) -> Found:
        """``found`` by the network, its signatures comparable with those of others."""
        assert found.signatures is not None
        return replace(found, signatures=(found.signatures - self.mean) / self.sd)

    def own(self, made: Calibration) -> Calibration:
        """A calibration made of aligned signatures, for the network."""
        if made.likeness is None:
            return made
        mean = self.mean + self.sd * made.likeness.mean
        sd = self.sd * np.maximum(made.likeness.sd, 1.0)  # what is constant in other networks need not be in this one
        return replace(made, likeness=replace(made.likeness, mean=mean, sd=sd))


def _films(every: Sequence[Judged]) -> tuple[Film, ...]:
    return tuple(film for each in every for film in each.films)


def _calibration(
    every: Sequence[Judged], config: TrainConfig, notify: Notify
) -> tuple[Calibration, Sequence[Usual]] | None:
    """The calibration from all films out of fold, its likeness aligned, and what is usual for each model.

    None, and a line for the user, if the films are too few.
    """
    films = _films(every)
    usual = [Usual.of(each.model, films, config, each.predictor.device) for each in every]
    found = Found.joined([own.aligned(each.found) for own, each in zip(usual, every, strict=True)])
    said = f"{describe(films, config.truth)}, out of fold"
    try:
        return calibrate(found, films, every[0].predictor.spec, config.truth, (), said), usual
    except DataError as error:
        notify(str(error))
        return None


def _calibrate_folds(every: Sequence[Judged], config: TrainConfig, notify: Notify) -> tuple[Calibration | None, bool]:
    """Calibrate on all films out of fold: the models, and the ensemble as if it were no better than they.

    The calibration with aligned likeness, None if the models differ; and whether the models find the same landmarks, so
    that they can be one ensemble.
    """
    spec = every[0].predictor.spec
    are_one = all(set(each.predictor.spec.symbols) == set(spec.symbols) for each in every)
    alike = {(each.mode, each.predictor.spec.symbols) for each in every}
    if len(alike) > 1:
        notify("the models differ in their landmarks or in having a second stage: each keeps its own calibration")
        return None, are_one
    found = _calibration(every, config, notify)
    if found is None:
        notify("each model keeps its own calibration")
        return None, are_one
    made, usual = found
    # How far its models are apart is unknown out of fold: films are new to one of them only.
    ensemble = Predictor([each.model for each in every]).mode
    for each, own in zip(every, usual, strict=True):
        both = {each.mode: own.own(made)}
        if each is every[0] and len(every) > 1:
            both[ensemble] = replace(own.own(made), weights=np.append(made.weights, 0.0))
        _write_calibrations(each.model.path, both)
    return made, are_one


def _complete_final(
    final: TrainConfig,
    configs: Mapping[str, TrainConfig],
    every: Sequence[Judged],
    made: Calibration | None,
    config: TrainConfig,
    notify: Notify,
) -> None:
    """Give the final model what only films that it has not seen can show, as the folds' models showed it.

    That is how much its second stage counts, its errors, and how high peaks are on real films.
    """
    device = every[0].predictor.device
    model = load_model(final.save_dir / BEST, device)
    extras, spec = {**model.extras, "calibrations": {}}, model.spec
    second = [each.model.extras["refiner"] for each in every if "refiner" in each.model.extras]
    if "refiner" in extras and len(second) == len(every):
        share = float(np.mean([RefinerSpec.from_dict(each["spec"]).share for each in second]))
        extras["refiner"] = {**extras["refiner"], "spec": {**extras["refiner"]["spec"], "share": share}}
    elif extras.pop("refiner", None) is not None:
        notify("the second stage does not lower the error of every fold: the final model does without it")
        if second:
            every = [_judged([own], own, device, notify, refine=False) for own in configs.values()]
            made = None
    if all(each.predictor.spec.symbols == spec.symbols for each in every):
        if made is None:
            found = _calibration(every, config, notify)
            made = None if found is None else found[0]
        if made is not None:
            mode = "plain+refiner" if "refiner" in extras else "plain"
            extras = with_calibrations(extras, {mode: Usual.of(model, _films(every), config, device).own(made)})
        scored = Found.joined([each.found for each in every])
    else:
        notify("the final model finds other landmarks than the folds' models: it comes without expected errors")
        scored = None
    data = prepare(
        data_of(final), splits=("train",), annotation=SOURCES[final.annotation_type], canvas_size=spec.canvas_size,
        hold=0, cache_dir=final.cache_dir, skip_bad_films=final.skip_bad_films, keep_twins=final.keep_twins,
        notify=lambda line: None,
    )  # fmt: skip
    paths = {film.path for film in _films(every)}
    others = tuple(film for film in data.films["train"] if film.path not in paths)
    add_pose(extras, replace(data, films={"train": others, "valid": _films(every)}), scored, spec, notify)
    _write(model.path, extras)


def _write_calibrations(path: Path, made: Mapping[str, Calibration]) -> None:
    _write(path, with_calibrations(read_checkpoint(path).extras, made))


def _write(path: Path, extras: Mapping[str, Any]) -> None:
    """Write ``extras`` into the checkpoint, unless it holds them: its date tells whether other results are of it."""
    if _text(read_checkpoint(path).extras) != _text(extras):
        write_extras(path, dict(extras))


def _text(extras: Mapping[str, Any]) -> str:
    """What judging the folds changes."""
    return json.dumps([extras.get("calibrations"), extras.get("pose"), extras.get("refiner", {}).get("spec")])


def _row(name: str, metrics: Metrics, model: LoadedModel | None = None) -> dict[str, Any]:
    rates = {f"sdr_{key}mm_percent": rate for key, rate in metrics.sdr.items()}
    return {
        "model": name, "films": metrics.films, "mre_mm": metrics.mre_mm, "sd_mm": metrics.sd_mm, **rates,
        "mre_px": metrics.mre_pixels, "epoch": None if model is None else model.meta["epoch"],
    }  # fmt: skip


def _spread(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Two rows: mean and standard deviation (n - 1) over the models."""
    found: list[dict[str, Any]] = [{"model": "mean"}, {"model": "SD"}]
    for column in COLUMNS[2:-1]:
        values = [row[column] for row in rows if row[column] is not None]
        if len(values) > 1:
            found[0][column], found[1][column] = float(np.mean(values)), float(np.std(values, ddof=1))
    return found


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    table = figure_table([""], ("films", "MRE mm", "SD mm", *(f"SDR@{key}" for key in THRESHOLDS_MM), "MRE px"))
    for row in (*rows, *_spread([row for row in rows if row["model"] != "ensemble"])):
        rates = (figure(row.get(f"sdr_{key}mm_percent"), 2) for key in THRESHOLDS_MM)
        cells = (figure(row.get("mre_mm"), 3), figure(row.get("sd_mm"), 2), *rates, figure(row.get("mre_px"), 1))
        table.add_row(str(row["model"]), figure(row.get("films"), 0), *cells)
    table_console().print(table)
