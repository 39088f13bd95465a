import json
import os
import pickle
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film
from cephkit.data.opened import content_hash, read_bytes, read_grey, to_canvas
from cephkit.data.store import FilmStore, store_path
from cephkit.data.store_builder import StoreBuilder
from cephkit.errors import FilmError
from tests.data.aariz_folder import AarizMaker

CANVAS = (64, 96)


def checked(maker: AarizMaker, count: int) -> list[Film]:
    paths = [maker.add("train", f"f{number}") for number in range(count)]
    return [Film(path.stem, path, "train", content=content_hash(read_bytes(path))) for path in paths]


def build(folder: Path, films: list[Film], canvas_size: tuple[int, int] = CANVAS) -> FilmStore:
    return StoreBuilder(folder, canvas_size, len(films)).finish(films, threads=2)


def assert_holds(store: FilmStore, films: list[Film]) -> None:
    assert len(store) == len(films)
    for film in films:
        assert film.content is not None
        expected = to_canvas(read_grey(film.path), store.canvas_size)  # type: ignore[arg-type]
        np.testing.assert_array_equal(store.canvas(film.content), expected)


def test_a_store_gives_each_film_its_own_canvas(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 7)
    assert_holds(build(tmp_path / "cache", films), films)


def test_at_most_1_1_mib_a_film_at_1024(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 3)
    store = build(tmp_path, films, (1024, 1024))
    assert store.bytes / len(films) <= 1.001 * 2**20
    assert sum(path.stat().st_size for path in tmp_path.glob("*.*")) == store.bytes


def test_canvases_that_were_added_are_not_decoded_again(
    maker: AarizMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = checked(maker, 3)
    builder = StoreBuilder(tmp_path, CANVAS, 3)
    for film in films:
        builder.add(film.content or "", read_grey(film.path))  # type: ignore[arg-type]
    monkeypatch.setattr("cephkit.data.store_builder.open_film", lambda *_: pytest.fail("decoded again"))
    assert_holds(builder.finish(films, threads=2), films)


def test_a_canvas_that_is_not_wanted_in_the_end_is_not_in_the_store(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 4)
    builder = StoreBuilder(tmp_path, CANVAS, 4)
    for film in films[:2]:
        builder.add(film.content or "", read_grey(film.path))  # type: ignore[arg-type]
    store = builder.finish(films[1:], threads=2)
    assert films[0].content not in store
    assert_holds(store, films[1:])


def test_the_key_follows_content_order_and_canvas(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 2)
    path = store_path(tmp_path, films, CANVAS)
    assert path == store_path(tmp_path, [replace(film, path=Path("moved.png")) for film in films], CANVAS)
    assert path != store_path(tmp_path, films[::-1], CANVAS)
    assert path != store_path(tmp_path, films, (96, 64))
    assert path != store_path(tmp_path, [films[0], replace(films[1], content="other")], CANVAS)


def test_a_second_build_opens_what_is_there(maker: AarizMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = checked(maker, 2)
    first = build(tmp_path, films)
    monkeypatch.setattr("cephkit.data.store_builder.open_film", lambda *_: pytest.fail("decoded again"))
    assert build(tmp_path, films).path == first.path


@pytest.mark.parametrize("spoil", ["cut", "short", "empty", "mark", "json", "other canvas"])
def test_a_half_written_store_is_never_used(maker: AarizMaker, tmp_path: Path, spoil: str) -> None:
    films = checked(maker, 3)
    path = build(tmp_path, films).path
    assert path is not None
    data = path.read_bytes()
    one = CANVAS[0] * CANVAS[1]
    spoilt = {
        "cut": data[: len(data) // 2],
        "short": data[one:],  # the table is there, one canvas is not
        "empty": b"",
        "mark": data[:-1] + b"?",
        "json": data[: 3 * one] + b"[" + data[3 * one + 1 :],
        "other canvas": data.replace(b"[64, 96]", b"[96, 64]"),
    }[spoil]
    path.write_bytes(spoilt)
    assert FilmStore.open(path, CANVAS) is None
    assert_holds(build(tmp_path, films), films)


def test_a_store_with_damaged_canvases_is_made_anew_and_said(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 3)
    path = build(tmp_path, films).path
    assert path is not None
    one, data = CANVAS[0] * CANVAS[1], path.read_bytes()
    path.write_bytes(bytes(255 - byte for byte in data[: 2 * one]) + data[2 * one :])
    store, lines = FilmStore.open(path, CANVAS), list[str]()
    assert store is not None
    assert len(store.warm()) == 2
    assert_holds(StoreBuilder(tmp_path, CANVAS, 3).finish(films, threads=2, notify=lines.append), films)
    assert lines == [f"{path}: 2 of its 3 canvases are damaged: rebuilding the film store"]


def test_one_bit_of_one_canvas_is_noticed(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 3)
    store = build(tmp_path, films)
    assert store.path is not None
    assert store.warm() == []
    data = bytearray(store.path.read_bytes())
    data[CANVAS[0] * CANVAS[1] + 1000] ^= 1
    store.path.write_bytes(data)
    assert len(store.warm()) == 1


def test_a_store_that_is_replaced_under_a_run_is_an_error(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 3)
    store = build(tmp_path / "a", films)
    other = build(tmp_path / "b", films[::-1])
    assert store.path is not None
    assert other.path is not None
    worker = pickle.loads(pickle.dumps(store))
    os.utime(other.path, ns=(1, 1))
    other.path.replace(store.path)
    with pytest.raises(FilmError, match="removed or replaced during the run"):
        worker.canvas(films[0].content or "")
    store.path.unlink()
    with pytest.raises(FilmError, match="removed or replaced during the run"):
        worker.canvas(films[0].content or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", '{"x": 3}'), ("slots", '{"x": -1}'), ("slots", '{"x": 1.5}'), ("slots", '{"x": true}'),
        ("slots", "[0, 1]"), ("checksums", '"abc"'), ("checksums", '["1", "2", "3"]'), ("checksums", "3"),
        ("canvas_size", "64"), ("canvas_size", '[64, "96"]'), ("format", "9" * 5000), ("format", "null"),
        ("slots", "[" * 100_000 + "]" * 100_000),
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_a_table_of_wrong_types_is_no_store(maker: AarizMaker, tmp_path: Path, name: str, value: str) -> None:
    films = checked(maker, 3)
    path = build(tmp_path, films).path
    assert path is not None
    data, one = path.read_bytes(), CANVAS[0] * CANVAS[1]
    table = {**json.loads(data[3 * one : -16]), name: "HERE"}
    text = json.dumps(table).replace('"HERE"', value).encode()
    path.write_bytes(data[: 3 * one] + text + struct.pack("<Q8s", len(text), b"CEPHKIT1"))
    assert FilmStore.open(path, CANVAS) is None
    assert_holds(build(tmp_path, films), films)


def test_a_build_that_fails_leaves_nothing(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 3)
    films[1].path.write_bytes(b"torn")
    with pytest.raises(FilmError, match=r"f1\.png: changed during the check"):
        build(tmp_path / "cache", films)
    assert not list((tmp_path / "cache").iterdir())


def test_two_runs_may_build_the_same_store_at_once(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 5)
    one, two = StoreBuilder(tmp_path, CANVAS, 5), StoreBuilder(tmp_path, CANVAS, 5)
    for builder, order in ((one, films), (two, films[::-1])):
        for film in order:
            builder.add(film.content or "", read_grey(film.path))  # type: ignore[arg-type]
    first = one.finish(films, threads=1)
    # The second, with its own order, is done before the first, which has read its table, opens the canvases.
    two._publish(store_path(tmp_path, films, CANVAS), {film.content or "" for film in films})
    assert_holds(first, films)
    second = FilmStore.open(store_path(tmp_path, films, CANVAS), CANVAS)
    assert second is not None
    assert_holds(second, films)


def test_a_store_pickles_as_a_path_and_a_table(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 4)
    store = build(tmp_path, films, (256, 256))
    assert_holds(store, films)  # the file is mapped now
    data = pickle.dumps(store)
    assert len(data) < 1000
    assert_holds(pickle.loads(data), films)


def test_canvases_are_read_only(maker: AarizMaker, tmp_path: Path) -> None:
    films = checked(maker, 1)
    canvas = build(tmp_path, films).canvas(films[0].content or "")
    with pytest.raises(ValueError, match="read-only"):
        canvas[0, 0] = 1


def test_an_empty_store_holds_nothing() -> None:
    store = FilmStore.empty(CANVAS)
    assert (len(store), store.bytes, "x" in store) == (0, 0, False)
    store.warm()
