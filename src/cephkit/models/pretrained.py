"""ImageNet weights for a backbone: from the local cache, the hub, or a file."""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

PROBE_SECONDS = 5.0
"""How long to wait for a sign of life; the hub's own client tries for most of a minute where there is no network."""


def find_weights(backbone: str, say: Callable[[str], None]) -> Path | None:
    """The file with timm's pretrained weights of ``backbone``, fetched where it is not in the cache.

    Honours ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_ENDPOINT`` and proxies, as huggingface_hub does. None, with one line
    to ``say``, where the weights cannot be had.
    """
    entry = timm.get_pretrained_cfg(backbone)
    found: str | Path | None = None
    if entry is None or not (entry.hf_hub_id or entry.url):
        problem = "timm publishes none"
    else:
        found, problem = _from_hub(entry) if entry.hf_hub_id else _from_url(entry.url)
    if found is None:
        say(f"No pretrained weights for {backbone}: {problem}. Training starts from random weights.")
        return None
    say(f"Pretrained weights: {backbone}, {entry.hf_hub_id or entry.url}")
    return Path(found)


def _from_hub(entry: "timm.models.PretrainedCfg") -> tuple[str | None, str]:
    filename = entry.hf_hub_filename or "model.safetensors"
    cached = try_to_load_from_cache(entry.hf_hub_id, filename)
    if isinstance(cached, str):
        return cached, ""
    if constants.HF_HUB_OFFLINE:
        return None, "HF_HUB_OFFLINE is set and they are not in the cache"
    if not reachable(constants.ENDPOINT):
        return None, f"{constants.ENDPOINT} cannot be reached"
    try:
        return hf_hub_download(entry.hf_hub_id, filename), ""
    except Exception as error:  # whatever the hub's client raises: the run can go on without
        return None, f"{entry.hf_hub_id} could not be fetched ({type(error).__name__})"


def _from_url(url: str) -> tuple[Path | None, str]:
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path, ""
    if constants.HF_HUB_OFFLINE or not reachable(url):
        return None, f"{url} cannot be reached"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except OSError as error:
        return None, f"{url} could not be fetched ({type(error).__name__})"
    return path, ""


def reachable(url: str) -> bool:
    """Whether anything answers at ``url`` within ``PROBE_SECONDS``."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # an answer, if not a friendly one
    except OSError:
        return False
