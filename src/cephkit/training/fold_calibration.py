"""Calibrates the models of folds on all films, each by the model that has not seen it, and completes the final model.

Networks differ in their signatures of films: they are aligned before films of several models count together, and each
model gets the likeness in its own terms.
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
from cephkit.errors import DataError
from cephkit.geometry import Floats
from cephkit.inference.folder import predict_films
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.uncertainty import LEAST_SD, Calibration
from cephkit.model_paths import BEST
from cephkit.models.refiner import RefinerSpec
from cephkit.notice import Notify
from cephkit.settings.options import SOURCES
from cephkit.training.context import data_of
from cephkit.training.finish import add_pose
from cephkit.training.judged import Judged, judge

REFERENCE_FILMS = 200
"""Films at most on which a network shows what signatures are usual for it."""


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


def calibrate_folds(every: Sequence[Judged], config: TrainConfig, notify: Notify) -> tuple[Calibration | None, bool]:
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
        write_calibrations(each.model.path, both)
    return made, are_one


def complete_final(
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
            every = [judge([own], own, device, refine=False) for own in configs.values()]
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


def write_calibrations(path: Path, made: Mapping[str, Calibration]) -> None:
    _write(path, with_calibrations(read_checkpoint(path).extras, made))


def _write(path: Path, extras: Mapping[str, Any]) -> None:
    """Write ``extras`` into the checkpoint, unless it holds them: its date tells whether other results are of it."""
    if _text(read_checkpoint(path).extras) != _text(extras):
        write_extras(path, dict(extras))


def _text(extras: Mapping[str, Any]) -> str:
    """What judging the folds changes."""
    return json.dumps([extras.get("calibrations"), extras.get("pose"), extras.get("refiner", {}).get("spec")])
