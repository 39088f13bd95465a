"""The search for the pose as tensors, against the one with numpy."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cephkit.geometry import letterbox, transform
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import preprocess
from cephkit.onnx.graph import Answer, FirstStage
from cephkit.onnx.posing import ANSWERED, DONE, NO_FACE, STATE, PoseSearch, Start
from tests.onnx.spots import (
    CANVAS,
    FILM,
    FRAMED,
    LAYOUT,
    LYING,
    MIRRORED,
    SYMBOLS,
    UPRIGHT,
    WAYS,
    framed,
    spots_model,
    spotted,
)

FILMS = [
    *(spotted(way) for way in (*WAYS, *LYING)), framed()[0], framed(mirror=True)[0],
    spotted(WAYS[0], SYMBOLS[:2]), spotted(WAYS[0], ()),
]  # fmt: skip
LEFT = [False, True, False, False, False, False, True, False, True]
"""Of the films that are faces."""


def searched(predictor: Predictor, films: list[NDArray[np.uint8]]) -> tuple[dict[str, Tensor], int]:
    """The last state, and the number of trials."""
    assert predictor.pose is not None
    search = PoseSearch(FirstStage(predictor.stages[0].model, predictor.spec), predictor.pose, CANVAS).eval()
    canvas = torch.stack([preprocess(film, [CANVAS]).canvases[CANVAS] for film in films])
    sizes = torch.tensor([film.shape for film in films])
    trials, undecided = 0, torch.tensor(True)
    with torch.no_grad():
        state = Start(len(SYMBOLS))(canvas)
        while undecided:
            undecided, *state = search(canvas, sizes, state)
            trials += 1
    return dict(zip(STATE, state, strict=True)), trials


@pytest.mark.parametrize("trained_left", [False, True])
def test_every_film_of_a_batch_is_posed_as_it_would_be_alone(trained_left: bool) -> None:
    predictor = Predictor(spots_model(trained_left), refine=False)
    state, trials = searched(predictor, FILMS)
    assert (state["step"] == DONE).all()
    assert 5 <= trials <= DONE
    bad = state["level"] == NO_FACE
    for row, film in enumerate(FILMS):
        box = letterbox(film.shape, CANVAS)
        pose = predictor.run_film(film).poses[0]
        assert bool(bad[row]) == bool(pose.doubt)
        if not pose.doubt:
            wanted = box.to_canvas @ pose.matrix @ box.to_film
            assert state["best"][row].numpy() == pytest.approx(wanted[:2], abs=2e-3)
    # However it is held a film is found; a spot that is missing leaves no face.
    assert bad.tolist() == [False] * 9 + [True] * 2
    mirrored = torch.linalg.det(state["best"][:, :, :2])[:9] < 0
    assert mirrored.tolist() == [left != trained_left for left in LEFT]
    answer = Answer(predictor.spec, None, None, predictor.pose)
    with torch.no_grad():
        *_, plausible, left = answer(
            torch.tensor([film.shape for film in FILMS]), tuple(state[name] for name in ANSWERED)
        )
    assert plausible.tolist() == [True] * 9 + [False] * 2
    assert left.tolist() == [*LEFT, False, False]


@pytest.mark.parametrize("trained_left", [False, True])
def test_points_are_those_of_the_film_as_it_is_on_its_side_upside_down_or_framed(trained_left: bool) -> None:
    predictor = Predictor(spots_model(trained_left), refine=False)
    for way, left in zip(LYING, LEFT[4:7], strict=True):
        found = predictor.run_film(spotted(way))
        assert (found.poses[0].doubt, found.poses[0].facing) == ("", "left" if left else "right")
        assert np.abs(found.points[0] - transform(letterbox(FILM, CANVAS).to_film @ way, LAYOUT)).max() < 5
    for mirror, way in ((False, UPRIGHT), (True, MIRRORED)):
        film, moved = framed(mirror)
        found = predictor.run_film(film)
        assert (found.poses[0].doubt, found.poses[0].facing) == ("", "left" if mirror else "right")
        truth = transform(letterbox(FRAMED, CANVAS).to_film @ way, LAYOUT) + moved
        assert np.abs(found.points[0] - truth).max() < 5
    nothing = predictor.run_film(spotted(WAYS[0], ()))
    assert "turn the film upright or crop it" in nothing.poses[0].doubt
