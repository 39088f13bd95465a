"""The report of a search: ``trials.csv``, ``report.html``, and ``best.yaml`` to train with."""

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from cephkit.evaluation.plots import BLUE, GREY, ORANGE, style, svg_bytes
from cephkit.files import utf8, write_csv, write_whole
from cephkit.notice import NOTICE
from cephkit.pages import render
from cephkit.screen import figure, figure_table, table_console
from cephkit.settings.options import SEVERAL
from cephkit.tuning.search import shown
from cephkit.tuning.space import Range, Space
from cephkit.tuning.study import Study

TABLE, PAGE, BEST_SETTINGS = "trials.csv", "report.html", "best.yaml"
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "ended early",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
CAUTION = (
    "The best of many trials is flattered by the films that chose it. Judge it on films that had no part: "
    "cephkit evaluate --split test."
)
MOST_PRINTED = 15


def write_reports(study: Study) -> list[dict[str, Any]]:
    """Write the three files into the study's folder; return the rows of the table, the best trial first.

    Raises:
        CephkitError: one cannot be written.
    """
    found, folder, space = rows(study), study.folder, study.space
    columns = ("trial", "state", *space.search, *_FIGURES, "reason")
    write_csv(folder / TABLE, columns, sorted(found, key=lambda row: int(row["trial"])))
    best = study.complete()[:1]
    if best:
        text = yaml.safe_dump(space.chosen_settings(best[0].params), sort_keys=False, allow_unicode=True)
        head = f"# Settings of trial {best[0].number + 1}, for cephkit train --config {BEST_SETTINGS}\n"
        write_whole(folder / BEST_SETTINGS, utf8(head + text))
    page = render(
        "tuning/templates/report.html.j2", notice=NOTICE, caution=CAUTION, tiles=_tiles(found, best), rows=found,
        search=dict(space.search), settings=_settings(space), figures=_FIGURES, number=figure,
        drawing=_drawing(study.trials(), space, _unit(found)), point=shown,
    )  # fmt: skip
    write_whole(folder / PAGE, utf8(page))
    return found


_FIGURES = {"mre_mm": 3, "mre_px": 2, "sdr_2mm_percent": 1, "epochs": 0, "minutes": 1}
"""Columns of figures, and their digits."""


def rows(study: Study) -> list[dict[str, Any]]:
    """Return a row for each trial that has begun: the complete ones first, the best of them at the top."""
    ranked = study.complete()
    others = [each for each in study.trials() if each.state in STATES and each not in ranked]
    return [_row(each, study.space) for each in (*ranked, *others)]


def _row(trial: FrozenTrial, space: Space) -> dict[str, Any]:
    facts, point = trial.user_attrs, shown(trial.params)
    error = trial.value if trial.state == TrialState.COMPLETE else None
    return {
        "trial": trial.number + 1,
        "state": STATES[trial.state],
        **{name: point.get(name, "") for name in space.search},  # a trial that is being begun may lack some
        "mre_mm": error if facts.get("unit") == "mm" else None,
        "mre_px": error if facts.get("unit") == "px" else None,
        "sdr_2mm_percent": facts.get("sdr_2mm_percent"),
        "epochs": facts.get("epochs"),
        "minutes": facts["seconds"] / 60 if "seconds" in facts else None,
        "reason": facts.get("reason"),
    }


def print_table(found: Sequence[Mapping[str, Any]], space: Space) -> None:
    """Print the best rows."""
    used = {name: digits for name, digits in _FIGURES.items() if any(row[name] is not None for row in found)}
    table = figure_table(("trial", "state"), (*space.search, *(name.replace("_percent", " %") for name in used)))
    for row in found[:MOST_PRINTED]:
        cells = (figure(row[name], digits) for name, digits in used.items())
        table.add_row(str(row["trial"]), row["state"], *(row[name] for name in space.search), *cells)
    table_console().print(table)


def _tiles(found: Sequence[Mapping[str, Any]], best: Sequence[FrozenTrial]) -> list[tuple[str, str, str]]:
    """Return name, value and remark of the key figures."""
    states = [row["state"] for row in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in STATES.values() if state in states)
    tiles = [("Trials", str(len(found)), counts)]
    if best:
        error = f"{best[0].value:.3f} {best[0].user_attrs['unit']}"
        tiles.insert(0, ("Best error", error, f"trial {best[0].number + 1}"))
    return tiles


def _settings(space: Space) -> dict[str, str]:
    """Return the settings of all trials, of a folder only the last part: reports are shared."""
    texts = {}
    for name, value in space.settings.items():
        if name in space.search:  # what it is where first names no other
            continue
        each = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        is_path = name == "dataset_path" or any("/" in text or "\\" in text for text in each[:1])
        parts = [text.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] for text in each] if is_path else each
        texts[name] = (SEVERAL if is_path else " ").join(parts)
    return texts


def _unit(found: Sequence[Mapping[str, Any]]) -> str:
    return "pixels" if any(row["mre_px"] is not None for row in found) else "mm"


def _drawing(trials: Sequence[FrozenTrial], space: Space, unit: str) -> str | None:
    """Return an SVG as base64: the error by trial and by each searched setting; None without a complete trial."""
    done = [each for each in trials if each.state == TrialState.COMPLETE and each.params.keys() == space.search.keys()]
    if not done:
        return None
    names = list(space.search)
    columns = min(3, len(names) + 1)
    lines = math.ceil((len(names) + 1) / columns)
    errors = [float(each.value or 0.0) for each in done]
    best = min(range(len(done)), key=lambda index: errors[index])
    with style():
        drawing = Figure(figsize=(2.6 * columns, 2.3 * lines), layout="constrained")
        panels = drawing.subplots(lines, columns, sharey=True, squeeze=False).flatten().tolist()
        for panel, name in zip(panels, [None, *names], strict=False):
            if name is None:
                places: list[Any] = [each.number + 1 for each in done]
                lowest = [min(errors[: index + 1]) for index in range(len(errors))]
                panel.step(places, lowest, where="post", color=GREY, linewidth=1)
                panel.set_xlabel("trial")
            else:
                places = [each.params[name] for each in done]
                searched = space.search[name]
                if isinstance(searched, Range):
                    panel.set_xscale("log" if searched.log else "linear")
                else:
                    texts = list(searched.values)
                    places = [texts.index(place) for place in places]
                    panel.set_xticks(range(len(texts)), texts, rotation=0 if len(max(texts, key=len)) < 8 else 20)
                    panel.set_xlim(-0.5, len(texts) - 0.5)
                panel.set_xlabel(name)
            panel.plot(places, errors, "o", color=BLUE, markersize=4, alpha=0.8)
            panel.plot(places[best], errors[best], "o", color=ORANGE, markersize=6)
        for panel in panels[len(names) + 1 :]:
            panel.remove()
        for line in range(lines):
            panels[line * columns].set_ylabel(f"MRE, {unit}")
        return b64encode(svg_bytes(drawing)).decode("ascii")


def write_and_print(study: Study) -> Path | None:
    """Write the report and print the best trials; return the path of the best one's settings, None without one.

    Raises:
        CephkitError: see ``write_reports``.
    """
    found = write_reports(study)
    print_table(found, study.space)
    path = study.folder / BEST_SETTINGS
    return path if study.complete() else None
