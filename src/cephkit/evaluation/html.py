"""The report of an evaluation: one self-contained HTML file, and its figures as files beside it."""

import contextlib
import shlex
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cephkit.evaluation.film_plots import KINDS, overlay
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics
from cephkit.evaluation.plots import Omitted, Plot, annotator_distances_mm, boxes, cumulative, scatter
from cephkit.evaluation.published import PUBLISHED, RATE_KEYS, PublishedResult
from cephkit.evaluation.results import lacks, notes
from cephkit.evaluation.run_plots import calibration, learning_curves
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.tables import by_landmark, by_machine, by_source, by_tissue, plausible, shared_landmarks
from cephkit.files import utf8, write_csv, write_whole
from cephkit.landmarks.schema import TISSUE_NAMES
from cephkit.notice import NOTICE
from cephkit.pages import render
from cephkit.screen import figure
from cephkit.settings.options import SEVERAL

Table: TypeAlias = tuple[str, tuple[str, ...], list[tuple[tuple[str, ...], Metrics]]]
"""Title, heads of the first columns, and their cells and figures row by row."""


def write_report(
    out: Path, scores: Scores, content: dict[str, Any], run_folder: Path | None = None, draws: int = 0, seed: int = 0
) -> Path:
    """Write ``out/report.html`` and ``out/figures``: each figure as an SVG file and its numbers as CSV.

    Figures of an earlier report that this one does not have are removed from ``out/figures``. No folder is named: film
    paths are left out, and the path of the data set is shortened to its last part.

    Args:
        out: folder of the evaluation.
        scores: what was judged.
        content: of ``metrics.json``; the lists ``expected_mm`` and ``observed_mm`` of ``uncertainty`` are drawn.
        run_folder: of the run that made the model, for the learning curves.
        draws: bootstrap draws over films for the 95 % intervals in the tables; 0 leaves them out.
        seed: of those draws.

    Returns:
        The path of ``report.html``.

    Raises:
        CephkitError: a file cannot be written.
    """
    figures = out / "figures"

    def drawn(name: str, title: str, draw: Callable[[], Plot | Omitted]) -> Plot | Omitted:
        figure = _drawn(name, title, draw)
        _write_figure(figures, figure)
        return figure

    metrics = scores.metrics()
    page = render(
        "evaluation/templates/report.html.j2",
        notice=NOTICE,
        tiles=_tiles(content),
        about=_about(scores, content, metrics),
        notes=(*notes(scores, metrics), *lacks(content)),
        distributions=[
            drawn("cumulative_error", "Cumulative error", lambda: cumulative(scores)),
            drawn("landmark_errors", "Errors per landmark", lambda: boxes(scores)),
            drawn("error_scatter", "Direction of the errors", lambda: scatter(scores)),
        ],
        draws=draws,
        seed=seed,
        tables=_tables(scores, draws, seed),
        films=[drawn(f"film_{kind}", f"{kind.capitalize()} film", partial(overlay, scores, kind)) for kind in KINDS],
        calibration=drawn("calibration", "Calibration of the expected error", lambda: calibration(content)),
        uncertainty=_uncertainty(content),
        curves=drawn("learning_curves", "Learning curves", lambda: learning_curves(run_folder)),
        published=(*PUBLISHED, _this_run(scores, content)),
        protocol=_protocol(scores, content),
        thresholds=tuple(THRESHOLDS_MM),
        rate_keys=RATE_KEYS,
        number=figure,
        interval_text=_interval,
        base64=lambda data: b64encode(data).decode("ascii"),
    )
    path = out / "report.html"
    write_whole(path, utf8(page))
    return path


def _tiles(content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and interval of the key figures."""
    mre, rates, intervals = content.get("mre_mm"), content.get("sdr") or {}, content.get("sdr_ci95") or {}
    value = f"{figure(content.get('mre_pixels'), 1)} pixels" if mre is None else f"{mre:.3f} mm"
    return [
        ("MRE", value, _interval(content.get("mre_mm_ci95"), 3)),
        *(
            (f"SDR@{key} mm", f"{rates[key]:.1f} %", _interval(intervals.get(key), 1))
            for key in THRESHOLDS_MM
            if rates.get(key) is not None
        ),
    ]


def _about(scores: Scores, content: Mapping[str, Any], metrics: Metrics) -> dict[str, str]:
    """What was judged and how; empty texts are left out of the page."""
    bootstrap = content.get("bootstrap") or {}
    draws = f"bootstrap over films, {bootstrap.get('draws')} draws, seed {bootstrap.get('seed')}"
    return {
        "Truth": _truth_text(scores),
        "Split": " ".join(content.get("splits", [])),
        "Data": _data_name(content),
        "Films": f"{metrics.films} ({metrics.films_in_mm} with a pixel size)",
        "Landmarks": str(metrics.landmarks),
        "Points": f"{metrics.points + metrics.missing}, of which {metrics.missing} without a prediction",
        **_model_rows(content),
        "95 % intervals": draws if bootstrap.get("draws") else "",
        "Command": _without_folders(str(content.get("command") or "")),
        "Versions": ", ".join(f"{name} {version}" for name, version in (content.get("versions") or {}).items()),
        "Written": str(content.get("written_at") or ""),
    }


def _model_rows(content: Mapping[str, Any]) -> dict[str, str]:
    checkpoint, predictions = content.get("checkpoint"), content.get("predictions")
    if checkpoint:
        size = " x ".join(map(str, checkpoint.get("canvas_size", [])))
        model = f"{checkpoint.get('model')}, canvas {size}, {checkpoint.get('loss')}"
        file = f"{Path(checkpoint['path']).name}, epoch {checkpoint.get('epoch')}"
        where = str(content.get("device") or "") + (", mixed precision" if content.get("mixed_precision") else "")
        return {"Model": model, "Checkpoint": file, "SHA-256": str(checkpoint.get("sha256") or ""), "Device": where}
    if predictions:
        name = Path(predictions["path"]).name
        return {"Predictions file": name, "SHA-256": str(predictions.get("sha256") or "")}
    return {}


def _tables(scores: Scores, draws: int, seed: int) -> list[Table]:
    """The figures by tissue, machine and landmark; those without a truth are left out."""
    tissues, machines, landmarks = (group(scores, draws, seed) for group in (by_tissue, by_machine, by_landmark))
    tissue_of = {symbol: TISSUE_NAMES[scores.schema[symbol].tissue] for symbol in scores.symbols}
    sources, shared = by_source(scores, draws, seed), by_source(scores, draws, seed, shared=True)
    count, believed = len(shared_landmarks(scores)), plausible(scores, draws, seed)
    tables: list[Table] = [
        ("Per data set", ("data set", "films"), [((g.name, str(g.films)), g.metrics) for g in sources]),
        (
            f"Per data set, on the {count} landmarks that all have",
            ("data set", "films"),
            [((g.name, str(g.films)), g.metrics) for g in shared],
        ),
        (
            "Machines of plausible pixel size",
            ("", "films"),
            [((g.name, str(g.films)), g.metrics) for g in filter(None, [believed])],
        ),
        ("Per tissue", ("tissue",), [((group.name,), group.metrics) for group in tissues]),
        ("Per machine", ("machine", "films"), [((group.name, str(group.films)), group.metrics) for group in machines]),
        ("Per landmark", ("landmark", "tissue"), [((g.name, tissue_of[g.name]), g.metrics) for g in landmarks]),
    ]
    scored = [
        (title, heads, [(names, metrics) for names, metrics in rows if metrics.points + metrics.missing])
        for title, heads, rows in tables
    ]
    return [table for table in scored if table[2]]


def _this_run(scores: Scores, content: Mapping[str, Any]) -> PublishedResult:
    """This run as a row beside the published ones."""
    mre, sdr = content.get("mre_mm"), content.get("sdr") or {}
    method = (content.get("checkpoint") or {}).get("model") or "predictions file"
    return PublishedResult(
        " ".join([_data_name(content), *content.get("splits", [])]).strip(),
        f"this run: {method}",
        "-" if mre is None else f"{mre:.3f} ± {figure(content.get('sd_mm'), 3)}",
        tuple(sdr.get(key) for key in RATE_KEYS),
        f"{len(content.get('landmarks_scored', []))} landmarks, truth: {scores.truth_source}",
    )


def _protocol(scores: Scores, content: Mapping[str, Any]) -> list[str]:
    """How this run's figures were computed, in those respects in which results differ."""
    scored = content.get("landmarks_scored", [])
    unknown = scores.landmarks_not_predicted
    lines = [
        f"Truth: {_truth_text(scores)}.",
        f"Split: {' '.join(content.get('splits', []))}, {len(scores.films)} films.",
        f"Landmarks scored: {len(scored)} ({' '.join(scored)}); "
        + (f"with a truth but not predicted, not scored: {' '.join(unknown)}." if unknown else "none left out."),
    ]
    sizes = scores.pixel_sizes[np.isfinite(scores.pixel_sizes)]
    if sizes.size:
        span = f"{sizes.min():.4g}" if sizes.min() == sizes.max() else f"{sizes.min():.4g} to {sizes.max():.4g}"
        origins = sorted({film.spacing.origin for film in scores.films if film.spacing is not None})
        lines.append(
            f"Pixel size: each film's own, {span} mm ({', '.join(origins)}); distances are original film pixels times "
            "that size."
        )
    if sizes.size < len(scores.films):
        lines.append(f"{len(scores.films) - sizes.size} films have no pixel size and count in no figure in mm.")
    distances = annotator_distances_mm(scores)
    if np.isfinite(distances).any():
        lines.append(f"The two annotators of these films are {np.nanmean(distances):.2f} mm apart on average.")
    lines.append("A truth without a prediction is a miss in every SDR and does not enter the MRE.")
    return lines


def _uncertainty(content: Mapping[str, Any]) -> dict[str, str]:
    uncertainty = content.get("uncertainty")
    return {
        key.replace("_", " "): f"{value:.4g}" if isinstance(value, float) else str(value)
        for key, value in (uncertainty.items() if isinstance(uncertainty, Mapping) else ())
        if isinstance(value, str | int | float)
    }


def _drawn(name: str, title: str, draw: Callable[[], Plot | Omitted]) -> Plot | Omitted:
    """The figure of ``draw``; a figure that fails does not cost the others, nor the tables."""
    try:
        return draw()
    except Exception as error:  # drawing involves fonts, decoders and libraries of all kinds
        # Not the message, which may name folders: reports are shared.
        return Omitted(name, title, f"it could not be drawn ({type(error).__name__})")


def _write_figure(folder: Path, figure: Plot | Omitted) -> None:
    svg, table = folder / f"{figure.name}.svg", folder / f"{figure.name}.csv"
    if isinstance(figure, Plot):
        write_csv(table, figure.columns, figure.rows)
        write_whole(svg, figure.svg)
        return
    for path in (svg, table):  # of an earlier report, and out of date
        with contextlib.suppress(OSError):
            path.unlink()


def _truth_text(scores: Scores) -> str:
    texts = {
        "senior": "senior annotator",
        "junior": "junior annotator",
        "mean": "mean of senior and junior annotator",
        "official": "official: mean of the annotators, rounded up to whole pixels",
    }
    return texts.get(scores.truth_source, scores.truth_source)


def _data_name(content: Mapping[str, Any]) -> str:
    named = str(content.get("dataset_path") or "")
    return SEVERAL.join(Path(path).name for path in named.split(SEVERAL))


def _without_folders(command: str) -> str:
    """``command`` with every path shortened to its last part: reports are shared, folders are private."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    parts = (word.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1] or word for word in words)
    return shlex.join(parts)


def _interval(interval: Sequence[float] | None, digits: int) -> str:
    return f"{interval[0]:.{digits}f}–{interval[1]:.{digits}f}" if interval else ""
