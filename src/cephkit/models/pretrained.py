"""ImageNet weights for a backbone: from the local cache, the hub, or a file."""

import contextlib
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.utils.hooks import RemovableHandle

from cephkit.notice import Notify

PROBE_SECONDS = 5.0
"""How long to wait for an answer; without a network the hub's own client tries for most of a minute."""
DOWNLOAD_SECONDS = 900.0
"""How long a download may take: the largest common backbone (300 MB) at 3 Mbit/s."""
_TOO_SLOW = f"the download took more than {DOWNLOAD_SECONDS / 60:.0f} minutes; download it yourself and use --weights"

Result = TypeVar("Result")


def find_weights(backbone: str, notify: Notify) -> Path | None:
    """Find timm's pretrained weights of ``backbone``, or download them if they are not in the cache.

    Honours ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_ENDPOINT`` and proxies, as huggingface_hub does. Returns None, with
    one line to ``notify``, if the weights are not available.
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


@contextlib.contextmanager
def missing_parameters() -> Iterator[dict[int, nn.Parameter]]:
    """Collect, by ``id``, what ``load_state_dict`` misses, also in networks that are built (by timm) in the block."""
    missing: dict[int, nn.Parameter] = {}
    watched: dict[nn.Module, RemovableHandle] = {}

    def note(module: nn.Module, keys: Any) -> None:
        named = dict(module.named_parameters())
        missing.clear()  # the network itself comes after its parts, and only its names are those of the keys
        missing.update((id(named[key]), named[key]) for key in keys.missing_keys if key in named)

    def watch(module: Any, name: str, child: nn.Module | None) -> None:
        if module not in watched:
            watched[module] = module.register_load_state_dict_post_hook(note)

    builds = register_module_module_registration_hook(watch)
    try:
        yield missing
    finally:
        for handle in (builds, *watched.values()):
            handle.remove()


def _from_hub(repository: str, filename: str) -> tuple[Path | None, str]:
    """Return the file, or None and the reason."""
    cached = try_to_load_from_cache(repository, filename)
    if isinstance(cached, str):
        return Path(cached), ""
    if constants.HF_HUB_OFFLINE:
        return None, "HF_HUB_OFFLINE is set and they are not in the cache"
    if not reachable(constants.ENDPOINT):
        return None, f"{constants.ENDPOINT} cannot be reached"
    try:
        fetched = within(DOWNLOAD_SECONDS, lambda: Path(hf_hub_download(repository, filename)))
    except Exception as error:  # whatever the hub's client raises, the run can do without the weights
        return None, f"{repository} could not be fetched ({type(error).__name__})"
    return fetched, _TOO_SLOW if fetched is None else ""


def _from_url(url: str) -> tuple[Path | None, str]:
    """Return the file, or None and the reason."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path, ""
    if constants.HF_HUB_OFFLINE or not reachable(url):
        return None, f"{url} cannot be reached"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:  # it writes to a temporary file, then renames that
        fetched = within(DOWNLOAD_SECONDS, lambda: _downloaded(url, path))
    except (OSError, ValueError, HTTPException) as error:
        return None, f"{url} could not be fetched ({type(error).__name__})"
    return fetched, _TOO_SLOW if fetched is None else ""


def _downloaded(url: str, path: Path) -> Path:
    torch.hub.download_url_to_file(url, str(path), progress=False)
    return path


def reachable(url: str) -> bool:
    """Return whether anything answers at ``url`` within ``PROBE_SECONDS``, name resolution included."""
    return within(PROBE_SECONDS, lambda: _answers(url)) or False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # still an answer
    except (OSError, ValueError, HTTPException):  # no network, no valid address, no web server
        return False


def within(seconds: float, work: Callable[[], Result]) -> Result | None:
    """Return or raise what ``work`` does; None if it has not ended after ``seconds``.

    It is then abandoned in a thread that does not keep the program alive: no network call has a deadline for all that
    it does (a silent name server, a server that sends one byte a second).
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
