"""What the page needs to know once: landmarks with their definitions, lines, analyses, formats, and the session."""

from typing import Any

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.drawing.tracing import LINES
from cephkit.landmarks import LANDMARKS
from cephkit.notice import NOTICE, VERSION
from cephkit.records.record import REVIEW_MM
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
        "in_place": False,
        "out": str(session.out),
        "landmarks": [
            {"symbol": each.symbol, "title": each.title, "tissue": each.tissue, "title_fa": each.title,
             "definition": "", "definition_fa": ""}
            for each in LANDMARKS
        ],
        "lines": [
            {"name": line.name, "start": list(line.start), "end": list(line.end), "tissue": line.tissue,
             "dashed": line.dashed, "unless": line.unless or None}
            for line in LINES
        ],
        "analyses": [{"name": name, "title": name} for name in ANALYSES],
        "formats": [],
        "pdf": False,
        "films": len(session.films),
        "review_mm": REVIEW_MM,
    }  # fmt: skip
