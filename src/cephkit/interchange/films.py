"""What exporters share: the records to export, their films, the face as tools draw it, and the files to write."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from cephkit.cephalometry.source import label_files
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.names import film_key, is_file_name
from cephkit.data.opened import open_film
from cephkit.data.synthetic.shapes import table
from cephkit.drawing.marks import ON_FILM
from cephkit.errors import LabelError, SettingsError, some
from cephkit.files import write_whole
from cephkit.geometry import Size
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, in_known_order
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord

Files: TypeAlias = Mapping[str, Callable[[], bytes]]
"""Name -> a function that returns the content; called one after the other, so that few films are in memory."""


def write_files(folder: Path, files: Files, inputs: Sequence[Path], overwrite: bool) -> list[Path]:
    """Write ``files`` into ``folder``, each whole or not at all; write nothing if one of them may not be written.

    Args:
        folder: made if there is none.
        files: what to write.
        inputs: files that are being read; never written over.
        overwrite: replace existing files.

    Raises:
        SettingsError: a file exists and ``overwrite`` is not set, or it is one of ``inputs``.
        CephkitError: a file cannot be written.
    """
    paths = {folder / name: make for name, make in files.items()}
    read = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in read:
            raise SettingsError(f"{path} is being read; choose another --out")
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise SettingsError(f"{there[0]}{more}: already there; choose another --out, or use --overwrite")
    for path, make in paths.items():
        write_whole(path, make())
    return list(paths)


LABELS = "labels"
"""Stands for the model where people marked the points."""


def read_records(given: Sequence[Path], schema: LandmarkSchema = KNOWN) -> list[LandmarkRecord]:
    """Read the landmarks of ``schema`` in files and folders, in order of name within a folder.

    Raises:
        SettingsError: a path that does not exist, an empty folder, or two files of one name.
        LabelError: see ``read_record``; or a text that no file can hold, or a film's name with folders.
    """
    known: dict[str, LandmarkRecord] = {}
    for file in label_files(given):
        record = read_record(file, schema)
        other = known.setdefault(film_key(record.film_id), record)
        if other is not record:
            raise SettingsError(f"{other.where} and {file} name one film; export them into folders of their own")
        if record.file and not is_file_name(record.file):
            raise LabelError(f'"file" is {record.file!r:.80}, expected a name without folders', "correct it", file)
        try:
            json.dumps(record.to_dict(), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:  # JSON may escape halves of characters
            raise LabelError("a text in it holds half a character", "correct it", file) from error
    return list(known.values())


def film_of(record: LandmarkRecord, films: FilmsByName) -> Path:
    """Find the film of ``record`` by the file name in it, else by the record's own name.

    Raises:
        SettingsError: there is none, or several.
    """
    return film_named(record.file or record.film_id, films, record.where)


def with_films(records: Sequence[LandmarkRecord], folder: Path | None) -> list[LandmarkRecord]:
    """Return ``records`` with file and size of their films, taken from ``folder`` for those that lack them.

    Raises:
        SettingsError: there is no such folder, or not one film for such a record.
        FilmError: a film cannot be read.
    """
    if folder is None:
        return list(records)
    films = films_by_name(folder)
    found = []
    for record in records:
        if not record.file or record.size is None:
            path = film_of(record, films)
            height, width = open_film(path, use_spacing=False).grey.shape
            record = replace(record, file=path.name, size=record.size or (height, width))
        found.append(record)
    return found


def on_films(records: Sequence[LandmarkRecord]) -> list[LandmarkRecord]:
    """Check ``records`` for tools that display films: file and size must be known, and all points lie on the film.

    Raises:
        SettingsError: a film's name or size is not known, or two films have one name.
        LabelError: a landmark lies outside its film.
    """
    unknown = [record.film_id for record in records if not record.file or record.size is None]
    if unknown:
        raise SettingsError(
            f"{len(unknown)} label files say neither name nor size of their film: {some(unknown)}; "
            "use --films FOLDER with the films"
        )
    known: dict[str, LandmarkRecord] = {}
    for record in records:
        other = known.setdefault(record.file, record)
        if other is not record:
            raise SettingsError(f"{other.where} and {record.where} both belong to a film {record.file}; keep one")
        check_inside(record)
    return list(records)


def size_of(record: LandmarkRecord) -> Size:
    """Return (height, width) of the film of a record of ``on_films``."""
    assert record.size is not None
    return record.size


def check_inside(record: LandmarkRecord, tolerance: float = 0.0) -> None:
    """Check that the points lie on their film.

    Raises:
        LabelError: some lie more than ``tolerance`` pixels outside.
    """
    outside = record.outside(tolerance)
    if outside:
        height, width = size_of(record)
        listed = some([f"{symbol} ({x:.1f}, {y:.1f})" for symbol, (x, y) in outside.items()])
        reason = f"landmarks outside the film of {width}x{height} pixels: {listed}"
        raise LabelError(reason, "correct or remove them", record.where)


def model_tag(record: LandmarkRecord) -> str:
    """Return checkpoint, mode and the start of the checkpoint's hash; ``labels`` for people."""
    model = record.model
    if not model:
        return LABELS
    named = [str(model[key]) for key in ("checkpoint", "mode") if model.get(key)]
    sha = str(model.get("sha256") or "")[:12]
    return " ".join([*named, *([sha] if sha else [])]) or "model"


def mean_score(record: LandmarkRecord) -> dict[str, float]:
    """Return ``score``, the mean of a prediction's scores; nothing for labels."""
    scores = [record.scores[symbol] for symbol in record.points if symbol in record.scores]
    return {"score": round(sum(scores) / len(scores), 4)} if scores else {}


LABEL = "face"
"""The object that the landmarks are part of."""

EDGES: tuple[tuple[str, str], ...] = (
    ("N", "S"), ("S", "Ar"), ("Co", "Ar"), ("Ar", "R"), ("R", "Go"), ("Go", "Me"), ("Me", "Gn"), ("Gn", "Pog"),
    ("Pog", "B"), ("Po", "Or"), ("PNS", "ANS"), ("ANS", "A"),
    ("UIA", "UIT"), ("LIA", "LIT"), ("UMT", "UPM"), ("LMT", "LPM"),
    ("N`", "Pn"), ("Pn", "Sn"), ("Sn", "Ls"), ("Ls", "Li"), ("Li", "Pog`"),
)  # fmt: skip


def colour(landmark: Landmark) -> str:
    """Return ``#rrggbb`` of the landmark's tissue, as on the overlays of cephkit predict."""
    return ON_FILM.tissues[landmark.tissue]


def schema_of_all(records: Iterable[LandmarkRecord]) -> LandmarkSchema:
    """Return the landmarks that a tool needs for ``records``: the 29 of Aariz, or if others occur, all that occur.

    Raises:
        SettingsError: one name stands for two landmarks.
    """
    schemas = {id(record.schema): record.schema for record in records}.values()
    occurring = {symbol for record in records for symbol in record.symbols}
    return AARIZ if occurring <= set(AARIZ.symbols) else in_known_order(*schemas).of(occurring)


def edges(schema: LandmarkSchema) -> list[tuple[str, str]]:
    """Return the lines between landmarks of ``schema`` that show tools how a face is made."""
    return [(start, end) for start, end in EDGES if start in schema and end in schema]


def layout(schema: LandmarkSchema) -> dict[str, tuple[float, float]]:
    """Place the landmarks of a face that looks right in a square of 100 x 100, for a tool's template.

    The shape is the mean of the Aariz faces; landmarks that those lack stand in a row above it.
    """
    mean = table()["mean_mm"].reshape(-1, 2)
    low, extent = mean.min(axis=0), (mean.max(axis=0) - mean.min(axis=0)).max()
    placed = 5.0 + 90.0 * (mean - low) / extent
    places = {
        symbol: (round(float(x), 2), round(float(y), 2)) for symbol, (x, y) in zip(AARIZ.symbols, placed, strict=True)
    }
    others = [symbol for symbol in schema.symbols if symbol not in places]
    places |= {symbol: (round(100 * (k + 0.5) / len(others), 2), 2.0) for k, symbol in enumerate(others)}
    return {symbol: places[symbol] for symbol in schema.symbols}
