"""Several data sets as one."""

from pathlib import Path

import pytest

from cephkit.data.film import SPLITS
from cephkit.datasets.combined import CombinedSource
from cephkit.datasets.find import find_dataset
from cephkit.datasets.list_file import read_list
from cephkit.errors import DataError, SettingsError
from cephkit.settings.options import DataSet
from tests.conftest import TINY_SYMBOLS, write_tiny_aariz
from tests.datasets.published import ISBI, write_isbi


def combined(*paths: Path, **options: object) -> CombinedSource:
    found = find_dataset(DataSet(dataset_path=paths, **options))  # type: ignore[arg-type]
    assert isinstance(found, CombinedSource)
    return found


def test_films_keep_their_own_landmarks_sizes_and_names(tmp_path: Path, tiny_aariz: Path) -> None:
    both = combined(tiny_aariz, write_isbi(tmp_path / "ISBI", (1, 151)))
    found = both.read(("train", "valid"))
    assert found.problems == ()
    by_source = {name: [film for film in found.films if film.source == name] for name in ("Aariz", "ISBI")}
    assert [len(films) for films in by_source.values()] == [10, 2]
    assert [film.film_id for film in by_source["ISBI"]] == ["ISBI/001", "ISBI/151"]
    assert set(by_source["Aariz"][0].points("senior")) == set(TINY_SYMBOLS)
    assert set(by_source["ISBI"][0].points("senior")) == set(ISBI)
    assert {film.spacing and film.spacing.mean_mm for film in found.films} == {0.5, None}
    # Split by split, as prepare expects.
    assert [film.split for film in found.films] == ["train"] * 8 + ["valid"] * 4


def test_a_split_need_not_be_in_each(tmp_path: Path, tiny_aariz: Path) -> None:
    both = combined(tiny_aariz, write_isbi(tmp_path / "ISBI", (1, 2)))
    assert [film.source for film in both.read(("valid",)).films] == ["Aariz"] * 3
    neither = combined(write_tiny_aariz(tmp_path / "a", 2, 0), write_isbi(tmp_path / "b", (1, 2)))
    with pytest.raises(DataError, match="no data set has films in valid"):
        neither.read(("train", "valid"))


def test_folders_of_one_name_get_names_of_their_own(tmp_path: Path, tiny_aariz: Path) -> None:
    other = write_tiny_aariz(tmp_path / "Aariz", 1, 1)
    both = combined(tiny_aariz, other)
    assert [film.film_id for film in both.read(("valid",)).films][-1] == "Aariz-2/v0"
    assert len({film.film_id for film in both.read(SPLITS[:2]).films}) == 12


def test_a_list_gives_names_and_weights(tmp_path: Path, tiny_aariz: Path) -> None:
    write_isbi(tmp_path / "isbi", (1, 151))
    file = tmp_path / "sources.yaml"
    file.write_text(f"- path: isbi\n  name: challenge\n  weight: 2.5\n- {{path: '{tiny_aariz}'}}\n", encoding="utf-8")
    both = combined(file)
    films = both.read(("train",)).films
    assert {film.source: film.weight for film in films} == {"challenge": 2.5, "Aariz": 1.0}
    assert films[0].film_id == "challenge/001"


def test_one_data_set_alone_stays_as_it_is(tiny_aariz: Path) -> None:
    alone = find_dataset(DataSet(dataset_path=(tiny_aariz,)))
    assert not isinstance(alone, CombinedSource)
    assert {(film.source, film.weight) for film in alone.read(("train",)).films} == {("", 1.0)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a list of data sets, such as '- path: Aariz'"),
        ("path: a", "expected a list"),
        ("- a", "line 1, column 3: expected path, and perhaps name and weight"),
        ("- {name: a}", "line 1, column 3: path is None"),
        ("- {path: 3}", "path is 3"),
        ("- {path: a, colour: red}", "there is no 'colour'; expected path, name, weight"),
        ("- {path: a, weight: 0}", "weight is 0, expected a number above 0"),
        ("- {path: a, weight: .nan}", "weight is nan"),
        ("- {path: a, weight: true}", "weight is True"),
        ("- {path: a, weight: 1e9}", "weight is"),
        ("- {path: a, name: b/c}", "name is 'b/c', expected a short name"),
        ("- {path: a}\n- {path: b/a}", "two data sets are called a"),
    ],
)
def test_a_list_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_list(file)
    assert complaint in str(caught.value)
