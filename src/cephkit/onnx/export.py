"""Exports a checkpoint as one ONNX file that runs without torch and without cephkit (docs/onnx.md)."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cephkit.checkpoint import LoadedModel, load_model
from cephkit.data.synthetic.render import render
from cephkit.data.synthetic.shapes import draw_face
from cephkit.errors import CephkitError, SettingsError
from cephkit.files import write_whole
from cephkit.geometry import Size
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import FilmLike, PreprocessedFilm, preprocess
from cephkit.inference.stages import TrainedRefiner
from cephkit.notice import NOTICE, VERSION
from cephkit.onnx.assemble import OPSET, Proto, looped, traced
from cephkit.onnx.graph import Answer, FirstStage, Unposed
from cephkit.onnx.posing import ANSWERED, STATE, PoseSearch, Start
from cephkit.onnx.variants import Halved, Variant, quantised

INPUTS = ("canvas", "detail")
"""Names of the canvases, in the order of ``Stages.sizes``."""


def synthetic_film(canvas_size: Size) -> NDArray[np.uint8]:
    """Draw a film of no patient, (H, W), somewhat larger than the canvas."""
    rng = np.random.default_rng(0)
    face = draw_face(rng)
    height_mm, width_mm = face.machine.film_mm
    pixel_mm = height_mm / (1.4 * canvas_size[0])
    size = (round(height_mm / pixel_mm), round(width_mm / pixel_mm))
    return render(face.points(pixel_mm), pixel_mm, size, face.cvm_stage, rng)


def feed(film: PreprocessedFilm, sizes: Sequence[Size]) -> dict[str, NDArray[Any]]:
    """The file's inputs for one film of square pixels, as a batch of one; ``sizes`` of its canvases."""
    canvases = {name: film.canvases[size][None].numpy() for name, size in zip(INPUTS, sizes, strict=False)}
    return {**canvases, "film_size": np.array([film.square_size], dtype=np.int64)}


def gaps(predictor: Predictor, content: bytes, films: Sequence[PreprocessedFilm]) -> NDArray[np.float64]:
    """Measure how far the points of ``content``, an ONNX file, lie from PyTorch's.

    Args:
        predictor: of one model.
        content: the file's bytes.
        films: of square pixels.

    Returns:
        (n,) film pixels, one for every landmark that either found; inf where only one of them did.

    Raises:
        CephkitError: onnxruntime cannot run the file.
    """
    import onnxruntime

    found = []
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        for film in films:
            (points,) = session.run(["points"], feed(film, predictor.stages[0].sizes))
            wanted = predictor.run([film]).points[0]
            gap = np.hypot(*(wanted - points[0]).T)
            one_only = np.isnan(wanted[:, 0]) != np.isnan(points[0, :, 0])
            found.append(np.where(one_only, np.inf, gap)[one_only | np.isfinite(gap)])
    except CephkitError:
        raise
    except Exception as error:  # onnxruntime's own have no common base
        raise CephkitError(
            f"onnxruntime {onnxruntime.__version__} cannot run the exported model ({error}); update it"
        ) from error
    return np.concatenate(found)


FORMAT, FORMAT_VERSION = "cephkit-onnx", 1
MOST_FILMS = 32
"""More would only take longer."""
LARGEST_GAP_PX = 0.05
"""Film pixels between the file's points and PyTorch's, beyond which nothing is written."""
LARGEST_MEAN_GAP_PX = 0.5
"""The same for the smaller variants, which are less precise: here of the mean over all landmarks."""
UNITS = {
    "points": "film pixels (x, y), pixel centres at integers; NaN: not found",
    "scores": "height of the heatmap's peak, not a probability; NaN: not found",
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
    size_bytes: int
    gap_px: float
    """Largest distance between its points and PyTorch's on the films that it was checked on, film pixels."""
    mean_gap_px: float
    """The mean of these distances."""


def export_onnx(
    checkpoint: Path | str,
    out: Path | str,
    *,
    refine: bool = True,
    variant: Variant = "float32",
    films: Sequence[Path] = (),
) -> Exported:
    """Write the model of ``checkpoint`` as ONNX to ``out``, after comparing its points with PyTorch's.

    Args:
        checkpoint: a .pth file of cephkit, or a published folder.
        out: the file to write; an older one is replaced.
        refine: with the second stage, if there is one.
        variant: precision of the networks; inputs, outputs and decoding are the same.
        films: to compare on, at most ``MOST_FILMS`` of them; none: a synthetic film. int8 needs ten or more, for the
            range of the activations.

    Raises:
        CheckpointError: see ``load_model``.
        FilmError: a film cannot be read.
        SettingsError: int8 without films.
        CephkitError: a package is missing, ONNX lacks an operation of the network, the file's points are not PyTorch's,
            or it cannot be written.
    """
    require_packages()
    if variant == "int8" and not films:
        raise SettingsError("int8 needs films to measure on: name ten or more, such as the model was trained on")
    predictor, out = Predictor(load_model(checkpoint), refine=refine), Path(out)
    compared: Sequence[FilmLike] = films[:MOST_FILMS] or [synthetic_film(predictor.spec.canvas_size)]
    preprocessed = [preprocess(film, predictor.canvas_sizes, use_spacing=False) for film in compared]
    model = to_onnx(predictor, variant, preprocessed)
    content: bytes = model.SerializeToString()
    if len(content) >= 2**31:
        raise CephkitError(f"{checkpoint}: larger than the 2 GB that one ONNX file can hold; train a smaller backbone")
    found = gaps(predictor, content, preprocessed)
    gap, mean = float(found.max(initial=0.0)), float(found.mean()) if found.size else 0.0
    if not (gap <= LARGEST_GAP_PX if variant == "float32" else mean <= LARGEST_MEAN_GAP_PX):
        raise CephkitError(
            f"{out}: not written, as its points are {gap:.3g} film pixels from PyTorch's (mean {mean:.3g}); "
            + (
                "update onnx and onnxruntime, or report it with the checkpoint's model name"
                if variant == "float32"
                else "this model does not tolerate less precision: export it as float32"
            )
        )
    write_whole(out, content)
    return Exported(out, tuple(output.name for output in model.graph.output), len(content), gap, mean)


def require_packages() -> None:
    """Check that all packages are installed that an export needs.

    Raises:
        CephkitError: they are not.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise CephkitError(f'an ONNX file needs {" and ".join(missing)}: pip install "cephkit[onnx]"')


def to_onnx(predictor: Predictor, variant: Variant = "float32", films: Sequence[PreprocessedFilm] = ()) -> Proto:
    """Convert ``predictor``, which has one model, to a checked ``onnx.ModelProto``.

    Raises:
        CephkitError: ONNX lacks an operation of the network.
    """
    import onnx

    try:
        with torch.no_grad():
            model = _traced(predictor, variant, films)
        describe(model, predictor, variant)
        onnx.checker.check_model(model, full_check=True)
    except (RuntimeError, ValueError, TypeError, onnx.checker.ValidationError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise CephkitError(
            f"{predictor.loaded[0].path}: {predictor.spec.model} cannot be written as ONNX, opset {OPSET} ({reason}); "
            "use another backbone"
        ) from error
    return model


def _traced(predictor: Predictor, variant: Variant, films: Sequence[PreprocessedFilm]) -> Proto:
    spec, stages = predictor.spec, predictor.stages[0]
    network, refiner = stages.model, stages.refiner
    if variant == "float16":
        network = Halved(network)
        refiner = None if refiner is None else TrainedRefiner(refiner.spec, Halved(refiner.network))  # type: ignore[arg-type]
    likeness = None if predictor.calibration is None else predictor.calibration.likeness
    first = FirstStage(network, spec, likeness).eval()
    answer = Answer(spec, refiner, predictor.calibration, predictor.pose).eval()
    start = Start(len(spec.symbols))
    # Two films: torch.export would fix a batch of one at one.
    given = {"canvas": torch.zeros(2, 1, *spec.canvas_size, dtype=torch.uint8)}
    given["film_size"] = torch.tensor([spec.canvas_size] * 2)
    if refiner is not None:
        given["detail"] = torch.zeros(2, 1, *refiner.spec.canvas_size, dtype=torch.uint8)
    canvas, sizes, *detail = given.values()
    inputs, fed = tuple(given), [feed(film, stages.sizes) for film in films]
    if predictor.pose is None:
        whole = traced(Unposed(first, answer).eval(), (canvas, sizes, *detail), inputs, answer.outputs)
        return quantised(whole, fed) if variant == "int8" else whole
    search = PoseSearch(first, predictor.pose, spec.canvas_size).eval()
    state = start(canvas)
    begin = traced(start, (canvas,), ["canvas"], STATE)
    after = ["undecided", *(f"next_{name}" for name in STATE)]
    body = traced(search, (canvas, sizes, state), ["canvas", "film_size", *STATE], after)
    end = traced(answer, (sizes, _answered(state), *detail), ["film_size", *ANSWERED, *inputs[2:]], answer.outputs)
    if variant == "int8":
        # The activations on films as they are stand for those in any pose.
        pairs = [({name: torch.from_numpy(arrays[name]) for name in inputs}, arrays) for arrays in fed]
        starts = [start(given["canvas"]) for given, _ in pairs]
        trials = [
            (arrays, before, search(given["canvas"], given["film_size"], before)[1:])
            for (given, arrays), before in zip(pairs, starts, strict=True)
        ]
        body = quantised(body, [_feed(arrays, inputs[:2], STATE, before) for arrays, before, _ in trials])
        end = quantised(end, [_feed(arrays, inputs[1:], ANSWERED, _answered(found)) for arrays, _, found in trials])
    return looped(begin, body, end, STATE, inputs)


def _answered(state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value for name, value in zip(STATE, state, strict=True) if name in ANSWERED)


def _feed(
    arrays: Mapping[str, NDArray[Any]], inputs: Sequence[str], names: Sequence[str], state: Sequence[Tensor]
) -> dict[str, NDArray[Any]]:
    values = {name: tensor.numpy() for name, tensor in zip(names, state, strict=True)}
    return {**{name: arrays[name] for name in inputs}, **values}


def describe(model: Proto, predictor: Predictor, variant: Variant) -> None:
    """Add to ``model`` the properties and the text that describe it."""
    from onnx import helper

    spec, stages, loaded = predictor.spec, predictor.stages[0], predictor.loaded[0]
    outputs = [output.name for output in model.graph.output]
    about: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "cephkit_version": VERSION,
        "model": spec.model,
        "variant": variant,
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
    model.producer_name, model.producer_version = "cephkit", VERSION
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
