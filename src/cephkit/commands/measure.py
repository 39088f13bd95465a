"""``cephkit measure``: landmarks or films in, angles, distances and ratios out."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import tyro
from numpy.typing import NDArray

from cephkit.cephalometry.analyses import AnalysisName
from cephkit.cephalometry.folder import TABLE, MeasuredFolder, Origin, path_digest
from cephkit.cephalometry.measured import MeasuredFilm, measure_film
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet import sheet_html
from cephkit.cephalometry.source import films_left_out, is_label_file, measured_files
from cephkit.config import parse
from cephkit.data.about import OLDEST, About, Sex, about_lines, read_about
from cephkit.data.film_rows import of_film
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.names import film_name
from cephkit.data.opened import open_film
from cephkit.data.pixels import content_hash, pixel_hash, read_bytes, to_uint8
from cephkit.data.spacing import Spacing, said_spacing
from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.files import utf8, write_whole
from cephkit.notice import NOTICE, VERSION
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord

if TYPE_CHECKING:
    from cephkit.inference.model import Model

Grey8: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class MeasureOptions:
    """Measure faces by their landmarks, or straight on films: a JSON file and a sheet per film, one measurements.csv.

    The same command again goes on where it was stopped, another adds to the table.

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
    """Analyses to make, e.g. Steiner Wits; without it all but ISBI, whose rules for classes are a challenge's."""
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
    """By how much lengths on the film exceed the head's, for McNamara's norms; 0 where mm are those of the head."""
    expected_error_mm: float | None = None
    """How far off landmarks are on average, where the file does not say it: for the standard errors."""
    sheet: bool = True
    """Write a page per film with its tracing and all measurements, to look at or to print."""
    films: Path | None = None
    """Folder of the films that JSON files belong to: for the tracings, which are on white without it."""
    ignore_bad_pixel_size: bool = False
    """With --checkpoint: read DICOM films whose own pixel size cannot be one without it; else they are not read."""
    resume: bool = True
    """Leave films alone that were measured with these settings already."""
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
    if model is not None and model.predictor.rests_on:
        print(f"errors told rest on {model.predictor.rests_on}")
    results = MeasuredFolder(options.out, run_digest(options, model), options.resume)
    tally = _Tally()
    try:
        for number, file in enumerate(files, start=1):
            line = _done_with(file, about, pictures, model, options, results, tally)
            if line:
                print(f"[{number}/{len(files)}] {line}", flush=True)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is left, results so far are in {results.folder}")
        raise
    finally:
        _sum_up(results, tally)
        for line in about_lines(about, tally.looked_for):
            print(line)
    print(NOTICE)
    return 1 if tally.failures else 0


@dataclass
class _Tally:
    """What became of the films."""

    failures: int = 0
    without_size: int = 0
    there: int = 0
    named: int = 0
    looked_for: list[Path] = field(default_factory=list)
    """Films whose rows were looked for in ``--about``."""


def _sum_up(results: MeasuredFolder, tally: _Tally) -> None:
    """Make the table of all that is in the folder, and say what it has."""
    count = results.write_table()
    if tally.there:
        print(f"{tally.there} film(s) were measured with these settings already; --no_resume measures them anew")
    if tally.without_size:
        print(
            f"{tally.without_size} film(s) without a pixel size: no lengths; give --pixel_size_mm, --ruler or --about"
        )
    if count:
        earlier = f", of which {count - tally.named} of earlier runs" if count > tally.named else ""
        print(f"table: {results.folder / TABLE}, {count} film(s){earlier}")


def _done_with(
    file: Path,
    about: Mapping[str, About],
    pictures: FilmsByName | None,
    model: "Model | None",
    options: MeasureOptions,
    results: MeasuredFolder,
    tally: _Tally,
) -> str:
    """One film measured and written; what the screen says of it, nothing where its result was there."""
    try:
        record = read_record(file) if is_label_file(file) else None
        data = read_bytes(file)
        # What predict named a-2 for want of another name may be the film a.png.
        film_file = Path(record.file or film_name(file)) if record is not None else file
        tally.looked_for.append(film_file)
        origin = _origin(file, data, record)
        name = results.name_for(film_name(file), origin)
        known = results.done(name, origin, options.sheet)
        if known is None:
            film, grey = _measured(
                name, file, data, record, of_film(about, film_file) or About(), pictures, model, options
            )
    except (LabelError, FilmError, SettingsError) as error:
        tally.failures += 1
        return f"FAILED {error}"
    tally.named += 1
    if known is not None:
        tally.there += 1
        tally.failures += not known.has_values
        tally.without_size += not known.has_size
        return ""
    replaced = "" if results.known(name) is None else " (its earlier result is replaced)"
    # Before the sheet: a sheet alone, left by a run that was stopped, would pass for someone else's.
    results.write(name, origin, film.to_dict())
    written = results.json_path(name)
    if options.sheet:
        written = results.sheet_path(name)
        write_whole(written, _sheet(film, grey))
    tally.failures += not film.has_values
    tally.without_size += film.record.spacing is None
    return f"{film.line()} -> {written}{replaced}"


def _origin(file: Path, data: bytes, record: LandmarkRecord | None) -> Origin:
    if record is None:
        return Origin(file.name, content_hash(data))
    return Origin(file.name, content_hash(data), path_digest(file), record.film_hash)


def run_digest(options: MeasureOptions, model: "Model | None") -> str:
    """A name for all that decides what a film's result says, but for the film."""
    told = {
        "cephkit": VERSION,
        "models": [] if model is None else [loaded.meta["sha256"] for loaded in model.predictor.loaded],
        "mode": None if model is None else model.facts["mode"],
        "analysis": options.analysis,
        "spacing": [options.pixel_size_mm, options.ruler],
        "subject": [options.age, options.sex, options.enlargement_percent],
        "about": "" if options.about is None else content_hash(options.about.read_bytes()),
        "facing": options.facing,
        "expected_error_mm": options.expected_error_mm,
        "films": "" if options.films is None else path_digest(options.films),
        "any_spacing": options.ignore_bad_pixel_size,
    }
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


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
        options.checkpoint, device=options.device, tta=options.tta, notify=print,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip


def _measured(
    name: str,
    file: Path,
    data: bytes,
    record: LandmarkRecord | None,
    row: About,
    pictures: FilmsByName | None,
    model: "Model | None",
    options: MeasureOptions,
) -> tuple[MeasuredFilm, Grey8 | None]:
    """The film measured, and its picture where there is one."""
    grey: Grey8 | None = None
    said: Spacing | None = row.spacing or said_spacing(options.pixel_size_mm, options.ruler)
    if record is not None:
        if pictures is not None and options.sheet:
            grey = _picture(record, file, pictures)
    else:
        assert model is not None
        preprocessed = model.preprocess(file, said, data)
        (record,), grey = model.predict_preprocessed([preprocessed]), preprocessed.grey
    film = measure_film(
        name,
        file,
        replace(record, spacing=said or record.spacing),
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


def _picture(record: LandmarkRecord, file: Path, pictures: FilmsByName) -> Grey8:
    """The film that landmarks belong to.

    Raises:
        SettingsError: it is not there, or is another one.
        FilmError: it cannot be read.
    """
    path = film_named(record.file or film_name(file), pictures, file)
    film = open_film(path, use_spacing=False)
    if record.film_hash and pixel_hash(film.grey) != record.film_hash:
        raise SettingsError(f"{path}: is another film than that of {file}; give the right --films")
    return to_uint8(film.grey)


def _sheet(film: MeasuredFilm, grey: Grey8 | None) -> bytes:
    record = film.record
    page = sheet_html(
        film.name, grey, record.points, film.results, facing=record.facing, spacing=record.spacing,
        subject=film.subject, notes=film.notes, regions=record.review_regions, source=record.made_by,
        errors_rest_on=record.errors_rest_on, film_hash=record.film_hash,
    )  # fmt: skip
    return utf8(page)
