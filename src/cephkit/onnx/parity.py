"""Compares an exported file with PyTorch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.render import render
from cephkit.data.synthetic.shapes import draw_face
from cephkit.errors import CephkitError
from cephkit.geometry import Size
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import PreprocessedFilm

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
