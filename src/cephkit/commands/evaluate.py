"""``cephkit evaluate``: a checkpoint, or any model's predictions, judged in millimetres."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cephkit.config import Truth, parse
from cephkit.data.film import SPLITS, Split
from cephkit.errors import SettingsError
from cephkit.evaluation.judge import Judged, judge_checkpoints, judge_file, shown
from cephkit.evaluation.results import report, show, write_predictions, write_results
from cephkit.notice import NOTICE, Notify

PLAIN_WIDTH = 120
"""Columns of the table where the output is no terminal and cannot say how wide it is."""


@dataclass(frozen=True)
class EvaluateOptions:
    """Judge a checkpoint, or predictions of whatever model, on a data set in the Aariz layout.

    Distances are original film pixels x that film's mm per pixel. Research use only; not a medical device.
    """

    checkpoint: tuple[Path, ...] = ()
    """A checkpoint_*.pth of cephkit train, or several whose points are averaged; this or --predictions."""
    predictions: Path | None = None
    """JSON {film id: {symbol: [x, y]}} in film pixels, null where not found; or cephkit predict's folder."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set: train, valid, test and cephalogram_machine_mappings.csv."""
    split: tuple[Split, ...] = ("test",)
    """Films to judge: train, valid, test, or several of them."""
    truth: Truth = "mean"
    """Whose landmarks are right: senior, junior, the mean of both, or official (Aariz's ceil of the mean)."""
    out: Path = Path("evaluation")
    """Folder for report.html, figures, metrics.json, predictions.json and tables (CSV)."""
    tta: bool = False
    """Look at each film several times (turned, scaled, brighter, darker) and average: slower, a little better."""
    refine: bool = True
    """Use the second stage of checkpoints that have one."""
    stress: bool = False
    """Also judge the films distorted: mirrored, turned, cropped, framed, faint ...: a table, and stress.csv."""
    stress_films: int | None = None
    """With --stress, at most so many films, spread over the split; default: all of them."""
    report: bool = True
    """Write report.html and the figures."""
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
        if bool(self.checkpoint) == (self.predictions is not None):
            wrong.append("give either --checkpoint or --predictions")
        if self.allow_missing and self.predictions is None:
            wrong.append("--allow_missing goes with --predictions")
        if (self.stress or self.tta) and self.predictions is not None:
            wrong.append("--tta and --stress go with --checkpoint: a file's predictions are what they are")
        if self.stress_films is not None and (not self.stress or self.stress_films < 1):
            wrong.append(f"--stress_films goes with --stress and must be 1 or more, got {self.stress_films}")
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


def evaluate(options: EvaluateOptions, command: str = "", notify: Notify = print) -> dict[str, Any]:
    """Judge, write the results, show the figures, and return the content of ``metrics.json``.

    Raises:
        CephkitError: what cannot be judged, and why.
    """
    if options.predictions is None:
        judged = judge_checkpoints(options, options.checkpoint, notify)
    else:
        judged = judge_file(options, options.predictions, notify)
    scores, source = judged.scores, judged.source
    write_predictions(options.out, scores)
    metrics = scores.metrics(options.bootstrap_draws, options.seed)
    about = {
        **source,
        "dataset_path": options.dataset_path.as_posix(),
        "bootstrap": {"draws": options.bootstrap_draws, "seed": options.seed, "drawn": "films"},
        "command": command,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    console = Console()
    console = console if console.is_terminal else Console(width=PLAIN_WIDTH)
    content = report(scores, metrics, about)
    write_results(options.out, scores, content)
    show(scores, metrics, console, content)
    if options.stress:
        _stress(options, judged, console)
    if options.report:
        from cephkit.evaluation.html import write_report  # matplotlib takes its time

        run_folder = options.checkpoint[0].parent if options.checkpoint else None
        write_report(options.out, scores, content, run_folder, options.bootstrap_draws, options.seed)
        notify(f"report: {options.out / 'report.html'}")
    notify(f"results: {options.out}")
    notify(NOTICE)
    return content


def _stress(options: EvaluateOptions, judged: Judged, console: Console) -> None:
    from cephkit.evaluation.stress import show_stress, stress_rows, write_stress

    predictor = judged.predictor
    assert predictor is not None
    rows = stress_rows(
        lambda film: predictor.run_film(film).points[0], judged.scores.films, predictor.spec.symbols, options.truth,
        lambda films: shown(films, "distorting"), max_films=options.stress_films,
    )  # fmt: skip
    show_stress(rows, console)
    write_stress(options.out, rows)
