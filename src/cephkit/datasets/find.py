"""Finds the readers of data sets by looking at their folders."""

from collections.abc import Iterable
from pathlib import Path

from cephkit.data.labelled import Source
from cephkit.data.names import first_free
from cephkit.datasets.combined import CombinedSource, Part
from cephkit.datasets.list_file import Named, read_list
from cephkit.datasets.recognise import recognised
from cephkit.errors import SettingsError
from cephkit.settings.options import DataPaths, DataSet

LIST_ENDINGS = (".yaml", ".yml")


def find_dataset(options: DataSet) -> Source:
    """Return the data set that ``options`` name; several as one, without those to leave out.

    Raises:
        SettingsError: see ``find_parts``; a data set to leave out is not among them, or nothing would be left.
    """
    parts = find_parts(options)
    if unknown := [name for name in options.leave_out if name not in parts]:
        raise SettingsError(f"--leave_out {' '.join(unknown)}: the data sets are {', '.join(parts)}")
    kept = {name: part for name, part in parts.items() if name not in options.leave_out}
    if not kept:
        raise SettingsError(f"--leave_out {' '.join(options.leave_out)} leaves no data set")
    if len(parts) == 1:
        return next(iter(kept.values())).source
    return CombinedSource(kept)


def find_parts(options: DataPaths) -> dict[str, Part]:
    """Return all data sets that ``options`` name, those to leave out too.

    Raises:
        SettingsError: see ``named_schema`` and ``read_list``.
    """
    parts: dict[str, Part] = {}
    for one in _listed(options.dataset_path):
        name = first_free(one.name or one.path.resolve().name, lambda name: name not in parts)
        parts[name] = Part(recognised(one.path, options), one.weight)
    return parts


def _listed(paths: Iterable[Path]) -> Iterable[Named]:
    for path in paths:
        yield from read_list(path) if path.suffix.lower() in LIST_ENDINGS else [Named(path)]
