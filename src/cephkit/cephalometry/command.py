"""``cephkit measure``: landmarks or films in, angles, distances and ratios out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import tyro
from numpy.typing import NDArray

from cephkit import NOTICE
from cephkit.cephalometry.analyses import AnalysisName
from cephkit.cephalometry.measured import TABLE_COLUMNS, MeasuredFilm, measure_film
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet import SHEET_ENDING, sheet_html
from cephkit.cephalometry.source import (
    RESULT_ENDING,
    Marked,
    films_left_out,
    is_label_file,
    marked_by,
    measured_files,
    read_marked,
)
from cephkit.config import parse
from cephkit.data.about import OLDEST, About, Sex, about_lines, read_about
from cephkit.data.film_rows import of_film
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.names import film_key, film_name
from cephkit.data.opened import open_film
from cephkit.data.pixels import pixel_hash, to_uint8
from cephkit.data.spacing import Spacing, said_spacing
from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.files import utf8, write_csv, write_json, write_whole

if TYPE_CHECKING:
    from cephkit.inference.model import Model

TABLE = "measurements.csv"
Grey8: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class MeasureOptions:
    """Measure faces by their landmarks, or straight on films: a JSON file and a sheet per film, one measurements.csv.

    Research use only; not a medical device.
    """

    landmarks: tyro.conf.Positional[tuple[Path, ...]]
    """JSON files in Aariz's schema, such as cephkit predict's; with --checkpoint also films; or folders of them."""
    checkpoint: tuple[Path, ...] = ()
    """A checkpoint_*.pth of cephkit train, to find the landmarks of films with; or several, to be averaged."""
    recursive: bool = False
    """With --checkpoint: search the folders in a folder of films too."""
    out: Path = Path("measurements")
    """Folder for the results; made where there is none."""
    analysis: tuple[AnalysisName, ...] = ()
    """Analyses to make, e.g. Steiner Wits; without it all of them."""
    pixel_size_mm: float | None = None
    """Millimetres per pixel of these films; counts before what the file says. Without any: angles and ratios only."""
    ruler: tuple[float, float, float, float, float] | None = None
    """The same by a ruler on the films: x1 y1 x2 y2 of two of its marks in pixels, and the mm between them."""
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
    sheet: bool = True
    """Write a page per film with its tracing and all measurements, to look at or to print."""
    films: Path | None = None
    """Folder of the films that JSON files belong to: for the tracings, which are on white without it."""
    ignore_bad_pixel_size: bool = False
    """With --checkpoint: read DICOM films whose own pixel size cannot be one without it; else they are not read."""
    tta: bool = False
    """With --checkpoint: look at each film several times and average."""
    device: str = "cuda"
    """With --checkpoint: cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: no file, or a number that cannot be.
        """
        # ``--checkpoint A.pth film.png``: the flag takes all that follows; what is no checkpoint is to be measured.
        more = tuple(path for path in self.checkpoint[1:] if path.suffix != ".pth")
        object.__setattr__(self, "landmarks", (*self.landmarks, *more))
        object.__setattr__(self, "checkpoint", tuple(path for path in self.checkpoint if path not in more))
        if not self.landmarks:
            raise SettingsError("cephkit measure: no landmarks; give JSON files or folders, or films and --checkpoint")
        said_spacing(self.pixel_size_mm, self.ruler)
        for name, low, high, of in (
            ("age", 0.0, OLDEST, "years"),
            ("enlargement_percent", 0.0, 50.0, "percent"),
            ("expected_error_mm", 0.0, 100.0, "mm"),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(f"--{name} must be {low:g} to {high:g} {of}, got {value}")


def main(argv: list[str]) -> int:
    """Run the command; 0, or 1 where a file could not be read or nothing could be measured on it.

    Raises:
        CephkitError: nothing could be done, e.g. no such file.
    """
    return measure_films(parse(MeasureOptions, argv, "cephkit measure"))


def measure_films(options: MeasureOptions) -> int:
    """Measure all films; see ``main``."""
    files = measured_files(options.landmarks, options.recursive)
    for folder in options.landmarks:
        if folder.is_dir() and options.checkpoint and (count := films_left_out(folder)):
            print(f"{folder}: its JSON files are measured, its {count} film(s) are not; give the films themselves")
    about = {} if options.about is None else read_about(options.about)
    pictures = None if options.films is None else films_by_name(options.films)
    model = _model(options, files)
    done = _Done()
    rows = _rows(files, about, pictures, model, options, done)
    first = next(rows, None)
    if first is not None:
        write_csv(options.out / TABLE, TABLE_COLUMNS, chain([first], rows))
        print(f"table: {options.out / TABLE}")
    for line in about_lines(about, done.looked_for):
        print(line)
    if done.without_size:
        print(f"{done.without_size} film(s) without a pixel size: no lengths; give --pixel_size_mm, --ruler or --about")
    if done.stopped:
        print("stopped; the same command begins anew")
        raise KeyboardInterrupt
    print(NOTICE)
    return 1 if done.failures else 0


@dataclass
class _Done:
    """What became of the films, counted while their rows come."""

    failures: int = 0
    without_size: int = 0
    stopped: bool = False
    looked_for: list[Path] = field(default_factory=list)
    """Films whose rows were looked for in ``--about``."""


def _rows(
    files: Sequence[Path],
    about: Mapping[str, About],
    pictures: FilmsByName | None,
    model: "Model | None",
    options: MeasureOptions,
    done: _Done,
) -> Iterator[dict[str, Any]]:
    """The table's rows, film by film; each film's own files are written and its line said before its rows come."""
    for number, (name, file) in enumerate(zip(_names(files), files, strict=True), start=1):
        try:
            film, grey = _measured(name, file, about, pictures, model, options, done.looked_for)
        except KeyboardInterrupt:
            done.stopped = True  # the table is made of what is done
            return
        except (LabelError, FilmError, SettingsError) as error:
            print(f"[{number}/{len(files)}] FAILED {error}", flush=True)
            done.failures += 1
            continue
        written = options.out / f"{name}{RESULT_ENDING}"
        write_json(written, film.to_dict())
        if options.sheet:
            written = options.out / f"{name}{SHEET_ENDING}"
            write_whole(written, _sheet(film, grey))
        print(f"[{number}/{len(files)}] {film.line()} -> {written}", flush=True)
        done.failures += not film.has_values
        done.without_size += film.spacing is None
        yield from film.rows()


def _model(options: MeasureOptions, files: Sequence[Path]) -> "Model | None":
    films = [file for file in files if not is_label_file(file)]
    if not films:
        if options.checkpoint:
            raise SettingsError(
                "--checkpoint finds landmarks on films, and here are JSON files only, or folders with JSON files; "
                "leave it out, or give the films"
            )
        return None
    if not options.checkpoint:
        raise SettingsError(f"{films[0]}: a film has to be given --checkpoint, to find its landmarks; or give its JSON")
    from cephkit.inference.model import load_model  # torch, which label files can do without

    return load_model(
        options.checkpoint, device=options.device, tta=options.tta, say=print,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip


def _names(files: Sequence[Path]) -> list[str]:
    """A name for each film's results: the file's stem, with a number where another file has that name."""
    taken: set[str] = set()
    names = []
    for file in files:
        stem = film_name(file)
        name, number = stem, 1
        while film_key(name) in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(film_key(name))
        names.append(name)
    return names


def _measured(
    name: str,
    file: Path,
    about: Mapping[str, About],
    pictures: FilmsByName | None,
    model: "Model | None",
    options: MeasureOptions,
    looked_for: list[Path],
) -> tuple[MeasuredFilm, Grey8 | None]:
    """The film measured, and its picture where there is one."""
    grey: Grey8 | None = None
    marked = read_marked(file) if is_label_file(file) else None
    # What predict named a-2 for want of another name may be the film a.png.
    film_file = Path(marked.film_file or film_name(file)) if marked is not None else file
    row = of_film(about, film_file) or About()
    looked_for.append(film_file)
    said: Spacing | None = row.spacing or said_spacing(options.pixel_size_mm, options.ruler)
    if marked is not None:
        if pictures is not None and options.sheet:
            grey = _picture(marked, pictures)
    else:
        assert model is not None
        shown = model.show(file, said)
        marked, grey = marked_by(model, shown, file), shown.grey
    film = measure_film(
        name,
        marked,
        said or marked.spacing,
        Subject(
            options.age if row.age is None else row.age,
            options.sex if row.sex is None else row.sex,
            options.enlargement_percent,
        ),
        options.analysis,
        None if options.facing == "auto" else options.facing,
        options.expected_error_mm,
    )
    return film, grey


def _picture(marked: Marked, pictures: FilmsByName) -> Grey8:
    """The film that landmarks belong to.

    Raises:
        SettingsError: it is not there, or is another one.
        FilmError: it cannot be read.
    """
    path = film_named(marked.film_file or film_name(marked.path), pictures, marked.path)
    film = open_film(path, use_spacing=False)
    if marked.film_hash and pixel_hash(film.grey) != marked.film_hash:
        raise SettingsError(f"{path}: is another film than that of {marked.path}; give the right --films")
    return to_uint8(film.grey)


def _sheet(film: MeasuredFilm, grey: Grey8 | None) -> bytes:
    marked = film.marked
    page = sheet_html(
        film.name, grey, marked.points, film.results, facing=film.facing, spacing=film.spacing, subject=film.subject,
        notes=film.notes, regions=marked.look_regions, source=marked.said_by, film_hash=marked.film_hash,
    )  # fmt: skip
    return utf8(page)
