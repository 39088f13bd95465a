"""The trials of a search, at home and abroad; a table for docs/trials.md.

``cephkit tune --space benchmarks/trials.yaml ... --keep_checkpoints``, then ``python -m benchmarks.trials --study
FOLDER --dataset_path isbi2015``; models of other runs with ``--checkpoint A B``. The films of the valid split judge
each model against the mean of the annotators: as they are ("home"), and as of ten machines that nobody has, each made
up of strong changes of exposure, contrast, shading, sharpness, noise and frame ("abroad"). With several data sets in
the search, ``--dataset_path`` names the one that judges. The figures of a study stand in ``abroad.csv`` in its
folder, and are not computed again.
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

    study: Path | None = None
    """The --out of cephkit tune."""
    checkpoint: tuple[Path, ...] = ()
    """Models of other runs."""
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

    def figures(path: Path) -> dict[str, str]:
        predictor = Predictor(load_model(path, torch.device(options.device)), options.device)
        return dict(zip(FIGURES, (*judged(predictor, films, [NONE]), *judged(predictor, films, machines)), strict=True))

    for path in options.checkpoint:
        print("| " + " | ".join([str(path), *figures(path).values()]) + " |", flush=True)
    if options.study is None:
        return
    rows = [row for row in read_rows(options.study / "trials.csv") if row["state"] == "complete"]
    table = options.study / "abroad.csv"
    known = {row["trial"]: row for row in read_rows(table)} if table.is_file() else {}
    names = [name for name in rows[0] if name not in ("trial", "state", "mre_px", "reason", *FIGURES)]
    columns = ("trial", *names, *FIGURES)
    found: list[dict[str, str]] = []
    for row in rows:
        before = {name: known.get(row["trial"], {}).get(name, "") for name in FIGURES}
        judgement = before if all(before.values()) else figures(options.study / f"trial_{row['trial']}" / BEST)
        found.append({"trial": row["trial"], **{name: row[name] for name in names}, **judgement})
        write_csv(table, columns, found)
        print("| " + " | ".join(found[-1][name] for name in columns) + " |", flush=True)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main(tyro.cli(Options, use_underscores=True))
