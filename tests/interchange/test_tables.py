import csv
from pathlib import Path

import pandas as pd
import pytest

from cephkit.commands.export import main
from cephkit.interchange.tables import LONG, LONG_COLUMNS, WIDE, variable, wide_columns
from cephkit.landmarks.shipped import AARIZ, KNOWN
from tests.interchange.films import HEIGHT, WIDTH, face, write_label, write_prediction


def run(tmp_path: Path, *more: str) -> Path:
    assert main([str(tmp_path / "in"), "--format", "csv", "--out", str(tmp_path / "out"), *more]) == 0
    return tmp_path / "out"


def test_pandas_reads_the_points_of_both_tables(tmp_path: Path) -> None:
    points = face(2)
    del points["Pog`"]
    spacing = {"row_mm": 0.2, "column_mm": 0.1, "origin": "PixelSpacing", "plane": "unknown"}
    write_prediction(tmp_path / "in" / "f.json", points, missing=["Pog`"], spacing=spacing)
    out = run(tmp_path)
    long = pd.read_csv(out / LONG).set_index("symbol")
    assert list(long.index) == list(AARIZ.symbols)
    assert long.x_px.isna().to_dict() == {symbol: symbol == "Pog`" for symbol in AARIZ.symbols}
    for symbol, (x, y) in points.items():
        row = long.loc[symbol]
        assert (row.x_px, row.y_px) == pytest.approx((x, y), abs=1e-9)
        assert (row.x_mm, row.y_mm) == pytest.approx((x * 0.1, y * 0.2), abs=5.1e-4)
        assert (row.score, row.expected_error_px) == (0.75, 9.5)
        assert row.expected_error_mm == pytest.approx(9.5 * 0.02**0.5, abs=5.1e-3)
    assert (long.width_px["A"], long.height_px["A"], long.film_hash["A"]) == (WIDTH, HEIGHT, "0a1b")
    wide = pd.read_csv(out / WIDE)
    assert len(wide) == 1
    assert wide.N_soft_x_px[0] == pytest.approx(points["N`"][0], abs=1e-9)
    assert wide.Pog_soft_x_px.isna()[0]
    assert wide.Pog_y_mm[0] == pytest.approx(points["Pog"][1] * 0.2, abs=5.1e-4)
    assert (wide.facing[0], wide.spacing_origin[0]) == ("right", "PixelSpacing")
    assert wide.notice[0] == "Research use only; not a medical device."


def test_no_mm_without_a_pixel_size_until_one_is_said(tmp_path: Path) -> None:
    write_label(tmp_path / "in" / "f.json", {"A": (100.0, 50.0)})
    assert pd.read_csv(run(tmp_path) / LONG).x_mm.isna().all()
    table = pd.read_csv(run(tmp_path, "--pixel_size_mm", "0.125", "--overwrite") / LONG)
    assert (table.x_mm[0], table.y_mm[0], table.spacing_origin[0]) == (12.5, 6.25, "'--pixel_size_mm")


def test_a_film_without_landmarks_has_a_row_in_the_wide_table(tmp_path: Path) -> None:
    write_label(tmp_path / "in" / "f.json", {})
    out = run(tmp_path)
    assert list(pd.read_csv(out / WIDE).film) == ["f"]
    assert len(pd.read_csv(out / LONG)) == 0


def test_names_are_guarded_in_the_tables(tmp_path: Path) -> None:
    film = {"file": "@SUM(A1).png", "width": WIDTH, "height": HEIGHT}
    write_prediction(tmp_path / "in" / "=1+1.json", {"A": (1.0, 2.0)}, film=film)
    for name in (LONG, WIDE):
        with (run(tmp_path, "--overwrite") / name).open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["film"], row["file"]) == ("'=1+1", "'@SUM(A1).png")


def test_columns_are_names_of_variables_and_unique() -> None:
    for columns in (LONG_COLUMNS, wide_columns(AARIZ)):
        assert all(column.isidentifier() and column.isascii() and len(column) <= 32 for column in columns)
        assert len({column.lower() for column in columns}) == len(columns)
    assert len(set(map(variable, KNOWN.symbols))) == len(KNOWN)
