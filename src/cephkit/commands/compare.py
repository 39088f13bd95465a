"""``cephkit compare``: which of two models, or of two files of predictions, is better on the same films."""

import platform
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from cephkit.commands.evaluate import PLAIN_WIDTH, EvaluateOptions
from cephkit.config import Truth, parse
from cephkit.data.film import Split
from cephkit.errors import DataError, SettingsError
from cephkit.evaluation.compare import P_VALUE, Comparison, Difference, Unit, compare_errors
from cephkit.evaluation.judge import judge_checkpoints, judge_file
from cephkit.evaluation.metrics import THRESHOLDS_MM, Floats
from cephkit.evaluation.scoring import Scores
from cephkit.files import write_json
from cephkit.landmarks import BY_SYMBOL, in_canonical_order
from cephkit.notice import NOTICE, VERSION, Notify
from cephkit.tables import Row, write_csv

PREDICTIONS = "predictions.json"
"""What ``cephkit evaluate`` calls its predictions."""
CHECKPOINT_ENDING = ".pth"
FEW_FILMS = 30
"""Below it percentile intervals are too narrow and p-values too small to be taken at their word."""

_PARTS = ("a", "b", "difference", "low", "high", "p", "p_holm")
LANDMARK_COLUMNS = (
    *("symbol", "title", "tissue", "unit", "films", "points", "points_both", "missing_a", "missing_b"),
    *(f"mre_{part}" for part in _PARTS),
    *(f"sdr_{key}mm_percent_{part}" for key in THRESHOLDS_MM for part in _PARTS),
)
"""Of landmarks.csv."""


@dataclass(frozen=True)
class CompareOptions:
    """Say whether B is better than A on the films of a data set in the Aariz layout: differences B - A.

    Films are drawn anew, the same for both (paired bootstrap). Research use only; not a medical device.
    """

    a: tyro.conf.Positional[Path]
    """A checkpoint_*.pth, a file of predictions, the folder of cephkit predict, or --out of cephkit evaluate."""
    b: tyro.conf.Positional[Path]
    """The same of what it is compared with; it need not be of A's kind."""
    dataset_path: Path = Path("Aariz")
    """Root of the data set: train, valid, test and cephalogram_machine_mappings.csv."""
    split: tuple[Split, ...] = ("test",)
    """Films to judge: train, valid, test, or several of them."""
    truth: Truth = "mean"
    """Whose landmarks are right: senior, junior, the mean of both, or official (Aariz's ceil of the mean)."""
    out: Path = Path("comparison")
    """Folder for comparison.json and landmarks.csv."""
    allow_missing: bool = False
    """What a file of predictions lacks counts as missing, in place of an error."""
    skip_bad_films: bool = False
    """Leave out films or labels that cannot be read; without it they end the command."""
    bootstrap_draws: int = 10_000
    """Draws of films for intervals and p-values; no p-value is below 1 / draws."""
    seed: int = 0
    """Seed of those draws."""
    batch_size: int = 2
    """Films per forward pass of a checkpoint."""
    num_workers: int = 2
    """Loader processes of a checkpoint; 0 loads in this process."""
    cache_dir: Path | None = None
    """Where checked films are remembered between runs; default: the user's cache folder."""
    mixed_precision: bool = False
    """Run a checkpoint's network in half precision."""
    device: str = "cuda"
    """cuda, cuda:1, mps or cpu; without a GPU it says so and goes on with the CPU."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: naming all of them.
        """
        wrong = [] if self.split else ["--split needs train, valid or test"]
        # Fewer draws have no 2.5th percentile worth the name.
        lowest = {"batch_size": 1, "num_workers": 0, "bootstrap_draws": 100, "seed": 0}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                wrong.append(f"--{name} must be {least} or more, got {getattr(self, name)}")
        for path in (self.a, self.b):
            if self.out.resolve() == path.resolve():
                wrong.append(f"--out {self.out} is what is compared, and would be written over; name another folder")
        if wrong:
            raise SettingsError("cephkit compare: " + "; ".join(dict.fromkeys(wrong)))


@dataclass(frozen=True)
class Paired:
    """Errors of A and B on the same films, landmarks and truth, and what could not be compared."""

    symbols: tuple[str, ...]
    errors_a: Floats
    """(N, K) in ``unit``; see ``radial_errors``."""
    errors_b: Floats
    unit: Unit
    """``mm``; ``px`` (film pixels) where no film has a pixel size."""
    left_out: dict[str, list[str]]
    """Films and landmarks that are not compared, by reason."""


def main(argv: list[str]) -> int:
    """Run the command.

    Raises:
        CephkitError: what cannot be compared, and why.
    """
    compare(parse(CompareOptions, argv, "cephkit compare"), command=shlex.join(["cephkit", "compare", *argv]))
    return 0


def compare(options: CompareOptions, command: str = "", notify: Notify = print) -> dict[str, Any]:
    """Compare, write the results, show the figures, and return the content of ``comparison.json``.

    Raises:
        SettingsError: there is no such file.
        DataError: no film or landmark that both are scored on.
        CephkitError: else what ``cephkit evaluate`` cannot judge, and why.
    """
    for name, path in (("A", options.a), ("B", options.b)):
        if not path.exists():  # said before the other one is worked on
            raise SettingsError(
                f"cephkit compare: {name}: {path}: there is no such file or folder; give a checkpoint "
                f"(*{CHECKPOINT_ENDING}), a file of predictions, or the --out folder of cephkit evaluate or predict"
            )
    scores_a, source_a = _scores(options, options.a, notify)
    scores_b, source_b = _scores(options, options.b, notify)
    pair = paired(scores_a, scores_b)
    total, by_landmark = compare_errors(pair.errors_a, pair.errors_b, options.bootstrap_draws, options.seed, pair.unit)
    landmarks = dict(zip(pair.symbols, by_landmark, strict=True))
    content = {
        "verdict": verdict(total, pair.unit),
        "better": total.better,
        "unit": pair.unit,
        **total.to_dict(),
        "by_landmark": {symbol: one.to_dict() for symbol, one in landmarks.items()},
        "left_out": pair.left_out,
        "truth": options.truth,
        "splits": sorted(set(options.split)),
        "dataset_path": options.dataset_path.as_posix(),
        "a": source_a,
        "b": source_b,
        "bootstrap": {"draws": options.bootstrap_draws, "seed": options.seed, "drawn": "films", "p": P_VALUE},
        "versions": {"cephkit": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        "command": command,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "notice": NOTICE,
    }
    write_csv(options.out / "landmarks.csv", LANDMARK_COLUMNS, landmark_rows(landmarks, pair.unit))
    write_json(options.out / "comparison.json", content)
    console = Console()
    show(options, total, landmarks, pair, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    notify(f"results: {options.out}")
    notify(NOTICE)
    return content


def paired(a: Scores, b: Scores) -> Paired:
    """The errors on the films and landmarks that both are scored on; in mm where any film has a pixel size.

    Raises:
        DataError: there is no such film or landmark.
    """
    rows_a = {(film.split, film.film_id): row for row, film in enumerate(a.films)}
    rows_b = {(film.split, film.film_id): row for row, film in enumerate(b.films)}
    with_truth = {*a.symbols, *b.symbols} - {*a.landmarks_without_truth, *b.landmarks_without_truth}
    scored_a, scored_b = (tuple(s for s in one.symbols if s in with_truth) for one in (a, b))
    symbols = in_canonical_order(set(scored_a) & set(scored_b))
    films = [film for film in rows_a if film in rows_b]
    if not symbols:
        raise DataError(
            "nothing to compare: no landmark is scored for both. "
            f"A has {' '.join(scored_a) or 'none'}; B has {' '.join(scored_b) or 'none'}"
        )
    if not films:
        raise DataError("nothing to compare: no film is scored for both")
    index_a, index_b = [rows_a[film] for film in films], [rows_b[film] for film in films]
    columns_a, columns_b = ([one.symbols.index(symbol) for symbol in symbols] for one in (a, b))
    spaced = bool(np.isfinite(a.pixel_sizes[index_a]).any())
    errors_a, errors_b = (a.errors_mm, b.errors_mm) if spaced else (a.errors_px, b.errors_px)
    errors_a, errors_b = errors_a[np.ix_(index_a, columns_a)], errors_b[np.ix_(index_b, columns_b)]
    if np.isnan(errors_a).all():
        raise DataError(f"nothing to compare: no film has a truth of {' '.join(symbols)} and a pixel size")
    neither = {*a.landmarks_not_predicted} & {*b.landmarks_not_predicted}
    left_out = {
        "landmarks_only_in_a": [s for s in scored_a if s not in symbols],
        "landmarks_only_in_b": [s for s in scored_b if s not in symbols],
        "landmarks_in_neither": list(in_canonical_order(neither)),
        "films_only_in_a": [film_id for split, film_id in rows_a if (split, film_id) not in rows_b],
        "films_only_in_b": [film_id for split, film_id in rows_b if (split, film_id) not in rows_a],
        "films_without_pixel_size": [film for film in a.films_without_pixel_size if spaced],
    }
    return Paired(symbols, errors_a, errors_b, "mm" if spaced else "px", left_out)


def verdict(total: Comparison, unit: Unit) -> str:
    """One line: B is better, A is better, or no difference shown; and from what that follows."""
    mre = total.mre
    if mre.difference is None:
        return "no difference shown: no point was found by both"
    if mre.ci95 is None or mre.p is None:
        return f"no difference shown: MRE {mre.difference:+.3f} {unit}, on too few films to draw from"
    figures = (
        f"MRE B - A {mre.difference:+.3f} {unit}, 95 % interval {mre.ci95[0]:+.3f} to {mre.ci95[1]:+.3f}, "
        f"p = {_p(mre.p)}"
    )
    if total.contradicting:
        rates = ", ".join(f"SDR@{key}" for key in total.contradicting)
        return f"no difference shown: MRE and {rates} contradict each other ({figures})"
    return f"{f'{total.better} is better' if total.better else 'no difference shown'}: {figures}"


def landmark_rows(landmarks: dict[str, Comparison], unit: Unit) -> list[Row]:
    """One row per landmark, with the columns ``LANDMARK_COLUMNS``."""
    rows = []
    for symbol, one in landmarks.items():
        row: Row = {
            **{"symbol": symbol, "title": BY_SYMBOL[symbol].title, "tissue": BY_SYMBOL[symbol].tissue, "unit": unit},
            **{"films": one.films, "points": one.points, "points_both": one.points_both},
            **{"missing_a": one.missing_a, "missing_b": one.missing_b},
            **_cells("mre", one.mre),
        }
        for key in THRESHOLDS_MM:
            row |= _cells(f"sdr_{key}mm_percent", one.sdr.get(key, Difference(None, None, None)))
        rows.append(row)
    return rows


def show(
    options: CompareOptions, total: Comparison, landmarks: dict[str, Comparison], pair: Paired, console: Console
) -> None:
    """The figures as a short table, notes, and the verdict last."""
    console.print(f"A: {options.a}\nB: {options.b}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"truth: {options.truth}   split: {' '.join(sorted(set(options.split)))}   films: {total.films}   "
        f"landmarks: {len(landmarks)}   points: {total.points}",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("A", "B", "B - A", "95 % interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    _add(table, f"MRE {pair.unit}", total.mre, 3)
    for key, rate in total.sdr.items():
        _add(table, f"SDR@{key} %", rate, 2)
    console.print(table)
    for line in notes(total, landmarks, pair):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(verdict(total, pair.unit), highlight=False, markup=False, soft_wrap=True, style="bold")


def notes(total: Comparison, landmarks: dict[str, Comparison], pair: Paired) -> list[str]:
    """What the table does not say, one line each."""
    lines = [f"p: {P_VALUE}"]
    if total.films < FEW_FILMS:
        lines.append(f"only {total.films} films: intervals come out too narrow and p-values too small")
    for name, sign in (("B", -1), ("A", 1)):
        ahead = [s for s, one in landmarks.items() if one.mre.significant and sign * (one.mre.difference or 0.0) > 0]
        if ahead:
            lines.append(f"landmarks with a smaller MRE for {name} (p after Holm's correction): {' '.join(ahead)}")
    dropped = total.points - total.points_both
    if dropped:
        lines.append(
            f"NOT FOUND, each a miss in SDR: A {total.missing_a}, B {total.missing_b} points; "
            f"left out of the MRE of both: {dropped} points"
        )
    if pair.unit == "px":
        lines.append("no film has a pixel size: compared in film pixels, without SDR")
    said = {
        "landmarks_only_in_a": "landmarks that only A has, not compared",
        "landmarks_only_in_b": "landmarks that only B has, not compared",
        "landmarks_in_neither": "landmarks with a truth that neither has",
        "films_only_in_a": "films that only A is scored on, not compared",
        "films_only_in_b": "films that only B is scored on, not compared",
        "films_without_pixel_size": "films without a pixel size, not compared",
    }
    lines += [f"{text}: {_some(pair.left_out[name])}" for name, text in said.items() if pair.left_out[name]]
    return lines


def _scores(options: CompareOptions, path: Path, notify: Notify) -> tuple[Scores, dict[str, Any]]:
    """Scores of a checkpoint or of predictions, and what is known of it, as ``cephkit evaluate`` has them."""
    is_checkpoint = path.suffix == CHECKPOINT_ENDING and path.is_file()
    if not is_checkpoint and (path / PREDICTIONS).is_file():
        path = path / PREDICTIONS  # evaluate's folder holds other JSON files too
    judged = EvaluateOptions(
        checkpoint=(path,) if is_checkpoint else (),
        predictions=None if is_checkpoint else path,
        dataset_path=options.dataset_path,
        split=options.split,
        truth=options.truth,
        allow_missing=options.allow_missing and not is_checkpoint,
        skip_bad_films=options.skip_bad_films,
        batch_size=options.batch_size,
        num_workers=options.num_workers,
        cache_dir=options.cache_dir,
        mixed_precision=options.mixed_precision,
        device=options.device,
    )
    of = judge_checkpoints(judged, (path,), notify) if is_checkpoint else judge_file(judged, path, notify)
    return of.scores, of.source


def _cells(name: str, one: Difference) -> Row:
    low, high = one.ci95 or (None, None)
    values = (one.a, one.b, one.difference, low, high, one.p, one.p_holm)
    return {f"{name}_{part}": value for part, value in zip(_PARTS, values, strict=True)}


def _add(table: Table, name: str, one: Difference, digits: int) -> None:
    interval = "-" if one.ci95 is None else f"{one.ci95[0]:+.{digits}f} to {one.ci95[1]:+.{digits}f}"
    plain = ("-" if value is None else f"{value:.{digits}f}" for value in (one.a, one.b))
    gap = "-" if one.difference is None else f"{one.difference:+.{digits}f}"
    table.add_row(name, *plain, gap, interval, "-" if one.p is None else _p(one.p))


def _p(value: float) -> str:
    return f"{value:.2g}" if value < 0.001 else f"{value:.3f}"


def _some(names: list[str], shown: int = 10) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return " ".join(names[:shown]) + rest
