from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from cephkit.data.film import Film, Points
from cephkit.data.findings import Finding, doubts_note, problems_of
from cephkit.data.label_check import label_findings
from cephkit.data.spacing import Spacing
from tests.data.labelled_faces import HEIGHT, MM_PER_PX, WIDTH, face_points, faces, film_with, with_pictures

Spoil = Callable[[float, float], tuple[float, float]]


@pytest.fixture(scope="module")
def good() -> list[Film]:
    return faces(24)


def moved(points: Points, spoil: Spoil) -> Points:
    return {symbol: spoil(*point) for symbol, point in points.items()}


def exchanged(points: Points, one: str, other: str) -> Points:
    return {**points, one: points[other], other: points[one]}


def findings_on(good: list[Film], points: Points) -> list[Finding]:
    """What is found on a film with ``points`` among good ones, all of it on that film."""
    found = label_findings([*good, film_with(points, "bad")])
    assert {finding.film.film_id if finding.film else "" for finding in found} <= {"bad"}
    return found


def test_nothing_is_wrong_with_good_labels(good: list[Film]) -> None:
    assert label_findings(good) == []
    assert label_findings(good[:2]) == []


def oblong(film: Film) -> Film:
    """``film`` as a scanner saves it whose pixels are twice as wide as high."""
    assert film.size is not None
    Image.open(film.path).resize((film.size[1] // 2, film.size[0]), Image.Resampling.BOX).save(film.path)
    points = moved(film.annotations["senior"], lambda x, y: ((x + 0.5) / 2 - 0.5, y))
    spacing = Spacing(MM_PER_PX, 2 * MM_PER_PX, "test")
    return replace(film, annotations={"senior": points}, spacing=spacing, size=(film.size[0], film.size[1] // 2))


def test_a_film_of_oblong_pixels_is_judged_as_if_they_were_square(good: list[Film], tmp_path: Path) -> None:
    films = with_pictures([*good, film_with(face_points(99), "wide")], tmp_path)
    wide = oblong(films[-1])
    assert label_findings([*films[:-1], wide]) == []
    mirrored = moved(wide.annotations["senior"], lambda x, y: (WIDTH / 2 - 1 - x, y))
    (finding,) = label_findings([*films[:-1], replace(wide, annotations={"senior": mirrored})])
    assert finding.fault.certain
    assert "mirrored" in finding.fault.text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (y, x), "x and y swapped"),
        (lambda x, y: (x, HEIGHT - 1 - y), "y counted from the bottom"),
        (lambda x, y: (WIDTH - 1 - y, HEIGHT - 1 - x), "counted from the far sides"),
        (lambda x, y: (2 * x, 2 * y), "2.1 times as large as on other films"),
        (lambda x, y: (x / 2, y / 2), "0.52 times as large as on other films"),
        (lambda x, y: (x * 97 % 500, y * 89 % 500), "not a face"),
    ],
)
def test_labels_of_another_picture_are_certainly_wrong(good: list[Film], spoil: Spoil, message: str) -> None:
    (finding,) = findings_on(good, moved(face_points(99), spoil))
    assert message in finding.fault.text
    assert finding.fault.certain
    (problem,) = problems_of([finding])
    assert (problem.film_id, problem.remedy) == ("bad", finding.fault.remedy)
    assert doubts_note([finding], good) == []


@pytest.mark.parametrize(
    "pair",
    [("A", "B"), ("Ls", "Li"), ("S", "N"), ("UIT", "UIA"), ("Pog", "Gn"), ("ANS", "A")],
)
def test_exchanged_landmarks_are_named_and_kept(good: list[Film], pair: tuple[str, str]) -> None:
    (finding,) = findings_on(good, exchanged(face_points(99), *pair))
    assert set(finding.fault.landmarks) == set(pair)
    assert "appear to be swapped" in finding.fault.text
    assert problems_of([finding]) == []
    (note,) = doubts_note([finding], [film_with({}, "bad")])
    assert note.text.startswith("labels in doubt, kept: 1\n  train/bad (senior): ")


def test_a_landmark_out_of_place_does_not_hide_an_exchange(good: list[Film]) -> None:
    points = exchanged(face_points(99), "Ls", "Li")
    x, y = points["Pog`"]
    found = findings_on(good, {**points, "Pog`": (x, y + 45)})
    assert {finding.fault.landmarks for finding in found} == {("Li", "Ls"), ("Pog`",)}


def test_a_landmark_20_mm_off_is_named(good: list[Film]) -> None:
    points = face_points(99)
    for symbol in ("A", "Go", "Pog`"):
        x, y = points[symbol]
        found = findings_on(good, {**points, symbol: (x - 31, y - 31)})
        assert [finding.fault.landmarks for finding in found] == [(symbol,)], symbol


def test_what_most_labels_do_wrong_is_said_of_all() -> None:
    films = [replace(film, annotations={"senior": exchanged(film.points("senior"), "A", "B")}) for film in faces(12)]
    (finding,) = label_findings(films)
    assert (finding.film, finding.where, set(finding.fault.landmarks)) == (None, "all films (senior)", {"A", "B"})


def test_many_bad_labels_do_not_hide_each_other(good: list[Film]) -> None:
    bad = [
        replace(film, annotations={"senior": exchanged(film.points("senior"), *pair)})
        for film, pair in zip(good[:8], [("A", "B"), ("Ls", "Li"), ("S", "Or"), ("PNS", "ANS")] * 2, strict=True)
    ]
    found = label_findings([*bad, *good[8:]])
    assert [finding.film.film_id for finding in found if finding.film] == [film.film_id for film in bad]


def test_a_data_set_may_face_left(good: list[Film]) -> None:
    left = [
        replace(film, annotations={"senior": moved(film.points("senior"), lambda x, y: (WIDTH - 1 - x, y))})
        for film in good
    ]
    assert label_findings(left) == []
    (finding,) = label_findings([*left, good[0]])
    assert "mirrored" in finding.fault.text


def test_the_picture_tells_a_mirrored_label_from_a_mirrored_film(good: list[Film], tmp_path: Path) -> None:
    films = with_pictures(good, tmp_path)
    (tmp_path / "left").mkdir()
    mirrored = moved(good[0].points("senior"), lambda x, y: (WIDTH - 1 - x, y))
    (film,) = with_pictures([film_with(mirrored, "left")], tmp_path / "left")
    (right,) = with_pictures([good[0]], tmp_path / "left")
    ImageOps.mirror(Image.open(right.path)).save(film.path)
    assert label_findings([*films[1:], film]) == []  # the film faces left, as its label does
    (finding,) = label_findings([*films[1:], replace(film, path=films[0].path)])
    assert finding.fault.certain
    assert "mirrored" in finding.fault.text


def test_a_turned_label_is_certain_by_the_picture_and_a_doubt_without(good: list[Film], tmp_path: Path) -> None:
    turned = film_with(moved(good[0].points("senior"), lambda x, y: (HEIGHT - 1 - y, x)), "turned")
    (doubt,) = label_findings([*good[1:], turned])
    assert ("turned by 90 degrees" in doubt.fault.text, doubt.fault.certain) == (True, False)
    films = with_pictures(good, tmp_path)
    (sure,) = label_findings([*films[1:], replace(turned, path=films[0].path)])
    assert sure.fault.certain


def test_annotators_cannot_see_the_face_from_both_sides(good: list[Film]) -> None:
    points = good[0].points("senior")
    left = moved(points, lambda x, y: (WIDTH - 1 - x, y))
    (finding,) = label_findings([film_with(points, junior=left)])
    assert (finding.annotator, finding.fault.certain) == ("junior", True)
    assert "looks the other way than in the label of senior" in finding.fault.text


def test_the_label_of_another_film_is_a_doubt(good: list[Film]) -> None:
    points = good[0].points("senior")
    (finding,) = label_findings([film_with(points, junior=moved(points, lambda x, y: (x + 40, y)))])
    assert "mm from the label of senior" in finding.fault.text
    assert not finding.fault.certain


def test_few_landmarks_are_looked_at_one_by_one() -> None:
    (finding,) = label_findings([film_with({"A": (0.0, 0.0), "B": (50.0, 70.0), "S": (90.0, 10.0)})])
    assert (finding.fault.landmarks, finding.fault.certain) == (("A",), True)


def test_patients_are_no_faults(good: list[Film]) -> None:
    """A long face, retrognathic and prognathic jaws, a cleft, an open bite: 8 to 10 mm beyond an average face."""
    jaw = ("B", "Pog", "Gn", "Me", "LIT", "LIA", "LPM", "LMT", "Pog`", "Li")
    middle = ("A", "ANS", "UIT", "UIA", "Sn", "Ls")
    kinds: dict[str, dict[str, tuple[float, float]]] = {
        "long": dict.fromkeys((*jaw, "Go", "R"), (0, 10)),
        "retrognathic": dict.fromkeys((*jaw, "Go"), (-10, 0)),
        "class III": dict.fromkeys((*jaw, "Go"), (10, 0)),
        "cleft": dict.fromkeys(middle, (-10, 0)),
        "open bite": dict.fromkeys(("LIT", "LIA", "Li", "B", "Pog", "Gn", "Me", "Pog`"), (0, 8)),
    }
    for kind, shifts in kinds.items():
        points = {
            symbol: (x + shifts.get(symbol, (0, 0))[0] / MM_PER_PX, y + shifts.get(symbol, (0, 0))[1] / MM_PER_PX)
            for symbol, (x, y) in face_points(99).items()
        }
        assert not any(finding.fault.certain for finding in label_findings([*good, film_with(points, "p")])), kind
