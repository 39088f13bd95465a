"""Checks of landmarks that come from another tool: are they those of a face, and of the user's own films?"""

from dataclasses import replace
from pathlib import Path

from cephkit.data.film import Film
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.label_check import label_findings
from cephkit.data.opened import open_film
from cephkit.errors import LabelError, SettingsError, some
from cephkit.interchange.films import size_of
from cephkit.records.record import LandmarkRecord

MOST_LINES = 20


def check_labels(films: list[LandmarkRecord]) -> list[str]:
    """Return a line for each doubtful label.

    Raises:
        LabelError: labels that no face can have.
    """
    labels = [Film(film.file, Path(film.file), "train", annotations={"imported": film.points}, size=film.size)
              for film in films]  # fmt: skip
    where = {label.film_id: film.where for label, film in zip(labels, films, strict=True)}
    doubtful, impossible = [], []
    for finding in label_findings(labels):
        line = f"{where[finding.film.film_id] if finding.film else 'all films'}: {finding.fault}"
        if finding.fault.certain:
            impossible.append(line)
        else:
            doubtful.append(line)
    if impossible:
        more = f"\nand {len(impossible) - MOST_LINES} more" if len(impossible) > MOST_LINES else ""
        raise LabelError("\n".join(impossible[:MOST_LINES]) + more)
    return doubtful


def find_films(films: list[LandmarkRecord], folder: Path) -> list[LandmarkRecord]:
    """Return ``films`` by their names in ``folder``, where each must be once and as large as the tool says.

    Raises:
        SettingsError: a film is missing, or several have its name.
        LabelError: a film of another size.
        FilmError: a film that cannot be read.
    """
    films_there = films_by_name(folder)
    found = [(film, _file_of(film, films_there)) for film in films]
    missing = [film.file for film, path in found if path is None]
    if missing:
        raise SettingsError(f"--films {folder}: {len(missing)} films are missing: {some(missing)}")
    for film, path in found:
        assert path is not None
        height, width = open_film(path, use_spacing=False).grey.shape
        if (height, width) != film.size:
            tool_height, tool_width = size_of(film)
            raise LabelError(
                f"{film.where}: {path.name} measures {width}x{height} pixels, the tool says "
                f"{tool_width}x{tool_height}; a different picture was marked, so the landmarks do not fit"
            )
    return [replace(film, file=path.name) for film, path in found if path is not None]


def _file_of(film: LandmarkRecord, films_there: FilmsByName) -> Path | None:
    """Return the film's file, by the likeliest of its names that exists.

    Raises:
        SettingsError: several files have this name.
    """
    for name in (film.file, *film.other_files):
        if films_there.find(name):
            return film_named(name, films_there, film.where)
    return None
