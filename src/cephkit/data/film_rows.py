"""Which row of a table belongs to which film."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cephkit.data.opened import film_stem
from cephkit.data.tables import name_key

Row = TypeVar("Row")


def of_film(rows: Mapping[str, Row], file: Path) -> Row | None:
    """The row, by ``name_key``, of the film in ``file``: under its name, with its ending or without."""
    found = rows.get(name_key(file.name))
    return rows.get(name_key(film_stem(file))) if found is None else found


def rows_without_film(keys: Iterable[str], files: Iterable[Path]) -> list[str]:
    """Those of ``keys`` (``name_key``) that name none of ``files``, in their order."""
    there = {name_key(name) for file in files for name in (file.name, film_stem(file))}
    return [key for key in keys if key not in there]
