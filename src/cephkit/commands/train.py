"""``cephkit train``: settings first, so that help and mistakes do not wait for torch."""

from cephkit.config import TrainConfig, parse_with_file


def main(argv: list[str]) -> int:
    """``cephkit train`` and ``train_1024x1024.py``; 0, 130 when stopped by Ctrl-C, 143 by SIGTERM.

    Raises:
        CephkitError: see ``cephkit.training.run.train``.
    """
    config = parse_with_file(TrainConfig, argv, "cephkit train")
    from cephkit.training.run import train

    return train(config).status
