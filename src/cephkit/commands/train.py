"""``cephkit train``."""

from typing import TYPE_CHECKING, Any

from cephkit.config import TrainConfig
from cephkit.settings.reading import from_keywords, parse_with_file

if TYPE_CHECKING:
    from cephkit.training.run import Result


def main(argv: list[str], device: str = "auto") -> int:
    """Run ``cephkit train``; the status is 0, 130 if stopped by Ctrl-C, 143 by SIGTERM.

    Args:
        argv: the command line.
        device: the default of ``--device``, which the guide's script sets to ``cuda``.

    Raises:
        CephkitError: see ``cephkit.training.run.train``.
    """
    return train(parse_with_file(TrainConfig, argv, "cephkit train", device=device)).status


def train(config: TrainConfig | None = None, /, **settings: Any) -> "Result":
    """Train a landmark model, as ``cephkit train`` does.

    Args:
        config: all settings in one object; or give them as keywords.
        **settings: the flags of ``cephkit train`` without their dashes, e.g. ``epochs=50``.

    Returns:
        the best error, and where checkpoints and logs are.

    Raises:
        CephkitError: settings or data that cannot be used.
    """
    config = from_keywords(TrainConfig, config, settings, "cephkit.train")
    from cephkit.training import run, several  # torch, which help and wrong settings do not need

    return several.train_several(config) if config.folds or config.seeds else run.train(config)
