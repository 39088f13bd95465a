"""``cephkit train`` from the command line and from Python."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import cephkit
from cephkit.commands.train import main
from cephkit.config import TrainConfig
from cephkit.errors import SettingsError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """The settings of the runs that were started; none is carried out."""
    configs: list[TrainConfig] = []

    def train(config: TrainConfig) -> SimpleNamespace:
        configs.append(config)
        return SimpleNamespace(status=130)

    monkeypatch.setattr("cephkit.training.run.train", train)
    return configs


def test_python_takes_keywords_or_one_object(started: list[TrainConfig]) -> None:
    wanted = TrainConfig(epochs=3, save_dir=Path("here"), image_size=(64, 96))
    cephkit.train(epochs=3, save_dir="here", image_size=(64, 96))
    cephkit.train(wanted)
    assert started == [wanted, wanted]


def test_a_mistake_starts_nothing(started: list[TrainConfig]) -> None:
    with pytest.raises(SettingsError, match=r"cephkit\.train: there is no setting 'epoch'; did you mean 'epochs'"):
        cephkit.train(epoch=3)
    with pytest.raises(SettingsError, match="--epochs must be 1 or more, got 0"):
        main(["--epochs", "0"])
    assert started == []


def test_the_status_is_that_of_the_run(started: list[TrainConfig]) -> None:
    assert main(["--epochs", "3"]) == 130
    assert (started[0].epochs, started[0].device) == (3, "auto")
