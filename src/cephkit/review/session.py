"""One review: its films, what is known of each, and every change, saved before it counts. No HTTP here."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cephkit.data.film import Points
from cephkit.data.names import LABEL_ENDING
from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError, FilmError, LabelError
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import EditError, Standing, parse_count, parse_edit
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import JOURNAL_ENDING, Entry, Journal, JournalError, now
from cephkit.review.labels import Labels
from cephkit.review.pixels import TILE, FilmFacts, Pixels
from cephkit.review.predicting import NoPredictions, Predictions
from cephkit.review.record import Base, Identity, base_of, check_same, read_kept, respaced, standing_record
from cephkit.review.rows import Rows, figures
from cephkit.review.thumbnails import Thumbnails
from cephkit.review.training_set import TrainingSet

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
    again: LandmarkRecord | None = None
    """What a model found last while people held some landmarks."""
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
        dataset: root of the data set whose own labels are replaced too; None: they are left alone.
    """

    def __init__(
        self,
        films: Sequence[ReviewFilm],
        out: Path,
        source: Source,
        predictions: Predictions | None = None,
        reviewer: str = "",
        dataset: Path | None = None,
    ) -> None:
        self.films, self.out, self.source, self.reviewer = films, out, source, reviewer
        self.predictions = predictions or NoPredictions()
        self.labels, self.training_set = Labels(out, dataset), TrainingSet(out)
        self.pixels = Pixels([film.path for film in films])
        self.thumbnails = Thumbnails(films, self.pixels, out / ".cache" / "thumbnails")
        self.rows = Rows(films)
        self._locks = [threading.RLock() for _ in films]
        self._desks: OrderedDict[int, Desk] = OrderedDict()
        self._desks_lock = threading.Lock()
        self._stop, self._indexed = threading.Event(), threading.Event()

    def start(self) -> None:
        """Read journals and predictions in the background, for the list."""
        threading.Thread(target=self._index, name="index", daemon=True).start()
        self.predictions.start(self.renew)

    def close(self) -> None:
        """End what works in the background."""
        self._stop.set()
        self.pixels.close()
        self.thumbnails.close()
        self.predictions.close()

    @property
    def in_place(self) -> bool:
        """Whether labels of the data set are replaced."""
        return self.labels.dataset is not None

    def film_state(self, n: int) -> dict[str, Any]:
        """Return all that the page needs to show a film.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        facts = self.facts(n)
        self.predictions.opened(n, facts.content)
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

    def edit(self, n: int, content: Mapping[str, Any]) -> tuple[int, str]:
        """Save an edit; return the revision that it makes, and a warning if something else could not be written.

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
            edit = parse_edit(content.get("edit"), facts.size, max(revision, desk.revision))
            if revision != desk.revision or not self._standing(n, desk).fits(edit):
                raise ConflictError(self._state(n, facts))
            entry = Entry(desk.revision + 1, now(), reviewer, edit)
            try:
                if desk.base is None:
                    self._begin(n, desk, Identity.of(facts), entry)
                else:
                    desk.journal.append([entry.to_dict()])
            except CephkitError:
                self._forget(n)  # what the file holds now is read again
                raise
            desk.entries.append(entry)
            desk.edited = desk.edited.after(edit)
            self._refresh(n, desk)
            try:
                self._save(n, desk)
            except CephkitError as error:  # the journal has the edit, and the next one tries again
                return desk.revision, str(error)
            return desk.revision, ""

    def identity(self, n: int) -> Identity:
        """Return size and hashes of a film, which is decoded only if nothing else says them.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        known = self.pixels.known(n)
        if known is not None:
            return Identity.of(known)
        with self._locks[n]:
            kept = self._desk(n).identity
        found = self.predictions.record(n)
        return kept or (found and Identity.of_record(found)) or Identity.of(self.facts(n))

    def standing(self, n: int) -> Standing:
        """Return the film as it stands.

        Raises:
            CephkitError: its journal cannot be read.
        """
        with self._locks[n]:
            return self._standing(n, self._desk(n))

    def record(self, n: int, standing: Standing | None = None) -> LandmarkRecord:
        """Return the film's landmarks as they stand, or as they would in another ``standing``.

        Raises:
            CephkitError: its picture or its journal cannot be read.
        """
        identity = self.identity(n)
        with self._locks[n]:
            desk = self._desk(n)
            given = self._standing(n, desk) if standing is None else standing
            return standing_record(self.films[n], identity, given, self._sources(n, desk))

    def find_again(self, n: int, held: Points) -> LandmarkRecord:
        """Ask the model anew while ``held`` stay where they are; its answer is kept for what it says of errors.

        Raises:
            SettingsError: there is no model, or nothing is held, or nothing is left to be found.
            CephkitError: the film cannot be read, or the answer cannot be written.
        """
        film = self.films[n]
        found = replace(self.predictions.find_again(n, held), film_id=film.film_id)
        found.to_json(self._path_of_again(n))
        with self._locks[n]:
            again = self._desk(n).again = read_record(self._path_of_again(n))  # its points as they will be read later
        return again

    def renew(self, n: int, failure: CephkitError | None = None) -> None:
        """Bring the film's row up to date, once a prediction is ready or has failed."""
        if isinstance(failure, FilmError):
            self.rows.update(n, broken=failure.advice)
        with contextlib.suppress(JournalError), self._locks[n]:
            self._refresh(n, self._desk(n))

    def wait_for_rows(self) -> None:
        """Wait until the rows of all films are there."""
        self._indexed.wait()

    def _index(self) -> None:
        """Fill the list, and write what a killed server could not."""
        for film in self.films:
            if self._stop.is_set():
                break
            self.renew(film.n)
            with self._locks[film.n], contextlib.suppress(CephkitError):
                desk = self._desk(film.n)
                if desk.entries:
                    self._save(film.n, desk)
        self._indexed.set()

    def _begin(self, n: int, desk: Desk, identity: Identity, entry: Entry) -> None:
        """Write the first lines of a journal: what was there before, and the first edit."""
        base = base_of(self.films[n], self._found(n))
        first = {
            "revision": 0, "time": entry.time, "film": identity.to_dict(self.films[n].file), "base": base.to_dict()
        }  # fmt: skip
        desk.journal.append([first, entry.to_dict()])
        desk.base, desk.identity = base, identity
        desk.edited = replace(desk.edited, points=base.points)

    def _save(self, n: int, desk: Desk) -> None:
        """Write the labels of a film that was edited, and put it into the training set or take it out."""
        assert desk.identity is not None
        film, standing = self.films[n], self._standing(n, desk)
        record = standing_record(film, desk.identity, standing, self._sources(n, desk))
        self.labels.write(film, record, standing, desk.revision)
        if standing.confirmed and record.points:
            self.training_set.put(film, record)
        else:
            self.training_set.remove(film)

    def _desk(self, n: int) -> Desk:
        with self._desks_lock:
            desk = self._desks.get(n)
            if desk is not None:
                self._desks.move_to_end(n)
                return desk
        film = self.films[n]
        desk = Desk(Journal(self.out / "journal" / f"{film.film_id}{JOURNAL_ENDING}"))
        try:
            kept = desk.journal.read()
            identity, base = (None, None) if kept is None else read_kept(kept, desk.journal)
            if kept is not None and identity is not None and kept.film.get("file") != film.file:
                check_same(identity, film, desk.journal)
        except JournalError as error:
            self.rows.update(n, broken=str(error))
            raise
        if kept is not None and base is not None:
            desk.identity, desk.base, desk.again = identity, base, self._read_again(n)
            desk.entries = list(kept.entries)
            desk.edited = Standing(points=desk.base.points)
            for entry in desk.entries:
                desk.edited = desk.edited.after(entry.edit)
        with self._desks_lock:
            self._desks[n] = desk
            while len(self._desks) > LOADED:
                self._desks.popitem(last=False)
        return desk

    def _path_of_again(self, n: int) -> Path:
        return self.out / "found_again" / f"{self.films[n].film_id}{LABEL_ENDING}"

    def _read_again(self, n: int) -> LandmarkRecord | None:
        path = self._path_of_again(n)
        try:
            return read_record(path) if path.is_file() else None
        except LabelError:
            return None  # then a person's error is taken for that of its points

    def _forget(self, n: int) -> None:
        with self._desks_lock:
            self._desks.pop(n, None)

    def _standing(self, n: int, desk: Desk) -> Standing:
        film, edited = self.films[n], desk.edited
        return Standing(
            base_of(film, self._found(n)).points if desk.base is None else edited.points,
            edited.confirmed,
            edited.spacing if desk.has("spacing") else self._spacing(n, desk),
            edited.subject if desk.has("subject") else film.subject,
        )

    def _spacing(self, n: int, desk: Desk) -> Spacing | None:
        """Return the pixel size that the user, the film's file or else its predictions say."""
        known, sources = self.pixels.known(n), self._sources(n, desk)
        in_file = known or desk.identity
        in_files = [each.spacing for each in (in_file, *sources) if each is not None]
        said = (self.films[n].spacing, *in_files)
        return next((spacing for spacing in said if spacing is not None), None)

    def _found(self, n: int) -> LandmarkRecord | None:
        """Return what a model found on the film, unless that was another picture of the same name."""
        record, known = self.predictions.record(n), self.pixels.known(n)
        if record is None or known is None or not record.film_hash or record.film_hash == known.hash:
            return record
        return None

    def _predicted(self, n: int, desk: Desk) -> LandmarkRecord | None:
        """Return what a model found on the film, now or before the first edit."""
        return self._found(n) or (None if desk.base is None else desk.base.predicted)

    def _sources(self, n: int, desk: Desk) -> list[LandmarkRecord]:
        """Return all that models found on the film."""
        found = [self._found(n), None if desk.base is None else desk.base.predicted, desk.again]
        return [record for record in found if record is not None]

    def _refresh(self, n: int, desk: Desk) -> None:
        standing, sources = self._standing(n, desk), self._sources(n, desk)
        predicted = self._predicted(n, desk)
        self.rows.update(n, **figures(self.films[n], standing, predicted, sources, desk.revision))

    def _state(self, n: int, facts: FilmFacts) -> dict[str, Any]:
        film, desk = self.films[n], self._desk(n)
        standing, sources = self._standing(n, desk), self._sources(n, desk)
        record = standing_record(film, Identity.of(facts), standing, sources)
        predicted = self._predicted(n, desk)
        predicted = None if predicted is None else respaced(predicted, standing.spacing)
        spacing = standing.spacing
        notes = [*facts.notes, *film.notes, *(predicted.notes if predicted else ())]
        if self.predictions.record(n) is not None and self._found(n) is None:
            notes.append("the predictions for this film are of another picture, and are not used")
        if desk.identity is not None and desk.identity.content != facts.content:
            notes.append("the film's file has changed since its landmarks were first edited")
        return {
            "n": n, "id": film.film_id, "file": film.file, "split": film.split or "",
            "size": list(facts.size), "depth": facts.depth, "hash": facts.hash, "tile": TILE,
            "levels": [list(size) for size in facts.levels], "window": list(facts.window),
            "notes": list(dict.fromkeys(notes)), "facing": record.facing or "",
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
