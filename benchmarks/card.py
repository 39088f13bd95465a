"""Peak memory and speed on a CUDA card against the plan: ``python -m benchmarks.card [--budget 8] [--steps 50]``

The process is capped at ``--budget`` GiB, so that any larger card stands in for one of 8 GB. Runs the guide's three
rows and the recomputing ones on random films; films/s and peaks go to standard output as one table.
"""

import argparse
import time
from typing import Any

import torch

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch
from cephkit.landmarks.shipped import AARIZ
from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions, Estimator
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import Recompute
from cephkit.memory.trace import Workload
from cephkit.models.build import build_model
from cephkit.task.heatmaps import HeatmapTask

ROWS: tuple[tuple[str, int, int, int, Recompute], ...] = (
    ("hrnet", 1024, 2, 3, "none"), ("hrnet", 1024, 2, 2, "none"), ("hrnet", 1024, 1, 6, "none"),
    ("hrnet", 1024, 2, 3, "block"), ("hrnet", 1024, 2, 3, "stage"), ("hrnet", 1024, 6, 1, "stage"),
    ("hrnet_w48", 1024, 6, 1, "stage"), ("hrnet", 2048, 2, 3, "stage"),
)  # fmt: skip
"""(model, side of the image, micro-batch, accumulation, recomputation)."""


def measure(row: tuple[str, int, int, int, Recompute], steps: int) -> tuple[float, float]:
    """(GiB of tensors at the peak, films/s) of ``steps`` optimiser steps."""
    model_name, side, batch, accumulation, recompute = row
    config = TrainConfig(model=model_name, image_size=(side, side), mixed_precision=True)
    spec = Workload.of(config).spec
    model: Any = build_model(spec, pretrained=False, notify=print).cuda()
    apply_recompute(model, recompute)
    optimizer, task = torch.optim.AdamW(model.parameters()), HeatmapTask(spec, torch.device("cuda"), False, False)
    films = Batch(
        torch.randint(0, 256, (batch, 1, side, side), dtype=torch.uint8, device="cuda"),
        torch.rand(batch, len(AARIZ.symbols), 2, device="cuda") * side,
        torch.ones(batch, len(AARIZ.symbols), dtype=torch.bool, device="cuda"),
        torch.arange(batch),
    )

    def network(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            maps: torch.Tensor = model(images)
        return maps

    torch.cuda.reset_peak_memory_stats()
    for step in range(steps + 2):
        if step == 2:  # the first steps choose algorithms
            torch.cuda.synchronize()
            started = time.perf_counter()
        for _ in range(accumulation):
            task(network, films).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    rate = steps * accumulation * batch / (time.perf_counter() - started)
    return torch.cuda.max_memory_allocated() / GIB, rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=8.0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rows", type=int, nargs="*", default=range(len(ROWS)), help="of ROWS, counted from 0")
    options = parser.parse_args()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, options.budget * GIB / total))
    torch.backends.cudnn.benchmark = True
    print(f"{torch.cuda.get_device_name()}, capped at {options.budget:g} GiB, torch {torch.__version__}\n")
    print("| model | image | batch | recompute | planned GiB | measured GiB | planned / measured | films/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in (ROWS[index] for index in options.rows):
        model, side, batch, accumulation, recompute = row
        config = TrainConfig(model=model, image_size=(side, side), mixed_precision=True, augment=False)
        planned = Estimator(Workload.of(config), Assumptions()).memory(batch, accumulation, recompute).allocated / GIB
        try:
            measured, rate = measure(row, options.steps)
            result = f"{measured:.2f} | {planned / measured:.3f} | {rate:.1f}"
        except torch.OutOfMemoryError:
            result = "out of memory | - | -"
        torch.cuda.empty_cache()
        print(f"| {model} | {side} | {batch} x {accumulation} | {recompute} | {planned:.2f} | {result} |", flush=True)


if __name__ == "__main__":
    main()
