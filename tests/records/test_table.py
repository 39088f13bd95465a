import csv
import io
import sys
from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.records.record import LandmarkRecord
from cephkit.records.table import COLUMNS
from tests.records.test_record import FOUND, SURE


def table(record: LandmarkRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(record.to_csv())))


def test_every_landmark_has_a_row_whether_found_or_not(tmp_path: Path) -> None:
    rows = table(SURE.reviewed())
    assert tuple(rows[0]) == COLUMNS
    assert [row["symbol"] for row in rows] == ["A", "S", "Sn"]
    assert (rows[2]["x_px"], rows[2]["x_mm"], rows[2]["y_mm"]) == ("10.123", "4.049", "2.0")
    # Pixels of 0.1 by 0.4 mm count as squares of 0.2 for a length of unknown direction.
    assert (rows[2]["expected_error_px"], rows[2]["expected_error_mm"]) == ("4.0", "0.8")
    assert (rows[0]["x_px"], rows[0]["score"], table(FOUND)[2]["x_mm"]) == ("", "", "")
    SURE.to_csv(tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text(encoding="utf-8") == SURE.to_csv()


def test_a_frame_has_numbers() -> None:
    frame = SURE.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.set_index("symbol").x_px["Sn"] == 10.123
    assert frame.x_px.isna().sum() == 2
    assert frame["look"].tolist() == [False] * 3


def test_a_frame_without_pandas_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match=r"cephkit\[frames\]"):
        FOUND.to_frame()
