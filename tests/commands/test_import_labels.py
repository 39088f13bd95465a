import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cephkit.commands.export import main as export
from cephkit.commands.import_labels import main
from cephkit.data.labels import read_landmarks
from cephkit.data.names import film_key, film_name
from cephkit.errors import LabelError, SettingsError
from cephkit.inference.results import ResultFolder
from cephkit.interchange.aariz import imported_files
from cephkit.interchange.coco import coco_json, read_coco
from cephkit.interchange.cvat import annotations, read_cvat
from cephkit.interchange.films import read_records, with_films
from cephkit.interchange.label_studio import TASKS, task
from cephkit.interchange.label_studio_reader import read_label_studio
from cephkit.records.record import LandmarkRecord
from tests.interchange.films import face, write_picture, write_prediction
from tests.interchange.test_label_studio_reader import annotation, region, whole, write

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
        back, notes = read_landmarks(tmp_path / "back" / f"f{seed}.json")
        assert notes == ()
        assert set(back) == set(face(seed))
        for symbol, point in face(seed).items():
            assert back[symbol] == pytest.approx(point, abs=1e-3)


def test_impossible_labels_are_refused_and_doubtful_ones_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = face(1)
    write_prediction(tmp_path / "lips" / "f.json", {**points, "Ls": points["Li"], "Li": points["Ls"]})
    write_prediction(tmp_path / "zero" / "f.json", {**points, "A": (0.0, 0.0)})
    for kind in ("lips", "zero"):
        export([str(tmp_path / kind), "--format", "cvat", "--out", str(tmp_path / "cvat" / kind)])
    arguments = ["--format", "cvat", "--out", str(tmp_path / "back")]
    with pytest.raises(LabelError, match="A lies in a corner of the film"):
        main([str(tmp_path / "cvat" / "zero" / EXPORTED["cvat"]), *arguments])
    assert not (tmp_path / "back").exists()
    assert main([str(tmp_path / "cvat" / "lips" / EXPORTED["cvat"]), *arguments]) == 0
    assert "Li and Ls appear to be swapped" in capsys.readouterr().out


ODD_NAMES = (
    *("1.2.840.1", "1.2.840.10", "1.2.840.1.dcm", "Smith.final", "a b.png", "100%25.png", "a%20b.png", "a+b&c#d?.tif"),
    *("0a1b2c3d-f.png", "deadbeef__f.png", "images.png.dcm", "\u00e9t\u00e9.png", "o\u0308.png", f"{'x' * 240}.png"),
    *("\u00f1" * 110, "f.jpg", "f.PNG", "data:image.png", "\u0633\u0631.png"),
)
"""Films' files as people have them: UIDs, signs of addresses, what looks like a tool's prefix, NFC and NFD, long."""


def corrected(folder: Path, tool: str) -> Path:
    """What ``tool`` hands back for what cephkit export wrote for it."""
    if tool != "label_studio":
        return folder / EXPORTED[tool]
    tasks = json.loads((folder / TASKS).read_text(encoding="utf-8"))
    for number, each in enumerate(tasks):
        (prediction,) = each["predictions"]
        each |= {"id": number, "annotations": [annotation(*prediction["result"])]}
    return write(folder / "back.json", *tasks)


def predicted(folder: Path, files: Sequence[str]) -> None:
    """What cephkit predict writes about small films of these files."""
    results = ResultFolder(folder)
    for file in files:
        film = {"file": file, "width": 60, "height": 80}
        write_prediction(results.json_path(results.name_for(Path(file), file)), {"A": (10.25, 20.5)}, film=film)


@pytest.mark.parametrize("tool", [*EXPORTED, "label_studio"])
def test_films_of_any_name_are_predicted_exported_corrected_and_imported(tmp_path: Path, tool: str) -> None:
    picture = write_picture(tmp_path / "one.png").read_bytes()
    (tmp_path / "films").mkdir()
    for file in ODD_NAMES:
        (tmp_path / "films" / file).write_bytes(picture)
    # Those that differ by their endings alone keep them.
    alike = ("1.2.840.1", "1.2.840.1.dcm", "f.jpg", "f.PNG")
    file_of = {f"{file if file in alike else film_name(file)}.json": file for file in ODD_NAMES}
    predicted(tmp_path / "in", ODD_NAMES)
    export([str(tmp_path / "in"), "--format", tool, "--out", str(tmp_path / tool)])
    path = corrected(tmp_path / tool, tool)
    for films in ([], ["--films", str(tmp_path / "films")]):
        out = tmp_path / f"back{len(films)}"
        assert main([str(path), "--format", tool, "--out", str(out), *films]) == 0
        assert {label.name for label in out.iterdir()} == set(file_of)
        records = with_films(read_records([out]), tmp_path / "films")
        assert {f"{record.film_id}.json": record.file for record in records} == file_of
        assert all(record.points["A"] == pytest.approx((10.25, 20.5), abs=1e-3) for record in records)


PARTS = st.text(st.sampled_from("aAb.% +\u00e9\u0301-_#&?0189"), min_size=1, max_size=12).filter(
    lambda part: part[0] != "."
)
FILES = st.builds(
    "{}{}{}".format, PARTS, st.sampled_from(("", ".1", "x" * 200)), st.sampled_from(("", ".png", ".PNG", ".dcm"))
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(FILES, min_size=1, max_size=8, unique=True))
def test_readers_find_the_files_that_exporters_name(tmp_path: Path, files: list[str]) -> None:
    films = [LandmarkRecord({"A": (1.0, 2.0)}, film_id=file, file=file, size=(80, 60)) for file in files]
    (tmp_path / "coco.json").write_text(json.dumps(coco_json(films)), encoding="utf-8")
    (tmp_path / "cvat.xml").write_bytes(annotations(films))
    tasks = [{**task(film), "id": film.file, "annotations": [annotation(region())]} for film in films]
    write(tmp_path / "tasks.json", *[{**each, "data": {"image": each["data"]["image"]}} for each in tasks])
    for read in (
        read_coco(tmp_path / "coco.json"),
        read_cvat(tmp_path / "cvat.xml"),
        read_label_studio(tmp_path / "tasks.json"),
    ):
        assert [film.file for film in read.records] == files
        if len(set(map(film_key, files))) == len(files):
            assert len({film_key(name) for name in imported_files(read.records)}) == len(files)
        else:
            with pytest.raises(LabelError, match="appears twice"):
                imported_files(read.records)


def test_with_films_a_label_is_called_as_its_film_whatever_form_the_tool_gave_the_name(tmp_path: Path) -> None:
    write_picture(tmp_path / "films" / "e\u0301 1.PNG", 2000, 1000)
    write_picture(tmp_path / "films" / "0a1b2c3d-g.png", 2000, 1000)
    address = "/data/upload/3/0a1b2c3d-g.png"
    path = write(tmp_path / "x.json", whole(annotation(region()), image="films/%C3%A9%201.png"))
    more = write(tmp_path / "y.json", whole(annotation(region()), image=address))
    for file in (path, more):
        films = ["--films", str(tmp_path / "films")]
        assert main([str(file), "--format", "label_studio", "--out", str(tmp_path / "back"), *films]) == 0
    assert {label.name for label in (tmp_path / "back").iterdir()} == {"e\u0301 1.json", "0a1b2c3d-g.json"}


def test_an_overlong_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region()), image=f"{'x' * 5000}.png"))
    with pytest.raises(LabelError, match="the film's name is 'xxx"):
        main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")])


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
    with pytest.raises(SettingsError, match=r"1 films are missing: f\.png"):
        main([*arguments, str(tmp_path / "others")])
    assert not (tmp_path / "back").exists()
    assert main([*arguments, str(tmp_path / "films")]) == 0
    assert "1 films with landmarks" in capsys.readouterr().out


def test_two_tasks_of_one_film_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region())), whole(annotation(region()), id=18))
    with pytest.raises(LabelError, match=r"task 18: film 'f\.png' appears twice, the other is .*task 17"):
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
    with pytest.raises(LabelError, match=r"landmarks outside the film of 2000x1000 pixels: A"):
        main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back")])


BOX = {"type": "rectanglelabels", "value": {"rectanglelabels": ["face"]}}
CHOICE = {"type": "choices", "value": {"choices": ["good"]}}


def coco_of_boxes() -> str:
    """A detector's labels."""
    images = [{"id": number, "file_name": f"{number}.png", "width": 60, "height": 80} for number in range(12)]
    boxes = [{"id": number, "image_id": number, "category_id": 1, "bbox": [1, 2, 3, 4]} for number in range(12)]
    return json.dumps({"images": images, "categories": [{"id": 1, "name": "face"}], "annotations": boxes})


@pytest.mark.parametrize(
    ("tool", "content", "said"),
    [
        ("coco", coco_of_boxes(), ["12 annotations have no keypoints", "export CVAT for images 1.1"]),
        (
            "cvat",
            "<annotations><image id='0' name='f.png' width='60' height='80'><box/><box/><mask/><points label='A' "
            "outside='1'/></image></annotations>",
            [
                "2 boxes are not points",
                "1 mask is not a point",
                "1 point is marked outside",
                "mark points or skeletons",
            ],
        ),
        (
            "label_studio",
            json.dumps(
                [
                    whole(annotation(BOX, BOX, CHOICE), annotation(region(), was_cancelled=True)),
                    whole(id=18, drafts=[annotation(region())], predictions=[{"result": [region()]}] * 2),
                ]
            ),
            [
                *(
                    "2 regions are rectanglelabels, not keypointlabels",
                    "1 region is choices",
                    "1 annotation was cancelled",
                ),
                *("1 draft was not submitted", "2 predictions were not submitted", "submit the annotations"),
            ],
        ),
        ("label_studio", json.dumps([whole()]), ["no landmarks in it; submit the annotations"]),
    ],
)
def test_an_import_that_finds_nothing_says_what_it_left_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tool: str, content: str, said: list[str]
) -> None:
    (tmp_path / "x").write_text(content, encoding="utf-8")
    assert main([str(tmp_path / "x"), "--format", tool, "--out", str(tmp_path / "back")]) == 1
    told = capsys.readouterr().err
    assert [part for part in said if part not in told] == []
    assert not (tmp_path / "back").exists()


def test_an_import_that_finds_something_says_so_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.json", whole(annotation(region(), BOX), annotation(region(), day=2, by=2)), whole(id=18))
    assert main([str(path), "--format", "label_studio", "--out", str(tmp_path / "back"), "--annotator", "1"]) == 0
    told = capsys.readouterr().out
    assert "1 films with landmarks" in told
    assert "1 without landmarks, left out" in told
    assert "ignored: " in told
    assert "1 annotation is another annotator's" in told
    assert "1 region is rectanglelabels" in told


def test_an_annotator_is_label_studios(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--annotator is for --format label_studio"):
        main([str(tmp_path / "x.json"), "--format", "coco", "--annotator", "1"])
