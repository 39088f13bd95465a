"""What a checkpoint holds beside its network, damaged or made up: one message that names the file."""

import copy
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.checkpoint import load_model
from cephkit.errors import CheckpointError
from cephkit.inference.pose import fit_pose
from cephkit.inference.predictor import Predictor
from cephkit.inference.uncertainty import Calibration, Likeness
from tests.training.test_finish import CANVAS, SYMBOLS, random_checkpoint, random_refiner

Extras = dict[str, Any]


def sound() -> Extras:
    rng = np.random.default_rng(0)
    shapes = np.broadcast_to(np.eye(2), (4, 2, 2))
    calibration = Calibration(np.zeros(4), np.zeros(4), shapes, 1.0, ("a",), examiners=shapes.copy(), share=0.2)
    faces = np.array([(20.0, 40.0), (30.0, 55.0), (40.0, 12.0), (12.0, 15.0)]) + rng.normal(0, 1, (20, 4, 2))
    return {
        "refiner": random_refiner(),
        "calibrations": {"plain+refiner": calibration.to_dict()},
        "pose": fit_pose(faces, None, CANVAS, SYMBOLS).to_dict(),
    }


def set_in(*way: str | int, value: Any) -> Callable[[Extras], None]:
    def damage(extras: Extras) -> None:
        inner: Any = extras
        for key in way[:-1]:
            inner = inner[key]
        inner[way[-1]] = value

    return damage


CALIBRATION = ("calibrations", "plain+refiner")
LIKENESS = Likeness(np.zeros(3), np.ones(3), 1.0, 2.0, 3.0).to_dict()
DAMAGES = {
    "refiner, a list": set_in("refiner", value=[1]),
    "refiner without weights": lambda extras: extras["refiner"].pop("model"),
    "refiner's canvas 20480": set_in("refiner", "spec", "canvas_size", value=[20480, 20480]),
    "refiner's canvas infinite": set_in("refiner", "spec", "canvas_size", value=[float("inf"), 64]),
    "refiner's canvas a text": set_in("refiner", "spec", "canvas_size", value="ab"),
    "refiner of a million channels": set_in("refiner", "spec", "width", value=10**6),
    "refiner of another width": set_in("refiner", "spec", "width", value=8),
    "refiner of a text's width": set_in("refiner", "spec", "width", value="4"),
    "refiner of other landmarks": set_in("refiner", "spec", "symbols", value=["A", "B", "N", "S"]),
    "refiner's landmarks numbers": set_in("refiner", "spec", "symbols", value=[1, 2, 3, 4]),
    "pose, a number": set_in("pose", value=3),
    "pose's layout too short": lambda extras: extras["pose"]["layout"].pop(),
    "pose's layout NaN": set_in("pose", "layout", 0, value=[float("nan"), 0.0]),
    "pose of another canvas": set_in("pose", "canvas_size", value=[64, 96]),
    "pose's canvas infinite": set_in("pose", "canvas_size", value=[float("inf"), 64]),
    "pose's mean NaN": set_in("pose", "shape", "mean", 0, value=[float("nan"), 0.0]),
    "pose's covariance singular": set_in("pose", "shape", "covariance", value=np.zeros((8, 8)).tolist()),
    "pose's covariance infinite": set_in("pose", "shape", "covariance", value=np.full((8, 8), np.inf).tolist()),
    "pose's covariance of others": set_in("pose", "shape", "covariance", value=np.eye(6).tolist()),
    "pose's limit a text": set_in("pose", "shape", "largest_distance", value="far"),
    "pose's limit NaN": set_in("pose", "shape", "largest_distance", value=float("nan")),
    "pose's lowest score, a dictionary": set_in("pose", "shape", "lowest_score", value={}),
    "pose's lowest score no float": set_in("pose", "shape", "lowest_score", value=10**400),
    "pose's lowest score a list": set_in("pose", "shape", "lowest_score", value=[1.0] * 999),
    "calibrations, a text": set_in("calibrations", value="x"),
    "calibration, a list": set_in(*CALIBRATION, value=[]),
    "calibration of few landmarks": set_in(*CALIBRATION, "intercepts", value=[0.0]),
    "calibration of other features": set_in(*CALIBRATION, "weights", value=[0.0]),
    "calibration's weights texts": set_in(*CALIBRATION, "weights", value=["a", "b", "c", "d"]),
    "calibration's weights NaN": set_in(*CALIBRATION, "weights", value=[float("nan")] * 4),
    "calibration's shapes flat": set_in(*CALIBRATION, "shapes", value=np.zeros((4, 2, 2)).tolist()),
    "calibration's radius negative": set_in(*CALIBRATION, "radius", value=-1.0),
    "calibration's radius a text": set_in(*CALIBRATION, "radius", value="1"),
    "calibration's radius no float": set_in(*CALIBRATION, "radius", value=10**400),
    "calibration's likeness no float": set_in(*CALIBRATION, "likeness", value={**LIKENESS, "unusual": 10**400}),
    "calibration's share 7": set_in(*CALIBRATION, "share", value=7.0),
    "calibration's films numbers": set_in(*CALIBRATION, "films", value=[1]),
    "calibration's examiners of others": set_in(*CALIBRATION, "examiners", value=[[[1.0, 0.0], [0.0, 1.0]]]),
    "calibration's likeness of another network": set_in(*CALIBRATION, "likeness", value=LIKENESS),
    "calibration's likeness without spread": set_in(*CALIBRATION, "likeness", value={**LIKENESS, "sd": [0.0] * 3}),
    "calibration's examiners negative": set_in(*CALIBRATION, "examiners", value=(-np.ones((4, 2, 2))).tolist()),
    "calibration's shapes turned inside out": set_in(*CALIBRATION, "shapes", value=[(-np.eye(2)).tolist()] * 4),
    "calibration's place a text": set_in(*CALIBRATION, "is_local", value="yes"),
    "calibration's likeness without an end": set_in(
        *CALIBRATION, "likeness", value={**LIKENESS, "farthest": float("nan")}
    ),
    "calibration's likeness ends in a text": set_in(*CALIBRATION, "likeness", value={**LIKENESS, "farthest": "x"}),
    "calibration's likeness, a number": set_in(*CALIBRATION, "likeness", value=1),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_checkpoint(tmp_path_factory.mktemp("damaged") / "c.pth", **sound())


def test_undamaged_it_predicts(written: Path) -> None:
    predictor = Predictor(load_model(written))
    assert predictor.errors(predictor.run_film(np.full((90, 80), 90, np.uint8))).expected is not None


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_part_is_one_message_that_names_the_file(written: Path, damage: Callable[[Extras], object]) -> None:
    loaded = load_model(written)
    extras = copy.deepcopy(sound())
    damage(extras)
    loaded.extras.clear()
    loaded.extras.update(extras)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"c\.pth: its .* is damaged \(.*\); .*(again|with)"):
            Predictor(loaded)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50 * 2**20
