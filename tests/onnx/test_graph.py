"""Parts of the exported graph against the code that they stand for."""

import numpy as np
import pytest
import torch

from cephkit.geometry import letterbox, transform
from cephkit.inference import views
from cephkit.inference.views import about_centre
from cephkit.models.refiner import take_crops
from cephkit.onnx.graph import crops_about, letterboxes, warp


def test_letterboxes_are_those_of_geometry_for_any_film() -> None:
    rng = np.random.default_rng(0)
    sizes = [(2400, 1935), (64, 64), (1, 5000), (5000, 1), *rng.integers(16, 6000, (500, 2)).tolist()]
    for canvas in ((384, 320), (1024, 832), (64, 96)):
        scale, shift = letterboxes(torch.tensor(sizes), canvas)
        for row, (height, width) in enumerate(sizes):
            wanted = transform(letterbox((height, width), canvas).to_canvas, (3.0, 7.0))
            assert (torch.tensor([3.0, 7.0]) * scale[row] + shift[row])[0].numpy() == pytest.approx(wanted, abs=1e-9)


def test_canvases_are_warped_as_in_prediction() -> None:
    images = torch.rand(3, 1, 64, 96)
    ways = np.stack([np.eye(3), about_centre((64, 96), 20, 1.2), about_centre((64, 96), -30, 0.8, True)])
    warped = warp(images, torch.from_numpy(ways[:, :2]))
    assert warped.numpy() == pytest.approx(views.warp(images, ways).numpy(), abs=1e-4)


def test_crops_are_those_that_the_second_stage_was_trained_on() -> None:
    detail = torch.randint(0, 256, (2, 1, 128, 160), dtype=torch.uint8)
    centres = torch.tensor([[[10.3, 20.7], [150.0, 100.2]], [[80.5, 64.0], [-5.0, 60.0]]], dtype=torch.float64)
    turns = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.8, -0.5], [0.5, 0.8]]], dtype=torch.float64)
    wanted = take_crops(detail.float() / 255, centres.float(), turns.float())
    assert crops_about(detail, centres, turns).numpy() == pytest.approx(wanted.numpy(), abs=1e-4)
