"""The space file: what it may say, and what is refused with its place."""

from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.tuning.space import Choices, Range, Space, read_space


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def read(text: str) -> Space:
        path = tmp_path / "space.yaml"
        path.write_text(text, encoding="utf-8")
        return read_space(path)

    return read


def test_all_of_it(read) -> None:  # type: ignore[no-untyped-def]
    space = read(
        """
settings:
  dataset_path: isbi2015
  epochs: 20
  sigma: 1
search:
  lr: {from: 5e-4, to: 8e-3, log: true}
  warmup_epochs: {from: 0, to: 7, step: 2}
  gradient_accumulation_steps: {from: 1, to: 4}
  image_size: [[192, 160], [256, 256]]
  use_ema: [true, false]
  batch_size: [2, auto]
  sigma: [0.75, 1, 1.5]
first:
  - {lr: 2e-3, image_size: [192, 160], warmup_epochs: 2}
"""
    )
    assert space.search["lr"] == Range(5e-4, 8e-3, None, True, False)
    assert space.search["warmup_epochs"] == Range(0, 6, 2, False, False)
    assert space.search["gradient_accumulation_steps"] == Range(1, 4, None, False, True)
    assert space.search["image_size"] == Choices({"192x160": [192, 160], "256x256": [256, 256]})
    assert space.search["use_ema"] == Choices({"true": True, "false": False})
    # What a point does not name is as in settings (sigma), else as cephkit train has it.
    assert space.first == (
        {
            "lr": 2e-3, "warmup_epochs": 2, "gradient_accumulation_steps": 3, "image_size": "192x160",
            "use_ema": "false", "batch_size": "2", "sigma": "1",
        },
    )  # fmt: skip
    config = space.config({**space.first[0], "use_ema": "false", "batch_size": "auto"}, Path("here"), "cuda:1")
    assert (config.lr, config.image_size, config.use_ema, config.batch_size) == (2e-3, (192, 160), False, "auto")
    assert (config.epochs, config.device) == (20, "cuda:1")
    assert config.save_dir == config.log_dir == Path("here")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has no part search"),
        ("search:", "has no part search"),
        ("search: {}", "names no setting"),
        ("search: [lr]", "expected the settings to search"),
        ("- lr", "expected the parts settings, search and first"),
        ("searches: {lr: [1, 2]}", "no part 'searches'"),
        ("search: {learning_rate: [1, 2]}", "no setting 'learning_rate'"),
        ("search: {lrr: [1, 2]}", "did you mean 'lr'"),
        ("search: {save_dir: [a, b]}", "save_dir cannot stand here"),
        ("search: {dataset_path: [a, b]}", "errors could not be compared"),
        ("search: {truth: [mean, senior]}", "errors could not be compared"),
        ("search: {lr: 1e-3}", "expected a list of two or more values"),
        ("search: {lr: [1e-3]}", "expected a list of two or more values"),
        ("search: {sigma: [1, 1]}", "listed twice"),
        ("search: {lr: [1e-3, -1]}", "--lr must be above 0, got -1"),
        ("search: {model: {from: 1, to: 2}}", "model is not a number"),
        ("search: {use_ema: {from: 0, to: 1}}", "use_ema is not a number"),
        ("search: {lr: {from: 1e-3}}", "a range has from and to"),
        ("search: {lr: {from: 1e-3, to: 1e-2, steps: 2}}", "not steps"),
        ("search: {lr: {from: 1e-2, to: 1e-3}}", "must be less than"),
        ("search: {lr: {from: 0, to: 1e-3, log: true}}", "from must be above 0"),
        ("search: {lr: {from: 0, to: 1e-3}}", "--lr must be above 0"),
        ("search: {lr: {from: 1e-4, to: 1e-3, log: true, step: 1e-4}}", "do not go together"),
        ("search: {lr: {from: 1e-4, to: 1e-3, log: 1}}", "log is true or false"),
        ("search: {lr: {from: a, to: 1e-3}}", "expected a number, got 'a'"),
        ("search: {lr: {from: .nan, to: 1e-3}}", "expected a number"),
        ("search: {lr: {from: 1e-4, to: .inf}}", "expected a number"),
        ("search: {lr: {from: 1e-4, to: 1e-3, step: 0}}", "step 0 does not fit"),
        ("search: {epochs: {from: 1.5, to: 3}}", "whole numbers only"),
        ("settings: {save_dir: x}\nsearch: {lr: [1, 2]}", "each trial has its own"),
        ("settings: {epoch: 3}\nsearch: {lr: [1, 2]}", "did you mean 'epochs'"),
        ("settings: {epochs: many}\nsearch: {lr: [1, 2]}", "epochs"),
        ("settings: 3\nsearch: {lr: [1, 2]}", "expected lines 'name: value'"),
        ("search: {lr: [1, 2]}\nfirst: {lr: 1}", "first is a list"),
        ("search: {lr: [1, 2]}\nfirst: [{sigma: 1}]", "sigma is not searched"),
        ("search: {lr: [1, 2]}\nfirst: [{lr: 3}]", "lr: 3, is not in the search (1 or 2)"),
        ("search: {lr: [1, 2]}\nfirst: [{}]", "lr: 0.0005, which settings or else the defaults of cephkit train have"),
        ("search: {lr: {from: 1, to: 2}}\nfirst: [{lr: x}]", "expected a number, got 'x'"),
        (
            "search: {epochs: {from: 10, to: 20}}\nfirst: [{epochs: 12.5}]",
            "12.5, is not in the search (whole numbers, 10",
        ),
        (
            "search: {vram_budget: {from: 1, to: 2}}\nfirst: [{}]",
            "cephkit train have, is not in the search (1 to 2); give",
        ),
        ("settings: {model: 2024-01-01}\nsearch: {lr: [1, 2]}", "line 1, column 12: model: YAML reads a date here"),
        (
            "search: {model: [2024-01-01, hrnet]}",
            "model: YAML reads a date here; put texts that look like one in quotes",
        ),
        ("search: {batch_size: {from: 0, to: 4}}", "--batch_size must be 1 or more, or auto, got 0"),
        ("search: {lr: [1, 2], lr: [3, 4]}", "lr is set twice"),
        ("search: {lr: &a [1, 2], sigma: *a}", "anchors and aliases"),
        ("search: {lr: !!python/object:os.system [1, 2]}", "tags"),
        ("search: {lr: [[[[[1]]]]]}", "nested too deeply"),
        ("search: {image_size: [[192, 160], [100, 100]]}", "two multiples of 32"),
        ("search: {lr: [1, 2", "not valid YAML"),
    ],
)
def test_faults_are_named_with_their_place(read, text: str, fault: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SettingsError) as caught:
        read(text)
    message = str(caught.value)
    assert fault in message
    assert message.startswith("--space ")
    assert "space.yaml" in message


def test_a_range_of_a_setting_that_also_takes_a_word(read) -> None:  # type: ignore[no-untyped-def]
    space = read("search: {batch_size: {from: 1, to: 4}}\nfirst: [{batch_size: 3}]")
    assert space.search["batch_size"] == Range(1, 4, None, False, True)
    assert space.config(space.first[0], Path("here")).batch_size == 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"space.yaml: cannot be read"):
        read_space(tmp_path / "space.yaml")
