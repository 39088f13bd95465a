"""``cephkit refine``: a second stage for an existing checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cephkit.errors import DataError, SettingsError
from cephkit.interrupt import Stopped, ending_after_the_step
from cephkit.settings.options import SOURCES, Compute, SecondStageTraining, Seed, TrainingData, above, at_least
from cephkit.settings.reading import parse

if TYPE_CHECKING:
    from cephkit.screen import ProgressBar


@dataclass(frozen=True, kw_only=True)
class RefineOptions(Seed, Compute, SecondStageTraining, TrainingData):
    """Train a second stage for a checkpoint: it corrects each landmark in a crop at near native resolution.

    It is added to the same file, but only if it lowers the error on the valid films.
    """

    checkpoint: tyro.conf.Positional[Path]
    """A checkpoint_*.pth of cephkit train; the second stage is written into it."""
    lr: Annotated[float, above(0)] = 2e-3
    """Peak learning rate (AdamW)."""
    films_a_step: Annotated[int, at_least(1)] = 4
    """Films per optimiser step; each gives a crop per landmark."""


def main(argv: list[str]) -> int:
    """Run ``cephkit refine``; the status is 0, or 1 if the second stage does not lower the error and is not kept.

    Raises:
        CephkitError: checkpoint or data set cannot be used.
    """
    return 0 if refine(parse(RefineOptions, argv, "cephkit refine")) else 1


def refine(options: RefineOptions) -> bool:
    """Return whether the checkpoint now has a second stage of this training; see ``main``.

    Raises:
        CephkitError: see ``main``.
        Stopped: Ctrl-C or SIGTERM; the same call resumes.
    """
    from cephkit.model_paths import is_checkpoint
    from cephkit.screen import ProgressBar
    from cephkit.training.lock import owning_folder_of

    if options.checkpoint.suffix != ".pth" and is_checkpoint(options.checkpoint):
        raise SettingsError(
            f"{options.checkpoint} is published and stays as it is; refine the checkpoint_*.pth that it was made from, "
            f"or fine-tune it: cephkit train --resume {options.checkpoint.as_posix()} --refine"
        )
    with ProgressBar(estimate=False, plain_every_s=30) as screen, owning_folder_of(options.checkpoint, screen.notify):
        return _refine(options, screen)


def _refine(options: RefineOptions, screen: "ProgressBar") -> bool:
    from cephkit.checkpoint import load_model
    from cephkit.data.prepare import prepare
    from cephkit.datasets.find import find_dataset
    from cephkit.training.finish import add_refiner, detail_data, detail_size, finish
    from cephkit.training.launch import start_fabric
    from cephkit.training.refine import RefinerTraining, state_path

    notify = screen.notify
    fabric = start_fabric(options.device, options.mixed_precision, notify)
    model = load_model(options.checkpoint, fabric.device)
    if note := model.folds_note(["valid"]):
        raise SettingsError(note, "for a second stage, use cephkit train with the same --folds", options.checkpoint)
    data = prepare(
        find_dataset(options),
        splits=("train", "valid"), annotation=SOURCES[options.annotation_type],
        canvas_size=model.spec.canvas_size, hold=0, cache_dir=options.cache_dir,
        skip_bad_films=options.skip_bad_films, keep_twins=options.keep_twins, notify=notify,
    )  # fmt: skip
    unknown = sorted(set(model.spec.symbols) - set(data.symbols))
    if unknown:
        raise DataError(f"{options.dataset}: no train film has {' '.join(unknown)}, which {model.path} finds")
    size = detail_size(data.films["train"], options.refine_size)
    hold = None if options.use_ram_cache else 0
    detail = detail_data(data, size, hold, options.cache_dir)
    settings = RefinerTraining(
        epochs=options.refine_epochs, films_a_step=options.films_a_step, lr=options.lr, seed=options.seed,
        num_workers=options.num_workers, mixed_precision=options.mixed_precision,
    )  # fmt: skip
    saved, log_dir = (path(options.checkpoint) for path in (state_path, log_path))
    with ending_after_the_step() as asked:
        try:
            refiner = add_refiner(
                model, detail, settings, options.truth, fabric, screen, asked, saved=saved, log_dir=log_dir
            )
            if refiner is not None:
                finish(
                    options.checkpoint, data, options.truth, fabric.device, notify, options.mixed_precision,
                    refiner=refiner, stop=asked,
                )  # fmt: skip
        except Stopped as error:
            raise Stopped("stopped; re-run to resume", asked.status) from error
        saved.unlink(missing_ok=True)
    if refiner is None:
        return False
    notify(f"written into {options.checkpoint}")
    return True


def log_path(checkpoint: Path) -> Path:
    """The folder for the log of a second stage that is trained for ``checkpoint``."""
    return checkpoint.with_name(f"{checkpoint.stem}_second_stage")
