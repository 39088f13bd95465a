"""Finds the row of a table that belongs to a film."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cephkit.data.names import film_key, film_name

Row = TypeVar("Row")


def of_film(rows: Mapping[str, Row], file: Path) -> Row | None:
    """Look up the row, by ``film_key``, of the film in ``file``: under its name with or without ending."""
    found = rows.get(film_key(file.name))
    return rows.get(film_key(film_name(file))) if found is None else found


def rows_without_film(keys: Iterable[str], files: Iterable[Path]) -> list[str]:
    """The ``keys`` (``film_key``) that name none of ``files``, in their order."""
    there = {film_key(name) for file in files for name in (file.name, film_name(file))}
    return [key for key in keys if key not in there]
