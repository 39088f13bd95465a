"""``cephkit plan``: will it fit? A table of settings for a card, computed without one."""

import json
from dataclasses import dataclass
from typing import Annotated

from cephkit.landmarks.shipped import AARIZ
from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions
from cephkit.memory.plan import make_plan, plan_text
from cephkit.memory.trace import Workload
from cephkit.models.spec import ModelSpec
from cephkit.settings.options import Network, at_least
from cephkit.settings.reading import parse

SMALLEST_VRAM = 1.0
NonNegative = Annotated[float, at_least(0)]


@dataclass(frozen=True, kw_only=True)
class PlanOptions(Network):
    """Predict the GPU memory of a training run, and choose micro-batch, accumulation and recomputation.

    Needs no GPU. Exit status 0 if a setting fits, else 1.
    """

    vram: Annotated[float, at_least(SMALLEST_VRAM)] = 8.0
    """Memory of the card, GiB."""
    effective_batch: Annotated[int, at_least(1)] = 6
    """Films per optimiser step: batch_size x gradient_accumulation_steps."""
    mixed_precision: bool = True
    """Half-precision forward and backward."""
    landmarks: Annotated[int, at_least(1)] = len(AARIZ.landmarks)
    """Number of landmarks."""
    margin: NonNegative = 0.25
    """GiB to leave free."""
    desktop: NonNegative = Assumptions.desktop_gib
    """Assumed: GiB used by the desktop, the browser and other programs; nvidia-smi shows it."""
    context: NonNegative = Assumptions.context_gib
    """Assumed: GiB of CUDA itself."""
    workspace: NonNegative = Assumptions.workspace
    """Assumed: scratch memory of a convolution, as a share of what it reads and writes."""
    fragmentation: NonNegative = Assumptions.fragmentation
    """Assumed: share that the allocator holds without using it."""
    json: bool = False
    """Print JSON, in bytes, instead of the table."""


def main(argv: list[str]) -> int:
    """Run ``cephkit plan``; the status is 0 if a setting fits, else 1.

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
    print(json.dumps(plan.to_dict(), indent=2) if options.json else plan_text(plan))
    return 0 if plan.recommended else 1
