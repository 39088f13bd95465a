"""Files of settings that are none: one message with the place, at once."""

import tracemalloc
from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.settings.yaml_file import read_settings

BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"lr: 1\nepochs: 2024-13-45", "line 2, column 9: '2024-13-45' cannot be read (month must be in 1..12)"),
        (b"lr: [1, 2024-02-31]", "line 1, column 5"),
        (b"lr: !!int ''", "line 1, column 5: tags (!) are not supported"),
        (b"lr: !!python/object/apply:os.system [x]", "line 1, column 5: tags (!) are not supported"),
        (b"? [1, 2]\n: 3", "line 1, column 3: expected a name, got a list"),
        (b"? {a: b}\n: 3", "line 1, column 3: expected a name, got a list"),
        (b"lr: " + b"[" * 30_000, "line 1, column 6: nested too deeply"),
        (b"lr: {a: {b: c}}", "line 1, column 9: nested too deeply"),
        (BOMB.encode(), "line 1, column 4: anchors and aliases"),
        (b"<<: *x", "line 1, column 5: anchors and aliases"),
        (b"lr: {[a]: 1}", "nested too deeply"),
        (b'lr: 1\nsave_dir: "a\\0b"', "line 2, column 11: 'a\\x00b' cannot be read (a null character"),
        (b'films: [a, "b\\0"]', "line 1, column 8"),
        (b"lr: 1\nlr: 2", "line 2, column 1: lr is set twice, first in line 1, column 1"),
        (b"a\n b\xff", "line 2, column 3: is not UTF-8 text"),
        (b"lr: 1\n# \x00", "line 2, column 3: is not valid YAML"),
        (b"- 1", "line 1, column 1: expected lines of the form"),
        (b"lr: 1\n\tepochs: 2", "line 2, column 1: is not valid YAML"),
        (b"lr: 1\n---\nlr: 2", "line 2, column 1: is not valid YAML"),
        (b"lr: 1" + b"0" * 10_000, "line 1, column 5: '1000"),
        (b"x" * 70_000, "more than 64 KiB"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_fault_is_one_message_with_its_place(tmp_path: Path, text: bytes, complaint: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(text)
    tracemalloc.start()
    with pytest.raises(SettingsError) as caught:
        read_settings(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert complaint in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 20 * 2**20


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "\ufefflr: 1"])
def test_empty_files_and_byte_order_marks_are_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    assert {name: setting.value for name, setting in read_settings(file).items()} == ({"lr": 1} if "lr" in text else {})


def test_values_and_their_places(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("lr: 1.0e-3\n\nimage_size: [64, 96]\nuse_ema: true\nresume: null\n", encoding="utf-8")
    settings = read_settings(file)
    assert [setting.value for setting in settings.values()] == [1e-3, [64, 96], True, None]
    assert settings["image_size"].place == "line 3, column 1"
