"""What is known of single films' landmarks: what was there at first, and every edit since, as journals keep them."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cephkit.review.edits import Kind, Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import JOURNAL_ENDING, Entry, Journal
from cephkit.review.record import Base, Identity, check_same, read_kept

LOADED = 256
"""Films whose edits are kept in memory; the others are read again when they are needed."""


@dataclass
class Desk:
    """What is known of one film's landmarks: what was there at first, and the edits since."""

    journal: Journal
    base: Base | None = None
    """As frozen by the first edit; None before."""
    identity: Identity | None = None
    """Of the film when it was first edited."""
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

    def begin(self, identity: Identity, base: Base) -> None:
        """Take what was there before the first edit."""
        self.identity, self.base = identity, base
        self.edited = Standing(points=base.points)

    def put(self, entry: Entry) -> None:
        """Take an edit that is in the journal."""
        self.entries.append(entry)
        self.edited = self.edited.after(entry.edit)


class Desks:
    """The desks of all films, read when they are asked for. Only one thread may ask for a film at a time.

    Args:
        films: of the session.
        out: folder of results.
    """

    def __init__(self, films: Sequence[ReviewFilm], out: Path) -> None:
        self._films, self._out = films, out
        self._lock = threading.Lock()
        self._desks: OrderedDict[int, Desk] = OrderedDict()

    def get(self, n: int) -> Desk:
        """Return the desk of a film.

        Raises:
            JournalError: its journal cannot be read, or belongs to another film.
            FilmError: it has a journal, and cannot be read itself.
        """
        with self._lock:
            desk = self._desks.get(n)
            if desk is not None:
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

    def _read(self, n: int) -> Desk:
        film = self._films[n]
        desk = Desk(Journal(self._out / "journal" / f"{film.film_id}{JOURNAL_ENDING}"))
        kept = desk.journal.read()
        if kept is None:
            return desk
        identity, base = read_kept(kept, desk.journal)
        check_same(identity, film, desk.journal)
        desk.begin(identity, base)
        for entry in kept.entries:
            desk.put(entry)
        return desk
