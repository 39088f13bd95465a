"""Augmentation moves points with their image, changes each film by itself, and follows the seed."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cephkit.augment.augmentation import Augmentation, AugmentSettings
from cephkit.heatmaps import gaussian_heatmaps

OFF = AugmentSettings(
    rotation_degrees=0, scale=0, translation=0, gamma=(1, 1), invert_probability=0, blur_probability=0,
    cutout_probability=0,
)  # fmt: skip


def blobs(films: int, size: tuple[int, int], margin: float, sigma: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    """One blob a film, at a random place: canvas, points, mask."""
    height, width = size
    points = margin + torch.rand(films, 1, 2) * (torch.tensor([width, height]) - 2 * margin)
    mask = torch.ones(films, 1, dtype=torch.bool)
    return gaussian_heatmaps(points, mask, size, sigma), points, mask


def centroid(canvas: Tensor) -> Tensor:
    """(B, 2): centre of mass of each film in pixels."""
    weight = canvas[:, 0].double()
    total = weight.sum(dim=(-2, -1))
    x = (weight.sum(dim=-2) * torch.arange(weight.shape[-1])).sum(dim=-1) / total
    y = (weight.sum(dim=-1) * torch.arange(weight.shape[-2])).sum(dim=-1) / total
    return torch.stack((x, y), dim=-1).float()


@pytest.mark.parametrize("size", [(256, 256), (192, 256), (256, 160)])
@pytest.mark.parametrize(
    "settings",
    [
        replace(OFF, rotation_degrees=10.0),
        replace(OFF, scale=0.12),
        replace(OFF, translation=0.05),
        replace(OFF, rotation_degrees=10.0, scale=0.12, translation=0.05),
    ],
    ids=["rotation", "scale", "translation", "all"],
)
def test_points_move_with_the_image(size: tuple[int, int], settings: AugmentSettings) -> None:
    torch.manual_seed(0)
    canvas, points, mask = blobs(48, size, margin=12)
    warped, moved, _ = Augmentation(settings)(canvas, points, mask)
    height, width = size
    whole = ((moved > 10) & (moved < torch.tensor([width - 11, height - 11]))).all(dim=-1)[:, 0]
    error = (centroid(warped) - moved[:, 0])[whole]
    assert whole.sum() >= 30
    assert (moved - points).norm(dim=-1).mean() > 1
    assert error.norm(dim=-1).max() < 0.05
    assert error.mean(dim=0).abs().max() < 0.01  # no common shift


def test_nothing_changes_where_everything_is_off() -> None:
    canvas, points, mask = torch.rand(3, 1, 64, 48), 40 * torch.rand(3, 5, 2), torch.rand(3, 5) < 0.5
    same = Augmentation(OFF)(canvas, points, mask)
    assert all(torch.equal(new, old) for new, old in zip(same, (canvas, points, mask), strict=True))


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"rotation_degrees": 10.0}, "turned"), ({"scale": 0.12}, "scaled"), ({"translation": 0.05}, "shifted")],
)
def test_each_movement_keeps_to_its_kind(change: dict[str, float], expected: str) -> None:
    torch.manual_seed(1)
    points = torch.tensor([[24.0, 32.0], [40.0, 32.0], [24.0, 52.0]]).expand(200, 3, 2)
    _, moved, _ = Augmentation(replace(OFF, **change))(torch.zeros(200, 1, 64, 64), points, torch.ones(200, 3).bool())
    right, down = moved[:, 1] - moved[:, 0], moved[:, 2] - moved[:, 0]
    scale = right.norm(dim=-1) / 16
    torch.testing.assert_close(down.norm(dim=-1) / 20, scale, atol=1e-4, rtol=0)  # never stretched
    torch.testing.assert_close((right * down).sum(-1), torch.zeros(200), atol=2e-2, rtol=0)  # never sheared
    assert (right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] > 0).all()  # never mirrored
    degrees = torch.atan2(right[:, 1], right[:, 0]).rad2deg()
    shift = (moved - points).mean(dim=1)
    assert (9 < degrees.abs().max() <= 10.001) if expected == "turned" else degrees.abs().max() < 1e-3
    assert (0.1 < (scale - 1).abs().max() <= 0.1201) if expected == "scaled" else (scale - 1).abs().max() < 1e-4
    if expected == "shifted":
        assert 2.8 < shift.abs().max() <= 0.05 * 64 + 1e-3


def test_centre_of_the_canvas_is_the_centre_of_rotation_and_scale() -> None:
    torch.manual_seed(2)
    points = torch.tensor([[[23.5, 31.5]]]).expand(20, 1, 2)
    _, moved, _ = Augmentation(replace(OFF, rotation_degrees=10.0, scale=0.12))(
        torch.zeros(20, 1, 64, 48), points, torch.ones(20, 1).bool()
    )
    torch.testing.assert_close(moved, points, atol=1e-3, rtol=0)


def test_grey_values_stay_between_0_and_1() -> None:
    torch.manual_seed(3)
    settings = AugmentSettings(blur_probability=0.5, invert_probability=0.5, cutout_probability=0.5)
    canvas = torch.rand(64, 1, 64, 64)
    canvas[0], canvas[1] = 0, 1
    augmented, _, _ = Augmentation(settings)(canvas, torch.zeros(64, 1, 2), torch.ones(64, 1).bool())
    assert augmented.shape == canvas.shape
    assert augmented.dtype == torch.float32
    assert torch.isfinite(augmented).all()
    assert augmented.min() >= 0
    assert augmented.max() <= 1


def test_films_and_calls_differ_and_the_seed_decides() -> None:
    augment = Augmentation()
    canvas = torch.rand(1, 1, 64, 64).expand(6, 1, 64, 64).contiguous()
    points, mask = torch.full((6, 2, 2), 20.0), torch.ones(6, 2, dtype=torch.bool)
    torch.manual_seed(4)
    first, second = augment(canvas, points, mask), augment(canvas, points, mask)
    torch.manual_seed(4)
    again = augment(canvas, points, mask)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], second[0])
    assert len({tuple(film.flatten().tolist()) for film in first[1]}) == 6
    assert torch.equal(canvas[0], canvas[5])  # the input is left alone


def test_landmarks_that_leave_the_canvas_are_masked() -> None:
    torch.manual_seed(5)
    height, width = 64, 48
    points = torch.tensor([[-0.4, 30.0], [47.4, 30.0], [24.0, -0.4], [24.0, 63.4], [24.0, 32.0]]).expand(100, 5, 2)
    mask = torch.ones(100, 5, dtype=torch.bool)
    mask[:, 4] = torch.arange(100) % 2 == 0
    _, moved, visible = Augmentation(replace(OFF, translation=0.1))(torch.rand(100, 1, height, width), points, mask)
    x, y = moved.unbind(-1)
    on_canvas = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    assert torch.equal(visible, mask & on_canvas)
    assert (visible[:, :4].float().mean(dim=0) < 0.8).all()
    assert (visible[:, :4].float().mean(dim=0) > 0.2).all()
    assert torch.equal(visible[:, 4], mask[:, 4])  # what was not there does not appear


def test_gamma_darkens_as_often_as_it_brightens_and_keeps_its_bounds() -> None:
    torch.manual_seed(6)
    canvas = torch.full((4000, 1, 2, 2), 0.5)
    augmented, _, _ = Augmentation(replace(OFF, gamma=(0.3, 2.0)))(
        canvas, torch.zeros(4000, 1, 2), torch.ones(4000, 1).bool()
    )
    gamma = augmented[:, 0, 0, 0].log() / torch.tensor(0.5).log()
    assert gamma.min() + 1e-4 >= 0.3
    assert gamma.min() < 0.32
    assert 1.95 < gamma.max() <= 2.0 + 1e-4
    assert 0.47 < float((gamma > 1).float().mean()) < 0.53


def test_inversion_and_blur_come_as_often_as_asked() -> None:
    torch.manual_seed(7)
    canvas, points, mask = blobs(2000, (24, 24), margin=10, sigma=1.0)
    canvas = 0.9 * canvas
    inverted, _, _ = Augmentation(replace(OFF, invert_probability=0.15))(canvas, points, mask)
    dark_to_white = inverted[:, 0, 0, 0] > 0.5
    assert 0.12 < float(dark_to_white.float().mean()) < 0.18
    torch.testing.assert_close(inverted[dark_to_white], 1 - canvas[dark_to_white])
    blurred, _, _ = Augmentation(replace(OFF, blur_probability=0.2, blur_sigma=0.05))(canvas, points, mask)
    lower = blurred.amax(dim=(-2, -1)) < canvas.amax(dim=(-2, -1)) - 1e-4
    assert 0.15 < float(lower.float().mean()) < 0.22
    torch.testing.assert_close(centroid(blurred), points[:, 0], atol=0.02, rtol=0)


def test_cutout_blackens_one_or_two_patches_of_the_sizes_asked_for() -> None:
    torch.manual_seed(8)
    settings = replace(OFF, cutout_probability=0.5, cutout_patches=2, cutout_side=(0.1, 0.2))
    films = 400
    cut, _, _ = Augmentation(settings)(
        torch.ones(films, 1, 100, 100), torch.zeros(films, 1, 2), torch.ones(films, 1).bool()
    )
    assert set(cut.unique().tolist()) == {0.0, 1.0}
    black = (cut == 0).sum(dim=(1, 2, 3))
    assert 0.42 < float((black > 0).float().mean()) < 0.58
    assert black.max() <= 2 * 21 * 21
    assert float(black[black > 0].float().mean()) > 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"invert_probability": 1.2},
        {"scale": 1.0},
        {"gamma": (1.2, 2.0)},
        {"cutout_side": (0.3, 0.1)},
        {"rotation_degrees": -1},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(AugmentSettings(), **wrong)
