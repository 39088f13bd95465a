"""How well outlines follow a face: ``python -m benchmarks.outlines LANDMARKS``.

LANDMARKS is the table of ``cephkit.data.synthetic.derive``. Each landmark of a part of the head is left out in turn,
and placed by the others as a point of an outline would be; lengths in mm of a head whose sella-nasion length is 70.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from cephkit.data.synthetic.anatomy import JAW, MEAN, SELLA_NASION_MM, SKIN, SKULL
from cephkit.drawing.silhouette import REACH_MM, kriging

REACHES = (5.0, 10.0, 15.0, REACH_MM, 25.0, 40.0, 60.0)


def main() -> None:
    """Print the mean error by reach and part."""
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    faces = {s: np.array([complex(float(row[f"{s}_x"]), float(row[f"{s}_y"])) for row in rows]) for s in MEAN}
    mm = SELLA_NASION_MM / np.abs(faces["N"] - faces["S"])
    print(f"{len(rows)} faces; mean error in mm of a landmark that is left out")
    print("reach mm  skull    jaw   skin    all")
    for reach in REACHES:
        errors = [left_out(part, faces, mm, reach) for part in (SKULL, JAW, SKIN)]
        print(f"{reach:8.0f}", *(f"{each.mean():6.2f}" for each in (*errors, np.concatenate(errors))))


def left_out(part: tuple[str, ...], faces: dict[str, np.ndarray], mm: np.ndarray, reach: float) -> np.ndarray:
    """The errors of all landmarks of ``part`` on all faces."""
    source = np.array([complex(*MEAN[symbol]) for symbol in part])
    found = np.stack([faces[symbol] for symbol in part], axis=-1)
    errors = []
    for k in range(len(part)):
        others = np.arange(len(part)) != k
        weights = kriging(source[others], source[k : k + 1], reach)[0]
        errors.append(np.abs(found[:, others] @ weights - found[:, k]) * mm)
    return np.concatenate(errors)


if __name__ == "__main__":
    main()
