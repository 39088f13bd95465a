"""ImageNet weights for a backbone: from the local cache, the hub, or a file."""

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

from cephkit.notice import Notify

PROBE_SECONDS = 5.0
"""How long to wait for a sign of life; without a network the hub's own client tries for most of a minute."""
DOWNLOAD_SECONDS = 900.0
"""How long a download may take: the largest usual backbone (300 MB) at 3 Mbit/s."""
_TOO_SLOW = f"the download took more than {DOWNLOAD_SECONDS / 60:.0f} minutes; fetch the file apart and give --weights"

Result = TypeVar("Result")


def find_weights(backbone: str, notify: Notify) -> Path | None:
    """The file with timm's pretrained weights of ``backbone``, fetched where it is not in the cache.

    Honours ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_ENDPOINT`` and proxies, as huggingface_hub does. None, with
    one line to ``notify``, where the weights cannot be had.
    """
    entry: Any = timm.get_pretrained_cfg(backbone)
    path: Path | None = None
    problem = "timm publishes none"
    if entry is not None and entry.hf_hub_id:
        path, problem = _from_hub(entry.hf_hub_id, entry.hf_hub_filename or "model.safetensors")
    elif entry is not None and entry.url:
        path, problem = _from_url(entry.url)
    if path is None:
        notify(f"No pretrained weights for {backbone}: {problem}. Training starts from random weights.")
    else:
        notify(f"Pretrained weights for {backbone}: {entry.hf_hub_id or entry.url}")
    return path


def _from_hub(repository: str, filename: str) -> tuple[Path | None, str]:
    """The file, or why there is none."""
    cached = try_to_load_from_cache(repository, filename)
    if isinstance(cached, str):
        return Path(cached), ""
    if constants.HF_HUB_OFFLINE:
        return None, "HF_HUB_OFFLINE is set and they are not in the cache"
    if not reachable(constants.ENDPOINT):
        return None, f"{constants.ENDPOINT} cannot be reached"
    try:
        fetched = within(DOWNLOAD_SECONDS, lambda: Path(hf_hub_download(repository, filename)))
    except Exception as error:  # whatever the hub's client raises: the run can go on without
        return None, f"{repository} could not be fetched ({type(error).__name__})"
    return fetched, _TOO_SLOW if fetched is None else ""


def _from_url(url: str) -> tuple[Path | None, str]:
    """The file, or why there is none."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path, ""
    if constants.HF_HUB_OFFLINE or not reachable(url):
        return None, f"{url} cannot be reached"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:  # to a file of another name first, which it renames
        fetched = within(DOWNLOAD_SECONDS, lambda: _downloaded(url, path))
    except (OSError, ValueError, HTTPException) as error:
        return None, f"{url} could not be fetched ({type(error).__name__})"
    return fetched, _TOO_SLOW if fetched is None else ""


def _downloaded(url: str, path: Path) -> Path:
    torch.hub.download_url_to_file(url, str(path), progress=False)
    return path


def reachable(url: str) -> bool:
    """Whether anything answers at ``url`` within ``PROBE_SECONDS``, name servers and all."""
    return within(PROBE_SECONDS, lambda: _answers(url)) or False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # an answer, if not a friendly one
    except (OSError, ValueError, HTTPException):  # no network, no valid address, no web server
        return False


def within(seconds: float, work: Callable[[], Result]) -> Result | None:
    """What ``work`` returns, or raises; None where it has not ended after ``seconds``.

    It is then left to itself in a thread that does not keep the program alive: no call of the network has a deadline
    over all that it does (a name server that is silent, a server that sends one byte a second).
    """
    done: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        return None
    if error is not None:
        raise error
    return result
