"""What makes a training step faster: precision, memory layout, optimiser. ``python -m benchmarks.step [--device cpu]``

Every variant takes turns in one process; the fastest step of each counts. Batch 8 of ``hrnet_w18_small`` at 256x256
on the CPU, batch 2 of ``hrnet`` at 1024x1024 on a card.
"""

import argparse
import time
from collections.abc import Callable

import torch

from cephkit.landmarks.shipped import AARIZ
from cephkit.losses import build_loss
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.training.launch import keep_freed_memory

VARIANTS = {
    "float32": (False, False, False),
    "float32, channels_last": (False, True, False),
    "half precision": (True, False, False),
    "half precision, channels_last": (True, True, False),
    "half precision, channels_last, fused AdamW": (True, True, True),
}
"""Name -> (half precision, channels_last, fused optimiser)."""


def make_step(device: torch.device, half: bool, channels_last: bool, fused: bool) -> tuple[Callable[[], None], int]:
    """(one training step, films in it)."""
    on_cpu = device.type == "cpu"
    spec = ModelSpec("hrnet_w18_small" if on_cpu else "hrnet", AARIZ.symbols, (256, 256) if on_cpu else (1024, 1024))
    batch = 8 if on_cpu else 2
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = build_model(spec, pretrained=False, notify=print).to(device).to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), fused=fused or None)
    films = torch.rand(batch, 1, *spec.canvas_size, device=device).contiguous(memory_format=layout)
    target = torch.rand(batch, len(AARIZ.symbols), *spec.grid_size, device=device)
    mask, loss = torch.ones(batch, len(AARIZ.symbols), dtype=torch.bool, device=device), build_loss(spec.loss)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            maps = model(films)
        loss(maps, target, mask).sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step, batch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    steps = {name: make_step(torch.device(options.device), *how) for name, how in VARIANTS.items()}
    fastest = dict.fromkeys(VARIANTS, float("inf"))
    for round_ in range(options.rounds + 1):
        for name, (step, _) in steps.items():
            started = time.perf_counter()
            step()
            if round_:
                fastest[name] = min(fastest[name], time.perf_counter() - started)
    base = fastest["float32"]
    print("| step | ms a film | of float32 |\n| --- | --- | --- |")
    for name, (_, films) in steps.items():
        print(f"| {name} | {1000 * fastest[name] / films:.1f} | {fastest[name] / base:.2f} |")


if __name__ == "__main__":
    main()
