import os
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data import index as index_module
from cephkit.data import prepare as prepare_module
from cephkit.data import store_builder
from cephkit.data.aariz import AarizFolder
from cephkit.data.opened import OpenedFilm
from cephkit.data.prepare import PreparedData, prepare
from cephkit.data.spacing import square
from cephkit.errors import DataError
from tests.data.aariz_folder import JUNIOR, POINTS, AarizMaker, noise

CANVAS = (64, 64)
Prepare = Callable[..., PreparedData]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def ready(maker: AarizMaker, tmp_path: Path, lines: list[str]) -> Prepare:
    """``prepare`` on the maker's folder with its own cache."""

    def call(**options: Any) -> PreparedData:
        defaults: dict[str, Any] = {
            "splits": ("train", "valid"),
            "canvas_size": CANVAS,
            "cache_dir": tmp_path / "cache",
        }
        return prepare(AarizFolder(maker.root), **{**defaults, "notify": lines.append, **options})

    return call


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the films that are decoded, by the check or by the store."""
    names: list[str] = []
    decode = index_module.open_film

    def counting(path: Path, **options: Any) -> OpenedFilm:
        names.append(path.name)
        return decode(path, **options)

    monkeypatch.setattr(index_module, "open_film", counting)
    monkeypatch.setattr(store_builder, "open_film", counting)
    return names


def fill(maker: AarizMaker, train: int = 4, valid: int = 2, test: int = 0) -> None:
    for split, letter, count in (("train", "t", train), ("valid", "v", valid), ("test", "e", test)):
        for number in range(count):
            maker.add(split, f"{letter}{number}")


def test_checked_films_and_datasets(maker: AarizMaker, ready: Prepare) -> None:
    fill(maker)
    data = ready()
    assert {split: len(films) for split, films in data.films.items()} == {"train": 4, "valid": 2}
    assert all(film.size == (60, 50) and film.content for films in data.films.values() for film in films)
    assert data.symbols == ("A", "N", "S")
    dataset = data.dataset("valid", symbols=("S",))
    assert dataset[0][0].shape == (1, 64, 64)
    assert dataset[0][1].shape == (1, 2)
    assert len(data.store) == 0


@pytest.mark.parametrize(("hold", "held"), [(None, 6), (0, 0), (1, 1), (5, 5), (99, 6)])
def test_train_is_held_before_valid(
    maker: AarizMaker, ready: Prepare, decoded: list[str], hold: int | None, held: int
) -> None:
    fill(maker)
    data = ready(hold=hold)
    in_order = [film for split in ("train", "valid") for film in data.films[split]]
    assert [film.content in data.store for film in in_order] == [number < held for number in range(6)]
    assert sorted(decoded) == ["t0.png", "t1.png", "t2.png", "t3.png", "v0.png", "v1.png"]  # each exactly once


def test_the_second_start_decodes_nothing(maker: AarizMaker, ready: Prepare, decoded: list[str]) -> None:
    fill(maker)
    first = ready(hold=None)
    decoded.clear()
    second = ready(hold=None)
    assert decoded == []
    assert second.store.path == first.store.path
    np.testing.assert_array_equal(second.dataset("train")[3][0], first.dataset("train")[3][0])


def test_another_canvas_decodes_once_more_and_a_touched_film_not_at_all(
    maker: AarizMaker, ready: Prepare, decoded: list[str]
) -> None:
    fill(maker)
    ready(hold=None)
    decoded.clear()
    os.utime(maker.film_path("train", "t1.png"), ns=(1, 1))
    ready(hold=None)
    assert decoded == []
    ready(hold=None, canvas_size=(96, 96))
    assert len(decoded) == 6


def test_a_changed_film_makes_a_new_store(maker: AarizMaker, ready: Prepare, decoded: list[str]) -> None:
    fill(maker)
    before = ready(hold=None)
    decoded.clear()
    Image.fromarray(noise(99)).save(maker.film_path("train", "t1.png"))
    after = ready(hold=None)
    assert after.store.path != before.store.path
    assert sorted(decoded) == ["t0.png", "t1.png", "t2.png", "t3.png", "v0.png", "v1.png"]
    assert not np.array_equal(after.dataset("train")[1][0], before.dataset("train")[1][0])


def test_all_problems_in_one_error_before_anything_is_stored(maker: AarizMaker, ready: Prepare, tmp_path: Path) -> None:
    fill(maker, train=6)
    data = maker.film_path("train", "t0.png").read_bytes()
    maker.film_path("train", "t0.png").write_bytes(data[:300])
    maker.film_path("train", "t1.png").write_bytes(b"")
    maker.write_label("train", "t2", "{")
    maker.add("train", "t3", senior={"A": (500.0, 5.0)})
    maker.write_label("train", "t4", {"landmarks": [{"symbol": "Q", "value": {"x": 1, "y": 1}}]}, JUNIOR)
    maker.add("valid", "v9", senior=None)
    with pytest.raises(DataError) as caught:
        ready(hold=None)
    message = str(caught.value)
    for expected in (
        "6 films cannot be used",
        f"train/t0: {maker.film_path('train', 't0.png')}: damaged or truncated",
        f"train/t1: {maker.film_path('train', 't1.png')}: the file is empty; copy or download the film again",
        f"train/t2: {maker.label_path('train', 't2')}: not JSON",
        "label of senior: landmarks outside the film of 50x60 pixels: A (500.0, 5.0)",
        f"train/t4: {maker.label_path('train', 't4', JUNIOR)}: landmark 0 is unknown: id None, symbol 'Q'",
        "valid/v9: ",
        "film without landmarks of Senior Orthodontists",
        "--skip_bad_films",
    ):
        assert expected in message
    assert not list((tmp_path / "cache").rglob("store-*"))


def test_skip_bad_films_leaves_them_out_one_line_each(maker: AarizMaker, ready: Prepare, lines: list[str]) -> None:
    fill(maker)
    maker.film_path("train", "t0.png").write_bytes(b"torn")
    maker.write_label("train", "t2", "{")
    data = ready(skip_bad_films=True, hold=None)
    assert [film.film_id for film in data.films["train"]] == ["t1", "t3"]
    assert len(data.store) == 4
    said = [line for line in lines if line.startswith("left out: ")]
    assert len(said) == 2
    assert "train/t0" in said[0]
    assert "not a PNG, JPEG, BMP, TIFF, WebP or DICOM film" in said[0]
    assert "train/t2" in said[1]


def test_a_long_list_of_problems_is_cut(maker: AarizMaker, ready: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(maker, train=5)
    for number in range(5):
        maker.film_path("train", f"t{number}.png").write_bytes(b"")
    monkeypatch.setattr(prepare_module, "MOST_PROBLEMS", 2)
    with pytest.raises(DataError, match=r"5 films cannot be used") as caught:
        ready()
    assert "and 3 more" in str(caught.value)
    assert "t3" not in str(caught.value)


def test_leaked_films_leave_train_even_when_their_split_is_not_used(
    maker: AarizMaker, ready: Prepare, lines: list[str], decoded: list[str]
) -> None:
    fill(maker, train=4, valid=1, test=1)
    copied = np.asarray(Image.open(maker.film_path("test", "e0.png")))
    maker.add("train", "t1", grey=copied, suffix=".bmp")
    maker.film_path("train", "t1.png").unlink()
    shutil.copy(maker.film_path("valid", "v0.png"), maker.film_path("train", "t2.png"))
    data = ready(hold=2)
    assert [film.film_id for film in data.films["train"]] == ["t0", "t3"]
    assert set(data.films) == {"train", "valid"}
    leaks = "left out of train, same pixels as in valid or test: 2 films: train/t1 = test/e0, train/t2 = valid/v0"
    assert leaks in lines
    assert leaks in [note.text for note in data.notes]
    # What is held are the first films that are left.
    assert [film.content in data.store for film in data.films["train"]] == [True, True]
    decoded.clear()
    assert ready(hold=2).store.path == data.store.path
    assert decoded == []


def test_twins_stay_in_train_if_the_user_wants_it(maker: AarizMaker, ready: Prepare, lines: list[str]) -> None:
    fill(maker, train=3, valid=1)
    shutil.copy(maker.film_path("valid", "v0.png"), maker.film_path("train", "t2.png"))
    data = ready(keep_twins=True)
    assert [film.film_id for film in data.films["train"]] == ["t0", "t1", "t2"]
    assert data.keep_twins
    assert "same pixels in train and in valid or test, kept: 1 films: train/t2 = valid/v0" in lines


def test_films_that_look_like_one_are_noted_where_that_is_asked_for(maker: AarizMaker, ready: Prepare) -> None:
    fill(maker, train=2, valid=1)
    film = Image.open(maker.film_path("train", "t0.png"))
    maker.add("valid", "again", grey=np.asarray(film.point(lambda grey: 255 * (grey / 255) ** 0.8)))
    assert not any(note.kind == "likeness" for note in ready().notes)
    (note,) = (note for note in ready(likeness=True).notes if note.kind == "likeness")
    assert note.text == "films that look like one, kept: 1 pairs: train/t0 = valid/again"


def test_without_train_no_other_split_is_needed(maker: AarizMaker, ready: Prepare) -> None:
    fill(maker, train=0, valid=0, test=2)
    data = ready(splits=("test",), annotation="official")
    assert [film.film_id for film in data.films["test"]] == ["e0", "e1"]
    assert data.symbols == ("A", "N", "S")
    assert not any("left out of the model" in note.text for note in data.notes)


def test_landmarks_on_no_train_film_are_left_out_and_said_so(
    maker: AarizMaker, ready: Prepare, lines: list[str]
) -> None:
    fill(maker, train=2, valid=0)
    maker.add("valid", "v0", senior={**POINTS, "Go": (5.0, 5.0)})
    data = ready()
    assert data.symbols == ("A", "N", "S")
    (line,) = [line for line in lines if line.startswith("left out of the model")]
    assert line.startswith("left out of the model, as no train film has them: 26 landmarks: ANS B Me")
    assert " Go " in line


def test_symbols_are_those_of_the_annotation(maker: AarizMaker, ready: Prepare) -> None:
    maker.add("train", "t0", senior={"A": (1.0, 1.0)}, junior={"S": (2.0, 2.0)})
    maker.add("valid", "v0")
    assert ready(annotation="senior").symbols == ("A",)
    assert ready(annotation="junior").symbols == ("S",)
    assert ready(annotation="mean").symbols == ("A", "S")


def test_films_without_a_pixel_size_are_listed_and_kept(maker: AarizMaker, ready: Prepare, lines: list[str]) -> None:
    fill(maker, train=1, valid=1)
    maker.add("train", "t9", pixel_size=None)
    data = ready()
    assert [film.spacing for film in data.films["train"]] == [square(0.1, "machine map"), None]
    assert "no pixel size, counted in pixels and never in mm: 1 films: train/t9" in lines


def test_an_annotation_that_nobody_made_is_one_error(maker: AarizMaker, ready: Prepare) -> None:
    maker.add("train", "t0", junior=None)
    maker.add("valid", "v0", junior=None)
    with pytest.raises(DataError, match="no film has landmarks of junior, only of senior"):
        ready(annotation="junior")


def test_a_split_that_is_empty_in_the_end_is_an_error(maker: AarizMaker, ready: Prepare) -> None:
    fill(maker, train=1, valid=1)
    maker.film_path("valid", "v0.png").write_bytes(b"")
    with pytest.raises(DataError, match="no usable film in valid"):
        ready(skip_bad_films=True)


def test_too_little_memory_is_told_before_any_film_is_decoded(
    maker: AarizMaker, ready: Prepare, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(maker)
    monkeypatch.setattr(store_builder, "_MEMORY_SHARE", 0)
    with pytest.raises(DataError, match="--limited_ram_cache 0"):
        ready(hold=None)
    assert decoded == []


def test_a_corrupt_index_costs_time_only(maker: AarizMaker, ready: Prepare, tmp_path: Path) -> None:
    fill(maker)
    first = ready(hold=None)
    (tmp_path / "cache" / "films" / "films.json").write_text("{")
    assert ready(hold=None).store.path == first.store.path
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_a_cache_that_cannot_be_written(maker: AarizMaker, ready: Prepare, tmp_path: Path, lines: list[str]) -> None:
    fill(maker)
    (tmp_path / "file").write_text("")
    assert len(ready(cache_dir=tmp_path / "file").films["train"]) == 4
    assert any("not remembered" in line for line in lines)
    with pytest.raises(DataError, match="--cache_dir"):
        ready(cache_dir=tmp_path / "file", hold=None)


def test_two_runs_at_once(maker: AarizMaker, ready: Prepare, tmp_path: Path) -> None:
    fill(maker, train=12, valid=3)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: ready(hold=None), range(2))
    assert one.store.path == two.store.path
    for index in range(12):
        np.testing.assert_array_equal(one.dataset("train")[index][0], two.dataset("train")[index][0])
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_prepared_data_pickles_small(maker: AarizMaker, ready: Prepare) -> None:
    fill(maker)
    data = ready(hold=None)
    data.dataset("train")[0]
    assert len(pickle.dumps(data.dataset("train"))) < 4 * 2000


@pytest.mark.real
@pytest.mark.skipif("CEPHKIT_REAL_FILMS" not in os.environ, reason="CEPHKIT_REAL_FILMS names no folder of real films")
def test_real_films_are_decoded_once_and_never_again(tmp_path: Path, decoded: list[str]) -> None:
    root = Path(os.environ["CEPHKIT_REAL_FILMS"])
    counts = []
    for _ in range(2):
        data = prepare(
            AarizFolder(root),
            splits=("train", "valid"),
            annotation="mean",
            canvas_size=(1024, 1024),
            hold=None,
            cache_dir=tmp_path,
        )
        counts.append(len(decoded))
    count = sum(len(films) for films in data.films.values())
    assert counts[0] == counts[1] >= count
    assert data.store.bytes <= 1.1 * 2**20 * count
