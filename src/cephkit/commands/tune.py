"""``cephkit tune``: searches for better settings of ``cephkit train``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cephkit.errors import SettingsError
from cephkit.settings.options import Seed, at_least
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class TuneOptions(Seed):
    """Search for better settings of cephkit train: each trial is a run of its own, judged on the valid films.

    The same command resumes a search. Given in several terminals, or on several machines that share the folder, they
    share its trials.
    """

    space: Path
    """YAML file: the settings of all trials, those to search, and what to try first; see docs/tune.md."""
    trials: Annotated[int, at_least(1)] = 30
    """Trials in all, those of earlier calls and of other processes included."""
    out: Path = Path("tuned")
    """Folder for the trials, their table, report.html and best.yaml."""
    device: str | None = None
    """Where to train, if not as the space says: cuda:1 for a second process on a second card."""
    prune: bool = True
    """From half of its epochs on, end a trial early that is behind most of the others."""
    keep_checkpoints: bool = False
    """Keep the checkpoints of all trials; default: only those of the best one."""


def main(argv: list[str]) -> int:
    """Run ``cephkit tune``; the status is 0, 1 if no trial has an error.

    Raises:
        CephkitError: see ``tune``.
    """
    return 0 if tune(parse(TuneOptions, argv, "cephkit tune")) else 1


def tune(options: TuneOptions) -> bool:
    """Carry out the trials that are left, and write the report; return whether there is a best one.

    Raises:
        SettingsError: the space cannot be used, or the folder holds a search of another one.
        Stopped: Ctrl-C or SIGTERM; the same call resumes.
        CephkitError: films, checkpoints or the folder cannot be read or written.
    """
    from importlib.util import find_spec

    from cephkit.data.film import Split
    from cephkit.datasets.find import find_dataset
    from cephkit.tuning.space import read_space

    if find_spec("optuna") is None:
        raise SettingsError('cephkit tune needs Optuna: pip install "cephkit[tune]"')
    space = read_space(options.space)
    # What would fail every trial is found before the first one.
    config = space.config({}, options.out)
    source = find_dataset(config)
    splits: list[Split] = ["train", "valid"]
    source.read([split for split in splits if source.has(split)] or splits if config.folds else splits)
    from cephkit.tuning.report import CAUTION, write_and_print
    from cephkit.tuning.search import check_models, search
    from cephkit.tuning.study import Study

    check_models(space)
    study = Study(options.out, space, options.seed)
    try:
        search(study, options.trials, options.prune, options.keep_checkpoints, options.device, print)
    finally:
        best = write_and_print(study)
    if best is None:
        return False
    print(f"report: {study.folder / 'report.html'}; table: {study.folder / 'trials.csv'}")
    print(f"to train with the best settings: cephkit train --config {best.as_posix()}")
    print(CAUTION)
    return True
