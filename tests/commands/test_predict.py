import csv
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.commands import predict as command
from cephkit.commands.predict import main
from cephkit.data.labels import landmarks_json, read_landmarks
from cephkit.data.opened import OpenedFilm
from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError, CheckpointError, SettingsError
from cephkit.inference import model
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import PreprocessedFilm
from cephkit.inference.results import ResultFolder
from cephkit.records.record import LandmarkRecord
from tests.data.dicom.hostile import directory
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import written as dicom_bytes
from tests.inference.test_predictor import film_with_spot, loaded


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that finds A in the brightest spot and never finds S."""
    monkeypatch.setattr(model, "load_checkpoint", lambda path, device: loaded())


def save_film(path: Path, x: float = 60.0, y: float = 80.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(film_with_spot((160, 120), x, y, 8.0)).save(path)
    return path


def run(out: Path, *arguments: object) -> int:
    return main(["--checkpoint", "c.pth", "--device", "cpu", "--out", str(out), *map(str, arguments)])


def table(out: Path) -> list[dict[str, str]]:
    with (out / "landmarks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_film_gives_landmarks_a_row_each_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, out = save_film(tmp_path / "f.png"), tmp_path / "out"
    assert run(out, film) == 0
    x, y = read_landmarks(out / "f.json").points["A"]
    assert (x, y) == pytest.approx((60.0, 80.0), abs=0.8)
    content = json.loads((out / "f.json").read_text(encoding="utf-8"))
    assert (content["ceph_id"], content["missing"], list(content["scores"])) == ("f", ["S"], ["A"])
    assert content["notice"] == "Research use only; not a medical device."
    assert content["model"]["image_size"] == [128, 96]
    a, s = table(out)
    assert (a["film"], a["symbol"], a["title"]) == ("f", "A", "A-point")
    assert (float(a["x_px"]), float(a["y_px"])) == (x, y)
    assert (a["x_mm"], s["symbol"], s["x_px"], s["score"]) == ("", "S", "", "")
    picture = np.asarray(Image.open(out / "f_overlay.png"))
    assert picture.shape[1] == 120
    screen = capsys.readouterr().out
    assert "NOT FOUND: S" in screen
    assert "1 film(s) without a pixel size: no mm; give --pixel_size_mm" in screen
    assert "Research use only; not a medical device." in screen


def test_mm_come_with_a_pixel_size_only(tmp_path: Path) -> None:
    film, out = save_film(tmp_path / "f.png"), tmp_path / "out"
    assert run(out, film, "--pixel_size_mm", "0.5", "--no_overlay") == 0
    row = table(out)[0]
    assert float(row["x_mm"]) == pytest.approx(float(row["x_px"]) / 2, abs=1e-3)
    assert not (out / "f_overlay.png").exists()


def test_films_of_one_name_do_not_overwrite_each_other_nor_move_about(tmp_path: Path) -> None:
    first, second = save_film(tmp_path / "a" / "f.png", 40), save_film(tmp_path / "b" / "F.png", 80)
    third, out = save_film(tmp_path / "c" / "f.bmp", 70), tmp_path / "out"
    assert run(out, tmp_path / "a", second) == 0
    assert run(out, third) == 0
    before = {path.name: path.read_bytes() for path in out.glob("*.json")}
    assert sorted(before) == ["F-2.json", "f-3.json", "f.json"] or sorted(before) == [
        "F-2.json",
        "f-2.json",
        "f.json",
    ]
    assert run(out, first) == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.json")} == before
    # The table has the films of all three runs, each once.
    assert len(table(out)) == 6


def test_files_that_are_not_ours_stay_as_they_are(tmp_path: Path) -> None:
    film, out = save_film(tmp_path / "f.png"), tmp_path / "labels"
    out.mkdir()
    (out / "f.json").write_text('{"ceph_id": "f", "landmarks": []}', encoding="utf-8")
    assert run(out, film) == 0
    assert (out / "f.json").read_text(encoding="utf-8") == '{"ceph_id": "f", "landmarks": []}'
    assert (out / "f-2.json").exists()
    (out / "landmarks.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="no table of cephkit predict"):
        run(out, film)


def test_a_film_is_never_overwritten_by_a_picture(tmp_path: Path) -> None:
    save_film(tmp_path / "f.png")
    other = save_film(tmp_path / "f_overlay.png", 30)
    before = other.read_bytes()
    assert run(tmp_path, tmp_path / "f.png", other) == 0
    assert other.read_bytes() == before


def test_a_broken_film_is_reported_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    save_film(films / "c.png")
    (films / "a.png").write_bytes(b"")
    (films / "b.jpg").write_bytes((films / "c.png").read_bytes()[:200])
    (films / "notes.txt").write_text("no film", encoding="utf-8")
    assert run(out, films) == 1
    screen = capsys.readouterr().out
    assert "a.png" in screen
    assert "b.jpg" in screen
    assert "2 of 3 film(s) gave nothing" in screen
    assert sorted(path.name for path in out.iterdir()) == ["c.json", "c_overlay.png", "landmarks.csv", "problems.csv"]


def test_the_same_command_goes_on_with_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    for name, x in (("a", 40), ("b", 60), ("c", 80)):
        save_film(films / f"{name}.png", x)
    (films / "broken.png").write_bytes(b"")
    Image.fromarray(np.zeros((160, 120), np.uint8)).save(films / "black.png")
    write, seen = ResultFolder.write, 0

    def stops_at_the_third(self: ResultFolder, prediction: LandmarkRecord) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        write(self, prediction)

    with monkeypatch.context() as patch:
        patch.setattr(ResultFolder, "write", stops_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            run(out, films, "--num_workers", 0)
    assert "the same command goes on" in capsys.readouterr().out
    assert {row["film"] for row in table(out)} == {"a", "b"}

    def looked_at(*more: str) -> list[str]:
        files: list[str] = []
        preprocess = Model.preprocess

        def note(
            self: Model, film: Path, spacing: Spacing | None = None, data: bytes | None = None
        ) -> PreprocessedFilm:
            files.append(film.name)
            return preprocess(self, film, spacing, data)

        with monkeypatch.context() as patch:
            patch.setattr(Model, "preprocess", note)
            assert run(out, films, *more) == 1  # broken and black are still what they are
        return sorted(files)

    assert looked_at() == ["black.png", "c.png"]
    assert {row["film"] for row in table(out)} == {"a", "b", "black", "c"}
    capsys.readouterr()
    assert looked_at() == []
    assert "4 film(s) had results of this model" in capsys.readouterr().out
    with (out / "problems.csv").open(encoding="utf-8", newline="") as file:
        problems = {Path(row["file"]).name: row["problem"] for row in csv.DictReader(file)}
    assert set(problems) == {"broken.png", "black.png"}
    assert problems["black.png"].startswith("no landmark found")
    # Other settings, another film of that name, or a wish: then again.
    everything = ["a.png", "b.png", "black.png", "c.png"]
    assert looked_at("--pixel_size_mm", "0.5") == everything
    assert looked_at("--pixel_size_mm", "0.5", "--no_resume") == everything
    save_film(films / "b.png", 70)
    assert looked_at("--pixel_size_mm", "0.5") == ["b.png"]


def test_the_same_film_under_two_names_has_two_results(tmp_path: Path) -> None:
    first, out = save_film(tmp_path / "f.png"), tmp_path / "out"
    assert run(out, first) == 0
    (tmp_path / "g.png").write_bytes(first.read_bytes())
    assert run(out, first, tmp_path / "g.png") == 0
    assert {row["film"] for row in table(out)} == {"f", "g"}


def test_the_pixel_size_and_who_says_so_stand_in_the_result(tmp_path: Path) -> None:
    film, out = save_film(tmp_path / "f.png"), tmp_path / "out"
    about = tmp_path / "about.csv"
    about.write_text("film,pixel_size_mm\nf,0.2\n", encoding="utf-8")

    def spacing(*arguments: object) -> tuple[float, str]:
        assert run(out, film, *arguments) == 0
        said = json.loads((out / "f.json").read_text(encoding="utf-8"))["spacing"]
        return (said["row_mm"], said["origin"]) if said else (0.0, "")

    assert spacing() == (0.0, "")
    assert spacing("--ruler", 10, 20, 10, 120, 50) == (0.5, "--ruler")
    assert spacing("--pixel_size_mm", 0.3) == (0.3, "--pixel_size_mm")
    assert spacing("--pixel_size_mm", 0.3, "--about", about) == (0.2, "about.csv")


@pytest.mark.parametrize(("batch", "workers"), [(1, 0), (3, 2)])
def test_films_come_in_order_however_they_are_worked_on(tmp_path: Path, batch: int, workers: int) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    for index in range(7):
        save_film(films / f"{index}.png", 30 + 10 * index)
    assert run(out, films, "--batch_size", batch, "--num_workers", workers) == 0
    found = [(row["film"], float(row["x_px"])) for row in table(out) if row["x_px"]]
    assert found == [(str(index), pytest.approx(30 + 10 * index, abs=0.8)) for index in range(7)]


def test_a_film_without_any_landmark_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    Image.fromarray(np.zeros((160, 120), np.uint8)).save(path)
    assert run(tmp_path / "out", path) == 1
    assert read_landmarks(tmp_path / "out" / "black.json").points == {}


def test_what_cannot_work_is_refused_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, out = save_film(tmp_path / "films" / "f.png"), tmp_path / "out"
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        ((), "no film"),
        ((tmp_path / "none.png",), "no such film"),
        ((film, tmp_path / "empty"), "holds no film"),
        ((film, "--pixel_size_mm", "0"), "--pixel_size_mm"),
        ((film, "--pixel_size_mm", "0.1", "--ruler", "0", "0", "0", "99", "10"), "give one of them"),
        ((film, "--ruler", "0", "0", "0", "5", "10"), "5.0 pixels apart"),
        ((film, "--batch_size", "0"), "--batch_size must be 1 or more"),
    ):
        with pytest.raises(SettingsError, match=said):
            run(out, *arguments)
    with pytest.raises(SettingsError, match="would mix"):
        run(film.parent, film.parent)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"c\.pth"):
        run(out, film)
    assert not out.exists()


def test_films_may_stand_behind_the_checkpoints(tmp_path: Path) -> None:
    film = save_film(tmp_path / "f.png")
    options = command.parse(
        command.PredictOptions, ["--checkpoint", "a.pth", "b.pth", str(film), "--out", "x"], "cephkit predict"
    )
    assert options.checkpoint == (Path("a.pth"), Path("b.pth"))
    assert options.films == (film,)


def test_films_named_by_uids_keep_their_names(tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    about = tmp_path / "about.csv"
    about.write_text("film,pixel_size_mm\n1.2.3.10,0.2\nwhole.png,0.3\n", encoding="utf-8")
    films.mkdir()
    for name in ("1.2.3.10", "1.2.3.11"):
        (films / name).write_bytes(dicom_bytes(dicom_film(film_with_spot((160, 120), 60.0, 80.0, 8.0))))
    save_film(films / "whole.png")
    assert run(out, films, "--about", about) == 0
    said = {path.stem: json.loads(path.read_text(encoding="utf-8"))["spacing"] for path in out.glob("*.json")}
    assert set(said) == {"1.2.3.10", "1.2.3.11", "whole"}
    assert (said["1.2.3.10"]["row_mm"], said["1.2.3.11"], said["whole"]["row_mm"]) == (0.2, None, 0.3)


def test_films_that_a_table_does_not_name_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, about = save_film(tmp_path / "f.png"), tmp_path / "about.csv"
    about.write_text("film,pixel_size_mm\nother,0.2\n", encoding="utf-8")
    assert run(tmp_path / "out", film, "--about", about) == 0
    assert "1 film(s) have no row in --about: f.png" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_of_any_bytes_and_of_any_length_are_films_too(tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    save_film(films / "a.png")
    odd = Path(os.fsdecode(os.fsencode(films) + b"/b\xff.png"))
    (films / "a.png").rename(odd)
    save_film(films / ("long" * 60 + ".png"))
    (films / os.fsdecode(b"c\xff.png")).write_bytes(b"")
    assert run(out, films) == 1
    names = {row["film"] for row in table(out)}
    assert len(names) == 2
    assert any(len(name) <= 150 and name.startswith("longlong") for name in names)
    assert any(name.startswith("b") and "udcff" in name for name in names)
    assert "udcff" in (out / "problems.csv").read_text(encoding="utf-8")


def test_a_name_that_a_spreadsheet_would_run_is_guarded(tmp_path: Path) -> None:
    film, out = save_film(tmp_path / "=cmd.png"), tmp_path / "out"
    assert run(out, film) == 0
    assert {(row["film"], row["file"]) for row in table(out)} == {("'=cmd", "'=cmd.png")}
    assert json.loads((out / "=cmd.json").read_text(encoding="utf-8"))["ceph_id"] == "=cmd"


def test_a_film_too_large_for_the_memory_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    for name in ("a", "b"):
        save_film(films / f"{name}.png")
    read = model.open_film

    def full(path: Path, **options: Any) -> OpenedFilm:
        if path.name == "a.png":
            raise MemoryError
        return read(path, **options)

    monkeypatch.setattr(model, "open_film", full)
    assert run(out, films) == 1
    assert {row["film"] for row in table(out)} == {"b"}
    assert "too large for this machine's memory" in (out / "problems.csv").read_text(encoding="utf-8")


def test_what_a_person_corrected_stays_and_is_in_the_table(tmp_path: Path) -> None:
    film, out = save_film(tmp_path / "f.png"), tmp_path / "out"
    assert run(out, film) == 0
    content = json.loads((out / "f.json").read_text(encoding="utf-8"))
    content["landmarks"].append({**content["landmarks"][0], **landmarks_json("f", {"S": (5.0, 6.0)})["landmarks"][0]})
    (out / "f.json").write_text(json.dumps(content), encoding="utf-8")
    assert run(out, film) == 0
    assert [(row["symbol"], row["x_px"]) for row in table(out)][1] == ("S", "5.0")
    assert len(table(out)) == 2


def test_results_where_no_folder_can_be_are_an_error(tmp_path: Path) -> None:
    film = save_film(tmp_path / "f.png")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CephkitError, match="file"):
        run(tmp_path / "file" / "out", film)


def test_a_film_whose_pixel_size_cannot_be_used_is_read_without_it_by_the_flag_that_its_message_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, good, bad = film_with_spot((160, 120), 60.0, 80.0, 8.0), tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(dicom_bytes(dicom_film(pixels, PixelSpacing=[0.1, 0.1])))
    bad.write_bytes(dicom_bytes(dicom_film(pixels, PixelSpacing=[0, 0])))
    assert run(tmp_path / "out", good, bad) == 1
    assert "or read such films without it: --ignore_bad_pixel_size" in capsys.readouterr().out
    assert run(tmp_path / "out", good, bad, "--ignore_bad_pixel_size") == 0
    assert "its PixelSpacing is not two lengths of 0.005 to 2 mm, and was not used" in capsys.readouterr().out
    sizes = {row["film"]: row["x_mm"] for row in table(tmp_path / "out") if row["symbol"] == "A"}
    assert sizes["good"]
    assert not sizes["bad"]


def test_a_window_that_whites_the_film_out_is_named_beside_the_doubt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = Predictor.predictions
    monkeypatch.setattr(
        Predictor, "predictions", lambda *given: [replace(film, doubt="a cat") for film in predictions(*given)]
    )
    pixels = np.maximum(film_with_spot((160, 120), 60.0, 80.0, 8.0), 30)
    pixels[:10] = 0
    film = dicom_film(pixels, WindowCenter=10, WindowWidth=4)
    (tmp_path / "f.dcm").write_bytes(dicom_bytes(film))
    said = r"a cat; the file's window makes \d+% of the picture white"
    for _ in range(2):  # made, and found there
        assert run(tmp_path / "out", tmp_path / "f.dcm") == 1
        assert re.search(said, capsys.readouterr().out)
        assert re.search(said, (tmp_path / "out" / "problems.csv").read_text(encoding="utf-8"))


def test_a_folder_with_folders_and_a_dicomdir(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = tmp_path / "films"
    save_film(films / "a.png")
    save_film(films / "2020" / "b.png", 70)
    (films / "readme.txt").write_text("films of 2020", encoding="utf-8")
    assert run(films / "out", films) == 0
    assert "1 file(s) passed over: readme.txt; 1 folder(s) not searched: 2020" in capsys.readouterr().out
    for _ in range(2):  # its own results in the folder are no films
        assert run(films / "out", films, "--recursive") == 0
        assert {row["film"] for row in table(films / "out")} == {"a", "b"}
    disc = tmp_path / "disc"
    (disc / "DICOM").mkdir(parents=True)
    (disc / "DICOM" / "IM1").write_bytes(dicom_bytes(dicom_film(film_with_spot((160, 120), 60.0, 80.0, 8.0))))
    (disc / "DICOMDIR").write_bytes(dicom_bytes(directory()))
    for number, given in enumerate((disc, disc / "DICOMDIR")):
        assert run(tmp_path / f"cd {number}", given) == 0
        assert {row["film"] for row in table(tmp_path / f"cd {number}")} == {"IM1"}
