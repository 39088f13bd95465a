"""Predictions as tests write them: ``{film id: {symbol: point}}``; None is a landmark that was not found."""

from collections.abc import Mapping, Sequence

from cephkit.data.film import Film
from cephkit.evaluation.scoring import Scores, predictions_json, score_predictions
from cephkit.records.record import LandmarkRecord

Points = Mapping[str, Mapping[str, tuple[float, float] | None]]


def predicted(films: Points) -> dict[str, LandmarkRecord]:
    return {
        film_id: LandmarkRecord(
            {symbol: point for symbol, point in landmarks.items() if point is not None},
            tuple(symbol for symbol, point in landmarks.items() if point is None),
            film_id=film_id,
        )
        for film_id, landmarks in films.items()
    }


def points_of(records: Mapping[str, LandmarkRecord]) -> Points:
    """The other way round."""
    assert all(film_id == record.film_id for film_id, record in records.items())
    return predictions_json(list(records.values()))


def scored(films: Sequence[Film], given: Points, truth: str, allow_missing: bool = False) -> Scores:
    return score_predictions(films, predicted(given), truth, allow_missing)
