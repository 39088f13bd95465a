"""A plan as text: a table of settings, and what takes the memory of the best one."""

from cephkit.memory import GIB
from cephkit.memory.estimate import Memory
from cephkit.memory.plan import Plan, Row


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
    lines += ["", f"{'recommended' if plan.recommended else 'the least'}: {_flags(best)}", *_parts(best.memory), ""]
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
