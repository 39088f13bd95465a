"""X-ray artefacts stay within the greys, spare most of a film, differ from film to film, and follow the seed."""

import pytest
import torch
from torch import Tensor

from cephkit.augment.artefacts import KINDS, Artefacts
from cephkit.augment.augmentation import Augmentation, AugmentSettings

LARGEST_SHARE = {"collimator": 0.6, "exposure": 1.0, "stripes": 1.0, "grid": 0.6}
"""Of a film's pixels that a kind may change; of others it may cover a fifth."""


def films(count: int = 24, size: tuple[int, int] = (128, 96)) -> Tensor:
    """Films of one grey, so that whatever is drawn shows."""
    return torch.full((count, 1, *size), 0.4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(128, 96), (96, 128), (131, 197)])
def test_each_kind_is_drawn_and_leaves_the_rest(kind: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    before = films(size=size)
    after = KINDS[kind](before)
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert torch.isfinite(after).all()
    assert after.min() >= -1e-6
    assert after.max() <= 1 + 1e-6
    changed = ((after - before).abs() > 0.02).float().mean(dim=(1, 2, 3))
    assert (changed > 0).float().mean() >= 0.75  # some lie off the film, or cannot be told from it
    assert changed.mean() <= LARGEST_SHARE.get(kind, 0.2)
    assert len(torch.unique(after.flatten(1), dim=0)) >= 0.75 * len(after)


def test_a_collimator_darkens_the_border_and_spares_the_middle() -> None:
    torch.manual_seed(1)
    after = KINDS["collimator"](films(64, (200, 160)))
    torch.testing.assert_close(after[..., 60:140, 45:115], films(64, (80, 70)), atol=1e-3, rtol=0)
    assert (after <= 0.4 + 1e-6).all()
    assert (after.amin(dim=(1, 2, 3)) < 0.2).float().mean() > 0.8


def test_films_are_chosen_at_the_given_rate() -> None:
    torch.manual_seed(2)
    changed = (Artefacts(0.1)(films(400, (48, 40))) != films(400, (48, 40))).any(dim=-1).any(dim=-1)[:, 0]
    expected = 1 - (1 - 0.1) ** len(KINDS)
    assert abs(changed.float().mean().item() - expected) < 0.09


def test_the_seed_decides() -> None:
    runs = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        runs.append(Artefacts(0.5)(films()))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_probability_0_draws_nothing_and_uses_no_random_number() -> None:
    canvas, points, mask = films(2), torch.rand(2, 3, 2) * 90, torch.ones(2, 3, dtype=torch.bool)
    results = []
    for settings in (AugmentSettings(), AugmentSettings(artefact_probability=0.0)):
        torch.manual_seed(3)
        results.append(Augmentation(settings)(canvas, points, mask)[0])
    after = torch.rand(1)
    assert torch.equal(*results)
    torch.manual_seed(3)
    Augmentation()(canvas, points, mask)
    assert torch.equal(torch.rand(1), after)


def test_points_stay_below_artefacts() -> None:
    torch.manual_seed(4)
    settings = AugmentSettings(rotation_degrees=0, scale=0, translation=0, artefact_probability=1.0)
    points, mask = torch.rand(4, 5, 2) * 90, torch.tensor([[True, True, False, True, True]] * 4)
    _, same, kept = Augmentation(settings)(films(4), points, mask)
    assert torch.equal(same, points)
    assert torch.equal(kept, mask)


def test_a_probability_beyond_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        AugmentSettings(artefact_probability=1.2)
