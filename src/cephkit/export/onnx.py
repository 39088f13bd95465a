"""A checkpoint as one ONNX file that runs without torch and without cephkit (docs/onnx.md)."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import cephkit
from cephkit import NOTICE
from cephkit.data.pixels import read_grey, to_uint8
from cephkit.errors import CephkitError
from cephkit.export.assemble import Proto, looped, traced
from cephkit.export.graph import Answer, FirstStage, Unposed
from cephkit.export.parity import largest_gap, synthetic_film
from cephkit.export.posing import ANSWERED, STATE, PoseSearch, Start
from cephkit.files import write_whole
from cephkit.geometry import Size
from cephkit.inference.predictor import Predictor
from cephkit.training.checkpoint import LoadedModel, load_model

FORMAT, FORMAT_VERSION = "cephkit-onnx", 1
OPSET = 20
LARGEST_GAP_PX = 0.05
"""Film pixels between the points of the file and PyTorch's, beyond which nothing is written."""
UNITS = {
    "points": "film pixels (x, y), pixel centres at integers; NaN: not found",
    "scores": "height of the heatmap's peak, no probability; NaN: not found",
    "expected_errors": "film pixels",
    "regions": "film pixels squared: with probability 90 % the true point x has (x - p)' R^-1 (x - p) <= 1",
    "plausible": "false: these cannot be the landmarks of a lateral cephalogram that the model understands",
    "faces_left": "true: the face looks to the left; points are those of the film as it is",
}


@dataclass(frozen=True)
class Exported:
    """A file that was written."""

    path: Path
    outputs: tuple[str, ...]
    gap_px: float
    """Largest distance between its points and PyTorch's on the films that it was checked with, film pixels."""


def export_onnx(
    checkpoint: Path | str, out: Path | str, *, refine: bool = True, films: Sequence[Path] = (), opset: int = OPSET
) -> Exported:
    """Write the model of ``checkpoint`` as ONNX to ``out``, after comparing its points with PyTorch's.

    Args:
        checkpoint: a .pth file of cephkit.
        out: the file to write; an older one is replaced.
        refine: with the second stage, where there is one.
        films: to compare on; none: a synthetic film.
        opset: version of ONNX's operators.

    Raises:
        CheckpointError: see ``load_model``.
        FilmError: a film cannot be read.
        CephkitError: a package is missing, the network has something that ONNX has not, the file's points are not
            PyTorch's, or it cannot be written.
    """
    require_packages()
    loaded, out = load_model(checkpoint), Path(out)
    predictor = Predictor(loaded, refine=refine)
    model = to_onnx(predictor, opset)
    content: bytes = model.SerializeToString()
    if len(content) >= 2**31:
        raise CephkitError(f"{checkpoint}: larger than the 2 GB that one ONNX file can hold; train a smaller backbone")
    shown = [to_uint8(read_grey(path)) for path in films] or [synthetic_film(loaded.spec.canvas_size)]
    gap = largest_gap(predictor, content, shown)
    if not gap <= LARGEST_GAP_PX:
        raise CephkitError(
            f"{out}: not written, as its points are {gap:.3g} film pixels from PyTorch's, at most {LARGEST_GAP_PX}; "
            "update onnx and onnxruntime, or report it with the checkpoint's model name"
        )
    write_whole(out, content)
    return Exported(out, tuple(output.name for output in model.graph.output), gap)


def require_packages() -> None:
    """Nothing, where all is installed that an export needs.

    Raises:
        CephkitError: it is not.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise CephkitError(f'an ONNX file needs {" and ".join(missing)}: pip install "cephkit[onnx]"')


def to_onnx(predictor: Predictor, opset: int = OPSET) -> Proto:
    """The way of predicting of ``predictor``, which has one model, as a checked ``onnx.ModelProto``.

    Raises:
        CephkitError: the network has something that ONNX has not.
    """
    import onnx

    try:
        with torch.no_grad():
            model = _traced(predictor, opset)
        describe(model, predictor)
        onnx.checker.check_model(model, full_check=True)
    except (RuntimeError, ValueError, TypeError, onnx.checker.ValidationError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise CephkitError(
            f"{predictor.loaded[0].path}: {predictor.spec.model} cannot be written as ONNX, opset {opset} ({reason}); "
            f"use opset {OPSET}, or another backbone"
        ) from error
    return model


def _traced(predictor: Predictor, opset: int) -> Proto:
    spec, stages = predictor.spec, predictor.stages[0]
    first = FirstStage(stages.model, spec).eval()
    answer = Answer(spec, stages.refiner, predictor.calibration, predictor.pose is not None).eval()
    films = 2
    given = {"canvas": torch.zeros(films, 1, *spec.canvas_size, dtype=torch.uint8)}
    given["film_size"] = torch.tensor([spec.canvas_size] * films)
    if stages.refiner is not None:
        given["detail"] = torch.zeros(films, 1, *stages.refiner.spec.canvas_size, dtype=torch.uint8)
    if predictor.pose is None:
        return traced(Unposed(first, answer).eval(), tuple(given.values()), list(given), answer.outputs, opset)
    canvas, *others = given
    start = Start(len(spec.symbols))
    state = start(given[canvas])
    answered: tuple[Tensor, ...] = tuple(value for name, value in zip(STATE, state, strict=True) if name in ANSWERED)
    search = PoseSearch(first, predictor.pose, spec.canvas_size).eval()
    begin = traced(start, (given[canvas],), [canvas], STATE, opset)
    after = ["undecided", *(f"next_{name}" for name in STATE)]
    body = traced(search, (given[canvas], state), [canvas, *STATE], after, opset)
    sizes, *detail = (given[name] for name in others)
    names = ["film_size", *ANSWERED, *others[1:]]
    end = traced(answer, (sizes, answered, *detail), names, answer.outputs, opset)
    return looped(begin, body, end, STATE, list(given))


def describe(model: Proto, predictor: Predictor) -> None:
    """Write into ``model`` what it is: its properties and a text."""
    from onnx import helper

    spec, stages, loaded = predictor.spec, predictor.stages[0], predictor.loaded[0]
    outputs = [output.name for output in model.graph.output]
    about: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "cephkit_version": cephkit.__version__,
        "model": spec.model,
        "landmarks": list(spec.symbols),
        "canvas_size": list(spec.canvas_size),
        "detail_size": None if stages.refiner is None else list(stages.refiner.spec.canvas_size),
        "normalisation": _normalisation(loaded),
        "loss": spec.loss,
        "heatmap_stride": spec.heatmap_stride,
        "mode": predictor.mode,
        "calibrated": predictor.calibration is not None,
        "pose_model": predictor.pose is not None,
        "units": {name: UNITS[name] for name in outputs},
        "checkpoint_sha256": loaded.meta["sha256"],
        "notice": NOTICE,
    }
    helper.set_model_props(model, {key: v if isinstance(v, str) else json.dumps(v) for key, v in about.items()})
    model.producer_name, model.producer_version = "cephkit", cephkit.__version__
    model.doc_string = (
        f"Landmarks on lateral cephalograms. {NOTICE} Inputs: canvas, the grey film scaled into "
        f"{_text(spec.canvas_size)} (height x width), centred on black"
        + (f"; detail, the same in {_text(stages.refiner.spec.canvas_size)}" if stages.refiner is not None else "")
        + "; film_size, the film's (height, width). Outputs are in film pixels; see the property units."
    )


def _normalisation(loaded: LoadedModel) -> dict[str, Any]:
    state: Mapping[str, Tensor] = loaded.model.state_dict()
    numbers = {key: float(state[key]) for key in ("mean", "std") if key in state}
    return {**numbers, "of": "grey / 255", "where": "in the file: inputs are uint8"}


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
