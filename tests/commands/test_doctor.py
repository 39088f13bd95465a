import json
from pathlib import Path

import pytest
import torch

from cephkit.commands import doctor as command
from cephkit.commands.doctor import DoctorOptions, guarded, main
from cephkit.doctor.checks import Check, Report, failure, ok, warning
from cephkit.doctor.nvidia import Smi
from cephkit.errors import SettingsError
from tests.conftest import write_tiny_aariz

EXPECTED_HERE = {"device", "landmarks", "pixel sizes", "image size", "model"}
"""Warnings for a tiny data set with a tiny network on a machine that may have no card."""


def flags(root: Path, folder: Path) -> list[str]:
    return [
        "--dataset_path", str(root), "--model", "resnet18", "--image_size", "64", "64", "--mixed_precision",
        "--use_ram_cache", "--num_workers", "0", "--epochs", "2", "--device", "cpu", "--save_dir", str(folder / "save"),
        "--log_dir", str(folder / "log"), "--cache_dir", str(folder / "cache"), "--json",
    ]  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], argv: list[str]) -> tuple[int, dict[str, Check], dict[str, int]]:
    capsys.readouterr()
    status = main(argv)
    plain = json.loads(capsys.readouterr().out)
    assert all(set(check) == {"name", "status", "found", "remedy"} for check in plain["checks"])
    return status, {check["name"]: Check(**check) for check in plain["checks"]}, plain["summary"]


def test_a_healthy_data_set_has_no_failure(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, checks, summary = run(capsys, flags(tiny_aariz, tmp_path))
    assert status == summary["exit_status"] == 1
    assert summary["failure"] == 0
    assert {name for name, check in checks.items() if check.status == "warning"} == EXPECTED_HERE
    assert {
        "Python",
        "torch",
        "TensorBoard",
        "films",
        "memory",
        "workers",
        "disk",
        "peak memory",
        "time",
    } <= checks.keys()
    assert all(check.remedy for check in checks.values() if check.status != "ok")
    assert not (tmp_path / "save").exists()


def test_broken_films_are_a_failure_in_plain_text_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tiny_aariz(tmp_path / "Aariz", train=3, valid=2)
    (root / "train" / "Cephalograms" / "t1.png").write_bytes(b"")
    argv = [*flags(root, tmp_path), "--no_timing"]
    status, checks, summary = run(capsys, argv)
    assert status == summary["exit_status"] == 2
    assert "train/t1" in checks["broken films"].found
    assert "time" not in checks
    argv.remove("--json")
    assert main(argv) == 2
    out = capsys.readouterr().out
    assert "FAILURE  broken films" in out
    assert "1 failure. Training would not work" in out


def test_automatic_settings_without_a_card_are_a_failure(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*flags(tiny_aariz, tmp_path), "--no_timing", "--batch_size", "auto"]
    status, checks, _ = run(capsys, argv)
    assert (status, checks["settings"].status) == (2, "failure")
    assert "--vram_budget" in checks["settings"].remedy
    status, checks, _ = run(capsys, [*argv, "--vram", "8"])
    assert checks["batch"].status == "ok"
    assert "for a card of 8 GiB" in checks["peak memory"].found


@pytest.mark.parametrize(
    ("checks", "status"),
    [([ok("a", "b")], 0), ([ok("a", "b"), warning("c", "d", "e")], 1), ([failure("a", "b", "c")], 2)],
)
def test_the_exit_status(monkeypatch: pytest.MonkeyPatch, checks: list[Check], status: int) -> None:
    monkeypatch.setattr(command, "go_through", lambda options, report: report.add(checks))
    assert main([]) == status


def test_without_torch_the_list_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ask_nvidia_smi", Smi)
    monkeypatch.setattr(command, "torch_import_check", lambda: failure("torch", "cannot be imported: x", "install it"))
    report = Report(quiet=True)
    command.go_through(DoctorOptions(), report)
    assert [check.name for check in report.checks] == ["Python", "torch"]


def test_a_look_that_stumbles_becomes_a_line() -> None:
    def stumbles() -> Check:
        raise RuntimeError("driver shut down\nand more")

    def refuses() -> Check:
        raise SettingsError("no such model", "choose another")

    (stumbled,), (refused,) = guarded("card", stumbles), guarded("peak", refuses)
    assert stumbled.status == "warning"
    assert stumbled.found == "could not be checked (RuntimeError: driver shut down)"
    assert (refused.status, refused.found, refused.remedy) == ("failure", "no such model", "choose another")
    assert guarded("page file", lambda: None) == []
    assert guarded("a", lambda: [ok("a", "b")]) == [ok("a", "b")]


def test_the_flags_are_those_of_training() -> None:
    assert DoctorOptions().batch_size == 2
    with pytest.raises(SettingsError, match="--vram must be above 0"):
        DoctorOptions(vram=-1)
    with pytest.raises(SettingsError, match="epochs"):
        main(["--epochs", "0"])


def test_a_config_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[DoctorOptions] = []
    monkeypatch.setattr(command, "go_through", lambda options, report: seen.append(options))
    (tmp_path / "run.yaml").write_text("epochs: 7\nmixed_precision: true\n", encoding="utf-8")
    main(["--config", str(tmp_path / "run.yaml"), "--vram", "8"])
    assert (seen[0].epochs, seen[0].mixed_precision, seen[0].vram) == (7, True, 8)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card")
def test_on_a_card_everything_can_be_looked_at(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = flags(tiny_aariz, tmp_path)
    argv[argv.index("cpu")] = "cuda"
    _, checks, _ = run(capsys, argv)
    assert {"driver", "video memory", "half precision"} <= checks.keys()
    assert [check for check in checks.values() if "could not be checked" in check.found] == []
    assert "of video memory" in checks["time"].found
    assert "free video memory" in checks["peak memory"].found
