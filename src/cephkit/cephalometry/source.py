"""Which of the files that a user names hold landmarks to measure, and which are films."""

from collections.abc import Sequence
from pathlib import Path

from cephkit.data.folder import films_in
from cephkit.data.opened import is_film_file
from cephkit.errors import SettingsError

RESULT_ENDING = "_measurements.json"
"""Of the files with measurements; never read as landmarks."""


def measured_files(given: Sequence[Path], recursive: bool = False) -> list[Path]:
    """The label files and films named by files and folders, each once, folders in order of name.

    A folder with label files stands for these, any other for its films, with ``recursive`` also for those in its
    folders; a line on screen says what was passed over.

    Raises:
        SettingsError: a path does not exist, or a folder has neither.
    """
    files: list[Path] = []
    for path in given:
        labels = not path.is_dir() or any(map(_is_landmarks, path.iterdir()))
        files += label_files([path]) if labels else films_in(path, recursive=recursive, notify=print)
    return list({file.resolve(): file for file in files}.values())


def films_left_out(folder: Path) -> int:
    """The number of films in a folder whose label files are measured."""
    return sum(map(is_film_file, folder.iterdir())) if any(map(_is_landmarks, folder.iterdir())) else 0


def label_files(given: Sequence[Path]) -> list[Path]:
    """The label files named by files and folders, each once, folders in order of name.

    Raises:
        SettingsError: a path does not exist, or a folder has no such file.
    """
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            if not path.exists():
                raise SettingsError(f"{path}: there is no such file or folder of landmarks")
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if _is_landmarks(file))
        if not inside:
            raise SettingsError(
                f"{path}: holds no .json file; give the folder of one annotator, or that of cephkit predict"
            )
        files += inside
    return list({file.resolve(): file for file in files}.values())


def is_label_file(path: Path) -> bool:
    """Whether ``path`` is a label file by its name; otherwise it is taken for a film."""
    return path.suffix.lower() == ".json"


def _is_landmarks(path: Path) -> bool:
    return is_label_file(path) and not path.name.endswith(RESULT_ENDING) and not path.name.startswith(".")
