"""Models on the Hugging Face hub: ``hf:owner/name`` and ``hf:owner/name@revision`` as folders, and folders to there.

Nothing is fetched unless a user writes such a name; of a repository only the files of a published model are, and
nothing in them is executed. Statistics on use are not sent.
"""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

from cephkit.errors import CephkitError, CheckpointError
from cephkit.notice import VERSION, Notify
from cephkit.published import CARD, CONFIG, ONNX, WEIGHTS, fingerprint, is_published

PREFIX = "hf:"
FETCHED = (CONFIG, WEIGHTS, CARD)
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_NAME = re.compile(rf"(?!.*\.\.){PREFIX}({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FOLDERS: dict[str, Path] = {}
"""What this process has fetched, by name."""


def is_hub_name(given: Path | str) -> bool:
    """Whether ``given`` names a model on the hub; a ``Path`` may have turned its slash round."""
    return Path(given).as_posix().startswith(PREFIX)


def fetched(given: Path | str, notify: Notify) -> Path:
    """Return the folder of a model on the hub: from the cache, or downloaded into it.

    A name without a revision means the newest one where the hub can be reached, else the one in the cache.

    Args:
        given: ``hf:owner/name`` or ``hf:owner/name@revision``.
        notify: takes a line with the commit and the hash, the first time.

    Raises:
        CheckpointError: it is no such name; there is no such model; or it is not in the cache and the hub cannot be
            reached.
    """
    name = Path(given).as_posix()
    if name in _FOLDERS:
        return _FOLDERS[name]
    match = _NAME.fullmatch(name)
    if match is None:
        raise CheckpointError(f"{name}: not a name on the hub; write hf:owner/name or hf:owner/name@revision")
    repository, revision = match.groups()
    folder = _snapshot(name, repository, revision, notify)
    if not is_published(folder):
        raise CheckpointError(f"{name}: not a model that cephkit published, which has {CONFIG} and {WEIGHTS}")
    notify(
        f"{name}: commit {folder.name}, SHA-256 of {CONFIG} {fingerprint(folder)}"
        + ("" if revision == folder.name else f"; to get this one always: {PREFIX}{repository}@{folder.name}")
    )
    _FOLDERS[name] = folder
    return folder


def hub_name(folder: Path) -> str:
    """Return the name and commit of a model that ``fetched`` has returned as ``folder``; empty for any other."""
    names = (name.partition("@")[0] for name, known in _FOLDERS.items() if known == folder)
    return next((f"{name}@{folder.name}" for name in names), "")


def _snapshot(name: str, repository: str, revision: str | None, notify: Notify) -> Path:
    from huggingface_hub import constants, snapshot_download

    from cephkit.models.pretrained import reachable  # torch, which help and wrong settings do not need

    _send_no_statistics()
    fetch = partial(snapshot_download, repository, revision=revision, allow_patterns=list(FETCHED))
    cached = _cached(fetch)
    if cached is not None and revision and _COMMIT.fullmatch(revision):
        return cached
    if constants.HF_HUB_OFFLINE:
        problem = "HF_HUB_OFFLINE is set"
    elif not reachable(constants.ENDPOINT):
        problem = f"{constants.ENDPOINT} cannot be reached"
    else:
        return _downloaded(name, fetch)
    if cached is None:
        raise CheckpointError(
            f"{name}: {problem}, and it is not in the cache; download {CONFIG} and {WEIGHTS} into a folder on another "
            "machine, and give the path of that folder"
        )
    notify(f"{name}: {problem}; the copy in the cache is used")
    return cached


def _cached(fetch: "partial[str]") -> Path | None:
    try:
        folder = Path(fetch(local_files_only=True))
    except Exception:  # the hub's client has a dozen kinds for "not there"
        return None
    return folder if is_published(folder) else None


def _downloaded(name: str, fetch: "partial[str]") -> Path:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    from cephkit.models.pretrained import DOWNLOAD_SECONDS, within

    try:
        folder = within(DOWNLOAD_SECONDS, lambda: Path(fetch()))
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name}: its owner grants access on request; ask for it there, then log in with: hf auth login"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name}: the repository has no such revision; check what follows the @") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name}: there is no such model, or it is private; check the name, or log in with: hf auth login"
        ) from error
    except Exception as error:  # whatever the hub's client raises: network, disk, proxy
        raise CheckpointError(
            f"{name}: could not be fetched ({type(error).__name__}: {str(error)[:200]}); try again, or download its "
            "files into a folder and give its path"
        ) from error
    if folder is None:
        raise CheckpointError(
            f"{name}: the download took more than {DOWNLOAD_SECONDS / 60:.0f} minutes; run it again to go on, or "
            "download its files into a folder and give its path"
        )
    return folder


def check_login() -> None:
    """Check that something can be uploaded: the hub can be reached, and its own login or HF_TOKEN is there.

    Raises:
        CephkitError: it cannot.
    """
    from huggingface_hub import constants, get_token

    from cephkit.models.pretrained import reachable

    if constants.HF_HUB_OFFLINE:
        raise CephkitError("--repo: HF_HUB_OFFLINE is set; unset it, or leave --repo out")
    if get_token() is None:
        raise CephkitError(
            "--repo: not logged in to the hub; run: hf auth login, or set HF_TOKEN to a token that may write"
        )
    if not reachable(constants.ENDPOINT):
        raise CephkitError(
            f"--repo: {constants.ENDPOINT} cannot be reached; leave --repo out, and upload the folder later with the "
            "same command"
        )


def upload(folder: Path, repository: str, private: bool = False) -> str:
    """Create ``repository`` where there is none, and upload the files of ``folder``; return the address of the commit.

    The token is that of the hub's own login or HF_TOKEN; it is neither read nor stored here.

    Raises:
        CephkitError: the hub refuses it, or cannot be reached.
    """
    from huggingface_hub import HfApi

    _send_no_statistics()
    api = HfApi(library_name="cephkit", library_version=VERSION)
    try:
        api.create_repo(repository, private=private or None, exist_ok=True)
        done: Any = api.upload_folder(
            repo_id=repository, folder_path=folder, allow_patterns=[CONFIG, WEIGHTS, CARD, ONNX],
            commit_message=f"Published by cephkit {VERSION}",
        )  # fmt: skip
    except Exception as error:  # whatever the hub's client raises: token, rights, network
        raise CephkitError(
            f"--repo {repository}: not uploaded ({type(error).__name__}: {str(error)[:200]}); check the name and that "
            f"your token may write there. The folder {folder} is complete: the same command tries again"
        ) from error
    return str(done.commit_url)


def _send_no_statistics() -> None:
    from huggingface_hub import constants

    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    constants.HF_HUB_DISABLE_TELEMETRY = True
