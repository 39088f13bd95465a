from pathlib import Path

import pytest

from cephkit.cephalometry.source import label_files
from cephkit.errors import SettingsError
from tests.records.test_reader import write


def test_files_and_folders_each_once_without_results_of_our_own(tmp_path: Path) -> None:
    b, a = write(tmp_path / "x" / "b.json"), write(tmp_path / "x" / "a.json")
    write(tmp_path / "x" / "a_measurements.json")
    write(tmp_path / "x" / ".a.json")
    assert label_files([b, tmp_path / "x"]) == [b, a]


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        label_files([tmp_path / "none.json"])
    with pytest.raises(SettingsError, match=r"holds no \.json file"):
        label_files([tmp_path])
