"""Traced peak and measured speed over model, micro-batch and recomputation, on the CPU: ``python -m benchmarks.memory``

The peak is the plan's for a card (``benchmarks/card.py`` measures it there); films/s are of real steps at 256x256 in
bfloat16, fastest of three, all variants in one process.
"""

import time

import torch

from cephkit.config import TrainConfig
from cephkit.landmarks.shipped import AARIZ
from cephkit.losses import build_loss
from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions, Estimator
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import Recompute
from cephkit.memory.trace import Workload
from cephkit.models.build import build_model
from cephkit.training.launch import keep_freed_memory

MODELS = ("hrnet_w18_small", "hrnet_w18")
BATCHES = (1, 2, 4)
MODES: tuple[Recompute, ...] = ("none", "block", "stage")


def seconds_a_film(workload: Workload, batch: int, mode: Recompute) -> float:
    """Fastest of three training steps after a first one."""
    spec = workload.spec
    model = build_model(spec, pretrained=False, notify=print).to(memory_format=torch.channels_last)
    apply_recompute(model, mode)
    films = torch.rand(batch, 1, *spec.canvas_size).contiguous(memory_format=torch.channels_last)
    target, loss = torch.rand(batch, len(AARIZ.symbols), *spec.grid_size), build_loss(spec.loss)
    mask = torch.ones(batch, len(AARIZ.symbols), dtype=torch.bool)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            maps = model(films)
        loss(maps, target, mask).sum().backward()
        model.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:]) / batch


def main() -> None:
    """Measure and print."""
    keep_freed_memory()
    print("| model | films a pass | recompute | traced peak MiB | films/s | time of none |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in MODELS:
        workload = Workload.of(TrainConfig(model=name, image_size=(256, 256), mixed_precision=True, channels_last=True))
        estimator = Estimator(workload, Assumptions())
        for batch in BATCHES:
            base = None
            for mode in MODES:
                taken = seconds_a_film(workload, batch, mode)
                base = base or taken
                peak = estimator.memory(batch, 1, mode).allocated / GIB * 1024
                print(f"| {name} | {batch} | {mode} | {peak:.0f} | {1 / taken:.1f} | {taken / base:.2f} |", flush=True)


if __name__ == "__main__":
    main()
