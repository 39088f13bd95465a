"""Which micro-batch, accumulation and recomputation to train with on a card of a given size, also as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cephkit.errors import SettingsError
from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions, Estimator, Memory
from cephkit.memory.recover import Packing, Recompute
from cephkit.memory.trace import Workload

MODES: tuple[Recompute, ...] = ("none", "block", "stage")
GUIDE_SETTINGS = ((2, 3), (2, 2), (1, 6))
"""Micro-batch and accumulation of the guide's three rows, without recomputation."""
EQUAL_TIME = 0.02
"""Settings whose times differ by a smaller share count as equally fast."""
SMALLER_MODEL = "hrnet_w18_small"
SMALLER_SIDES = (0.75, 0.5)


@dataclass(frozen=True)
class Row:
    """One setting and what is predicted for it."""

    batch_size: int
    gradient_accumulation_steps: int
    recompute: Recompute
    memory: Memory
    margin: int
    """Bytes of the card that stay free; negative where it does not fit."""
    relative_time: float
    """Time per film, as a multiple of the guide's 2 x 3 without recomputation."""
    fits: bool
    """Whether the margin is at least the one asked for."""
    guide: bool
    """One of the guide's three settings."""

    @property
    def effective_batch(self) -> int:
        """Films per optimiser step."""
        return self.batch_size * self.gradient_accumulation_steps

    @property
    def packing(self) -> Packing:
        """The passes of an optimiser step."""
        return Packing(self.batch_size, self.gradient_accumulation_steps, self.recompute)

    def to_dict(self) -> dict[str, Any]:
        """Plain types; memory in bytes."""
        return asdict(self) | {"memory": self.memory.to_dict(), "effective_batch": self.effective_batch}


@dataclass(frozen=True)
class Plan:
    """All settings of an effective batch, and the best."""

    workload: Workload
    assumptions: Assumptions
    vram: int
    """Bytes of the card."""
    margin: int
    """Bytes to keep free."""
    rows: tuple[Row, ...]
    recommended: Row | None
    """The fastest row that fits, None where none does."""
    remedies: tuple[str, ...] = ()
    """Where nothing fits: what would."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types, bytes."""
        workload = asdict(self.workload) | {"spec": self.workload.spec.to_dict()}
        workload["spec"]["symbols"] = len(self.workload.spec.symbols)
        return {
            "workload": workload,
            "assumptions": asdict(self.assumptions),
            "vram": self.vram,
            "margin": self.margin,
            "rows": [row.to_dict() for row in self.rows],
            "recommended": None if self.recommended is None else self.recommended.to_dict(),
            "remedies": list(self.remedies),
        }


def make_plan(
    workload: Workload,
    vram: int,
    effective_batch: int = 6,
    assumptions: Assumptions | None = None,
    margin: int = 0,
    batch_sizes: Sequence[int] | None = None,
    modes: Sequence[Recompute] = MODES,
) -> Plan:
    """Predict all settings with this effective batch, and the guide's.

    Args:
        workload: what is trained.
        vram: bytes of the card.
        effective_batch: films per optimiser step; micro-batch times accumulation is exactly this.
        assumptions: about what cannot be traced.
        margin: bytes to keep free.
        batch_sizes: the micro-batches to choose from, default all.
        modes: the ways of recomputation to choose from.

    Raises:
        SettingsError: there is no such network, or no micro-batch divides the effective batch.
    """
    assumptions = assumptions or Assumptions()
    divisors = [size for size in range(1, effective_batch + 1) if effective_batch % size == 0]
    sizes = divisors if batch_sizes is None else [size for size in divisors if size in batch_sizes]
    if not sizes:
        raise SettingsError(
            f"effective batch {effective_batch} is not a multiple of batch size "
            f"{', '.join(map(str, batch_sizes or ()))}",
            f"use one of {', '.join(map(str, divisors))}",
        )
    estimator = Estimator(workload, assumptions)
    reference = estimator.film_seconds(*GUIDE_SETTINGS[0], "none")
    possible = [mode for mode in modes if len(modes) == 1 or mode == "none" or _can_recompute(estimator, mode)]
    settings = [(size, effective_batch // size, mode) for mode in possible for size in sizes]
    chosen_from = set(settings)
    settings += [(*guide, "none") for guide in GUIDE_SETTINGS if (*guide, "none") not in chosen_from]
    rows = []
    for size, accumulation, mode in settings:
        memory = estimator.memory(size, accumulation, mode)
        left = vram - memory.card
        rows.append(
            Row(
                size, accumulation, mode, memory, left, estimator.film_seconds(size, accumulation, mode) / reference,
                fits=left >= margin, guide=(size, accumulation) in GUIDE_SETTINGS and mode == "none",
            )
        )  # fmt: skip
    asked = [row for row in rows if (row.batch_size, row.gradient_accumulation_steps, row.recompute) in chosen_from]
    recommended = best(asked)
    plan = Plan(workload, assumptions, vram, margin, tuple(rows), recommended)
    return plan if recommended else replace(plan, remedies=tuple(_remedies(plan)))


def best(rows: Iterable[Row]) -> Row | None:
    """The fastest row that fits; of equally fast ones that with most films at once, for BatchNorm's sake."""
    fitting = [row for row in rows if row.fits]
    if not fitting:
        return None
    fastest = min(row.relative_time for row in fitting)
    equal = [row for row in fitting if row.relative_time <= fastest * (1 + EQUAL_TIME)]
    return max(equal, key=lambda row: (row.batch_size, -row.relative_time))


def choose_setting(
    workload: Workload,
    budget: int,
    effective_batch: int,
    batch_size: int | None = None,
    recompute: Recompute | None = None,
) -> Row:
    """The best setting for a training process that may take ``budget`` bytes of its card.

    Args:
        workload: what is trained, ``Workload.of(config, landmarks)``.
        budget: bytes for this process, CUDA's own included; what others hold on the card is not.
        effective_batch: films per optimiser step and card.
        batch_size: keep this micro-batch; None: choose it.
        recompute: keep this way of recomputation; None: choose it.

    Raises:
        SettingsError: nothing fits; the message says what would.
    """
    plan = make_plan(
        workload, budget, effective_batch, Assumptions(desktop_gib=0.0),
        batch_sizes=None if batch_size is None else [batch_size], modes=MODES if recompute is None else [recompute],
    )  # fmt: skip
    if plan.recommended is None:
        least = min(plan.rows, key=lambda row: row.memory.card)
        raise SettingsError(
            f"{workload.spec.model} at {_size(workload)} does not fit into {budget / GIB:.2f} GiB: the least is "
            f"{least.memory.card / GIB:.2f} GiB with --batch_size {least.batch_size} --recompute {least.recompute}",
            "; ".join(plan.remedies),
        )
    return plan.recommended


def _can_recompute(estimator: Estimator, mode: Recompute) -> bool:
    """Whether the network has anything that this mode recomputes."""
    try:
        estimator.film_seconds(1, 1, mode)
    except SettingsError:
        return False
    return True


def _remedies(plan: Plan) -> list[str]:
    """What would fit where nothing does: changes of the workload, the gentlest first, with one film at a time."""
    workload, room = plan.workload, plan.vram - plan.margin
    least = min(plan.rows, key=lambda row: row.memory.card)
    needed = least.memory.card + plan.margin
    remedies = []
    if least.batch_size > 1 or least.recompute != "stage":
        remedies.append(("--batch_size 1 --recompute stage", workload))
    if not workload.mixed_precision:
        remedies.append(("--mixed_precision", replace(workload, mixed_precision=True)))
    for share in SMALLER_SIDES:
        smaller = workload.resized(workload.spec.model, share)
        height, width = smaller.spec.canvas_size
        remedies.append((f"--image_size {height} {width}", smaller))
    if workload.spec.model != SMALLER_MODEL:
        remedies.append((f"--model {SMALLER_MODEL}", workload.resized(SMALLER_MODEL, 1.0)))
    found = []
    for text, changed in remedies:
        estimator = Estimator(changed, plan.assumptions, traced=(1,))
        mode: Recompute = "stage" if _can_recompute(estimator, "stage") else "none"
        needs = estimator.memory(1, 2, mode).card
        if needs <= room:
            found.append(f"{text} would fit ({needs / GIB:.2f} GiB with --batch_size 1 --recompute {mode})")
    return [*found, f"a card with {needed / GIB:.1f} GiB would do"]


def _size(workload: Workload) -> str:
    height, width = workload.spec.canvas_size
    return f"{height}x{width}"


def plan_text(plan: Plan) -> str:
    """Return the plan as text."""
    workload, spec = plan.workload, plan.workload.spec
    height, width = spec.canvas_size
    precision = "half precision" if workload.mixed_precision else "float32"
    extras = ", averaged weights" * workload.use_ema + ", channels last" * workload.channels_last
    lines = [
        f"{spec.model} at {height}x{width}, {len(spec.symbols)} landmarks, heatmap stride {spec.heatmap_stride}, "
        f"{precision}{extras}; card of {plan.vram / GIB:g} GiB, {plan.margin / GIB:g} GiB to leave free",
        "",
        "  batch  accumulation  recompute   tensors   process      card    margin   time",
        "    size         steps                  GiB       GiB       GiB       GiB",
    ]
    lines += [_line(row, row is plan.recommended) for row in plan.rows]
    best = plan.recommended or min(plan.rows, key=lambda row: row.memory.card)
    lines += [
        "",
        f"{'recommended' if plan.recommended else 'the least'}: {best.packing.flags}",
        *_parts(best.memory),
        "",
    ]
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


def _parts(memory: Memory) -> list[str]:
    """Return the lines of the peak, and the peaks of the step's parts."""
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
        f"  The peak is during {memory.peak_of}. Tensors at the peak of training {memory.training_peak / GIB:.2f}, of "
        f"the optimiser's update {memory.update_peak / GIB:.2f}, of validation {memory.validation_peak / GIB:.2f} GiB.",
    ]
