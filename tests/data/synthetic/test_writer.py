import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.commands.synthesize import main
from cephkit.data.aariz import AarizFolder, read_aariz
from cephkit.data.film import SPLITS
from cephkit.data.opened import read_grey, to_uint8
from cephkit.data.prepare import prepare
from cephkit.data.synthetic import writer
from cephkit.data.synthetic.shapes import table
from cephkit.data.synthetic.writer import SPLIT_OF, synthesize
from cephkit.errors import DataError

REAL_PIXEL_MM = {machine["machine"]: machine["pixel_size_mm"] for machine in table()["machines"]}


def silent(line: str) -> None:
    pass


def bytes_of(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six films of 256 pixels."""
    root = tmp_path_factory.mktemp("synthetic") / "Aariz"
    synthesize(root, films=6, seed=5, height=256, workers=1, notify=silent)
    return root


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(small: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "again", films=6, seed=5, height=256, workers=2, notify=silent)
    assert bytes_of(tmp_path / "again") == bytes_of(small)


def test_a_film_does_not_depend_on_how_many_there_are(small: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "fewer", films=3, seed=5, height=256, workers=1, notify=silent)
    fewer, more = bytes_of(tmp_path / "fewer"), bytes_of(small)
    films = [name for name in fewer if "/" in name]
    assert len(films) == 12  # three films with two labels and a stage each
    assert all(fewer[name] == more[name] for name in films)


def test_another_seed_gives_other_films(small: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "other", films=3, seed=6, height=256, workers=1, notify=silent)
    ours = {value for name, value in bytes_of(small).items() if "Cephalograms" in name}
    assert not ours & set(bytes_of(tmp_path / "other").values())


def test_it_is_an_aariz_data_set_without_a_fault(small: Path, tmp_path: Path) -> None:
    folder = read_aariz(small)
    assert not folder.problems
    assert not folder.notes
    assert {film.split for film in folder.films} == set(SPLITS)
    for film in folder.films:
        assert len(film.points("senior")) == len(film.points("junior")) == 29
        assert film.cvm_stage in range(1, 7)
        assert film.machine
        assert film.spacing is not None
        height, width = read_grey(film.path).shape
        covered = (height * film.spacing.short_mm, width * film.spacing.short_mm)
        formats = [(f["height_mm"], f["width_mm"]) for f in table()["formats"] if f["machine"] == film.machine]
        assert any(covered == pytest.approx(size, abs=0.7) for size in formats)
        assert film.spacing.short_mm * 256 / 2220 == pytest.approx(REAL_PIXEL_MM[film.machine], abs=1e-6)
    assert len({film.spacing for film in folder.films}) > 1  # machines differ, as in the real set
    data = prepare(AarizFolder(small), canvas_size=(64, 64), hold=None, cache_dir=tmp_path, notify=silent)
    assert len(data.symbols) == 29
    assert sum(map(len, data.films.values())) == 6


def test_millimetres_stay_true_at_every_height(tmp_path: Path) -> None:
    lengths, heights = [], []
    for height in (256, 512, 0):
        root = tmp_path / str(height)
        synthesize(root, films=1, seed=1, height=height, workers=1, notify=silent)
        film = read_aariz(root, ("train",)).films[0]
        senior = film.points("senior")
        assert film.spacing is not None
        heights.append(round(read_grey(film.path).shape[0] * film.spacing.short_mm, 1))
        lengths.append(np.hypot(*np.subtract(senior["S"], senior["N"])) * film.spacing.short_mm)
    assert lengths == pytest.approx([lengths[-1]] * 3, abs=2.0)  # annotators' scatter and whole pixels
    assert heights == pytest.approx([heights[-1]] * 3, abs=0.7)  # a pixel or less


def test_the_splits_of_twenty_films() -> None:
    assert [SPLIT_OF.count(split) for split in SPLITS] == [14, 3, 3]
    assert set(SPLIT_OF[:3]) == set(SPLITS)


def test_a_sixteen_bit_film_reads_as_the_eight_bit_one(tmp_path: Path) -> None:
    class AlwaysSixteen:
        def choice(self, count: int, p: object) -> int:
            return count - 1

    film = np.random.default_rng(0).integers(0, 256, (40, 30)).astype(np.uint8)
    writer._save(film, tmp_path / "a.png", AlwaysSixteen())  # type: ignore[arg-type]
    assert Image.open(tmp_path / "a.png").mode == "I;16"
    assert np.abs(to_uint8(read_grey(tmp_path / "a.png")).astype(int) - film).max() <= 1


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not made by cephkit"):
        synthesize(tmp_path, films=1, height=256, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(DataError, match="is a file"):
        synthesize(tmp_path / "notes.txt", films=1, height=256)


def test_what_a_user_put_into_a_synthetic_set_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "set"
    synthesize(root, films=1, height=256, workers=1, notify=silent)
    (root / "checkpoint_best.pth").write_text("a night of training")
    with pytest.raises(DataError, match=r"checkpoint_best\.pth.*move it away"):
        synthesize(root, films=1, height=256, workers=1, overwrite=True, notify=silent)
    assert (root / "checkpoint_best.pth").read_text() == "a night of training"


def test_at_height_0_films_have_the_pixel_size_of_their_machine(tmp_path: Path) -> None:
    synthesize(tmp_path / "set", films=2, seed=4, height=0, workers=1, notify=silent)
    films = read_aariz(tmp_path / "set", ("train", "valid")).films
    sizes = [film.spacing.short_mm for film in films if film.spacing is not None]
    assert sizes == [REAL_PIXEL_MM[film.machine or ""] for film in films]
    assert all(1500 <= read_grey(film.path).shape[0] <= 2600 for film in films)


def test_an_earlier_set_is_replaced_only_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--out", str(tmp_path / "set"), "--films", "1", "--height", "256", "--workers", "1"]
    assert main(command) == 0
    assert "1 synthetic films (1 train, 0 valid, 0 test)" in capsys.readouterr().out
    with pytest.raises(DataError, match="--overwrite"):
        main(command)
    assert main([*command, "--overwrite", "--seed", "9"]) == 0
    assert "seed 9" in (tmp_path / "set" / "Readme.txt").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]  # nothing half-made beside it


def test_a_broken_run_leaves_the_old_set(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesize(tmp_path / "set", films=1, height=256, workers=1, notify=silent)
    before = bytes_of(tmp_path / "set")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_write_map", full)
    with pytest.raises(DataError, match=r"No space left.*--out"):
        synthesize(tmp_path / "set", films=1, seed=2, height=256, workers=1, overwrite=True, notify=silent)
    assert bytes_of(tmp_path / "set") == before


def test_labels_are_in_aariz_schema(small: Path) -> None:
    label = next((small / "train" / "Annotations" / "Cephalometric Landmarks" / "Senior Orthodontists").iterdir())
    content = json.loads(label.read_text(encoding="utf-8"))
    assert {"ceph_id", "landmarks", "labeled_at", "dataset_name"} <= content.keys()
    assert content["landmarks"][0].keys() == {"landmark_id", "title", "symbol", "value"}
    stage = json.loads(next((small / "train" / "Annotations" / "CVM Stages").iterdir()).read_text(encoding="utf-8"))
    assert stage["cvm_stage"]["title"] == f"CVM-S{stage['cvm_stage']['value']}"


@pytest.mark.parametrize(("films", "height"), [(0, 256), (1, 20), (-1, 0)])
def test_impossible_wishes_are_refused(tmp_path: Path, films: int, height: int) -> None:
    with pytest.raises(DataError, match="cannot make"):
        synthesize(tmp_path / "set", films=films, height=height)
