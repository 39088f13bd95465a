"""The folder that ``cephkit measure`` fills: JSON and sheets per film, one table of all films.

The JSON files are the truth: the table is made from them, so that a second run adds to it, and a film that has JSON of
the same settings is not measured again.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cephkit.cephalometry.measured import TABLE_COLUMNS, table_rows
from cephkit.cephalometry.sheet import PDF_ENDING, SHEET_ENDING
from cephkit.cephalometry.source import RESULT_ENDING
from cephkit.data.names import film_key, first_free
from cephkit.errors import CephkitError, SettingsError
from cephkit.files import columns_of, short_name, write_csv, write_json

TABLE = "measurements.csv"
PAGE_ENDINGS = (SHEET_ENDING, PDF_ENDING)
"""Endings of the pages of a film."""


@dataclass(frozen=True)
class Origin:
    """The file that a film's landmarks come from."""

    file: str
    """Name of the label file or film."""
    content: str
    """Hash of its bytes."""
    source: str = ""
    """Of a label file: digest of its path, so that corrected labels replace their results. Empty for a film."""
    film_hash: str = ""
    """``pixel_hash`` of the film; empty if unknown."""

    def is_film_of(self, known: "Origin") -> bool:
        """Tell whether an earlier result is of the same film."""
        if not known.content:  # of a version that did not write it
            return self.file == known.file
        if self.film_hash and known.film_hash and self.film_hash != known.film_hash:
            return False
        return self.content == known.content or bool(self.source and self.source == known.source)


@dataclass(frozen=True)
class Known:
    """A result that exists."""

    origin: Origin
    run: str
    has_values: bool
    has_size: bool
    """Whether the pixel size was known."""


class MeasuredFolder:
    """Names results so that none replaces another film's, and makes one table of all of them.

    Args:
        folder: made when the first result is written.
        run: digest of the settings; results of other settings are replaced.
        resume: skip films that this run has a result of.

    Raises:
        SettingsError: the folder has a ``measurements.csv`` of another program.
    """

    def __init__(self, folder: Path, run: str, resume: bool = True) -> None:
        self.folder, self.run, self.resume = folder, run, resume
        self._taken: set[str] = set()
        _refuse_foreign(folder / TABLE)
        self._known = {
            film_key(path.name.removesuffix(RESULT_ENDING)): _known(content) for path, content in self._results()
        }

    def name_for(self, stem: str, origin: Origin) -> str:
        """Choose a name for a film's results: ``stem``, with a number if another film has it."""
        name = first_free(short_name(stem), lambda name: self._is_free(name, origin))
        self._taken.add(film_key(name))
        return name

    def known(self, name: str) -> Known | None:
        """Return the earlier result of that name."""
        return self._known.get(film_key(name))

    def is_current(self, name: str, origin: Origin) -> bool:
        """Tell whether there is a result of the same landmarks by the same settings."""
        known = self.known(name)
        return known is not None and (known.origin.content, known.run) == (origin.content, self.run)

    def done(self, name: str, origin: Origin, pages: Collection[str]) -> Known | None:
        """Return the film's result of this run, if there is one: then it need not be measured again.

        Args:
            name: of the film's files.
            origin: of its landmarks.
            pages: endings of the pages that are wanted.
        """
        is_complete = all(self.page_path(name, ending).exists() for ending in pages)
        return self.known(name) if self.resume and is_complete and self.is_current(name, origin) else None

    def pages_to_write(self, name: str, origin: Origin, pages: Collection[str]) -> list[str]:
        """Return the endings of the pages that are wanted, and of those that an earlier call of this run wrote."""
        is_current = self.is_current(name, origin)
        return [
            ending
            for ending in PAGE_ENDINGS
            if ending in pages or (is_current and self.page_path(name, ending).exists())
        ]

    def json_path(self, name: str) -> Path:
        """Return the file for a film's measurements."""
        return self.folder / f"{name}{RESULT_ENDING}"

    def page_path(self, name: str, ending: str) -> Path:
        """Return the file for a film's page; ``ending`` is one of ``PAGE_ENDINGS``."""
        return self.folder / f"{name}{ending}"

    def write(self, name: str, origin: Origin, content: Mapping[str, Any]) -> None:
        """Write the JSON of a film; remove earlier pages, so that none stands beside other figures.

        Raises:
            CephkitError: it cannot be written.
        """
        for ending in PAGE_ENDINGS:
            path = self.page_path(name, ending)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise CephkitError(
                    f"{path}: cannot be replaced ({error.strerror or error}); close it in other programs, or choose "
                    "another --out"
                ) from error
        made_of = {"content": origin.content, "source": origin.source or None, "run": self.run}
        write_json(self.json_path(name), {**content, **made_of})

    def write_table(self) -> int:
        """Write ``measurements.csv`` of all results in the folder, film by film; return how many films it has.

        Raises:
            CephkitError: it cannot be written.
        """
        count = sum(1 for _ in self._results())
        if count:
            write_csv(
                self.folder / TABLE, TABLE_COLUMNS, (row for _, film in self._results() for row in table_rows(film))
            )
        return count

    def _results(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the results in the folder, in order of name; damaged files and those of other programs do not count."""
        for path in sorted(self.folder.glob(f"*{RESULT_ENDING}")) if self.folder.is_dir() else ():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                table_rows(content)
                _known(content)
            except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
                continue
            yield path, content

    def _is_free(self, name: str, origin: Origin) -> bool:
        if film_key(name) in self._taken:
            return False
        known = self.known(name)
        if known is not None:
            return origin.is_film_of(known.origin)
        paths = [self.json_path(name), *(self.page_path(name, ending) for ending in PAGE_ENDINGS)]
        return not any(path.exists() for path in paths)


def path_digest(path: Path) -> str:
    """Identify a file's place without naming it: folders may be named after patients."""
    return hashlib.blake2b(os.fsencode(path.resolve()), digest_size=8).hexdigest()


def _known(content: Mapping[str, Any]) -> Known:
    file, hashed, source, film_hash, run = (
        str(content.get(key) or "") for key in ("file", "content", "source", "film_hash", "run")
    )
    has_values = any(result["value"] is not None for result in content["measurements"])
    return Known(Origin(file, hashed, source, film_hash), run, has_values, content["pixel_size_mm"] is not None)


def _refuse_foreign(path: Path) -> None:
    """Refuse a table of another program; that of an earlier version has other columns, but begins alike."""
    columns = columns_of(path)
    if columns is not None and columns[:4] != TABLE_COLUMNS[:4]:
        raise SettingsError(f"{path}: is not a table of cephkit measure; choose another --out")
