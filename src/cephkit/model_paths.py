"""What users name as a model: a file, a published folder, a folder of ``cephkit train``, a name on the hub."""

from collections.abc import Sequence
from pathlib import Path

from cephkit.errors import CheckpointError
from cephkit.hub import fetched, is_hub_name
from cephkit.notice import Notify
from cephkit.published import is_published

BEST = "checkpoint_best.pth"
"""The best model of a run, in its folder."""
FINAL = "final"
"""The folder of the model on the films of all folds, beside theirs."""


def is_checkpoint(path: Path) -> bool:
    """Whether ``path`` names a model by what it is called or holds, rather than a film or a folder of films."""
    return path.suffix == ".pth" or is_hub_name(path) or is_published(path)


def local(path: Path, notify: Notify = print) -> Path:
    """Return ``path``, or the folder of the model that it names on the hub.

    Raises:
        CheckpointError: see ``fetched``.
    """
    return fetched(path, notify) if is_hub_name(path) else path


def checkpoint_files(given: Sequence[Path | str], notify: Notify = print) -> list[Path]:
    """Return the models that ``given`` name, each a file or a published folder.

    Args:
        given: files; folders that ``cephkit publish`` wrote; folders of ``cephkit train``, which hold one model, or
            several of folds or seeds; with ``--final`` that is the one; names on the hub.
        notify: takes a line on each model that is fetched from the hub.

    Raises:
        CheckpointError: there is none in a folder; or see ``fetched``.
    """
    found = []
    for path in (local(Path(each), notify) for each in given):
        if not path.is_dir() or is_published(path):
            found.append(path)
            continue
        own = [each for each in (path / BEST, path / FINAL / BEST) if each.is_file()][:1]
        members = own or sorted(path.glob(f"fold_*/{BEST}")) or sorted(path.glob(f"seed_*/{BEST}"))
        if not members:
            text = f"holds no {BEST}, nor folders fold_1, fold_2 ... with one, and is no published model"
            raise CheckpointError(text, "name a file", path)
        found += sorted(members, key=lambda file: (len(file.parent.name), file.parent.name))
    return found


def one_checkpoint(given: Path | str, notify: Notify = print) -> Path:
    """Return the one model that ``given`` names; see ``checkpoint_files``.

    Raises:
        CheckpointError: it names several, too.
    """
    files = checkpoint_files([given], notify)
    if len(files) > 1:
        raise CheckpointError(f"holds {len(files)} models", f"name one of them, such as {files[0]}", Path(given))
    return files[0]
