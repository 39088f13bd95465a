import json
from pathlib import Path

import pytest

from cephkit.data.labels import read_landmarks
from cephkit.errors import LabelError, SettingsError
from cephkit.export.command import main as export
from cephkit.export.import_command import main
from tests.export.films import face, write_picture, write_prediction
from tests.export.test_label_studio_reader import annotation, region, whole, write

EXPORTED = {"coco": "coco_keypoints.json", "cvat": "cvat_annotations.xml"}


@pytest.mark.parametrize("tool", EXPORTED)
def test_out_and_back_to_a_thousandth_of_a_pixel(tmp_path: Path, tool: str) -> None:
    for seed in (1, 2):
        write_prediction(tmp_path / "in" / f"f{seed}.json", face(seed))
    write_prediction(tmp_path / "in" / "none.json", {})
    export([str(tmp_path / "in"), "--format", tool, "--out", str(tmp_path / tool)])
    assert main([str(tmp_path / tool / EXPORTED[tool]), "--format", tool, "--out", str(tmp_path / "back")]) == 0
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == ["f1.json", "f2.json"]
    for seed in (1, 2):
        back = read_landmarks(tmp_path / "back" / f"f{seed}.json")
        assert (set(back.points), back.notes) == (set(face(seed)), ())
        for symbol, point in face(seed).items():
            assert back.points[symbol] == pytest.approx(point, abs=1e-3)


def test_nobodys_name_is_copied(tmp_path: Path) -> None:
    user = {"id": 2, "email": "two@example.org", "first_name": "Second", "last_name": "Person"}
    path = write(tmp_path / "x.json", whole(annotation(region(), by=user)))
    arguments = [str(path), "--format", "label_studio", "--out", str(tmp_path / "back")]
    assert main([*arguments, "--annotator", "two@example.org"]) == 0
    written = (tmp_path / "back" / "f.json").read_text(encoding="utf-8")
    assert set(json.loads(written)) == {"ceph_id", "landmarks", "labeled_at", "dataset_name"}
    assert not any(word in written for word in ("example.org", "Second", "Person"))
    with pytest.raises(SettingsError, match="already there"):
        main(arguments)
    assert main([*arguments, "--overwrite"]) == 0


def test_films_must_be_as_large_as_the_tool_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region())), whole(id=18))
    arguments = [str(path), "--format", "label_studio", "--out", str(tmp_path / "back"), "--films"]
    write_picture(tmp_path / "films" / "f.png", 2000, 1000)
    write_picture(tmp_path / "smaller" / "f.png", 1000, 500)
    write_picture(tmp_path / "others" / "g.png", 2000, 1000)
    with pytest.raises(LabelError, match=r"task 17: f\.png measures 1000x500 pixels, the tool says 2000x1000"):
        main([*arguments, str(tmp_path / "smaller")])
    with pytest.raises(SettingsError, match=r"1 films are not there: f\.png"):
        main([*arguments, str(tmp_path / "others")])
    assert not (tmp_path / "back").exists()
    assert main([*arguments, str(tmp_path / "films")]) == 0
    assert "1 films with landmarks" in capsys.readouterr().out


def test_two_tasks_of_one_film_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region())), whole(annotation(region()), id=18))
    with pytest.raises(LabelError, match=r"task 18: film 'f\.png' is there twice, the other is .*task 17"):
        main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")])


@pytest.mark.parametrize("image", ["..", "/data/local-files/?d=", "films/.png", "a/\x01.png", "\ud800.png"])
def test_a_film_without_a_name_is_refused(tmp_path: Path, image: str) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region()), image=image))
    with pytest.raises(LabelError, match="the film's name is"):
        main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")])


def test_a_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region()), data={"file": "../../f.png"}))
    assert main([str(path), "--format", "label_studio", "--out", str(tmp_path / "a" / "back")]) == 0
    assert [file.name for file in (tmp_path / "a" / "back").iterdir()] == ["f.json"]


def test_a_landmark_outside_its_picture_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region(x=101))))
    with pytest.raises(LabelError, match=r"A at .* lies outside 2000x1000 pixels"):
        main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")])


def test_no_landmarks_at_all_is_a_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole())
    assert main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")]) == 1


def test_an_annotator_is_label_studios(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--annotator is for --format label_studio"):
        main([str(tmp_path / "x.json"), "--format", "coco", "--annotator", "1"])
