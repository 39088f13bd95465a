"""ONNX files against PyTorch on the CPU, time, size and error: ``python -m benchmarks.onnx_files MODEL``.

Both get the same canvases in turn, film by film; the ratio is the median over films. The mean radial error of both
is on the valid films of --dataset_path; int8 is measured out on 16 of its train films. Needs cephkit[onnx].
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from cephkit.checkpoint import load_model
from cephkit.data.aariz import read_aariz
from cephkit.data.film import pixel_sizes_mm, points_array
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import preprocess
from cephkit.onnx.export import export_onnx, feed

FILES: tuple[tuple[str, bool, Any], ...] = (
    ("both stages, float32", True, "float32"),
    ("both stages, float16", True, "float16"),
    ("both stages, int8", True, "int8"),
    ("first stage, float32", False, "float32"),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path)
    parser.add_argument("--dataset_path", type=Path, default=Path("Aariz"))
    parser.add_argument("--films", type=int, default=10**6, help="of the valid films, at most")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    films = read_aariz(options.dataset_path, ["valid"]).films[: options.films]
    some = [film.path for film in read_aariz(options.dataset_path, ["train"]).films[:16]]
    header = (
        "model",
        "MB",
        "threads",
        "PyTorch, s",
        "ONNX, s",
        "times as fast",
        "MRE, mm",
        "PyTorch's",
        "apart, mean px",
        "max",
    )
    print(f"| {' | '.join(header)} |\n" + "| --- " * len(header) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, refine, variant in FILES:
            path = Path(folder) / "model.onnx"
            size = export_onnx(options.model, path, refine=refine, variant=variant, films=some).size_bytes / 1e6
            predictor = Predictor(load_model(options.model), refine=refine)
            for threads in options.threads:
                print(f"| {name} | {size:.1f} | {threads} | {compared(path, predictor, films, threads)} |", flush=True)


def compared(path: Path, predictor: Predictor, films: Sequence[Any], threads: int) -> str:
    """The cells of a row after the threads."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    torch.set_num_threads(threads)
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    seconds: list[tuple[float, float]] = []
    errors, gaps = [], []
    for film in films:
        preprocessed = preprocess(film.path, predictor.canvas_sizes, film.spacing)
        arrays = feed(preprocessed, predictor.stages[0].sizes)
        started = time.perf_counter()
        plain = predictor.run([preprocessed]).points[0]
        between = time.perf_counter()
        (points, *_) = session.run(None, arrays)
        seconds.append((between - started, time.perf_counter() - between))
        truth = points_array(film.points("mean"), predictor.spec.symbols)
        mm = float(pixel_sizes_mm([film])[0])
        errors.append([mm * np.hypot(*(each - truth).T) for each in (points[0], plain)])
        gaps.append(np.hypot(*(points[0] - plain).T))
    warm = seconds[1:] or seconds
    of_both = [statistics.median(column) for column in zip(*warm, strict=True)]
    ratio = statistics.median(a / b for a, b in warm)
    mre = np.nanmean(np.array(errors), axis=(0, 2))
    cells = [f"{of_both[0]:.3f}", f"{of_both[1]:.3f}", f"{ratio:.2f}", f"{mre[0]:.4f}", f"{mre[1]:.4f}"]
    return " | ".join([*cells, f"{np.nanmean(gaps):.5f}", f"{np.nanmax(gaps):.5f}"])


if __name__ == "__main__":
    main()
