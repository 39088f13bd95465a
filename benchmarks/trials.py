"""The trials of a search, at home and abroad; a table for docs/trials.md.

``cephkit tune --space benchmarks/trials.yaml ... --keep_checkpoints``, then ``python -m benchmarks.trials --study
FOLDER --dataset_path isbi2015``. The films of the valid split judge each trial's model against the mean of the
annotators: as they are ("home"), and as of ten machines that nobody has, each made up of strong changes of exposure,
contrast, shading, sharpness, noise and frame ("abroad"). With several data sets in the search, ``--dataset_path`` names
the one that judges. The figures stand in ``abroad.csv`` in the study's folder, and are not computed again.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from benchmarks.abroad import Change, machine
from cephkit.checkpoint import load_model
from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.data.opened import read_grey, to_uint8
from cephkit.data.prepare import prepare
from cephkit.datasets.find import find_dataset
from cephkit.evaluation.distort import NONE
from cephkit.files import write_csv
from cephkit.geometry import invert, transform
from cephkit.inference.predictor import Predictor
from cephkit.model_paths import BEST
from cephkit.settings.options import DataSet

MACHINES = 10
FIGURES = ("mre_mm", "sdr_2mm_percent", "abroad_mre_mm", "abroad_sdr_2mm_percent")


@dataclass(frozen=True, kw_only=True)
class Options(DataSet):
    """What to judge, and on which films."""

    study: Path
    """The --out of cephkit tune."""
    device: str = "cpu"


def judged(predictor: Predictor, films: Sequence[Film], changes: Sequence[Change]) -> tuple[str, str]:
    """MRE in mm and SDR@2 of ``films``, changed in turn in each way; landmarks not found are missed."""
    errors = []
    for number, film in enumerate(films):
        grey, matrix = changes[number % len(changes)](to_uint8(read_grey(film.path)), number)
        found = transform(invert(matrix), predictor.run_film(grey).points[0])
        gaps = found - points_array(film.points("mean"), predictor.spec.symbols)
        errors.append(np.hypot(*gaps.T)[[symbol in film.points("mean") for symbol in predictor.spec.symbols]])
        errors[-1] *= pixel_sizes_mm([film])[0]
    all_errors = np.concatenate(errors)
    return f"{np.nanmean(all_errors):.3f}", f"{100 * (all_errors <= 2).mean():.1f}"


def main(options: Options) -> None:
    films = prepare(
        find_dataset(options), splits=("valid",), annotation="mean", canvas_size=(64, 64), hold=0,
        cache_dir=options.cache_dir, skip_bad_films=options.skip_bad_films, notify=lambda line: None,
    ).films["valid"]  # fmt: skip
    rng = np.random.default_rng(7)
    machines = [machine(rng) for _ in range(MACHINES)]
    with (options.study / "trials.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "complete"]
    path = options.study / "abroad.csv"
    known = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            known = {row["trial"]: row for row in csv.DictReader(file)}
    names = [name for name in rows[0] if name not in ("trial", "state", "mre_px", "reason", *FIGURES)]
    columns = ("trial", *names, *FIGURES)
    found: list[dict[str, str]] = []
    for row in rows:
        figures = {name: known.get(row["trial"], {}).get(name, "") for name in FIGURES}
        if not all(figures.values()):
            model = load_model(options.study / f"trial_{row['trial']}" / BEST, torch.device(options.device))
            predictor = Predictor(model, options.device)
            figures = dict(
                zip(FIGURES, (*judged(predictor, films, [NONE]), *judged(predictor, films, machines)), strict=True)
            )
        found.append({"trial": row["trial"], **{name: row[name] for name in names}, **figures})
        write_csv(path, columns, found)
        print("| " + " | ".join(found[-1][name] for name in columns) + " |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, use_underscores=True))
