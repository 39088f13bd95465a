"""What the input pipeline adds to a training step: real films from the loader, against films already on the device.

    python -m benchmarks.pipeline --dataset_path D [--rounds 4] [flags of cephkit train]

Both kinds of epoch alternate in one process and take the same code but for where a batch comes from; the ratio of
their fastest epochs counts.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch
from cephkit.screen import ProgressBar
from cephkit.settings.reading import parse
from cephkit.training.context import Run
from cephkit.training.loop import train_epoch
from cephkit.training.run import set_up


class OnDevice:
    """Hands out the first batches that a loader gave, again and again, from the device's memory."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._batch = Batch(*(part.to(run.fabric.device) for part in next(iter(run.loader))))

    def __iter__(self) -> Any:
        for micro in self._run.sampler.plan:
            yield Batch(*(part[: len(micro.films)] for part in self._batch))


def epoch_seconds(run: Run) -> float:
    """Seconds of one epoch of training."""
    run.state.progress.epoch_steps = 0
    started = time.perf_counter()
    train_epoch(run, stop=lambda: False)
    if run.fabric.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    options, flags = parser.parse_known_args()
    config = parse(TrainConfig, flags, "benchmarks.pipeline")
    with tempfile.TemporaryDirectory() as folder:
        places = {"save_dir": Path(folder), "log_dir": Path(folder), "epochs": 2 * options.rounds + 3}
        run = set_up(TrainConfig(**{**vars(config), **places}), ProgressBar(quiet=True))
        run.log, loader = None, run.loader
        run.sampler.plan = []
        epoch_seconds(run)
        fixed = OnDevice(run)
        seconds: dict[str, list[float]] = {"loader": [], "device": []}
        for _ in range(options.rounds):
            for kind, source in (("loader", loader), ("device", fixed)):
                run.loader = source  # type: ignore[assignment]
                seconds[kind].append(epoch_seconds(run))
        from_loader, from_device = min(seconds["loader"]), min(seconds["device"])
    print(f"{config.model} at {config.image_size}, {config.num_workers} workers, {run.films} films an epoch\n")
    print("| films from | s an epoch, fastest | films/s |\n| --- | --- | --- |")
    print(f"| the device | {from_device:.2f} | {run.films / from_device:.1f} |")
    print(f"| the loader | {from_loader:.2f} | {run.films / from_loader:.1f} |")
    print(f"\noverhead of the pipeline: {100 * (from_loader / from_device - 1):.1f} %")


if __name__ == "__main__":
    main()
