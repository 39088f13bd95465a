from dataclasses import replace
from pathlib import Path

from cephkit.data.film import Film
from cephkit.data.findings import Fault, Finding, Kind
from cephkit.doubts.gather import Gathered
from cephkit.doubts.page import kinds_by_source, review_command, worst, write_page
from cephkit.landmarks.shipped import KNOWN


def finding(kind: Kind, film_id: str = "a", excess: float = 0.0, certain: bool = False, source: str = "") -> Finding:
    film = Film(film_id, Path(f"{film_id}.png"), "train", source=source)
    return Finding(Fault(kind, (), kind, "", certain, excess=excess), film=film)


def gathered(*findings: Finding, roots: dict[str, Path] | None = None) -> Gathered:
    return Gathered(roots or {"one": Path("one")}, (), findings, KNOWN, ())


def test_the_worst_of_each_kind_is_shown_before_a_second_of_any() -> None:
    found = [finding("out of place", f"f{n}", excess=n) for n in range(5)]
    found += [finding("swapped", "s"), finding("corner", "c", certain=True)]
    chosen = worst(list(enumerate(found, 1)), 4)
    assert [number for number, _ in chosen] == [7, 4, 5, 6]  # in the order of the films c, f3, f4, s
    assert len(worst(list(enumerate(found, 1)), 100)) == 7
    assert worst(list(enumerate(found, 1)), 0) == []


def test_findings_are_counted_by_kind_and_data_set() -> None:
    both = Finding(Fault("leak", (), "", ""), film=Film("x", Path("x"), "train", source="a"),
                   others=(Film("y", Path("y"), "test", source="b"),))  # fmt: skip
    found = gathered(finding("swapped", source="a"), finding("swapped", source="b"), both,
                     Finding(Fault("data set", (), "", ""), source="c"),
                     roots={name: Path(name) for name in "abc"})  # fmt: skip
    assert kinds_by_source(found) == [
        ("data set that cannot be read", {"c": 1}, 1),
        ("landmarks that appear to be swapped", {"a": 1, "b": 1}, 2),
        ("same pixels in train and in valid or test", {"": 1}, 1),
    ]


def test_the_review_opens_what_was_checked_and_can_be_read() -> None:
    roots = {"a": Path("my sets/a"), "b": Path("b")}
    found = replace(gathered(finding("swapped", source="a"), roots=roots), unread=("b",))
    assert review_command(
        found, [*roots.values(), Path("more.yaml")], Path("doubts/doubts.csv"), ["--split_seed", "3"]
    ) == ("cephkit review --dataset_path 'my sets/a' more.yaml --split_seed 3 --doubts doubts/doubts.csv")
    assert review_command(gathered(), [Path("one")], Path("d.csv")) == ""


def test_a_film_that_has_gone_since_is_listed_without_a_picture(tmp_path: Path) -> None:
    film = Film("gone", tmp_path / "gone.png", "train", size=(60, 50))
    found = gathered(Finding(Fault("swapped", ("A",), "A and B", ""), "senior", film))
    assert write_page(tmp_path / "doubts.html", found, 10, "", "doubts.csv") == 0
    shown = (tmp_path / "doubts.html").read_text(encoding="utf-8")
    assert "The film cannot be shown: cannot be read" in shown
    assert "<image" not in shown


def test_findings_about_no_film_are_limited_too(tmp_path: Path) -> None:
    found = [Finding(Fault("data set", (), f"no. {n} is torn", ""), source="one") for n in range(205)]
    write_page(tmp_path / "doubts.html", gathered(*found), 10, "", "doubts.csv")
    shown = (tmp_path / "doubts.html").read_text(encoding="utf-8")
    assert "no. 199 is torn" in shown
    assert "no. 200 is torn" not in shown
    assert "5 more are in doubts.csv" in shown
