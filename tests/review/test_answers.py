"""The server's answers, as the page gets them."""

import asyncio
import errno
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from cephkit.drawing.silhouette import silhouettes
from cephkit.landmarks.shipped import AARIZ
from cephkit.review.app import Answers
from cephkit.review.session import ReviewSession
from tests.review.sessions import (
    FACE,
    SAME_ORIGIN,
    body,
    browser,
    confirmed,
    face_edit,
    folder_session,
    grey_film,
    placed,
    write_films,
)


@pytest.fixture
def page(tmp_path: Path) -> Any:
    """A page on three films."""
    with browser(folder_session(write_films(tmp_path / "films"), tmp_path / "out", reviewer="Ann")) as client:
        yield client


def post(page: TestClient, path: str, content: Any) -> Any:
    return page.post(path, json=content, headers=SAME_ORIGIN)


def test_the_session_describes_landmarks_lines_and_formats(page: TestClient) -> None:
    session = page.get("/api/session").json()
    assert (session["films"], session["has_model"], session["in_place"]) == (3, False, False)
    assert (session["source"], session["reviewer"], session["language"]) == (
        {"kind": "films", "name": "films"}, "Ann", "auto"
    )  # fmt: skip
    assert [each["symbol"] for each in session["landmarks"]] == list(AARIZ.symbols)
    assert all(each["definition"] and each["definition_fa"] and each["title_fa"] for each in session["landmarks"])
    assert {"name": "SN", "start": ["S"], "end": ["N"], "tissue": "bone", "dashed": False, "unless": None} in session[
        "lines"
    ]
    assert "Steiner" in {each["name"] for each in session["analyses"]}
    assert {each["name"] for each in session["formats"]} == {
        "aariz", "csv", "coco", "label_studio", "cvat", "dicom_sr"
    }  # fmt: skip
    assert session["notice"] == "Research use only; not a medical device."


def test_a_film_comes_with_its_tiles(page: TestClient) -> None:
    film = page.get("/api/films/1").json()
    assert (film["size"], film["depth"], film["levels"]) == ([120, 100], 8, [[120, 100]])
    tile = page.get(f"/api/films/1/tiles/0/0/0?h={film['hash']}")
    assert (np.frombuffer(tile.content, np.uint8).reshape(120, 100) == grey_film(1)).all()
    assert "immutable" in tile.headers["cache-control"]
    for path in ("1/tiles/1/0/0", "1/tiles/0/1/0", "3", "3/thumbnail", "99999999999999999999"):
        assert page.get(f"/api/films/{path}").status_code == 404


def test_edits_reach_the_list(page: TestClient) -> None:
    revision = page.get("/api/films").json()["revision"]
    assert post(page, "/api/films/1/edits", body(0, placed("A", (3, 4)))).json() == {"revision": 1}
    assert post(page, "/api/films/1/edits", body(1, confirmed())).json() == {"revision": 2}
    (row,) = page.get(f"/api/films/changes?since={revision}").json()["films"]
    assert (row["n"], row["status"], row["points"]) == (1, "confirmed", 1)
    assert page.get("/api/films/changes?since=x").status_code == 422


def test_a_second_tab_is_told(page: TestClient) -> None:
    post(page, "/api/films/0/edits", body(0, placed("A", (3, 4))))
    answer = post(page, "/api/films/0/edits", body(0, placed("A", (5, 6))))
    assert answer.status_code == 409
    assert answer.json()["film"] == page.get("/api/films/0").json()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"3", b"null", b'{"revision": NaN}', b'{"revision": 1e999}', b"\xff\xfe", b"[" * 100_000,
        b'{"revision": 0}', b'{"revision": "0", "edit": {}}', b'{"revision": -1, "edit": {}}', b'{"revision": true}',
        b'{"revision": ' + b"9" * 5000 + b"}",
        json.dumps(body(0, placed("A", (1e9, 1)))).encode(), json.dumps(body(0, placed("A", ("1", 1)))).encode(),
        json.dumps({**body(0, placed("A", (1, 1))), "reviewer": {}}).encode(),
    ],
    ids=lambda content: str(content[:24]),
)  # fmt: skip
def test_nonsense_is_refused_and_changes_nothing(page: TestClient, tmp_path: Path, content: bytes) -> None:
    for path in ("edits", "measure"):
        answer = page.post(f"/api/films/0/{path}", content=content, headers=SAME_ORIGIN)
        assert answer.status_code == 422
        assert answer.json()["error"]
    assert not (tmp_path / "out" / "journal").exists()


def test_measurements_follow_a_point_that_is_not_saved(page: TestClient) -> None:
    def sna(at: list[float]) -> float:
        face = {**FACE, "A": at}
        points = {symbol: {"at": list(xy), "origin": "placed", "confirmed": False} for symbol, xy in face.items()}
        content = {"points": points, "spacing": None, "subject": {"age": 20, "sex": "male"}}
        answer = post(page, "/api/films/0/measure", {**content, "analyses": ["Steiner"]})
        (row,) = (row for row in answer.json()["rows"] if row["measurement"] == "sna")
        return float(row["value"])

    assert sna([78, 62]) != sna([80, 62])
    assert page.get("/api/films/0").json()["state"]["points"] == {}


def test_without_a_model_nothing_is_found_again(page: TestClient) -> None:
    answer = post(page, "/api/films/0/find", {"held": {"A": [3, 4]}})
    assert answer.status_code == 409
    assert "--checkpoint" in answer.json()["error"]


def test_a_small_picture_is_asked_for_again_only_if_it_changed(page: TestClient) -> None:
    answer = page.get("/api/films/2/thumbnail")
    assert Image.open(io.BytesIO(answer.content)).size == (133, 160)
    again = page.get("/api/films/2/thumbnail", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_outlines_are_those_of_the_landmarks_present(page: TestClient) -> None:
    for facing in ("right", "left"):
        answer = page.get("/api/outlines", params={"present": ",".join(FACE), "facing": facing}).json()
        assert answer["outlines"] == [each.to_dict() for each in silhouettes(FACE, facing)]  # type: ignore[arg-type]
    assert page.get("/api/outlines").json() == {"outlines": []}
    further = page.get("/api/outlines", params={"present": ",".join((*FACE, "Ba", "Q"))}).json()
    assert further["outlines"] == [each.to_dict() for each in silhouettes(FACE)]
    assert page.get("/api/outlines?facing=up").status_code == 422


def test_landmarks_have_pictures(page: TestClient) -> None:
    answer = page.get("/api/landmarks/N%60.jpg")
    assert Image.open(io.BytesIO(answer.content)).size == (200, 200)
    assert page.get("/api/landmarks/Q.jpg").status_code == 404


def test_tables_and_sheets_are_files_with_names(page: TestClient) -> None:
    post(page, "/api/films/0/edits", body(0, face_edit()))
    for path, name in (
        ("films/0/landmarks.csv", "f0_landmarks.csv"), ("films/0/measurements.csv", "f0_measurements.csv"),
        ("landmarks.csv", "landmarks.csv"), ("measurements.csv", "measurements.csv"),
    ):  # fmt: skip
        answer = page.get(f"/api/{path}")
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
        assert answer.text.startswith("film,file,")
        assert "\nf0,f0.png," in answer.text
    sheet = page.get("/api/films/0/sheet.html?analyses=Steiner&analyses=Wits")
    assert sheet.headers["content-disposition"].startswith("inline;")
    assert "default-src 'none'" in sheet.headers["content-security-policy"]
    assert page.get("/api/films/0/sheet.html?analyses=Nobody").status_code == 422
    pdf = page.get("/api/films/0/sheet.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")


def test_a_table_of_all_films_waits_for_the_list_without_holding_up_others(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def waited(session: ReviewSession) -> None:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    monkeypatch.setattr(ReviewSession, "wait_for_rows", waited)
    assert page.get("/api/measurements.csv").status_code == 200
    assert page.get("/api/landmarks.csv").status_code == 200


def test_exports_say_where_they_are(page: TestClient, tmp_path: Path) -> None:
    post(page, "/api/films/0/edits", body(0, face_edit()))
    answer = post(page, "/api/export", {"format": "csv", "which": "all"})
    assert answer.json() == {"folder": str(tmp_path / "out" / "export" / "csv"), "files": 2, "left_out": []}
    assert post(page, "/api/export", {"format": "csv"}).status_code == 422


def test_a_full_disk_is_a_status_of_its_own(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    page.get("/api/films/0")

    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("cephkit.review.journal.os.write", full)
        answer = post(page, "/api/films/0/edits", body(0, placed("A", (3, 4))))
    assert answer.status_code == 507
    assert "the edit is not saved" in answer.json()["error"]
    assert page.get("/api/films/0").json()["state"]["revision"] == 0


def test_a_film_that_cannot_be_read_is_marked_in_the_list(page: TestClient, tmp_path: Path) -> None:
    (tmp_path / "films" / "f1.png").write_bytes(b"junk")
    for path in ("", "/tiles/0/0/0", "/thumbnail"):
        answer = page.get(f"/api/films/1{path}")
        assert answer.status_code == 422
        assert "f1.png" in answer.json()["error"]
    assert "not a PNG" in page.get("/api/films").json()["films"][1]["broken"]


def test_a_fault_of_ours_tells_nothing_of_the_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    async def faulty(self: Answers, request: object) -> None:
        raise RuntimeError("/home/ann/patients/Mustermann.png")

    monkeypatch.setattr(Answers, "films", faulty)
    from cephkit.review.app import build_app
    from tests.review.sessions import ADDRESS, PORT, TOKEN

    app = build_app(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), TOKEN, PORT)
    client = TestClient(app, base_url=ADDRESS, raise_server_exceptions=False, follow_redirects=False)
    client.get(f"/?token={TOKEN}")
    answer = client.get("/api/films")
    assert answer.status_code == 500
    assert "Mustermann" not in answer.text
