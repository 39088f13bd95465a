from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.data.check import far_apart, film_findings, implausible_pixel_sizes, label_notes, scan, unlabelled
from cephkit.data.film import Film, Split
from cephkit.data.findings import Finding, problems_of
from cephkit.data.index import FilmFacts, FilmIndex
from cephkit.data.spacing import square
from cephkit.errors import Note
from tests.data.aariz_folder import POINTS, AarizMaker


def make(film_id: str, split: Split = "train", **changes: object) -> Film:
    film = Film(film_id, Path(split) / f"{film_id}.png", split, spacing=square(0.1, ""), annotations={"senior": POINTS})
    return replace(film, **changes)  # type: ignore[arg-type]


def facts(pixels: str = "p", size: tuple[int, int] = (60, 50)) -> FilmFacts:
    return FilmFacts("c", size, pixels)


def test_scan_looks_at_each_film_once_and_hands_its_pixels_over(maker: AarizMaker, tmp_path: Path) -> None:
    paths = [maker.add("train", name) for name in ("a", "b")]
    films = [make(path.stem, path=path) for path in paths]
    index = FilmIndex(tmp_path)
    seen: list[str] = []
    first = scan(films, index, {paths[1]: lambda content, _: seen.append(content)})
    assert [known.size for known in first] == [(60, 50), (60, 50)]
    assert seen == [first[1].content]
    assert scan(films, index, {paths[1]: lambda *_: pytest.fail("decoded again")}) == first


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((0.0, 0.0), True),
        ((-0.5, -0.5), True),
        ((49.5, 59.5), True),
        ((-0.51, 5.0), False),
        ((49.51, 5.0), False),
        ((5.0, 59.51), False),
        ((5.0, -3.0), False),
    ],
)
def test_a_film_ends_half_a_pixel_after_its_last_pixel_centre(point: tuple[float, float], inside: bool) -> None:
    film = make("a", annotations={"senior": POINTS, "junior": {"A": point}})
    problems = problems_of(film_findings([film], [facts()]))
    assert (problems == []) == inside
    if not inside:
        assert "label of junior: landmarks outside the film of 50x60 pixels: A (" in problems[0].text


def test_a_film_that_cannot_be_read_is_a_problem_with_reason_and_remedy() -> None:
    (problem,) = problems_of(film_findings([make("a")], [FilmFacts("c", reason="the file is empty", remedy="copy it")]))
    assert (problem.film_id, problem.text, problem.remedy) == ("a", "the file is empty", "copy it")


def test_films_without_the_wanted_annotation() -> None:
    films = [make("a"), make("b", annotations={"junior": POINTS}), make("c", annotations={})]
    assert [problem.film_id for problem in unlabelled(films, "senior")] == ["b", "c"]
    assert [problem.film_id for problem in unlabelled(films, "junior")] == ["a", "c"]
    assert [problem.film_id for problem in unlabelled(films, "mean")] == ["c"]
    assert unlabelled(films, "senior")[0].text == "film without landmarks of Senior Orthodontists"


def notes_on(films: list[Film]) -> list[Note]:
    found: list[Finding] = [*implausible_pixel_sizes(films), *far_apart(films)]
    return label_notes(found, films)


def test_films_without_a_pixel_size_are_counted_and_named() -> None:
    films = [make(str(number), spacing=None) for number in range(7)]
    assert [note.text for note in notes_on([make("a"), *films])] == [
        "no pixel size, counted in pixels and never in mm: 7 films: "
        "train/0, train/1, train/2, train/3, train/4 and 2 more"
    ]


def test_landmarks_on_which_the_annotators_are_far_apart_are_named() -> None:
    apart = {"senior": {"A": (0.0, 0.0), "N": (0.0, 0.0)}, "junior": {"A": (0.0, 1200.0), "N": (199.0, 0.0)}}
    films = [make("a", annotations=apart), make("b", annotations=apart, spacing=None)]
    # 199 pixels are 19.9 mm: within the limit in both measures.
    assert notes_on(films)[1].text == (
        "senior and junior more than 20 mm (200 px without a pixel size) apart, kept: 2 labels: "
        "train/a A 120 mm, train/b A 1200 px"
    )


@pytest.mark.parametrize(("pixel_size_mm", "doubted"), [(0.1, False), (0.144, True), (0.035, True), (None, False)])
def test_a_pixel_size_that_makes_impossible_heads_is_doubted(pixel_size_mm: float | None, doubted: bool) -> None:
    # Sella to nasion: 700 pixels. Real machines differ: one of Aariz's comes out at 25 mm, another at 119 mm.
    labels = {"senior": {"S": (100.0, 100.0), "N": (800.0, 100.0)}}
    spacing = pixel_size_mm and square(pixel_size_mm, "")
    films = [make(name, machine="M", spacing=spacing, annotations=labels, path=Path(name)) for name in "abcde"]
    assert not any("in doubt" in note.text for note in notes_on(films[:4]))  # too few to judge a machine by
    said = [note.text for note in notes_on(films) if "pixel size in doubt" in note.text]
    assert bool(said) == doubted
    if pixel_size_mm == 0.144:
        assert said == [
            "pixel size in doubt, kept: S-N is 101 mm on 5 films of M (a head has 60 to 85): "
            "their errors in mm are off by that factor"
        ]
