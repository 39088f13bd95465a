"""What is known of films' landmarks: what was there at first, what models found, and every edit since."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError, FilmError
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Kind, Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import JOURNAL_ENDING, Entry, Journal, JournalError, UnsavedError
from cephkit.review.pixels import Pixels, Stamp, stamp
from cephkit.review.predicting import Predictions
from cephkit.review.record import Base, Identity, base_of, check_same, read_kept, standing_record
from cephkit.review.schema import KeptSchema

LOADED = 256
"""Films whose edits are kept in memory; the others are read again when they are needed."""


@dataclass
class Desk:
    """A film's journal as it was read, and the film as it stands by it."""

    film: ReviewFilm
    journal: Journal
    schema: LandmarkSchema
    """The landmarks that the film may have: those of the session, and those that its journal has from earlier ones."""
    base: Base | None = None
    """As frozen by the first edit; None before."""
    identity: Identity | None = None
    """Of the film when it was first edited."""
    checked: Stamp | None = None
    """Of the film's file when it was last known to be the one that was edited."""
    entries: list[Entry] = field(default_factory=list)
    edited: Standing = field(default_factory=Standing)
    """After all edits; pixel size and person only if they were edited."""

    @property
    def revision(self) -> int:
        """Number of edits."""
        return len(self.entries)

    def has(self, kind: Kind) -> bool:
        """Whether there was an edit of ``kind``."""
        return any(entry.edit.kind == kind for entry in self.entries)

    def begin(self, identity: Identity, base: Base, checked: Stamp | None) -> None:
        """Take what was there before the first edit."""
        self.identity, self.base, self.checked = identity, base, checked
        self.edited = Standing(points=base.points)

    def put(self, entry: Entry) -> None:
        """Take an edit that is in the journal."""
        self.entries.append(entry)
        self.edited = self.edited.after(entry.edit)

    def write(self, entry: Entry, identity: Identity, base: Base) -> None:
        """Write an edit to the journal, the first one after what was there before, and take it.

        Raises:
            UnsavedError: it cannot be written, so that it does not count.
        """
        if self.base is None:
            film = identity.to_dict(self.film.file)
            first = {"revision": 0, "time": entry.time, "film": film, "base": base.to_dict()}
            self.journal.append([first, entry.to_dict()])
            self.begin(identity, base, identity.stamp)
        else:
            self.journal.append([entry.to_dict()])
        self.put(entry)


class Desks:
    """What is known of all films' landmarks; journals are read when they are asked for. Threads may share it.

    Args:
        films: of the session.
        out: folder of results.
        predictions: what models found on the films.
        pixels: of the films.
        schema: the landmarks of the session.
    """

    def __init__(
        self,
        films: Sequence[ReviewFilm],
        out: Path,
        predictions: Predictions,
        pixels: Pixels,
        schema: LandmarkSchema,
    ) -> None:
        self._films, self._out = films, out
        self._predictions, self._pixels = predictions, pixels
        self._schema, self.kept_schema = schema, KeptSchema(out)
        self._lock = threading.Lock()
        self._desks: OrderedDict[int, Desk] = OrderedDict()
        self._seen: dict[int, Stamp | None] = {}
        self.locks = [threading.RLock() for _ in films]
        """Of single films: who changes one holds its lock."""

    def get(self, n: int) -> Desk:
        """Return the desk of a film.

        Raises:
            JournalError: its journal cannot be read.
            OtherFilmError: its journal belongs to another film, e.g. since the film's file was replaced.
            FilmError: it has a journal, and cannot be read itself.
        """
        with self.locks[n]:
            with self._lock:
                desk = self._desks.get(n)
                if desk is not None and (desk.base is None or desk.checked == stamp(self._films[n].path)):
                    self._desks.move_to_end(n)
                    return desk
            desk = self._read(n)
            with self._lock:
                self._desks[n] = desk
                while len(self._desks) > LOADED:
                    self._desks.popitem(last=False)
            return desk

    def forget(self, n: int) -> None:
        """Read the film's journal anew when it is asked for next."""
        with self._lock:
            self._desks.pop(n, None)

    def write(self, n: int, entry: Entry, identity: Identity, base: Base) -> None:
        """Write an edit of a film to its journal; see ``Desk.write``.

        Raises:
            UnsavedError: it cannot be written, so that it does not count.
        """
        try:
            self.kept_schema.keep(self._schema)
        except CephkitError as error:
            reason = f"the edit is not saved: its landmarks cannot be described in the journal ({error.text})"
            raise UnsavedError(reason, "free disk space or check the folder, and repeat the edit") from error
        self.get(n).write(entry, identity, base)

    def found(self, n: int) -> LandmarkRecord | None:
        """Return what a model found on the film, unless that was another picture of the same name."""
        record = self._predictions.record(n)
        if record is None:
            return None
        record = record.within(self._schema)
        if not record.film_hash:
            return record
        known, now = self._pixels.known(n), stamp(self._films[n].path)
        if known is None and self._seen.setdefault(n, now) != now:  # replaced since the session began
            with contextlib.suppress(FilmError):
                known = self._pixels.facts(n)
        return record if known is None or record.film_hash == known.hash else None

    def sources(self, n: int) -> list[LandmarkRecord]:
        """Return what models found on the film, now or before the first edit: the latest first.

        Raises:
            CephkitError: its journal cannot be read.
        """
        base = self.get(n).base
        first = None if base is None or base.predicted is None else base.predicted.within(self._schema)
        found = [self.found(n), first]
        return [record for record in found if record is not None]

    def base(self, n: int) -> Base:
        """Return what was there before people changed the film.

        Raises:
            CephkitError: its journal cannot be read.
        """
        return self.get(n).base or base_of(self._films[n], self.found(n), self._schema)

    def standing(self, n: int) -> Standing:
        """Return the film as it stands.

        Raises:
            CephkitError: its journal cannot be read.
        """
        with self.locks[n]:
            film, desk = self._films[n], self.get(n)
            return Standing(
                self.base(n).points if desk.base is None else desk.edited.points,
                desk.edited.confirmed,
                desk.edited.spacing if desk.has("spacing") else self.spacing(n),
                desk.edited.subject if desk.has("subject") else film.subject,
            )

    def spacing(self, n: int) -> Spacing | None:
        """Return the pixel size before edits: what the user, the film's file or else its predictions say.

        Raises:
            CephkitError: its journal cannot be read.
        """
        in_file = self._pixels.known(n) or self.get(n).identity
        in_files = [each.spacing for each in (in_file, *self.sources(n)) if each is not None]
        said = (self._films[n].spacing, *in_files)
        return next((spacing for spacing in said if spacing is not None), None)

    def identity(self, n: int) -> Identity:
        """Return size and hashes of a film, which is decoded only if nothing else says them.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        known = self._pixels.known(n)
        if known is not None:
            return Identity.of(known)
        kept, found = self.get(n).identity, self.found(n)
        return kept or (found and Identity.of_record(found)) or Identity.of(self._pixels.facts(n))

    def record(self, n: int, standing: Standing | None = None) -> LandmarkRecord:
        """Return the film's landmarks as they stand, or as they would in another ``standing``.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        identity = self.identity(n)
        with self.locks[n]:
            given = self.standing(n) if standing is None else standing
            return standing_record(self._films[n], identity, given, self.sources(n), self.get(n).schema)

    def _read(self, n: int) -> Desk:
        film = self._films[n]
        desk = Desk(film, Journal(self._out / "journal" / f"{film.film_id}{JOURNAL_ENDING}"), self._schema)
        kept = desk.journal.read()
        if kept is None:
            return desk
        identity, base = read_kept(kept, desk.journal)
        now = stamp(film.path)
        check_same(identity, film, desk.journal)
        base = base.with_labels(film)
        desk.begin(identity, base, now)
        changed = (change.symbol for entry in kept.entries for change in entry.edit.changes if change.symbol)
        try:
            desk.schema = self.kept_schema.extended(self._schema, (*base.points, *changed))
        except CephkitError as error:
            raise JournalError(error.text, error.remedy, desk.journal.path) from error
        for entry in kept.entries:
            desk.put(entry)
        return desk
