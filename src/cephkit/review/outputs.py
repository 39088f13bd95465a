"""What leaves the page: sheets, tables, and files for other tools, all of films as they stand."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cephkit.cephalometry.measured import TABLE_COLUMNS, MeasuredFilm, table_rows
from cephkit.cephalometry.sheet import PDF_ENDING, sheet_html, sheet_pdf
from cephkit.cephalometry.sheet_content import sheet_of
from cephkit.data.opened import to_uint8
from cephkit.errors import CephkitError
from cephkit.files import csv_bytes, csv_lines, json_bytes, utf8, write_whole
from cephkit.interchange.films import write_files
from cephkit.interchange.formats import FORMATS, FormatSettings
from cephkit.records.record import COLUMNS, landmark_rows
from cephkit.review.journal import OtherFilmError
from cephkit.review.numbers import measured
from cephkit.review.parsing import EditError
from cephkit.review.session import ReviewSession

Which: TypeAlias = Literal["confirmed", "all"]
WRITTEN = ".written.json"
"""In a folder of exports: the files of the last one."""


def sheet(session: ReviewSession, n: int, ending: str, analyses: Sequence[str] = ()) -> bytes:
    """Return the sheet of a film, as a page or as PDF by its ``ending``.

    Raises:
        CephkitError: its picture or its journal cannot be read; or there is no PDF in this installation.
    """
    pixels = session.pixels.get(n)
    film = measured_film(session, n, analyses)
    if film.record.film_hash != pixels.facts.hash:
        raise OtherFilmError("the film's file was replaced while the sheet was made", "ask for it again")
    content = sheet_of(film, to_uint8(pixels.levels[0]))
    return sheet_pdf(content) if ending == PDF_ENDING else utf8(sheet_html(content))


def measured_film(session: ReviewSession, n: int, analyses: Sequence[str] = ()) -> MeasuredFilm:
    """Measure a film as it stands.

    Raises:
        CephkitError: its picture or its journal cannot be read.
    """
    return measured(session.desks.record(n), session.desks.standing(n).subject, analyses)


def landmarks_csv(session: ReviewSession, numbers: Sequence[int]) -> bytes:
    """Return the landmarks of films as the table of ``cephkit predict``.

    Raises:
        CephkitError: a picture or a journal cannot be read.
    """
    return csv_bytes(COLUMNS, landmark_rows(session.desks.record(n) for n in numbers))


def measurements_csv(session: ReviewSession, numbers: Sequence[int]) -> Iterator[bytes]:
    """Yield the lines of the table of ``cephkit measure``; films are measured as it is read.

    Raises:
        CephkitError: a picture or a journal cannot be read.
    """
    return csv_lines(
        TABLE_COLUMNS, (row for n in numbers for row in table_rows(measured_film(session, n).to_dict()))
    )  # fmt: skip


def with_points(session: ReviewSession, which: Which = "all") -> list[int]:
    """List the films that have landmarks, or of these the confirmed ones."""
    session.wait_for_rows()
    rows = (session.rows.row(film.n) for film in session.films)
    return [row["n"] for row in rows if row["points"] and (which == "all" or row["status"] == "confirmed")]


def readable(session: ReviewSession, which: Which = "all") -> tuple[list[int], list[str]]:
    """List the films of ``with_points`` that can be read, and the names of the others, which tables leave out."""
    kept, left_out = [], []
    for n in with_points(session, which):
        try:
            session.desks.identity(n)
            kept.append(n)
        except CephkitError:
            left_out.append(session.films[n].film_id)
    return kept, left_out


def export(session: ReviewSession, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write files for another tool, and return where: {folder, files, left_out}.

    What only the last export wrote there goes, once all is written. ``left_out`` are the films that cannot be read.

    Args:
        session: the films.
        content: {format, which}, from JSON.

    Raises:
        EditError: there is no such format, or no such films.
        CephkitError: a film does not fit the format, or files cannot be read or written.
    """
    name, which = content.get("format"), content.get("which", "confirmed")
    if not isinstance(name, str) or name not in FORMATS:
        raise EditError(f"format is {name!r:.40}, expected one of {', '.join(FORMATS)}")
    if which not in ("confirmed", "all"):
        raise EditError(f"which is {which!r:.40}, expected confirmed or all")
    numbers, left_out = readable(session, which)
    if not numbers:
        raise EditError("there is nothing to export: no film is confirmed" if which == "confirmed" else "no landmarks")
    records = [session.desks.record(n) for n in numbers]
    films = {session.films[n].film_id: session.films[n].path for n in numbers}
    folder = session.out / "export" / name
    files = FORMATS[name].files(records, FormatSettings(lambda record: films[record.film_id]))
    last = _last_written(folder)
    write_whole(folder / WRITTEN, json_bytes(sorted({*last, *files})))
    written = write_files(folder, files, list(films.values()), overwrite=True)
    _remove(folder, last - files.keys())
    write_whole(folder / WRITTEN, json_bytes(sorted(files)))
    return {"folder": str(folder), "files": len(written), "left_out": left_out}


def _last_written(folder: Path) -> set[str]:
    """Return the names of what the last export wrote, finished or not; films may have been taken back since."""
    try:
        return {Path(name).name for name in json.loads((folder / WRITTEN).read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError) as error:
        raise CephkitError("is damaged; remove it", path=folder / WRITTEN) from error
    except OSError as error:
        raise CephkitError(f"cannot be read ({error.strerror or error})", path=folder / WRITTEN) from error


def _remove(folder: Path, names: Iterable[str]) -> None:
    try:
        for name in names:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise CephkitError(f"cannot be emptied ({error.strerror or error})", path=folder) from error
