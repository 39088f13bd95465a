"""Runs the networks on preprocessed films, for prediction, evaluation and calibration alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cephkit.checkpoint import LoadedModel
from cephkit.data.opened import unstretched
from cephkit.errors import CheckpointError, SettingsError
from cephkit.geometry import Floats, Size, letterbox
from cephkit.inference.pose import Pose, choose_poses, faces, pose_model
from cephkit.inference.preprocess import FilmLike, PreprocessedFilm, preprocess
from cephkit.inference.stages import Matrices, ModelOutput, Prior, StageOutput, Stages
from cephkit.inference.uncertainty import Calibration
from cephkit.inference.views import PLAIN, TEST_TIME, film_rectangles
from cephkit.models.build import LandmarkModel


@dataclass(frozen=True)
class Found:
    """Landmarks of B films."""

    points: Floats
    """(B, K, 2) film pixels; NaN where a landmark was not found."""
    scores: Floats
    """(B, K) height of the heatmap's peak."""
    features: Floats
    """(B, K, F) from which the error is estimated; lengths in canvas pixels of the first model."""
    units: Floats
    """(B,) pixels of the film, once they are square, per canvas pixel of the first model."""
    poses: Sequence[Pose]
    signatures: Floats | None = None
    """(B, D) of the first model; see ``likeness``."""

    @classmethod
    def joined(cls, parts: Sequence["Found"]) -> "Found":
        """One for the films of all ``parts``."""
        signatures = [part.signatures for part in parts if part.signatures is not None]
        return cls(
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.units for part in parts]),
            [pose for part in parts for pose in part.poses],
            np.concatenate(signatures) if signatures else None,
        )

    @property
    def frames(self) -> Floats:
        """(B, 2, 2) square film pixels to the axes along which errors are known: those of the posed film."""
        turns = np.array([pose.matrix[:2, :2] for pose in self.poses]).reshape(-1, 2, 2)
        return np.asarray(turns / np.sqrt(np.abs(np.linalg.det(turns)))[:, None, None])


@dataclass(frozen=True)
class Errors:
    """What a calibration says of the landmarks of B films, in square film pixels; None without one."""

    expected: Floats | None
    """(B, K)."""
    regions: Floats | None
    """(B, K, 2, 2): 90 % regions."""
    notes: Sequence[str]
    """(B,) for people; empty where there is nothing to note."""


class Predictor:
    """One network, or several whose points are averaged.

    A network gets films at the input size that its checkpoint names: there is nothing to set.

    Args:
        loaded: one model or an ensemble of models that find the same landmarks.
        device: where to compute.
        mixed_precision: run the networks in half precision; decoding is always float32.
        tta: average several views of every film: turned, scaled, brighter, darker.
        refine: use the second stage of models that have one.

    Raises:
        SettingsError: no model, or models of different landmarks.
        CheckpointError: the second stage, pose model or calibration in a checkpoint is damaged.
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
                raise SettingsError(f"{other.path} and {models[0].path} find different landmarks: {differ}")
        self.device, self.tta = torch.device(device), tta
        self.stages = [Stages(model, self.spec.symbols, self.device, mixed_precision, refine) for model in models]
        self.views = TEST_TIME if tta else PLAIN
        self.pose = pose_model(models[0])
        self.calibration = stored_calibration(models, self.mode)
        if self.calibration is not None:
            self.check_calibration(self.calibration)

    @property
    def mode(self) -> str:
        """What a calibration is valid for: views, stages, and the models of an ensemble."""
        ways = ("plain", "tta")[self.tta] + ("+refiner" if any(stage.refiner for stage in self.stages) else "")
        return ways if len(self.loaded) == 1 else " ".join([ways, *sorted(stage.digest for stage in self.stages)])

    @property
    def way(self) -> str:
        """``mode`` in words, without the hashes of an ensemble."""
        return f"{self.mode.partition(' ')[0]} predictions{' of this ensemble' if len(self.loaded) > 1 else ''}"

    def check_calibration(self, calibration: Calibration) -> None:
        """Check that a calibration fits these networks.

        Raises:
            CheckpointError: it does not.
        """
        several = len(self.stages) * len(self.views) > 1
        features = 2 + 2 * all(stage.refiner is not None for stage in self.stages) + several
        landmarks, weights = len(calibration.intercepts), len(calibration.weights)
        likeness, network = calibration.likeness, self.loaded[0].model
        length = 2 * network.head.final.in_channels if isinstance(network, LandmarkModel) else None
        known = None if likeness is None else len(likeness.mean)
        if (landmarks, weights) != (len(self.spec.symbols), features) or (length and known not in (None, length)):
            raise CheckpointError(
                f"{self.loaded[0].path}: its calibration is damaged ({landmarks} landmarks, {weights} weights); "
                "calibrate it again"
            )

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the checkpoint lacks, for example because its training is still running; every result says so."""
        lacks = []
        if self.calibration is None:
            lacks.append(f"no calibration for {self.way}: the size of their errors is unknown")
        if self.pose is None:
            lacks.append("no pose model: left-facing films and pictures that are not films are not recognised")
        return tuple(lacks)

    @property
    def rests_on(self) -> str:
        """The films that the promise of 90 % rests on; empty without a calibration."""
        return "" if self.calibration is None else self.calibration.rests_on

    @property
    def facts(self) -> dict[str, Any]:
        """Identify the model, in plain types."""
        first, names = self.loaded[0], [model.name for model in self.loaded]
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
        """Sizes of the canvases that the networks take, each once."""
        return tuple(dict.fromkeys(size for stage in self.stages for size in stage.sizes))

    def errors(self, found: Found) -> Errors:
        """Estimate the errors of ``found``."""
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

    def run_film(self, film: FilmLike) -> Found:
        """``run`` one film of square pixels (B = 1).

        Raises:
            FilmError: it cannot be read as a film.
        """
        return self.run([preprocess(film, self.canvas_sizes, use_spacing=False)])

    def run(self, films: Sequence[PreprocessedFilm], prior: Prior | None = None) -> Found:
        """Find the landmarks of B films, preprocessed to ``canvas_sizes``; ``prior`` is of the films' square pixels."""
        canvases = {size: torch.stack([film.canvases[size] for film in films]) for size in self.canvas_sizes}
        found = self._run(canvases, [film.square_size for film in films], prior)
        for points, film in zip(found.points, films, strict=True):
            if film.square_size != film.grey.shape:
                points[:] = unstretched(points, film.shrink)
        return found

    def _run(self, canvases: Mapping[Size, Tensor], sizes: Sequence[Size], prior: Prior | None = None) -> Found:
        """Find the landmarks of films of square pixels, (height, width), in (B, 1, h, w) uint8 canvases by size."""
        first = self.stages[0]
        outputs: list[tuple[Matrices, StageOutput]] = []

        def run_first(turns: Matrices, rows: Sequence[int]) -> tuple[Floats, Floats]:
            some = {size: canvas[list(rows)] for size, canvas in canvases.items()}
            output = first.run_first(some, [sizes[row] for row in rows], turns, PLAIN[0])
            outputs.append((turns, output))
            return output.points, output.scores

        def rectangle(row: int) -> Floats:
            return np.asarray(film_rectangles(canvases[self.spec.canvas_size][row : row + 1])[0].numpy())

        poses = choose_poses(self.pose, run_first, sizes, rectangle)
        turns = np.stack([pose.matrix for pose in poses])
        # The search for the poses may have run the first stage on just these films.
        known = next((output for given, output in outputs if np.array_equal(given, turns)), None) if not prior else None
        results = [
            stage.run(canvases, sizes, turns, self.views, known if stage is first else None, prior)
            for stage in self.stages
        ]
        units = np.array([1 / letterbox(size, self.spec.canvas_size).scale for size in sizes])
        found = combine(results, poses, units)
        if self.calibration is not None:
            moves = self.calibration.bias @ found.frames * units[:, None, None]
            found = replace(found, points=found.points + moves)
        return replace(found, poses=[self._faced(*each) for each in zip(poses, found.points, strict=True)])

    def _faced(self, pose: Pose, points: Floats) -> Pose:
        """``pose`` with the facing that the landmarks (K, 2) show, whichever way the training's films face."""
        facing = None if pose.doubt else faces(self.spec.symbols, points)
        return pose if facing is None else replace(pose, facing=facing)


def combine(outputs: Sequence[ModelOutput], poses: Sequence[Pose], units: Floats) -> Found:
    """Average models and views, and measure how far apart they are."""
    points = np.concatenate([each.points for each in outputs])
    # The models of an ensemble count alike; those without a second stage have fewer features.
    count = min(each.features.shape[-1] for each in outputs)
    features = np.mean([each.features[..., :count] for each in outputs], axis=0)
    features[..., 1:] /= units[:, None, None]
    mean = points.mean(axis=0)
    if len(points) > 1:
        apart = np.sqrt(((points - mean) ** 2).sum(-1).mean(axis=0)) / units[:, None]
        features = np.concatenate((features, apart[..., None]), axis=-1)
    return Found(mean, features[..., 0].copy(), features, units, poses, outputs[0].signatures)


def stored_calibration(models: Sequence[LoadedModel], mode: str) -> Calibration | None:
    """Read the calibration for ``mode`` in the first of ``models``, or None.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        plain = models[0].extras.get("calibrations", {}).get(mode)
        return None if plain is None else Calibration.from_dict(plain)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"{models[0].path}: its calibration is damaged ({error}); calibrate it again") from error
