"""What models found on the films of a session: read from files, or found while people review."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cephkit.data.film import Points
from cephkit.data.names import LABEL_ENDING
from cephkit.data.opened import content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError, FilmError, LabelError, SettingsError
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.films import ReviewFilm
from cephkit.review.kept_records import KeptRecords

if TYPE_CHECKING:
    from cephkit.inference.model import Model

LOW_PRIORITY = 10
"""Niceness of the thread that predicts."""
Changed = Callable[[int, CephkitError | None], None]
"""Called with the number of a film whose prediction is ready, or has failed with an error."""


class _EndedError(Exception):
    """Raised inside a network: the session has ended."""


class Predictions(Protocol):
    """What models found on films, by number. Threads may share it."""

    has_model: bool

    def start(self, changed: Changed) -> None:
        """Begin to work in the background, if there is anything to do."""

    def record(self, n: int) -> LandmarkRecord | None:
        """Return what was found on a film; None if nothing was, or not yet."""

    def status(self, n: int) -> str:
        """Return how far a film is: empty, ``waiting``, ``running`` or ``failed: reason``."""

    def opened(self, n: int, content: str) -> None:
        """Take note that people look at a film, whose file has these contents (a hash)."""

    def find_again(self, n: int, held: Points, spacing: Spacing | None) -> LandmarkRecord:
        """Return the other landmarks of a film of that ``spacing``, found anew while ``held`` stay where they are.

        Raises:
            SettingsError: there is no model, or nothing is held, or nothing is left to be found.
            FilmError: the film cannot be read.
        """

    def close(self) -> None:
        """End what works in the background."""


class NoPredictions:
    """Where neither a model nor its results were given."""

    has_model = False

    def start(self, changed: Changed) -> None:
        """Nothing is to come."""

    def record(self, n: int) -> LandmarkRecord | None:
        """Return None."""
        return None

    def status(self, n: int) -> str:
        """Return that nothing is to come."""
        return ""

    def opened(self, n: int, content: str) -> None:
        """Nothing depends on it."""

    def find_again(self, n: int, held: Points, spacing: Spacing | None) -> LandmarkRecord:
        """Refuse: there is no model."""
        raise SettingsError("there is no model to ask", "start cephkit review with --checkpoint")

    def close(self) -> None:
        """Nothing works in the background."""


class ModelPredictions:
    """Finds the landmarks of all films in the background, those of the film that is looked at first.

    Args:
        films: of the session.
        folder: of the results, one JSON file a film, so that a restart repeats nothing.
        model: finds them.
        run: digest of the model and its settings; results of another run are replaced.
    """

    has_model = True

    def __init__(self, films: Sequence[ReviewFilm], folder: Path, model: "Model", run: str) -> None:
        self._films, self._folder, self._model, self._run = films, folder, model, run
        self._records, self._failed = KeptRecords(), dict[int, str]()
        self._condition = threading.Condition()
        self._model_lock = threading.Lock()
        self._waiting = dict.fromkeys(range(len(films)))
        self._front, self._running, self._ended = 0, -1, False
        self._changed: Changed = lambda n, failure: None
        self._thread = threading.Thread(target=self._work, name="predict", daemon=True)

    def start(self, changed: Changed) -> None:
        """Begin to predict."""
        self._changed = changed
        self._thread.start()

    def record(self, n: int) -> LandmarkRecord | None:
        """Return what was found on the film by this run."""
        return self._records.get(n, self._stored)

    def status(self, n: int) -> str:
        """Return how far the film is."""
        if n in self._failed:
            return f"failed: {self._failed[n]}"
        if n == self._running:
            return "running"
        return "waiting" if n in self._waiting and self.record(n) is None else ""

    def opened(self, n: int, content: str) -> None:
        """Predict this film next, again if its file has changed since."""
        record = self.record(n)
        with self._condition:
            self._front = n
            if record is not None and record.content != content and n != self._running:
                self._records.forget(n)
                self._failed.pop(n, None)
                self._waiting[n] = None
            self._condition.notify()

    def find_again(self, n: int, held: Points, spacing: Spacing | None) -> LandmarkRecord:
        """Ask the model anew; see ``Predictions``."""
        from cephkit.inference.find_again import find_again

        ready = self._model.preprocess(self._films[n].path, spacing)
        with self._model_lock, self._until_the_end():
            return find_again(self._model, ready, held)

    def close(self, wait_s: float = 10.0) -> None:
        """End within the layer of the network that is at work, which is waited for no longer than ``wait_s``."""
        with self._condition:
            self._ended = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._model_lock.acquire(timeout=wait_s):
            self._model_lock.release()

    def _work(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # the page comes first, on a machine with few cores
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
        with contextlib.suppress(_EndedError), self._until_the_end():
            self._predict_all()

    @contextlib.contextmanager
    def _until_the_end(self) -> Iterator[None]:
        """Let networks raise ``_EndedError`` at their next layer once the session has ended.

        Python cannot end while a thread is inside torch: the process would be aborted.
        """
        from torch.nn.modules.module import register_module_forward_pre_hook

        def check(*arguments: object) -> None:
            if self._ended:
                raise _EndedError

        hook = register_module_forward_pre_hook(check)
        try:
            yield
        finally:
            hook.remove()

    def _predict_all(self) -> None:
        while (n := self._next()) is not None:
            failure = None
            try:
                self._predict(n)
            except CephkitError as error:
                failure = error
            except _EndedError:
                raise
            except Exception as error:  # torch raises what it likes, and the other films may go well
                first = str(error).partition("\n")[0]
                failure = CephkitError(f"{type(error).__name__}: {first:.200}")
            with self._condition:
                self._running = -1
                self._failed.pop(n, None)
                if failure is not None:
                    self._failed[n] = failure.advice
            self._changed(n, failure)

    def _next(self) -> int | None:
        with self._condition:
            while not self._waiting and not self._ended:
                self._condition.wait()
            if self._ended:
                return None
            count = len(self._films)
            ahead = (n % count for n in range(self._front, self._front + count))
            self._running = next(n for n in ahead if n in self._waiting)
            del self._waiting[self._running]
            return self._running

    def _predict(self, n: int) -> None:
        film, stored = self._films[n], self.record(n)
        if stored is not None and self._is_older(film.path, self._path(n)):
            return
        data = read_bytes(film.path)
        if stored is not None and stored.content == content_hash(data):
            return
        with self._model_lock:
            ready = self._model.preprocess(film.path, film.spacing, data)
            (record,) = self._model.predict_preprocessed([ready])
        record = replace(record, film_id=film.film_id, run=self._run)
        record.to_json(self._path(n))
        self._records.put(n, read_record(self._path(n)))  # rounded alike, now and after a restart

    def _path(self, n: int) -> Path:
        return self._folder / f"{self._films[n].film_id}{LABEL_ENDING}"

    def _stored(self, n: int) -> LandmarkRecord | None:
        path = self._path(n)
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except LabelError:
            return None
        return record if record.run == self._run else None

    @staticmethod
    def _is_older(film: Path, result: Path) -> bool:
        try:
            return film.stat().st_mtime_ns < result.stat().st_mtime_ns
        except OSError as error:
            raise FilmError(f"cannot be read: {error.strerror or error}", "check the file", film) from error
