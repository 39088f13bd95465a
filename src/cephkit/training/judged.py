"""One model, or several as an ensemble, judged on films that it was not trained on: those of a fold, or valid."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cephkit.checkpoint import LoadedModel, load_model, with_extras
from cephkit.config import TrainConfig
from cephkit.data.film import Film
from cephkit.data.prepare import prepare
from cephkit.evaluation.scoring import Scores
from cephkit.inference.folder import predict_films
from cephkit.inference.predictor import Found, Predictor
from cephkit.landmarks.shipped import in_known_order
from cephkit.model_paths import BEST
from cephkit.training.context import data_of


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


def judge(configs: Sequence[TrainConfig], data: TrainConfig, device: torch.device, refine: bool = True) -> Judged:
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
