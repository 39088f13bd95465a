from pathlib import Path

from cephkit.data.film import Film, Split
from cephkit.data.index import FilmFacts
from cephkit.data.twins import alike, left_out_of_train, same_pixels, twin_notes


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
