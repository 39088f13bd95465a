from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.data.film import Film
from cephkit.data.findings import Fault, Finding
from cephkit.doubts.gather import Gathered
from cephkit.doubts.table import rows
from cephkit.landmarks.shipped import KNOWN

ROOT = Path("sets/one")
FILM = Film("a", ROOT / "train" / "a.png", "train")


def gathered(*findings: Finding, roots: dict[str, Path] | None = None) -> Gathered:
    return Gathered(roots or {"one": ROOT}, (FILM,), findings, KNOWN, ())


def test_a_finding_has_a_line_with_the_places_where_landmarks_should_be() -> None:
    fault = Fault("swapped", ("A", "B"), "text", "remedy", expected={"A": (1.25, 2.0), "B": (3.0, 4.0)})
    (row,) = rows(gathered(Finding(fault, "senior", FILM)))
    assert row == {
        "finding": 1, "data_set": "one", "split": "train", "film": "a", "file": "train/a.png", "annotator": "senior",
        "landmarks": "A B", "kind": "swapped", "certain": "no", "text": "text", "remedy": "remedy",
        "expected": "A 1.2 2.0; B 3.0 4.0", "others": "",
    }  # fmt: skip


def test_films_that_are_one_have_a_line_each_with_the_others() -> None:
    roots = {"one": ROOT, "two": Path("sets/two")}
    first = replace(FILM, film_id="one/a", source="one")
    other = Film("two/b", Path("elsewhere/b.png"), "test", source="two")
    found = list(rows(gathered(Finding(Fault("leak", (), "t", "r"), film=first, others=(other,)), roots=roots)))
    assert [(row["finding"], row["data_set"], row["film"], row["file"], row["others"]) for row in found] == [
        (1, "one", "a", "train/a.png", "test/two/b"),
        (1, "two", "b", "b.png", "train/one/a"),
    ]


def test_a_doubtful_machine_has_one_line_without_a_film() -> None:
    (row,) = rows(gathered(Finding(Fault("pixel size", (), "t", "r"), others=(FILM, FILM))))
    assert (row["data_set"], "film" in row) == ("one", False)


def test_the_home_folder_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    fault = Fault("label", (), "the other is /home/ann/a.png", "look into /home/ann")
    (row,) = rows(gathered(Finding(fault, film=FILM)))
    assert (row["text"], row["remedy"]) == ("the other is ~/a.png", "look into ~")
