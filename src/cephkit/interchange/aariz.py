"""Label files in Aariz's schema, one per film, with nothing else in them."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from cephkit.data.labels import landmarks_json
from cephkit.data.names import LABEL_ENDING, film_key, film_name
from cephkit.errors import LabelError
from cephkit.files import json_bytes, short_name
from cephkit.interchange.films import Files, check_inside
from cephkit.records.record import LandmarkRecord

DIGITS = 4
"""Of imported coordinates in pixels: far below what anyone can mark, and free of the noise of other units."""
TOLERANCE_PX = 1e-3
"""Imported landmarks may lie so far off their film: tools round."""


def aariz_files(records: Sequence[LandmarkRecord]) -> Files:
    """Make a ``<film_id>.json`` per record; a missing landmark has no entry."""
    return {
        f"{record.film_id}{LABEL_ENDING}": partial(
            json_bytes, landmarks_json(record.film_id, record.points, record.schema)
        )
        for record in records
    }


def imported_files(records: Sequence[LandmarkRecord]) -> Files:
    """Make a label file per imported film, named after the film, ready for the Aariz layout.

    Films whose names differ only by their endings keep them, so that none is lost.

    Raises:
        LabelError: a film appears twice, or a landmark lies outside its film.
    """
    names = Counter(film_key(film_name(record.file)) for record in records)
    known: dict[str, LandmarkRecord] = {}
    files = {}
    for record in records:
        name = film_name(record.file)
        if names[film_key(name)] > 1:
            name = short_name(record.file)
        other = known.setdefault(film_key(name), record)
        if other is not record:
            what = f"film {record.file!r} appears twice, the other is {other.where}"
            raise LabelError(what, "keep one", record.where)
        check_inside(record, TOLERANCE_PX)
        points = {symbol: (round(x, DIGITS), round(y, DIGITS)) for symbol, (x, y) in record.points.items()}
        files[f"{name}{LABEL_ENDING}"] = partial(json_bytes, landmarks_json(name, points, record.schema))
    return files
