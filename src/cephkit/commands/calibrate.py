"""``cephkit calibrate``: how large the errors of a model or an ensemble are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro

from cephkit.calibration.local import FEWEST_FILMS
from cephkit.data.film import Film, Split
from cephkit.errors import DataError, SettingsError
from cephkit.files import write_csv
from cephkit.screen import table_console
from cephkit.settings.options import Batches, Compute, DataSet, SecondStage, Seed, Views, at_least
from cephkit.settings.reading import parse

if TYPE_CHECKING:
    from cephkit.inference.predictor import Found, Predictor
    from cephkit.inference.uncertainty import Calibration


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(SecondStage, Views, Seed, Compute, Batches, DataSet):
    """Measure how large the errors of a checkpoint or an ensemble are, on films with a truth.

    Expected errors and 90 % regions then come with every prediction made the same way. cephkit train does this for
    plain predictions; run it for --tta or for an ensemble. For films of another machine or other examiners, mark
    twenty of your own and use --films 20: a table shows how far the model is from your landmarks.
    """

    checkpoint: tyro.conf.Positional[tuple[Path, ...]]
    """A checkpoint_*.pth, its folder, or a published model, or those of an ensemble; the first gets the calibration."""
    split: Split = "valid"
    """Films to calibrate on; never those that the model was trained on."""
    films: Annotated[int | None, at_least(FEWEST_FILMS)] = None
    """Calibrate locally on this many films of the split, drawn by --seed: adapts the known errors to yours."""
    remove_bias: bool = False
    """With --films: correct predictions by the model's offset from your landmarks, landmark by landmark."""
    out: Path | None = None
    """Write the calibrated checkpoint here; default: into the first checkpoint itself, unless that is published."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if not self.checkpoint:
            yield "give a checkpoint"
        if self.out is not None and self.out.is_dir():
            yield f"--out {self.out} is a folder; name a file in it, e.g. {self.out / 'mine.pth'}"
        if self.split == "train":
            yield "--split train: errors on films that the model was trained on say nothing about other films"
        if self.remove_bias and self.films is None:
            yield "--remove_bias needs --films: it is for films of your own"


def main(argv: list[str]) -> int:
    """Run ``cephkit calibrate``; the status is 0.

    Raises:
        CephkitError: checkpoint or data set cannot be used.
    """
    options = parse(CalibrateOptions, argv, "cephkit calibrate")
    from cephkit.model_paths import checkpoint_files
    from cephkit.training.lock import owning_folder_of

    first = checkpoint_files(options.checkpoint)[0]
    if first.is_dir() and options.out is None:
        raise SettingsError(f"{options.checkpoint[0]} is published and stays as it is; name a new file: --out mine.pth")
    with owning_folder_of(options.out or first, print):
        calibrate(options)
    return 0


def calibrate(options: CalibrateOptions) -> None:
    """Write a calibration into the checkpoint; see ``main``."""
    from cephkit.calibration.fit import calibrate as fit_calibration
    from cephkit.calibration.fit import describe, with_calibrations
    from cephkit.checkpoint import load_model, with_extras, write_extras
    from cephkit.data.prepare import prepare
    from cephkit.datasets.find import find_dataset
    from cephkit.device import choose_device
    from cephkit.inference.folder import predict_films
    from cephkit.inference.predictor import Predictor, stored_calibration
    from cephkit.model_paths import checkpoint_files
    from cephkit.training.finish import add_pose

    device = choose_device(options.device, print)
    files = checkpoint_files(options.checkpoint)
    models = [load_model(path, device) for path in files]
    # Measure the errors of the networks themselves, with no bias removed.
    bare = [with_extras(model, {**model.extras, "calibrations": None}) for model in models]
    predictor = Predictor(bare, device, options.mixed_precision, options.tta, options.refine)
    spec, first = predictor.spec, None
    if note := models[0].folds_note([options.split]):
        print(note)
    if options.films is not None:
        first = stored_calibration(models, predictor.mode)
        if first is None:
            raise SettingsError(
                f"{files[0]} has no calibration for {predictor.way} that --films could start from; "
                "first calibrate it on the valid films of its training"
            )
        predictor.check_calibration(first)
    data = prepare(
        find_dataset(options),
        splits=(options.split,), annotation=options.truth, canvas_size=spec.canvas_size,
        hold=0, cache_dir=options.cache_dir, skip_bad_films=options.skip_bad_films,
    )  # fmt: skip
    films = drawn(data.films[options.split], options.films, options.seed)
    found = predict_films(predictor, films, options.batch_size, options.num_workers)
    description = describe(films, options.truth)
    out = options.out or files[0]
    if first is None:
        made = fit_calibration(found, films, spec, options.truth, description=description)
    else:
        made = _local(first, predictor, found, films, description, options, out)
    extras = with_calibrations(models[0].extras, {predictor.mode: made})
    if "pose" not in extras and options.films is None:  # own films may be posed differently
        add_pose(extras, data, found, spec, print)
    write_extras(files[0], extras, out)
    print(f"calibrated on {description} for {predictor.way}; written into {out}")


def drawn(films: Sequence[Film], count: int | None, seed: int) -> list[Film]:
    """Return ``count`` of ``films``, drawn by ``seed``, in their order; all of them for None.

    Raises:
        SettingsError: there are fewer.
    """
    if count is None:
        return list(films)
    if count > len(films):
        raise SettingsError(f"--films {count}: there are only {len(films)} usable films in this split")
    return [films[index] for index in sorted(np.random.default_rng(seed).permutation(len(films))[:count].tolist())]


def _local(
    first: "Calibration", predictor: "Predictor", found: "Found", films: Sequence[Film], description: str,
    options: CalibrateOptions, out: Path,
) -> "Calibration":  # fmt: skip
    from cephkit.calibration.bias import COLUMNS, bias_rows, print_bias
    from cephkit.calibration.fit import canvas_facing, residuals
    from cephkit.calibration.local import fit_local

    symbols = predictor.spec.symbols
    gaps = residuals(found, films, symbols, options.truth)
    contents = [film.content or "" for film in films]
    try:
        made, moved = fit_local(
            first, found.features, gaps, found.signatures, contents, description, options.remove_bias
        )
    except ValueError as error:
        raise DataError(f"{options.dataset}: {error}") from error
    made = replace(made, truth=options.truth)
    left = canvas_facing(found, films, symbols, options.truth) == "left"
    rows = bias_rows(gaps, moved, found.units, films, symbols, left)
    print_bias(rows, table_console(100), options.remove_bias)
    table = out.with_name(f"{out.stem}_bias.csv")
    write_csv(table, COLUMNS, rows)
    print(f"bias by landmark: {table}")
    return made
