"""The documents say what the program does: flags, links, commands, names, and an example that runs."""

import importlib.util
import re
import shlex
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cephkit.commands import COMMANDS
from cephkit.config import TrainConfig
from cephkit.settings.reading import from_yaml, parse, parse_with_file

ROOT = Path(__file__).parents[1]
ROOT_PAGES = ("README.md", "README.fa.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in ROOT_PAGES), *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = ROOT / "docs" / "reference.md"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def load_script(name: str) -> ModuleType:
    """A script of docs/, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FLAGS = load_script("flags")


def named() -> set[str]:
    """What the reference writes as code, outside its code blocks."""
    return set(re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```$", "", read(REFERENCE), flags=re.M | re.S)))


def fenced(text: str, language: str = "") -> list[str]:
    """The code blocks of a page, of one language or of all."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [block for kind, block in blocks if language in ("", kind)]


def commands(page: Path) -> list[str]:
    """Lines of a page's code blocks that start cephkit or the guide's script."""
    lines = [line.strip() for block in fenced(read(page)) for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if re.match(r"cephkit |python train_1024x1024\.py", line)]


def slugs(page: Path) -> set[str]:
    """Anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_flag_tables_are_those_of_the_settings_classes() -> None:
    # After a change of a flag, its default or its meaning: python docs/flags.py
    assert FLAGS.rendered(read(REFERENCE)) == read(REFERENCE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_table_of_all_its_flags(command: str) -> None:
    section = read(REFERENCE).split(f"<!-- flags {command} -->")[1].split("<!-- end -->")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    options = COMMANDS[command].options_class()
    inherited = fields(TrainConfig) if command == "doctor" else ()  # doctor takes train's flags, which have a table
    assert len(rows) == len(fields(options)) - len(inherited)
    for row in rows:
        _, _, default, meaning, _ = re.split(r"(?<!\\)\|", row)
        assert default.strip()
        assert meaning.strip()


def test_the_table_shows_a_changed_default() -> None:
    rows = {flag: default for _, flag, default, _ in FLAGS.rows(TrainConfig)}
    assert rows["`--image_size`"] == "`1024 1024`"
    assert rows["`--pretrained`, `--no_pretrained`"] == "on"
    assert rows["`--use_ddp`, `--multi_gpu`"] == "off"
    assert rows["`--resume`"] == "none"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in slugs(target), f"{page.name}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_source_file_named_exists(page: Path) -> None:
    named_files = set(re.findall(r"\b(?:src|tests|benchmarks|docs)/[\w/]+\.\w+", read(page)))
    example = {
        "src/cephkit/a/b.py",
        "tests/a/test_b.py",
        "src/cephkit/losses/squared.py",
        "src/cephkit/models/two_layers.py",
        "src/cephkit/datasets/point_files.py",
    }
    assert [name for name in sorted(named_files - example) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_is_understood(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        command, rest = ("train", words[2:]) if words[0] == "python" else (words[1], words[2:])
        if command == "train" and "--config" in rest:
            at = rest.index("--config")
            rest = rest[:at] + rest[at + 2 :]  # the file is an example
        if command.startswith("-") or rest == ["--help"]:
            continue
        parse(COMMANDS[command].options_class(), rest, f"cephkit {command}")


def test_the_readmes_have_the_same_commands() -> None:
    english, persian = (fenced(read(ROOT / name)) for name in ("README.md", "README.fa.md"))
    assert len(commands(ROOT / "README.md")) >= 6
    assert commands(ROOT / "README.fa.md") == commands(ROOT / "README.md")
    assert persian == english


def test_the_python_page_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from PIL import Image

    from tests.inference.test_predictor import tiny_checkpoint

    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(tmp_path / "checkpoint_best.pth", ("A", "N", "S", "B"))
    (tmp_path / "films").mkdir()
    film = np.random.default_rng(0).integers(0, 255, (480, 400)).astype(np.uint8)
    for name in ("film.png", "films/a.png", "films/b.jpg"):
        Image.fromarray(film).save(tmp_path / name)
    (tmp_path / "films" / "broken.png").write_bytes(b"")
    names: dict[str, Any] = {}
    for block in fenced(read(ROOT / "docs" / "python.md"), "python"):
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["spacing"].row_mm == 0.1
    assert names["scanned"].mean_mm == pytest.approx(0.02**0.5)
    assert (tmp_path / "film.json").is_file()
    assert len(names["table"]) == 4


def test_the_api_page_has_every_public_name() -> None:
    import cephkit

    listed = re.findall(r"^\.\. auto\w+:: cephkit\.(\w+)$", read(ROOT / "docs" / "api.md"), re.M)
    assert sorted(listed) == sorted(cephkit.__all__)


def test_the_landmark_page_is_what_its_script_says() -> None:
    # After a change of a definition or of the synthetic films: python docs/landmarks.py
    landmarks, page = load_script("landmarks"), read(ROOT / "docs" / "landmarks.md")
    assert landmarks.rendered(page) == page
    names = {landmarks.picture_name(landmark) for landmark in landmarks.AARIZ}
    assert {path.name for path in landmarks.PICTURES.iterdir()} == names | {"all.jpg"}


def test_windows_installs_as_the_readme_says() -> None:
    (install,) = (block for block in fenced(read(ROOT / "docs" / "windows.md")) if "is_available" in block)
    assert install in fenced(read(ROOT / "README.md"))


def test_the_citation_names_this_version() -> None:
    import tomllib

    citation = re.search(r"^version: (.+)$", read(ROOT / "CITATION.cff"), re.M)
    assert citation is not None
    assert citation[1] == tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["version"]


@pytest.mark.parametrize("number", range(len(fenced(read(REFERENCE), "yaml"))))
def test_the_yaml_example_is_a_valid_file(number: int, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(fenced(read(REFERENCE), "yaml")[number], encoding="utf-8")
    assert from_yaml(TrainConfig, file).lr == 5e-4
    assert parse_with_file(TrainConfig, ["--config", str(file), "--epochs", "50"], "train").limited_ram_cache == 300


def test_the_reference_names_every_tag_column_and_key() -> None:
    from cephkit.evaluation.metrics import Metrics
    from cephkit.evaluation.tables import ERROR_COLUMNS, LANDMARK_COLUMNS, MACHINE_COLUMNS, SPLIT_COLUMNS
    from cephkit.records.record import COLUMNS
    from cephkit.training.log import EPOCH_TAGS, STEP_TAGS

    wanted = {*EPOCH_TAGS, *STEP_TAGS, *COLUMNS, *ERROR_COLUMNS, *LANDMARK_COLUMNS, *MACHINE_COLUMNS, *SPLIT_COLUMNS}
    wanted |= {field.name for field in fields(Metrics)}
    assert wanted - named() == set()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, tiny_aariz: Path) -> dict[str, Any]:
    """The names and values that the reference's Python example leaves behind, run on tiny films."""
    import shutil

    home = tmp_path_factory.mktemp("example")
    shutil.copytree(tiny_aariz, home / "Aariz")
    (block,) = fenced(read(REFERENCE), "python")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        names: dict[str, Any] = {"__name__": "example"}
        exec(compile(block, str(REFERENCE), "exec"), names)
        names["main"]()
    return {**names, "home": home}


def test_the_python_example_runs(example: dict[str, Any]) -> None:
    assert (example["home"] / "evaluation" / "metrics.json").is_file()


def test_the_reference_names_every_key_of_a_checkpoint_and_of_metrics_json(example: dict[str, Any]) -> None:
    import json

    import torch

    latest = torch.load(example["home"] / "checkpoints_small" / "checkpoint_latest.pth", weights_only=True)
    assert {*latest, *latest["spec"], *latest["training"]} - named() == set()
    metrics = json.loads((example["home"] / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) - named() == set()
