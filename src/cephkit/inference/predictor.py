"""From a film to landmarks in its own pixels, the way that evaluation and prediction take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cephkit.checkpoint import LoadedModel
from cephkit.data.pixels import read_grey, to_canvas, to_uint8
from cephkit.errors import CheckpointError, SettingsError
from cephkit.geometry import Size, letterbox
from cephkit.inference.pose import Pose, choose_poses, faces, pose_model
from cephkit.inference.stages import Looked, Matrices, Seen, Stages
from cephkit.inference.uncertainty import Calibration
from cephkit.inference.views import PLAIN, TEST_TIME, film_rectangles
from cephkit.models.build import LandmarkModel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Landmarks of B films; lengths in film pixels but for ``features``."""

    points: Floats
    """(B, K, 2)."""
    scores: Floats
    """(B, K)."""
    features: Floats
    """(B, K, F), what tells of the error; lengths in canvas pixels of the first model."""
    units: Floats
    """(B,) film pixels to a canvas pixel of the first model."""
    poses: Sequence[Pose]
    signatures: Floats | None = None
    """(B, D) what the first model saw on the whole; see ``likeness``."""

    @property
    def frames(self) -> Floats:
        """(B, 2, 2) film pixels to the directions in which errors are known: of films as the network is shown them."""
        turns = np.array([pose.matrix[:2, :2] for pose in self.poses]).reshape(-1, 2, 2)
        return np.asarray(turns / np.sqrt(np.abs(np.linalg.det(turns)))[:, None, None])


@dataclass(frozen=True)
class Errors:
    """What a calibration says of the landmarks of B films; None without one."""

    expected: Floats | None
    """(B, K) film pixels."""
    regions: Floats | None
    """(B, K, 2, 2) film pixels squared: 90 % regions."""
    notes: Sequence[str]
    """(B,) for people; empty where there is nothing to note."""


class Predictor:
    """One network, or several whose points are averaged, that take films of any size.

    Films reach a network at the size that its checkpoint names, and at no other: there is nothing to set.

    Args:
        loaded: one model or an ensemble of models that know the same landmarks.
        device: where to compute.
        mixed_precision: run the networks in half precision; decoding is always float32.
        tta: look at every film several times, turned, scaled, brighter and darker, and average.
        refine: use the second stage of models that have one.

    Raises:
        SettingsError: no model, or models of different landmarks.
        CheckpointError: what a checkpoint holds beside its network is damaged.
    """

    def __init__(
        self,
        loaded: LoadedModel | Sequence[LoadedModel],
        device: torch.device | str = "cpu",
        mixed_precision: bool = False,
        tta: bool = False,
        refine: bool = True,
    ) -> None:
        models = [loaded] if isinstance(loaded, LoadedModel) else list(loaded)
        if not models:
            raise SettingsError("no model to predict with")
        self.spec, self.loaded = models[0].spec, tuple(models)
        for other in models[1:]:
            if set(other.spec.symbols) != set(self.spec.symbols):
                differ = " ".join(sorted(set(other.spec.symbols) ^ set(self.spec.symbols)))
                raise SettingsError(f"{other.path} and {models[0].path} know different landmarks: {differ}")
        self.device, self.tta = torch.device(device), tta
        self.stages = [Stages(model, self.spec.symbols, self.device, mixed_precision, refine) for model in models]
        self.looks = TEST_TIME if tta else PLAIN
        self.pose = pose_model(models[0])
        self.calibration = stored_calibration(models, self.mode)
        if self.calibration is not None:
            self.check_calibration(self.calibration)

    @property
    def mode(self) -> str:
        """What a calibration is made for: the way of looking, and the models of an ensemble."""
        ways = ("plain", "tta")[self.tta] + ("+refiner" if any(stage.refiner for stage in self.stages) else "")
        return ways if len(self.loaded) == 1 else " ".join([ways, *sorted(stage.digest for stage in self.stages)])

    def check_calibration(self, calibration: Calibration) -> None:
        """That a calibration is of these networks.

        Raises:
            CheckpointError: it is not.
        """
        several = len(self.stages) * len(self.looks) > 1
        features = 2 + 2 * all(stage.refiner is not None for stage in self.stages) + several
        landmarks, weights = len(calibration.intercepts), len(calibration.weights)
        likeness, network = calibration.likeness, self.loaded[0].model
        seen = 2 * network.head.final.in_channels if isinstance(network, LandmarkModel) else None
        known = None if likeness is None else len(likeness.mean)
        if (landmarks, weights) != (len(self.spec.symbols), features) or (seen and known not in (None, seen)):
            raise CheckpointError(
                f"{self.loaded[0].path}: its calibration is damaged ({landmarks} landmarks, {weights} weights); "
                "calibrate it again"
            )

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the checkpoint does not know, as one of a training under way; belongs to whatever it says."""
        lacks = []
        if self.calibration is None:
            lacks.append(f"no calibration for {self.mode}: how large the errors are is unknown")
        if self.pose is None:
            lacks.append("no pose model: films that face left or are no films are not recognised")
        return tuple(lacks)

    @property
    def rests_on(self) -> str:
        """What the promise of 90 % rests on; empty without a calibration."""
        return "" if self.calibration is None else self.calibration.rests_on

    @property
    def facts(self) -> dict[str, Any]:
        """Which model this is, plain types."""
        first, names = self.loaded[0], [model.path.name for model in self.loaded]
        return {
            "checkpoint": names[0],
            "sha256": first.meta["sha256"],
            "model": first.spec.model,
            "image_size": list(first.spec.canvas_size),
            "mode": self.mode,
            **({} if self.calibration is None else {"errors_rest_on": self.rests_on}),
            **({"ensemble": names} if len(names) > 1 else {}),
        }

    @property
    def canvas_sizes(self) -> tuple[Size, ...]:
        """Sizes of the canvases that ``predict_canvases`` takes, each once."""
        return tuple(dict.fromkeys(size for stage in self.stages for size in stage.sizes))

    def canvases(self, grey: NDArray[np.uint8]) -> tuple[Tensor, ...]:
        """A film (H, W) as canvases (1, h, w) uint8, one for each of ``canvas_sizes``."""
        return tuple(torch.from_numpy(to_canvas(grey, size))[None] for size in self.canvas_sizes)

    def predict_film(self, film: Path | str | NDArray[np.uint8] | NDArray[np.uint16]) -> Found:
        """The landmarks of one film (B = 1), given as a file or as grey pixels (H, W), uint8 or uint16.

        Raises:
            FilmError: the file cannot be read as a film.
        """
        grey = to_uint8(read_grey(Path(film)) if isinstance(film, (str, Path)) else film)
        return self.predict_canvases([canvas[None] for canvas in self.canvases(grey)], [grey.shape])

    def errors(self, found: Found) -> Errors:
        """Expected errors and 90 % regions of ``found``."""
        films = len(found.poses)
        if self.calibration is None:
            return Errors(None, None, [""] * films)
        # The calibration knows errors of usual faces.
        units = (found.units * [pose.excess for pose in found.poses])[:, None]
        strangeness = self.calibration.strangeness(found.signatures, films)
        expected = self.calibration.expected(found.features, strangeness) * units
        regions = self.calibration.regions(found.features, strangeness) * units[..., None, None] ** 2
        frames = found.frames[:, None]
        notes = self.calibration.unlike_notes(found.signatures, films)
        return Errors(expected, frames.swapaxes(-1, -2) @ regions @ frames, notes)

    def predict_canvases(self, canvases: Sequence[Tensor], sizes: Sequence[Size]) -> Found:
        """The landmarks of B films.

        Args:
            canvases: (B, 1, h, w) uint8 for each of ``canvas_sizes``.
            sizes: (height, width) of the films.

        Raises:
            SettingsError: canvases of another size or type.
        """
        by_size = dict(zip(self.canvas_sizes, canvases, strict=True))
        first = self.stages[0]

        glances: list[tuple[Matrices, Seen]] = []

        def glance(turns: Matrices, rows: Sequence[int]) -> tuple[Floats, Floats]:
            some = {size: canvas[list(rows)] for size, canvas in by_size.items()}
            seen = first.first_guess(some, [sizes[row] for row in rows], turns, PLAIN[0])
            glances.append((turns, seen))
            return seen.points, seen.scores

        def rectangle(row: int) -> Floats:
            seen = by_size[self.spec.canvas_size][row : row + 1]
            return np.asarray(film_rectangles(seen)[0].numpy())

        poses = choose_poses(self.pose, glance, sizes, rectangle)
        turns = np.stack([pose.matrix for pose in poses])
        # What was seen at the first glance need not be computed again.
        known = next((seen for given, seen in glances if np.array_equal(given, turns)), None)
        looked = [
            stage.look(by_size, sizes, turns, self.looks, known if stage is first else None) for stage in self.stages
        ]
        units = np.array([1 / letterbox(size, self.spec.canvas_size).scale for size in sizes])
        found = combine(looked, poses, units)
        if self.calibration is not None:
            moves = self.calibration.bias @ found.frames * units[:, None, None]
            found = replace(found, points=found.points + moves)
        return replace(found, poses=[self._faced(*each) for each in zip(poses, found.points, strict=True)])

    def _faced(self, pose: Pose, points: Floats) -> Pose:
        """``pose`` with where the landmarks found (K, 2) look, whichever way the films of the training did."""
        facing = None if pose.doubt else faces(self.spec.symbols, points)
        return pose if facing is None else replace(pose, facing=facing)


def combine(looked: Sequence[Looked], poses: Sequence[Pose], units: Floats) -> Found:
    """The mean over models and looks, and how far they are apart."""
    points = np.concatenate([each.points for each in looked])
    # Models of an ensemble count alike; those without a second stage have fewer features to tell.
    count = min(each.features.shape[-1] for each in looked)
    features = np.mean([each.features[..., :count] for each in looked], axis=0)
    features[..., 1:] /= units[:, None, None]
    mean = points.mean(axis=0)
    if len(points) > 1:
        apart = np.sqrt(((points - mean) ** 2).sum(-1).mean(axis=0)) / units[:, None]
        features = np.concatenate((features, apart[..., None]), axis=-1)
    return Found(mean, features[..., 0].copy(), features, units, poses, looked[0].signatures)


def stored_calibration(models: Sequence[LoadedModel], mode: str) -> Calibration | None:
    """The calibration for ``mode`` that the first of ``models`` carries, or None.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        plain = models[0].extras.get("calibrations", {}).get(mode)
        return None if plain is None else Calibration.from_dict(plain)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"{models[0].path}: its calibration is damaged ({error}); calibrate it again") from error
