"""The trials of a search, in a file of its folder that several processes share.

Optuna's journal holds them: lines of JSON, added under a lock that a killed process does not leave behind. A trial is a
process's own while it holds the lock in the trial's folder, so that one which was interrupted is known, and goes on.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import SoftFileLock, Timeout
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from cephkit.errors import CephkitError, SettingsError
from cephkit.training.lock import holder
from cephkit.tuning.space import Range, Space

JOURNAL, LOCK, TRIAL_LOCK = "study.log", "study.lock", "trial.lock"
NAME = "cephkit tune"
BEFORE_PRUNING = 5
"""Complete trials before one is ended early."""
LARGEST_SEED = 2**32 - 1
LONGEST_WAIT_S = 60.0
"""For another process to let go of the journal, which it holds for a second at most."""


@dataclass(frozen=True)
class Taken:
    """A trial that this process carries out."""

    trial: Trial
    folder: Path
    point: dict[str, Any]
    """A number of each range, a text of each list."""
    lock: SoftFileLock
    is_resumed: bool
    """Whether it was begun by a process that has ended."""

    @property
    def number(self) -> int:
        """As the user counts, from 1."""
        return self.trial.number + 1


class Study:
    """The trials of ``space`` in ``folder``, which is made where there is none.

    Args:
        folder: for the journal and the trials' folders.
        space: what to try.
        seed: of the search; its nth trial depends on the trials before it, and on this.

    Raises:
        SettingsError: the folder holds a search of another space, or its journal is damaged.
        CephkitError: the folder cannot be written.
    """

    def __init__(self, folder: Path, space: Space, seed: int = 0) -> None:
        self.folder, self.space, self.seed = folder, space, seed
        self._lock = SoftFileLock(folder / LOCK, timeout=LONGEST_WAIT_S)
        self._distributions = {name: _distribution(space, name) for name in space.search}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with self._changing():
            self._study = self._opened()
            for point in space.first:
                self._study.enqueue_trial(point, skip_if_exists=True)

    def _opened(self) -> optuna.Study:
        path = self.folder / JOURNAL
        try:
            _check_lines(path)
            lock: Any = _JournalLock(self._lock, path)  # Optuna does not export the class that it expects
            storage = JournalStorage(JournalFileBackend(str(path), lock))
            study = optuna.create_study(
                study_name=NAME, storage=storage, direction="minimize", load_if_exists=True,
                # Of trials that were trained: a repeated point has an error and no epochs.
                pruner=optuna.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING, n_min_trials=BEFORE_PRUNING),
            )  # fmt: skip
            attributes = study.user_attrs
        except OSError:
            raise
        except Exception as error:  # whatever Optuna meets in lines that are not its own
            raise SettingsError(
                f"{path}: is not the journal of a search, or is damaged ({type(error).__name__}); choose another --out"
            ) from error
        content = json.loads(json.dumps(self.space.content()))
        if "space" not in attributes:
            study.set_user_attr("space", content)
        elif attributes["space"] != content:
            raise SettingsError(
                f"{self.folder} holds a search of another space: {_difference(attributes['space'], content)}; choose "
                "another --out"
            )
        return study

    def take(self, wanted: int) -> Taken | None:
        """Return the next trial to carry out, with its lock held; None once ``wanted`` have been begun.

        A trial that a process left behind comes first.

        Raises:
            CephkitError: the folder cannot be written, or a process on another machine does not let go of it.
        """
        with self._changing(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna's, about what is new in it
            begun = [each for each in self.trials() if each.state != TrialState.WAITING]
            # A sampler for each trial: processes with one seed would try the same.
            self._study.sampler = optuna.samplers.TPESampler(seed=(self.seed + len(begun)) % LARGEST_SEED)
            for each in begun:
                if each.state == TrialState.RUNNING and (lock := self._claimed(each.number)) is not None:
                    trial = Trial(self._study, each._trial_id)
                    for name, distribution in self._distributions.items():
                        trial._suggest(name, distribution)  # only what a process killed in ask() left open
                    return self._taken(trial, lock, True)
            if len(begun) >= wanted:
                return None
            trial = self._study.ask(self._distributions)
            lock = self._claimed(trial.number)
            assert lock is not None
            return self._taken(trial, lock, False)

    def held_by_others(self) -> list[str]:
        """Return a line for each trial that another process carries out, or has left locked."""
        return [
            f"trial {each.number + 1} is another process's: {holder(lock)}. If that no longer runs, remove {lock} and "
            "re-run the same command"
            for each in self.trials()
            if each.state == TrialState.RUNNING and (lock := self.folder_of(each.number) / TRIAL_LOCK).exists()
        ]

    def _taken(self, trial: Trial, lock: SoftFileLock, is_resumed: bool) -> Taken:
        return Taken(trial, self.folder_of(trial.number), dict(trial.params), lock, is_resumed)

    def _claimed(self, number: int) -> SoftFileLock | None:
        """Return the lock of a trial, held; None if another process holds it."""
        folder = self.folder_of(number)
        folder.mkdir(exist_ok=True)
        lock = SoftFileLock(folder / TRIAL_LOCK)
        try:
            lock.acquire(timeout=0.05, poll_interval=0.02)
        except Timeout:
            return None
        return lock

    def folder_of(self, number: int) -> Path:
        """Return the folder of a trial, by Optuna's number, which begins with 0."""
        return self.folder / f"trial_{number + 1}"

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, in the order in which they were begun or are to be."""
        return self._study.get_trials(deepcopy=False)

    def complete(self) -> list[FrozenTrial]:
        """Return the trials with an error, the best one first."""
        done = [each for each in self.trials() if each.state == TrialState.COMPLETE and each.value is not None]
        return sorted(done, key=lambda each: (each.value, each.number))

    def done_before(self, taken: Taken) -> FrozenTrial | None:
        """Return a complete trial with the same settings; None if there is none."""
        return next((each for each in self.complete() if each.params == taken.point), None)

    def report(self, taken: Taken, epoch: int, error: float) -> bool:
        """Add the validation error of an epoch; return whether the trial is behind most others at that epoch."""
        with self._changing():
            # After a kill, epochs since the last saved state come again.
            if epoch not in self._study._storage.get_trial(taken.trial._trial_id).intermediate_values:
                taken.trial.report(error, epoch)
            return taken.trial.should_prune()

    def note(self, taken: Taken, **facts: Any) -> None:
        """Keep facts about a trial."""
        with self._changing():
            for name, fact in facts.items():
                taken.trial.set_user_attr(name, fact)

    def end(self, taken: Taken, error: float | None = None, reason: str = "", is_pruned: bool = False) -> None:
        """End a trial: complete with its ``error``, ended early, or failed for a ``reason``."""
        with self._changing():
            if reason:
                taken.trial.set_user_attr("reason", reason)
            if error is not None:
                self._study.tell(taken.trial, error)
            else:
                self._study.tell(taken.trial, state=TrialState.PRUNED if is_pruned else TrialState.FAIL)

    def tidy(self) -> None:
        """Remove the checkpoints of trials that have ended, but for the best one's."""
        with self._changing():
            best = self.complete()[:1]
            for each in self.trials():
                if each.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL) and each not in best:
                    for path in self.folder_of(each.number).rglob("*.pth"):
                        path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the study against other processes."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                yield
        except Timeout as error:
            path = self.folder / LOCK
            raise CephkitError(
                f"--out {self.folder} is locked by another process: {holder(path)}. If that no longer runs (after a "
                f"restart of its machine, say), remove {path}, then re-run the same command"
            ) from error
        except OSError as error:
            raise CephkitError(
                f"--out {self.folder}: cannot be written ({error.strerror or error}); free disk space or change its "
                "permissions, then re-run the same command to resume, or choose another --out"
            ) from error


class _JournalLock:
    """Optuna's lock of the journal, by the study's; it takes away what a killed process left of a line."""

    def __init__(self, lock: SoftFileLock, journal: Path) -> None:
        self._lock, self._journal = lock, journal

    def acquire(self) -> bool:
        self._lock.acquire()
        _cut_unfinished_line(self._journal)
        return True

    def release(self) -> None:
        self._lock.release()


def _check_lines(path: Path) -> None:
    """Optuna itself takes a last line that it cannot read for one that is being written, and adds to it.

    Raises:
        ValueError: a line is not an object of JSON.
    """
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
        if not isinstance(json.loads(line), dict):
            raise ValueError(line[:80])


def _cut_unfinished_line(path: Path) -> None:
    with path.open("rb+") as file:
        size = end = file.seek(0, 2)
        while end:
            file.seek(max(0, end - 4096))
            block = file.read(end - file.tell())
            if b"\n" in block:
                end = end - len(block) + block.rindex(b"\n") + 1
                break
            end -= len(block)
        if end < size:
            file.truncate(end)


def _distribution(space: Space, name: str) -> BaseDistribution:
    searched = space.search[name]
    if not isinstance(searched, Range):
        return CategoricalDistribution(list(searched.values))
    if searched.whole:
        step = 1 if searched.step is None else int(searched.step)
        return IntDistribution(int(searched.low), int(searched.high), log=searched.log, step=step)
    return FloatDistribution(searched.low, searched.high, log=searched.log, step=searched.step)


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return what differs between two spaces, in words."""
    for part in ("settings", "search"):
        before, after = old.get(part, {}), new[part]
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                return f"{name} in {part} was {_shown(before, name)} and is {_shown(after, name)}"
    return "its parts differ"


def _shown(settings: dict[str, Any], name: str) -> str:
    value = settings.get(name, "not there")
    return " ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
