"""``cephkit synthesize``: a synthetic data set."""

from dataclasses import dataclass
from pathlib import Path

from cephkit.data.synthetic.writer import synthesize
from cephkit.settings.options import Seed
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class SynthesizeOptions(Seed):
    """Write a synthetic data set in the Aariz layout: no patients, landmarks exactly on the drawn anatomy."""

    out: Path
    """Folder to write; must be new or empty."""
    films: int = 100
    """Number of films: about 70 % train, 15 % valid, 15 % test."""
    height: int = 1024
    """Height in pixels of a film of 0.1 mm per pixel, other machines' in proportion; 0: real sizes (1540 to 2500)."""
    workers: int | None = None
    """Processes that draw; default: one per core."""
    overwrite: bool = False
    """Replace an earlier synthetic data set at --out."""


def main(argv: list[str]) -> int:
    """Run ``cephkit synthesize``; the status is 0.

    Raises:
        DataError: --out cannot be used.
    """
    options = parse(SynthesizeOptions, argv, "cephkit synthesize")
    synthesize(options.out, options.films, options.seed, options.height, options.workers, options.overwrite)
    return 0
