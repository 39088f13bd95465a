import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.data.labels import read_landmarks
from cephkit.errors import CheckpointError, SettingsError
from cephkit.inference import command
from cephkit.inference.command import main
from tests.inference.test_predictor import film_with_spot, loaded


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that finds A in the brightest spot and never finds S."""
    monkeypatch.setattr(command, "load_model", lambda path, device: loaded())


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
    assert sorted(path.name for path in out.iterdir()) == ["c.json", "c_overlay.png", "landmarks.csv"]


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
