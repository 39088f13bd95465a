"""Judges several models of one command together: each fold by the model trained without it, or each seed on valid.

Out of fold, every film is judged by a model that has not seen it, so that all films score and calibrate. One
calibration from all of them goes into each model, and into the first one for the ensemble of all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cephkit.calibration.fit import calibrate, describe
from cephkit.checkpoint import LoadedModel
from cephkit.config import TrainConfig
from cephkit.device import choose_device
from cephkit.errors import DataError
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics
from cephkit.evaluation.results import metrics_content, print_results, write_results
from cephkit.evaluation.scoring import Scores, predictions_json
from cephkit.files import write_csv, write_json
from cephkit.landmarks.shipped import in_known_order
from cephkit.model_paths import BEST
from cephkit.notice import Notify
from cephkit.screen import figure, figure_table, table_console
from cephkit.training.fold_calibration import calibrate_folds, complete_final, write_calibrations
from cephkit.training.judged import judge
from cephkit.training.left_out import judge_left_out

OUT_OF_FOLD = "out_of_fold"
"""Folder of the results of all folds, in ``--save_dir``."""
COLUMNS = ("model", "films", "mre_mm", "sd_mm", *(f"sdr_{key}mm_percent" for key in THRESHOLDS_MM), "mre_px", "epoch")


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
    every = {name: judge([own], own, device) for name, own in configs.items()}
    together = _out_of_fold([each.scores for each in every.values()], notify)
    metrics = together.metrics(draws=1000)
    made, are_one = calibrate_folds(list(every.values()), config, notify)
    if final is not None:
        complete_final(final, configs, list(every.values()), made, config, notify)
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
        each = judge([own], config, device)
        rows.append(_row(name, each.scores.metrics(), each.model))
    together = judge(list(configs.values()), config, device)
    try:
        made = calibrate(
            together.found, together.films, together.predictor.spec, config.truth, (),
            describe(together.films, config.truth),
        )  # fmt: skip
        write_calibrations(together.model.path, {together.mode: made})
    except DataError as error:
        notify(f"{error}; predictions of the ensemble come without expected errors")
    metrics = together.scores.metrics()
    ensemble = _row("ensemble", metrics)
    write_csv(config.save_dir / "seeds.csv", COLUMNS, [*rows, *_spread(rows), ensemble])
    _print([*rows, ensemble])
    notify(f"by seed: {config.save_dir / 'seeds.csv'}")
    notify(f"all of them as one: cephkit predict --checkpoint {config.save_dir}")
    return metrics.mre_mm if together.scores.unit == "mm" else metrics.mre_pixels


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
