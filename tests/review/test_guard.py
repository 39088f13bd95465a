"""Who may ask the server."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cephkit.review.app import build_app
from cephkit.review.guard import CSP, LARGEST_BODY
from tests.review.sessions import ADDRESS, PORT, SAME_ORIGIN, TOKEN, browser, folder_session, write_films


@pytest.fixture
def stranger(tmp_path: Path) -> TestClient:
    """A client that does not know the token."""
    app = build_app(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), TOKEN, PORT)
    return TestClient(app, base_url=ADDRESS, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/api/films", "/api/session", "/index.html", "/api/films/0/thumbnail"])
def test_nothing_is_shown_without_the_token(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "token=..." in answer.text
    assert "f0" not in answer.text


@pytest.mark.parametrize("token", ["", "a-toke", "a-token ", "A-TOKEN", "تکن", "a-token%00"])
def test_another_token_opens_nothing(stranger: TestClient, token: str) -> None:
    answer = stranger.get(f"/?token={token}")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(stranger: TestClient) -> None:
    answer = stranger.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"cephkit_{PORT}={TOKEN};")
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert stranger.get("/api/films").status_code == 200


@pytest.mark.parametrize("other", ['a={"x": 1}', "a=b c", "flag", 'a="x, y', "a[b]=1"])
def test_cookies_of_other_servers_on_this_machine_do_not_hide_ours(stranger: TestClient, other: str) -> None:
    ours = f"cephkit_{PORT}={TOKEN}"
    for cookies in (f"{other}; {ours}", f"{ours}; {other}"):
        assert stranger.get("/api/films", headers={"cookie": cookies}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8001", "localhost:8000.evil.example", ""])
def test_another_host_is_refused(tmp_path: Path, host: str) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")) as client:
        assert client.get("/api/films", headers={"host": host}).status_code == 400
        assert client.get(f"/?token={TOKEN}", headers={"host": host}).status_code == 400
        assert client.get("/api/films", headers={"host": "LOCALHOST:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8001"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": ADDRESS}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({}, 403),
        ({"sec-fetch-site": "same-origin"}, 422),
        (SAME_ORIGIN, 422),
    ],
)
def test_changes_come_from_the_page_alone(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")) as client:
        assert client.post("/api/films/0/edits", content="[]", headers=headers).status_code == status


def test_other_sites_cannot_even_load_a_picture(tmp_path: Path) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")) as client:
        assert client.get("/api/films/0/thumbnail").status_code == 200
        for site in ("cross-site", "same-site"):
            assert client.get("/api/films/0/thumbnail", headers={"sec-fetch-site": site}).status_code == 403


def test_large_bodies_are_refused_declared_or_not(tmp_path: Path) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")) as client:
        answer = client.post("/api/films/0/edits", content=b" " * (LARGEST_BODY + 1), headers=SAME_ORIGIN)
        assert answer.status_code == 413

        def pieces() -> object:
            for _ in range(20):
                yield b" " * (LARGEST_BODY // 10)

        answer = client.post("/api/films/0/edits", content=pieces(), headers=SAME_ORIGIN)
        assert answer.status_code == 413
        answer = client.post("/api/films/0/edits", content=b"{}", headers={**SAME_ORIGIN, "content-length": "-1"})
        assert answer.status_code == 413


def test_every_answer_carries_the_headers(stranger: TestClient) -> None:
    answers = [stranger.get("/"), stranger.get(f"/?token={TOKEN}")]
    answers += [stranger.get("/api/films"), stranger.get("/nowhere"), stranger.get("/", headers={"host": "x"})]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "http" not in CSP
