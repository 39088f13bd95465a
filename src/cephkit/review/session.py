"""One review: its films, what is known of each, and every change, saved before it counts. No HTTP here."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError, FilmError
from cephkit.records.reader import record_of
from cephkit.records.record import LandmarkRecord
from cephkit.review.desk import Desk, Desks
from cephkit.review.edits import Standing, parse_edit, parse_reviewer
from cephkit.review.film_state import picture_dict, predicted_dict, standing_dict
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import Entry, now
from cephkit.review.labels import Labels
from cephkit.review.marks import Mark, found_marks
from cephkit.review.parsing import parse_count
from cephkit.review.pixels import FilmFacts, Pixels
from cephkit.review.predicting import NoPredictions, Predictions
from cephkit.review.record import Base, Identity, base_of, respaced, standing_record
from cephkit.review.rows import Rows, figures
from cephkit.review.thumbnails import Thumbnails
from cephkit.review.training_set import TrainingSet


class ConflictError(CephkitError):
    """An edit that was made on an outdated view of the film; ``film`` is the film as it stands."""

    kind = "conflict"

    def __init__(self, film: Mapping[str, Any]) -> None:
        super().__init__("the film has been changed elsewhere meanwhile")
        self.film = film


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
        self._desks = Desks(films, out)
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
            base = desk.base or base_of(self.films[n], self._found(n))
            edit = parse_edit(content.get("edit"), facts.size, max(revision, desk.revision), base.points)
            standing = self._standing(n, desk)
            standing = standing if desk.base is not None else replace(standing, points=base.points)
            if revision != desk.revision or not standing.fits(edit):
                raise ConflictError(self._state(n, facts))
            entry = Entry(desk.revision + 1, now(), reviewer, edit)
            try:
                if desk.base is None:
                    self._begin(n, desk, Identity.of(facts), base, entry)
                else:
                    desk.journal.append([entry.to_dict()])
            except CephkitError:
                self._desks.forget(n)  # what the file holds now is read again
                raise
            desk.put(entry)
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

    def find_again(self, n: int, held: Points) -> dict[str, Mark]:
        """Ask the model anew while ``held`` stay where they are; return the other points, of which nothing is saved.

        Raises:
            SettingsError: there is no model, or nothing is held, or nothing is left to be found.
            CephkitError: the film cannot be read.
        """
        found = self.predictions.find_again(n, held, self.standing(n).spacing)
        return found_marks(record_of(found.to_dict(), self.films[n].path))  # rounded like all records

    def renew(self, n: int, failure: CephkitError | None = None) -> None:
        """Bring the film's row up to date, once a prediction is ready or has failed."""
        if isinstance(failure, FilmError):
            self.rows.update(n, broken=failure.advice)
        with contextlib.suppress(CephkitError), self._locks[n]:
            self._refresh(n, self._desk(n))

    def wait_for_rows(self) -> None:
        """Wait until the rows of all films are there."""
        self._indexed.wait()

    def _index(self) -> None:
        """Fill the list, and write what a killed server could not."""
        try:
            for film in self.films:
                if self._stop.is_set():
                    return
                self.renew(film.n)
                with self._locks[film.n], contextlib.suppress(CephkitError):
                    desk = self._desk(film.n)
                    if desk.entries:
                        self._save(film.n, desk)
        finally:
            self._indexed.set()

    def _begin(self, n: int, desk: Desk, identity: Identity, base: Base, entry: Entry) -> None:
        """Write the first lines of a journal: what was there before, and the first edit."""
        first = {
            "revision": 0, "time": entry.time, "film": identity.to_dict(self.films[n].file), "base": base.to_dict()
        }  # fmt: skip
        desk.journal.append([first, entry.to_dict()])
        desk.begin(identity, base)

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
        try:
            return self._desks.get(n)
        except CephkitError as error:
            self.rows.update(n, broken=str(error))
            raise

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
        """Return what models found on the film before people changed anything, the latest first."""
        found = [self._found(n), None if desk.base is None else desk.base.predicted]
        return [record for record in found if record is not None]

    def _refresh(self, n: int, desk: Desk) -> None:
        standing, sources = self._standing(n, desk), self._sources(n, desk)
        predicted = self._predicted(n, desk)
        self.rows.update(n, **figures(self.films[n], standing, predicted, sources, desk.revision))

    def _state(self, n: int, facts: FilmFacts) -> dict[str, Any]:
        film, desk, predicted = self.films[n], self._desk(n), self._predicted(n, self._desk(n))
        standing = self._standing(n, desk)
        record = standing_record(film, Identity.of(facts), standing, self._sources(n, desk))
        notes = []
        if self.predictions.record(n) is not None and self._found(n) is None:
            notes.append("the predictions for this film are of another picture, and are not used")
        if desk.identity is not None and desk.identity.content != facts.content:
            notes.append("the film's file has changed since its landmarks were first edited")
        found = None if predicted is None else respaced(predicted, standing.spacing)
        return {
            **picture_dict(film, facts, found, notes),
            **standing_dict(standing, desk),
            "facing": record.facing or "",
            "predicted": None if found is None else predicted_dict(found),
            "predicting": self.predictions.status(n),
        }
