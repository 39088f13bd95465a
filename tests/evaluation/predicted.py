"""Predictions as tests write them."""

from collections.abc import Mapping

from cephkit.records.record import LandmarkRecord


def predicted(films: Mapping[str, Mapping[str, tuple[float, float] | None]]) -> dict[str, LandmarkRecord]:
    """Records of ``{film id: {symbol: point}}``; None is a landmark that was not found."""
    return {
        film_id: LandmarkRecord(
            {symbol: point for symbol, point in landmarks.items() if point is not None},
            tuple(symbol for symbol, point in landmarks.items() if point is None),
            film_id=film_id,
        )
        for film_id, landmarks in films.items()
    }
