"""Sessions about other landmarks than the 29, and folders of results that sessions of several kinds have used."""

import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.data.aariz import AarizFolder, read_aariz
from cephkit.data.labels import landmarks_json
from cephkit.datasets.find import find_dataset
from cephkit.errors import CephkitError
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, in_known_order
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.journal import JournalError
from cephkit.review.parsing import EditError
from cephkit.review.schema import USUAL
from cephkit.review.session import ReviewSession
from cephkit.settings.options import DataSet
from tests.conftest import write_tiny_aariz
from tests.review.sessions import (
    SAME_ORIGIN,
    SIZE,
    Given,
    body,
    browser,
    confirmed,
    dataset_session,
    face_edit,
    folder_session,
    placed,
    write_films,
)

OURS = in_known_order(
    KNOWN.of(["S", "N", "Ba"]),
    LandmarkSchema(
        "ours",
        (
            Landmark("XR", "Ours, right", "bone", mirror="XL", differs="by construction"),
            Landmark("XL", "Ours, left", "soft", mirror="XR"),
        ),
    ),
)
POINTS = {"S": (30.0, 30.0), "Ba": (20.0, 60.0), "XR": (40.0, 50.0), "XL": (41.0, 52.0)}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return write_films(tmp_path / "films", 2)


def points(session: ReviewSession, n: int = 0) -> dict[str, Any]:
    return dict(session.film_state(n)["state"]["points"])


def test_the_page_is_told_of_the_landmarks_of_the_session_alone(films: Path, tmp_path: Path) -> None:
    with browser(folder_session(films, tmp_path / "out", schema=OURS)) as page:
        told = page.get("/api/session").json()
        assert [landmark["symbol"] for landmark in told["landmarks"]] == ["N", "S", "Ba", "XR", "XL"]
        right = told["landmarks"][3]
        assert (right["title"], right["tissue"], right["title_fa"]) == ("Ours, right", "bone", "")
        assert (right["mirror"], right["differs"], right["drawn"]) == ("XL", "by construction", False)
        assert told["landmarks"][0]["drawn"]
        assert [line["name"] for line in told["lines"]] == ["SN"]
        film = page.get("/api/films/0").json()
        assert film["sought"] == ["N", "S", "Ba", "XR", "XL"]
        assert page.get("/api/films").json()["films"][0]["missing"] in (0, 5)  # 0 until the row is there
        assert page.get("/api/landmarks/XR.jpg").status_code == 404


def test_landmarks_beyond_the_29_are_edited_measured_saved_and_exported(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", schema=OURS)
    session.edit(0, body(0, face_edit(POINTS)))
    with pytest.raises(EditError, match="symbol is 'A', which is not a landmark"):
        session.edit(0, body(1, placed("A", (5, 6))))
    session.edit(0, body(1, confirmed()))
    record = read_record(tmp_path / "out" / "labels" / "f0.json")
    assert record.points == POINTS
    assert record.schema["XR"].title == "Ours, right"
    session.start()
    with browser(session) as page:
        asked = {symbol: {"at": at, "origin": "placed", "confirmed": False} for symbol, at in POINTS.items()}
        assert page.post("/api/films/0/measure", json={"points": asked}, headers=SAME_ORIGIN).json()["rows"]
        table = page.get("/api/films/0/landmarks.csv").text
        assert 'f0,f0.png,XL,"Ours, left",41.0,52.0' in table
        for name in (each["name"] for each in page.get("/api/session").json()["formats"]):
            answer = page.post("/api/export", json={"format": name, "which": "confirmed"}, headers=SAME_ORIGIN)
            assert answer.status_code == 200 or "dicom" in name, answer.text
        assert page.get("/api/films/0/sheet.html").status_code == 200
    session.close()


def test_confirmed_films_train_with_all_their_landmarks(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    session = folder_session(films, out, schema=OURS)
    for n in range(2):
        session.edit(n, body(0, face_edit(POINTS)))
        session.edit(n, body(1, confirmed()))
    found = find_dataset(DataSet(dataset_path=(out,))).read(["train", "valid"])
    assert [film.annotations for film in found.films] == [{"senior": POINTS}] * 2
    assert found.problems == ()
    assert found.schema["XL"].title == "Ours, left"


def test_a_session_with_other_landmarks_hides_those_of_earlier_ones_and_loses_none(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder_session(films, out, schema=OURS).edit(0, body(0, face_edit(POINTS)))
    session = folder_session(films, out, schema=USUAL)
    state = session.film_state(0)
    assert "XR" not in state["sought"]
    session.edit(0, body(1, placed("A", (70, 60))))
    assert read_record(out / "labels" / "f0.json").points == {"A": (70.0, 60.0), **POINTS}
    # What the earlier session did can still be undone, and nothing else be done to what is not shown.
    undone = placed("XL", (41, 52), points(session)["XL"])
    undone["changes"][0]["after"] = None
    session.edit(0, body(2, {**undone, "undoes": 1}))
    with pytest.raises(EditError, match="'XR', which is not"):
        session.edit(1, body(0, placed("XR", (1, 2))))
    again = folder_session(films, out, schema=OURS)
    assert {symbol for symbol in points(again) if symbol in OURS} == {"S", "Ba", "XR"}
    with browser(session) as page:
        asked = {"points": points(session)}
        assert page.post("/api/films/0/measure", json=asked, headers=SAME_ORIGIN).status_code == 200


def test_a_session_of_more_landmarks_finds_their_labels_on_films_edited_before(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=1, valid=1)
    path = root / "train/Annotations/Cephalometric Landmarks/Senior Orthodontists/t0.json"
    path.write_text(json.dumps(landmarks_json("t0", POINTS, OURS)))
    few = dataset_session(root, tmp_path / "out", schema=KNOWN.of(["S", "A"]))
    few.edit(0, body(0, placed("S", (31, 32), points(few)["S"])))
    more = dataset_session(root, tmp_path / "out", schema=OURS)
    assert {symbol: mark["at"] for symbol, mark in points(more).items()} == {
        **{symbol: list(at) for symbol, at in POINTS.items()}, "S": [31.0, 32.0]
    }  # fmt: skip
    change = {"symbol": "XL", "before": points(more)["XL"], "after": None}
    more.edit(0, body(1, {"kind": "points", "changes": [change]}))
    assert set(points(dataset_session(root, tmp_path / "out", schema=OURS))) == {"S", "Ba", "XR"}


def test_a_journal_whose_landmarks_are_described_nowhere_says_so(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder_session(films, out, schema=OURS).edit(0, body(0, face_edit(POINTS)))
    (out / "journal" / "landmarks.yaml").unlink()
    session = folder_session(films, out)
    with pytest.raises(JournalError, match=r"f0.jsonl: .*not described: XR, XL; describe them with --landmarks"):
        session.film_state(0)
    assert set(points(folder_session(films, out, schema=OURS))) == set(POINTS)


def test_what_a_model_finds_beyond_the_session_is_left_out_of_it(films: Path, tmp_path: Path) -> None:
    record = LandmarkRecord(dict(POINTS), missing=("N",), schema=OURS, scores=dict.fromkeys(POINTS, 0.9), size=SIZE)
    session = folder_session(films, tmp_path / "out", Given({0: record}), schema=KNOWN.of(["S", "A", "Ba"]))
    state = session.film_state(0)
    assert set(state["state"]["points"]) == set(state["predicted"]["points"]) == {"S", "Ba"}
    assert state["predicted"]["missing"] == []
    assert state["sought"] == ["S", "Ba"]


def test_in_place_labels_of_a_data_set_keep_what_the_session_does_not_show(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=1, valid=1)
    path = root / "train/Annotations/Cephalometric Landmarks/Senior Orthodontists/t0.json"
    path.write_text(json.dumps(landmarks_json("t0", {"N": (50.0, 9.0), **POINTS}, OURS)))
    session = dataset_session(root, tmp_path / "out", dataset=root, schema=KNOWN.of(["S", "A", "Ba"]))
    assert set(points(session)) == {"S", "Ba"}
    session.edit(0, body(0, placed("S", (31, 32), points(session)["S"])))
    (film, _) = read_aariz(root, ["train", "valid"]).films
    assert film.annotations["senior"] == {"N": (50.0, 9.0), **POINTS, "S": (31.0, 32.0)}
    session.edit(0, body(1, {"kind": "points", "changes": [
        {"symbol": "Ba", "before": points(session)["Ba"], "after": None}
    ]}))  # fmt: skip
    assert "Ba" not in AarizFolder(root).read(["train"]).films[0].annotations["senior"]
    # A session that knows more may describe it in the label.
    more = dataset_session(root, tmp_path / "more", dataset=root, schema=in_known_order(OURS, KNOWN.of(["A"])))
    more.edit(0, body(0, placed("XR", (9, 8), points(more)["XR"])))
    assert AarizFolder(root).read(["train"]).films[0].annotations["senior"]["XR"] == (9.0, 8.0)


def test_a_full_disk_loses_no_edit_of_described_landmarks(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = folder_session(films, tmp_path / "out", schema=OURS)

    def full(path: Path, content: bytes) -> None:
        raise CephkitError("cannot be written (No space left on device)", path=path)

    with monkeypatch.context() as disk:
        disk.setattr("cephkit.review.schema.write_whole", full)
        with pytest.raises(JournalError, match="the edit is not saved: its landmarks cannot be described"):
            session.edit(0, body(0, placed("XR", (1, 2))))
    assert points(session) == {}
    assert session.edit(0, body(0, placed("XR", (1, 2)))) == (1, "")
