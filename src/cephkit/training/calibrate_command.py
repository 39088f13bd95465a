"""``cephkit calibrate``: how large the errors of a model, of an ensemble, of a way of predicting are."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from cephkit.config import Truth, parse
from cephkit.data.film import Split
from cephkit.errors import SettingsError


@dataclass(frozen=True)
class CalibrateOptions:
    """Teach a checkpoint, or an ensemble, how large its errors are, from films with a truth.

    Expected errors and 90 % regions then come with every prediction made the same way. cephkit train does it for
    the plain way; run this for --tta, for an ensemble, or for films unlike those of the training.
    """

    checkpoint: tyro.conf.Positional[tuple[Path, ...]]
    """A checkpoint_*.pth, or those of an ensemble; the calibration is written into the first."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set."""
    split: Split = "valid"
    """Films to calibrate on; never those that the model was trained on."""
    truth: Truth = "mean"
    """Whose landmarks are right."""
    tta: bool = False
    """For predictions with --tta."""
    refine: bool = True
    """Use the second stage of checkpoints that have one."""
    batch_size: int = 2
    """Films per forward pass."""
    num_workers: int = 2
    """Loader processes; 0 loads in this process."""
    cache_dir: Path | None = None
    """Where checked films are remembered between runs; default: the user's cache folder."""
    skip_bad_films: bool = False
    """Leave out films or labels that cannot be read; without it they end the command."""
    mixed_precision: bool = False
    """Run the networks in half precision."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: naming all of them.
        """
        wrong = [] if self.checkpoint else ["give a checkpoint"]
        if self.split == "train":
            wrong.append("--split train: errors on films that the model was trained on say nothing of other films")
        for name, least in {"batch_size": 1, "num_workers": 0}.items():
            if getattr(self, name) < least:
                wrong.append(f"--{name} must be {least} or more, got {getattr(self, name)}")
        if wrong:
            raise SettingsError("cephkit calibrate: " + "; ".join(wrong))


def main(argv: list[str]) -> int:
    """``cephkit calibrate``; 0.

    Raises:
        CephkitError: checkpoint or data set cannot be used.
    """
    options = parse(CalibrateOptions, argv, "cephkit calibrate")
    from cephkit.training.lock import owning_folder_of

    with owning_folder_of(options.checkpoint[0], print):
        calibrate(options)
    return 0


def calibrate(options: CalibrateOptions) -> None:
    """Write a calibration; see ``main``."""
    from cephkit.data.prepare import prepare
    from cephkit.inference.device import choose_device
    from cephkit.inference.folder import predict_films
    from cephkit.inference.predictor import Predictor
    from cephkit.training.checkpoint import load_model
    from cephkit.training.finish import add_pose, calibration_of, write_extras

    device = choose_device(options.device, print)
    models = [load_model(path, device) for path in options.checkpoint]
    predictor = Predictor(models, device, options.mixed_precision, options.tta, options.refine)
    spec = predictor.spec
    data = prepare(
        options.dataset_path, splits=(options.split,), annotation=options.truth, canvas_size=spec.canvas_size,
        hold=0, cache_dir=options.cache_dir, skip_bad_films=options.skip_bad_films,
    )  # fmt: skip
    films = data.films[options.split]
    found = predict_films(predictor, films, options.batch_size, options.num_workers)
    extras = dict(models[0].extras)
    made = calibration_of(found, films, spec.symbols, options.truth)
    extras["calibrations"] = {**extras.get("calibrations", {}), predictor.mode: made}
    if "pose" not in extras:
        add_pose(extras, data, found, spec, print)
    write_extras(options.checkpoint[0], extras)
    print(f"calibrated on {len(films)} films for {predictor.mode}; written into {options.checkpoint[0]}")
