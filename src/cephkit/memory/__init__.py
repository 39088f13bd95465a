"""What a training step keeps in memory, and how to keep less of it."""

GIB = 2**30
"""Bytes."""


def gib(count: float) -> str:
    """Bytes for the eye: ``7.6 GiB``, ``46 MiB``."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 2**20:.0f} MiB"
