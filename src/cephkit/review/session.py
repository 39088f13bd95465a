"""One review: its films, what is known of each, and every change, saved before it counts. No HTTP here."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cephkit.errors import CephkitError, FilmError
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import EditError, Standing, parse_count, parse_edit
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import JOURNAL_ENDING, Entry, Journal, now
from cephkit.review.pixels import TILE, FilmFacts, Pixels
from cephkit.review.predicting import NoPredictions, Predictions
from cephkit.review.record import Base, Identity, base_of, read_kept, respaced, standing_record
from cephkit.review.rows import Rows, figures

LOADED = 256
"""Films whose edits are kept in memory; the others are read again when they are needed."""
LONGEST_NAME = 100
"""Letters of a reviewer's name."""


class ConflictError(CephkitError):
    """An edit that was made on an outdated view of the film; ``film`` is the film as it stands."""

    kind = "conflict"

    def __init__(self, film: Mapping[str, Any]) -> None:
        super().__init__("the film has been changed elsewhere meanwhile")
        self.film = film


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

    def has(self, kind: str) -> bool:
        """Whether there was an edit of ``kind``."""
        return any(entry.edit.kind == kind for entry in self.entries)


@dataclass(frozen=True)
class Source:
    """What is reviewed, as the page names it."""

    kind: Literal["films", "dataset"]
    name: str


class ReviewSession:
    """See above. Threads may share it; each film has a lock of its own.

    Args:
        films: to review.
        out: folder of results.
        source: what the films come from.
        predictions: what models found on them.
        reviewer: name that edits carry unless they bring another.
    """

    def __init__(
        self,
        films: Sequence[ReviewFilm],
        out: Path,
        source: Source,
        predictions: Predictions | None = None,
        reviewer: str = "",
    ) -> None:
        self.films, self.out, self.source, self.reviewer = films, out, source, reviewer
        self.predictions = predictions or NoPredictions()
        self.pixels = Pixels([film.path for film in films])
        self.rows = Rows(films)
        self._locks = [threading.RLock() for _ in films]
        self._desks: OrderedDict[int, Desk] = OrderedDict()
        self._desks_lock = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Read journals and predictions in the background, for the list."""
        threading.Thread(target=self._index, name="index", daemon=True).start()

    def close(self) -> None:
        """End what works in the background."""
        self._stop.set()
        self.predictions.close()
        self.pixels.close()

    def film_state(self, n: int) -> dict[str, Any]:
        """Return all that the page needs to show a film.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        facts = self.facts(n)
        with self._locks[n]:
            return self._state(n, facts)

    def facts(self, n: int) -> FilmFacts:
        """Return what is known of a film's picture.

        Raises:
            FilmError: it cannot be read.
        """
        try:
            facts = self.pixels.facts(n)
        except FilmError as error:
            self.rows.update(n, broken=error.advice)
            raise
        self.rows.update(n, broken="")
        return facts

    def edit(self, n: int, content: Mapping[str, Any]) -> int:
        """Save an edit, and return the revision that it makes.

        Args:
            n: the film.
            content: {revision, reviewer, edit}, from JSON.

        Raises:
            EditError: it makes no sense.
            ConflictError: it was made on another state of the film.
            CephkitError: it cannot be saved, or the film cannot be read.
        """
        facts = self.facts(n)
        revision = parse_count(content.get("revision"), "revision")
        reviewer = parse_reviewer(content.get("reviewer", self.reviewer))
        with self._locks[n]:
            desk = self._desk(n)
            edit = parse_edit(content.get("edit"), facts.size, desk.revision)
            standing = self._standing(n, desk, facts.spacing)
            if revision != desk.revision or not standing.fits(edit):
                raise ConflictError(self._state(n, facts))
            entry = Entry(desk.revision + 1, now(), reviewer, edit)
            base, identity = desk.base, desk.identity
            lines = [entry.to_dict()]
            if base is None or identity is None:
                base, identity = base_of(self.films[n], self.predictions.record(n)), Identity.of(facts)
                film = identity.to_dict(self.films[n].file)
                lines.insert(0, {"revision": 0, "time": now(), "film": film, "base": base.to_dict()})
            try:
                desk.journal.append(lines)
            except CephkitError:
                self._forget(n)  # what the file holds now is read again
                raise
            if desk.base is None:
                desk.edited = replace(desk.edited, points=dict(base.points))
            desk.base, desk.identity = base, identity
            desk.entries.append(entry)
            desk.edited = desk.edited.after(edit)
            self._refresh(n, desk, facts.spacing)
            return desk.revision

    def standing(self, n: int) -> Standing:
        """Return the film as it stands.

        Raises:
            CephkitError: its journal cannot be read.
        """
        with self._locks[n]:
            known = self.pixels.known(n)
            return self._standing(n, self._desk(n), None if known is None else known.spacing)

    def record(self, n: int) -> LandmarkRecord:
        """Return the film's landmarks as they stand.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        with self._locks[n]:
            desk = self._desk(n)
            identity = desk.identity or Identity.of(self.facts(n))
            standing = self._standing(n, desk, identity.spacing)
            return standing_record(self.films[n], identity, standing, self._sources(n, desk))

    def renew(self, n: int) -> None:
        """Bring the film's row up to date, once a prediction is ready or has failed."""
        try:
            with self._locks[n]:
                desk = self._desk(n)
                known = self.pixels.known(n)
                spacing = known.spacing if known is not None else desk.identity and desk.identity.spacing
                self._refresh(n, desk, spacing)
        except CephkitError as error:
            self.rows.update(n, broken=str(error))

    def _index(self) -> None:
        for film in self.films:
            if self._stop.is_set():
                return
            self.renew(film.n)

    def _desk(self, n: int) -> Desk:
        with self._desks_lock:
            desk = self._desks.get(n)
            if desk is not None:
                self._desks.move_to_end(n)
                return desk
        film = self.films[n]
        desk = Desk(Journal(self.out / "journal" / f"{film.film_id}{JOURNAL_ENDING}"))
        kept = desk.journal.read()
        if kept is not None:
            desk.identity, desk.base = read_kept(kept, desk.journal)
            desk.entries = list(kept.entries)
            desk.edited = Standing(points=desk.base.points)
            for entry in desk.entries:
                desk.edited = desk.edited.after(entry.edit)
        with self._desks_lock:
            self._desks[n] = desk
            while len(self._desks) > LOADED:
                self._desks.popitem(last=False)
        return desk

    def _forget(self, n: int) -> None:
        with self._desks_lock:
            self._desks.pop(n, None)

    def _standing(self, n: int, desk: Desk, of_file: Any) -> Standing:
        film, record = self.films[n], self.predictions.record(n)
        points = desk.edited.points if desk.base is not None else base_of(film, record).points
        spacing = film.spacing or of_file or (None if record is None else record.spacing)
        return Standing(
            points,
            desk.edited.confirmed,
            desk.edited.spacing if desk.has("spacing") else spacing,
            desk.edited.subject if desk.has("subject") else film.subject,
        )

    def _sources(self, n: int, desk: Desk) -> list[LandmarkRecord]:
        found = [self.predictions.record(n), None if desk.base is None else desk.base.predicted]
        return [record for record in found if record is not None]

    def _refresh(self, n: int, desk: Desk, of_file: Any) -> None:
        standing, sources = self._standing(n, desk, of_file), self._sources(n, desk)
        self.rows.update(n, **figures(self.films[n], standing, sources[0] if sources else None, desk.revision))

    def _state(self, n: int, facts: FilmFacts) -> dict[str, Any]:
        film, desk = self.films[n], self._desk(n)
        standing, sources = self._standing(n, desk, facts.spacing), self._sources(n, desk)
        record = standing_record(film, Identity.of(facts), standing, sources)
        predicted = respaced(sources[0], standing.spacing) if sources else None
        spacing = standing.spacing
        notes = [*facts.notes, *film.notes, *(predicted.notes if predicted else ())]
        if desk.identity is not None and desk.identity.content != facts.content:
            notes.append("the film's file has changed since its landmarks were first edited")
        return {
            "n": n, "id": film.film_id, "file": film.file, "split": film.split,
            "size": list(facts.size), "depth": facts.depth, "hash": facts.hash, "tile": TILE,
            "levels": [list(size) for size in facts.levels], "window": list(facts.window),
            "notes": list(dict.fromkeys(notes)), "facing": record.facing,
            "doubt": "" if predicted is None else predicted.doubt, "orientation": facts.orientation,
            "spacing": None if spacing is None else spacing.to_dict(),
            "aspect": 1.0 if spacing is None else spacing.row_mm / spacing.column_mm,
            "truth": {name: {s: list(at) for s, at in points.items()} for name, points in film.truth.items()},
            "predicted": None if predicted is None else predicted_dict(predicted),
            "predicting": self.predictions.status(n),
            "state": {
                "revision": desk.revision,
                "confirmed": standing.confirmed,
                "points": {symbol: mark.to_dict() for symbol, mark in standing.points.items()},
                "subject": {"age": standing.subject.age, "sex": standing.subject.sex},
            },
            "history": [
                {**entry.edit.to_dict(), "revision": entry.revision, "time": entry.time, "reviewer": entry.reviewer}
                for entry in desk.entries
            ],
        }  # fmt: skip


def predicted_dict(record: LandmarkRecord) -> dict[str, Any]:
    """Return what a model found as the page needs it."""
    return {
        "points": {symbol: list(at) for symbol, at in record.points.items()},
        "scores": dict(record.scores),
        "expected_errors_px": dict(record.expected_errors),
        "regions_90": {symbol: region.tolist() for symbol, region in record.regions.items()},
        "missing": list(record.missing),
        "needs_review": list(record.needs_review),
        "model": record.made_by,
    }


def parse_reviewer(content: Any) -> str:
    """Read a reviewer's typed name.

    Raises:
        EditError: it is not a text, or too long.
    """
    if not isinstance(content, str) or len(content) > LONGEST_NAME:
        raise EditError(f"reviewer is {content!r:.40}, expected a text of at most {LONGEST_NAME} letters")
    return "".join(letter if letter.isprintable() else " " for letter in content).strip()
