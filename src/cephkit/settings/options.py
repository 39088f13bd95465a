"""The options that several commands share, each declared once, and the rules that their values obey.

A command's own options inherit from those it needs. Base classes appear in ``--help`` from the last to the first. A
docstring names the table of docs/reference.md that the class's options are in. A rule is written into the field's type,
``num_workers: Annotated[int, at_least(0)]``, and checked when the options are made, wherever they come from: the
command line, a YAML file or Python.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from cephkit.errors import SettingsError
from cephkit.losses import LOSSES


@dataclass(frozen=True)
class Rule:
    """What a value must be."""

    text: str
    """Completes "must be ..."."""
    holds: Callable[[Any], bool]
    """Never called with None, which means "not given"."""


def at_least(low: float) -> Rule:
    """A finite number, ``low`` or more."""
    return Rule(f"{low:g} or more", lambda value: low <= value < math.inf)


def above(low: float) -> Rule:
    """A finite number larger than ``low``."""
    return Rule(f"above {low:g}", lambda value: low < value < math.inf)


def between(low: float, high: float, unit: str = "") -> Rule:
    """A number from ``low`` to ``high``, both included."""
    return Rule(f"{low:g} to {high:g} {unit}".rstrip(), lambda value: low <= value <= high)


def inside(low: float, high: float) -> Rule:
    """A number between ``low`` and ``high``, both excluded."""
    return Rule(f"between {low:g} and {high:g}", lambda value: low < value < high)


NumberOrAuto = int | Literal["auto"]
POSITIVE_OR_AUTO = Rule("1 or more, or auto", lambda value: value == "auto" or value >= 1)
NETWORK_SIZE = Rule("two multiples of 32, 64 or more", lambda size: all(side >= 64 and side % 32 == 0 for side in size))


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of all options.

    Raises:
        SettingsError: when made with values that cannot work; lists every fault.
    """

    def __post_init__(self) -> None:
        faults = [
            f"--{name} must be {rule.text}, got {value}"
            for name, rule in _rules(type(self))
            if (value := getattr(self, name)) is not None and not rule.holds(value)
        ]
        faults += self.contradictions()
        if faults:
            raise SettingsError("invalid settings:\n  " + "\n  ".join(faults))

    def contradictions(self) -> Iterator[str]:
        """Yield a line for each group of settings that do not work together."""
        yield from ()


def _rules(options: type[Options]) -> list[tuple[str, Rule]]:
    """Return (field, rule) pairs."""
    return [
        (name, rule)
        for name, kind in get_type_hints(options, include_extras=True).items()
        for rule in getattr(kind, "__metadata__", ())
        if isinstance(rule, Rule)
    ]


AnnotationType = Literal["Senior Orthodontists", "Junior Orthodontists", "mean"]
Truth = Literal["senior", "junior", "mean", "official"]
if TYPE_CHECKING:
    LossName = str
else:
    LossName = Literal[tuple(LOSSES)]

SOURCES: dict[str, Truth] = {"Senior Orthodontists": "senior", "Junior Orthodontists": "junior", "mean": "mean"}
"""The guide's name of an annotation -> the source of ``Film.points``."""


SEVERAL = " + "
"""Joins the names of several data sets."""


@dataclass(frozen=True, kw_only=True)
class LandmarkNames(Options):
    """Data"""

    landmarks: str | None = None
    """The landmarks and what they are called: aariz, isbi2015, cl_detection2023, or a YAML file; default: all known."""


@dataclass(frozen=True, kw_only=True)
class DataPaths(LandmarkNames):
    """Data"""

    dataset_path: tuple[Path, ...] = (Path("Aariz"),)
    """The data set: a folder in the Aariz layout or one of docs/data.md; several of them, or a YAML list of several."""
    splits_from: Path | None = None
    """CSV with each film's split (columns film, split) or patient (film, patient); not for the Aariz layout."""
    split_seed: int = 0
    """Draws train, valid and test (70, 15 and 15 %) of a data set without splits; a patient's films stay together."""
    cache_dir: Path | None = None
    """Cache of decoded films; default: the user's cache folder. Safe to delete while no command is using it."""


@dataclass(frozen=True, kw_only=True)
class DataSet(DataPaths):
    """Data"""

    leave_out: tuple[str, ...] = ()
    """Of several data sets, leave these out, by name; cephkit train then tests the model on them."""
    truth: Truth = "mean"
    """Landmarks to score against: senior, junior, the mean of both, or official (Aariz's ceil of the mean)."""
    skip_bad_films: bool = False
    """Skip films or labels that cannot be read; otherwise they are an error before any work starts."""

    @property
    def dataset(self) -> str:
        """The data set or data sets, for messages and results."""
        return SEVERAL.join(path.as_posix() for path in self.dataset_path)


@dataclass(frozen=True, kw_only=True)
class Twins(Options):
    """Data"""

    keep_twins: bool = False
    """Keep train films whose pixels are also in valid or test; otherwise they are left out of train, with a line."""


@dataclass(frozen=True, kw_only=True)
class Loader(Options):
    """Data"""

    num_workers: Annotated[int, at_least(0)] = 2
    """Loader processes; 0 loads in the main process."""


@dataclass(frozen=True, kw_only=True)
class Batches(Loader):
    """Data"""

    batch_size: Annotated[int, at_least(1)] = 2
    """Films per forward pass."""


@dataclass(frozen=True, kw_only=True)
class TrainingData(Loader, Twins, DataSet):
    """Data"""

    annotation_type: AnnotationType = "Senior Orthodontists"
    """Whose landmarks to learn."""
    use_ram_cache: bool = False
    """Keep the films in memory, one copy for all workers (1 MiB a film at 1024x1024)."""


@dataclass(frozen=True, kw_only=True)
class Network(Options):
    """Network"""

    model: str = "hrnet"
    """hrnet (= hrnet_w32), hrnet_w18_small, hrnet_w18, hrnet_w48, or any timm backbone with a stride-4 feature."""
    image_size: Annotated[tuple[int, int], NETWORK_SIZE] = (1024, 1024)
    """Network input, height and width in pixels; multiples of 32."""
    heatmap_stride: Literal[4, 2] = 4
    """Input pixels per heatmap cell."""
    loss: LossName = "adaptive_wing"
    """Heatmap loss: Adaptive Wing, or a cross-entropy over a 2-D softmax."""
    channels_last: bool = False
    """Channels-last memory layout of network and input; often faster."""
    use_ema: bool = False
    """Keep an exponential moving average of the weights, and use it to validate and for the best checkpoint."""


@dataclass(frozen=True, kw_only=True)
class SecondStageTraining(Options):
    """Second stage"""

    refine_size: Annotated[tuple[int, int] | None, NETWORK_SIZE] = None
    """Height and width of the films that the second stage crops from; default: the median size of the train films."""
    refine_epochs: Annotated[int, at_least(1)] = 40
    """Epochs of the second stage."""


@dataclass(frozen=True, kw_only=True)
class Views(Options):
    """Prediction"""

    tta: bool = False
    """Average several views of each film (turned, scaled, brighter, darker): slower, slightly more accurate."""


@dataclass(frozen=True, kw_only=True)
class SecondStage(Options):
    """Prediction"""

    refine: bool = True
    """Use the second stage of checkpoints that have one."""


@dataclass(frozen=True, kw_only=True)
class Seed(Options):
    """Computing"""

    seed: Annotated[int, at_least(0)] = 0
    """Random seed; the same seed gives the same result."""


@dataclass(frozen=True, kw_only=True)
class Device(Options):
    """Computing"""

    device: str = "auto"
    """auto (a CUDA card, else Apple's Metal, else the CPU), cuda, cuda:1, mps or cpu."""


@dataclass(frozen=True, kw_only=True)
class Compute(Device):
    """Computing"""

    mixed_precision: bool = False
    """Half precision: bfloat16 if the hardware supports it natively, else float16 (training then scales the loss)."""


@dataclass(frozen=True, kw_only=True)
class Overwrite(Options):
    """Output"""

    overwrite: bool = False
    """Replace files that exist."""
