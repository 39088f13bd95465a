import shutil
from pathlib import Path

import pytest

from cephkit.data.synthetic.writer import synthesize


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four synthetic films of 256 pixels; never changed."""
    root = tmp_path_factory.mktemp("doubts") / "clean"
    synthesize(root, 24, height=256, workers=1, notify=lambda line: None)
    return root


@pytest.fixture
def spoilt(clean: Path, tmp_path: Path) -> Path:
    """A copy to put faults into."""
    return Path(shutil.copytree(clean, tmp_path / "spoilt"))


@pytest.fixture
def ids(clean: Path) -> list[str]:
    """The ids of the train films."""
    return sorted(path.stem for path in (clean / "train" / "Cephalograms").iterdir())
