from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cephkit.data.aariz import read_aariz
from cephkit.data.spacing import Spacing
from cephkit.evaluation import stress
from cephkit.evaluation.distort import DISTORTIONS
from cephkit.evaluation.stress import STRESS_COLUMNS, print_stress, stress_rows
from cephkit.files import csv_bytes

SYMBOLS = ("A", "N", "S", "Me")


def centre(film: np.ndarray) -> np.ndarray:
    """Every landmark in the middle of the film: no distortion of place moves it against the film."""
    return np.tile([(film.shape[1] - 1) / 2, (film.shape[0] - 1) / 2], (4, 1))


def test_errors_are_those_of_the_original_film(tiny_aariz: Path) -> None:
    films = read_aariz(tiny_aariz, ("valid",)).films
    rows = stress_rows(centre, films, SYMBOLS, "mean")
    assert len(rows) == len(DISTORTIONS)
    for row in rows:
        assert row["points"] + row["cut_off"] == 12
        assert row["mre_ratio"] == pytest.approx(1, abs=1e-6)
        assert row["unit"] == "mm"
    assert csv_bytes(STRESS_COLUMNS, rows).count(b"\n") == 1 + len(rows)
    console = Console(width=140, record=True)
    print_stress(rows, console)
    assert "jpeg" in console.export_text()


def test_pixels_that_are_not_square_are_made_so(tiny_aariz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = [replace(film, spacing=Spacing(1.0, 0.5, "")) for film in read_aariz(tiny_aariz, ("valid",)).films]
    shapes: list[tuple[int, ...]] = []

    def seen(film: np.ndarray) -> np.ndarray:
        shapes.append(film.shape)
        return centre(film)

    monkeypatch.setattr(stress, "DISTORTIONS", DISTORTIONS[:1])
    (row,) = stress_rows(seen, films, SYMBOLS, "mean")
    assert shapes[0] == (180, 80)  # stored as 90 x 80
    truth = np.array([film.points("mean")[s] for film in films for s in SYMBOLS])
    sizes = np.repeat([film.spacing.short_mm for film in films if film.spacing is not None], 4)
    assert row["mre"] == pytest.approx((np.hypot(*((truth - [39.5, 44.5]) * [1, 2]).T) * sizes).mean())


def test_what_is_cut_off_is_counted_and_not_scored(tiny_aariz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = read_aariz(tiny_aariz, ("valid",)).films
    narrow = [d for d in DISTORTIONS if (d.name, d.strength[:2]) == ("crop", "20")]
    monkeypatch.setattr(stress, "DISTORTIONS", narrow)
    many = stress_rows(centre, films, SYMBOLS, "mean")[0]
    truth = np.array([film.points("mean")[s] for film in films for s in SYMBOLS])
    inside = (np.abs(truth - [39.5, 44.5]) <= [24, 27]).all(1)  # a film is 80 x 90
    assert many["points"] == inside.sum()
    assert many["cut_off"] == (~inside).sum()


def test_missing_points_are_misses(tiny_aariz: Path) -> None:
    films = read_aariz(tiny_aariz, ("valid",)).films
    row = stress_rows(lambda f: np.full((4, 2), np.nan), films, SYMBOLS, "mean", max_films=2)[0]
    assert (row["films"], row["points"], row["missing"], row["mre"]) == (2, 0, 8, None)
    assert row["over_10mm_percent"] == 100


def test_refuses_a_model_of_other_landmarks(tiny_aariz: Path) -> None:
    with pytest.raises(ValueError, match="per landmark"):
        stress_rows(lambda f: np.zeros((3, 2)), read_aariz(tiny_aariz, ("valid",)).films, SYMBOLS, "mean")
