"""The scripts behind the figures in docs/ still fit the package. mypy checks what they call; here they are loaded."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import benchmarks
from benchmarks.trials import BASE, TRIALS
from cephkit.config import TrainConfig

NAMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_each_script_loads(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.main)
    assert f"-m benchmarks.{name}" in (module.__doc__ or "")


@pytest.mark.parametrize("name", TRIALS)
def test_each_trial_patches_what_is_there(name: str) -> None:
    with TRIALS[name][2]():
        assert TrainConfig(dataset_path=(Path("films"),), **{**BASE, **TRIALS[name][1]}).epochs == BASE["epochs"]
