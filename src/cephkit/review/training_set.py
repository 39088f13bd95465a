"""The confirmed films as a data set in the Aariz layout, in the folder of results, for ``cephkit train``."""

import contextlib
import csv
import io
import json
import threading
from pathlib import Path
from typing import Any, cast, get_args

from cephkit.data.aariz import ANNOTATORS
from cephkit.data.aariz_files import COLUMNS, ending_of, linked, map_row
from cephkit.data.film import Split
from cephkit.data.labels import landmarks_json
from cephkit.data.machines import FILE_NAME
from cephkit.data.names import LABEL_ENDING
from cephkit.errors import CephkitError
from cephkit.files import csv_lines, json_bytes, replacing_out
from cephkit.records.record import LandmarkRecord
from cephkit.review.films import ReviewFilm
from cephkit.review.labels import write_if_new

SPLITS_NAME = "splits.json"
EVERY, FIRST = 5, 2
"""Of a folder's films every fifth that is confirmed validates, the second first."""


class TrainingSet:
    """See above. Threads may share it.

    Args:
        root: of the data set.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._splits: dict[str, Split] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        self._read()

    def put(self, film: ReviewFilm, record: LandmarkRecord) -> None:
        """Add a confirmed film, or bring it up to date.

        Raises:
            CephkitError: it cannot be written.
        """
        with self._lock:
            split = film.split or self._decided(film.film_id)
            if self._rows.get(film.film_id, {}).get("mode", split) != split:
                self._unlink(film)  # what validates must not be learnt from
            folder, picture = self._folder(split), f"{film.film_id}{ending_of(film.path)}"
            labels = landmarks_json(film.film_id, record.points, record.schema)
            # The label first: a film without one would stop a training.
            write_if_new(folder[1] / f"{film.film_id}{LABEL_ENDING}", json_bytes(labels))
            linked(film.path, folder[0] / picture)
            row = map_row(film.film_id, split, picture, film.machine, record.spacing)
            if self._rows.get(film.film_id) != _text(row):
                self._write_map({**self._rows, film.film_id: _text(row)})

    def remove(self, film: ReviewFilm) -> None:
        """Take a film out that is not confirmed any more; nothing happens if it is not in.

        Raises:
            CephkitError: its files cannot be removed.
        """
        with self._lock:
            if film.film_id not in self._rows:
                return
            self._unlink(film)
            self._write_map({name: row for name, row in self._rows.items() if name != film.film_id})

    def withdraw(self, film: ReviewFilm) -> None:
        """Take a film out whose file holds another picture now, if the set shows that one beside the old label.

        Raises:
            CephkitError: its files cannot be removed.
        """
        with self._lock:
            row = self._rows.get(film.film_id)
            if row is None:
                return
            picture = self._folder(row["mode"])[0] / f"{film.film_id}{ending_of(film.path)}"
        with contextlib.suppress(OSError):
            if not picture.samefile(film.path):
                return  # a copy or another link, which has the picture that was labelled
        self.remove(film)

    def _unlink(self, film: ReviewFilm) -> None:
        """Remove a film's files from where they are, in whichever split it was when it was put in."""
        split: Split = self._rows[film.film_id]["mode"]
        cephalograms, labels = self._folder(split)
        try:
            (cephalograms / f"{film.film_id}{ending_of(film.path)}").unlink(missing_ok=True)
            (labels / f"{film.film_id}{LABEL_ENDING}").unlink(missing_ok=True)
        except OSError as error:
            raise CephkitError(f"cannot be removed ({error.strerror or error})", path=self.root / split) from error

    def _folder(self, split: Split) -> tuple[Path, Path]:
        senior = next(iter(ANNOTATORS.values()))
        return (
            self.root / split / "Cephalograms",
            self.root / split / "Annotations" / "Cephalometric Landmarks" / senior,
        )

    def _decided(self, film_id: str) -> Split:
        """Return the split of a film of a folder, which is decided once."""
        if film_id in self._rows:  # perhaps from a data set, whose splits are kept
            return cast(Split, self._rows[film_id]["mode"])
        if film_id not in self._splits:
            number = len(self._splits) + 1
            splits: dict[str, Split] = {**self._splits, film_id: "valid" if number % EVERY == FIRST else "train"}
            write_if_new(self.root / SPLITS_NAME, json_bytes(splits))
            self._splits = splits
        return self._splits[film_id]

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self.root / SPLITS_NAME).read_text(encoding="utf-8"))
            self._splits = {str(name): cast(Split, split) for name, split in found.items() if split in get_args(Split)}
        with contextlib.suppress(OSError, ValueError, csv.Error):
            text = (self.root / FILE_NAME).read_text(encoding="utf-8")
            for row in csv.DictReader(io.StringIO(text, newline="")):
                if row.get("mode") in get_args(Split):
                    self._rows[row["cephalogram_id"]] = {name: row.get(name) or "" for name in COLUMNS}

    def _write_map(self, rows: dict[str, dict[str, Any]]) -> None:
        """Write the map and take it for what is there; if it cannot be written, the next time will try again."""
        with replacing_out(self.root / FILE_NAME) as file:  # verbatim: a film's name must be found again as it is
            file.writelines(csv_lines(COLUMNS, rows.values(), verbatim=True))
        self._rows = rows


def _text(row: dict[str, Any]) -> dict[str, Any]:
    return {name: "" if row.get(name) is None else str(row[name]) for name in COLUMNS}
