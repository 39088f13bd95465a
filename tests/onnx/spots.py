"""A model that finds three spots by their widths, however the film is held; and films of such spots."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.checkpoint import LoadedModel
from cephkit.geometry import Matrix, Size, letterbox, transform
from cephkit.inference.pose import fit_pose
from cephkit.inference.uncertainty import Calibration, Likeness
from cephkit.inference.views import about_centre
from cephkit.models.refiner import Refiner, RefinerSpec
from cephkit.models.spec import ModelSpec
from tests.inference.networks import Network

SYMBOLS = ("A", "Pog`", "S")
CANVAS, DETAIL, FILM, FRAMED = (192, 160), (320, 288), (500, 430), (480, 400)
WIDTHS = (1.5, 3.0, 6.0)
"""Of the spots, cells of 4 canvas pixels."""
LAYOUT = np.array([[60.0, 50.0], [112.0, 88.0], [58.0, 136.0]])
"""Where they lie, canvas pixels."""
REACH = 18


class Spots(Network):
    """Map k answers to spots of width k: minus the Laplacian of such a spot, 1 where it meets its like."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
        squared = (x**2 + y**2)[None] / np.square(WIDTHS)[:, None, None]
        kernel = (2 - squared) * np.exp(-squared / 2) / (np.pi * np.square(WIDTHS)[:, None, None])
        self.register_buffer("kernel", torch.from_numpy(kernel[:, None]).float())

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.conv2d(nn.functional.avg_pool2d(images, 4), self.kernel, padding=REACH)


def spotted(way: Matrix, symbols: tuple[str, ...] = SYMBOLS, size: Size = FILM) -> NDArray[np.uint8]:
    """A film (H, W) with the layout moved by ``way`` (canvas pixels); spots grow with it."""
    box = letterbox(size, CANVAS)
    growth = abs(np.linalg.det(way[:2, :2])) ** 0.5 / box.scale
    rows, columns = np.mgrid[: size[0], : size[1]]
    film = np.zeros(size)
    for symbol, (x, y), width in zip(SYMBOLS, transform(box.to_film @ way, LAYOUT), WIDTHS, strict=True):
        if symbol in symbols:
            film += 230 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (4 * width * growth) ** 2))
    return film.clip(0, 255).astype(np.uint8)


UPRIGHT = about_centre(CANVAS)
MIRRORED = about_centre(CANVAS, 4.0, mirror=True)
TURNED = about_centre(CANVAS, 28.0)
SMALL = about_centre(CANVAS, 8.0, 0.8)
WAYS = (UPRIGHT, MIRRORED, TURNED, SMALL)
UPSIDE_DOWN = about_centre(CANVAS, 180.0)
ON_ITS_SIDE = about_centre(CANVAS, 93.0, 0.75)
ON_ITS_OTHER_SIDE_MIRRORED = about_centre(CANVAS, -90.0, 0.75, mirror=True)
LYING = (UPSIDE_DOWN, ON_ITS_SIDE, ON_ITS_OTHER_SIDE_MIRRORED)


def framed(mirror: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A film of the layout, small in a white frame, which blinds the network; and how far its pixels are moved."""
    film = spotted(MIRRORED if mirror else UPRIGHT, size=FRAMED).clip(20, 210)
    above, left = 400, 550
    return np.pad(film, ((above, 300), (left, 380)), constant_values=255), np.array([left, above])


def spots_model(faces_left: bool = False) -> LoadedModel:
    """Both stages, a pose model and a calibration; the second stage says something at random.

    ``faces_left``: the films of its training lay mirrored.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    refiner_spec = RefinerSpec(SYMBOLS[::-1], DETAIL, width=8, share=0.55)  # another order than the first stage's
    refiner = Refiner(refiner_spec)
    with torch.no_grad():
        refiner.final.weight *= 30
    shapes = np.array([[[1.0, 0.2], [0.2, 1.04]], [[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    examiners = np.array([[[2.0, 0.3], [0.3, 1.0]], [[0.4, -0.1], [-0.1, 0.6]], [[3.0, 0.0], [0.0, 5.0]]])
    calibration = Calibration(
        np.array([0.1, -0.2, 0.3]), np.array([-0.4, 0.3, 0.2, 0.1]), shapes, 1.7, examiners=examiners, share=0.2,
        likeness=Likeness(np.array([0.11]), np.array([0.02]), 0.3, 6.0, 8.0),  # of how bright films are
        removed_bias=np.array([[0.5, -0.3], [0.0, 1.2], [-0.7, 0.1]]),
    )  # fmt: skip
    layout = transform(about_centre(CANVAS, mirror=faces_left), LAYOUT)
    pose = fit_pose(layout + rng.normal(0, 2.0, (30, 3, 2)), rng.uniform(0.8, 1.0, (30, 3)), CANVAS, SYMBOLS)
    extras: dict[str, Any] = {
        "refiner": {"spec": refiner_spec.to_dict(), "model": refiner.state_dict()},
        "calibrations": {"plain+refiner": calibration.to_dict()},
        "pose": pose.to_dict(),
    }
    spec = ModelSpec("spots", SYMBOLS, CANVAS)
    return LoadedModel(Spots().eval(), spec, Path("spots.pth"), {"sha256": "0" * 64}, extras)
