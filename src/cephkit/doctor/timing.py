"""How long will the run take? One pass is timed here, as training does before its first epoch."""

from dataclasses import dataclass

from cephkit.config import TrainConfig
from cephkit.doctor.checks import Check, gib, ok, warning
from cephkit.geometry import Size
from cephkit.memory.recover import Packing

SHORT_SIDE = 256
"""On the CPU a pass at 1024 takes minutes: a smaller one is timed, and scaled by its pixels."""
DAY_S = 24 * 3600.0
"""A longer run is a warning: the guide promises 15 to 20 hours."""
VALID_SHARE = 1 / 3
"""Time of a validation film as a share of a training film's: there is no backward pass."""


@dataclass(frozen=True)
class Rehearsal:
    """A training pass that was tried."""

    size: Size
    """(height, width) that it was tried with."""
    film_seconds: float
    """For one film of that size."""
    peak: int | None
    """Bytes of video memory that it took; None on the CPU."""


def time_check(config: TrainConfig, packing: Packing, train: int, valid: int, landmarks: int) -> Check:
    """The run's time on this machine."""
    import torch

    from cephkit.training.log import duration

    try:
        tried = rehearsal(config, packing, landmarks)
    except torch.OutOfMemoryError:
        found = "a training pass does not fit into the video memory that is free now"
        return warning("time", found, "see 'video memory' and 'peak memory'; training would pack it smaller by itself")
    height, width = config.image_size
    each = tried.film_seconds * height * width / (tried.size[0] * tried.size[1])
    run = each * (train + VALID_SHARE * valid) * config.epochs
    total = duration(run) if run < 2 * DAY_S else f"{run / DAY_S:.0f} days"
    how = f"{each:.2f} s a film"
    if tried.size != config.image_size:
        how += f", judged by {tried.size[0]} x {tried.size[1]} pixels"
    if tried.peak is not None:
        how += f"; a pass took {gib(tried.peak)} of video memory"
    found = f"about {total} for {config.epochs} epochs of {train} films ({how})"
    if run > DAY_S:
        return warning(
            "time", found,
            "a smaller --image_size or --model, fewer --epochs, --early_stopping, or a faster card; a run stopped "
            "with Ctrl-C continues another day with --resume",
        )  # fmt: skip
    return ok("time", found)


def rehearsal(config: TrainConfig, packing: Packing, landmarks: int) -> Rehearsal:
    """A training pass on noise instead of films: on a card as the run would do it, on the CPU smaller.

    Raises:
        torch.OutOfMemoryError: the card has no room for it.
    """
    import torch

    from cephkit.data.dataset import Batch
    from cephkit.memory.recompute import apply_recompute
    from cephkit.models.build import build_model
    from cephkit.models.spec import ModelSpec
    from cephkit.task.heatmaps import HeatmapTask
    from cephkit.training.launch import start_fabric
    from cephkit.training.packing import cap_memory
    from cephkit.training.rehearsal import rehearse

    fabric = start_fabric(config.device, config.mixed_precision, lambda line: None)
    on_cpu = fabric.device.type == "cpu"
    cap_memory(config, fabric.device, lambda line: None)
    size = _shorter(config.image_size) if on_cpu else config.image_size
    films = 1 if on_cpu else packing.batch_size
    symbols = tuple(map(str, range(max(1, landmarks))))
    spec = ModelSpec(config.model, symbols, size, config.heatmap_stride, config.sigma, config.loss)
    with torch.random.fork_rng(devices=[]):
        model = build_model(spec, pretrained=False, notify=lambda line: None).to(fabric.device).train()
        batch = Batch(
            torch.randint(0, 256, (films, 1, *size), dtype=torch.uint8),
            torch.rand(films, len(symbols), 2) * torch.tensor([size[1] - 1.0, size[0] - 1.0]),
            torch.ones(films, len(symbols), dtype=torch.bool),
            torch.arange(films),
        )
        if config.channels_last:
            model = model.to(memory_format=torch.channels_last)
        apply_recompute(model, packing.recompute)
        task = HeatmapTask(spec, fabric.device, config.augment, config.channels_last)
        seconds = rehearse(fabric, model, lambda network: task(network, batch).loss, repeats=1 if on_cpu else 3)
    peak = torch.cuda.max_memory_reserved(fabric.device) if fabric.device.type == "cuda" else None
    return Rehearsal(size, seconds / films, peak)


def _shorter(size: Size) -> Size:
    """``size`` scaled to a shorter side of about ``SHORT_SIDE``, in multiples of 32."""
    share = min(1.0, SHORT_SIDE / min(size))
    height, width = (max(64, round(side * share / 32) * 32) for side in size)
    return height, width
