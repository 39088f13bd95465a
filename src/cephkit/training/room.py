"""Whether the disks have room for all that a run is going to write, asked before its first step."""

from collections.abc import Callable

import torch

from cephkit.config import TrainConfig
from cephkit.data.prepare import PreparedData
from cephkit.data.store import FilmStore, store_path
from cephkit.data.store_builder import cache_folder
from cephkit.disk import Use, disks, state_bytes
from cephkit.errors import SettingsError
from cephkit.models.refiner import Refiner, RefinerSpec
from cephkit.training.context import Run
from cephkit.training.finish import detail_size
from cephkit.training.state import Progress, ended

REFINER_COPIES = 9
"""Weights, AdamW's two averages and the moving average in a state, as many in the one that replaces it, the result."""


def check_room(run: Run, continuing: bool, say: Callable[[str], None]) -> None:
    """Refuse a run that its disks have no room for; say so where only its periodic checkpoints may not fit.

    Args:
        run: ready for its first step.
        continuing: whether it goes on in its folders; what lies there is then replaced, not kept beside it.
        say: takes lines for the user.

    Raises:
        SettingsError: a disk is too small.
    """
    weights = sum(tensor.nbytes for tensor in run.state.model.state_dict().values())
    uses = [checkpoints(run.config, run.state.progress, weights, continuing)]
    if run.config.refine:
        uses += second_stage(run.config, run.data)
    for disk in disks(uses):
        remedy = "free space, or choose another disk with --save_dir and --cache_dir"
        if disk.is_too_small:
            raise SettingsError(f"disk: {disk}; {remedy}")
        if disk.most > disk.free:
            say(f"WARNING: disk: {disk}; {remedy}, or keep fewer checkpoints with --save_frequency 50")


def checkpoints(config: TrainConfig, progress: Progress, weights: int, continuing: bool) -> Use:
    """What the checkpoints of a run take beyond what lies there; ``weights`` are the bytes of its network."""
    state = state_bytes(weights, config.use_ema)
    latest, best = (config.save_dir / f"checkpoint_{name}.pth" for name in ("latest", "best"))
    done = ended(config, progress) is not None
    least = weights if done else state  # of the one that is written beside the one it replaces
    least += sum(size for path, size in ((latest, state), (best, weights)) if not (continuing and path.exists()))
    often = config.save_frequency
    periodic = 0 if done or not often else config.epochs // often - progress.epoch // often
    return Use(config.save_dir, f"{2 + periodic} checkpoints", least + periodic * state, least)


def second_stage(config: TrainConfig, data: PreparedData) -> list[Use]:
    """What a second stage adds: its own state, and its films at its own size where they are not stored yet."""
    spec = RefinerSpec(data.symbols, detail_size(data.films["train"], config.refine_size))
    with torch.device("meta"):
        state = REFINER_COPIES * sum(tensor.nbytes for tensor in Refiner(spec).state_dict().values())
    films = [film for group in data.films.values() for film in group][: config.hold]
    folder = cache_folder(config.cache_dir)
    stored = FilmStore.open(store_path(folder, films, spec.canvas_size), spec.canvas_size) is not None
    store = 0 if stored else len(films) * spec.canvas_size[0] * spec.canvas_size[1]
    return [
        Use(config.save_dir, "the second stage", state, state),
        Use(folder, f"its {len(films)} films", store, store),
    ]
