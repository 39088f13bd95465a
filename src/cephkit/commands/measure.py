"""``cephkit measure``: landmarks or films in, angles, distances and ratios out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
import tyro
from numpy.typing import NDArray

from cephkit.cephalometry.analyses import AnalysisName
from cephkit.cephalometry.folder import TABLE, MeasuredFolder, Origin, path_digest
from cephkit.cephalometry.measured import MeasuredFilm, measure_film
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet import sheet_html
from cephkit.cephalometry.source import films_left_out, is_label_file, measured_files
from cephkit.commands.film_options import FilmOptions
from cephkit.data.about import OLDEST, About, Sex, about_lines, read_about
from cephkit.data.film_rows import of_film
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.names import film_name
from cephkit.data.opened import open_film
from cephkit.data.pixels import content_hash, pixel_hash, read_bytes, to_uint8
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.files import utf8, write_whole
from cephkit.notice import NOTICE
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.settings.reading import parse
from cephkit.settings.rules import between

if TYPE_CHECKING:
    from cephkit.inference.model import Model

Grey8: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(FilmOptions):
    """Measure faces from landmarks or straight from films: a JSON file and a sheet per film, one measurements.csv.

    Re-run to resume; another run adds to the table. --checkpoint and what runs it are for films; label files have
    their landmarks. Research use only; not a medical device.
    """

    landmarks: tyro.conf.Positional[tuple[Path, ...]]
    """JSON files in Aariz's schema, such as cephkit predict's; with --checkpoint also films; or folders of them."""
    out: Path = Path("measurements")
    """Folder for the results; created if it does not exist."""
    analysis: tuple[AnalysisName, ...] = ()
    """Analyses to make, e.g. Steiner Wits; default: all but ISBI, whose rules for classes are those of a challenge."""
    age: Annotated[float | None, between(0, OLDEST, "years")] = None
    """Age in years, for norms that depend on it."""
    sex: Sex | None = None
    """Sex, for norms that depend on it."""
    facing: Literal["auto", "right", "left"] = "auto"
    """Which way the faces look; auto: what the file says, else what the landmarks show."""
    enlargement_percent: Annotated[float | None, between(0, 50, "percent")] = None
    """How much longer lengths are on the film than in the head, for McNamara's norms; 0: they are the same."""
    expected_error_mm: Annotated[float | None, between(0, 100, "mm")] = None
    """Average landmark error if the file does not give one: for the standard errors."""
    sheet: bool = True
    """Write a page per film with its tracing and all measurements, to view or to print."""
    films: Path | None = None
    """Folder of the films that JSON files belong to: for the tracings, which are on white without it."""

    def __post_init__(self) -> None:
        self.separate_films("landmarks")
        super().__post_init__()

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if not self.landmarks:
            yield "no landmarks; give JSON files or folders, or films and --checkpoint"


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
        print(f"expected errors are based on {model.predictor.rests_on}")
    results = MeasuredFolder(options.out, _run(options, model), options.resume)
    tally = _Tally()
    try:
        for number, file in enumerate(files, start=1):
            line = _done_with(file, about, pictures, model, options, results, tally)
            if line:
                print(f"[{number}/{len(files)}] {line}", flush=True)
    except KeyboardInterrupt:
        print(f"stopped; re-run to resume; the results so far are in {results.folder}")
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
        print(f"{tally.there} film(s) were already measured with these settings; --no_resume measures them again")
    if tally.without_size:
        print(f"{tally.without_size} film(s) without a pixel size: no lengths; use --pixel_size_mm, --ruler or --about")
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


def _run(options: MeasureOptions, model: "Model | None") -> str:
    return options.digest(
        model,
        analysis=options.analysis,
        subject=[options.age, options.sex, options.enlargement_percent],
        facing=options.facing,
        expected_error_mm=options.expected_error_mm,
        films="" if options.films is None else path_digest(options.films),
        any_spacing=options.ignore_bad_pixel_size,
    )


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
    said: Spacing | None = row.spacing or options.spacing
    if record is not None:
        if pictures is not None and options.sheet:
            grey = _picture(record, file, pictures)
    else:
        assert model is not None
        shown = model.show(file, said, data)
        (record,), grey = model.predict_shown([shown]), shown.grey
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
