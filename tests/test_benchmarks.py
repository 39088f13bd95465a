"""The scripts behind the figures in docs/ still fit the package. mypy checks what they call; here they are loaded."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import benchmarks
from cephkit.tuning.space import read_space

NAMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_each_script_loads(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.main)
    assert f"-m benchmarks.{name}" in (module.__doc__ or "")


def test_the_space_of_the_trials_is_one_that_tune_takes() -> None:
    path = Path(benchmarks.__path__[0]) / "trials.yaml"
    space = read_space(path)
    text = path.read_text(encoding="utf-8")
    assert f"--trials {len(space.first)} " in text
    # All but the first change something.
    assert len({tuple(point.items()) for point in space.first}) == len(space.first)
