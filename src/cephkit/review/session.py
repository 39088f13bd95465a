"""One review: its films, what is known of each, and every change, saved before it counts. No HTTP here."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cephkit.data.film import Points
from cephkit.errors import CephkitError, FilmError
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.reader import record_of
from cephkit.review.desk import Desk, Desks
from cephkit.review.edits import parse_edit, parse_reviewer
from cephkit.review.film_state import film_state
from cephkit.review.films import ReviewFilm, Source
from cephkit.review.journal import Entry, OtherFilmError, now
from cephkit.review.labels import Labels
from cephkit.review.marks import Mark, found_marks
from cephkit.review.parsing import parse_count
from cephkit.review.pixels import FilmFacts, Pixels
from cephkit.review.predicting import NoPredictions, Predictions
from cephkit.review.record import Identity, standing_record
from cephkit.review.rows import Rows, figures
from cephkit.review.schema import USUAL
from cephkit.review.thumbnails import Thumbnails
from cephkit.review.training_set import TrainingSet


class ConflictError(CephkitError):
    """An edit that was made on an outdated view of the film; ``film`` is the film as it stands."""

    kind = "conflict"

    def __init__(self, film: Mapping[str, Any]) -> None:
        super().__init__("the film has been changed elsewhere meanwhile")
        self.film = film


class ReviewSession:
    """See above. Threads may share it; each film has a lock of its own.

    Args:
        films: to review.
        out: folder of results.
        source: what the films come from.
        predictions: what models found on them.
        reviewer: name that edits carry unless they bring another.
        dataset: root of the data set whose own labels are replaced too; None: they are left alone.
        schema: the landmarks that the session is about. What else a film has is kept as it is, and not shown.
    """

    def __init__(
        self,
        films: Sequence[ReviewFilm],
        out: Path,
        source: Source,
        predictions: Predictions | None = None,
        reviewer: str = "",
        dataset: Path | None = None,
        schema: LandmarkSchema = USUAL,
    ) -> None:
        self.schema = schema
        self.films, self.out, self.source, self.reviewer = films, out, source, reviewer
        self.predictions = predictions or NoPredictions()
        self.labels, self.training_set = Labels(out, schema, dataset), TrainingSet(out)
        self.pixels = Pixels([film.path for film in films])
        self.thumbnails = Thumbnails(films, self.pixels, out / ".cache" / "thumbnails")
        self.rows = Rows(films)
        self.desks = Desks(films, out, self.predictions, self.pixels, schema)
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
        with self.desks.locks[n]:
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

    def seen(self, n: int, content: Mapping[str, Any]) -> FilmFacts:
        """Return what is known of a film's picture if a request is about this one.

        Args:
            n: the film.
            content: of the request; ``hash`` is that of the picture that the page shows, if it says so.

        Raises:
            OtherFilmError: the film's file has been replaced since.
            FilmError: it cannot be read.
        """
        facts = self.facts(n)
        if content.get("hash") not in (None, "", facts.hash):
            reason = f"the file of {self.films[n].file} holds another picture now than the one on the page"
            raise OtherFilmError(reason, "load the film again")
        return facts

    def edit(self, n: int, content: Mapping[str, Any]) -> tuple[int, str]:
        """Save an edit; return the revision that it makes, and a warning if something else could not be written.

        Args:
            n: the film.
            content: {revision, reviewer, hash, edit}, from JSON; ``hash`` is that of the picture it was made on.

        Raises:
            EditError: it makes no sense.
            OtherFilmError: the film's file has been replaced by another picture.
            ConflictError: it was made on another state of the film.
            CephkitError: it cannot be saved, or the film cannot be read.
        """
        facts = self.seen(n, content)
        revision = parse_count(content.get("revision"), "revision")
        reviewer = parse_reviewer(content.get("reviewer", self.reviewer))
        with self.desks.locks[n]:
            desk, base = self._desk(n), self.desks.base(n)
            latest = max(revision, desk.revision)
            edit = parse_edit(content.get("edit"), desk.schema, facts.size, latest, base.points)
            standing = self.desks.standing(n)
            standing = standing if desk.base is not None else replace(standing, points=base.points)
            if revision != desk.revision or not standing.fits(edit):
                raise ConflictError(self._state(n, facts))
            entry = Entry(desk.revision + 1, now(), reviewer, edit)
            try:
                self.desks.write(n, entry, Identity.of(facts), base)
            except CephkitError:
                self.desks.forget(n)  # what the file holds now is read again
                raise
            self._refresh(n)
            try:
                self._save(n)
            except CephkitError as error:  # the journal has the edit, and the next one tries again
                return desk.revision, f"the edit is saved, but not in all files that are made of it: {error}"
            return desk.revision, ""

    def find_again(self, n: int, held: Points) -> dict[str, Mark]:
        """Ask the model anew while ``held`` stay where they are; return the other points, of which nothing is saved.

        Raises:
            SettingsError: there is no model, or nothing is held, or nothing is left to be found.
            CephkitError: the film cannot be read.
        """
        found = self.predictions.find_again(n, held, self.desks.standing(n).spacing)
        return found_marks(record_of(found.to_dict(), self.films[n].path).within(self.schema))  # rounded alike

    def renew(self, n: int, failure: CephkitError | None = None) -> None:
        """Bring the film's row up to date, once a prediction is ready or has failed."""
        if isinstance(failure, FilmError):
            self.rows.update(n, broken=failure.advice)
        with contextlib.suppress(CephkitError), self.desks.locks[n]:
            self._refresh(n)

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
                with self.desks.locks[film.n], contextlib.suppress(CephkitError):
                    if self._desk(film.n).entries:
                        self._save(film.n)
        finally:
            self._indexed.set()

    def _save(self, n: int) -> None:
        """Write the labels of a film that was edited, and put it into the training set or take it out.

        Raises:
            CephkitError: they cannot be written.
        """
        film, desk, standing = self.films[n], self.desks.get(n), self.desks.standing(n)
        assert desk.identity is not None
        record = standing_record(film, desk.identity, standing, self.desks.sources(n), desk.schema)
        try:
            self.labels.write(film, record, standing, desk.revision)
            if standing.confirmed and record.points:
                self.training_set.put(film, record)
            else:
                self.training_set.remove(film)
        except OSError as error:
            raise CephkitError(f"cannot be read or written ({error})", "check its folder", film.path) from error

    def _desk(self, n: int) -> Desk:
        try:
            return self.desks.get(n)
        except CephkitError as error:
            self.rows.update(n, broken=str(error))
            if isinstance(error, OtherFilmError):
                self.training_set.withdraw(self.films[n])
            raise

    def _refresh(self, n: int) -> None:
        desk, standing, sources = self._desk(n), self.desks.standing(n), self.desks.sources(n)
        self.rows.update(n, **figures(self.films[n], standing, sources, desk.revision, self.schema))

    def _state(self, n: int, facts: FilmFacts) -> dict[str, Any]:
        film, desk, sources = self.films[n], self._desk(n), self.desks.sources(n)
        notes = []
        if self.predictions.record(n) is not None and self.desks.found(n) is None:
            notes.append("the predictions for this film are of another picture, and are not used")
        if desk.identity is not None and desk.identity.content != facts.content:
            notes.append("the film's file has changed since its landmarks were first edited")
        standing, spacing = self.desks.standing(n), self.desks.spacing(n)
        state = film_state(film, facts, desk, standing, spacing, sources, self.schema, notes)
        return {**state, "predicting": self.predictions.status(n)}
