"""The face as tools draw it: the lines between landmarks, and their colours."""

from cephkit.data.synthetic.shapes import table
from cephkit.drawing.marks import ON_FILM
from cephkit.landmarks import BY_SYMBOL, SYMBOLS

LABEL = "face"
"""The object that the landmarks are part of."""

EDGES: tuple[tuple[str, str], ...] = (
    ("N", "S"), ("S", "Ar"), ("Co", "Ar"), ("Ar", "R"), ("R", "Go"), ("Go", "Me"), ("Me", "Gn"), ("Gn", "Pog"),
    ("Pog", "B"), ("Po", "Or"), ("PNS", "ANS"), ("ANS", "A"),
    ("UIA", "UIT"), ("LIA", "LIT"), ("UMT", "UPM"), ("LMT", "LPM"),
    ("N`", "Pn"), ("Pn", "Sn"), ("Sn", "Ls"), ("Ls", "Li"), ("Li", "Pog`"),
)  # fmt: skip


def colour(symbol: str) -> str:
    """Return ``#rrggbb`` of the landmark's tissue, as on the overlays of cephkit predict."""
    return ON_FILM.tissues[BY_SYMBOL[symbol].tissue]


def layout() -> dict[str, tuple[float, float]]:
    """Place the landmarks of a face that looks right in a square of 100 x 100, for a tool's template.

    The shape is the mean of the Aariz faces.
    """
    mean = table()["mean_mm"].reshape(-1, 2)
    low, extent = mean.min(axis=0), (mean.max(axis=0) - mean.min(axis=0)).max()
    placed = 5.0 + 90.0 * (mean - low) / extent
    return {symbol: (round(float(x), 2), round(float(y), 2)) for symbol, (x, y) in zip(SYMBOLS, placed, strict=True)}
