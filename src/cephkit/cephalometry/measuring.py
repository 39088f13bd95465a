"""Measures one file after the other and writes the results into a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cephkit.cephalometry.analyses import AnalysisName
from cephkit.cephalometry.folder import MeasuredFolder, Origin, path_digest
from cephkit.cephalometry.measured import MeasuredFilm, measure_film
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet import PDF_ENDING, SHEET_ENDING, sheet_html, sheet_pdf
from cephkit.cephalometry.sheet_content import sheet_of
from cephkit.cephalometry.source import is_label_file
from cephkit.data.about import About
from cephkit.data.folder import FilmsByName, film_named
from cephkit.data.names import film_name, of_film
from cephkit.data.opened import content_hash, open_film, pixel_hash, read_bytes, to_uint8
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.files import utf8, write_whole
from cephkit.geometry import Facing
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord

Grey8: TypeAlias = NDArray[np.uint8]
Finder: TypeAlias = Callable[[Path, Spacing | None, bytes], tuple[LandmarkRecord, Grey8]]
"""Finds the landmarks of a film: (path, pixel size of the user, bytes of the file) -> (landmarks, the film)."""


@dataclass
class Measuring:
    """Measures files for one run, and counts what became of them."""

    results: MeasuredFolder
    find: Finder | None = None
    """For films; label files need none."""
    about: Mapping[str, About] = field(default_factory=dict)
    """What is known of single films; takes precedence over ``spacing`` and ``subject``."""
    pictures: FilmsByName | None = None
    """The films that label files belong to, for the sheets."""
    spacing: Spacing | None = None
    """Of all films; None: each file's own."""
    subject: Subject = field(default_factory=Subject)
    """Of all films."""
    analyses: tuple[AnalysisName, ...] = ()
    """None: all but ISBI."""
    facing: Facing | None = None
    """None: what the file or its landmarks show."""
    expected_error_mm: float | None = None
    sheet: bool = True
    pdf: bool = False
    """Write the sheet as PDF."""

    failures: int = 0
    """Files that could not be read or on which nothing could be measured."""
    without_size: int = 0
    existing: int = 0
    """Films whose results existed."""
    named: int = 0
    """Films with a result."""
    looked_up: list[Path] = field(default_factory=list)
    """Films whose rows were searched for in ``about``."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Endings of the pages that are wanted."""
        return (SHEET_ENDING,) * self.sheet + (PDF_ENDING,) * self.pdf

    def measure(self, file: Path) -> str:
        """Measure one file and write its results; returns a line for the user, empty if the results existed."""
        try:
            record = read_record(file) if is_label_file(file) else None
            data = read_bytes(file)
            # What predict named a-2, because another film has its name, may be the film a.png.
            film_file = Path(record.file or film_name(file)) if record is not None else file
            self.looked_up.append(film_file)
            origin = _origin(file, data, record)
            name = self.results.name_for(film_name(file), origin)
            known = self.results.done(name, origin, self.pages)
            pages = self.results.pages_to_write(name, origin, self.pages)
            if known is None:
                row = of_film(self.about, film_file) or About()
                film, grey = self._measured(name, file, data, record, row, is_drawn=bool(pages))
        except (LabelError, FilmError, SettingsError) as error:
            self.failures += 1
            return f"FAILED {error}"
        self.named += 1
        if known is not None:
            self.existing += 1
            self.failures += not known.has_values
            self.without_size += not known.has_size
            return ""
        replaced = "" if self.results.known(name) is None else " (its earlier result is replaced)"
        # Before the pages: a page alone, left by a run that was stopped, would be taken for someone else's.
        self.results.write(name, origin, film.to_dict())
        written = self.results.json_path(name)
        if pages:
            content = sheet_of(film, grey)
            for ending in pages:
                written = self.results.page_path(name, ending)
                write_whole(written, utf8(sheet_html(content)) if ending == SHEET_ENDING else sheet_pdf(content))
        self.failures += not film.has_values
        self.without_size += film.record.spacing is None
        return f"{film.line()} -> {written}{replaced}"

    def _measured(
        self, name: str, file: Path, data: bytes, record: LandmarkRecord | None, row: About, is_drawn: bool
    ) -> tuple[MeasuredFilm, Grey8 | None]:
        """Return the film measured, and its picture if there is one."""
        grey: Grey8 | None = None
        spacing = row.spacing or self.spacing
        if record is None:
            assert self.find is not None
            record, grey = self.find(file, spacing, data)
        elif self.pictures is not None and is_drawn:
            grey = _picture(record, file, self.pictures)
        subject = Subject(
            self.subject.age if row.age is None else row.age,
            self.subject.sex if row.sex is None else row.sex,
            self.subject.enlargement_percent,
        )
        record = replace(record, spacing=spacing or record.spacing)
        film = measure_film(name, file, record, subject, self.analyses, self.facing, self.expected_error_mm)
        return film, grey


def _origin(file: Path, data: bytes, record: LandmarkRecord | None) -> Origin:
    if record is None:
        return Origin(file.name, content_hash(data))
    return Origin(file.name, content_hash(data), path_digest(file), record.film_hash)


def _picture(record: LandmarkRecord, file: Path, pictures: FilmsByName) -> Grey8:
    """Return the film that landmarks belong to.

    Raises:
        SettingsError: it does not exist, or is a different one.
        FilmError: it cannot be read.
    """
    path = film_named(record.file or film_name(file), pictures, file)
    film = open_film(path, use_spacing=False)
    if record.film_hash and pixel_hash(film.grey) != record.film_hash:
        raise SettingsError(f"{path}: is not the film of {file}; give the right --films")
    return to_uint8(film.grey)
