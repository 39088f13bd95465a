"""What models found on the films of a session: read from files, or found while people review."""

from typing import Protocol

from cephkit.records.record import LandmarkRecord


class Predictions(Protocol):
    """What models found on films, by number."""

    has_model: bool

    def record(self, n: int) -> LandmarkRecord | None:
        """Return what was found on a film; None if nothing was, or not yet."""

    def status(self, n: int) -> str:
        """Return how far a film is: empty, ``waiting``, ``running`` or ``failed: reason``."""

    def close(self) -> None:
        """End what works in the background."""


class NoPredictions:
    """Where neither a model nor its results were given."""

    has_model = False

    def record(self, n: int) -> LandmarkRecord | None:
        """Return None."""
        return None

    def status(self, n: int) -> str:
        """Return that nothing is to come."""
        return ""

    def close(self) -> None:
        """Nothing works in the background."""
