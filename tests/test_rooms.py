"""The rooms of the source tree: their order, and the size of their files."""

import importlib.util
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cephkit"


def load_rooms() -> ModuleType:
    """docs/rooms.py, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("docs_rooms", ROOT / "docs" / "rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ROOMS = load_rooms()
ARROWS = ROOMS.arrows(SOURCE)
HERE = {ROOMS.room_of(module) for module in ROOMS.modules(SOURCE)}
LINES = {
    file.relative_to(SOURCE).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
    for file in SOURCE.rglob("*.py")
}


def test_every_room_has_a_place_in_the_order() -> None:
    assert HERE - set(ROOMS.ROOMS) == set()


def test_no_import_points_up() -> None:
    assert ROOMS.arrows_up(ARROWS) == []


def test_rooms_form_no_cycle() -> None:
    assert ROOMS.cycles(ARROWS) == []


def test_no_file_is_over_400_lines_and_half_are_under_150() -> None:
    assert {name: lines for name, lines in LINES.items() if lines > 400} == {}
    assert median(LINES.values()) < 150


@pytest.mark.parametrize(
    ("line", "arrow"),
    [
        ("from cephkit.training import loop", ("geometry", "training")),
        ("    from cephkit.training.loop import train", ("geometry", "training")),
        ("    import cephkit.training.loop", ("geometry", "training")),
        ("from cephkit import training", ("geometry", "training")),
    ],
)
def test_an_import_that_points_up_is_found_wherever_it_stands(
    tmp_path: Path, line: str, arrow: tuple[str, str]
) -> None:
    package = tmp_path / "cephkit"
    (package / "training").mkdir(parents=True)
    for name in ("__init__.py", "training/__init__.py"):
        (package / name).write_text("", encoding="utf-8")
    (package / "training" / "loop.py").write_text("from cephkit import geometry\n", encoding="utf-8")
    (package / "geometry.py").write_text(f"def late():\n    pass\n{line}\n", encoding="utf-8")
    found = ROOMS.arrows(package)
    assert set(found) == {arrow, ("training", "geometry")}
    assert len(ROOMS.arrows_up(found)) == 1
    assert ROOMS.cycles(found) == [["geometry", "training"]]


def test_the_architecture_page_lists_the_rooms_in_their_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| room | ")[1].split("\n\n")[0]
    listed = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    assert listed == [room for room in ROOMS.ROOMS if room in HERE]
