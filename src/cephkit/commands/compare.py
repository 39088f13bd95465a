"""``cephkit compare``: which of two models, or of two files of predictions, is better on the same films."""

import platform
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from cephkit.errors import SettingsError
from cephkit.evaluation.compare import P_VALUE, compare_errors
from cephkit.evaluation.options import JudgeOptions
from cephkit.evaluation.verdict import LANDMARK_COLUMNS, landmark_rows, paired, print_comparison, verdict
from cephkit.files import write_csv, write_json
from cephkit.hub import is_hub_name
from cephkit.model_paths import is_checkpoint
from cephkit.notice import NOTICE, VERSION, Notify
from cephkit.screen import table_console
from cephkit.settings.options import at_least
from cephkit.settings.reading import parse

if TYPE_CHECKING:
    from cephkit.evaluation.judge import Judged

PREDICTIONS = "predictions.json"
"""The name of the predictions that ``cephkit evaluate`` writes."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(JudgeOptions):
    """Find whether B is better than A on the films of a data set in the Aariz layout: differences B - A.

    Films are resampled, the same for both (paired bootstrap). Research use only; not a medical device.
    """

    a: tyro.conf.Positional[Path]
    """A checkpoint_*.pth, a published model, a file of predictions, or the folder of cephkit predict or evaluate."""
    b: tyro.conf.Positional[Path]
    """What to compare it with: any of these, not necessarily of A's kind."""
    out: Path = Path("comparison")
    """Folder for comparison.json and landmarks.csv."""
    bootstrap_draws: Annotated[int, at_least(100)] = 10_000  # fewer have no meaningful 2.5th percentile
    """Draws of films for intervals and p-values; no p-value is below 1 / draws."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.out.resolve() in (self.a.resolve(), self.b.resolve()):
            yield f"--out {self.out} would overwrite what is compared; choose another folder"


def main(argv: list[str]) -> int:
    """Run ``cephkit compare``; the status is 0.

    Raises:
        CephkitError: see ``compare``.
    """
    compare(parse(CompareOptions, argv, "cephkit compare"), command=shlex.join(["cephkit", "compare", *argv]))
    return 0


def compare(options: CompareOptions, command: str = "", notify: Notify = print) -> dict[str, Any]:
    """Compare, write the results, print the figures, and return the content of ``comparison.json``.

    Raises:
        SettingsError: there is no such file.
        DataError: no film or landmark that both are scored on.
        CephkitError: what cannot be scored, and why; see ``cephkit evaluate``.
    """
    for name, path in (("A", options.a), ("B", options.b)):
        if not (path.exists() or is_hub_name(path)):  # before any work on the other one
            raise SettingsError(
                f"cephkit compare: {name}: {path}: there is no such file or folder; give a checkpoint "
                f"(*.pth), a file of predictions, or the --out folder of cephkit evaluate or predict"
            )
    a, b = (_judge(options, path, notify) for path in (options.a, options.b))
    pair = paired(a.scores, b.scores)
    total, by_landmark = compare_errors(pair.errors_a, pair.errors_b, options.bootstrap_draws, options.seed, pair.unit)
    landmarks = dict(zip(pair.symbols, by_landmark, strict=True))
    content = {
        "verdict": verdict(total, pair.unit),
        "better": total.better,
        "unit": pair.unit,
        **total.to_dict(),
        "by_landmark": {symbol: one.to_dict() for symbol, one in landmarks.items()},
        "left_out": pair.left_out,
        "truth": options.truth,
        "splits": sorted(set(options.split)),
        "dataset_path": options.dataset,
        "a": a.source,
        "b": b.source,
        "bootstrap": {"draws": options.bootstrap_draws, "seed": options.seed, "drawn": "films", "p": P_VALUE},
        "versions": {"cephkit": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        "command": command,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "notice": NOTICE,
    }
    write_csv(options.out / "landmarks.csv", LANDMARK_COLUMNS, landmark_rows(landmarks, pair.schema, pair.unit))
    write_json(options.out / "comparison.json", content)
    heading = f"A: {options.a}\nB: {options.b}\ntruth: {options.truth}   split: {' '.join(sorted(set(options.split)))}"
    print_comparison(heading, total, landmarks, pair, table_console())
    notify(f"results: {options.out}")
    notify(NOTICE)
    return content


def _judge(options: CompareOptions, path: Path, notify: Notify) -> "Judged":
    """Score a checkpoint or predictions as ``cephkit evaluate`` does."""
    from cephkit.evaluation.judge import judge_checkpoints, judge_file  # torch, which help does not need

    if is_checkpoint(path):
        return judge_checkpoints(options, (path,), notify, tta=False, refine=True)
    predictions = path / PREDICTIONS  # evaluate's folder holds other JSON files too
    return judge_file(options, predictions if predictions.is_file() else path, notify)
