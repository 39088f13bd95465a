from pathlib import Path

import pytest

from tests.data.aariz_folder import AarizMaker


@pytest.fixture
def maker(tmp_path: Path) -> AarizMaker:
    return AarizMaker(tmp_path / "Aariz")
