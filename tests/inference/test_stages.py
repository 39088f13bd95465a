"""One model's stages, and what a predictor makes of one model or several."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.checkpoint import LoadedModel
from cephkit.data.opened import to_canvas
from cephkit.errors import CheckpointError, SettingsError
from cephkit.geometry import Size, transform
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from cephkit.inference.stages import Stages, load_refiner, on_canvas, weights_digest
from cephkit.inference.uncertainty import Calibration
from cephkit.inference.views import PLAIN, TEST_TIME, View, about_centre
from cephkit.models.refiner import CROP, STRIDE, Refiner, RefinerSpec
from cephkit.models.spec import ModelSpec
from tests.inference.networks import Network
from tests.inference.test_predictor import film_with_spot

Floats = NDArray[np.float64]

CANVAS: Size = (128, 96)
FILM: Size = (512, 384)
"""Four film pixels to a canvas pixel."""
DETAIL: Size = (256, 192)
SYMBOLS = ("A", "S")
WHERE = (170.0, 290.0)
"""Of the spot, film pixels."""
SPOT_WIDTH = 20.0


class Spots(Network):
    """Landmark k is where the film is bright, moved by ``shifts[k]`` (x, y) cells of 4 pixels."""

    def __init__(self, *shifts: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("shifts", torch.tensor(shifts))

    def forward(self, images: Tensor) -> Tensor:
        cells = nn.functional.avg_pool2d(images, 4)
        return torch.cat([cells.roll((y, x), (-2, -1)) for x, y in self.shifts.tolist()], dim=1)


class BrightCrop(nn.Module):
    """A second stage whose map is the fine crop's brightness: it finds its centre of mass."""

    spec = RefinerSpec(SYMBOLS, DETAIL, share=0.4)

    def forward(self, crops: Tensor, landmark: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(crops[:, 0], STRIDE).clamp_min(1e-9).log()


def model(*shifts: tuple[int, int], symbols: tuple[str, ...] = SYMBOLS, **extras: Any) -> LoadedModel:
    spec = ModelSpec("hrnet_w18_small", symbols, CANVAS)
    return LoadedModel(Spots(*(shifts or ((0, 0), (0, 0)))), spec, Path("c.pth"), {"sha256": "0" * 64}, extras)


def stages(*shifts: tuple[int, int], refined: bool = False) -> Stages:
    made = Stages(model(*shifts), SYMBOLS, torch.device("cpu"))
    if refined:
        made.refiner = BrightCrop()  # type: ignore[assignment]
    return made


def canvases(film: NDArray[np.uint8]) -> dict[Size, Tensor]:
    return {size: torch.from_numpy(to_canvas(film, size))[None, None] for size in (CANVAS, DETAIL)}


FILM_PIXELS = film_with_spot(FILM, *WHERE, SPOT_WIDTH)
PLAIN_TURN = np.eye(3)[None]
TURNS = [np.eye(3), about_centre(FILM, mirror=True), about_centre(FILM, 20.0, 0.9), about_centre(FILM, -15, 1.1, True)]


@pytest.mark.parametrize("view", TEST_TIME)
@pytest.mark.parametrize("turn", TURNS)
def test_a_spot_is_found_at_the_same_film_pixels_on_every_view_of_the_film(view: View, turn: Floats) -> None:
    output = stages().run_first(canvases(FILM_PIXELS), [FILM], turn[None], view)
    # 0.15 of a cell of 4 canvas pixels of 4 film pixels allow for 8 bits and for sampling.
    assert np.abs(output.points[0, 0] - WHERE).max() < 0.15 * 16
    assert 0.75 < output.scores[0, 0] <= 1.0  # the mean over the cell that the peak lies in


@pytest.mark.parametrize("view", TEST_TIME)
@pytest.mark.parametrize("turn", TURNS)
def test_the_second_stage_moves_a_guess_to_the_spot(view: View, turn: Floats) -> None:
    guesses = np.add([[WHERE, WHERE]], [[(14, -9), (-5, 11)]])
    small = film_with_spot(FILM, *WHERE, 12.0)
    output = stages(refined=True).run_second(canvases(small), [FILM], turn[None], view, guesses)
    assert np.abs(output.points[0] - WHERE).max() < 0.2  # a tenth of a pixel of the detail canvas
    # The power of a Gaussian is one of another width.
    assert output.spreads[0] == pytest.approx(12.0 * (2 / view.gamma) ** 0.5, rel=0.05)


def test_a_landmark_without_a_guess_has_no_second_one() -> None:
    guesses = np.array([[WHERE, (np.nan, np.nan)]])
    output = stages(refined=True).run_second(canvases(FILM_PIXELS), [FILM], PLAIN_TURN, PLAIN[0], guesses)
    assert np.abs(output.points[0, 0] - WHERE).max() < 1.0
    assert np.isnan(output.points[0, 1]).all()
    assert np.isnan(output.spreads[0, 1])


def test_all_views_at_once_and_the_features_of_the_error() -> None:
    # The first stage is off by a cell of 16 film pixels in x, the second stage sees it.
    output = stages((1, 0), (0, 0), refined=True).run(canvases(FILM_PIXELS), [FILM], PLAIN_TURN, PLAIN)
    assert output.guesses.shape == output.points.shape == (1, 1, 2, 2)
    assert output.guesses[0, 0] == pytest.approx(np.array([np.add(WHERE, (16, 0)), WHERE]), abs=2.4)
    # The answer lies some of the way to what the second stage sees.
    guess = output.guesses[0, 0]
    assert output.points[0, 0] == pytest.approx(guess + BrightCrop.spec.share * (np.array(WHERE) - guess), abs=1.0)
    score, spread, width, shift = output.features[0].T
    assert score == pytest.approx([0.9, 0.9], abs=0.1)
    # A Gaussian without its lowest tenth, see below; cells and canvas pixels widen it by little.
    assert spread == pytest.approx([1.1 * SPOT_WIDTH] * 2, rel=0.15)
    assert width[1] == pytest.approx(SPOT_WIDTH * 2**0.5, rel=0.1)
    assert shift == pytest.approx([16.0, 0.0], abs=2.4)


def test_without_a_second_stage_the_first_guess_is_the_answer_and_a_known_one_is_not_made_again() -> None:
    one = stages()
    output = one.run(canvases(FILM_PIXELS), [FILM], PLAIN_TURN, TEST_TIME)
    assert output.points.shape == (len(TEST_TIME), 1, 2, 2)
    assert output.guesses is output.points
    assert output.features.shape == (1, 2, 2)
    first = one.run_first(canvases(FILM_PIXELS), [FILM], PLAIN_TURN, PLAIN[0])
    one.model = nn.Identity()  # would not do
    assert np.array_equal(one.run(canvases(FILM_PIXELS), [FILM], PLAIN_TURN, PLAIN, first).points[0], first.points)


def test_a_turn_of_the_film_is_the_same_turn_of_its_canvas() -> None:
    from cephkit.geometry import letterbox

    box = letterbox((700, 400), CANVAS)
    turn = about_centre((700, 400), 30.0, 1.2)
    points = np.random.default_rng(0).uniform(0, 400, (5, 2))
    there = transform(on_canvas(turn, box), transform(box.to_canvas, points))
    assert there == pytest.approx(transform(box.to_canvas, transform(turn, points)))
    assert np.array_equal(on_canvas(np.eye(3), box), np.eye(3))


def test_the_digest_names_the_weights() -> None:
    torch.manual_seed(0)
    one = nn.Linear(3, 2)
    other = nn.Linear(3, 2)
    assert weights_digest(one) != weights_digest(other)
    other.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(other)


# What a predictor makes of them.


@pytest.mark.parametrize("tta", [False, True])
def test_a_predictor_finds_the_spot_with_and_without_tta(tta: bool) -> None:
    found = Predictor(model(), tta=tta).run_film(FILM_PIXELS)
    assert np.abs(found.points[0] - WHERE).max() < 0.15 * 16


def test_an_ensemble_gives_the_mean_and_tells_how_far_its_models_are_apart() -> None:
    size = (256, 192)  # two film pixels to a canvas pixel
    predictor = Predictor([model(), model((2, 0), (0, -4))])
    film = film_with_spot(size, 80, 150, 10)
    alone = Predictor(model()).run_film(film).points[0]
    found = predictor.run_film(film)
    # Cells are 8 film pixels; half of the 16 and 32 that the second model is off.
    assert found.points[0] - alone == pytest.approx(np.array([(8, 0), (0, -16)]), abs=0.01)
    assert found.features.shape == (1, 2, 3)
    assert found.features[0, :, -1] == pytest.approx([4.0, 8.0], abs=0.01)  # canvas pixels
    assert found.units.tolist() == [2.0]
    assert np.array_equal(found.scores, found.features[..., 0])


@pytest.mark.parametrize("factor", [1, 4])
def test_what_tells_of_the_error_is_in_canvas_pixels(factor: int) -> None:
    size = (CANVAS[0] * factor, CANVAS[1] * factor)
    predictor = Predictor(model())
    film = film_with_spot(size, 41.5 * factor, 71.5 * factor, 8.0 * factor)
    found = predictor.run_film(film)
    # The spread of a Gaussian without its lowest tenth, whatever the film's pixels.
    assert found.features[0, :, 1] == pytest.approx([1.0993 * 8] * 2, rel=0.05)


def test_models_of_an_ensemble_may_differ_in_canvas_and_in_the_order_of_landmarks() -> None:
    other = model((3, 0), (0, 0), symbols=("S", "A"))
    larger = LoadedModel(Spots((0, 0), (3, 0)), ModelSpec("hrnet", SYMBOLS, DETAIL), Path("d.pth"), {})
    alone = Predictor(model((0, 0), (3, 0))).run_film(FILM_PIXELS)
    assert alone.points[0, 1] - alone.points[0, 0] == pytest.approx([48, 0], abs=0.1)
    both = Predictor([model((0, 0), (3, 0)), other]).run_film(FILM_PIXELS)
    assert both.points == pytest.approx(alone.points)
    mixed = Predictor([model((0, 0), (3, 0)), larger])
    assert mixed.canvas_sizes == (CANVAS, DETAIL)
    points = mixed.run_film(FILM_PIXELS).points[0]
    assert points == pytest.approx(np.array([WHERE, np.add(WHERE, (36, 0))]), abs=2.4)  # 48 and 24 on average


def test_what_is_no_ensemble_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"c\.pth and c\.pth find different landmarks: N S"):
        Predictor([model(), model(symbols=("A", "N"))])
    with pytest.raises(SettingsError, match="no model"):
        Predictor([])


def test_a_calibration_belongs_to_one_way_of_predicting() -> None:
    torch.manual_seed(0)
    spec = RefinerSpec(SYMBOLS, DETAIL, width=8)
    refined = model(refiner={"spec": spec.to_dict(), "model": Refiner(spec).state_dict()})
    assert Predictor(model()).mode == "plain"
    assert Predictor(model(), tta=True).mode == "tta"
    assert Predictor(refined, tta=True).mode == "tta+refiner"
    assert Predictor(refined, refine=False).mode == "plain"
    assert Predictor(refined).canvas_sizes == (CANVAS, DETAIL)
    one, other = model((1, 0), (0, 0)), model((2, 0), (0, 0))
    mode = Predictor([one, other]).mode
    assert mode == Predictor([other, one]).mode
    assert mode == " ".join(["plain", *sorted(weights_digest(each.model) for each in (one, other))])
    assert mode != Predictor([one, model()]).mode


def test_expected_errors_and_regions_are_film_pixels() -> None:
    shape = np.array([[2.0, 0.0], [0.0, 0.5]])
    calibration = Calibration(np.log([3.0, 5.0]), np.zeros(2), np.stack([shape, shape]), 2.0)
    known = model(calibrations={"plain": calibration.to_dict()})
    for factor, size in ((1, CANVAS), (4, FILM)):
        film = film_with_spot(size, 40 * factor, 70 * factor, 5 * factor)
        record = Model(Predictor(known)).predict(film)
        assert record.expected_errors == pytest.approx({"A": 3.0 * factor, "S": 5.0 * factor})
        assert record.regions["A"] == pytest.approx((2 * 3 * factor) ** 2 * shape)
    # Nothing is known of other ways.
    record = Model(Predictor(known, tta=True)).predict(FILM_PIXELS)
    assert (record.expected_errors, record.regions) == ({}, {})


def test_a_second_stage_in_a_checkpoint_is_used_unless_told_otherwise() -> None:
    torch.manual_seed(0)
    spec = RefinerSpec(SYMBOLS, DETAIL, width=8)
    network = Refiner(spec).eval()
    loaded = model(refiner={"spec": spec.to_dict(), "model": network.state_dict()})
    again = load_refiner(loaded, torch.device("cpu"))
    crops, landmark = torch.rand(2, 2, CROP, CROP), torch.tensor([0, 1])
    with torch.no_grad():
        assert torch.equal(again(crops, landmark), network(crops, landmark))
    plain = Predictor(model()).run_film(FILM_PIXELS).points[0]
    assert np.array_equal(Predictor(loaded, refine=False).run_film(FILM_PIXELS).points[0], plain)
    assert np.abs(Predictor(loaded).run_film(FILM_PIXELS).points[0] - plain).max() > 0.01


def damaged_refiners() -> dict[str, Any]:
    spec = RefinerSpec(SYMBOLS, DETAIL, width=8)
    whole = {"spec": spec.to_dict(), "model": Refiner(spec).state_dict()}
    weights = dict(whole["model"])
    weights.popitem()
    return {
        "nothing": {},
        "no weights": {"spec": whole["spec"]},
        "a weight less": {**whole, "model": weights},
        "another width": {**whole, "spec": {**whole["spec"], "width": 16}},
        "an unknown setting": {**whole, "spec": {**whole["spec"], "more": 1}},
        "no dictionary": 3,
    }


@pytest.mark.parametrize("what", list(damaged_refiners()))
def test_a_damaged_second_stage_names_the_checkpoint(what: str) -> None:
    with pytest.raises(CheckpointError, match=r"c\.pth: its second stage is damaged"):
        Predictor(model(refiner=damaged_refiners()[what]))


@pytest.mark.parametrize("damaged", [{}, {"intercepts": [1.0]}, {"intercepts": "x"}, [1], "x"])
def test_a_damaged_calibration_names_the_checkpoint(damaged: Any) -> None:
    with pytest.raises(CheckpointError, match=r"c\.pth: its calibration is damaged"):
        Predictor(model(calibrations={"plain": damaged}))


def test_a_damaged_pose_model_names_the_checkpoint() -> None:
    with pytest.raises(CheckpointError, match=r"c\.pth: its pose model is damaged"):
        Predictor(model(pose={"shape": 1}))
