"""The guide's three commands, as written but for data set, epochs, size and device."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cephkit.checkpoint import read_checkpoint
from cephkit.config import TrainConfig
from cephkit.settings.reading import parse_with_file

ROOT = Path(__file__).parents[1]
COMMON = (
    "--model hrnet --batch_size 2 --gradient_accumulation_steps 3 --epochs 1 --loss adaptive_wing --mixed_precision "
    "--num_workers 2 --use_ram_cache --save_dir checkpoints_1024x1024 --log_dir logs_1024x1024 --image_size 64 64 "
    "--device cpu"
)
SCRATCH = f"{COMMON} --lr 5e-4 --warmup_epochs 5"
FINE_TUNE = f"--resume checkpoints/checkpoint_best.pth {COMMON} --lr 1e-5 --warmup_epochs 3"


@pytest.fixture
def home(tmp_path: Path, tiny_aariz: Path) -> Path:
    """A folder as the guide's reader has it: the scripts, and the data set beside them."""
    for name in ("train_1024x1024.py", "train_1024x1024_rtx3070ti.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(tiny_aariz, tmp_path / "Aariz")
    return tmp_path


def start(command: list[str], home: Path, typed: str = "", **environment: str) -> str:
    own = {"XDG_CACHE_HOME": str(home / "cache"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=home, env={**os.environ, **own, **environment}, input=typed, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout


def settings_of(command: str) -> TrainConfig:
    script, *flags = command.split()
    assert script == "train_1024x1024.py"
    return parse_with_file(TrainConfig, flags, "cephkit train")


def test_from_scratch_then_fine_tune(home: Path) -> None:
    script = [sys.executable, "train_1024x1024.py", "--dataset_path", "Aariz"]
    said = start([*script, *SCRATCH.split()], home)
    assert "effective batch 6 = 2 x 3" in said
    # Not every CPU computes bfloat16; where it would be emulated the run says so and stays in float32.
    assert ("bf16-mixed" in said) != ("continuing in float32" in said)
    assert said.count("No pretrained weights") == 1  # there is no network: one clear line, and it goes on
    best = home / "checkpoints_1024x1024" / "checkpoint_best.pth"
    assert read_checkpoint(best).config["lr"] == 5e-4
    shutil.copytree(home / "checkpoints_1024x1024", home / "checkpoints")

    said = start([*script, *FINE_TUNE.split()], home)
    assert "--resume: fine-tuning from checkpoints/checkpoint_best.pth" in said.replace("\\", "/")
    assert read_checkpoint(best).config["lr"] == 1e-5
    assert list((home / "logs_1024x1024").glob("events.out.tfevents.*"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_menu_asks_only_when_there_is_something_to_fine_tune(home: Path) -> None:
    menu = ["bash", "train_1024x1024_rtx3070ti.sh"]
    changed = {"EPOCHS": "1", "IMAGE_SIZE": "64 64", "DEVICE": "cpu", "PYTHON": "echo"}  # which prints the command
    said = start(menu, home, **changed)
    assert "1  fine-tune it" not in said
    assert "Learning rate   5e-4" in said
    assert settings_of(said.splitlines()[-1]) == settings_of(f"train_1024x1024.py --dataset_path Aariz {SCRATCH}")
    (home / "checkpoints").mkdir()
    (home / "checkpoints" / "checkpoint_best.pth").touch()
    said = start(menu, home, typed="1\n", **changed)
    assert "1  fine-tune it" in said
    assert "Learning rate   1e-5" in said
    assert settings_of(said.splitlines()[-1]) == settings_of(f"train_1024x1024.py --dataset_path Aariz {FINE_TUNE}")


def test_the_batch_file_is_the_twin_of_the_shell_script() -> None:
    bat = (ROOT / "train_1024x1024_rtx3070ti.bat").read_bytes()
    assert b"\r\n" in bat
    assert b"\n" not in bat.replace(b"\r\n", b"")  # cmd misreads labels in files with Unix line ends
    texts = [bat.decode("ascii"), (ROOT / "train_1024x1024_rtx3070ti.sh").read_text(encoding="ascii")]
    commands = [text[text.index("train_1024x1024.py") :] for text in texts]
    flags = [re.findall(r"--\w+", command) for command in commands]
    assert flags[0] == flags[1]
    assert set(flags[0]) >= {"--mixed_precision", "--use_ram_cache", "--gradient_accumulation_steps"}
    for rate in ("1e-5", "5e-4"):
        assert all(rate in text for text in texts)
