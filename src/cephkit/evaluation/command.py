"""``cephkit evaluate``: a checkpoint, or any model's predictions, judged in millimetres."""

import hashlib
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cephkit import NOTICE
from cephkit.config import Truth, parse
from cephkit.data.aariz import AarizFolder, Problem, read_aariz, some
from cephkit.data.check import unlabelled
from cephkit.data.film import SPLITS, Film, Split
from cephkit.errors import DataError, SettingsError
from cephkit.evaluation.predictions import listed, read_predictions
from cephkit.evaluation.results import report, show, write_results
from cephkit.evaluation.scoring import Scores, score_predictions, symbols_with_truth
from cephkit.landmarks import in_canonical_order

Say = Callable[[str], None]

PLAIN_WIDTH = 120
"""Columns of the table where the output is no terminal and cannot say how wide it is."""


@dataclass(frozen=True)
class EvaluateOptions:
    """Judge a checkpoint, or predictions of whatever model, on a data set in the Aariz layout.

    Distances are original film pixels x that film's mm per pixel. Research use only; not a medical device.
    """

    checkpoint: Path | None = None
    """A checkpoint_*.pth of cephkit train; this or --predictions."""
    predictions: Path | None = None
    """JSON {film id: {symbol: [x, y]}} in film pixels, null where not found; or cephkit predict's folder."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set: train, valid, test and cephalogram_machine_mappings.csv."""
    split: tuple[Split, ...] = ("test",)
    """Films to judge: train, valid, test, or several of them."""
    truth: Truth = "mean"
    """Whose landmarks are right: senior, junior, the mean of both, or official (Aariz's ceil of the mean)."""
    out: Path = Path("evaluation")
    """Folder for metrics.json, landmarks.csv, machines.csv, splits.csv, errors.csv and predictions.json."""
    allow_missing: bool = False
    """With --predictions: what is not in the file counts as missing, in place of an error."""
    skip_bad_films: bool = False
    """Leave out films or labels that cannot be read; without it they end the command."""
    bootstrap_draws: int = 2000
    """Draws of films for the 95 % intervals; 0 leaves the intervals out."""
    seed: int = 0
    """Seed of those draws."""
    batch_size: int = 2
    """Films per forward pass."""
    num_workers: int = 2
    """Loader processes; 0 loads in this process."""
    cache_dir: Path | None = None
    """Where checked films are remembered between runs; default: the user's cache folder."""
    mixed_precision: bool = False
    """Run the network in half precision."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: naming all of them.
        """
        wrong = []
        if (self.checkpoint is None) == (self.predictions is None):
            wrong.append("give either --checkpoint or --predictions")
        if self.allow_missing and self.predictions is None:
            wrong.append("--allow_missing goes with --predictions")
        if not self.split:
            wrong.append("--split needs train, valid or test")
        lowest = {"batch_size": 1, "num_workers": 0, "bootstrap_draws": 0, "seed": 0}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                wrong.append(f"--{name} must be {least} or more, got {getattr(self, name)}")
        if wrong:
            raise SettingsError("cephkit evaluate: " + "; ".join(wrong))

    @property
    def splits(self) -> tuple[Split, ...]:
        """``split`` without repeats, in the usual order."""
        return tuple(split for split in SPLITS if split in self.split)


def main(argv: list[str]) -> int:
    """Run the command.

    Raises:
        CephkitError: what cannot be judged, and why.
    """
    evaluate(parse(EvaluateOptions, argv, "cephkit evaluate"), command=shlex.join(["cephkit", "evaluate", *argv]))
    return 0


def evaluate(options: EvaluateOptions, command: str = "", say: Say = print) -> dict[str, Any]:
    """Judge, write the results, show the figures, and return the content of ``metrics.json``.

    Raises:
        CephkitError: what cannot be judged, and why.
    """
    if options.checkpoint is not None:
        scores, source = _scores_of_checkpoint(options, options.checkpoint, say)
    else:
        assert options.predictions is not None
        scores, source = _scores_of_file(options, options.predictions, say)
    metrics = scores.metrics(options.bootstrap_draws, options.seed)
    about = {
        **source,
        "dataset_path": options.dataset_path.as_posix(),
        "bootstrap": {"draws": options.bootstrap_draws, "seed": options.seed, "drawn": "films"},
        "command": command,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    content = report(scores, metrics, about)
    write_results(options.out, scores, content)
    console = Console()
    show(scores, metrics, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    say(f"results: {options.out}")
    say(NOTICE)
    return content


def _scores_of_checkpoint(options: EvaluateOptions, path: Path, say: Say) -> tuple[Scores, dict[str, Any]]:
    import numpy as np
    from torch.utils.data import DataLoader

    from cephkit.data.prepare import prepare
    from cephkit.inference.device import choose_device
    from cephkit.inference.predictor import predict_batches
    from cephkit.training.checkpoint import current_versions, load_model

    device = choose_device(options.device, say)
    loaded = load_model(path, device)
    spec = loaded.spec
    prepared = prepare(
        options.dataset_path,
        splits=options.splits,
        annotation=options.truth,
        canvas_size=spec.canvas_size,
        hold=0,
        cache_dir=options.cache_dir,
        skip_bad_films=options.skip_bad_films,
        say=say,
    )
    films = [film for group in prepared.films.values() for film in group]
    if not set(symbols_with_truth(films, options.truth)) & set(spec.symbols):
        raise DataError(f"{options.dataset_path}: nothing to score: no film has a landmark that the model knows")
    parts = []
    for split, group in prepared.films.items():
        dataset = prepared.dataset(split, spec.symbols, options.truth)
        loader = DataLoader(dataset, options.batch_size, num_workers=options.num_workers)
        sizes = [film.size for film in group if film.size is not None]
        batches = _shown(loader, f"predicting {split}")
        points, _ = predict_batches(loaded.model, spec, batches, sizes, device, options.mixed_precision)
        parts.append(points)
    # The order that a predictions file has, so that it gives the same figures to the last bit.
    symbols = in_canonical_order(spec.symbols)
    columns = [spec.symbols.index(symbol) for symbol in symbols]
    scores = Scores(tuple(films), symbols, np.concatenate(parts)[:, columns], options.truth)
    source = {
        "checkpoint": {
            "path": path.as_posix(),
            "sha256": loaded.meta["sha256"],
            "epoch": loaded.meta["epoch"],
            "versions": loaded.meta["versions"],
            **spec.to_dict(),
        },
        "device": str(device),
        "mixed_precision": options.mixed_precision,
        "versions": {**current_versions(), "numpy": np.__version__},
    }
    return scores, source


def _scores_of_file(options: EvaluateOptions, path: Path, say: Say) -> tuple[Scores, dict[str, Any]]:
    """Scores of a predictions file. Only labels are read: no film is decoded."""
    predictions = read_predictions(path)
    folder = read_aariz(options.dataset_path, options.splits)
    films = _usable(folder, options, say)
    if not films:
        raise DataError(f"{options.dataset_path}: no usable film in {' '.join(options.splits)}")
    known = {film.film_id for film in folder.films} | {problem.film_id for problem in folder.problems}
    # A benchmark's file may well hold more films than this data set; a misspelt id shows as a film without prediction.
    others = [film_id for film_id in predictions if film_id not in known]
    if others:
        say(f"not judged, not in {' '.join(options.splits)}: {len(others)} films: {some(others)}")
    scores = score_predictions(films, predictions, options.truth, options.allow_missing)
    source: dict[str, Any] = {"predictions": {"path": path.as_posix()}}
    if path.is_file():
        source["predictions"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return scores, source


def _usable(folder: AarizFolder, options: EvaluateOptions, say: Say) -> list[Film]:
    """Films without a problem.

    Raises:
        DataError: listing the problems, unless they are to be skipped.
    """
    named = {(problem.split, problem.film_id) for problem in folder.problems}
    readable = [film for film in folder.films if (film.split, film.film_id) not in named]
    problems: list[Problem] = [*folder.problems, *unlabelled(readable, options.truth)]
    lines = [str(problem) for problem in problems]
    if problems and not options.skip_bad_films:
        raise DataError(
            f"{options.dataset_path}: films that cannot be judged:\n{listed(lines)}\n"
            "Mend them, or judge the others: --skip_bad_films"
        )
    for line in lines:
        say(f"left out: {line}")
    named = {(problem.split, problem.film_id) for problem in problems}
    return [film for film in readable if (film.split, film.film_id) not in named]


def _shown(batches: Sequence[Any] | Any, title: str) -> Iterable[Any]:
    """``batches`` with a progress bar where someone watches."""
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        return batches
    return track(batches, title, len(batches), console=console, transient=True)
