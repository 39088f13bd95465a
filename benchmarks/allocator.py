"""What keeping freed memory saves of a training step on the CPU: ``python -m benchmarks.allocator``.

Two processes a round, with and without, in turn; the ratio of the medians of their mean step times.
"""

import statistics
import subprocess
import sys

ROUNDS = 3
STEP = """
import sys, time, torch
from cephkit.losses import build_loss
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.landmarks.shipped import AARIZ
from cephkit.training.launch import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
spec = ModelSpec("hrnet_w18_small", AARIZ.symbols, (256, 256))
model = build_model(spec, pretrained=False, notify=print).to(memory_format=torch.channels_last)
films = torch.rand(8, 1, 256, 256).contiguous(memory_format=torch.channels_last)
target, mask, loss = torch.rand(8, 29, 64, 64), torch.ones(8, 29, dtype=torch.bool), build_loss(spec.loss)
def step():
    with torch.autocast("cpu", torch.bfloat16):
        maps = model(films)
    loss(maps, target, mask).sum().backward()
    model.zero_grad()
for _ in range(3):
    step()
started = time.perf_counter()
for _ in range(12):
    step()
print((time.perf_counter() - started) / 12)
"""


def main() -> None:
    """Measure and print."""
    seconds: dict[str, list[float]] = {"return": [], "keep": []}
    for _ in range(ROUNDS):
        for kind, values in seconds.items():
            done = subprocess.run([sys.executable, "-c", STEP, kind], capture_output=True, text=True, check=True)
            values.append(float(done.stdout))
    given_back, kept = (statistics.median(values) for values in seconds.values())
    print("| freed memory | s a step (8 films, hrnet_w18_small, 256x256, bfloat16) |\n| --- | --- |")
    print(f"| given back | {given_back:.3f} |\n| kept | {kept:.3f} ({kept / given_back:.2f} of it) |")


if __name__ == "__main__":
    main()
