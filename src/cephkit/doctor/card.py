"""The card: can torch use it, how much of its memory is free, and what uses the rest."""

from dataclasses import dataclass

import torch

from cephkit.doctor.checks import Check, failure, gib, ok, warning
from cephkit.doctor.nvidia import Smi, SmiCard
from cephkit.doctor.software import INSTALL_CUDA_BUILD
from cephkit.memory import GIB

CROWDED_BYTES = 1.5 * GIB
"""More than a desktop and a browser take; the guide's settings leave about this much on 8 GB."""
MOST_PROGRAMS = 4


@dataclass(frozen=True)
class Card:
    """A CUDA card as torch sees it."""

    name: str
    capability: tuple[int, int]
    total: int
    """Bytes."""
    free: int
    """Bytes, before this program uses the card."""
    smi: SmiCard | None = None
    """The same card in nvidia-smi's answer."""


def read_card(device: torch.device, smi: Smi) -> Card:
    """Read the facts of a CUDA device; call it before anything else uses the device."""
    properties = torch.cuda.get_device_properties(device)
    uuid = f"GPU-{getattr(properties, 'uuid', '')}"
    same = next((card for card in smi.cards if card.uuid == uuid), smi.cards[0] if len(smi.cards) == 1 else None)
    capability = (properties.major, properties.minor)
    if same is not None and same.total:
        return Card(properties.name, capability, same.total, same.total - same.used, same)
    free, total = torch.cuda.mem_get_info(device)
    return Card(properties.name, capability, total, free, same)


def device_check(asked: str, device: torch.device, card: Card | None) -> Check:
    """Check what the run would compute on."""
    if card is not None:
        return _card_check(card)
    if device.type == "mps":
        return ok("device", "Apple's Metal (mps), in float32")
    found = "the CPU, as --device asks" if asked == "cpu" else f"the CPU: torch finds no card for --device {asked}"
    return warning("device", found, "fine for small trials; 1024x1024 needs an NVIDIA card with 8 GB or more")


def _card_check(card: Card) -> Check:
    major, minor = card.capability
    found = f"{card.name}, {gib(card.total)}, compute capability {major}.{minor}"
    kernels = torch.cuda.get_arch_list()
    if kernels and not any(_serves(kernel, card.capability) for kernel in kernels):
        return failure("device", f"{found}; this torch has kernels only for {' '.join(kernels)}", (
            f"{INSTALL_CUDA_BUILD}; choose an older CUDA there for an old card, the newest for a new one"
        ))  # fmt: skip
    return ok("device", found)


def half_check(card: Card, mixed_precision: bool) -> Check | None:
    """Check which half precision the card has; None if the run does not use it."""
    if not mixed_precision:
        return None
    if card.capability >= (8, 0):
        return ok("half precision", "bfloat16 in hardware")
    if card.capability >= (7, 0):
        return warning(
            "half precision", "float16 with a loss scaler: this card only emulates bfloat16",
            "nothing to do: training chooses float16 itself; it skips and reports steps that overflow",
        )  # fmt: skip
    return warning(
        "half precision", "float16 without tensor cores: saves memory but hardly any time",
        "keep --mixed_precision for the memory; expect long runs",
    )  # fmt: skip


def video_memory_check(card: Card, vram: float | None) -> Check:
    """Check the free memory of the card, and name what uses the rest."""
    used = card.total - card.free
    found = f"{gib(card.free)} of {gib(card.total)} free"
    if used > 0.1 * GIB:
        found += f", {gib(used)} in use{_programs(card)}"
    if vram is not None and vram * GIB > card.total * 1.05:
        return warning(
            "video memory", f"{found}; --vram is {vram:g} GiB", "set --vram to the size of the card, or leave it out"
        )
    if used > CROWDED_BYTES:
        return warning(
            "video memory", found,
            "close what you do not need while training: games, videos in a browser, other notebooks or training runs",
        )  # fmt: skip
    return ok("video memory", found)


def _programs(card: Card) -> str:
    """List the programs that use the card, the largest first, each once."""
    if card.smi is None:
        return ""
    by_size = sorted(card.smi.programs, key=lambda program: -(program.bytes or 0))
    sizes: dict[str, int] = {}
    for program in by_size:
        sizes[program.name] = sizes.get(program.name, 0) + (program.bytes or 0)
    names = [f"{name} {gib(size)}" if size else name for name, size in sizes.items()]
    rest = len(names) - MOST_PROGRAMS
    more = f" and {rest} more" if rest > 0 else ""
    return f" by {', '.join(names[:MOST_PROGRAMS])}{more}" if names else ""


def _serves(kernel: str, capability: tuple[int, int]) -> bool:
    """Return whether code compiled for ``kernel`` (``sm_86``, ``compute_90``) runs on a card of ``capability``."""
    kind, _, number = kernel.partition("_")
    digits = number.rstrip("af")  # sm_90a: for that chip only
    if not digits.isdigit():  # ROCm names its chips differently, and refuses by itself
        return True
    built = divmod(int(digits), 10)
    if kind == "compute":  # compiled on loading, for any later card
        return built <= capability
    return built[0] == capability[0] and built[1] <= capability[1]
