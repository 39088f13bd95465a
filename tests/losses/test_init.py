"""Losses by name."""

import pytest

from cephkit.errors import SettingsError
from cephkit.losses import LOSSES, build_loss
from cephkit.losses.adaptive_wing import AdaptiveWingLoss
from cephkit.losses.softmax import SoftmaxLoss


def test_every_listed_loss_can_be_built() -> None:
    assert list(LOSSES) == ["adaptive_wing", "softmax"]
    assert [type(build_loss(name)) for name in LOSSES] == [AdaptiveWingLoss, SoftmaxLoss]


def test_a_loss_is_added_by_a_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "mine", SoftmaxLoss)
    assert isinstance(build_loss("mine"), SoftmaxLoss)


def test_unknown_loss_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"adaptive_wing, softmax; did you mean adaptive_wing"):
        build_loss("adaptive-wing")
