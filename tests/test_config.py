from pathlib import Path

import pytest

from cephkit.config import TrainConfig, from_yaml, parse, parse_with_file, to_plain
from cephkit.errors import SettingsError

# The guide's table: flag -> default.
GUIDE = {
    "dataset_path": Path("Aariz"), "model": "hrnet", "image_size": (1024, 1024), "batch_size": 2,
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


def test_the_guides_flags_have_the_guides_defaults() -> None:
    config = parse(TrainConfig, [], "train")
    assert {name: getattr(config, name) for name in GUIDE} == GUIDE


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


def test_an_unknown_flag_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(TrainConfig, ["--epoch", "3"], "train")
    assert end.value.code == 2
    assert "--epoch" in capsys.readouterr().err


def test_file_overrides_defaults_and_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    # YAML 1.1 reads 5e-4 as a string: it must still be the number that people mean.
    file.write_text("lr: 5e-4\nimage_size: [256, 320]\nepochs: 7\nsave_dir: there\nuse_ema: true\n", encoding="utf-8")
    config = parse_with_file(TrainConfig, ["--config", str(file), "--epochs", "9"], "train")
    assert (config.lr, config.image_size, config.epochs, config.use_ema) == (5e-4, (256, 320), 9, True)
    assert (config.save_dir, config.batch_size) == (Path("there"), 2)
    assert parse_with_file(TrainConfig, [f"--config={file}"], "train").epochs == 7


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epoch: 3", "no setting 'epoch'; did you mean 'epochs'"),
        ("use_ema: 'yes'", "use_ema"),
        ("image_size: [256]", "image_size"),
        ("lr: [1]", "lr"),
        ("loss: mse", "mse"),
        ("- 3", "name: value"),
        ("a: [", "line 1, column 5: is not valid YAML"),
        ("epochs: 3\nlr: [1]", "lr, line 2, column 1"),
        ("seed: .inf", "seed, line 1, column 1"),
        ("epochs: 0", "--epochs must be 1 or more, got 0"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_name_and_the_mistake(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        from_yaml(TrainConfig, file)
    assert str(file) in str(error.value)
    assert complaint in str(error.value)


def test_auto_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("batch_size: auto\nrecompute: auto\neffective_batch: 8\n", encoding="utf-8")
    config = from_yaml(TrainConfig, file)
    assert (config.batch_size, config.recompute, config.effective_batch) == ("auto", "auto", 8)
    file.write_text("batch_size: many\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="batch_size"):
        from_yaml(TrainConfig, file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        from_yaml(TrainConfig, tmp_path / "none.yaml")


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


def test_plain_settings_survive_yaml(tmp_path: Path) -> None:
    import yaml

    config = TrainConfig(lr=1e-3, resume=Path("a/b.pth"), image_size=(64, 96), limited_ram_cache=0)
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(to_plain(config)), encoding="utf-8")
    assert from_yaml(TrainConfig, file) == config


def test_patience_holds_a_validation() -> None:
    with pytest.raises(SettingsError, match="--patience 3 with --validation_frequency 5: one validation would end"):
        TrainConfig(early_stopping=True, patience=3, validation_frequency=5)
    TrainConfig(early_stopping=True, patience=5, validation_frequency=5)
    TrainConfig(patience=3, validation_frequency=5)
