"""Several models by one command, one for each fold or each seed. Each is a run of its own, in a folder of its own.

A run that was interrupted goes on where it stopped, and one that is complete is left as it is, when the same command is
given again.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import torch

from cephkit.checkpoint import read_checkpoint
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, DataError, DivergedError, SettingsError, some
from cephkit.interrupt import ending_after_the_step
from cephkit.model_paths import BEST, FINAL
from cephkit.settings.reading import from_keywords, to_plain
from cephkit.training.finish import is_complete, second_stage
from cephkit.training.resume import different_settings
from cephkit.training.run import Result, train
from cephkit.training.together import judge_folds, judge_seeds

OUTPUT = "output.txt"
"""What a run on one of several cards prints, in its log folder."""
STATUSES: dict[type[Exception], int] = {
    DivergedError: 10, SettingsError: 11, DataError: 12, torch.OutOfMemoryError: 13,
}  # fmt: skip
"""Exit statuses of a run on one of several cards that its own settings ended, by the error or its cause."""
_CHILD = """
import sys
from cephkit.cli import run
from cephkit.training.several import train_given
sys.exit(run(train_given, []))
"""


@dataclass(frozen=True)
class Member:
    """One of several models."""

    name: str
    """``fold 2``, ``seed 7``."""
    config: TrainConfig

    @property
    def best(self) -> Path:
        """Its best checkpoint."""
        return self.config.save_dir / BEST

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.best.is_file() and is_complete(read_checkpoint(self.best).extras, second_stage(self.config))


def members(config: TrainConfig) -> list[Member]:
    """Return the models that ``--folds`` or ``--seeds`` stand for, whichever of them ``--fold`` chooses."""
    found = []
    for number in range(1, (config.folds or 0) + 1):
        found.append(_member(config, f"fold {number}", fold=number, final=False))
    if config.final:
        found.append(_member(config, FINAL, fold=None))
    for seed in range(config.seed, config.seed + (config.seeds or 0)):
        found.append(_member(config, f"seed {seed}", seed=seed))
    return found


def _member(config: TrainConfig, name: str, **changes: int | None) -> Member:
    folder = name.replace(" ", "_")
    own = replace(config, **changes, save_dir=config.save_dir / folder, log_dir=config.log_dir / folder)  # type: ignore[arg-type]
    return Member(name, own)


def train_several(config: TrainConfig, stop: Callable[[], bool] = lambda: False) -> Result:
    """Train the models of ``config``, or with ``--fold`` that one, and judge them together once all are complete.

    With several cards they are trained side by side, one on each.

    Args:
        config: the settings, with ``folds`` or ``seeds``.
        stop: see ``run.train``.

    Raises:
        CephkitError: as ``run.train``; or a folder holds a model that was trained with other settings.
    """
    if config.resume is not None and config.resume_as != "fine_tune":
        raise SettingsError(
            "--folds and --seeds resume by themselves", "leave --resume out, or add --resume_as fine_tune"
        )
    # Whose models are judged together must have been trained alike.
    every = [continued(member) for member in members(config)]
    chosen = [
        each for each in every
        if config.fold in (None, each.config.fold) or (config.final and each.name == FINAL)
    ]  # fmt: skip
    devices = _devices(config)
    side_by_side = len(devices) > 1 and len(chosen) > 1
    status = _train_on(devices, chosen) if side_by_side else _train_in_turn(chosen, stop)
    if status:
        return Result("stopped", None, 0, config.save_dir, status)
    # With --final one fold is enough to judge by.
    left = [each.name for each in (chosen if config.final else every) if not each.is_complete]
    if left:
        print(f"to be trained: {some(left, 10)}; once all are, they are judged together")
        return Result("finished", None, 0, config.save_dir)
    configs = {each.name: each.config for each in every if each.is_complete}
    final = configs.pop(FINAL, None)
    error = judge_seeds(config, configs, print) if config.folds is None else judge_folds(config, configs, final, print)
    return Result("finished", error, 0, config.save_dir)


def continued(member: Member) -> Member:
    """``member`` as it goes on from what its folder holds.

    Raises:
        SettingsError: the folder holds a model that was trained with other settings.
        CheckpointError: its checkpoint cannot be read.
    """
    config = member.config
    latest = config.save_dir / "checkpoint_latest.pth"
    if not latest.is_file():
        return member
    changed = different_settings(config, read_checkpoint(latest))
    if changed:
        raise SettingsError(
            f"{member.name} was trained with other settings: {'; '.join(changed)}",
            "use those settings, or choose another --save_dir", config.save_dir,
        )  # fmt: skip
    return replace(member, config=replace(config, resume=latest, resume_as="continue"))


def _train_in_turn(chosen: Sequence[Member], stop: Callable[[], bool]) -> int:
    """Train one after the other; the status of the first that was stopped, else 0."""
    for member in chosen:
        print(f"\n{member.name}: {member.config.save_dir}")
        result = train(member.config, stop)
        if result.outcome == "stopped":
            return result.status or 130
    return 0


def _devices(config: TrainConfig) -> list[str]:
    """The devices to train on."""
    cards = torch.cuda.device_count() if config.device in ("auto", "cuda") else 0
    return [f"cuda:{card}" for card in range(cards)] if cards > 1 else [config.device]


def _train_on(devices: Sequence[str], chosen: Sequence[Member]) -> int:
    """Train on several devices at once, each model in a process of its own; the status, as ``_train_in_turn``.

    Raises:
        CephkitError: a run failed; of the class that it has on one device, if the settings of all that failed are to
            blame.
    """
    free: SimpleQueue[str] = SimpleQueue()
    for device in devices:
        free.put(device)
    with ending_after_the_step() as asked, ThreadPoolExecutor(len(devices)) as pool:
        run = partial(_train_on_free, free, asked)
        statuses = dict(zip((member.name for member in chosen), pool.map(run, chosen), strict=True))
        stopped = asked.status if asked() else 0
    if stopped:
        return stopped
    failed = [member for member in chosen if statuses[member.name]]
    if failed:
        outputs = [member.config.log_dir / OUTPUT for member in failed]
        reason = _last_line(outputs[0]).removeprefix("error: ")
        text = f"{some([member.name for member in failed], 10)} failed: {reason}"
        raise _failure({statuses[member.name] for member in failed}, text, f"see {some(list(map(str, outputs)), 10)}")
    return 0


def _failure(statuses: set[int], text: str, remedy: str) -> CephkitError:
    kinds = [kind for kind, status in STATUSES.items() if status in statuses]
    kind = kinds[0] if len(kinds) == len(statuses) else CephkitError
    error = kind(text, remedy) if issubclass(kind, CephkitError) else CephkitError(text, remedy)
    if kind is torch.OutOfMemoryError:
        error.__cause__ = torch.OutOfMemoryError()
    return error


def _train_on_free(free: "SimpleQueue[str]", asked: Callable[[], bool], member: Member) -> int:
    """Train ``member`` on the next free device; its exit status."""
    device = free.get()
    try:
        own = replace(member, config=replace(member.config, device=device))
        return 0 if asked() else _train_apart(own, asked)
    finally:
        free.put(device)


def _train_apart(member: Member, asked: Callable[[], bool]) -> int:
    """Train in a process of its own; its exit status."""
    what, output = f"{member.name} on {member.config.device}", member.config.log_dir / OUTPUT
    output.parent.mkdir(parents=True, exist_ok=True)
    # A session of its own, so that Ctrl-C does not interrupt its start: it is told to stop below. Windows has none.
    has_sessions = os.name == "posix"
    with output.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", _CHILD], stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", start_new_session=has_sessions,
        )  # fmt: skip
    print(f"{what}; its output is in {output}", flush=True)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        json.dump(to_plain(member.config), process.stdin)
    told = False
    while process.poll() is None:
        time.sleep(0.1)
        if has_sessions and asked() and not told:
            process.terminate()  # SIGTERM: it saves its state and ends
            told = True
    print(f"{what}: {_last_line(output)}", flush=True)
    return process.returncode


def train_given(argv: list[str]) -> int:
    """Train with the settings on standard input, a JSON object, in a process that ``_train_apart`` has started."""
    try:
        return train(from_keywords(TrainConfig, None, json.load(sys.stdin), "settings")).status
    except CephkitError as error:
        for kind, status in STATUSES.items():
            if isinstance(error, kind) or isinstance(error.__cause__, kind):
                print(f"error: {error}", file=sys.stderr)
                return status
        raise


def _last_line(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it printed nothing")
