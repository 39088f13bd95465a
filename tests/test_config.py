import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.settings.reading import parse

SCRIPT = Path(__file__).parents[1] / "train_1024x1024.py"
# The guide's table: flag -> default.
GUIDE = {
    "dataset_path": (Path("Aariz"),), "model": "hrnet", "image_size": (1024, 1024), "batch_size": 2,
    "gradient_accumulation_steps": 3, "epochs": 100, "lr": 5e-4, "warmup_epochs": 5, "loss": "adaptive_wing",
    "mixed_precision": False, "num_workers": 2, "use_ram_cache": False, "limited_ram_cache": None, "resume": None,
    "save_dir": Path("checkpoints_1024x1024"), "log_dir": Path("logs_1024x1024"), "device": "cuda",
    "annotation_type": "Senior Orthodontists",
}  # fmt: skip
FINE_TUNE = (
    "--resume checkpoints/checkpoint_best.pth --dataset_path Aariz --model hrnet --image_size 1024 1024 --batch_size 2 "
    "--gradient_accumulation_steps 3 --lr 1e-5 --warmup_epochs 3 --epochs 100 --loss adaptive_wing --mixed_precision "
    "--num_workers 2 --use_ram_cache --save_dir checkpoints_1024x1024 --log_dir logs_1024x1024"
)


def test_the_guides_script_has_the_guides_flags_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[TrainConfig] = []

    def train(config: TrainConfig) -> SimpleNamespace:
        started.append(config)
        return SimpleNamespace(status=0)

    monkeypatch.setattr("cephkit.commands.train.train", train)
    monkeypatch.setattr("sys.argv", ["train_1024x1024.py"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert end.value.code == 0
    assert {name: getattr(started[0], name) for name in GUIDE} == GUIDE
    monkeypatch.setattr("sys.argv", ["train_1024x1024.py", "--device", "cpu"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert started[1].device == "cpu"


def test_cephkit_train_differs_in_its_device_only() -> None:
    config = parse(TrainConfig, [], "train")
    assert {name: getattr(config, name) for name in GUIDE} == {**GUIDE, "device": "auto"}


def test_the_guides_commands_are_understood() -> None:
    config = parse(TrainConfig, FINE_TUNE.split(), "train")
    assert config.resume == Path("checkpoints/checkpoint_best.pth")
    assert (config.lr, config.warmup_epochs, config.mixed_precision, config.hold) == (1e-5, 3, True, None)


def test_the_later_flags_exist_under_their_names() -> None:
    flags = (
        "--use_ema --multi_gpu --use_compile --channels_last --early_stopping --patience 7 --save_frequency 3 "
        "--pin_memory --prefetch_factor 4 --limited_ram_cache 5 --image-size 64 96 --no-pretrained"
    )
    config = parse(TrainConfig, flags.split(), "train")
    assert (config.use_ddp, config.patience, config.prefetch_factor, config.hold) == (True, 7, 4, 5)
    assert (config.image_size, config.pretrained) == ((64, 96), False)
    assert parse(TrainConfig, ["--use_ddp"], "train").use_ddp
    assert parse(TrainConfig, ["--annotation_type", "Junior Orthodontists"], "train").annotation_type.startswith("Jun")


def test_all_contradictions_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        TrainConfig(
            batch_size=0,
            image_size=(1000, 1024),
            use_ram_cache=True,
            limited_ram_cache=4,
            resume_as="continue",
        )
    for part in ("--batch_size", "--image_size", "--limited_ram_cache", "--resume CHECKPOINT"):
        assert part in str(error.value)


def test_patience_holds_a_validation() -> None:
    with pytest.raises(SettingsError, match="--patience 3 with --validation_frequency 5: one validation would end"):
        TrainConfig(early_stopping=True, patience=3, validation_frequency=5)
    TrainConfig(early_stopping=True, patience=5, validation_frequency=5)
    TrainConfig(patience=3, validation_frequency=5)
