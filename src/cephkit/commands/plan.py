"""``cephkit plan``: will it fit? A table of settings for a card, made without one."""

import json
import math
from dataclasses import dataclass
from typing import Literal

from cephkit.config import LossName, parse
from cephkit.errors import SettingsError
from cephkit.landmarks import LANDMARKS
from cephkit.memory.estimate import GIB, Assumptions, Memory
from cephkit.memory.plan import Plan, Row, make_plan
from cephkit.memory.trace import Workload
from cephkit.models.spec import ModelSpec

SMALLEST_VRAM = 1.0


@dataclass(frozen=True)
class PlanOptions:
    """Predict the GPU memory of a training run, and choose micro-batch, accumulation and recomputation.

    Needs no GPU. Exit status 0 where a setting fits, else 1.
    """

    model: str = "hrnet"
    """The network, as for cephkit train."""
    image_size: tuple[int, int] = (1024, 1024)
    """Network input, height and width in pixels; multiples of 32."""
    vram: float = 8.0
    """Memory of the card, GiB."""
    effective_batch: int = 6
    """Films per optimiser step: batch_size x gradient_accumulation_steps."""
    mixed_precision: bool = True
    """Half-precision forward and backward."""
    use_ema: bool = False
    """Keep an average of the weights."""
    channels_last: bool = False
    """Channels-last memory layout."""
    loss: LossName = "adaptive_wing"
    """Heatmap loss."""
    heatmap_stride: Literal[4, 2] = 4
    """Input pixels per heatmap cell."""
    landmarks: int = len(LANDMARKS)
    """Number of landmarks."""
    margin: float = 0.25
    """GiB that shall stay free."""
    desktop: float = Assumptions.desktop_gib
    """Assumed: GiB that desktop, browser and other programs hold; nvidia-smi shows it."""
    context: float = Assumptions.context_gib
    """Assumed: GiB of CUDA itself."""
    workspace: float = Assumptions.workspace
    """Assumed: scratch memory of a convolution, as a share of what it reads and writes."""
    fragmentation: float = Assumptions.fragmentation
    """Assumed: share that the allocator holds without using it."""
    json: bool = False
    """Print JSON, bytes, instead of the table."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, all of them in one ``SettingsError``."""
        wrong = [
            f"--{name} must be {least:g} or more, got {getattr(self, name)}"
            for name, least in (
                ("vram", SMALLEST_VRAM), ("effective_batch", 1), ("landmarks", 1), ("margin", 0), ("desktop", 0),
                ("context", 0), ("workspace", 0), ("fragmentation", 0),
            )
            if not (getattr(self, name) >= least and math.isfinite(getattr(self, name)))
        ]  # fmt: skip
        if any(side < 64 or side % 32 for side in self.image_size):
            wrong.append(f"--image_size must be two multiples of 32, 64 or more, got {self.image_size}")
        if wrong:
            raise SettingsError("settings that cannot work:\n  " + "\n  ".join(wrong))


def main(argv: list[str]) -> int:
    """Run the command; 0 where a setting fits, else 1.

    Raises:
        SettingsError: there is no such network, or settings that cannot work.
    """
    options = parse(PlanOptions, argv, "cephkit plan")
    symbols = tuple(f"landmark {index}" for index in range(options.landmarks))
    spec = ModelSpec(options.model, symbols, options.image_size, options.heatmap_stride, loss=options.loss)
    workload = Workload(spec, options.mixed_precision, options.use_ema, options.channels_last)
    assumptions = Assumptions(options.context, options.desktop, options.workspace, options.fragmentation)
    plan = make_plan(
        workload, int(options.vram * GIB), options.effective_batch, assumptions, int(options.margin * GIB)
    )  # fmt: skip
    print(json.dumps(plan.to_dict(), indent=2) if options.json else table(plan))
    return 0 if plan.recommended else 1


def table(plan: Plan) -> str:
    """The plan as text."""
    workload, spec = plan.workload, plan.workload.spec
    height, width = spec.canvas_size
    precision = "half precision" if workload.mixed_precision else "float32"
    extras = ", averaged weights" * workload.use_ema + ", channels last" * workload.channels_last
    lines = [
        f"{spec.model} at {height}x{width}, {len(spec.symbols)} landmarks, heatmap stride {spec.heatmap_stride}, "
        f"{precision}{extras}; card of {plan.vram / GIB:g} GiB, {plan.margin / GIB:g} GiB to stay free",
        "",
        "  batch  accumulation  recompute   tensors   process      card    margin   time",
        "    size         steps                  GiB       GiB       GiB       GiB",
    ]
    lines += [_line(row, row is plan.recommended) for row in plan.rows]
    shown = plan.recommended or min(plan.rows, key=lambda row: row.memory.card)
    lines += ["", f"{'recommended' if plan.recommended else 'the least'}: {_flags(shown)}", *_parts(shown.memory), ""]
    lines += [
        "tensors: torch.cuda.max_memory_allocated; process: with fragmentation and CUDA; card: with the desktop.",
        "time: per film, 1 = batch 2 x 3 without recomputation; estimated for an RTX 3070 Ti from arithmetic, memory",
        "traffic and at least 8 microseconds an operation. (assumed): not traced; an option sets it.",
    ]
    lines += [] if plan.recommended else ["", "NOTHING FITS.", *(f"  {remedy}" for remedy in plan.remedies)]
    return "\n".join(lines)


def _line(row: Row, recommended: bool) -> str:
    memory = row.memory
    marks = ["fits" if row.fits else "too large"]
    marks += ["guide"] * row.guide + ["<- recommended"] * recommended
    return (
        f"{row.batch_size:>8}{row.gradient_accumulation_steps:>14}  {row.recompute:<9}{memory.allocated / GIB:>10.2f}"
        f"{memory.process / GIB:>10.2f}{memory.card / GIB:>10.2f}{row.margin / GIB:>10.2f}{row.relative_time:>7.2f}"
        f"  {', '.join(marks)}"
    )


def _flags(row: Row) -> str:
    return (
        f"--batch_size {row.batch_size} --gradient_accumulation_steps {row.gradient_accumulation_steps} "
        f"--recompute {row.recompute}"
    )


def _parts(memory: Memory) -> list[str]:
    """The lines of the peak, and the peaks of the step's parts."""
    parts = [
        ("weights", memory.weights), ("gradients", memory.gradients), ("optimiser", memory.optimizer),
        ("averaged weights", memory.ema), ("input, targets, loss, augmentation", memory.inputs),
        ("activations kept for the backward pass", memory.activations),
        ("temporaries of the backward pass", memory.temporaries), ("convolution workspace (assumed)", memory.workspace),
        ("fragmentation (assumed)", memory.fragmentation), ("CUDA context (assumed)", memory.context),
        ("desktop and other programs (assumed)", memory.desktop), ("card", memory.card),
    ]  # fmt: skip
    lines = [f"  {name:<42}{nbytes / GIB:>7.2f} GiB" for name, nbytes in parts]
    return [
        *lines,
        f"  The peak is in the {memory.peak_of}. Tensors at the peak of training {memory.training_peak / GIB:.2f}, of "
        f"the optimiser's update {memory.update_peak / GIB:.2f}, of validation {memory.validation_peak / GIB:.2f} GiB.",
    ]
