"""Losses by name."""

import pytest

from cephkit.errors import SettingsError
from cephkit.losses import LOSSES, build_loss


def test_every_listed_loss_can_be_built() -> None:
    assert list(LOSSES) == ["adaptive_wing", "softmax"]
    assert all(type(build_loss(name)) is LOSSES[name] for name in LOSSES)


def test_unknown_loss_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"adaptive_wing, softmax; did you mean adaptive_wing"):
        build_loss("adaptive-wing")
