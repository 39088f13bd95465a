from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.interchange.contents import write_files


def failing() -> bytes:
    raise AssertionError("made before it was allowed")


def test_nothing_is_written_where_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(SettingsError, match="already there; choose another --out, or use --overwrite"):
        write_files(tmp_path, {"a": failing, "b": failing}, [], overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]
    assert write_files(tmp_path, {"b": lambda: b"new"}, [], overwrite=True) == [tmp_path / "b"]
    assert (tmp_path / "b").read_bytes() == b"new"


def test_what_is_being_read_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(SettingsError, match="is being read"):
        write_files(tmp_path, {"a": failing}, [tmp_path / "x" / ".." / "a"], overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"old"


def test_an_error_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        write_files(tmp_path / "out", {"a": lambda: b"whole", "b": failing}, [], overwrite=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
