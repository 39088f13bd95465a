from pathlib import Path

import pytest
from PIL import Image

from cephkit.data.folder import film_named, films_by_name, films_in, search
from cephkit.errors import SettingsError
from cephkit.files import short_name
from tests.data.aariz_folder import noise
from tests.data.dicom.hostile import directory
from tests.data.dicom.made import film, shades, written


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def test_the_films_of_a_folder_in_order_of_name(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "b.png", "a.JPG", ".c.png", "notes.txt")
    (folder / "inside.png").mkdir()
    assert [film.name for film in films_in(folder)] == ["a.JPG", "b.png"]
    with pytest.raises(SettingsError, match="contains no film"):
        films_in(touch(tmp_path / "empty", "notes.txt"))


def test_a_film_is_found_by_its_name_with_or_without_ending(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a.png", "b.png", "b.jpg")
    films = films_by_name(folder)
    assert film_named("a", films, Path("a.json")) == film_named("a.png", films, Path("a.json")) == folder / "a.png"
    assert film_named("b.jpg", films, Path("b.json")) == folder / "b.jpg"
    with pytest.raises(SettingsError, match=r"2 films b\.jpg, b\.png for b\.json; the folder must contain one 'b'"):
        film_named("b", films, Path("b.json"))
    with pytest.raises(SettingsError, match=r"no film for c\.json"):
        film_named("c", films, Path("c.json"))
    with pytest.raises(SettingsError, match="no such folder"):
        films_by_name(tmp_path / "none")
    with pytest.raises(SettingsError, match="contains no file"):
        films_by_name(touch(tmp_path / "empty"))


def test_a_whole_name_counts_before_another_without_its_ending(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a", "a.png")
    assert film_named("a", films_by_name(folder), Path("a.json")) == folder / "a"
    with pytest.raises(SettingsError, match="no such folder"):
        films_in(tmp_path / "none")


def names(folder: Path, **options: object) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in search(folder, **options).films]  # type: ignore[arg-type]


def picture(path: Path, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(1)).save(path, kind)
    return path


def dicom(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(film(shades(8))))
    return path


def test_films_are_known_by_their_first_bytes_whatever_the_ending(tmp_path: Path) -> None:
    for name, kind in (
        ("a.jfif", "JPEG"),
        ("b.jpe", "JPEG"),
        ("c.dib", "BMP"),
        ("d", "PNG"),
        ("e.txt", "TIFF"),
        ("f.wbp", "WEBP"),
    ):
        picture(tmp_path / name, kind)
    for name in ("g.img", "h.1", "i.dc3", "1.2.840.10008"):
        dicom(tmp_path / name)
    whole = written(film(shades(8)))
    (tmp_path / "IM7").write_bytes(whole[whole.index(b"\x08\0\x16\0UI") :])  # without its file header
    expected = ["1.2.840.10008", "IM7", "a.jfif", "b.jpe", "c.dib", "d", "e.txt", "f.wbp", "g.img", "h.1", "i.dc3"]
    touch(tmp_path, "BMW.txt", "letter.doc", "empty.jpg")
    (tmp_path / "BMW.txt").write_bytes(b"BMW is a car, not a bitmap file of a film")
    assert names(tmp_path) == sorted([*expected, "empty.jpg"])


def test_what_is_skipped_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "film.png")
    touch(tmp_path, *(f"{letter}.txt" for letter in "abcdefg"), ".hidden", "Thumbs.db", "desktop.ini")
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic")
    picture(tmp_path / "deep" / "other.png")
    (tmp_path / ".git").mkdir()
    lines: list[str] = []
    assert [path.name for path in films_in(tmp_path, notify=lines.append)] == ["film.png"]
    files = "8 file(s) skipped: a.txt, b.txt, c.txt, d.txt, e.txt and 3 more"
    assert lines == [f"{tmp_path}: {files}; 1 folder(s) not searched: deep"]
    quiet = picture(tmp_path / "quiet" / "film.png").parent
    assert films_in(quiet, notify=lines.append)
    assert len(lines) == 1
    with pytest.raises(
        SettingsError, match=r"contains no film .*; --recursive searches the folders in it; 1 folder.*: in"
    ):
        films_in(picture(tmp_path / "none" / "in" / "film.png").parents[1])


def test_folders_in_folders_are_searched_when_asked_for(tmp_path: Path) -> None:
    for name in ("a.png", "patient 1/2020/film.png", "patient 1/film.png", "patient 2/film.png", ".trash/film.png"):
        picture(tmp_path / name)
    for name in ("out/landmarks.csv", "out/film_overlay.png", "mine/f.png", "mine/f_overlay.png"):
        picture(tmp_path / name)
    (tmp_path / "patient 1" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path) == ["a.png"]
    found = search(tmp_path, recursive=True, leave_out=[tmp_path / "mine"])
    expected = ["a.png", "patient 1/2020/film.png", "patient 1/film.png", "patient 2/film.png"]
    assert [path.relative_to(tmp_path).as_posix() for path in found.films] == expected
    assert found.note(tmp_path) == "2 folder(s) not searched: out, patient 1/again"


@pytest.mark.parametrize("where", ["", "disc"])
def test_a_cd_is_searched_through_for_dicom(tmp_path: Path, where: str) -> None:
    disc = tmp_path / where if where else tmp_path
    for name in ("DICOM/PAT1/STU1/IM0001", "DICOM/PAT1/STU1/IM0002", "A0001"):
        dicom(disc / name)
    picture(disc / "VIEWER" / "logo.png")
    touch(disc, "AUTORUN.INF")
    (disc / "DICOMDIR").write_bytes(written(directory()))
    found = search(tmp_path, recursive=bool(where))
    expected = ["A0001", "DICOM/PAT1/STU1/IM0001", "DICOM/PAT1/STU1/IM0002"]
    assert [path.relative_to(disc).as_posix() for path in found.films] == expected
    assert "a DICOMDIR: its folders were searched for DICOM films; 2 file(s) skipped" in found.note(tmp_path)


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "film.png")
    picture(tmp_path / "locked" / "film.png")
    listing = Path.iterdir

    def locked(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", locked)
    found = search(tmp_path, recursive=True)
    assert (len(found.films), found.folders) == (1, [tmp_path / "locked"])
    with pytest.raises(SettingsError, match="cannot be searched: Permission denied"):
        search(tmp_path / "locked")


def test_case_and_unicode_form_may_differ_and_a_uid_is_a_whole_name(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "A.PNG", "e\u0301.png", "1.2.840.1", "1.2.840.2", f"{'x' * 240}.png")
    films = films_by_name(folder)
    for name, file in {
        "a": "A.PNG",
        "a.png": "A.PNG",
        "\u00c9": "e\u0301.png",
        "1.2.840.1": "1.2.840.1",
        "x" * 240: f"{'x' * 240}.png",
        short_name("x" * 240): f"{'x' * 240}.png",
    }.items():
        assert film_named(name, films, "here") == folder / file
    with pytest.raises(SettingsError, match=r"no film for here; the folder must contain one '1\.2\.840'"):
        film_named("1.2.840", films, "here")


def test_an_exact_name_counts_before_one_alike(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a.png", "e\u0301.png", "\u00e9.png")
    films = films_by_name(folder)
    for name in ("e\u0301", "\u00e9.png"):
        assert film_named(name, films, "here").name.startswith(name)
    with pytest.raises(SettingsError, match=r"2 films .* for here"):
        film_named("\u00c9", films, "here")
