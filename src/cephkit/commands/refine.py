"""``cephkit refine``: a second stage for a checkpoint that exists."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from cephkit.config import SOURCES, AnnotationType, Truth, parse
from cephkit.errors import DataError, SettingsError
from cephkit.interrupt import Stopped, ending_after_the_step


@dataclass(frozen=True)
class RefineOptions:
    """Train a second stage for a checkpoint: it corrects each landmark in a crop at near native resolution.

    It is kept, in the same file, only if it lowers the error on the valid films.
    """

    checkpoint: tyro.conf.Positional[Path]
    """A checkpoint_*.pth of cephkit train; the second stage is written into it."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set: train, valid, test and cephalogram_machine_mappings.csv."""
    annotation_type: AnnotationType = "Senior Orthodontists"
    """Whose landmarks to learn."""
    truth: Truth = "mean"
    """Whose landmarks the valid films are scored against."""
    refine_size: tuple[int, int] | None = None
    """Height and width of the films that crops are taken from; default: the median size of the train films."""
    refine_epochs: int = 40
    """Epochs of the second stage."""
    lr: float = 2e-3
    """Peak learning rate (AdamW)."""
    films_a_step: int = 4
    """Films of an optimiser step; each gives a crop per landmark."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    use_ram_cache: bool = False
    """Hold the films in memory."""
    num_workers: int = 2
    """Loader processes; 0 loads in this process."""
    cache_dir: Path | None = None
    """Where decoded films are kept; default: the user's cache folder."""
    skip_bad_films: bool = False
    """Leave out films or labels that cannot be read; without it they end the command."""
    mixed_precision: bool = False
    """Half-precision forward and backward."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: naming all of them.
        """
        wrong = [
            f"--{name} must be {rule}, got {getattr(self, name)}"
            for name, rule, holds in (
                ("refine_epochs", "1 or more", self.refine_epochs >= 1),
                ("films_a_step", "1 or more", self.films_a_step >= 1),
                ("num_workers", "0 or more", self.num_workers >= 0),
                ("lr", "above 0", self.lr > 0),
                (
                    "refine_size",
                    "two multiples of 32, 64 or more",
                    all(side >= 64 and side % 32 == 0 for side in self.refine_size or ()),
                ),
            )
            if not holds
        ]
        if wrong:
            raise SettingsError("cephkit refine: " + "; ".join(wrong))


def main(argv: list[str]) -> int:
    """``cephkit refine``; 0, or 1 where the second stage does not pay and is not kept.

    Raises:
        CephkitError: checkpoint or data set cannot be used.
    """
    return 0 if refine(parse(RefineOptions, argv, "cephkit refine")) else 1


def refine(options: RefineOptions) -> bool:
    """Whether the checkpoint has a second stage of this training now; see ``main``.

    Raises:
        CephkitError: see ``main``.
        Stopped: Ctrl-C or SIGTERM; the same call goes on from there.
    """
    from cephkit.training.lock import owning_folder_of

    with owning_folder_of(options.checkpoint, print):
        return _refine(options)


def _refine(options: RefineOptions) -> bool:
    from cephkit.checkpoint import load_model
    from cephkit.data.prepare import prepare
    from cephkit.device import choose_device
    from cephkit.training.finish import finish
    from cephkit.training.refine import RefinerTraining, state_path
    from cephkit.training.second_stage import add_refiner, detail_data, detail_size

    device = choose_device(options.device, print)
    model = load_model(options.checkpoint, device)
    data = prepare(
        options.dataset_path, splits=("train", "valid"), annotation=SOURCES[options.annotation_type],
        canvas_size=model.spec.canvas_size, hold=0, cache_dir=options.cache_dir,
        skip_bad_films=options.skip_bad_films,
    )  # fmt: skip
    unknown = sorted(set(model.spec.symbols) - set(data.symbols))
    if unknown:
        raise DataError(f"{options.dataset_path}: no train film has {' '.join(unknown)}, which {model.path} finds")
    size = detail_size(data.films["train"], options.refine_size)
    hold = None if options.use_ram_cache else 0
    detail = detail_data(data, options.dataset_path, size, hold, options.cache_dir)
    settings = RefinerTraining(
        epochs=options.refine_epochs, films_a_step=options.films_a_step, lr=options.lr, seed=options.seed,
        num_workers=options.num_workers, mixed_precision=options.mixed_precision,
    )  # fmt: skip
    saved = state_path(options.checkpoint)
    with ending_after_the_step() as asked:
        try:
            refiner = add_refiner(model, detail, settings, options.truth, device, print, asked, saved=saved)
            if refiner is not None:
                finish(
                    options.checkpoint, data, options.truth, device, print, options.mixed_precision, refiner=refiner,
                    stop=asked,
                )  # fmt: skip
        except Stopped as error:
            raise Stopped("stopped; the same command goes on from here", asked.status) from error
        saved.unlink(missing_ok=True)
    if refiner is None:
        return False
    print(f"written into {options.checkpoint}")
    return True
