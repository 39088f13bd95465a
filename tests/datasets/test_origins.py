from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cephkit.data.film import Film
from cephkit.data.synthetic.writer import synthesize
from cephkit.datasets.combined import CombinedSource, Part
from cephkit.datasets.find import find_dataset
from cephkit.datasets.folds import FoldSource
from cephkit.datasets.origins import AARIZ, STARTED_FROM, SYNTHETIC, DataOrigin, origins_of, recorded
from cephkit.settings.options import DataSet
from tests.datasets.published import write_isbi


def film(name: str, source: str = "", machine: str | None = "M", split: Any = "train") -> Film:
    return Film(name, Path(f"{name}.png"), split, machine, source=source)


def data(source: Any, *films: Film) -> Any:
    splits = {split: tuple(each for each in films if each.split == split) for split in ("train", "valid")}
    return SimpleNamespace(source=source, films=splits)


def test_one_data_set_with_its_layout_machines_and_films(tmp_path: Path, tiny_aariz: Path) -> None:
    source = find_dataset(DataSet(dataset_path=(tiny_aariz,)))
    films = (film("a"), film("b", machine=None), film("c", split="valid", machine="B"))
    wanted = DataOrigin("Aariz", AARIZ, {"B": 1, "M": 1}, {"train": 2, "valid": 1})
    assert origins_of(data(source, *films)) == [wanted]
    assert origins_of(data(FoldSource(source, 2, 1), *films)) == [wanted]
    assert DataOrigin.from_dict(wanted.to_dict()) == wanted


def test_several_data_sets_and_synthetic_films_are_told_apart(tmp_path: Path, tiny_aariz: Path) -> None:
    synthesize(tmp_path / "drawn", 3, height=128, workers=1, notify=lambda line: None)
    isbi = write_isbi(tmp_path / "isbi")
    parts = {
        name: Part(find_dataset(DataSet(dataset_path=(path,))))
        for name, path in {"one": tmp_path / "drawn", "two": isbi, "three": tiny_aariz}.items()
    }
    found = origins_of(data(CombinedSource(parts), film("one/a", "one"), film("two/b", "two")))
    assert [(each.name, each.layout) for each in found] == [("one", SYNTHETIC), ("two", "ISBI 2015"), ("three", AARIZ)]
    assert [each.films["train"] for each in found] == [1, 1, 0]


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"dataset_path": "C:\\ann\\Aariz"}, ["Aariz"]),
        ({"dataset_path": ["/home/ann/isbi2015", "other"]}, ["isbi2015", "other"]),
        ({"sources": {"a": {"train": 3, "weight": 2}}, "dataset_path": ["x", "y"]}, ["a"]),
        ({"data_sets": [{"name": "b"}], "sources": {"a": {}}}, ["b"]),
        ({}, []),
        ({"data_sets": "text", "dataset_path": None}, []),
        ({"data_sets": [7, {"name": ["x"] * 1000, "machines": {"m": "x"}, "films": 3}]}, ["", None]),
    ],
)
def test_older_and_damaged_checkpoints_give_what_they_have(config: dict[str, Any], names: list[str | None]) -> None:
    found = recorded(config)
    assert [each.name for each in found if len(each.name) < 50] == [name for name in names if name is not None]
    assert all(set(each.films) <= {"train", "valid", "test"} for each in found)
    assert recorded(config, STARTED_FROM) == []
