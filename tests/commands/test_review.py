"""``cephkit review``: what it refuses, how it ends, and that nothing acknowledged is lost when it is killed."""

import json
import random
import signal
import socket
import sys
import threading
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from cephkit.commands import review as command
from cephkit.commands.review import ReviewOptions, main, open_browser
from cephkit.errors import CephkitError, DataError, SettingsError
from cephkit.review import app
from tests.conftest import write_tiny_aariz
from tests.datasets.published import write_isbi
from tests.review.served import Served
from tests.review.sessions import body, confirmed, folder_session, placed, write_films

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return write_films(tmp_path / "films")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built page, for commands in this process."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<title>the page</title>")
    monkeypatch.setattr(app, "STATIC", folder)
    return folder


def test_without_the_page_it_says_what_is_missing(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(app, "STATIC", tmp_path / "none")
    with pytest.raises(CephkitError, match=r"the page is not part of this installation \(the npm registry"):
        main(["--films", str(films), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "give either --films FOLDER or --dataset_path FOLDER"),
        ({"films": Path("a"), "dataset_path": (Path("b"),)}, "give either"),
        ({"films": Path("a"), "checkpoint": (Path("c"),), "predictions": Path("p")}, "give one of them"),
        ({"films": Path("a"), "in_place": True}, "are for --dataset_path"),
        ({"films": Path("a"), "splits": ("train",)}, "are for --dataset_path"),
        ({"dataset_path": (Path("a"),), "recursive": True}, "--recursive is for --films"),
        ({"films": Path("a"), "reviewer": "a" * 101}, "--reviewer may have 100 letters at most, got 101"),
        ({"films": Path("a"), "port": 70000}, "--port must be 0 to 65535"),
        ({"films": Path("a"), "pixel_size_mm": 0.1, "ruler": (0, 0, 100, 0, 10)}, "both give the pixel size"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        ReviewOptions(**settings)


def test_bad_input_is_refused_before_anything_is_served(films: Path, tmp_path: Path, page: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").write_text("x")
    for arguments, error, said in (
        (["--films", str(tmp_path / "nowhere")], SettingsError, "no such folder"),
        (["--films", str(tmp_path / "empty")], SettingsError, "contains no film"),
        (["--dataset_path", str(films)], DataError, "not in a layout that can be read"),
        (["--films", str(films), "--predictions", str(tmp_path / "nowhere")], SettingsError, "no such file or folder"),
        (["--films", str(films), "--checkpoint", str(tmp_path / "c.pth")], CephkitError, r"c\.pth"),
        (["--films", str(films), "--about", str(tmp_path / "a.csv")], DataError, "cannot be read"),
        (["--films", str(films), "--out", str(films)], SettingsError, "films and results would mix"),
        (["--films", str(films), "--out", str(tmp_path / "wrong")], CephkitError, "cannot be written"),
    ):
        with pytest.raises(error, match=said):
            main([*out, *arguments])
    aariz = write_tiny_aariz(tmp_path / "Aariz", train=1, valid=1, test=1)
    inside, before = aariz / "train" / "Cephalograms", sorted(aariz.rglob("*"))
    with pytest.raises(SettingsError, match="films and results would mix"):
        main(["--films", str(inside), "--out", str(aariz)])
    with pytest.raises(SettingsError, match=r"contains cephalogram_machine_mappings\.csv, but not from a review"):
        main(["--films", str(films), "--out", str(aariz)])
    assert sorted(aariz.rglob("*")) == before
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CephkitError, match=r"--port \d+ cannot be used"),
    ):
        main([*out, "--films", str(films), "--port", str(taken.getsockname()[1])])
    assert not (tmp_path / "out").exists()


def test_in_place_is_for_one_data_set_in_the_aariz_layout(tmp_path: Path, page: Path) -> None:
    isbi = write_isbi(tmp_path / "isbi")
    aariz = write_tiny_aariz(tmp_path / "Aariz", train=1, valid=1)
    options = ["--in_place", "--out", str(tmp_path / "out"), "--dataset_path"]
    with pytest.raises(SettingsError, match=r"--in_place is for one data set .* not for .*isbi, which is in another"):
        main([*options, str(isbi)])
    with pytest.raises(SettingsError, match=r"--in_place is for one data set .* not for several"):
        main([*options, str(aariz), str(isbi)])
    assert not (tmp_path / "out").exists()


@posix
def test_several_data_sets_of_any_layout_are_reviewed_at_once(tmp_path: Path) -> None:
    isbi = write_isbi(tmp_path / "isbi")
    aariz = write_tiny_aariz(tmp_path / "Aariz", train=1, valid=1)
    out = tmp_path / "out"
    server = Served(tmp_path / "page", "--dataset_path", aariz, isbi, "--splits", "train", "valid", "--out", out)
    session, rows = server.ask("/api/session")[1], server.ask("/api/films")[1]["films"]
    assert session["source"] == {"kind": "dataset", "name": "Aariz + isbi"}
    assert len(session["landmarks"]) == 29
    assert [row["id"] for row in rows] == ["Aariz_t0", "Aariz_v0", "isbi_001", "isbi_002", "isbi_151"]
    before = server.ask("/api/films/4")[1]["state"]["points"]["S"]
    assert server.ask("/api/films/4/edits", body(0, placed("S", (50, 60), before)))[1] == {"revision": 1}
    assert server.ask("/api/films/4/edits", body(1, confirmed()))[1] == {"revision": 2}
    server.end()
    assert (out / "valid" / "Cephalograms" / "isbi_151.bmp").is_file()
    server = Served(tmp_path / "page", "--dataset_path", isbi, aariz, "--splits", "valid", "--out", out)
    assert server.ask("/api/films/0")[1]["state"]["points"]["S"]["at"] == [50, 60]
    server.end()


@posix
@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")]
)
def test_it_ends_when_it_is_asked_to(films: Path, tmp_path: Path, number: int, status: int, said: str) -> None:
    server = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    assert server.lines[-2] == "Research use only; not a medical device."
    status_of_film, film = server.ask("/api/films/0")
    assert (status_of_film, film["id"]) == (200, "f0")
    held = socket.create_connection(("127.0.0.1", server.port))  # a browser keeps its connections
    held.sendall(b"GET /api/fi")
    assert server.end(number) == (status, said)
    held.close()
    assert not (tmp_path / "out").exists()  # nothing was changed, so nothing is left


@posix
def test_it_listens_on_this_machine_alone(films: Path, tmp_path: Path) -> None:
    server = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", server.port)) != 0
    server.end()


@posix
def test_two_servers_do_not_share_a_folder(films: Path, tmp_path: Path) -> None:
    first = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    second = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    assert second.process.wait(60) == 2
    assert "is in use by another run" in second.lines[-1]
    first.kill()
    third = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    assert "the lock of an earlier run is removed" in third.lines[0]
    third.end()


@posix
def test_a_stopped_reader_of_its_screen_does_not_stop_it(films: Path, tmp_path: Path) -> None:
    server = Served(tmp_path / "page", "--films", films, "--out", tmp_path / "out")
    server.screen.close()
    assert server.ask("/api/films/0/edits", body(0, confirmed()))[1] == {"revision": 1}
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) in (143, 1)


def edit_until_killed(server: Served, n: int, start: int, acknowledged: dict[int, int]) -> None:
    """Move A ever further, and remember what the server has acknowledged."""
    before, revision = None, start
    if start:
        before = {"at": [float(start % 100), float(n)], "origin": "placed", "confirmed": False}
    try:
        while True:
            at = [float((revision + 1) % 100), float(n)]
            status, answer = server.ask(f"/api/films/{n}/edits", body(revision, placed("A", at, before)))
            assert status == 200, answer
            revision += 1
            before = {"at": at, "origin": "placed", "confirmed": False}
            acknowledged[n] = answer["revision"]
    except (OSError, ValueError, HTTPException):
        return


def kill_and_check(films: Path, out: Path, page: Path, seconds: float, last: dict[int, int]) -> dict[int, int]:
    """Kill a server in the middle of edits; return the revisions that are on disk then."""
    server = Served(page, "--films", films, "--out", out)
    acknowledged = dict(last)
    editors = [
        threading.Thread(target=edit_until_killed, args=(server, n, last.get(n, 0), acknowledged)) for n in range(3)
    ]
    for editor in editors:
        editor.start()
    threading.Event().wait(seconds)
    server.kill()
    for editor in editors:
        editor.join()
    session = folder_session(films, out)
    found = {}
    for n in range(3):
        state = session.film_state(n)["state"]
        found[n] = state["revision"]
        # An edit may be on disk without its acknowledgement having arrived, but not the other way round.
        assert acknowledged.get(n, 0) <= found[n] <= acknowledged.get(n, 0) + 1
        assert state["points"].get("A", {"at": [0.0, float(n)]})["at"] == [float(found[n] % 100), float(n)]
        assert [entry["revision"] for entry in session.film_state(n)["history"]] == list(range(1, found[n] + 1))
    for path in (out / "labels").glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    return found


@posix
def test_a_killed_server_loses_no_acknowledged_edit(films: Path, tmp_path: Path) -> None:
    last: dict[int, int] = {}
    for seconds in (0.3, 0.05, 0.5):
        last = kill_and_check(films, tmp_path / "out", tmp_path / "page", seconds, last)
    assert all(last.values())


@posix
@pytest.mark.slow
def test_200_kills_at_random_moments_lose_no_acknowledged_edit(films: Path, tmp_path: Path) -> None:
    moments, last = random.Random(0), dict[int, int]()
    for _ in range(200):
        last = kill_and_check(films, tmp_path / "out", tmp_path / "page", moments.uniform(0, 0.4), last)
    assert min(last.values()) > 200


def test_a_browser_of_the_terminal_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened(Exception):  # noqa: N818 - a signal for the test
        pass

    class Graphical(command.webbrowser.BackgroundBrowser):
        def open(self, *arguments: object, **settings: object) -> bool:
            raise Opened

    monkeypatch.setattr(command.webbrowser, "get", lambda: Graphical("firefox"))
    with pytest.raises(Opened):
        open_browser("http://127.0.0.1:1/")
    monkeypatch.setattr(command.webbrowser, "get", lambda: command.webbrowser.GenericBrowser("definitely-not-there"))
    open_browser("http://127.0.0.1:1/")

    def none() -> None:
        raise command.webbrowser.Error

    monkeypatch.setattr(command.webbrowser, "get", none)
    open_browser("http://127.0.0.1:1/")
