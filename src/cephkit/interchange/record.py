"""One film's landmarks as exporters see them: what cephkit predict wrote, or an Aariz label file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cephkit.cephalometry.source import Marked, label_files, read_marked
from cephkit.data.film import FARTHEST_PX, Points
from cephkit.data.names import film_key, film_name
from cephkit.data.spacing import Spacing
from cephkit.errors import LabelError, SettingsError
from cephkit.geometry import Size
from cephkit.interchange.labelled import figure, is_file_name
from cephkit.landmarks import BY_SYMBOL, in_canonical_order

LABELS = "labels"
"""Stands for the model where points were marked by people."""


@dataclass(frozen=True)
class Record:
    """The landmarks of one film, and what is known of the film."""

    name: str
    """The label file's name without its ending."""
    marked: Marked
    missing: tuple[str, ...] = ()
    """Landmarks that were looked for and not found."""
    scores: dict[str, float] = field(default_factory=dict)
    expected_errors_px: dict[str, float] = field(default_factory=dict)
    file: str | None = None
    """Name of the film's file, without folders."""
    size: Size | None = None
    """(height, width) of the film."""
    film_hash: str | None = None
    """Of the film's pixels."""
    content: str | None = None
    """Hash of the bytes of the film's file."""
    spacing: Spacing | None = None
    model: str = LABELS
    """Which model said so."""

    @cached_property
    def points(self) -> Points:
        """The landmarks that are there, film pixels, pixel centres at integers, in canonical order."""
        return {symbol: self.marked.points[symbol] for symbol in in_canonical_order(self.marked.points)}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks that were looked for, found or not, in canonical order."""
        return in_canonical_order((*self.marked.points, *self.missing))


def read_records(given: Sequence[Path]) -> list[Record]:
    """The landmarks in files and folders, in order of name within a folder.

    Raises:
        SettingsError: a path that does not exist, an empty folder, or two files of one name.
        LabelError: see ``read_record``.
    """
    files = label_files(given)
    known: dict[str, Path] = {}
    for file in files:
        other = known.setdefault(film_key(film_name(file)), file)
        if other is not file:
            raise SettingsError(f"{other} and {file} name one film; export them into folders of their own")
    return [read_record(file) for file in files]


def read_record(path: Path) -> Record:
    """The landmarks in ``path``.

    Raises:
        LabelError: see ``read_marked``; or a key of cephkit predict holds something else than it writes.
    """
    marked = read_marked(path)
    content = json.loads(path.read_bytes().decode("utf-8-sig"))
    if not _is_writable(content):
        raise LabelError("a text in it holds half a character", "correct it", path)
    film = _object(content, "film", path)
    return Record(
        name=film_name(path),
        marked=marked,
        missing=_missing(content, marked.points, path),
        scores=_figures(content, "scores", path),
        expected_errors_px=_figures(content, "expected_errors_px", path),
        file=_file_name(film, path),
        size=_size(film, path),
        film_hash=_text(film, "hash", path),
        content=_text(film, "content", path),
        spacing=marked.spacing,
        model=_model(_object(content, "model", path)),
    )


def _is_writable(content: Any) -> bool:
    """Whether its texts can be written: JSON may escape halves of characters, which no file can hold."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LabelError(f'"{key}" is {value!r:.40}, expected an object', "correct it", path)
    return value


def _text(content: dict[str, Any], key: str, path: Path) -> str | None:
    value = content.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise LabelError(f'"{key}" is {value!r:.40}, expected a text', "correct it", path)
    return value


def _file_name(film: dict[str, Any], path: Path) -> str | None:
    name = _text(film, "file", path)
    if name is not None and not is_file_name(name):
        raise LabelError(f'"file" is {name!r:.80}, expected a name without folders', "correct it", path)
    return name


def _size(film: dict[str, Any], path: Path) -> Size | None:
    height, width = film.get("height"), film.get("width")
    if height is None and width is None:
        return None
    for value in (height, width):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= FARTHEST_PX:
            raise LabelError(f"the film's size is {width!r:.40} x {height!r:.40}, expected pixels", "correct it", path)
    return int(str(height)), int(str(width))


def _missing(content: dict[str, Any], points: Points, path: Path) -> tuple[str, ...]:
    listed = content.get("missing") or []
    if not isinstance(listed, list) or any(str(symbol) not in BY_SYMBOL for symbol in listed):
        raise LabelError(f'"missing" is {listed!r:.60}, expected symbols of landmarks', "correct it", path)
    return tuple(symbol for symbol in listed if symbol not in points)


def _figures(content: dict[str, Any], key: str, path: Path) -> dict[str, float]:
    figures = _object(content, key, path)
    return {symbol: figure(value, f"{path}: {key} of {symbol}") for symbol, value in figures.items()}


def _model(model: dict[str, Any]) -> str:
    if not model:
        return LABELS
    named = [str(model[key]) for key in ("checkpoint", "mode") if model.get(key)]
    sha = str(model.get("sha256") or "")[:12]
    return " ".join([*named, *([sha] if sha else [])]) or "model"
