from pathlib import Path
from typing import get_args

import pytest

from cephkit.cli import main as cephkit
from cephkit.commands.export import FormatName, main
from cephkit.errors import LabelError, SettingsError
from cephkit.interchange.formats import FORMATS
from tests.interchange.films import write_label, write_prediction


def test_every_format_has_a_writer() -> None:
    assert {*FORMATS, "onnx"} == set(get_args(FormatName))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "csv"), "no landmarks"),
        (("none.json", "--format", "csv"), "there is no such file"),
        (("none.json", "--format", "csv", "--pixel_size_mm", "9"), "--pixel_size_mm must be 0.005 to 2 mm"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        main([*arguments, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_a_broken_file_ends_the_command_before_anything_is_written(tmp_path: Path) -> None:
    write_label(tmp_path / "in" / "a.json", {})
    (tmp_path / "in" / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(LabelError, match=r"b\.json"):
        main([str(tmp_path / "in"), "--format", "aariz", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_files_that_are_there_stay_unless_overwrite_is_said(tmp_path: Path) -> None:
    write_label(tmp_path / "in" / "f.json", {"A": (1.0, 2.0)})
    arguments = [str(tmp_path / "in"), "--format", "aariz", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    with pytest.raises(SettingsError, match="already there"):
        main(arguments)
    assert main([*arguments, "--overwrite"]) == 0
    with pytest.raises(SettingsError, match="is being read"):
        main([str(tmp_path / "in"), "--format", "aariz", "--out", str(tmp_path / "in"), "--overwrite"])


def test_the_command_line_reaches_both_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_prediction(tmp_path / "in" / "f.json")
    out = tmp_path / "out"
    assert cephkit(["export", str(tmp_path / "in"), "--format", "cvat", "--out", str(out)]) == 0
    assert "Research use only; not a medical device." in capsys.readouterr().out
    assert cephkit(["import", str(out / "cvat_annotations.xml"), "--format", "cvat", "--out", str(out / "back")]) == 0
    assert (out / "back" / "f.json").is_file()
    assert cephkit(["export", str(tmp_path / "none"), "--format", "csv"]) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "onnx"), "takes --checkpoint and no landmarks"),
        (("f.json", "--format", "onnx", "--checkpoint", "c.pth"), "takes --checkpoint and no landmarks"),
        (("f.json", "--format", "csv", "--checkpoint", "c.pth"), "--checkpoint is for --format onnx"),
        (("--format", "csv"), "no landmarks"),
    ],
)
def test_a_model_and_landmarks_are_not_mixed_up(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        main(list(arguments))
