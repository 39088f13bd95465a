"""Published results for landmarks on lateral cephalograms, as context for a result.

The figures are their authors' and were not recomputed. Truth, split, landmarks and pixel sizes differ from row to row,
as ``note`` says, so the rows give a range, not a ranking.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedResult:
    """One published result. SDR is in percent; None if the authors do not report it."""

    data: str
    method: str
    mre: str
    """Mean radial error in mm, with the standard deviation if it is reported."""
    rates: tuple[float | None, ...]
    """SDR at the thresholds ``RATE_KEYS``."""
    note: str
    """What is known of the protocol."""


RATE_KEYS = ("2", "2.5", "3", "4")
"""The thresholds of ``PublishedResult.rates`` by their keys in ``metrics.json``."""

PUBLISHED: tuple[PublishedResult, ...] = tuple(
    PublishedResult(*row)
    for row in (
        ("Aariz", "official baseline", "1.69 ± 3.36", (81.18, 87.28, 90.82, 94.82),
         "29 landmarks, mean of valid and test"),
        ("Aariz test", "HRNet-W48, Adaptive Wing, 512", "1.37", (80.83, 87.20, 91.15, 95.08), "senior truth"),
        ("Aariz test", "ViT 512, DARK decoding", "1.28 ± 1.42", (82.1, 87.9, 92.0, 95.7), "29 landmarks"),
        ("Aariz", "CephRes-MHNet (arXiv 2511.10173)", "1.23", (85.5, None, None, None), "19 of the 29 landmarks"),
        ("Aariz test", "DeLR ConvNeXtV2-T, 1024", "1.105 ± 1.313", (86.85, 90.95, 93.90, 96.74),
         "26 of the 29 landmarks"),
        ("ISBI 2015 Test1", "DeLR", "1.124", (87.12, 92.53, 96.11, 98.39), "these films also chose the model"),
        ("ISBI 2015 Test2", "DeLR", "1.463", (74.74, 83.47, 88.84, 94.63), ""),
        ("CL-Detection 2023", "HRNet-W48 at 1024 + super-resolution head", "1.518", (75.7, None, None, None),
         "38 landmarks; best entry of the challenge"),
        ("CL-Detection 2024", "ConvNeXtV2 U-Net 800x704, 2-D softmax NLL", "1.186", (82.04, None, None, None),
         "53 landmarks; 4 folds"),
    )
)  # fmt: skip
