"""What the page needs to know once: landmarks with their definitions, lines, analyses, formats, and the session."""

from typing import Any

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.drawing.tracing import LINES, Line
from cephkit.errors import SettingsError
from cephkit.interchange.formats import FORMATS
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import AARIZ
from cephkit.notice import NOTICE, VERSION
from cephkit.pdf import check_pdf
from cephkit.records.record import REVIEW_HEIGHT, REVIEW_MM, WEAK_SCORE
from cephkit.review.session import ReviewSession


def described(session: ReviewSession, language: str = "auto") -> dict[str, Any]:
    """Return the answer of ``/api/session``."""
    return {
        "version": VERSION,
        "notice": NOTICE,
        "language": language,
        "reviewer": session.reviewer,
        "source": {"kind": session.source.kind, "name": session.source.name},
        "has_model": session.predictions.has_model,
        "in_place": session.in_place,
        "out": str(session.out.resolve()),
        **_fixed(session.schema),
        "pdf": _has_pdf(),
        "films": len(session.films),
        "review_mm": REVIEW_MM,
        "review_height": REVIEW_HEIGHT,
        "weak_score": WEAK_SCORE,
    }


def _has_pdf() -> bool:
    try:
        check_pdf()
    except SettingsError:
        return False
    return True


def _fixed(schema: LandmarkSchema) -> dict[str, Any]:
    return {
        "landmarks": [_landmark(landmark) for landmark in schema],
        "lines": [_line(line) for line in LINES if {*line.start, *line.end} <= set(schema.symbols)],
        "analyses": [{"name": name, "title": name} for name in ANALYSES],
        "formats": [{"name": name, "title": each.title} for name, each in FORMATS.items()],
    }


def _landmark(landmark: Landmark) -> dict[str, Any]:
    return {
        "symbol": landmark.symbol, "title": landmark.title, "tissue": landmark.tissue,
        "title_fa": landmark.title_fa,
        "definition": landmark.definition, "definition_fa": landmark.definition_fa,
        "differs": landmark.differs, "mirror": landmark.mirror,
        "drawn": landmark.symbol in AARIZ,
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name, "start": list(line.start), "end": list(line.end), "tissue": line.tissue,
        "dashed": line.dashed, "unless": line.unless or None,
    }  # fmt: skip
