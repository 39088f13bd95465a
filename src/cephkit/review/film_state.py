"""All about one film as plain types, for the page."""

from collections.abc import Sequence
from typing import Any

from cephkit.data.spacing import Spacing
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.record import LandmarkRecord
from cephkit.review.desk import Desk
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.pixels import TILE, FilmFacts
from cephkit.review.record import Identity, respaced, sought, standing_record


def film_state(
    film: ReviewFilm,
    facts: FilmFacts,
    desk: Desk,
    standing: Standing,
    spacing: Spacing | None,
    sources: Sequence[LandmarkRecord],
    schema: LandmarkSchema,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return all but how far its prediction is.

    Args:
        film: the film.
        facts: of its picture.
        desk: its edits.
        standing: how it stands after them.
        spacing: its pixel size before them.
        sources: what models found, the latest first.
        schema: the landmarks of the session.
        notes: further ones.
    """
    found = respaced(sources[0], standing.spacing) if sources else None
    record = standing_record(film, Identity.of(facts), standing, sources, desk.schema)
    return {
        **picture_dict(film, facts, found, notes),
        **standing_dict(standing, desk),
        "aspect": aspect_of(standing.spacing or spacing),
        "facing": record.facing or "",
        "sought": list(sought(film, sources, schema)),
        "predicted": None if found is None else predicted_dict(found),
    }


def picture_dict(
    film: ReviewFilm, facts: FilmFacts, predicted: LandmarkRecord | None, notes: Sequence[str] = ()
) -> dict[str, Any]:  # fmt: skip
    """Return what is known of a film's picture, its labels, and the doubts about it."""
    said = () if predicted is None else predicted.notes
    all_notes = (*film.doubtful, *facts.notes, *film.faults, *film.oddities, *_resized(film, facts), *said, *notes)
    return {
        "n": film.n, "id": film.film_id, "file": film.file, "split": film.split or "",
        "size": list(facts.size), "depth": facts.depth, "hash": facts.hash, "tile": TILE,
        "levels": [list(size) for size in facts.levels], "window": list(facts.window),
        "orientation": facts.orientation,
        "notes": list(dict.fromkeys(all_notes)),
        "doubt": "" if predicted is None else predicted.doubt,
        "doubted": list(film.doubted),
        "truth": {name: {s: list(at) for s, at in points.items()} for name, points in film.truth.items()},
    }  # fmt: skip


def _resized(film: ReviewFilm, facts: FilmFacts) -> list[str]:
    if film.marked_size in (None, facts.size):
        return []
    (height, width), (marked_height, marked_width) = facts.size, film.marked_size or facts.size
    return [f"the film measures {width}x{height} pixels, its labels are for {marked_width}x{marked_height}"]


def standing_dict(standing: Standing, desk: Desk) -> dict[str, Any]:
    """Return the film as it stands, and every edit that made it so."""
    spacing = standing.spacing
    return {
        "spacing": None if spacing is None else spacing.to_dict(),
        "state": {
            "revision": desk.revision,
            "confirmed": standing.confirmed,
            "points": {symbol: mark.to_dict() for symbol, mark in standing.points.items()},
            "subject": {"age": standing.subject.age, "sex": standing.subject.sex},
        },
        "history": [
            {**entry.edit.to_dict(), "revision": entry.revision, "time": entry.time, "reviewer": entry.reviewer}
            for entry in desk.entries
        ],
    }


def aspect_of(spacing: Spacing | None) -> float:
    """Return the height of a pixel by its width; of square ones unless it is known otherwise."""
    return 1.0 if spacing is None else spacing.row_mm / spacing.column_mm


def predicted_dict(record: LandmarkRecord) -> dict[str, Any]:
    """Return what a model found as the page needs it."""
    return {
        "points": {symbol: list(at) for symbol, at in record.points.items()},
        "scores": dict(record.scores),
        "expected_errors_px": dict(record.expected_errors),
        "regions_90": {symbol: region.tolist() for symbol, region in record.regions.items()},
        "missing": list(record.missing),
        "needs_review": list(record.needs_review),
        "model": record.made_by,
    }
