"""``cephkit calibrate``: how large the errors of a model, of an ensemble, of a way of predicting are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro
from rich.console import Console

from cephkit.calibration.local import FEWEST_FILMS
from cephkit.config import Truth, parse
from cephkit.data.film import Film, Split
from cephkit.errors import DataError, SettingsError

if TYPE_CHECKING:
    from cephkit.inference.predictor import Found, Predictor
    from cephkit.inference.uncertainty import Calibration


@dataclass(frozen=True)
class CalibrateOptions:
    """Teach a checkpoint, or an ensemble, how large its errors are, from films with a truth.

    Expected errors and 90 % regions then come with every prediction made the same way. cephkit train does it for
    the plain way; run this for --tta or for an ensemble. For films of another machine or of other examiners, mark
    twenty of your own and give --films 20: a table shows how far the model lies from your landmarks.
    """

    checkpoint: tyro.conf.Positional[tuple[Path, ...]]
    """A checkpoint_*.pth, or those of an ensemble; the calibration is written into the first."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set."""
    split: Split = "valid"
    """Films to calibrate on; never those that the model was trained on."""
    films: int | None = None
    """Calibrate locally, on so many films of the split: what is known of the errors, set right for films of yours."""
    remove_bias: bool = False
    """With --films: move predictions by how far the model lies from your landmarks, landmark by landmark."""
    seed: int = 0
    """With --films: which films are drawn."""
    out: Path | None = None
    """Write the calibrated checkpoint here; default: into the first checkpoint itself."""
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
        if self.out is not None and self.out.is_dir():
            wrong.append(f"--out {self.out} is a folder; name a file in it, e.g. {self.out / 'mine.pth'}")
        if self.split == "train":
            wrong.append("--split train: errors on films that the model was trained on say nothing of other films")
        if self.remove_bias and self.films is None:
            wrong.append("--remove_bias goes with --films: it is for films of your own")
        if self.films is not None and self.films < FEWEST_FILMS:
            wrong.append(f"--films must be {FEWEST_FILMS} or more, got {self.films}; 20 do well")
        for name, least in {"batch_size": 1, "num_workers": 0, "seed": 0}.items():
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

    with owning_folder_of(options.out or options.checkpoint[0], print):
        calibrate(options)
    return 0


def calibrate(options: CalibrateOptions) -> None:
    """Write a calibration; see ``main``."""
    from cephkit.calibration.fit import calibrate as fit_calibration
    from cephkit.calibration.residuals import describe
    from cephkit.checkpoint import load_model, with_extras, write_extras
    from cephkit.data.prepare import prepare
    from cephkit.device import choose_device
    from cephkit.inference.folder import predict_films
    from cephkit.inference.predictor import Predictor, stored_calibration
    from cephkit.training.finish import add_pose

    device = choose_device(options.device, print)
    models = [load_model(path, device) for path in options.checkpoint]
    # What is to be learnt are the errors of the networks, with no bias removed yet.
    bare = [with_extras(model, {**model.extras, "calibrations": None}) for model in models]
    predictor = Predictor(bare, device, options.mixed_precision, options.tta, options.refine)
    spec, first = predictor.spec, None
    if options.films is not None:
        first = stored_calibration(models, predictor.mode)
        if first is None:
            raise SettingsError(
                f"{options.checkpoint[0]} has no calibration for {predictor.mode} that --films could start from; "
                "calibrate it on the valid films of its training first"
            )
        predictor.check_calibration(first)
    data = prepare(
        options.dataset_path, splits=(options.split,), annotation=options.truth, canvas_size=spec.canvas_size,
        hold=0, cache_dir=options.cache_dir, skip_bad_films=options.skip_bad_films,
    )  # fmt: skip
    films = drawn(data.films[options.split], options.films, options.seed)
    found = predict_films(predictor, films, options.batch_size, options.num_workers)
    said = describe(films, options.truth)
    out = options.out or options.checkpoint[0]
    if first is None:
        made = fit_calibration(found, films, spec, options.truth, description=said)
    else:
        made = _local(first, predictor, found, films, said, options)
    extras = dict(models[0].extras)
    others = extras.get("calibrations")
    extras["calibrations"] = {**(others if isinstance(others, dict) else {}), predictor.mode: made.to_dict()}
    if "pose" not in extras and options.films is None:  # one's own films may be held otherwise than the training's
        add_pose(extras, data, found, spec, print)
    write_extras(options.checkpoint[0], extras, out)
    print(f"calibrated on {said} for {predictor.mode}; written into {out}")


def drawn(films: Sequence[Film], count: int | None, seed: int) -> list[Film]:
    """``count`` of ``films``, drawn by ``seed``, in their order; all of them for None.

    Raises:
        SettingsError: there are fewer.
    """
    if count is None:
        return list(films)
    if count > len(films):
        raise SettingsError(f"--films {count}: there are only {len(films)} usable films in this split")
    return [films[index] for index in sorted(np.random.default_rng(seed).permutation(len(films))[:count].tolist())]


def _local(
    first: "Calibration", predictor: "Predictor", found: "Found", films: Sequence[Film], said: str,
    options: CalibrateOptions,
) -> "Calibration":  # fmt: skip
    from cephkit.calibration import bias
    from cephkit.calibration.local import fit_local
    from cephkit.calibration.residuals import canvas_facing, residuals

    symbols = predictor.spec.symbols
    gaps = residuals(found, films, symbols, options.truth)
    contents = [film.content or "" for film in films]
    try:
        made, moved = fit_local(first, found.features, gaps, found.signatures, contents, said, options.remove_bias)
    except ValueError as error:
        raise DataError(f"{options.dataset_path}: {error}") from error
    made = replace(made, truth=options.truth)
    left = canvas_facing(found, films, symbols, options.truth) == "left"
    rows = bias.bias_rows(gaps, moved, found.units, films, symbols, left)
    bias.show_bias(rows, Console(width=None if Console().is_terminal else 100), options.remove_bias)
    out = options.out or options.checkpoint[0]
    table = out.with_name(f"{out.stem}_bias.csv")
    bias.write_bias(table, rows)
    print(f"bias by landmark: {table}")
    return made
