"""float16 with its scaler, on the CPU: cards that need it are rare where tests run."""

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision

from cephkit.checkpoint import read_checkpoint
from cephkit.training import run as run_module
from cephkit.training.run import set_up, train
from tests.training.conftest import Settings
from tests.training.test_resume import StopAfter, equal, state_of


@pytest.fixture
def float16(monkeypatch: pytest.MonkeyPatch) -> None:
    """``start_fabric`` as it is on a card of compute capability 7, but for the device."""

    def start(*_: object) -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**18, growth_interval=3)
        fabric = Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
        fabric.launch()
        return fabric

    monkeypatch.setattr(run_module, "start_fabric", start)


@pytest.mark.usefixtures("float16")
def test_an_overflowing_scale_is_lowered_and_its_steps_are_skipped_and_counted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train(settings(epochs=4, mixed_precision=True, use_ema=True))
    checkpoint = read_checkpoint(result.save_dir / "checkpoint_latest.pth")
    assert checkpoint.training is not None
    progress = checkpoint.training["progress"]
    skipped = progress["skipped"]
    assert skipped >= 1
    assert progress["step"] == 8
    # Halved by every overflow, doubled by every third step that went well in a row.
    assert checkpoint.training["scaler"]["scale"] in [2.0 ** (18 - skipped + grown) for grown in range(3)]
    assert "not finite, skipped (1 so far)" in capsys.readouterr().out
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint.model.values())


@pytest.mark.usefixtures("float16")
def test_stopping_and_resuming_restores_the_scaler(settings: Settings) -> None:
    straight = train(settings("straight", epochs=4, mixed_precision=True))
    stopped = train(settings("broken", epochs=4, mixed_precision=True), stop=StopAfter(5))
    assert stopped.outcome == "stopped"
    resumed = train(
        settings("broken", epochs=4, mixed_precision=True, resume=stopped.save_dir / "checkpoint_latest.pth")
    )
    assert equal(state_of(straight), state_of(resumed))


@pytest.mark.usefixtures("float16")
def test_gradients_are_unscaled_before_they_are_clipped(settings: Settings) -> None:
    from cephkit.screen import ProgressBar
    from cephkit.training.loop import train_epoch

    run = set_up(settings(mixed_precision=True, clip_grad_norm=0.5, epochs=4), ProgressBar(quiet=True))
    norms: list[float] = []
    step = run.optimizer.step

    def measured() -> None:
        grads = [p.grad for p in run.state.model.parameters() if p.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))
        step()

    run.optimizer.step = measured
    for _ in range(8):
        run.state.progress.epoch_steps = 0
        train_epoch(run, stop=lambda: run.state.progress.step >= 8)
        if run.state.progress.step >= 8:
            break
    finite = [norm for norm in norms if norm == norm and norm != float("inf")]
    assert finite
    assert max(finite) <= 0.5 * 1.001
