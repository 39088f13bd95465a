"""A film as it stands, as a landmark record: what labels, measurements, sheets and exports are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cephkit.cephalometry.frame import facing_of
from cephkit.data.opened import content_hash, open_film, pixel_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.errors import LabelError
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.reader import record_of
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import Journal, JournalError, Kept, OtherFilmError
from cephkit.review.marks import Found, Mark, Origin, parse_mark
from cephkit.review.parsing import EditError
from cephkit.review.pixels import FilmFacts, Stamp, stamp
from cephkit.review.schema import USUAL


@dataclass(frozen=True)
class Identity:
    """What tells a film from others: learnt when it is decoded, and kept in its journal."""

    size: Size
    hash: str
    content: str
    orientation: int = 1
    spacing: Spacing | None = None
    """What the film's file says."""
    stamp: Stamp | None = None
    """Of its file: as long as that has the same, it need not be read to know that it is the same."""

    @classmethod
    def of(cls, facts: FilmFacts) -> "Identity":
        """Return that of a decoded film."""
        return cls(facts.size, facts.hash, facts.content, facts.orientation, facts.spacing, facts.stamp)

    @classmethod
    def of_record(cls, record: LandmarkRecord) -> "Identity | None":
        """Return that of a film on which a model found landmarks; None if the record does not say."""
        if record.size is None or not record.film_hash or not record.content:
            return None
        return cls(record.size, record.film_hash, record.content, record.orientation, record.spacing)

    def to_dict(self, file: str) -> dict[str, Any]:
        """Return plain types, for a journal."""
        spacing = None if self.spacing is None else self.spacing.to_dict()
        return {
            "file": file, "content": self.content, "hash": self.hash, "size": list(self.size),
            "orientation": self.orientation, "spacing": spacing,
            "stamp": None if self.stamp is None else list(self.stamp),
        }  # fmt: skip


@dataclass(frozen=True)
class Base:
    """What was there before people changed it."""

    points: Mapping[str, Mark]
    predicted: LandmarkRecord | None = None
    """What a model had found then."""
    symbols: tuple[str, ...] = USUAL.symbols
    """The landmarks of the session then."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for a journal."""
        points = {symbol: mark.to_dict() for symbol, mark in self.points.items()}
        predicted = None if self.predicted is None else self.predicted.to_dict()
        return {"points": points, "predicted": predicted, "landmarks": list(self.symbols)}

    def with_labels(self, film: ReviewFilm) -> "Base":
        """Return it with the labels of landmarks that the session was not about then."""
        labels = film.truth.get(film.annotator or "", {})
        more = {symbol: point for symbol, point in labels.items() if symbol not in self.symbols}
        return replace(self, points={**_marks(more, "label"), **self.points}) if more else self


def base_of(film: ReviewFilm, predicted: LandmarkRecord | None, schema: LandmarkSchema) -> Base:
    """Return what a film starts with: its labels if there are any, else what a model found."""
    if film.annotator is not None:
        return Base(_marks(film.truth[film.annotator], "label"), predicted, schema.symbols)
    return Base({} if predicted is None else _marks(predicted.points, "predicted"), predicted, schema.symbols)


def read_kept(kept: Kept, journal: Journal) -> tuple[Identity, Base]:
    """Return the film and the base that a journal holds.

    Raises:
        JournalError: they cannot be used.
    """
    try:
        film = {**kept.film, "height": kept.film["size"][0], "width": kept.film["size"][1]}
        about = record_of({"landmarks": [], "film": film, "spacing": film.get("spacing")}, journal.path)
        predicted = kept.base.get("predicted")
        record = None if predicted is None else record_of(predicted, journal.path)
        points = {symbol: parse_mark(mark, symbol) for symbol, mark in kept.base["points"].items()}
        assert about.size is not None
        marks = {symbol: mark for symbol, mark in points.items() if mark is not None}
        size, changed = film.get("stamp") or (None, None)
        stamp = (size, changed) if isinstance(size, int) and isinstance(changed, int) else None
        identity = Identity(about.size, about.film_hash, about.content, about.orientation, about.spacing, stamp)
        symbols = tuple(map(str, kept.base.get("landmarks", USUAL.symbols)))
        return identity, Base(marks, record, symbols)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, EditError, LabelError) as error:
        reason = f"line 1 cannot be used ({error})"
        raise JournalError(reason, "restore the file from a copy, or move it away", journal.path) from error


def check_same(identity: Identity, film: ReviewFilm, journal: Journal) -> None:
    """Check that a journal belongs to ``film``, which may have been renamed, or saved again with the same pixels.

    Names prove nothing: films of two clinics are both called 001.jpg.

    Raises:
        OtherFilmError: it belongs to another film.
        FilmError: the film cannot be read.
    """
    if identity.stamp is not None and identity.stamp == stamp(film.path):
        return
    if identity.content == content_hash(read_bytes(film.path)):
        return
    if identity.hash != pixel_hash(open_film(film.path, ignore_bad_spacing=True).grey):
        remedy = "put that film back, move the journal away, or choose another --out"
        raise OtherFilmError(f"belongs to another film than {film.file}", remedy, journal.path)


def standing_record(
    film: ReviewFilm,
    identity: Identity,
    standing: Standing,
    sources: Sequence[LandmarkRecord],
    schema: LandmarkSchema,
) -> LandmarkRecord:
    """Return the landmarks of a film as they stand.

    What a model said of a point holds as long as nobody touched or confirmed it.

    Args:
        film: the film.
        identity: its size and hashes.
        standing: its landmarks and its pixel size.
        sources: what models found before people changed anything, the latest first.
        schema: the landmarks that the film may have.
    """
    points = {symbol: standing.points[symbol].at for symbol in schema.in_order(standing.points)}
    said = found_by(standing, sources)
    open_ = {symbol: source for symbol, source in said.items() if not standing.points[symbol].confirmed}
    latest = sources[0] if sources else None
    record = LandmarkRecord(
        points=points,
        missing=() if latest is None else tuple(s for s in latest.symbols if s not in points),
        schema=schema,
        scores={s: source.scores[s] for s, source in open_.items() if s in source.scores},
        expected_errors={s: each.expected_errors[s] for s, each in open_.items() if s in each.expected_errors},
        regions={s: source.regions[s] for s, source in open_.items() if s in source.regions},
        facing=facing_of(points) or (None if latest is None else latest.facing),
        doubt="" if latest is None or standing.confirmed else latest.doubt,
        spacing=standing.spacing,
        film_id=film.film_id,
        file=film.path.name,
        film_hash=identity.hash,
        content=identity.content,
        size=identity.size,
        orientation=identity.orientation,
        model=next((source.model for source in said.values()), {}),
        where=film.file,
    )
    return record.reviewed()


def found_by(standing: Standing, sources: Sequence[LandmarkRecord]) -> dict[str, LandmarkRecord]:
    """Return what found each point that still lies where a model found it; those of people are absent.

    A point found again brings what the model said then, whatever was found since.
    """
    found = {}
    size = next((source.size for source in sources if source.size is not None), None)
    for symbol, mark in standing.points.items():
        if mark.found is not None:
            found[symbol] = _record_of(symbol, mark.at, mark.found, size)
        elif mark.origin == "predicted":
            source = next((each for each in sources if each.points.get(symbol) == mark.at), None)
            if source is not None:
                found[symbol] = source
    return found


def _record_of(symbol: str, at: tuple[float, float], found: Found, size: Size | None) -> LandmarkRecord:
    """Return one point found again as a record."""
    score, error, region = found.score, found.expected_error_px, found.region_90
    return LandmarkRecord(
        points={symbol: at},
        scores={} if score is None else {symbol: score},
        expected_errors={} if error is None else {symbol: error},
        regions={} if region is None else {symbol: np.array(region)},
        size=size,
        model=found.model,
    )


def sought(film: ReviewFilm, sources: Sequence[LandmarkRecord], schema: LandmarkSchema) -> tuple[str, ...]:
    """Return the landmarks of ``schema`` that a film should have, in its order; those without a point are missing.

    These are the ones that its model searches for, and those that an annotator marked; without a model all of them.
    """
    if not sources:
        return schema.symbols
    labelled = (symbol for points in film.truth.values() for symbol in points)
    return schema.in_order((*sources[0].symbols, *labelled))


def respaced(record: LandmarkRecord, spacing: Spacing | None) -> LandmarkRecord:
    """Return what a model found, with what needs review at the film's pixel size as it is known now."""
    return replace(record, spacing=spacing).reviewed()


def _marks(points: Mapping[str, tuple[float, float]], origin: Origin) -> dict[str, Mark]:
    return {symbol: Mark(point, origin) for symbol, point in points.items()}
