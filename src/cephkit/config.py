"""Every setting of a training run, and how settings are read: one frozen dataclass gives flags, YAML and Python."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import tyro

from cephkit.errors import SettingsError
from cephkit.losses import LOSSES

Options = TypeVar("Options")
AnnotationType = Literal["Senior Orthodontists", "Junior Orthodontists", "mean"]
Truth = Literal["senior", "junior", "mean", "official"]
Number = int | Literal["auto"]
ResumeAs = Literal["auto", "continue", "fine_tune"]
if TYPE_CHECKING:
    LossName = str
else:
    LossName = Literal[tuple(LOSSES)]

SOURCES: dict[str, Truth] = {
    "Senior Orthodontists": "senior",
    "Junior Orthodontists": "junior",
    "mean": "mean",
}
"""The guide's name of an annotation -> the source of ``Film.points``."""


@dataclass(frozen=True)
class TrainConfig:
    """Train a landmark model on a data set in the Aariz layout.

    --config FILE.yaml reads settings from a file first: defaults < file < command line.
    """

    # Data
    dataset_path: Path = Path("Aariz")
    """Root of the data set: train, valid, test and cephalogram_machine_mappings.csv."""
    annotation_type: AnnotationType = "Senior Orthodontists"
    """Whose landmarks to learn."""
    truth: Truth = "mean"
    """Whose landmarks validation scores against; official: Aariz's ceil of the mean."""
    skip_bad_films: bool = False
    """Leave out films or labels that cannot be read; without it they end the run before it starts."""
    use_ram_cache: bool = False
    """Hold train and valid films in memory, one copy for all workers (1 MiB a film at 1024x1024)."""
    limited_ram_cache: int | None = None
    """Hold at most this many films in memory and decode the others each time (0: none)."""
    cache_dir: Path | None = None
    """Where decoded films are kept; default: the user's cache folder. May be deleted when no run uses it."""
    num_workers: int = 2
    """Loader processes; 0 loads in the training process."""
    pin_memory: bool = True
    """Page-locked loader memory for faster copies to a CUDA card; without a card it does nothing."""
    prefetch_factor: int = 2
    """Batches that each loader process prepares ahead."""

    # Model
    model: str = "hrnet"
    """hrnet (= hrnet_w32), hrnet_w18_small, hrnet_w18, hrnet_w48, or any timm backbone with a stride-4 feature."""
    image_size: tuple[int, int] = (1024, 1024)
    """Network input, height and width in pixels; multiples of 32."""
    heatmap_stride: Literal[4, 2] = 4
    """Input pixels per heatmap cell."""
    sigma: float = 1.0
    """Standard deviation of the target Gaussians, in heatmap cells."""
    loss: LossName = "adaptive_wing"
    """Heatmap loss: Adaptive Wing, or a cross-entropy over a 2-D softmax."""
    pretrained: bool = True
    """Start from ImageNet weights where they can be had; says so and goes on without where not."""
    weights: Path | None = None
    """A local file with the backbone's ImageNet weights (timm's .safetensors or .pth), for machines without network."""

    # Optimisation
    batch_size: Number = 2
    """Films per forward pass (and per card); auto: the fastest that fits into memory."""
    gradient_accumulation_steps: int = 3
    """Forward passes per optimiser step; effective batch = batch_size x this x cards. Chosen by --batch_size auto."""
    effective_batch: int | None = None
    """With --batch_size auto: films per optimiser step and card; default 6."""
    epochs: int = 100
    """Epochs of this run."""
    lr: float = 5e-4
    """Peak learning rate of this run (AdamW)."""
    warmup_epochs: float = 5
    """Epochs of linear warm-up from near zero; then cosine to near zero at the last step."""
    weight_decay: float = 1e-4
    """AdamW's weight decay."""
    clip_grad_norm: float = 1.0
    """Largest norm of the gradients; 0 switches clipping off."""
    mixed_precision: bool = False
    """Half-precision forward and backward: bfloat16 where the hardware has it natively, else float16 with a scaler."""
    recompute: Literal["none", "block", "stage", "auto"] = "none"
    """Activations to compute again in the backward pass in place of keeping them: less memory, more time."""
    vram_budget: float | None = None
    """GiB of the card that this process may take; default: what is free at the start."""
    channels_last: bool = False
    """Channels-last memory layout of network and input; often faster."""
    use_compile: bool = False
    """torch.compile the network; falls back to eager where it fails."""
    use_ema: bool = False
    """Keep an exponential moving average of the weights; validate and keep the best of it."""
    ema_decay: float = 0.999
    """How slowly the average moves, per optimiser step."""
    refine: bool = False
    """After the network train a second stage that corrects each landmark in a crop at near native resolution."""
    refine_size: tuple[int, int] | None = None
    """Height and width of the films that the second stage takes its crops from; default: their median size."""
    refine_epochs: int = 40
    """Epochs of the second stage."""
    augment: bool = True
    """Random rotation, scale, shift and intensity changes of the training films."""
    seed: int = 0
    """Seed of weights, order and augmentation."""

    # Run
    resume: Path | None = None
    """A checkpoint to start from: goes on with an interrupted run, or fine-tunes another run's weights."""
    resume_as: ResumeAs = "auto"
    """auto: continue where the checkpoint is an unfinished run with these very settings, else fine-tune."""
    save_dir: Path = Path("checkpoints_1024x1024")
    """Folder for checkpoints."""
    log_dir: Path = Path("logs_1024x1024")
    """Folder for TensorBoard events, epochs.csv and steps.csv."""
    save_frequency: int = 10
    """Keep a checkpoint_epoch_N.pth every so many epochs (0: never)."""
    validation_frequency: int = 1
    """Validate every so many epochs, and after the last; on a CPU a pass costs a third of an epoch."""
    early_stopping: bool = False
    """Stop when the validation error has not improved for --patience epochs."""
    patience: int = 20
    """Epochs without improvement before --early_stopping ends the run."""
    device: str = "cuda"
    """cuda, cuda:1, cpu, mps; without a GPU it says so and goes on with the CPU."""
    use_ddp: Annotated[bool, tyro.conf.arg(aliases=["--multi_gpu"])] = False
    """Train on several cards: torchrun --nproc_per_node N train_1024x1024.py --use_ddp ..."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, all of them in one ``SettingsError``."""
        wrong = [
            f"--{name} must be {rule}, got {getattr(self, name)}"
            for name, rule, holds in (
                ("batch_size", "1 or more, or auto", self.batch_size == "auto" or self.batch_size >= 1),
                ("gradient_accumulation_steps", "1 or more", self.gradient_accumulation_steps >= 1),
                ("effective_batch", "1 or more", self.effective_batch is None or self.effective_batch >= 1),
                ("vram_budget", "above 0", self.vram_budget is None or self.vram_budget > 0),
                ("epochs", "1 or more", self.epochs >= 1),
                ("lr", "above 0", self.lr > 0),
                ("warmup_epochs", "0 or more", self.warmup_epochs >= 0),
                ("weight_decay", "0 or more", self.weight_decay >= 0),
                ("clip_grad_norm", "0 or more", self.clip_grad_norm >= 0),
                ("num_workers", "0 or more", self.num_workers >= 0),
                ("prefetch_factor", "1 or more", self.prefetch_factor >= 1),
                ("patience", "1 or more", self.patience >= 1),
                ("save_frequency", "0 or more", self.save_frequency >= 0),
                ("validation_frequency", "1 or more", self.validation_frequency >= 1),
                ("sigma", "above 0", self.sigma > 0),
                ("ema_decay", "between 0 and 1", 0 < self.ema_decay < 1),
                ("refine_epochs", "1 or more", self.refine_epochs >= 1),
                (
                    "refine_size",
                    "two multiples of 32, 64 or more",
                    all(s >= 64 and s % 32 == 0 for s in self.refine_size or ()),
                ),
                (
                    "limited_ram_cache",
                    "0 or more",
                    self.limited_ram_cache is None or self.limited_ram_cache >= 0,
                ),
                (
                    "image_size",
                    "two multiples of 32, 64 or more",
                    all(s >= 64 and s % 32 == 0 for s in self.image_size),
                ),
            )
            if not holds
        ]
        if self.use_ram_cache and self.limited_ram_cache is not None:
            wrong.append("--use_ram_cache holds every film, --limited_ram_cache only some: give one of them")
        if self.early_stopping and self.patience < self.validation_frequency:
            wrong.append(
                f"--patience {self.patience} with --validation_frequency {self.validation_frequency}: one validation "
                f"would end the run; give --patience {self.validation_frequency} or more, or validate more often"
            )
        if self.effective_batch is not None and self.batch_size != "auto":
            wrong.append("--effective_batch goes with --batch_size auto; else it is the product of the two numbers")
        if self.resume_as != "auto" and self.resume is None:
            wrong.append(f"--resume_as {self.resume_as} needs --resume CHECKPOINT")
        if wrong:
            raise SettingsError("settings that cannot work:\n  " + "\n  ".join(wrong))

    @property
    def hold(self) -> int | None:
        """Films to hold in memory: None for all, 0 for none."""
        return None if self.use_ram_cache else (self.limited_ram_cache or 0)


def to_plain(options: Any) -> dict[str, Any]:
    """A settings dataclass as types that YAML and a checkpoint can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return value.as_posix()
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in asdict(options).items()}


def from_yaml(options: type[Options], path: Path) -> Options:
    """The settings in a YAML file over the defaults of ``options``.

    Raises:
        SettingsError: the file cannot be read (see ``read_settings``), names a setting that does not exist, or holds
            a value of the wrong type; says in which line.
    """
    import difflib
    import re

    import cattrs

    from cephkit.settings_file import read_settings

    settings = read_settings(path)
    names = [field.name for field in fields(options)]  # type: ignore[arg-type]
    for key, setting in settings.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"--config {path}, {setting.place}: there is no setting {key!r}{hint}")
    values = {key: setting.value for key, setting in settings.items()}
    converter = cattrs.Converter(prefer_attrib_converters=False)
    converter.register_structure_hook(bool, lambda value, _: _strict_bool(value))
    converter.register_structure_hook(Number, lambda value, _: value if value == "auto" else int(value))
    try:
        return converter.structure(values, options)
    except SettingsError as error:
        raise SettingsError(f"--config {path}: {error}") from error
    except Exception as error:  # cattrs gathers errors of every kind in one group
        lines = "; ".join(cattrs.transform_error(error))
        lines = re.sub(r"\$\.(\w+)", lambda match: f"{match[1]}, {settings[match[1]].place}", lines)
        raise SettingsError(f"--config {path}: {lines}") from error


def _strict_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def parse(options: type[Options], argv: Sequence[str], command: str, default: Options | None = None) -> Options:
    """``argv`` as an ``options`` dataclass; ``--image_size`` and ``--image-size`` alike.

    An unknown flag ends the program with status 2 and a message; ``--help`` prints every field's docstring and
    default.
    """
    chosen: dict[str, Any] = {} if default is None else {"default": default}
    return tyro.cli(options, args=list(argv), prog=command, use_underscores=True, **chosen)


def parse_with_file(options: type[Options], argv: Sequence[str], command: str) -> Options:
    """As ``parse``, with ``--config FILE``: defaults < file < command line.

    Raises:
        SettingsError: see ``from_yaml``.
    """
    rest, file = [], None
    arguments = iter(argv)
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--config":
            file = value or next(arguments, "")
            if not file:
                raise SettingsError("--config needs the path of a YAML file")
        else:
            rest.append(argument)
    return parse(options, rest, command, None if file is None else from_yaml(options, Path(file)))
