"""``cephkit measure``: landmarks or films in, angles, distances and ratios out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from cephkit.cephalometry.analyses import AnalysisName
from cephkit.cephalometry.folder import TABLE, MeasuredFolder, path_digest
from cephkit.cephalometry.measuring import Grey8, Measuring
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.source import films_left_out, is_label_file, measured_files
from cephkit.commands.film_options import FilmOptions
from cephkit.data.about import OLDEST, Sex, about_lines, read_about
from cephkit.data.folder import films_by_name
from cephkit.data.spacing import Spacing
from cephkit.errors import SettingsError
from cephkit.notice import NOTICE
from cephkit.pdf import check_pdf
from cephkit.records.record import LandmarkRecord
from cephkit.settings.options import Device, Views, between
from cephkit.settings.reading import parse

if TYPE_CHECKING:
    from cephkit.inference.model import Model


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(Views, Device, FilmOptions):
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
    pdf: bool = False
    """Also write the page as PDF; with --no_sheet, only as PDF."""
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
    """Run ``cephkit measure``; the status is 0, or 1 if a file could not be read or nothing could be measured on it.

    Raises:
        CephkitError: nothing could be done, e.g. there is no such file.
    """
    return measure_films(parse(MeasureOptions, argv, "cephkit measure"))


def measure_films(options: MeasureOptions) -> int:
    """Measure all films; see ``main``."""
    if options.pdf:
        check_pdf()
    files = measured_files(options.landmarks, options.recursive)
    for folder in options.landmarks:
        if folder.is_dir() and options.checkpoint and (count := films_left_out(folder)):
            print(f"{folder}: its JSON files are measured, its {count} film(s) are not; give the films themselves")
    about = {} if options.about is None else read_about(options.about)
    pictures = None if options.films is None else films_by_name(options.films)
    model = _model(options, files)
    if model is not None and model.predictor.rests_on:
        print(f"expected errors are based on {model.predictor.rests_on}")
    run = options.digest(
        model,
        analysis=options.analysis,
        subject=[options.age, options.sex, options.enlargement_percent],
        facing=options.facing,
        expected_error_mm=options.expected_error_mm,
        films="" if options.films is None else path_digest(options.films),
        any_spacing=options.ignore_bad_pixel_size,
    )
    measuring = Measuring(
        MeasuredFolder(options.out, run, options.resume), None if model is None else partial(_find, model), about,
        pictures, spacing=options.spacing, subject=Subject(options.age, options.sex, options.enlargement_percent),
        analyses=options.analysis, facing=None if options.facing == "auto" else options.facing,
        expected_error_mm=options.expected_error_mm, sheet=options.sheet, pdf=options.pdf,
    )  # fmt: skip
    try:
        for number, file in enumerate(files, start=1):
            line = measuring.measure(file)
            if line:
                print(f"[{number}/{len(files)}] {line}", flush=True)
    except KeyboardInterrupt:
        print(f"stopped; re-run to resume; the results so far are in {options.out}")
        raise
    finally:
        _sum_up(measuring)
        for line in about_lines(about, measuring.looked_up):
            print(line)
    print(NOTICE)
    return 1 if measuring.failures else 0


def _sum_up(measuring: Measuring) -> None:
    """Write the table of all that is in the folder, and print what it contains."""
    count, sizeless = measuring.results.write_table(), measuring.without_size
    if measuring.existing:
        print(f"{measuring.existing} film(s) were already measured with these settings; --no_resume repeats them")
    if sizeless:
        print(f"{sizeless} film(s) without a pixel size: no lengths; use --pixel_size_mm, --ruler or --about")
    if count:
        earlier = f", of which {count - measuring.named} of earlier runs" if count > measuring.named else ""
        print(f"table: {measuring.results.folder / TABLE}, {count} film(s){earlier}")


def _model(options: MeasureOptions, files: Sequence[Path]) -> "Model | None":
    films = [file for file in files if not is_label_file(file)]
    if not films:
        if options.checkpoint:
            raise SettingsError(
                "--checkpoint finds landmarks on films, but these are JSON files, or folders with JSON files; "
                "leave it out, or give the films"
            )
        return None
    if not options.checkpoint:
        raise SettingsError(f"{films[0]}: a film needs --checkpoint, to find its landmarks; or give its JSON")
    from cephkit.inference.model import load_model  # torch, which label files do not need

    return load_model(
        options.checkpoint, device=options.device, tta=options.tta, notify=print,
        ignore_bad_pixel_size=options.ignore_bad_pixel_size,
    )  # fmt: skip


def _find(model: "Model", file: Path, spacing: Spacing | None, data: bytes) -> tuple[LandmarkRecord, Grey8]:
    film = model.preprocess(file, spacing, data)
    (record,) = model.predict_preprocessed([film])
    return record, film.grey
