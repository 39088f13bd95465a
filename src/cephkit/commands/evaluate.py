"""``cephkit evaluate``: a checkpoint, or any model's predictions, scored in millimetres."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import Console

from cephkit.evaluation.options import JudgeOptions
from cephkit.evaluation.results import metrics_content, print_results, write_results
from cephkit.evaluation.scoring import predictions_json
from cephkit.files import write_csv, write_json
from cephkit.notice import NOTICE, Notify
from cephkit.screen import table_console, track
from cephkit.settings.options import SecondStage, Views, at_least
from cephkit.settings.reading import from_keywords, parse

if TYPE_CHECKING:
    from cephkit.evaluation.judge import Judged


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(SecondStage, Views, JudgeOptions):
    """Score a checkpoint, or the predictions of any model, on a data set in the Aariz layout.

    Distances are original film pixels x that film's mm per pixel. Research use only; not a medical device.
    """

    checkpoint: tuple[Path, ...] = ()
    """A checkpoint_*.pth or its folder, or a published model; several are averaged; this or --predictions."""
    predictions: Path | None = None
    """JSON {film id: {symbol: [x, y]}} in film pixels, null where not found; or cephkit predict's folder."""
    out: Path = Path("evaluation")
    """Folder for report.html, figures, metrics.json, predictions.json and tables (CSV)."""
    stress: bool = False
    """Also score the films distorted: mirrored, turned, cropped, framed, faint ...: a table, and stress.csv."""
    stress_films: Annotated[int | None, at_least(1)] = None
    """With --stress: use at most this many films, spread over the split; default: all of them."""
    report: bool = True
    """Write report.html and the figures."""
    bootstrap_draws: Annotated[int, at_least(0)] = 2000
    """Draws of films for the 95 % intervals; 0 leaves the intervals out."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if bool(self.checkpoint) == (self.predictions is not None):
            yield "give either --checkpoint or --predictions"
        if self.allow_missing and self.predictions is None:
            yield "--allow_missing needs --predictions"
        if (self.stress or self.tta) and self.predictions is not None:
            yield "--tta and --stress need --checkpoint: they run the model"
        if self.stress_films is not None and not self.stress:
            yield "--stress_films needs --stress"


def main(argv: list[str]) -> int:
    """Run ``cephkit evaluate``; the status is 0.

    Raises:
        CephkitError: see ``evaluate``.
    """
    evaluate(parse(EvaluateOptions, argv, "cephkit evaluate"), command=shlex.join(["cephkit", "evaluate", *argv]))
    return 0


def evaluate(
    options: EvaluateOptions | None = None, /, *, command: str = "", notify: Notify = print, **settings: Any
) -> dict[str, Any]:
    """Score a checkpoint or a file of predictions, as ``cephkit evaluate`` does, and write the results.

    Args:
        options: all settings in one object; or give them as keywords.
        command: the command line, for ``metrics.json``.
        notify: takes the lines for the user.
        **settings: the flags of ``cephkit evaluate`` without their dashes, e.g. ``split=("valid",)``.

    Returns:
        the content of ``metrics.json``.

    Raises:
        CephkitError: what cannot be scored, and why.
    """
    # torch, which help and wrong settings do not need
    from cephkit.evaluation.judge import judge_checkpoints, judge_file

    options = from_keywords(EvaluateOptions, options, settings, "cephkit.evaluate")
    if options.predictions is None:
        judged = judge_checkpoints(options, options.checkpoint, notify, tta=options.tta, refine=options.refine)
    else:
        judged = judge_file(options, options.predictions, notify)
    scores, source = judged.scores, judged.source
    # First, because they take longest to compute.
    write_json(options.out / "predictions.json", predictions_json(scores.records()))
    metrics = scores.metrics(options.bootstrap_draws, options.seed)
    about = {
        **source,
        "dataset_path": options.dataset,
        "bootstrap": {"draws": options.bootstrap_draws, "seed": options.seed, "drawn": "films"},
        "command": command,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    console = table_console()
    content = metrics_content(scores, metrics, about)
    write_results(options.out, scores, content)
    print_results(scores, metrics, console, content)
    if options.stress:
        _stress(options, judged, console)
    if options.report:
        from cephkit.evaluation.html import write_report  # matplotlib is slow to import

        given = options.checkpoint[0] if options.checkpoint else None
        run_folder = given if given is None or given.is_dir() else given.parent
        write_report(options.out, scores, content, run_folder, options.bootstrap_draws, options.seed)
        notify(f"report: {options.out / 'report.html'}")
    notify(f"results: {options.out}")
    notify(NOTICE)
    return content


def _stress(options: EvaluateOptions, judged: "Judged", console: Console) -> None:
    from cephkit.evaluation.stress import STRESS_COLUMNS, print_stress, stress_rows

    predictor = judged.predictor
    assert predictor is not None
    rows = stress_rows(
        lambda film: predictor.run_film(film).points[0], judged.scores.films, predictor.spec.symbols, options.truth,
        lambda films: track(films, "distorting", len(films)), max_films=options.stress_films,
    )  # fmt: skip
    print_stress(rows, console)
    write_csv(options.out / "stress.csv", STRESS_COLUMNS, rows)
