from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.data.film import Film, Points, Split
from cephkit.data.index import FilmFacts
from cephkit.data.likeness import small_picture
from cephkit.data.twins import alike, left_out_of_train, same_pixels, twin_notes
from tests.data.labelled_faces import face_points
from tests.data.test_likeness import film as picture


def make(film_id: str, split: Split = "train") -> Film:
    return Film(film_id, Path(split) / f"{film_id}.png", split)


def facts(pixels: str) -> FilmFacts:
    return FilmFacts("c", (60, 50), pixels)


def test_train_films_that_are_also_held_out_leave_train() -> None:
    films = [make("a"), make("b"), make("c", "valid"), make("d", "test"), make("e")]
    known = [facts("1"), facts("2"), facts("1"), facts("2"), facts("3")]
    found = same_pixels(films, known)
    assert left_out_of_train(found) == {films[0].path, films[1].path}
    assert [note.text for note in twin_notes(found)] == [
        "left out of train, same pixels as in valid or test: 2 films: train/a = valid/c, train/b = test/d"
    ]
    (note,) = twin_notes(same_pixels(films, known, keep=True), keep=True)
    assert note.text == (
        "same pixels in train and in valid or test, kept: 2 films: train/a = valid/c, train/b = test/d"
    )
    assert "--keep_twins" in note.remedy


def test_other_duplicates_are_kept_and_noted() -> None:
    films = [make("a"), make("b"), make("c", "valid"), make("d", "test")]
    found = same_pixels(films, [facts("1"), facts("1"), facts("2"), facts("2")])
    assert left_out_of_train(found) == set()
    assert [note.text for note in twin_notes(found)] == [
        "same pixels twice in one split, kept: 1 groups: train/a = train/b",
        "same pixels in valid and test, kept: 1 groups: valid/c = test/d",
    ]


def test_films_that_cannot_be_read_are_no_duplicates() -> None:
    broken = FilmFacts("c", reason="torn")
    assert same_pixels([make("a"), make("b", "valid")], [broken, broken]) == []
    assert alike([make("a"), make("b", "valid")], [broken, broken]) == []


def labelled(film_id: str, points: Points | None, split: Split = "train") -> Film:
    return replace(make(film_id, split), annotations={} if points is None else {"senior": points})


def seen(image: Image.Image, pixels: str) -> FilmFacts:
    grey = np.asarray(image)
    return FilmFacts("c", (grey.shape[0], grey.shape[1]), pixels, picture=small_picture(grey))


def inside(points: Points, box: tuple[int, int, int, int], scale: float) -> Points:
    """The points of a film of 520x560 pixels in a part of it, reduced."""
    return {symbol: ((x - box[0]) * scale, (y - box[1]) * scale) for symbol, (x, y) in points.items()}


def test_a_film_saved_again_is_a_doubt_with_both_films() -> None:
    films = [labelled(str(n), None) for n in range(4)] + [labelled("copy", None, "valid")]
    known = [seen(picture(n), str(n)) for n in range(4)] + [seen(picture(2).resize((170, 190)), "other")]
    (finding,) = alike(films, known)
    assert [film.film_id for film in finding.films] == ["2", "copy"]
    assert not finding.fault.certain
    assert "train/2 and valid/copy look like one film" in finding.fault.text
    assert "flatters the result" in finding.fault.remedy
    (note,) = twin_notes([finding])
    assert note.text == "films that look like one, kept: 1 pairs: train/2 = valid/copy"


def test_films_with_the_same_pixels_are_not_reported_twice() -> None:
    films, known = [labelled("a", None), labelled("b", None)], [seen(picture(0), "1"), seen(picture(0), "1")]
    assert alike(films, known) == []
    assert alike(films[:1], known[:1]) == []


@pytest.mark.parametrize("with_labels", [True, False])
def test_labels_find_a_film_of_which_a_quarter_was_cropped_on_each_side(with_labels: bool) -> None:
    box = (130, 110, 520, 540)
    faces = [face_points(seed) for seed in range(9)]
    whole = [picture(seed).resize((520, 560)) for seed in range(9)]
    films = [labelled(str(n), points if with_labels else None) for n, points in enumerate(faces)]
    known = [seen(image, str(n)) for n, image in enumerate(whole)]
    part = whole[3].crop(box).resize((195, 215))
    films.append(labelled("part", inside(faces[3], box, 0.5) if with_labels else None, "test"))
    known.append(seen(part, "part"))
    found = [[film.film_id for film in finding.films] for finding in alike(films, known)]
    assert (["3", "part"] in found) == with_labels
    assert len(found) <= 1
