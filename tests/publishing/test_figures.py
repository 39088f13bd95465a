import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.errors import SettingsError
from cephkit.publishing.figures import read_evaluation, shown, total

HEAD = "films,films_without_pixel_size,mre_mm,sd_mm,sdr_2mm_percent,sdr_2.5mm_percent,sdr_4mm_percent,mre_px"


def result(root: Path, **changes: Any) -> Path:
    root.mkdir(exist_ok=True)
    metrics = {"checkpoint": {"sha256": "ab", "path": "/home/ann/c.pth"}, "films": 3, "mre_mm": 1.5, **changes}
    (root / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (root / "machines.csv").write_text(f"machine,{HEAD}\n'=A,2,0,1.234,0.5,80,85.04,90,5\nB,1,1,,,,,,7.25\n")
    (root / "sources.csv").write_text(
        f"source,landmarks,{HEAD}\none,all,3,0,1.5,0.5,80,85,90,5\none,shared,3,0,9,9,9,9,9,9\n"
    )
    return root


def test_tables_by_data_set_and_machine_without_those_of_shared_landmarks(tmp_path: Path) -> None:
    assert shown(read_evaluation(result(tmp_path / "e"), ["ab"])) == [
        ("data set", [["one", "3", "1.50", "0.50", "80.0", "85.0", "90.0", "5.00"]]),
        ("machine", [["=A", "2", "1.23", "0.50", "80.0", "85.0", "90.0", "5.00"], ["B", "1", *["-"] * 5, "7.25"]]),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint": {"sha256": "cd"}}, "of another checkpoint, or of this one before it was calibrated"),
        ({"checkpoint": None}, "not of one checkpoint"),
        ({"ensemble": []}, "not of one checkpoint"),
    ],
)
def test_figures_of_another_model_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_evaluation(result(tmp_path / "e", **changes), ["ab"])


def test_a_folder_without_figures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"metrics\.json cannot be read"):
        read_evaluation(tmp_path, ["ab"])
    (tmp_path / "metrics.json").write_bytes(b"[" * 100_000)
    with pytest.raises(SettingsError, match="not JSON"):
        read_evaluation(tmp_path, ["ab"])


def test_the_line_of_all_films() -> None:
    metrics = {"films": 3, "mre_mm": 1.234, "mre_mm_ci95": [1.0, 1.5], "sdr": {"1": None, "2": 86.41, "x": 3.0}}
    assert total(metrics) == "3 films, **MRE 1.23 mm** (95 % interval 1.00 to 1.50), SDR@2 86.4 %."
    assert total({"films": 3, "mre_mm": None, "mre_pixels": 4.56}) == "3 films, MRE 4.6 film pixels."
