"""Films dealt to folds: each validates once, patients stay together, data sets and machines are spread."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.data.aariz import AarizFolder
from cephkit.data.film import Film
from cephkit.datasets.folds import FoldSource, deal
from cephkit.errors import DataError

ROOT = Path("Aariz")


def film(number: int, **facts: str) -> Film:
    return replace(Film(f"{number:03}", Path(f"{number:03}.png"), "train"), **facts)  # type: ignore[arg-type]


def test_each_film_is_in_one_fold_and_folds_are_of_one_size() -> None:
    films = [film(number) for number in range(23)]
    places = deal(films, 5, 0, ROOT)
    assert places.keys() == {each.film_id for each in films}
    assert sorted(Counter(places.values()).items()) == [(1, 5), (2, 5), (3, 5), (4, 4), (5, 4)]


def test_the_seed_decides_and_the_order_of_films_does_not() -> None:
    films = [film(number) for number in range(40)]
    assert deal(films, 4, 3, ROOT) == deal(films[::-1], 4, 3, ROOT)
    assert deal(films, 4, 3, ROOT) != deal(films, 4, 4, ROOT)


def test_films_of_one_patient_are_together() -> None:
    films = [film(number, patient=f"P{number % 11}") for number in range(44)] + [film(number) for number in (90, 91)]
    places = deal(films, 3, 0, ROOT)
    for patient in range(11):
        assert len({places[f"{number:03}"] for number in range(patient, 44, 11)}) == 1
    assert max(Counter(places.values()).values()) - min(Counter(places.values()).values()) <= 4


def test_machines_and_data_sets_are_spread() -> None:
    films = [
        film(number, machine="Rare" if number % 6 == 0 else "Usual", source="A" if number < 30 else "B")
        for number in range(60)
    ]
    places = deal(films, 5, 0, ROOT)
    for fact in ("machine", "source"):
        for value in {getattr(each, fact) for each in films}:
            counts = Counter(places[each.film_id] for each in films if getattr(each, fact) == value)
            assert len(counts) == 5
            assert max(counts.values()) - min(counts.values()) <= 1 + (fact == "machine")


def test_too_few_are_an_error() -> None:
    with pytest.raises(DataError, match="has 3 films in train and valid, too few for 5 folds"):
        deal([film(number) for number in range(3)], 5, 0, ROOT)
    with pytest.raises(DataError, match="has 1 patients in train"):
        deal([film(number, patient="P") for number in range(9)], 2, 0, ROOT)


def test_each_film_validates_in_one_fold_and_test_stays(tiny_aariz: Path) -> None:
    plain = AarizFolder(tiny_aariz)
    own = {split: {film.film_id for film in plain.read((split,)).films} for split in ("train", "valid", "test")}
    seen: Counter[str] = Counter()
    for fold in (1, 2, 3):
        source = FoldSource(plain, 3, fold)
        assert source.has("valid")
        read = source.read(("train", "valid"))
        valid = {each.film_id for each in read.films if each.split == "valid"}
        assert {each.film_id for each in read.films} == own["train"] | own["valid"]
        assert {each.film_id for each in source.read(("valid",)).films} == valid
        assert {each.film_id for each in source.read(("test",)).films} == own["test"]
        assert [each.split for each in read.films] == sorted(each.split for each in read.films)
        seen.update(valid)
    assert set(seen) == own["train"] | own["valid"]
    assert set(seen.values()) == {1}
