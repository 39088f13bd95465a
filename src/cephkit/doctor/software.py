"""Python, torch, driver and TensorBoard: what is installed, and whether it fits this machine's card."""

import importlib.metadata
import importlib.util
import os
import platform
import sys

from cephkit.doctor.checks import Check, failure, ok, warning
from cephkit.doctor.nvidia import Smi

OLDEST_PYTHON = (3, 11)
INSTALL_CUDA_BUILD = (
    "python -m pip uninstall -y torch torchvision, then install both with the command that "
    "pytorch.org/get-started/locally gives for your system, Pip and CUDA (README, 'Windows and CUDA')"
)
UPDATE_DRIVER = "install the newest driver from nvidia.com/drivers and restart the computer"


def python_check() -> Check:
    """Check Python's version and word size."""
    version = tuple(sys.version_info[:2])
    bits = 64 if sys.maxsize > 2**32 else 32
    found = f"{platform.python_version()}, {bits}-bit, {platform.system()} {platform.machine()}"
    if version < OLDEST_PYTHON or bits == 32:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return failure("Python", found, f"install 64-bit Python {oldest} or newer from python.org, and make a new venv")
    return ok("Python", found)


def torch_import_check() -> Check | None:
    """Check that torch can be imported; None if it can, since ``torch_check`` says more."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: a library of torch's that Windows cannot load
        return failure(
            "torch", f"cannot be imported: {str(error).splitlines()[0][:200]}",
            "install it again; on Windows also install Microsoft's Visual C++ Redistributable (x64)",
        )  # fmt: skip
    return None


def torch_check(smi: Smi) -> Check:
    """Check that torch was built for the card that this machine has."""
    import torch

    cuda, hip = torch.version.cuda, torch.version.hip
    build = f"built for CUDA {cuda}" if cuda else f"built for ROCm {hip}" if hip else "built for the CPU only"
    found = f"{torch.__version__}, {build}"
    if torch.cuda.is_available():
        return ok("torch", found)
    if not smi.cards:  # or none that the driver reports, which has a line of its own
        return ok("torch", found)
    card = smi.cards[0].name
    if cuda is None and hip is None:
        return failure("torch", f"{found}, but this machine has a card: {card}", INSTALL_CUDA_BUILD)
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        hidden = os.environ["CUDA_VISIBLE_DEVICES"]
        return failure(
            "torch", f"{found}; CUDA_VISIBLE_DEVICES={hidden!r} hides {card}", "unset that variable or set it to 0"
        )
    return failure("torch", f"{found}, but it cannot use {card} with driver {smi.driver}", UPDATE_DRIVER)


def driver_check(smi: Smi) -> Check | None:
    """Check the driver and the CUDA versions it supports; None on machines without NVIDIA's tools."""
    if not smi.installed:
        return None
    if smi.problem:
        return warning("driver", smi.problem, f"if this machine has an NVIDIA card, {UPDATE_DRIVER}")
    found = f"NVIDIA {smi.driver}, supports CUDA up to {smi.cuda or 'an unknown version'}"
    import torch

    built = torch.version.cuda
    # Within one major version an older driver supports newer runtimes too.
    if built and _major(smi.cuda) and _major(built) > _major(smi.cuda):
        return failure("driver", f"{found}; torch needs CUDA {built}", UPDATE_DRIVER)
    return ok("driver", found)


def tensorboard_check() -> Check:
    """Check that TensorBoard works: training writes its events and does not start without it."""
    if importlib.util.find_spec("tensorboard") is None:
        return failure("TensorBoard", "not installed", "python -m pip install tensorboard")
    try:
        import torch.utils.tensorboard  # noqa: F401
    except Exception as error:  # a protobuf of the wrong version raises TypeError, other faults raise other errors
        reason = f"{type(error).__name__}: {str(error)[:150]}"
        return failure("TensorBoard", f"cannot be imported ({reason})", "python -m pip install -U tensorboard protobuf")
    return ok("TensorBoard", importlib.metadata.version("tensorboard"))


def _major(version: str) -> int:
    first = version.split(".")[0]
    return int(first) if first.isdigit() else 0
