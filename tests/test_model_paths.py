from pathlib import Path

import pytest

from cephkit.errors import CheckpointError
from cephkit.model_paths import BEST, checkpoint_files, is_checkpoint, local, one_checkpoint
from tests.test_hub import COMMIT, Hub
from tests.test_published import folder_of


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_folders_and_names_on_the_hub_in_the_order_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Hub(tmp_path / "snapshots", monkeypatch)
    published, run = folder_of(tmp_path), touch(tmp_path / "run" / BEST)
    folds = [touch(tmp_path / "folds" / f"fold_{number}" / BEST) for number in (1, 2, 10)]
    lines: list[str] = []
    given: list[Path | str] = [tmp_path / "a.pth", published, "hf:ann/ceph", tmp_path / "folds", run.parent]
    found = checkpoint_files(given, lines.append)
    assert found == [tmp_path / "a.pth", published, there.root / COMMIT, *folds, run]
    assert len(lines) == 1


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no checkpoint_best\.pth, .* and is no published model"):
        checkpoint_files([tmp_path])


def test_where_one_model_is_wanted_several_are_refused(tmp_path: Path) -> None:
    folds = [touch(tmp_path / f"fold_{number}" / BEST) for number in (1, 2)]
    with pytest.raises(CheckpointError, match="holds 2 models; name one of them, such as"):
        one_checkpoint(tmp_path)
    assert one_checkpoint(folds[1]) == folds[1]


def test_what_is_a_model_and_what_a_film(tmp_path: Path) -> None:
    assert is_checkpoint(Path("a.pth"))
    assert is_checkpoint(Path("hf:ann/ceph"))
    assert is_checkpoint(folder_of(tmp_path))
    assert not is_checkpoint(Path("film.png"))
    assert not is_checkpoint(tmp_path)
    assert local(tmp_path) == tmp_path
