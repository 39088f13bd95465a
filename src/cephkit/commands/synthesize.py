"""``cephkit synthesize``."""

from dataclasses import dataclass
from pathlib import Path

from cephkit.config import parse
from cephkit.data.synthetic.writer import synthesize


@dataclass(frozen=True)
class SynthesizeOptions:
    """Write a synthetic data set in the Aariz layout: no patients, landmarks where the drawn anatomy is."""

    out: Path
    """Folder to write; must be new or empty."""
    films: int = 100
    """How many films, about 70 % train, 15 % valid, 15 % test."""
    seed: int = 0
    """The same seed gives the same bytes."""
    height: int = 1024
    """Pixels of a film of 0.1 mm per pixel, other machines' in proportion; 0 for real sizes (1540 to 2500 pixels)."""
    workers: int | None = None
    """Processes that draw; default: one a core."""
    overwrite: bool = False
    """Replace an earlier synthetic data set at --out."""


def main(argv: list[str]) -> int:
    """Write the data set; 0.

    Raises:
        DataError: --out cannot be used.
    """
    options = parse(SynthesizeOptions, argv, "cephkit synthesize")
    synthesize(
        options.out, options.films, options.seed, options.height, options.workers, options.overwrite,
    )  # fmt: skip
    return 0
