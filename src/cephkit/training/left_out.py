"""The test on data sets that a run was told to leave out: how the model does on films of another clinic."""

from pathlib import Path

from cephkit.config import TrainConfig
from cephkit.data.film import SPLITS
from cephkit.datasets.find import find_parts
from cephkit.evaluation.judge import judge_checkpoints
from cephkit.evaluation.options import JudgeOptions
from cephkit.evaluation.results import metrics_content, print_results, write_results
from cephkit.notice import Notify
from cephkit.screen import table_console

FOLDER = "left_out"
"""Of the results, in ``--save_dir``."""


def judge_left_out(config: TrainConfig, checkpoint: Path, notify: Notify) -> None:
    """Judge the best model on all films of the data sets that were left out, unless that has been done.

    Raises:
        CephkitError: these cannot be judged, or the results cannot be written.
    """
    out = config.save_dir / FOLDER
    if not config.leave_out or not checkpoint.is_file() or _is_done(out, checkpoint):
        return
    parts = find_parts(config)
    learnt = tuple(name for name in parts if name not in config.leave_out)
    tested = [parts[name].source for name in config.leave_out]
    splits = tuple(split for split in SPLITS if any(source.has(split) for source in tested))
    options = JudgeOptions(
        dataset_path=config.dataset_path, leave_out=learnt, split=splits, truth=config.truth,
        landmarks=config.landmarks, splits_from=config.splits_from, split_seed=config.split_seed,
        skip_bad_films=config.skip_bad_films, cache_dir=config.cache_dir, num_workers=config.num_workers,
        device=config.device, mixed_precision=config.mixed_precision,
    )  # fmt: skip
    notify(f"testing on {' and '.join(config.leave_out)}, which training left out")
    judged = judge_checkpoints(options, [checkpoint], notify, tta=False, refine=True)
    metrics = judged.scores.metrics()
    about = {**judged.source, "dataset_path": options.dataset, "left_out": list(config.leave_out)}
    content = metrics_content(judged.scores, metrics, about)
    write_results(out, judged.scores, content)
    print_results(judged.scores, metrics, table_console(), content)
    notify(f"results on the data sets left out: {out}")


def _is_done(out: Path, checkpoint: Path) -> bool:
    written = out / "metrics.json"
    return written.is_file() and written.stat().st_mtime_ns >= checkpoint.stat().st_mtime_ns
