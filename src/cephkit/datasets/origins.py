"""Which data a model has learnt from, as its checkpoint records it; for whoever hands the model on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cephkit.data.aariz import AarizFolder
from cephkit.data.film import SPLITS
from cephkit.data.labelled import Source
from cephkit.data.prepare import PreparedData
from cephkit.data.synthetic.writer import MARK, README_NAME
from cephkit.datasets.combined import CombinedSource
from cephkit.datasets.folds import FoldSource
from cephkit.datasets.layout import LayoutSource

AARIZ, SYNTHETIC = "Aariz layout", "synthetic films of cephkit"
"""Titles of layouts, besides those of ``datasets.recognise.LAYOUTS``."""
DATA_SETS, STARTED_FROM = "data_sets", "started_from"
"""Keys in a checkpoint's ``config``: what its run has learnt from, and what the checkpoint that it started from has."""
_LONGEST = 200


@dataclass(frozen=True)
class DataOrigin:
    """One data set, as far as a checkpoint tells."""

    name: str
    layout: str = ""
    """Title of its layout; empty: not recorded."""
    machines: Mapping[str, int] = field(default_factory=dict)
    """Films by machine."""
    films: Mapping[str, int] = field(default_factory=dict)
    """Films by split; empty: not recorded."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {
            "name": self.name, "layout": self.layout, "machines": dict(self.machines), "films": dict(self.films)
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Any) -> "DataOrigin":
        """What ``to_dict`` wrote; whatever else a file holds is left out."""
        values = plain if isinstance(plain, Mapping) else {}
        name, layout = (str(values.get(key, ""))[:_LONGEST] for key in ("name", "layout"))
        return cls(name, layout, _counts(values.get("machines")), _counts(values.get("films")))


def origins_of(data: PreparedData) -> list[DataOrigin]:
    """Return the data sets whose films ``data`` holds."""
    found = []
    for name, layout in _layouts(data.source).items():
        films = [film for group in data.films.values() for film in group if film.source == name]
        machines = Counter(film.machine for film in films if film.machine)
        splits: dict[str, int] = {split: sum(film.split == split for film in films) for split in data.films}
        found.append(
            DataOrigin(name or data.source.root.resolve().name, layout, dict(sorted(machines.items())), splits)
        )
    return found


def recorded(config: Mapping[str, Any], key: str = DATA_SETS) -> list[DataOrigin]:
    """Return the data sets that the settings in a checkpoint name; of older checkpoints, only their names and films."""
    listed = config.get(key)
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        return [DataOrigin.from_dict(each) for each in listed]
    if key != DATA_SETS:
        return []
    sources = config.get("sources")
    if isinstance(sources, Mapping) and sources:
        return [DataOrigin(str(name)[:_LONGEST], films=_splits(facts)) for name, facts in sources.items()]
    paths = config.get("dataset_path")
    paths = paths if isinstance(paths, Sequence) and not isinstance(paths, str) else [paths] if paths else []
    return [DataOrigin(PurePosixPath(str(path).replace("\\", "/")).name[:_LONGEST]) for path in paths]


def _splits(plain: Any) -> dict[str, int]:
    return {name: count for name, count in _counts(plain).items() if name in SPLITS}


def _counts(plain: Any) -> dict[str, int]:
    entries = plain.items() if isinstance(plain, Mapping) else ()
    return {str(name)[:_LONGEST]: count for name, count in entries if type(count) is int}


def _layouts(source: Source) -> dict[str, str]:
    """Return the title of each data set's layout, by the name that its films carry: empty where there is only one."""
    if isinstance(source, FoldSource):
        return _layouts(source.source)
    if isinstance(source, CombinedSource):
        return {name: _layout(part.source) for name, part in source.parts.items()}
    return {"": _layout(source)}


def _layout(source: Source) -> str:
    if isinstance(source, LayoutSource):
        return source.layout.title
    if not isinstance(source, AarizFolder):
        return ""
    try:
        with (source.root / README_NAME).open("rb") as file:
            return SYNTHETIC if file.read(len(MARK)) == MARK.encode() else AARIZ
    except OSError:
        return AARIZ
