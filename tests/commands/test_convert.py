"""``cephkit convert``."""

import json
from pathlib import Path

import pytest

from cephkit.cli import main as cephkit
from cephkit.data.film import SPLITS, Film
from cephkit.datasets.find import find_dataset
from cephkit.errors import DataError
from cephkit.settings.options import DataSet
from tests.conftest import TINY_SYMBOLS
from tests.datasets.published import ISBI, write_isbi


def convert(*arguments: object) -> int:
    return cephkit(["convert", *map(str, arguments)])


def films_of(root: Path) -> dict[str, Film]:
    source = find_dataset(DataSet(dataset_path=(root,)))
    read = source.read([split for split in SPLITS if source.has(split)])
    assert read.problems == ()
    return {film.film_id: film for film in read.films}


def test_a_published_layout_becomes_the_aariz_layout_with_nothing_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    isbi, out = write_isbi(tmp_path / "isbi"), tmp_path / "out"
    assert convert("--dataset_path", isbi, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    assert "4 films (2 train, 1 valid, 1 test) -> " in capsys.readouterr().out
    before, after = films_of(isbi), films_of(out)
    assert before.keys() == after.keys()
    for name, film in after.items():
        assert (film.annotations, film.split) == (before[name].annotations, before[name].split)
        assert film.path.read_bytes() == before[name].path.read_bytes()
        assert (film.spacing and film.spacing.mean_mm) == (before[name].spacing and before[name].spacing.mean_mm)
    assert (out / "train" / "Cephalograms" / "001.bmp").samefile(isbi / "RawImage" / "TrainingData" / "001.bmp")


def test_several_data_sets_become_one_that_keeps_pixel_sizes_and_machines(tmp_path: Path, tiny_aariz: Path) -> None:
    isbi, out = write_isbi(tmp_path / "isbi"), tmp_path / "out"
    assert convert("--dataset_path", isbi, tiny_aariz, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    after = films_of(out)
    assert len(after) == 4 + 12
    assert {film.spacing.mean_mm for name, film in after.items() if name.startswith("Aariz_") and film.spacing} == {0.5}
    assert after["Aariz_t0"].machine == "Tiny"
    assert set(after["isbi_001"].points("senior")) == set(ISBI)
    assert set(after["Aariz_t0"].points("senior")) == set(TINY_SYMBOLS)


def test_coco_has_a_file_for_each_split_and_is_read_again(tmp_path: Path, tiny_aariz: Path) -> None:
    out = tmp_path / "out"
    assert convert(
        "--dataset_path", tiny_aariz, "--format", "coco", "--out", out, "--cache_dir", tmp_path / "cache"
    ) == 0  # fmt: skip
    content = json.loads((out / "annotations" / "keypoints_valid.json").read_text(encoding="utf-8"))
    assert [image["file_name"] for image in content["images"]] == ["v0.png", "v1.png", "v2.png"]
    before, after = films_of(tiny_aariz), films_of(out)
    assert before.keys() == after.keys()
    for name, film in after.items():
        assert film.split == before[name].split
        assert film.spacing is not None
        assert film.spacing.mean_mm == 0.5
        truth = before[name].points("mean")
        assert film.points("senior").keys() == truth.keys()
        assert all(film.points("senior")[symbol] == pytest.approx(truth[symbol], abs=1e-6) for symbol in truth)


def test_a_drawn_split_is_fixed_and_landmarks_of_ones_own_stay_described(tmp_path: Path) -> None:
    from tests.datasets.published import picture

    films = tmp_path / "films"
    films.mkdir()
    lines = ["film,symbol,x,y"]
    for number in range(20):
        picture(number).save(films / f"f{number}.png")
        lines += [f"f{number},{symbol},{20 + number},{30 + k}" for k, symbol in enumerate(("S", "N", "Xi"))]
    (films / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    schema = tmp_path / "mine.yaml"
    schema.write_text("landmarks: [S, N, {symbol: Xi, title: Xi point, tissue: bone}]", encoding="utf-8")
    options = ("--dataset_path", films, "--landmarks", schema, "--split_seed", 3, "--cache_dir", tmp_path / "cache")
    assert convert(*options, "--out", tmp_path / "out") == 0
    drawn = find_dataset(DataSet(dataset_path=(films,), landmarks=str(schema), split_seed=3)).read(SPLITS)
    after = films_of(tmp_path / "out")
    assert {film.film_id: film.split for film in drawn.films} == {name: film.split for name, film in after.items()}
    assert after["f0"].points("senior")["Xi"] == (20, 32)
    assert "Xi point" in (tmp_path / "out" / "landmarks.yaml").read_text(encoding="utf-8")


def test_nothing_is_written_if_something_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    isbi, out = write_isbi(tmp_path / "isbi"), tmp_path / "out"
    (isbi / "RawImage" / "TrainingData" / "001.bmp").write_bytes(b"BM nothing")
    (isbi / "AnnotationsByMD" / "400_senior" / "002.txt").write_text("x", encoding="utf-8")
    options = ("--dataset_path", isbi, "--cache_dir", tmp_path / "cache")
    assert convert(*options, "--out", out) == 2
    said = capsys.readouterr().err
    assert "train/001: " in said
    assert "002.txt, line 1: S: expected x,y" in said
    assert not out.exists()
    assert convert(*options, "--out", out, "--skip_bad_films") == 0
    assert set(films_of(out)) == {"151", "301"}
    assert convert(*options, "--out", out, "--skip_bad_films") == 2
    assert "not a new or empty folder" in capsys.readouterr().err
    with pytest.raises(DataError):
        films_of(tmp_path / "nowhere")


def test_a_cache_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, tiny_aariz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = tmp_path / "file" / "cache"
    assert convert("--dataset_path", tiny_aariz, "--out", tmp_path / "out", "--cache_dir", cache) == 0
    assert "the check is not remembered" in capsys.readouterr().out
    assert len(films_of(tmp_path / "out")) == 12
