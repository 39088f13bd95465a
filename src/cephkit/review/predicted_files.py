"""Files of ``cephkit predict`` as the start of a review."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from cephkit.cephalometry.source import label_files
from cephkit.data.names import film_key, film_name
from cephkit.errors import LabelError, SettingsError
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, in_known_order
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.films import ReviewFilm
from cephkit.review.kept_records import KeptRecords
from cephkit.review.predicting import NoPredictions

SAMPLE = 100
"""Files that are read at the start, to learn which landmarks the model finds."""


class ReadPredictions(NoPredictions):
    """Files of ``cephkit predict``, found by the names of the films.

    Args:
        films: of the session.
        given: a folder of such files, or one of them.
        schema: finds the landmarks of files that do not describe theirs.

    Raises:
        SettingsError: there is no such file, or none for any of the films.
        LabelError: the first one cannot be read.
    """

    def __init__(self, films: Sequence[ReviewFilm], given: Path, schema: LandmarkSchema = KNOWN) -> None:
        self._films, self._records, self._faults = films, KeptRecords(), dict[int, str]()
        self._schema = schema
        self._files = {film_key(film_name(path)): path for path in label_files([given])}
        read_record(next(iter(self._files.values())), schema)
        self._by_number = {film.n: paths for film in films if (paths := self._named_after(film))}
        if not self._by_number:
            raise SettingsError(f"{given}: none of its {len(self._files)} files is named after a film here")

    def record(self, n: int) -> LandmarkRecord | None:
        """Return what the film's file says."""
        return self._records.get(n, self._read)

    def status(self, n: int) -> str:
        """Return whether the film's file could not be read."""
        self.record(n)
        return f"failed: {self._faults[n]}" if n in self._faults else ""

    def _named_after(self, film: ReviewFilm) -> list[Path]:
        """List the files that may be the film's: predict numbers films of one name."""
        names = dict.fromkeys((film.film_id, film_name(film.path)))
        found = [path for name in names for path in self._numbered(name)]
        return list(dict.fromkeys(found))

    def _numbered(self, name: str) -> list[Path]:
        found, number, key = [], 1, film_key(name)
        while key in self._files:
            found.append(self._files[key])
            number += 1
            key = film_key(f"{name}-{number}")
        return found

    def _read(self, n: int) -> LandmarkRecord | None:
        for path in self._by_number.get(n, ()):
            try:
                record = read_record(path, self._schema)
            except LabelError as error:
                self._faults[n] = str(error)
                continue
            if record.file in ("", self._films[n].path.name):
                self._faults.pop(n, None)
                return record
        return None


def schema_in_files(given: Path, schema: LandmarkSchema = KNOWN) -> LandmarkSchema:
    """Return the landmarks in the files that ``given`` names, a sample of them if they are many.

    Args:
        given: a folder of such files, or one of them.
        schema: finds the landmarks of files that do not describe theirs.

    Raises:
        SettingsError: there is no such file, or one name stands for two landmarks.
    """
    files, records = label_files([given]), list[LandmarkRecord]()
    for path in files[:: -(-len(files) // SAMPLE)]:
        with contextlib.suppress(LabelError):  # told with its film
            records.append(read_record(path, schema))
    schemas = {id(record.schema): record.schema for record in records}.values()
    return in_known_order(*schemas).of(symbol for record in records for symbol in record.symbols)
