from pathlib import Path

import pytest

from cephkit.errors import CephkitError
from cephkit.files import short_name, write_json, write_whole


def test_a_file_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CephkitError, match="choose another --out"):
        write_whole(tmp_path / "folder", b"")
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(CephkitError, match="choose another --out"):
        write_whole(tmp_path / "file" / "a.txt", b"")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_a_name_too_long_is_cut_and_told_apart() -> None:
    assert short_name("film") == "film"
    one, other = short_name("\u5200" * 100 + "a"), short_name("\u5200" * 100 + "b")
    assert one != other
    assert max(len(name.encode()) for name in (one, other)) <= 150
    # One hash whatever the case and Unicode form; the rest of the name stays as it is written.
    assert short_name("e\u0301" * 100) == short_name("\u00e9" * 100)
    assert short_name("X" * 200).lower() == short_name("x" * 200)
