"""Prints the rooms of the source tree: files, lines, largest file, and which imports point up or round in a circle.

``python docs/rooms.py [SOURCE]``; SOURCE is the folder of the package, by default this checkout's.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOMS = (
    "cephkit", "__main__", "cli", "commands", "review", "doubts", "doctor", "tuning", "training", "publishing",
    "evaluation", "calibration", "onnx", "datasets", "interchange", "inference", "cephalometry", "drawing",
    "memory", "task", "records", "checkpoint", "model_paths", "hub", "published", "config", "settings", "augment",
    "models", "losses", "heatmaps", "data", "device", "torchrun", "interrupt", "shortage", "pages", "pdf", "screen",
    "files", "landmarks", "yaml_file", "geometry", "errors", "notice",
)  # fmt: skip
"""From top to bottom: a room imports from rooms that come after it."""

FORMER = {
    "definitions": "landmarks",
    "demo": "commands",
    "export": "interchange",
    "placing": "drawing",
    "progress": "screen",
    "settings_file": "settings",
    "tables": "files",
}
"""Rooms of earlier trees -> the room in whose place they stood."""

Arrow = tuple[str, str]


def room_of(module: str) -> str:
    """``cephkit.data.film`` -> ``data``; ``cephkit`` itself is a room of its own."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def modules(source: Path) -> dict[str, Path]:
    """Dotted name -> file, of every module of the package in ``source``."""
    found = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Modules of the package that ``file`` imports, at its top or when a function is called."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in known:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else node.module


def arrows(source: Path) -> dict[Arrow, list[Arrow]]:
    """(room, room that it imports from) -> the modules that do so."""
    known = modules(source)
    found: dict[Arrow, list[Arrow]] = defaultdict(list)
    for module, file in known.items():
        for target in imports(file, known):
            if room_of(target) != room_of(module):
                found[room_of(module), room_of(target)].append((module, target))
    return dict(found)


def arrows_up(found: Mapping[Arrow, list[Arrow]]) -> list[Arrow]:
    """Imports from a room that stands higher in ``ROOMS``."""
    return [arrow for (above, below), each in found.items() if place(above) > place(below) for arrow in each]


def place(room: str) -> int:
    """How far down ``room`` stands.

    Raises:
        ValueError: it is in neither list.
    """
    return ROOMS.index(FORMER.get(room, room))


def cycles(found: Mapping[Arrow, list[Arrow]]) -> list[list[str]]:
    """Groups of rooms each of which reaches all others of its group by imports."""
    reached = {room: {below for above, below in found if above == room} for arrow in found for room in arrow}
    for middle in reached:
        for room in reached:
            if middle in reached[room]:
                reached[room] |= reached[middle]
    groups = {
        tuple(sorted(other for other in reached[room] if room in reached[other])) for room in reached
    }  # fmt: skip
    return sorted(list(group) for group in groups if group)


def main() -> None:
    """Print the table."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "src" / "cephkit"
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    for module, file in modules(source).items():
        sizes[room_of(module)][file.name] = len(file.read_text(encoding="utf-8").splitlines())
    found = arrows(source)
    print(f"{'room':<15}{'files':>6}{'lines':>7}  {'largest file':<28}imports from")
    for room in sorted(sizes, key=place):
        largest = max(sizes[room], key=sizes[room].__getitem__)
        below = sorted({target for start, target in found if start == room}, key=place)
        shape = f"{len(sizes[room]):>6}{sum(sizes[room].values()):>7}  {f'{largest} {sizes[room][largest]}':<28}"
        print(f"{room:<15}{shape}{' '.join(below)}")
    total = sum(sum(files.values()) for files in sizes.values())
    up = arrows_up(found)
    print(f"\n{len(sizes)} rooms, {sum(map(len, sizes.values()))} files, {total} lines")
    print(f"{len(up)} imports up", *(f"  {start} -> {target}" for start, target in up), sep="\n")
    circles = cycles(found)
    print(f"{len(circles)} cycles", *(f"  {' '.join(group)}" for group in circles), sep="\n")


if __name__ == "__main__":
    main()
