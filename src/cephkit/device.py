"""Which device runs the network, and in which precision."""

import torch

from cephkit.errors import SettingsError
from cephkit.notice import Notify


def choose_device(name: str, notify: Notify) -> torch.device:
    """The device called ``name``; where there is no such hardware, the CPU, and a line that says so.

    Raises:
        SettingsError: no device has this name, or there are fewer CUDA cards than its number asks for.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"--device {name}: no such device", "use cuda, cuda:0, cuda:1, ..., mps or cpu") from error
    if device.type == "cpu":
        return device
    if device.type == "cuda":
        if not torch.cuda.is_available():
            notify(f"--device {name}: no CUDA GPU can be used here ({_why_no_cuda()}); going on with the CPU")
            return torch.device("cpu")
        cards = torch.cuda.device_count()
        if device.index is not None and device.index >= cards:
            raise SettingsError(f"--device {name}: this machine has {cards} CUDA card(s)", "count them from cuda:0")
        return device
    if device.type == "mps":
        if not torch.backends.mps.is_available():
            notify(f"--device {name}: Apple's Metal cannot be used here; going on with the CPU")
            return torch.device("cpu")
        return device
    raise SettingsError(f"--device {name}: cephkit runs on cuda, mps and cpu")


def half_type(device: torch.device) -> torch.dtype:
    """The half-precision type to use: bfloat16 where the hardware has it natively, else float16.

    CUDA cards below compute capability 8 only emulate bfloat16, slowly; Metal takes float16.
    """
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if native else torch.float16
    return torch.float16 if device.type == "mps" else torch.bfloat16


def half_pays(device: torch.device) -> bool:
    """Whether half precision is worth while: a CPU without bfloat16 instructions emulates it, ten times slower."""
    if device.type != "cpu":
        return True
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # a torch without oneDNN, or one that asks in another way
        return False


def _why_no_cuda() -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return "this torch was built for the CPU only"
    return "no card or no driver"
