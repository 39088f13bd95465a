"""Landmarks in the schema of Aariz's label files, one file per film, and nothing beside it."""

from collections.abc import Sequence
from functools import partial

from cephkit.data.labels import landmarks_json
from cephkit.interchange.contents import Files, json_bytes
from cephkit.interchange.record import Record


def aariz_files(records: Sequence[Record]) -> Files:
    """A ``<film>.json`` per film; a landmark that is not there has no entry."""
    return {
        f"{record.name}.json": partial(json_bytes, landmarks_json(record.name, record.points)) for record in records
    }
