"""Finds labels that do not lie as their film does: mirrored, turned, of another size, or of another film.

Whether a label or its corrected form fits the picture is decided by the pictures under other labels.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from cephkit.data.face_shapes import Complex, placing, table_shape
from cephkit.data.film import Film, Points
from cephkit.data.findings import Fault
from cephkit.data.label_faults import NO_FACE_MM, no_face, placed_wrong
from cephkit.data.label_pose import LabelPose, corrected, fault_of, pose_of, reflected
from cephkit.data.opened import read_grey, straightened, to_uint8
from cephkit.data.spacing import stretch_of
from cephkit.errors import FilmError
from cephkit.geometry import Floats, Size

FILM_SIDE, CROP_SIDE = 256, 48
"""Pixels of the reduced film, and of the face cropped from it."""
MARGIN_MM = 20.0
"""Around the landmarks of an average face."""
MOST_EXAMPLES = 16
FEWEST_EXAMPLES = 3
CLEAR = 0.1
"""Difference of correlations above which one of two labels fits better."""


@dataclass(frozen=True)
class _Reduced:
    grey: Floats
    scale: float
    """Of ``grey`` relative to the film."""
    size: Size
    """(height, width) of the film once its pixels are square."""


class PictureJudge:
    """Judges doubtful labels by the films under labels that are not in doubt."""

    def __init__(self, examples: Sequence[tuple[Film, Complex]], mean: Complex) -> None:
        self._mean = mean
        low, high = np.array([[mean.real.min(), mean.imag.min()], [mean.real.max(), mean.imag.max()]])
        x, y = np.linspace(low - MARGIN_MM, high + MARGIN_MM, CROP_SIDE).T
        self._grid = x[None, :] + 1j * y[:, None]
        step = max(1, len(examples) // MOST_EXAMPLES)
        crops = [self._crop(_reduced(film), points) for film, points in examples[::step][:MOST_EXAMPLES]]
        found = [crop for crop in crops if crop is not None]
        self._usual = _mean(np.array(found)) if len(found) >= FEWEST_EXAMPLES else None

    def prefers(self, film: Film, points: Complex, other: Callable[[Size], Complex]) -> bool | None:
        """Return whether ``film`` is more like the examples under ``other`` than under ``points``.

        Points are those of the film once its pixels are square; ``other`` gets its (height, width) then. None if
        unclear: few examples, no such film, hardly a difference.
        """
        if self._usual is None:
            return None
        reduced = _reduced(film)
        if reduced is None:
            return None
        gain = self._likeness(self._crop(reduced, other(reduced.size))) - self._likeness(self._crop(reduced, points))
        return None if abs(gain) < CLEAR else gain > 0

    def _likeness(self, crop: Floats | None) -> float:
        """Correlate with the mean picture; 0 if less than half of the face lies on the film."""
        if crop is None or self._usual is None:
            return 0.0
        both = np.isfinite(crop) & np.isfinite(self._usual)
        if both.mean() < 0.5:
            return 0.0
        return float(np.nan_to_num(np.corrcoef(crop[both], self._usual[both])[0, 1]))

    def _crop(self, film: _Reduced | None, points: Complex) -> Floats | None:
        """Crop the face to (CROP_SIDE, CROP_SIDE), upright and facing right, mean 0 and SD 1; NaN off the film."""
        pose = pose_of(points, self._mean)
        if film is None or pose is None:
            return None
        grey, scale = film.grey, film.scale
        placed = placing(reflected(points) if pose.mirrored else points, self._mean)
        assert placed is not None
        factor, shift = placed
        places = (self._grid - shift) / factor
        places = reflected(places) if pose.mirrored else places
        column, row = np.rint(places.real * scale).astype(int), np.rint(places.imag * scale).astype(int)
        height, width = grey.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        crop = np.where(inside, grey[row.clip(0, height - 1), column.clip(0, width - 1)], np.nan)
        spread = np.nanstd(crop) if inside.any() else 0.0
        return (crop - np.nanmean(crop)) / spread if spread > 0 else None


def _mean(crops: Floats) -> Floats:
    """Average ``crops`` (N, h, w) over those that have a pixel; NaN where none has."""
    finite = np.isfinite(crops)
    pixels: Floats = np.where(finite.any(axis=0), finite.sum(axis=0), np.nan)
    return np.asarray(np.where(finite, crops, 0).sum(axis=0) / pixels)


def _reduced(film: Film) -> _Reduced | None:
    """Read the film, with square pixels, reduced to a longer side of ``FILM_SIDE``; None if it cannot be read."""
    try:
        grey = straightened(to_uint8(read_grey(film.path)), stretch_of(film.spacing))
    except FilmError:
        return None
    scale = min(1.0, FILM_SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
    return _Reduced(np.asarray(small, dtype=np.float64), scale, (grey.shape[0], grey.shape[1]))


SIZE_RATIO, SURE_SIZE_RATIO = 1.35, 1.6
SIZE_SDS = 4.0
FEWEST_PEERS = 5
"""Labels on films of the same size that are needed to know the usual size of a face there."""
RARE_SIDE = 0.1
"""Up to this share of labels facing the other way, each of them is in doubt."""
SAMPLE = 20
"""Number of labels facing the other way that are checked if there are many."""
PLACE_MM = 40.0
"""How far a face's middle may lie from its usual place, on an average face."""
LARGEST_MEDIAN_GAP_MM = 8.0
"""Most between two annotators of one film, on a face of average size."""


@dataclass(frozen=True)
class Label:
    """One annotator's landmarks of a film, and what has been found wrong with them."""

    film: Film
    annotator: str
    points: Complex
    """(29,), on the film once its pixels are square, without those that are certainly wrong."""
    pose: LabelPose | None
    kept: Points
    """All landmarks but those that are certainly wrong, film pixels."""
    faults: list[Fault] = field(default_factory=list)

    @property
    def wrong_as_a_whole(self) -> bool:
        """Whether a fault concerns all of its landmarks."""
        return any(not fault.landmarks for fault in self.faults)


def judge_places(labels: Sequence[Label]) -> None:
    """Add to ``labels`` what is wrong with them as a whole: not a face, mirrored, turned, of another size."""
    faces = []
    for label in labels:
        if label.pose is not None and label.pose.gap_mm > NO_FACE_MM:
            label.faults.append(no_face(label.pose))
        elif label.pose is not None:
            faces.append((label, label.pose))
    upright = [(label, pose) for label, pose in faces if not pose.quarters]
    left = sum(pose.mirrored for _, pose in upright)
    usual = _Usual(2 * left > len(upright), min(left, len(upright) - left) <= RARE_SIDE * len(upright))
    ratios = _size_ratios(upright)
    suspects = [(label, pose) for label, pose in faces if fault_of(pose, usual.left) or id(label) in ratios]
    if suspects:
        suspected = {id(label) for label, _ in suspects}
        examples = [(label.film, label.points) for label, _ in upright if id(label) not in suspected]
        pictures = PictureJudge(examples, table_shape().mean)

        def judge(suspects: Sequence[tuple[Label, LabelPose]]) -> bool:
            for label, pose in suspects:
                label.faults.extend(_judged(label, pose, usual, ratios.get(id(label)), pictures))
            return any(label.wrong_as_a_whole for label, _ in suspects)

        mirrored = [] if usual.rare else [one for one in suspects if fault_of(one[1], usual.left) == "mirrored"]
        others = {id(label) for label, _ in mirrored}
        judge([one for one in suspects if id(one[0]) not in others])
        # If many labels face the other way, most of their films do too: a sample decides, as decoding all takes long.
        step = max(1, len(mirrored) // SAMPLE)
        if judge(mirrored[::step]):
            judge([one for position, one in enumerate(mirrored) if position % step])
    _judge_pairs(upright)


@dataclass(frozen=True)
class _Usual:
    """Which way most labels face."""

    left: bool
    rare: bool
    """Hardly any face looks to the other side."""


def _judged(
    label: Label, pose: LabelPose, usual: _Usual, ratio: "_Ratio | None", pictures: PictureJudge
) -> Iterable[Fault]:
    """Return the fault of a label that lies unlike the others, unless its film does too."""
    name = fault_of(pose, usual.left)
    if name:
        fault = placed_wrong(name)
        fits = pictures.prefers(label.film, label.points, lambda size: corrected(label.points, pose, usual.left, size))
        unclear = fault if name != "mirrored" or usual.rare else None
    else:
        assert ratio is not None
        text = f"the face is {ratio.times:.2g} times as large as on other films of this size"
        fault = Fault(
            "size", (), text, "scale the label to its film: it seems to be for a picture of another size", ratio.sure
        )
        fits = pictures.prefers(label.film, label.points, lambda size: label.points / ratio.times)
        unclear = fault
    if fits is None:
        return [unclear] if unclear else []
    return [replace(fault, certain=True)] if fits else []


@dataclass(frozen=True)
class _Ratio:
    """A face's size relative to the usual one on such films."""

    times: float
    sure: bool
    """Scaled about the film's corner, it would lie where faces usually do on films of this size."""


def _size_ratios(faces: Sequence[tuple[Label, LabelPose]]) -> dict[int, _Ratio]:
    """Find labels whose faces are far larger or smaller than others on films of the same size, by ``id``."""
    groups: dict[object, list[tuple[Label, LabelPose]]] = defaultdict(list)
    for label, pose in faces:
        groups[label.film.size or label.film.machine].append((label, pose))
    found = {}
    for group in groups.values():
        if len(group) <= FEWEST_PEERS:
            continue
        logs = np.log([pose.pixels_per_mm for _, pose in group])
        centres = np.array([np.nanmean(label.points) for label, _ in group])
        gaps = logs - np.median(logs)
        limit = max(np.log(SIZE_RATIO), SIZE_SDS * 1.4826 * float(np.median(np.abs(gaps))))
        usual = complex(np.median(centres.real), np.median(centres.imag))
        usual_pixels = float(np.exp(np.median(logs)))
        for (label, _), gap, centre in zip(group, gaps, centres, strict=True):
            if abs(gap) > limit:
                near = abs(centre / np.exp(gap) - usual) < PLACE_MM * usual_pixels
                sure = label.film.size is not None and near and abs(gap) > np.log(SURE_SIZE_RATIO)
                found[id(label)] = _Ratio(float(np.exp(gap)), bool(sure))
    return found


def _judge_pairs(upright: Sequence[tuple[Label, LabelPose]]) -> None:
    """Add a fault where two annotators of one film cannot both be right."""
    first: dict[int, tuple[Label, LabelPose]] = {}
    for label, pose in upright:
        other, other_pose = first.setdefault(id(label.film), (label, pose))
        if other is label or label.wrong_as_a_whole or other.wrong_as_a_whole:
            continue
        if pose.mirrored != other_pose.mirrored:
            text = f"the face looks the other way than in the label of {other.annotator}"
            label.faults.append(
                Fault("annotators", (), text, "mirror the one that does not fit the film", certain=True)
            )
            continue
        gap = float(np.nan_to_num(np.nanmedian(np.abs(label.points - other.points)))) / other_pose.pixels_per_mm
        if gap > LARGEST_MEDIAN_GAP_MM:
            text = f"a median of {gap:.0f} mm from the label of {other.annotator}, on a face of average size"
            label.faults.append(Fault("annotators", (), text, "check which of them is the label of this film"))
