"""Weights of one landmark model for another: other landmarks, another resolution."""

import torch
from torch import Tensor

from cephkit.errors import CheckpointError
from cephkit.models.build import backbone_name
from cephkit.models.spec import ModelSpec

FINAL = "head.final."
"""The layer whose rows are the landmarks."""


def adapt_state(
    state: dict[str, Tensor], old: ModelSpec, new: ModelSpec, fresh: dict[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """The weights of ``old`` as a state dict for ``new``.

    Rows of the last layer go by landmark symbol; what ``old`` lacks keeps the weights in ``fresh``. Another
    image size needs nothing; another heatmap stride leaves fresh the layers of the head that do not fit.

    Args:
        state: state dict of the model of ``old``.
        old: its spec.
        new: the spec wanted.
        fresh: state dict of a newly built model of ``new``; not changed.

    Returns:
        The state dict, keys as in ``fresh``, and what stayed fresh: landmark symbols, then layers.

    Raises:
        CheckpointError: another backbone, or weights that are missing where both models are alike.
    """
    if backbone_name(old.model) != backbone_name(new.model):
        raise CheckpointError(
            f"the checkpoint holds a {old.model} model, but {new.model} was asked for; "
            f"use --model {old.model} or start without the checkpoint"
        )
    adapted = {key: value.clone() for key, value in fresh.items()}
    stayed: list[str] = []
    for key, target in adapted.items():
        source = state.get(key)
        if key.startswith(FINAL) and source is not None and source.shape[1:] == target.shape[1:]:
            rows = [(old.symbols.index(symbol), i) for i, symbol in enumerate(new.symbols) if symbol in old.symbols]
            if rows:
                taken, given = (torch.tensor(index) for index in zip(*rows, strict=True))
                target[given] = source[taken].to(target)
        elif source is not None and source.shape == target.shape:
            target.copy_(source)
        elif key.startswith("head.") and old.heatmap_stride != new.heatmap_stride:
            stayed.append(key)
        else:
            found = "nothing" if source is None else f"shape {tuple(source.shape)}"
            raise CheckpointError(f"checkpoint of {old.model}: {key} has {found}, expected {tuple(target.shape)}")
    final_fresh = any(key.startswith(FINAL) for key in stayed)
    symbols = [symbol for symbol in new.symbols if final_fresh or symbol not in old.symbols]
    return adapted, symbols + stayed
