"""CSV tables of landmarks: a line per film and landmark, or a line per film."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cephkit.data.film import FARTHEST_PX, Points, Split
from cephkit.data.labels import UNKNOWN
from cephkit.data.names import film_name
from cephkit.data.spacing import Spacing
from cephkit.data.tables import number
from cephkit.datasets.films import FilmsBelow, files_in
from cephkit.datasets.isbi import MACHINE, published_spacing
from cephkit.datasets.layout import Fault, Listed, Listing
from cephkit.datasets.marked import fault as fault_of
from cephkit.datasets.marked import unlabelled
from cephkit.datasets.splits import spelled_split
from cephkit.datasets.table_rows import Row, Rows, is_table, number_of, read_rows
from cephkit.errors import DataError, LabelError, Note, SettingsError, some
from cephkit.interchange.address import film_files
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, shipped

ANNOTATORS = ("senior", "junior")
_ISBI_SPLITS: dict[str, Split] = {"train": "train", "test1": "valid", "test2": "test"}
"""Of the tables in which Kaggle has the ISBI challenge: ``train_senior.csv``, ``test1_senior.csv``."""
_EMPTY = {"", "nan", "na", "null", "none"}
"""What stands for a landmark that was not marked."""


@dataclass(frozen=True)
class _Table:
    path: Path
    split: Split | None = None
    annotator: str = ANNOTATORS[0]
    """Whose landmarks these are where its lines do not say it."""


@dataclass
class _Film:
    """What the lines so far say of a film."""

    listed: Listed
    first: Row
    seen: dict[str, str] = field(default_factory=dict)
    """Fact -> what a line says of it."""


class LandmarkTable:
    """One CSV file, or one for each split, and the films beside it or below."""

    title = "table of landmarks"
    wanted = "*.csv with the columns film, symbol, x, y; or film, S_x, S_y, ..."
    usual = None

    def recognises(self, root: Path) -> bool:
        """Whether there is such a table."""
        return bool(_tables(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``."""
        tables = _tables(root)
        keys = [(table.split, table.annotator) for table in tables]
        if len(tables) > 1 and (any(table.split is None for table in tables) or len(set(keys)) < len(keys)):
            names = some([table.path.name for table in tables])
            raise DataError(f"several tables of landmarks: {names}", "name one of them with --dataset_path", root)
        listing, films = Listing(), FilmsBelow(root if root.is_dir() else root.parent)
        found: dict[Path, _Film] = {}
        for table in tables:
            _read(table, read_rows(table.path), schema, films, found, listing)
        listing.films = [film.listed for film in found.values()]
        if any(film.split for film in listing.films):
            listing.faults += [
                Fault("table", "its split is not given", "write train, valid or test", film_id=film.listed.film_id,
                      where=film.first.where)
                for film in found.values() if not film.listed.split
            ]  # fmt: skip
        listing.notes += unlabelled(films.paths, [film.path for film in listing.films])
        return listing


def _tables(root: Path) -> list[_Table]:
    if root.is_file():
        return [_Table(root)] if root.suffix.lower() == ".csv" else []  # reading says what it lacks
    found = [path for path in files_in(root, ".csv") if is_table(path)]
    return [_Table(path) if len(found) == 1 else _by_name(path) for path in found]


def _by_name(path: Path) -> _Table:
    """Return a table with the split and the annotator in its name: ``train``, ``test1_senior``."""
    part, _, annotator = path.stem.lower().partition("_")
    split = _ISBI_SPLITS.get(part) if annotator in ANNOTATORS else spelled_split(path.stem)
    return _Table(path, split, annotator if annotator in ANNOTATORS else ANNOTATORS[0])


def _read(
    table: _Table, rows: Rows, schema: LandmarkSchema, films: FilmsBelow, found: dict[Path, _Film], listing: Listing
) -> None:
    """Add the lines of a table to the films that were ``found``, and what is wrong with them to ``listing``."""
    if any("score" in row.facts for row in rows.rows):
        text, remedy = "holds what a model found (it has scores)", "confirm it with cephkit review and train on that"
        raise DataError(text, remedy, table.path)
    is_isbi = rows.film_column == "image_path" and rows.numbers == tuple(range(1, 20)) and _by_name(table.path).split
    symbols = _symbols(rows, shipped("isbi2015") if is_isbi and schema is KNOWN else schema, table.path)
    annotators = _annotators(rows, table, listing)
    paths = _paths(rows, films, listing)
    for row in rows.rows:
        if row.film not in paths:
            continue
        path = paths[row.film]
        film = found.setdefault(path, _Film(Listed(film_name(path), path, split=table.split), row))
        if is_isbi and (spacing := published_spacing(path)):
            film.listed = replace(film.listed, spacing=spacing, machine=MACHINE)
        annotator = annotators.get(row.facts.get("annotator", ""), table.annotator)
        points = film.listed.annotations.setdefault(annotator, {})
        faults = [row.fault] if row.fault else [*_add_facts(film, row), *_add_points(points, row, symbols)]
        listing.faults += [
            Fault("table", text, "correct the line", film_id=film.listed.film_id, where=row.where) for text in faults
        ]


def _paths(rows: Rows, films: FilmsBelow, listing: Listing) -> dict[str, Path]:
    """Return the films on disk by the names that a table gives them; those that are not there go to ``listing``."""
    found: dict[str, Path] = {}
    first: dict[str, Row] = {}
    for row in rows.rows:
        first.setdefault(row.film, row)
    for name, row in first.items():
        try:
            if not name:
                raise LabelError("the line names no film", "name it", row.where)
            found[name] = films.find(film_files(name, row.where), row.where, name)
        except LabelError as error:
            listing.faults.append(fault_of(error, film_name(name)[:80], row.where))
    return found


def _symbols(rows: Rows, schema: LandmarkSchema, path: Path) -> dict[str, str]:
    """Return the symbol of each landmark of a table; those that are known, but not to be read, are left out.

    Raises:
        DataError: some are unknown, or they are numbered and nothing says what the numbers mean.
    """
    if rows.numbers:
        first = min(rows.numbers)
        last, count = max(rows.numbers), max(rows.numbers) - first + 1
        if schema is KNOWN or first > 1 or count != len(schema.symbols):
            given = "" if schema is KNOWN else f"; {schema.name} has {len(schema.symbols)}"
            text = f"its landmarks are numbered from {first} to {last}{given}"
            raise DataError(text, "name them, in this order, with --landmarks: isbi2015, or a YAML file", path)
        return {name: schema.symbols[number_of(name) - first] for name in rows.names}
    found = {name: schema.find(name) for name in rows.names}
    unknown = [name for name, landmark in found.items() if landmark is None and KNOWN.find(name) is None]
    if unknown:
        names = some([f"{name!r:.40}" for name in unknown], 60)
        raise DataError(f"{len(unknown)} landmarks are unknown: {names}", UNKNOWN, path)
    return {name: landmark.symbol for name, landmark in found.items() if landmark is not None}


def _annotators(rows: Rows, table: _Table, listing: Listing) -> dict[str, str]:
    """Return which of two annotators each name in a table is.

    Raises:
        DataError: there are more than two.
    """
    names = list(dict.fromkeys(row.facts["annotator"] for row in rows.rows if "annotator" in row.facts))
    known = {name: name.split()[0].lower() for name in names if name.split()[0].lower() in ANNOTATORS}
    others = [name for name in names if name not in known]
    free = [annotator for annotator in ANNOTATORS if annotator not in known.values()]
    if len(others) > len(free):
        text = f"{len(names)} annotators: {some([f'{name!r:.40}' for name in names])}; two can be told apart"
        raise DataError(text, "keep the lines of two of them", table.path)
    called = dict(zip(others, free, strict=False))
    if called and len(names) > 1:
        text = ", ".join(f"{name!r:.40} counts as {annotator}" for name, annotator in called.items())
        listing.notes.append(Note("annotators", f"{table.path}: {text}", "write senior and junior to choose yourself"))
    return known | called


def _add_points(points: Points, row: Row, symbols: dict[str, str]) -> Iterable[str]:
    """Add the landmarks of a line to ``points``, and yield what is wrong with them."""
    first = row.facts.get("first_pixel", "0")
    if first not in ("0", "1"):
        yield f"first_pixel is {first!r:.20}, expected 0 or 1"
        return
    for name, written in row.points.items():
        if not name:
            yield "the line names no landmark"
        if name not in symbols or all(value.lower() in _EMPTY for value in written):
            continue
        try:
            x, y = (number(value) - int(first) for value in written)
        except ValueError:
            yield f"{name}: expected x and y, found {written[0]!r:.20} and {written[1]!r:.20}"
            continue
        if not max(abs(x), abs(y)) <= FARTHEST_PX:
            yield f"{name}: {x:g}, {y:g} is on no film"
        elif symbols[name] in points:
            yield f"{name} appears twice for this film and annotator"
        else:
            points[symbols[name]] = (x, y)


def _add_facts(film: _Film, row: Row) -> Iterable[str]:
    """Add what a line says of its film, and yield what is wrong with it."""
    for fact in ("pixel_size_mm", "row_mm", "column_mm", "machine", "split", "patient"):
        value = row.facts.get(fact)
        if value is None or film.seen.setdefault(fact, value) == value:
            continue
        yield f"{fact} is {value!r:.40}, and {film.seen[fact]!r:.40} in another line of this film"
    try:
        spacing = _spacing(film.seen) or film.listed.spacing
    except (ValueError, SettingsError):
        yield f"its pixel size cannot be used: {some([f'{k} {v!r:.20}' for k, v in film.seen.items() if '_mm' in k])}"
        return
    split = spelled_split(film.seen.get("split", ""))
    if "split" in film.seen and split is None:
        yield f"split is {film.seen['split']!r:.20}, expected train, valid or test"
    film.listed = replace(
        film.listed, spacing=spacing, machine=film.seen.get("machine", film.listed.machine),
        split=split or film.listed.split, patient=film.seen.get("patient", ""),
    )  # fmt: skip


def _spacing(seen: dict[str, str]) -> Spacing | None:
    """Return the pixel size that lines give.

    Raises:
        ValueError, SettingsError: it cannot be one.
    """
    sides: Sequence[str | None] = (seen.get("row_mm"), seen.get("column_mm"))
    if sides == (None, None):
        sides = (seen.get("pixel_size_mm"), seen.get("pixel_size_mm"))
    if sides == (None, None):
        return None
    row, column = (number(side or "") for side in sides)
    return Spacing(row, column, "table of landmarks")
