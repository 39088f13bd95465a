"""``cephkit measure``: landmarks in, angles, distances and ratios out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

import cephkit
from cephkit import NOTICE
from cephkit.cephalometry.about import OLDEST, About, read_about
from cephkit.cephalometry.analyses import NOT_POSSIBLE, AnalysisName, measure
from cephkit.cephalometry.frame import Facing, covariance_of_error, facing_of
from cephkit.cephalometry.norms import Sex, Subject
from cephkit.cephalometry.results import COLUMNS, Result
from cephkit.cephalometry.source import RESULT_ENDING, Marked, label_files, read_marked
from cephkit.config import parse
from cephkit.data.check import SELLA_NASION_MM
from cephkit.data.machines import LARGEST_MM, SMALLEST_MM
from cephkit.errors import LabelError, SettingsError
from cephkit.files import write_csv, write_json

TABLE = "measurements.csv"
TABLE_COLUMNS = ("film", "file", *COLUMNS, "facing", "pixel_size_mm", "age", "sex", "doubt", "notice")


@dataclass(frozen=True)
class MeasureOptions:
    """Measure faces by their landmarks: a JSON file per film, and one measurements.csv.

    Research use only; not a medical device.
    """

    landmarks: tyro.conf.Positional[tuple[Path, ...]]
    """JSON files in Aariz's schema, such as cephkit predict writes, or folders of them."""
    out: Path = Path("measurements")
    """Folder for the results; made where there is none."""
    analysis: tuple[AnalysisName, ...] = ()
    """Analyses to make, e.g. Steiner Wits; without it all of them."""
    pixel_size_mm: float | None = None
    """Millimetres per pixel of these films; without it angles and ratios only."""
    age: float | None = None
    """Years, for norms that depend on it."""
    sex: Sex | None = None
    """For norms that depend on it."""
    about: Path | None = None
    """CSV with a row per film: film, and any of pixel_size_mm, age, sex (Aariz's machine map is one); before flags."""
    facing: Literal["auto", "right", "left"] = "auto"
    """Where the faces look; auto: what the file says, else what the landmarks show."""
    enlargement_percent: float | None = None
    """By how much lengths on the film exceed the head's; McNamara's norms of lengths need it."""
    expected_error_mm: float | None = None
    """How far off landmarks are on average, where the file does not say it: for the standard errors."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: no file, or a number that cannot be.
        """
        if not self.landmarks:
            raise SettingsError("cephkit measure: no landmarks; give JSON files or folders of them")
        for name, low, high, of in (
            ("pixel_size_mm", SMALLEST_MM, LARGEST_MM, "mm"),
            ("age", 0.0, OLDEST, "years"),
            ("enlargement_percent", 0.0, 50.0, "percent"),
            ("expected_error_mm", 0.0, 100.0, "mm"),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(f"--{name} must be {low:g} to {high:g} {of}, got {value}")


@dataclass(frozen=True)
class _Film:
    """One film, measured."""

    name: str
    marked: Marked
    facing: Facing | None
    facing_origin: str
    about: About
    pixel_size_origin: str
    results: tuple[Result, ...]
    notes: tuple[str, ...]


def main(argv: list[str]) -> int:
    """Run the command; 0, or 1 where a file could not be read or nothing could be measured on it.

    Raises:
        CephkitError: nothing could be done, e.g. no such file.
    """
    return measure_films(parse(MeasureOptions, argv, "cephkit measure"))


def measure_films(options: MeasureOptions) -> int:
    """Measure all films; see ``main``."""
    files = label_files(options.landmarks)
    about = {} if options.about is None else read_about(options.about)
    names = _names(files)
    rows: list[dict[str, Any]] = []
    failures = 0
    for number, (name, file) in enumerate(zip(names, files, strict=True), start=1):
        try:
            marked = read_marked(file)
        except LabelError as error:
            print(f"[{number}/{len(files)}] FAILED {error}")
            failures += 1
            continue
        film = _measured(name, marked, about.get(file.stem), options)
        written = options.out / f"{name}{RESULT_ENDING}"
        write_json(written, _film_json(film, options))
        rows += _film_rows(film)
        print(f"[{number}/{len(files)}] {_said(film)} -> {written}")
        failures += all(result.value is None for result in film.results)
    if rows:
        write_csv(options.out / TABLE, TABLE_COLUMNS, rows)
        print(f"table: {options.out / TABLE}")
    print(NOTICE)
    return 1 if failures else 0


def _names(files: Sequence[Path]) -> list[str]:
    """A name for each film's results: the file's stem, with a number where another file has that name."""
    taken: set[str] = set()
    names = []
    for file in files:
        name, number = file.stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{file.stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _measured(name: str, marked: Marked, row: About | None, options: MeasureOptions) -> _Film:
    facing, facing_origin = _facing(marked, options)
    size, origin = options.pixel_size_mm, "--pixel_size_mm" if options.pixel_size_mm is not None else "unknown"
    if row is not None and row.pixel_size_mm is not None and options.about is not None:
        size, origin = row.pixel_size_mm, options.about.name
    age = row.age if row is not None and row.age is not None else options.age
    sex = row.sex if row is not None and row.sex is not None else options.sex
    spread = dict(marked.covariances_px or {})
    if options.expected_error_mm is not None and size is not None:
        default = covariance_of_error(options.expected_error_mm / size)
        spread = {symbol: spread.get(symbol, default) for symbol in marked.points}
    results = measure(
        marked.points,
        facing=facing,
        pixel_size_mm=size,
        covariances_px=spread,
        subject=Subject(age, sex, options.enlargement_percent),
        analyses=options.analysis or None,
    )
    notes = (*marked.notes, *_doubts(marked, size))
    return _Film(name, marked, facing, facing_origin, About(size, age, sex), origin, results, notes)


def _facing(marked: Marked, options: MeasureOptions) -> tuple[Facing | None, str]:
    if options.facing != "auto":
        return options.facing, "--facing"
    return (marked.facing, "file") if marked.facing is not None else (facing_of(marked.points), "landmarks")


def _doubts(marked: Marked, pixel_size_mm: float | None) -> tuple[str, ...]:
    """Why the film's lengths, or its side, may be wrong."""
    doubts = []
    seen = facing_of(marked.points)
    if marked.facing is not None and seen is not None and seen != marked.facing:
        doubts.append(f"the file says that the face looks {marked.facing}, the landmarks say {seen}")
    if pixel_size_mm is not None and {"S", "N"} <= marked.points.keys():
        low, high = SELLA_NASION_MM
        size = math.dist(marked.points["S"], marked.points["N"]) * pixel_size_mm
        if not low <= size <= high:
            doubts.append(
                f"S-N would measure {size:.0f} mm, in a head it is {low:g} to {high:g}: the pixel size is doubtful, "
                "and with it all lengths"
            )
    return tuple(doubts)


def _film_json(film: _Film, options: MeasureOptions) -> dict[str, Any]:
    return {
        "film": film.name,
        "file": film.marked.path.name,
        "facing": film.facing,
        "facing_origin": film.facing_origin,
        "pixel_size_mm": film.about.pixel_size_mm,
        "pixel_size_origin": film.pixel_size_origin,
        "age": film.about.age,
        "sex": film.about.sex,
        "enlargement_percent": options.enlargement_percent,
        "expected_error_mm": options.expected_error_mm,
        "notes": list(film.notes),
        "measurements": [result.to_dict() for result in film.results],
        "not_possible": NOT_POSSIBLE,
        "cephkit": cephkit.__version__,
        "notice": NOTICE,
    }


def _film_rows(film: _Film) -> list[dict[str, Any]]:
    shared = {
        "film": film.name,
        "file": film.marked.path.as_posix(),
        "facing": film.facing,
        "pixel_size_mm": film.about.pixel_size_mm,
        "age": film.about.age,
        "sex": film.about.sex,
        "doubt": "; ".join(film.notes) or None,
        "notice": NOTICE,
    }
    return [{**shared, **result.to_dict()} for result in film.results]


def _said(film: _Film) -> str:
    """One film's line on the screen."""
    ids = {result.measurement: result.value is not None for result in film.results}
    said = f"{film.marked.path.name}: {sum(ids.values())} of {len(ids)} measurements"
    said += "; faces left" if film.facing == "left" else ""
    classes = [
        f"{result.name} {result.value:.2f}: {result.class_name} ({result.class_rule})"
        + (", ON THE BORDER" if result.class_on_border else "")
        for result in film.results
        if result.class_name is not None and result.measurement == "anb"
    ]
    said += "".join(f"; {text}" for text in classes)
    return said + "".join(f"; LOOK: {note}" for note in film.notes)
