"""What a run has to do after its epochs: the second stage, where asked for, and the best checkpoint's own errors.

``completed`` in that checkpoint's ``extras`` says what is done, so that a resume does what is missing and no more.
"""

from collections.abc import Callable
from typing import Any

from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.config import TrainConfig
from cephkit.interrupt import Stopped
from cephkit.training.context import Run
from cephkit.training.finish import finish
from cephkit.training.refine import RefinerTraining, state_path
from cephkit.training.second_stage import add_refiner, detail_data, detail_size


def complete(run: Run, stop: Callable[[], bool]) -> bool:
    """Give the best checkpoint what it lacks; whether it lacked something.

    Raises:
        Stopped: ``stop()`` was true; the message says how to go on, and going on does the rest only.
        CephkitError: a file or a film cannot be read or written.
    """
    config, device, notify = run.config, run.fabric.device, run.screen.notify
    path = config.save_dir / "checkpoint_best.pth"
    if not path.is_file():
        return False
    wanted = second_stage(config)
    saved = state_path(path)
    if is_complete(read_checkpoint(path).extras, wanted):
        saved.unlink(missing_ok=True)
        return False
    refiner, where = None, "in the second stage"
    try:
        if wanted is not None:
            detail = detail_data(
                run.data, config.dataset_path, detail_size(run.data.films["train"], config.refine_size), config.hold,
                config.cache_dir,
            )  # fmt: skip
            refiner = add_refiner(
                load_model(path, device), detail, RefinerTraining(**wanted["training"], num_workers=config.num_workers),
                config.truth, device, notify, stop, run.valid_batch_size, saved,
            )  # fmt: skip
        where = "before the errors of the best checkpoint were calibrated"
        finish(
            path, run.data, config.truth, device, notify, config.mixed_precision, run.valid_batch_size, refiner, stop,
            {"second_stage": wanted},
        )  # fmt: skip
    except Stopped as error:
        raise Stopped(
            f"stopped {where}; the epochs are done, the state is saved. "
            f"Go on with the same command and --resume {config.save_dir / 'checkpoint_latest.pth'}"
        ) from error
    saved.unlink(missing_ok=True)
    return True


def second_stage(config: TrainConfig) -> dict[str, Any] | None:
    """The settings that decide what the second stage comes out as, plain types; None without one."""
    if not config.refine:
        return None
    training = RefinerTraining(epochs=config.refine_epochs, seed=config.seed, mixed_precision=config.mixed_precision)
    size = None if config.refine_size is None else list(config.refine_size)
    return {"size": size, "training": training.to_dict()}


def is_complete(extras: dict[str, Any], wanted: dict[str, Any] | None) -> bool:
    """Whether a checkpoint with ``extras`` has all that a run with the second stage ``wanted`` gives it."""
    done = extras.get("completed")
    return isinstance(done, dict) and (wanted is None or done.get("second_stage") == wanted)
