"""What a run has to do after its epochs: the second stage, where asked for, and the best checkpoint's own errors.

``completed`` in that checkpoint's ``extras`` records what is done, so that a resume does only what is missing.
"""

from collections.abc import Callable
from typing import Any

from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.config import TrainConfig
from cephkit.interrupt import Stopped
from cephkit.training.context import NetworkRun
from cephkit.training.finish import finish
from cephkit.training.refine import RefinerTraining, state_path
from cephkit.training.second_stage import add_refiner, detail_data, detail_size


def complete(run: NetworkRun, stop: Callable[[], bool]) -> bool:
    """Give the best checkpoint what it lacks; whether it lacked something.

    Raises:
        Stopped: ``stop()`` was true; the message says how to resume, which does only the rest.
        CephkitError: a file or a film cannot be read or written.
    """
    config, fabric, screen = run.config, run.fabric, run.screen
    path, wanted = run.keeper.best, second_stage(config)
    saved = state_path(path)
    fabric.barrier()  # the first process may still be writing
    if not path.is_file():
        return False
    lacks_nothing = is_complete(read_checkpoint(path).extras, wanted)
    fabric.barrier()  # and changes the file next
    if lacks_nothing:
        saved.unlink(missing_ok=True)
        return False
    refiner, where = None, "in the second stage"
    try:
        if wanted is not None:
            size = detail_size(run.data.films["train"], config.refine_size)
            with fabric.rank_zero_first():  # the first process decodes, the others find its film store
                detail = detail_data(run.data, config.dataset_path, size, config.hold, config.cache_dir)
            refiner = add_refiner(
                load_model(path, fabric.device), detail,
                RefinerTraining(**wanted["training"], num_workers=config.num_workers), config.truth, fabric, screen,
                stop, run.valid.batch_size, saved, config.log_dir / "second_stage",
            )  # fmt: skip
        if not fabric.is_global_zero:
            return True
        where = "before the errors of the best checkpoint were calibrated"
        finish(
            path, run.data, config.truth, fabric.device, screen.notify, config.mixed_precision, run.valid.batch_size,
            refiner, stop, {"second_stage": wanted},
        )  # fmt: skip
    except Stopped as error:
        raise Stopped(
            f"stopped {where}; the epochs are done, the state is saved. "
            f"To resume, re-run the same command with --resume {run.keeper.latest}"
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
