"""The search for the pose as tensors, against the one with numpy."""

import numpy as np
import pytest
import torch

from cephkit.export.graph import FirstStage
from cephkit.export.posing import DONE, NO_FACE, PoseSearch, Start
from cephkit.geometry import letterbox
from cephkit.inference.predictor import Predictor
from tests.export.spots import CANVAS, FILM, SYMBOLS, WAYS, spots_model, spotted

FILMS = [*(spotted(way) for way in WAYS), spotted(WAYS[0], SYMBOLS[:2]), spotted(WAYS[0], ())]


def test_every_film_of_a_batch_is_shown_as_it_would_be_alone() -> None:
    predictor = Predictor(spots_model())
    assert predictor.pose is not None
    search = PoseSearch(FirstStage(predictor.stages[0].model, predictor.spec), predictor.pose, CANVAS).eval()
    canvas = torch.cat([predictor.canvases(film)[0][None] for film in FILMS])
    glances, undecided = 0, torch.tensor(True)
    with torch.no_grad():
        state = Start(len(SYMBOLS))(canvas)
        sizes = torch.tensor([film.shape for film in FILMS])
        while undecided:
            undecided, *state = search(canvas, sizes, state)
            glances += 1
    step, _, best, level, *_ = state
    bad = level == NO_FACE
    assert (step == DONE).all()
    assert 5 <= glances <= DONE
    box = letterbox(FILM, CANVAS)
    for row, film in enumerate(FILMS):
        pose = predictor.predict_canvases([c[None] for c in predictor.canvases(film)], [FILM]).poses[0]
        assert bool(bad[row]) == bool(pose.doubt)
        if not pose.doubt:
            wanted = box.to_canvas @ pose.matrix @ box.to_film
            assert best[row].numpy() == pytest.approx(wanted[:2], abs=1e-3)
    # Upright, mirrored, turned and small are found; a spot that is missing leaves no face.
    assert bad.tolist() == [False, False, False, False, True, True]
    assert np.sign(torch.linalg.det(best[:, :, :2]).numpy())[:4].tolist() == [1, -1, 1, 1]
