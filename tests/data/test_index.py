import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data import index as index_module
from cephkit.data.index import FilmIndex
from cephkit.data.opened import OpenedFilm, pixel_hash
from tests.data.aariz_folder import noise


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every film that is decoded, in order."""
    paths: list[Path] = []
    decode = index_module.open_film

    def counting(path: Path, **options: Any) -> OpenedFilm:
        paths.append(path)
        return decode(path, **options)

    monkeypatch.setattr(index_module, "open_film", counting)
    return paths


def film(folder: Path, name: str, seed: int) -> Path:
    path = folder / name
    Image.fromarray(noise(seed)).save(path)
    return path


def test_facts_and_pixels_of_a_film(tmp_path: Path) -> None:
    path = film(tmp_path, "a.png", 1)
    decoded = {}
    facts = FilmIndex(tmp_path).facts_of(path, lambda content, grey: decoded.update({content: grey}))
    assert facts.size == (60, 50)
    assert facts.pixels == pixel_hash(noise(1))
    assert facts.reason is None
    assert facts.content is not None
    np.testing.assert_array_equal(decoded[facts.content], noise(1))


def test_a_second_start_decodes_nothing(tmp_path: Path, decoded: list[Path]) -> None:
    path, torn = film(tmp_path, "a.png", 1), tmp_path / "torn.png"
    torn.write_bytes(path.read_bytes()[:500])
    first = FilmIndex(tmp_path / "cache")
    facts = [first.facts_of(path), first.facts_of(torn)]
    first.save()
    second = FilmIndex(tmp_path / "cache")
    assert [second.known(path), second.known(torn)] == facts
    assert facts[1].reason is not None
    assert facts[1].reason.startswith("damaged or truncated")
    assert decoded == [path, torn]


def test_a_touched_film_is_read_but_not_decoded_again(tmp_path: Path, decoded: list[Path]) -> None:
    path = film(tmp_path, "a.png", 1)
    index = FilmIndex(tmp_path)
    facts = index.facts_of(path)
    os.utime(path, ns=(1, 1))
    assert index.known(path) is None
    assert index.facts_of(path) == facts
    assert index.known(path) == facts
    assert decoded == [path]


def test_a_changed_film_is_decoded_again(tmp_path: Path) -> None:
    path = film(tmp_path, "a.png", 1)
    index = FilmIndex(tmp_path)
    before = index.facts_of(path)
    Image.fromarray(noise(2, 70, 80)).save(path)
    assert index.known(path) is None
    after = index.facts_of(path)
    assert after.size == (70, 80)
    assert after.content != before.content


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": "0"}', '{"version": 3, "files": 1}', "null"])
def test_a_corrupt_index_is_rebuilt(tmp_path: Path, content: str) -> None:
    path = film(tmp_path, "a.png", 1)
    (tmp_path / "films.json").write_text(content)
    index = FilmIndex(tmp_path)
    assert index.known(path) is None
    facts = index.facts_of(path)
    index.save()
    assert FilmIndex(tmp_path).known(path) == facts


def test_an_index_of_the_right_version_and_the_wrong_shape_is_rebuilt(tmp_path: Path) -> None:
    path = film(tmp_path, "a.png", 1)
    index = FilmIndex(tmp_path)
    index.facts_of(path)
    index.save()
    plain = json.loads((tmp_path / "films.json").read_text())
    plain["facts"] = {key: {"size": 3} for key in plain["facts"]}
    (tmp_path / "films.json").write_text(json.dumps(plain))
    assert FilmIndex(tmp_path).known(path) is None


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("size", '["60", 50]'), ("size", "[60, 50, 1]"), ("size", "[1e400, 50]"), ("size", "[0, 50]"),
        ("size", "[100000, 100000]"), ("size", "null"), ("size", "5"), ("pixels", "3"), ("pixels", "null"),
        ("reason", "{}"), ("remedy", "null"), ("content", '"other"'), ("size", f"[{'9' * 5000}, 5]"),
        ("pixels", DEEP), ("new", "1"),
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_facts_of_wrong_types_cost_time_and_nothing_else(tmp_path: Path, section: str, value: str) -> None:
    path = film(tmp_path, "a.png", 1)
    index = FilmIndex(tmp_path)
    facts = index.facts_of(path)
    index.save()
    plain = json.loads((tmp_path / "films.json").read_text())
    plain["facts"][facts.content][section] = "HERE"
    (tmp_path / "films.json").write_text(json.dumps(plain).replace('"HERE"', value))
    index = FilmIndex(tmp_path)
    assert index.known(path) is None
    assert index.facts_of(path) == facts


@pytest.mark.parametrize(
    "stamp", [[1], [1, 2, 3, 4], ["1", 2, 3, "c"], [1, 2, 3, 4, "c"], 5, [float("inf"), 2, 3, "c"]]
)
def test_stamps_of_wrong_types_cost_time_and_nothing_else(tmp_path: Path, stamp: object) -> None:
    path = film(tmp_path, "a.png", 1)
    index = FilmIndex(tmp_path)
    index.facts_of(path)
    index.save()
    plain = json.loads((tmp_path / "films.json").read_text())
    plain["files"][str(path)] = stamp
    (tmp_path / "films.json").write_text(json.dumps(plain))
    assert FilmIndex(tmp_path).known(path) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change of anything")
def test_a_film_replaced_by_one_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.fromarray(noise(1)).save(path)
    index, before = FilmIndex(tmp_path), path.stat()
    facts = index.facts_of(path)
    Image.fromarray(noise(2)).save(tmp_path / "b.bmp")
    os.utime(tmp_path / "b.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "b.bmp").replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert index.known(path) is None
    assert index.facts_of(path).content != facts.content


def test_what_two_runs_learnt_is_kept(tmp_path: Path) -> None:
    a, b = film(tmp_path, "a.png", 1), film(tmp_path, "b.png", 2)
    one, two = FilmIndex(tmp_path), FilmIndex(tmp_path)
    one.facts_of(a)
    two.facts_of(b)
    one.save()
    two.save()
    both = FilmIndex(tmp_path)
    assert both.known(a) is not None
    assert both.known(b) is not None
    assert not list(tmp_path.glob("*.tmp"))


def test_a_file_that_cannot_be_read_is_not_remembered(tmp_path: Path) -> None:
    index = FilmIndex(tmp_path)
    facts = index.facts_of(tmp_path / "none.png")
    assert facts.content is None
    assert facts.reason is not None
    assert facts.reason.startswith("cannot be read")
    assert index.known(tmp_path / "none.png") is None


def test_threads_may_ask_at_once(tmp_path: Path) -> None:
    paths = [film(tmp_path, f"{seed}.png", seed) for seed in range(20)]
    index = FilmIndex(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        facts = list(pool.map(index.facts_of, paths * 2))
    assert len({known.content for known in facts}) == 20
