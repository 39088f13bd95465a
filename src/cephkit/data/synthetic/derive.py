"""Makes ``aariz_faces.json`` from the Aariz annotations.

Usage: ``python -m cephkit.data.synthetic.derive LANDMARKS MACHINES OUT``.

LANDMARKS is a CSV of one row per film: cephalogram_id, machine, pixel_size, width, height, cvm_stage, and A_x, A_y,
... in film pixels; MACHINES is the data set's cephalogram_machine_mappings.csv.

Only machines whose pixel size agrees with the anatomy contribute shapes: where sella and nasion lie 25 or 119 mm apart
on average, the films were scaled after the pixel size was noted (a head has about 70), and mm would be wrong. What such
a film really covered follows from the face on it.
"""

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.geometry import Floats
from cephkit.landmarks.shipped import AARIZ

PLAUSIBLE_SN_MM = (60.0, 85.0)
FEWEST_FILMS = 5
"""Fewer films of one aspect are not taken as a format."""
PLACE_SD = (0.01, 0.04)
"""Bounds for the scatter of heads on the film, since a handful of films may show none or too much."""
EXPLAINED = 0.97
"""Share of the variance that the kept components explain."""
ATTRIBUTION = (
    "Derived from the Aariz annotations (mean of both annotators): Khalid et al., A benchmark dataset for automatic "
    "cephalometric landmark detection and CVM stage classification, Scientific Data 12:1336, 2025, CC BY 4.0, "
    "DOI 10.6084/m9.figshare.27986417"
)


def derive(landmarks: Path, machines: Path) -> dict[str, Any]:
    """Derive the mean face and its principal components in mm, place on the film, CVM stages and machines."""
    films = _rows(landmarks)
    points = np.array([[[float(film[f"{s}_x"]), float(film[f"{s}_y"])] for s in AARIZ.symbols] for film in films])
    pixel_mm = np.array([float(film["pixel_size"]) for film in films])
    size_mm = np.array([[float(film["width"]), float(film["height"])] for film in films]) * pixel_mm[:, None]
    mm = points * pixel_mm[:, None, None]
    sella_nasion = np.linalg.norm(mm[:, AARIZ.symbols.index("S")] - mm[:, AARIZ.symbols.index("N")], axis=1)
    by_machine = {film["machine"] for film in films}
    trusted = {
        name
        for name in by_machine
        if PLAUSIBLE_SN_MM[0] <= np.mean(sella_nasion[[f["machine"] == name for f in films]]) <= PLAUSIBLE_SN_MM[1]
    }
    usable = np.array([film["machine"] in trusted for film in films])
    centre = mm.mean(axis=1)
    shapes = (mm - centre[:, None]).reshape(len(mm), -1)[usable]
    # A misplaced label would distort a whole component: leave out faces with a coordinate 6 robust SDs off.
    deviation = np.abs(shapes - np.median(shapes, axis=0))
    spread = 1.4826 * np.median(deviation, axis=0)
    shapes = shapes[(deviation < 6 * spread).all(axis=1)]
    mean = shapes.mean(axis=0)
    _, singular, axes = np.linalg.svd(shapes - mean, full_matrices=False)
    share = np.cumsum(singular**2) / np.sum(singular**2)
    kept = int(np.searchsorted(share, EXPLAINED)) + 1
    usual = float(np.median(sella_nasion[usable]))
    true_size = np.where(usable[:, None], size_mm, size_mm * (usual / sella_nasion)[:, None])
    names = [film["machine"] for film in films]
    return {
        "source": ATTRIBUTION,
        "faces": len(shapes),
        "symbols": list(AARIZ.symbols),
        "mean_mm": np.round(mean, 3).tolist(),
        "components_mm": np.round(axes[:kept] * (singular[:kept, None] / np.sqrt(len(shapes) - 1)), 3).tolist(),
        "explained": round(float(share[kept - 1]), 4),
        "cvm_stages": dict(sorted(Counter(f["cvm_stage"] for f in films).items())),
        "machines": _machines(_rows(machines)),
        "formats": _formats(names, true_size, centre / size_mm),
    }


def _machines(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    counted = Counter((row["machine"], row["pixel_size"], row["image_format"].lower()) for row in rows)
    return [
        {"machine": machine, "pixel_size_mm": float(pixel_size), "ending": ending, "films": films}
        for (machine, pixel_size, ending), films in sorted(counted.items())
    ]


def _formats(names: list[str], size_mm: Floats, place: Floats) -> list[dict[str, Any]]:
    """Return each machine's film sizes, distinguished by aspect, and where the middle of the face lies on them."""
    kinds: dict[tuple[str, float], list[int]] = {}
    for index, (name, (width, height)) in enumerate(zip(names, size_mm, strict=True)):
        kinds.setdefault((name, round(width / height, 1)), []).append(index)
    return [
        {
            "machine": name,
            "width_mm": round(float(np.median(size_mm[films, 0])), 1),
            "height_mm": round(float(np.median(size_mm[films, 1])), 1),
            "place_mean": np.round(place[films].mean(axis=0), 3).tolist(),
            "place_sd": np.round(place[films].std(axis=0).clip(*PLACE_SD), 3).tolist(),
            "films": len(films),
        }
        for (name, _), films in sorted(kinds.items())
        if len(films) >= FEWEST_FILMS
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    source, machine_map, out = map(Path, sys.argv[1:4])
    out.write_text(json.dumps(derive(source, machine_map), indent=1) + "\n", encoding="utf-8")
