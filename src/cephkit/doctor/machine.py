"""Memory, disks and processor cores, against what a run with these settings needs."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from cephkit.checkpoint import checkpoint_bytes
from cephkit.config import TrainConfig
from cephkit.data.store_builder import check_memory
from cephkit.doctor.checks import Check, failure, gib, ok, refused, warning
from cephkit.errors import DataError
from cephkit.geometry import Size
from cephkit.memory import GIB

PROGRAM_BYTES = 3 * GIB
"""Assumed for the training process with CUDA's libraries, without films."""
WORKER_BYTES = GIB // 2
"""Assumed for each loader process."""
WINDOWS_PROCESS_BYTES = 3 * GIB
"""Assumed: what Windows reserves for each process with CUDA's libraries, used or not (error 1455 if it cannot)."""
LOADERS = 2
"""One for training and one for validation; both keep their workers."""
SHARED_MEMORY = Path("/dev/shm")
LOG_BYTES = GIB // 8
"""Assumed for TensorBoard events and tables of a run."""


@dataclass(frozen=True)
class Needs:
    """What the settings need of memory and disk, bytes."""

    films: int
    """Train and valid films."""
    held: int
    """Number of films in the cache."""
    cache: int
    second_cache: int
    """The cache of the second stage, at its own size."""
    weights: int
    """A checkpoint of the best weights."""
    state: int
    """A checkpoint to resume from: weights, AdamW's two averages, and the moving average of the weights."""
    periodic: int
    """Number of checkpoint_epoch_*.pth."""

    @classmethod
    def of(cls, config: TrainConfig, films: int, parameters: int, detail: Size = (0, 0)) -> "Needs":
        """Work out the needs of ``config`` for this many train and valid films and network ``parameters``.

        ``detail`` is the canvas of the second stage.
        """
        held = films if config.hold is None else min(config.hold, films)
        weights, state = checkpoint_bytes(parameters, config.use_ema)
        periodic = config.epochs // config.save_frequency if config.save_frequency else 0
        cache = held * config.image_size[0] * config.image_size[1]
        second_cache = held * detail[0] * detail[1] if config.refine else 0
        return cls(films, held, cache, second_cache, weights, state, periodic)

    @property
    def caches(self) -> str:
        """What the caches hold, in words."""
        both = f" and {gib(self.second_cache)} for the second stage" if self.second_cache else ""
        return f"{gib(self.cache)}{both} ({self.held} films)"

    @property
    def checkpoints(self) -> int:
        """Bytes of all checkpoints at the end, including one that is being written."""
        return self.weights + (2 + self.periodic) * self.state


def parameter_count(config: TrainConfig, landmarks: int) -> int:
    """Count the numbers in the network's state, without building it if that can be avoided."""
    import torch

    from cephkit.models.build import build_model
    from cephkit.models.spec import ModelSpec

    symbols = tuple(map(str, range(max(1, landmarks))))
    spec = ModelSpec(config.model, symbols, config.image_size, config.heatmap_stride, config.sigma, config.loss)
    try:
        with torch.device("meta"):
            model = build_model(spec, pretrained=False, notify=lambda line: None)
    except (RuntimeError, NotImplementedError):  # some backbones compute while being built
        model = build_model(spec, pretrained=False, notify=lambda line: None)
    return sum(tensor.numel() for tensor in model.state_dict().values())


def memory_check(config: TrainConfig, needs: Needs) -> Check:
    """Check the machine's memory against program, workers and film cache."""
    memory = psutil.virtual_memory()
    found = f"{gib(memory.available)} of {gib(memory.total)} free"
    workers = config.num_workers * LOADERS
    base = PROGRAM_BYTES + workers * WORKER_BYTES
    asks = f"the program and {workers} loader workers (train, valid) take about {gib(base)} (assumed)"
    if needs.held:
        asks += f", the film cache {needs.caches}"
    try:
        check_memory(needs.held, config.image_size)
    except DataError as error:
        return refused("memory", error, "use --limited_ram_cache")
    if base + needs.cache + needs.second_cache > memory.available:
        remedy = "close other programs; --num_workers 0 saves most of the rest"
        return warning("memory", f"{found}; {asks}", f"{remedy}, then --limited_ram_cache" if needs.held else remedy)
    return ok("memory", f"{found}; {asks}")


def page_file_check(config: TrainConfig) -> Check | None:
    """Check the room for what Windows reserves for each process; None on other systems."""
    if platform.system() != "Windows":
        return None
    swap = psutil.swap_memory()
    free = psutil.virtual_memory().available + swap.free
    processes = 1 + config.num_workers * LOADERS
    need = processes * WINDOWS_PROCESS_BYTES
    found = (
        f"{gib(swap.total)}; memory and page file have {gib(free)} free, {processes} processes may reserve {gib(need)} "
        "(assumed)"
    )
    if need > free:
        return warning(
            "page file", found,
            "if training stops with error 1455, use --num_workers 0, or let Windows manage the size: System > Advanced "
            "> Performance > Virtual memory",
        )  # fmt: skip
    return ok("page file", found)


def shared_memory_check(config: TrainConfig, batch_size: int) -> Check | None:
    """Check /dev/shm, where loader workers pass films on; None without workers or without that folder."""
    if config.num_workers == 0 or platform.system() != "Linux" or not SHARED_MEMORY.is_dir():
        return None
    free = shutil.disk_usage(SHARED_MEMORY).free
    batch = batch_size * config.image_size[0] * config.image_size[1]
    # One batch more: the one in use while the next are made.
    need = LOADERS * config.num_workers * (config.prefetch_factor + 1) * batch
    found = f"{gib(free)} free, {config.num_workers} workers use up to {gib(need)}"
    remedy = "in Docker: docker run --shm-size=1g ...; elsewhere: --num_workers 0, which is hardly slower"
    if need > free:
        return failure("/dev/shm", f"{found}: they would crash with 'bus error'", remedy)
    if 2 * need > free:
        return warning("/dev/shm", found, remedy)
    return ok("/dev/shm", found)


def cores_check(config: TrainConfig) -> Check:
    """Check the number of loader workers against the processor cores."""
    cores = _usable_cores()
    found = f"--num_workers {config.num_workers}, this machine has {cores} processor cores"
    if config.num_workers > cores:
        return warning("workers", found, f"--num_workers {max(0, cores - 1)}: more would only compete for the cores")
    return ok("workers", found)


def disk_checks(config: TrainConfig, cache_folder: Path, needs: Needs) -> list[Check]:
    """Check the free space where the run writes, one line per disk."""
    uses = [  # folder, the most that will be written, the least that must fit, what
        (config.save_dir, needs.checkpoints, needs.weights + 2 * needs.state, f"{2 + needs.periodic} checkpoints"),
        (config.log_dir, LOG_BYTES, 0, "logs"),
        (cache_folder, *2 * (needs.cache + needs.second_cache,), f"film cache of {needs.held} films"),
    ]
    disks: dict[int, list[tuple[Path, int, int, str]]] = {}
    checks = []
    for folder, most, least, what in uses:
        existing = _existing(folder)
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            checks.append(failure("disk", f"{folder}: cannot be written", f"choose another folder for the {what}"))
        elif most:
            disks.setdefault(existing.stat().st_dev, []).append((folder, most, least, what))
    for parts in disks.values():
        free = shutil.disk_usage(_existing(parts[0][0])).free
        total = sum(most for _, most, _, _ in parts)
        minimum = sum(least for _, _, least, _ in parts)
        listed = ", ".join(f"{what} {gib(most)} in {folder}" for folder, most, _, what in parts)
        found = f"{gib(free)} free, the run writes up to {gib(total)}: {listed}"
        remedy = "free space, or choose another disk with --save_dir, --log_dir and --cache_dir"
        if minimum > free:
            checks.append(failure("disk", found, remedy))
        elif total > free:
            checks.append(warning("disk", found, f"{remedy}, or keep fewer checkpoints with --save_frequency 50"))
        else:
            checks.append(ok("disk", found))
    return checks


def _existing(folder: Path) -> Path:
    """Return ``folder``, or its nearest parent that exists."""
    folder = folder.absolute()
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)


def _usable_cores() -> int:
    """Count the cores that this process may use; containers and schedulers may allow fewer than there are."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1
