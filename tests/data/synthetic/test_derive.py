"""The table of faces, derived from annotations that are made here."""

import csv
from typing import Any

import numpy as np
import pytest

from cephkit.data.synthetic.derive import derive
from cephkit.data.synthetic.shapes import table
from cephkit.landmarks.shipped import AARIZ

FILMS = 60


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """From 60 films of a true machine, one of them mislabelled, and 20 of one whose films were halved later."""
    folder = tmp_path_factory.mktemp("annotations")
    rng = np.random.default_rng(0)
    mean = table()["mean_mm"].reshape(-1, 2)
    with (folder / "landmarks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = [f"{symbol}_{axis}" for symbol in AARIZ.symbols for axis in "xy"]
        writer.writerow(["cephalogram_id", "machine", "pixel_size", "width", "height", "cvm_stage", *columns])
        for index in range(FILMS + 20):
            true = index < FILMS
            scale = 0.1 if true else 0.2
            points = (mean + rng.normal(0, 1.5, mean.shape) + (100, 120)) / scale
            if index == 7:
                points[AARIZ.symbols.index("UIT")] += 1000
            size = (2000, 2200) if true else (1200, 1400)
            name = "True" if true else "Halved"
            writer.writerow([f"f{index}", name, 0.1, *size, 1 + index % 6, *points.round().astype(int).ravel()])
    (folder / "machines.csv").write_text(
        "cephalogram_id,machine,pixel_size,image_format,mode\na,True,0.1,PNG,Train\nb,True,0.1,png,Test\n",
        encoding="utf-8-sig",
    )
    return derive(folder / "landmarks.csv", folder / "machines.csv")


def test_misplaced_labels_and_machines_with_a_wrong_pixel_size_give_no_shapes(derived: dict[str, Any]) -> None:
    assert derived["faces"] == FILMS - 1
    assert np.array(derived["mean_mm"]) == pytest.approx(table()["mean_mm"], abs=1.0)


def test_components_are_scaled_to_the_deviation_of_the_faces(derived: dict[str, Any]) -> None:
    deviation = np.sqrt((np.array(derived["components_mm"]) ** 2).sum(axis=0))
    assert np.median(deviation) == pytest.approx(1.5, abs=0.2)
    assert 0.97 <= derived["explained"] <= 1


def test_a_film_covers_what_the_face_on_it_says(derived: dict[str, Any]) -> None:
    covered = {entry["machine"]: (entry["width_mm"], entry["height_mm"]) for entry in derived["formats"]}
    assert covered["True"] == (200.0, 220.0)
    assert covered["Halved"] == pytest.approx((240.0, 280.0), rel=0.03)


def test_films_and_stages_are_counted(derived: dict[str, Any]) -> None:
    assert derived["machines"] == [{"machine": "True", "pixel_size_mm": 0.1, "ending": "png", "films": 2}]
    assert sum(derived["cvm_stages"].values()) == FILMS + 20
