from pathlib import Path

import pytest

from cephkit.commands.evaluate import EvaluateOptions
from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.settings.reading import from_keywords, from_yaml, parse, parse_with_file, to_plain


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
        ("a: [1, :", "line 1, column 8: is not valid YAML"),
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


def test_plain_settings_survive_yaml(tmp_path: Path) -> None:
    import yaml

    config = TrainConfig(lr=1e-3, resume=Path("a/b.pth"), image_size=(64, 96), limited_ram_cache=0)
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(to_plain(config)), encoding="utf-8")
    assert from_yaml(TrainConfig, file) == config


def test_a_file_overrides_the_callers_defaults(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("device: cpu\n", encoding="utf-8")
    assert parse_with_file(TrainConfig, [], "train", device="cuda").device == "cuda"
    assert parse_with_file(TrainConfig, ["--config", str(file)], "train", device="cuda").device == "cpu"


def test_keywords_make_options_of_plain_values() -> None:
    made = from_keywords(EvaluateOptions, None, {"checkpoint": "a.pth", "split": ["valid"], "out": "there"}, "evaluate")
    assert made == EvaluateOptions(checkpoint=(Path("a.pth"),), split=("valid",), out=Path("there"))
    assert from_keywords(EvaluateOptions, made, {}, "evaluate") is made


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"epoch": 3}, "cephkit.train: there is no setting 'epoch'; did you mean 'epochs'?"),
        ({"epochs": 0}, "--epochs must be 1 or more, got 0"),
        ({"use_ema": 1}, "use_ema"),
    ],
)
def test_a_mistake_in_a_keyword_is_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_keywords(TrainConfig, None, settings, "cephkit.train")
    assert complaint in str(error.value)


def test_an_object_and_keywords_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="either an options object or keyword arguments"):
        from_keywords(TrainConfig, TrainConfig(), {"epochs": 3}, "cephkit.train")
