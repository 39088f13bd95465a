"""How many films a pass takes, and how much memory the process may take: before the run starts."""

import torch

from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.memory import GIB
from cephkit.memory.recover import Packing
from cephkit.notice import Notify

USUAL_EFFECTIVE_BATCH = 6
"""The guide's."""


def memory_budget(config: TrainConfig, device: torch.device) -> int | None:
    """Bytes that this process may take of its card: ``--vram_budget``, or what is free now; None without a card."""
    if config.vram_budget is not None:
        return round(config.vram_budget * GIB)
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def cap_memory(config: TrainConfig, device: torch.device, notify: Notify) -> None:
    """Hold the process to its budget on a CUDA card.

    Beyond what is free, drivers on Windows spill into system memory without a word, and steps take ten times as long;
    below it, running out is an error that the run answers.
    """
    budget = memory_budget(config, device)
    if device.type != "cuda" or budget is None:
        return
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, budget / total), device)
    source = "free now" if config.vram_budget is None else "--vram_budget"
    capped = min(budget, total) / GIB
    notify(f"GPU memory of this process is capped at {capped:.2f} GiB ({source}) of {total / GIB:.2f} GiB")


def choose_packing(
    config: TrainConfig, landmarks: int, device: torch.device, notify: Notify
) -> Packing:  # fmt: skip
    """The passes of an optimiser step: those of the settings, or for ``auto`` the fastest that fit into memory.

    Raises:
        SettingsError: nothing fits, or there is no card and no ``--vram_budget`` to fit into.
    """
    size, recompute = config.batch_size, config.recompute
    if size != "auto" and recompute != "auto":
        return Packing(size, config.gradient_accumulation_steps, recompute)
    budget = memory_budget(config, device)
    if budget is None:
        raise SettingsError(
            "--batch_size auto and --recompute auto fit a run into the memory of a card, and there is none here",
            "give numbers, or the size to plan for with --vram_budget GIB",
        )
    from cephkit.memory.plan import choose_setting
    from cephkit.memory.trace import Workload

    fixed = None if size == "auto" else size
    effective = config.effective_batch or USUAL_EFFECTIVE_BATCH
    row = choose_setting(
        Workload.of(config, landmarks), budget,
        effective if fixed is None else fixed * config.gradient_accumulation_steps,
        batch_size=fixed, recompute=None if recompute == "auto" else recompute,
    )  # fmt: skip
    packing = row.packing
    notify(
        f"planned for {budget / GIB:.2f} GiB: {packing}, predicted peak {row.memory.card / GIB:.2f} GiB, "
        f"{row.relative_time:.2f} times the time of 2 x 3 without recomputation"
    )
    return packing
