"""The report of an evaluation: one HTML file that needs no other, and its figures as files beside it."""

import contextlib
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.evaluation.film_plots import KINDS, overlay
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics, summarise
from cephkit.evaluation.plots import Omitted, Plot, annotator_distances_mm, boxes, cumulative, scatter
from cephkit.evaluation.published import PUBLISHED, RATE_KEYS
from cephkit.evaluation.results import lacks, notes
from cephkit.evaluation.run_plots import calibration, learning_curves
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.tables import NO_MACHINE
from cephkit.files import utf8, write_csv, write_whole
from cephkit.landmarks import BY_SYMBOL, Tissue
from cephkit.notice import NOTICE

TISSUES: dict[Tissue, str] = {"bone": "bone", "tooth": "tooth", "soft": "soft tissue"}
Named = tuple[tuple[str, ...], Metrics]
"""What stands in a row's first cells, and its figures."""

_CSS = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1c1c1c; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem;
  border-bottom: 1px solid #ddd; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
.notice { font-weight: 600; color: #8a2b06; margin: 0 0 1rem; }
.key { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
.key div { border: 1px solid #d5d5d5; border-radius: 6px; padding: .45rem .8rem; background: #fafafa;
  min-width: 6.5rem; }
.key b { display: block; font-size: 1.25rem; } .key span, small { color: #5c5c5c; font-size: .8em; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .45rem; border-bottom: 1px solid #e6e6e6; text-align: right; vertical-align: top; }
thead th { border-bottom: 1.5px solid #999; vertical-align: bottom; } td small { display: block; white-space: nowrap; }
.n { white-space: nowrap; }
.t { text-align: left; overflow-wrap: anywhere; } .about th { text-align: left; width: 11rem; font-weight: 600; }
.this td { font-weight: 600; background: #eef5fb; } .wide { overflow-x: auto; }
figure { margin: 1rem 0 1.6rem; } figure img { max-width: 100%; height: auto; display: block; }
figcaption { font-size: .85rem; color: #444; } code { overflow-wrap: anywhere; font-size: .85em; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } table { font-size: 7.5pt; }
  figure, tr, .key { break-inside: avoid; } h2, h3 { break-after: avoid; } thead { display: table-header-group; }
  figure img { max-height: 22cm; } .wide { overflow: visible; } * { print-color-adjust: exact; } }
"""


def write_report(
    out: Path,
    scores: Scores,
    content: dict[str, Any],
    run_folder: Path | None = None,
    draws: int = 0,
    seed: int = 0,
) -> Path:
    """Write ``out/report.html`` and ``out/figures``: each figure as an SVG file and its numbers as CSV.

    Figures of an earlier report that this one does not have are removed from ``out/figures``. Film paths are not
    written; the path of the data set is shortened to its last part.

    Args:
        out: folder of the evaluation.
        scores: what was judged.
        content: of ``metrics.json``; ``uncertainty`` with lists ``expected_mm`` and ``observed_mm`` is drawn.
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

    distributions = [
        drawn("cumulative_error", "Cumulative error", lambda: cumulative(scores)),
        drawn("landmark_errors", "Errors per landmark", lambda: boxes(scores)),
        drawn("error_scatter", "Direction of the errors", lambda: scatter(scores)),
    ]
    films = [drawn(f"film_{kind}", f"{kind.capitalize()} film", partial(overlay, scores, kind)) for kind in KINDS]
    beside = [
        drawn("calibration", "Calibration of the expected error", lambda: calibration(content)),
        drawn("learning_curves", "Learning curves", lambda: learning_curves(run_folder)),
    ]
    metrics = scores.metrics()
    body = [
        _cover(scores, content, metrics),
        "<h2>Errors</h2>",
        *map(_figure, distributions),
        "<h2>Tables</h2>",
        f"<p>Errors in mm; SDR@t: percent of points with error ≤ t mm. {_intervals_note(draws, seed)}</p>",
        _table("Per tissue", ("tissue",), tissue_metrics(scores, draws, seed)),
        _table("Per machine", ("machine", "films"), machine_metrics(scores, draws, seed)),
        _table("Per landmark", ("landmark", "tissue"), landmark_metrics(scores, draws, seed)),
        "<h2>Films</h2>",
        *map(_figure, films),
        _uncertainty(content, beside[0]),
        _section("Training", beside[1]),
        _published(scores, content),
        f'<p class="notice">{_e(NOTICE)}</p>',
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Film ids and model files come from strangers: even what slipped through would load and run nothing.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>cephkit evaluation</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
    )
    path = out / "report.html"
    write_whole(path, utf8(page + "\n".join(part for part in body if part) + "\n</body>\n</html>\n"))
    return path


def landmark_metrics(scores: Scores, draws: int = 0, seed: int = 0) -> list[Named]:
    """Symbol and tissue of each landmark with a truth, and its figures."""
    rows: list[Named] = []
    for column, symbol in enumerate(scores.symbols):
        errors = scores.errors_px[:, [column]]
        if not np.isnan(errors).all():
            name = (symbol, TISSUES[BY_SYMBOL[symbol].tissue])
            rows.append((name, summarise(errors, scores.pixel_sizes, draws, seed)))
    return rows


def tissue_metrics(scores: Scores, draws: int = 0, seed: int = 0) -> list[Named]:
    """Name of each tissue with a truth, and the figures of its landmarks."""
    rows: list[Named] = []
    for tissue, name in TISSUES.items():
        columns = [column for column, symbol in enumerate(scores.symbols) if BY_SYMBOL[symbol].tissue == tissue]
        errors = scores.errors_px[:, columns]
        if not np.isnan(errors).all():
            rows.append(((name,), summarise(errors, scores.pixel_sizes, draws, seed)))
    return rows


def machine_metrics(scores: Scores, draws: int = 0, seed: int = 0) -> list[Named]:
    """Name of each machine and number of its films, and their figures."""
    groups = np.array([film.machine or NO_MACHINE for film in scores.films])
    rows: list[Named] = []
    for machine in sorted(set(groups.tolist())):
        chosen = groups == machine
        figures = summarise(scores.errors_px[chosen], scores.pixel_sizes[chosen], draws, seed)
        rows.append(((machine, str(int(chosen.sum()))), figures))
    return rows


def _cover(scores: Scores, content: Mapping[str, Any], metrics: Metrics) -> str:
    mre = content.get("mre_mm")
    unit, value = ("mm", mre) if mre is not None else ("pixels", content.get("mre_pixels"))
    tiles = [("MRE", _num(value, 3 if unit == "mm" else 1) + f" {unit}", _interval(content.get("mre_mm_ci95"), 3))]
    for key in THRESHOLDS_MM:
        rate = (content.get("sdr") or {}).get(key)
        if rate is not None:
            tiles.append((f"SDR@{key} mm", f"{rate:.1f} %", _interval((content.get("sdr_ci95") or {}).get(key), 1)))
    key_figures = "".join(
        f"<div><span>{_e(name)}</span><b>{_e(text)}</b><span>{_e(interval)}</span></div>"
        for name, text, interval in tiles
    )
    bootstrap = content.get("bootstrap") or {}
    versions = content.get("versions") or {}
    about = {
        "Truth": _truth_text(scores),
        "Split": " ".join(content.get("splits", [])),
        "Data": _data_name(content),
        "Films": f"{metrics.films} ({metrics.films_in_mm} with a pixel size)",
        "Landmarks": str(metrics.landmarks),
        "Points": f"{metrics.points + metrics.missing}, of which {metrics.missing} without a prediction",
        **_model_rows(content),
        "95 % intervals": f"bootstrap over films, {bootstrap['draws']} draws, seed {bootstrap.get('seed')}"
        if bootstrap.get("draws")
        else "",
        "Command": _without_folders(str(content.get("command") or "")),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Written": str(content.get("written_at") or ""),
    }
    lines = "".join(
        f'<tr><th scope="row">{_e(name)}</th><td class="t">{_code(text) if name == "Command" else _e(text)}</td></tr>'
        for name, text in about.items()
        if text
    )
    said = "".join(f"<li>{_e(line)}</li>" for line in (*notes(scores, metrics), *lacks(content)))
    return (
        f'<h1>Evaluation of landmarks</h1>\n<p class="notice">{_e(NOTICE)}</p>\n<div class="key">{key_figures}</div>\n'
        f'<table class="about"><tbody>{lines}</tbody></table>\n<ul>{said}</ul>'
    )


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


def _table(title: str, heads: Sequence[str], rows: Sequence[Named]) -> str:
    """A table of figures, intervals below them in small type."""
    pixels = any(figures.films_in_mm < figures.films for _, figures in rows)
    missing = any(figures.missing for _, figures in rows)
    columns = ["points", *(["missing"] if missing else []), "MRE mm", "SD", "median", "95 % ≤"]
    columns += [*(f"SDR@{key}" for key in THRESHOLDS_MM), *(["MRE px"] if pixels else [])]
    head = "".join(f'<th scope="col" class="t">{_e(name)}</th>' for name in heads)
    head += "".join(f'<th scope="col">{_e(name)}</th>' for name in columns)
    lines = []
    for names, figures in rows:
        cells = [str(figures.points), *([str(figures.missing)] if missing else [])]
        cells.append(_with_interval(_num(figures.mre_mm, 2), _interval(figures.mre_mm_ci95, 2)))
        cells += [_num(value, 2) for value in (figures.sd_mm, figures.median_mm, figures.p95_mm)]
        intervals = figures.sdr_ci95 or {}
        cells += [_with_interval(_num(figures.sdr[key], 1), _interval(intervals.get(key), 1)) for key in THRESHOLDS_MM]
        cells += [_num(figures.mre_pixels, 1)] if pixels else []
        first = "".join(f'<td class="t">{_e(name)}</td>' for name in names)
        lines.append(f"<tr>{first}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return (
        f'<h3>{_e(title)}</h3>\n<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _published(scores: Scores, content: Mapping[str, Any]) -> str:
    lines = []
    for row in PUBLISHED:
        cells = "".join(f"<td>{_num(rate, 2)}</td>" for rate in row.rates)
        lines.append(
            f'<tr><td class="t">{_e(row.data)}</td><td class="t">{_e(row.method)}</td><td class="n">{_e(row.mre)}</td>'
            f'{cells}<td class="t">{_e(row.note)}</td></tr>'
        )
    mre, sd, sdr = content.get("mre_mm"), content.get("sd_mm"), content.get("sdr") or {}
    text = "-" if mre is None else f"{mre:.3f} ± {_num(sd, 3)}"
    cells = "".join(f"<td>{_num(sdr.get(key), 2)}</td>" for key in RATE_KEYS)
    data = " ".join([_data_name(content), *content.get("splits", [])]).strip()
    method = (content.get("checkpoint") or {}).get("model") or "predictions file"
    note = f"{len(content.get('landmarks_scored', []))} landmarks, truth: {scores.truth_source}"
    lines.append(
        f'<tr class="this"><td class="t">{_e(data)}</td><td class="t">this run: {_e(method)}</td>'
        f'<td class="n">{_e(text)}</td>{cells}<td class="t">{_e(note)}</td></tr>'
    )
    heads = "".join(f'<th scope="col">SDR@{key} %</th>' for key in RATE_KEYS)
    return (
        '<h2>Beside published results</h2>\n<div class="wide"><table><thead><tr><th scope="col" class="t">data</th>'
        f'<th scope="col" class="t">method</th><th scope="col">MRE mm</th>{heads}'
        f'<th scope="col" class="t">protocol</th></tr></thead><tbody>{"".join(lines)}</tbody></table></div>\n'
        "<p>Published figures are their authors' own and were not computed again. Truth, split, landmarks and films "
        f"differ, so that the rows are no ranking. This run:</p>\n<ul>{_items(_protocol(scores, content))}</ul>"
    )


def _protocol(scores: Scores, content: Mapping[str, Any]) -> list[str]:
    """How this run's figures came about, in the points in which results differ."""
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


def _uncertainty(content: Mapping[str, Any], figure: Plot | Omitted) -> str:
    section = _section("Uncertainty", figure)
    uncertainty = content.get("uncertainty")
    if not section or not isinstance(uncertainty, Mapping):
        return section
    scalars = {key: value for key, value in uncertainty.items() if isinstance(value, str | int | float)}
    lines = "".join(
        f'<tr><th scope="row">{_e(key.replace("_", " "))}</th>'
        f'<td class="t">{_e(f"{value:.4g}" if isinstance(value, float) else str(value))}</td></tr>'
        for key, value in scalars.items()
    )
    return section + (f'\n<table class="about"><tbody>{lines}</tbody></table>' if lines else "")


def _section(title: str, figure: Plot | Omitted) -> str:
    shown = _figure(figure)
    return f"<h2>{_e(title)}</h2>\n{shown}" if shown else ""


def _figure(figure: Plot | Omitted) -> str:
    if isinstance(figure, Omitted):
        return f"<h3>{_e(figure.title)}</h3>\n<p>Left out: {_e(figure.reason)}.</p>" if figure.reason else ""
    data = b64encode(figure.svg).decode("ascii")
    said = " ".join(_e(note) for note in figure.notes)
    return (
        f'<figure><h3>{_e(figure.title)}</h3>\n<img src="data:image/svg+xml;base64,{data}" alt="{_e(figure.alt)}">\n'
        f"<figcaption>{said} <small>figures/{figure.name}.svg and .csv</small></figcaption></figure>"
    )


def _drawn(name: str, title: str, draw: Callable[[], Plot | Omitted]) -> Plot | Omitted:
    """The figure of ``draw``; what goes wrong with one figure costs no other, and no table."""
    try:
        return draw()
    except Exception as error:  # drawing goes through fonts, decoders and libraries of all kinds
        # Not the message, which may name folders: a report is passed on.
        return Omitted(name, title, f"it could not be drawn ({type(error).__name__})")


def _write_figure(folder: Path, figure: Plot | Omitted) -> None:
    svg, table = folder / f"{figure.name}.svg", folder / f"{figure.name}.csv"
    if isinstance(figure, Plot):
        write_csv(table, figure.columns, figure.rows)
        write_whole(svg, figure.svg)
        return
    for path in (svg, table):  # of an earlier report, and no longer true
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
    return Path(str(content.get("dataset_path") or "")).name


def _without_folders(command: str) -> str:
    """``command`` with every path shortened to its last part: a report is passed on, folders are private."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    parts = (word.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1] or word for word in words)
    return shlex.join(parts)


def _intervals_note(draws: int, seed: int) -> str:
    return f"In small type 95 % intervals, bootstrap over films ({draws} draws, seed {seed})." if draws else ""


def _with_interval(text: str, interval: str) -> str:
    return f"{text}<small>{_e(interval)}</small>" if interval else text


def _interval(interval: Sequence[float] | None, digits: int) -> str:
    return f"{interval[0]:.{digits}f}–{interval[1]:.{digits}f}" if interval else ""


def _num(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{_e(line)}</li>" for line in lines)


def _code(text: str) -> str:
    return f"<code>{_e(text)}</code>"


def _e(text: str) -> str:
    return escape(text, quote=True)
