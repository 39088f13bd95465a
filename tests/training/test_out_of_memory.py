"""What a machine runs short of costs time, never a film, never the effective batch, and never a state."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from lightning_fabric.wrappers import _FabricModule

from cephkit.checkpoint import read_checkpoint
from cephkit.data.dataset import Batch, FilmDataset
from cephkit.errors import CephkitError, FilmError
from cephkit.memory.recover import Packing
from cephkit.screen import ProgressBar
from cephkit.task.heatmaps import HeatmapTask
from cephkit.task.task import Network, Output
from cephkit.training import loop
from cephkit.training import run as run_module
from cephkit.training.context import NetworkRun
from cephkit.training.loop import failure, fit
from cephkit.training.run import set_up, train
from tests.training.conftest import Settings
from tests.training.test_resume import equal, state_of

PLAIN = {"augment": False, "epochs": 2, "batch_size": 4, "gradient_accumulation_steps": 1, "use_ema": True}


def trained(settings: Settings, name: str, **changes: object) -> NetworkRun:
    """A run with normalisation frozen: its statistics would see other batches when passes get smaller."""
    run = set_up(settings(name, **{**PLAIN, **changes}), ProgressBar(quiet=True))
    run.state.model.eval()
    assert fit(run, stop=lambda: False) == "finished"
    return run


def failing_at(calls: set[int]) -> Callable[[HeatmapTask, Network, Batch], Output]:
    real, made = HeatmapTask.__call__, [0]

    def run(task: HeatmapTask, network: Network, batch: Batch) -> Output:
        output = real(task, network, batch)
        if not isinstance(network, _FabricModule):  # the rehearsal's
            return output
        made[0] += 1
        if made[0] in calls:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")
        return output

    return run


# 7 films in steps of 4: call 1 is the first step, 2 the remainder; later ones lie in the second epoch, in the middle of
# an accumulation that an earlier failure brought about.
@pytest.mark.parametrize("calls", [{1}, {2}, {3}, {4}, {1, 3}, {1, 2, 5}, {2, 9}])
def test_an_interrupted_step_is_done_again_in_smaller_passes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, calls: set[int]
) -> None:
    undisturbed = trained(settings, "undisturbed")
    monkeypatch.setattr(HeatmapTask, "__call__", failing_at(calls))
    run = trained(settings, "disturbed")
    assert run.packing != Packing(4, 1)
    assert run.packing.batch_size * run.packing.accumulation == 4
    assert run.state.progress.step == undisturbed.state.progress.step == 4
    pairs = zip(run.state.model.parameters(), undisturbed.state.model.parameters(), strict=True)
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)


def test_no_film_is_lost_and_none_is_seen_twice(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    failing = failing_at({2, 4})

    def watched(task: HeatmapTask, network: Network, batch: Batch) -> Output:
        output = failing(task, network, batch)
        seen.append(batch.index.tolist())
        return output

    monkeypatch.setattr(HeatmapTask, "__call__", watched)
    run = set_up(settings(**{**PLAIN, "epochs": 1, "num_workers": 2, "use_ram_cache": True}), ProgressBar(quiet=True))
    seen.clear()
    stepped: list[int] = []
    step = run.optimizer.step

    def counted() -> None:
        stepped.extend(film for films in seen for film in films)
        seen.clear()
        step()

    run.optimizer.step = counted
    zero_grad = run.optimizer.zero_grad

    def undone(*, set_to_none: bool) -> None:
        seen.clear()
        zero_grad(set_to_none=set_to_none)

    run.optimizer.zero_grad = undone
    fit(run, stop=lambda: False)
    assert sorted(stepped) == list(range(7))


def test_running_statistics_and_random_state_are_undone_with_the_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = set_up(settings(batch_size=2, gradient_accumulation_steps=2), ProgressBar(quiet=True))
    buffers = [buffer.clone() for buffer in run.state.model.buffers()]
    random = torch.get_rng_state()
    monkeypatch.setattr(HeatmapTask, "__call__", failing_at({2}))
    with pytest.raises(torch.OutOfMemoryError):
        loop.train_steps(run, stop=lambda: False)
    assert not torch.equal(torch.get_rng_state(), random)
    loop.repack(run)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(a, b) for a, b in zip(run.state.model.buffers(), buffers, strict=True))
    assert all(parameter.grad is None for parameter in run.state.model.parameters())


def test_what_helps_is_tried_in_order_and_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(HeatmapTask, "__call__", failing_at({1, 2, 3}))
    config = settings(batch_size=2, gradient_accumulation_steps=3)
    assert train(config).outcome == "finished"
    said = capsys.readouterr().out
    assert "step 1: out of memory with 2 x 3; continuing with 1 x 6, the same effective batch" in said
    assert "with 1 x 6; continuing with 1 x 6, recomputing by block" in said
    assert "recomputing by block; continuing with 1 x 6, recomputing by stage" in said
    assert read_checkpoint(config.save_dir / "checkpoint_latest.pth").epoch == 2


def test_when_nothing_helps_the_state_is_saved_and_the_remedy_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeatmapTask, "__call__", failing_at({2, 3, 4, 5, 6, 7}))
    config = settings(batch_size=7, gradient_accumulation_steps=1)
    with pytest.raises(CephkitError, match=r"ran out of memory.*1 x 7, recomputing by stage.*--image_size.*--resume"):
        train(config)
    training = read_checkpoint(config.save_dir / "checkpoint_latest.pth").training
    assert training is not None
    assert training["progress"]["step"] == 1


def test_a_rehearsal_that_does_not_fit_repacks_before_the_first_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = run_module.rehearse
    failures = [torch.OutOfMemoryError("CUDA out of memory")]

    def rehearse(*arguments: object, **options: object) -> float:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "rehearse", rehearse)
    assert train(settings(epochs=1)).outcome == "finished"
    assert "step 1: out of memory with 2 x 3; continuing with 1 x 6" in capsys.readouterr().out


def test_validation_that_does_not_fit_takes_fewer_films_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, failures = loop.validate, [torch.OutOfMemoryError("CUDA out of memory")] * 2

    def validate(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "validate", validate)
    result = train(settings(batch_size=4, gradient_accumulation_steps=1))
    assert result.outcome == "finished"
    assert "validation: out of memory; continuing with 1 films a pass" in capsys.readouterr().out


@pytest.mark.parametrize("recompute", ["none", "block"])
def test_recomputation_is_done_where_asked_for(settings: Settings, recompute: str) -> None:
    model: Any = set_up(settings(recompute=recompute), ProgressBar(quiet=True)).state.model
    assert ("forward" in vars(model.head)) == (recompute != "none")


@pytest.mark.parametrize("recompute", ["block", "stage"])
def test_recomputation_changes_no_result(settings: Settings, recompute: str) -> None:
    plain = train(settings("plain", epochs=1, model="hrnet_w18_small"))
    less = train(settings("less", epochs=1, model="hrnet_w18_small", recompute=recompute))
    assert less.best == pytest.approx(plain.best, rel=1e-4)
    weights = [read_checkpoint(result.save_dir / "checkpoint_latest.pth").model for result in (plain, less)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=1e-5) for name in weights[0])


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
@pytest.mark.parametrize("split", ["train", pytest.param("valid", marks=pytest.mark.slow)])
def test_a_killed_loader_worker_is_one_message_and_the_state_is_saved(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    common: dict[str, Any] = {"epochs": 2, "batch_size": 2, "gradient_accumulation_steps": 1, "use_ram_cache": True}
    straight = train(settings("straight", **common))
    config = settings("broken", num_workers=1, **common)
    real, here, seen = FilmDataset.__getitem__, os.getpid(), []

    def dying(self: FilmDataset, index: int) -> Any:
        seen.append(index)
        # In the worker of one split, in its second epoch; the rehearsal has seen two films before it was forked.
        if os.getpid() != here and self.films[0].split == split and len(seen) > len(self) + 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(FilmDataset, "__getitem__", dying)
        with pytest.raises(CephkitError, match=r"a loader worker.* was killed.*--num_workers 0.*--resume") as caught:
            train(config)
    assert "\n" not in str(caught.value)
    resumed = train(replace(config, num_workers=0, resume=config.save_dir / "checkpoint_latest.pth"))
    assert equal(state_of(straight), state_of(resumed))
    assert (straight.best, straight.best_epoch) == (resumed.best, resumed.best_epoch)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory ran out"),
        pytest.param(
            RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory ran out", marks=pytest.mark.slow
        ),
        pytest.param(
            FilmError("a.png: cannot be read any more"), "a.png: cannot be read any more", marks=pytest.mark.slow
        ),
    ],
)
def test_what_stops_a_step_is_said_and_the_state_before_it_is_saved(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    straight = train(settings("straight"))
    config = settings("broken")
    real, calls = HeatmapTask.__call__, []

    def failing(*arguments: Any) -> Output:
        output = real(*arguments)
        calls.append(1)
        if len(calls) == 10:  # four of the rehearsal, three and one of the first epoch, two of the second
            raise error
        return output

    with monkeypatch.context() as patched:
        patched.setattr(HeatmapTask, "__call__", failing)
        with pytest.raises(CephkitError, match=rf"^{said}.*state is saved: add --resume .* to resume from step 2\."):
            train(config)
    resumed = train(replace(config, resume=config.save_dir / "checkpoint_latest.pth"))
    assert equal(state_of(straight), state_of(resumed))


def test_a_step_that_fails_while_weights_change_is_not_saved(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = set_up(settings(), ProgressBar(quiet=True))
    steps: list[int] = []
    step = run.optimizer.step

    def failing() -> None:
        step()
        steps.append(1)
        if len(steps) == 2:
            raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    monkeypatch.setattr(run.optimizer, "step", failing)
    with pytest.raises(RuntimeError, match="DataLoader worker") as caught:
        fit(run, stop=lambda: False)
    assert run.updating
    told = failure(run, caught.value)
    assert "use --num_workers 0" in told
    assert not (run.config.save_dir / "checkpoint_latest.pth").exists()


def test_an_error_of_the_program_stays_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*arguments: object) -> Output:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(HeatmapTask, "__call__", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(settings())
