"""What ``nvidia-smi`` knows: driver, cards, and what uses their memory. It may be missing, hang or fail."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import PureWindowsPath
from xml.etree import ElementTree

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Program:
    """A program with memory on a card."""

    name: str
    """Without folders: the path may contain the user's name."""
    bytes: int | None
    """None if the driver does not say, as for most programs on Windows."""


@dataclass(frozen=True)
class SmiCard:
    """One card as the driver sees it."""

    name: str
    uuid: str
    total: int
    """Bytes."""
    used: int
    """Bytes, by all programs and the driver itself."""
    programs: tuple[Program, ...] = ()


@dataclass(frozen=True)
class Smi:
    """The answer of ``nvidia-smi``."""

    installed: bool = False
    problem: str = ""
    """Why it gave no answer, although it is installed."""
    driver: str = ""
    cuda: str = ""
    """The newest CUDA runtime that the driver supports."""
    cards: tuple[SmiCard, ...] = ()


def ask_nvidia_smi() -> Smi:
    """Ask the driver; never raises."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Smi()
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # no console window flashing up; Windows only
    try:
        done = subprocess.run(
            [program, "-q", "-x"], capture_output=True, timeout=TIMEOUT_S, creationflags=flags, check=False
        )
    except subprocess.TimeoutExpired:
        return Smi(True, f"nvidia-smi does not answer within {TIMEOUT_S:g} s")
    except OSError as error:
        return Smi(True, f"nvidia-smi cannot be started ({error.strerror or error})")
    if done.returncode:
        lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines() or [""]
        return Smi(True, f"nvidia-smi fails with status {done.returncode}: {lines[0][:200]}")
    try:
        return read_answer(done.stdout)
    except (ElementTree.ParseError, ValueError):
        return Smi(True, "the answer of nvidia-smi cannot be read")


def read_answer(xml: bytes) -> Smi:
    """Parse the answer to ``nvidia-smi -q -x``.

    Raises:
        ElementTree.ParseError, ValueError: it is not such an answer.
    """
    root = ElementTree.fromstring(xml)
    if root.tag != "nvidia_smi_log":
        raise ValueError(f"not an answer of nvidia-smi: {root.tag}")
    return Smi(
        True, "", _text(root, "driver_version"), _text(root, "cuda_version"), tuple(map(_card, root.iter("gpu")))
    )


def _card(gpu: ElementTree.Element) -> SmiCard:
    total = _bytes(_text(gpu, "fb_memory_usage/total")) or 0
    # Older and newer drivers differ in whether `used` includes what they reserve; `free` means the same in both.
    free = _bytes(_text(gpu, "fb_memory_usage/free"))
    used = total - free if free is not None else _bytes(_text(gpu, "fb_memory_usage/used")) or 0
    programs = tuple(
        Program(_bare_name(_text(process, "process_name")), _bytes(_text(process, "used_memory")))
        for process in gpu.iter("process_info")
    )
    return SmiCard(_text(gpu, "product_name"), _text(gpu, "uuid"), total, used, programs)


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _bytes(written: str) -> int | None:
    """Parse ``8192 MiB`` into bytes; None for ``N/A``."""
    number, _, unit = written.partition(" ")
    return int(number) * 2**20 if number.isdigit() and unit == "MiB" else None


def _bare_name(command: str) -> str:
    """Return the program's name without folders and arguments."""
    program = command.split(" -")[0].split(" /")[0]
    return PureWindowsPath(program).name or "an unnamed program"
