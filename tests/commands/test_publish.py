from pathlib import Path
from typing import Any

import pytest

from cephkit.cli import main
from cephkit.commands import publish as command
from tests.publishing.test_publish import FREE, model_at

RESTRICTED = {"data_sets": [{"name": "isbi2015", "layout": "ISBI 2015"}]}
UNKNOWN = {"data_sets": [{"name": "clinic", "layout": "COCO keypoints"}]}


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was uploaded: the name, and the files of the folder."""
    found: list[tuple[Any, ...]] = []

    def upload(folder: Path, repository: str, private: bool) -> str:
        found.append((repository, private, sorted(path.name for path in folder.iterdir())))
        return "https://hub/commit/1"

    monkeypatch.setattr(command, "upload", upload)
    monkeypatch.setattr(command, "check_login", lambda: None)
    return found


def run(path: Path, out: Path, *more: str) -> int:
    return main(["publish", str(path), "--out", str(out), "--no_onnx", *more])


def test_a_model_is_written_and_uploaded(
    tmp_path: Path, uploads: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = model_at(tmp_path / "checkpoint_best.pth", FREE)
    assert run(tmp_path, tmp_path / "ceph", "--repo", "ann/ceph", "--private") == 0  # the folder of a run
    assert uploads == [("ann/ceph", True, ["README.md", "config.json", "model.safetensors"])]
    said = capsys.readouterr().out
    assert "use it as hf:ann/ceph" in said
    assert "HANDED" not in said
    assert "--checkpoint hf:ann/ceph" in (tmp_path / "ceph" / "README.md").read_text(encoding="utf-8")
    assert path.is_file()


def test_a_model_not_to_be_handed_on_is_written_with_a_warning_and_never_uploaded(
    tmp_path: Path, uploads: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = model_at(tmp_path / "c.pth", RESTRICTED)
    assert run(path, tmp_path / "out", "--repo", "ann/ceph") == 2
    assert "not uploaded, because this model was trained or calibrated on ISBI 2015" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(path, tmp_path / "out") == 0
    assert "NOT TO BE HANDED ON: trained or calibrated on ISBI 2015." in capsys.readouterr().out
    assert run(tmp_path / "out", tmp_path / "again", "--repo", "ann/ceph") == 2  # a published folder knows it too
    assert uploads == []


def test_an_unknown_licence_has_to_be_stated_before_an_upload(
    tmp_path: Path, uploads: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = model_at(tmp_path / "c.pth", UNKNOWN)
    assert run(path, tmp_path / "out", "--repo", "ann/ceph") == 2
    assert 'state it with --data_licence "clinic: ..."' in capsys.readouterr().err
    assert run(path, tmp_path / "out", "--repo", "ann/ceph", "--data_licence", "clinic: CC BY 4.0") == 0
    assert len(uploads) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--repo", "ann"), "--repo ann: write owner/name"),
        (("--repo", "../ann"), "write owner/name"),
        (("--private",), "--private needs --repo"),
        (("--data_licence", "clinic"), 'write "NAME: TEXT"'),
    ],
)
def test_wrong_settings_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], message: str
) -> None:
    assert run(model_at(tmp_path / "c.pth"), tmp_path / "out", *more) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
