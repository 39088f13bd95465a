"""The page's own files."""

import mimetypes
from pathlib import Path

import pytest

from tests.review.sessions import browser, folder_session, write_films


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A built page."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>the page</title>")
    (folder / "assets" / "main.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def test_the_page_and_its_files_are_served(tmp_path: Path, static: Path) -> None:
    mimetypes.add_type("text/plain", ".js")  # as some programs tell Windows
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), static) as page:
        assert "the page" in page.get("/").text
        script = page.get("/assets/main.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert page.get("/assets/none.js").status_code == 404


def test_the_font_of_persian_text_is_served(tmp_path: Path, static: Path) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), static) as page:
        font = page.get("/fonts/Vazirmatn-Regular.ttf")
        assert font.headers["content-type"] == "font/ttf"
        assert font.content.startswith(b"\0\1\0\0")
        assert "font-src" not in font.headers["content-security-policy"]  # so default-src 'self' holds for fonts


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/..%5csecret.txt", "//etc/passwd",
     "/assets/%00", "/api/films/../../secret.txt"],
)  # fmt: skip
def test_nothing_outside_the_page_is_served(tmp_path: Path, static: Path, path: str) -> None:
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), static) as page:
        for each in (path, "/link.txt"):
            answer = page.get(each)
            assert answer.status_code in (404, 405)
            assert "secret" not in answer.text


def test_without_a_built_page_there_is_a_placeholder(tmp_path: Path) -> None:
    with browser(folder_session(write_films(tmp_path / "films", 1), tmp_path / "out"), tmp_path / "none") as page:
        assert "not part of this installation" in page.get("/").text
