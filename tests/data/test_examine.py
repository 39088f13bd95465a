from dataclasses import replace
from pathlib import Path

from cephkit.data.examine import examine
from cephkit.data.film import Film
from cephkit.data.index import FilmFacts
from cephkit.data.label_check import label_findings
from cephkit.data.labelled import LabelledFilms, Problem
from cephkit.landmarks.shipped import KNOWN
from tests.data.labelled_faces import HEIGHT, WIDTH, face_points, faces, film_with


def facts(pixels: str) -> FilmFacts:
    return FilmFacts(f"content {pixels}", (HEIGHT, WIDTH), pixels)


def examined(films: list[Film], known: list[FilmFacts], **more: object) -> list[tuple[str, tuple[str, ...]]]:
    labelled = LabelledFilms(tuple(films), (), KNOWN)
    found = examine(labelled, known, **more)  # type: ignore[arg-type]
    return [(finding.fault.kind, tuple(film.film_id for film in finding.films)) for finding in found]


def test_all_is_in_one_list_what_is_certain_first() -> None:
    good = faces(10)
    points = face_points(20)
    swapped = film_with({**points, "A": points["B"], "B": points["A"]}, "swapped", junior=points)
    torn, bare = film_with(face_points(21), "torn"), film_with({}, "bare")
    twin = replace(good[0], film_id="twin", split="valid", path=Path("twin.png"))
    known = [facts(str(n)) for n in range(10)]
    known += [facts("swapped"), FilmFacts("c", reason="torn"), facts("bare"), facts("0")]
    found = examined([*good, swapped, torn, bare, twin], known)
    assert found == [
        ("label", ("bare",)), ("film", ("torn",)), ("leak", ("f0", "twin")), ("apart", ("swapped",)),
        ("apart", ("swapped",)), ("swapped", ("swapped",)),
    ]  # fmt: skip


def test_problems_of_readers_are_findings_and_named_once() -> None:
    problem = Problem("label", "not JSON", "copy it", film_id="bad", split="train", path=Path("bad.json"))
    labelled = LabelledFilms((film_with({}, "bad"),), (problem,), KNOWN)
    (finding,) = examine(labelled, [facts("1")])
    assert (finding.fault.text, finding.film and finding.film.path) == ("not JSON", Path("bad.json"))


def test_other_splits_are_looked_at_for_copies_only() -> None:
    good = faces(3)
    other = replace(film_with({"A": (0.0, 0.0)}, "other"), split="test")
    assert examined(good, [facts(str(n)) for n in range(3)], others=[(other, facts("1"))]) == [
        ("leak", ("f1", "other"))
    ]


def test_labels_of_different_data_sets_are_not_compared() -> None:
    """In one of them every A is where the other has B: a habit, not an exchange on each film."""
    ours = [replace(film, source="ours") for film in faces(10)]
    theirs = []
    for seed in range(10, 20):
        points = face_points(seed)
        moved = {**points, "A": points["B"], "B": points["A"]}
        theirs.append(replace(film_with(moved, f"t{seed}"), source="theirs"))
    first, *rest = label_findings([*ours, *theirs])
    assert (first.film, first.source, set(first.fault.landmarks)) == (None, "theirs", {"A", "B"})
    assert "ours" not in {finding.film and finding.film.source for finding in rest}
