"""Figures for a model's card: those in its checkpoint, and the result of ``cephkit evaluate``."""

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from markupsafe import Markup

from cephkit.errors import SettingsError
from cephkit.publishing.markdown import escaped

LARGEST_FILE = 64 << 20
TABLES = {"source": "sources.csv", "machine": "machines.csv"}
COLUMNS = ("films", "mre_mm", "sd_mm", "sdr_2mm_percent", "sdr_2.5mm_percent", "sdr_4mm_percent", "mre_px")


@dataclass(frozen=True)
class Evaluated:
    """The figures of one evaluation."""

    metrics: Mapping[str, Any]
    """The content of ``metrics.json``."""
    tables: Mapping[str, list[dict[str, str]]]
    """By ``TABLES``: rows with the name and ``COLUMNS``."""


def read_evaluation(folder: Path, hashes: Collection[str]) -> Evaluated:
    """Read the folder of an evaluation.

    Args:
        folder: ``--out`` of ``cephkit evaluate``.
        hashes: of the model; the evaluation must be of one that has one of them.

    Raises:
        SettingsError: it is no such folder, or of another model.
    """
    path = folder / "metrics.json"
    try:
        metrics = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not JSON ({error!s:.80}); evaluate again") from error
    judged = metrics.get("checkpoint") if isinstance(metrics, dict) else None
    if not isinstance(judged, dict) or "ensemble" in metrics:
        raise SettingsError(f"--evaluation {folder}: not of one checkpoint; give the --out folder of: cephkit evaluate")
    if judged.get("sha256") not in hashes:
        raise SettingsError(
            f"--evaluation {folder}: of another checkpoint, or of this one before it was calibrated or refined; "
            "evaluate it again"
        )
    tables = {name: _rows(folder / file, name) for name, file in TABLES.items() if (folder / file).is_file()}
    # On the landmarks that all data sets share there are rows of their own.
    tables = {name: [row for row in rows if row.get("landmarks", "all") == "all"] for name, rows in tables.items()}
    return Evaluated(metrics, tables)


def _rows(path: Path, name: str) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(_text(path).splitlines()))
    except csv.Error as error:
        raise SettingsError(f"{path}: not a table ({error!s:.80}); evaluate again") from error
    wanted = (name, "landmarks", *COLUMNS)
    return [{key: (row.get(key) or "").removeprefix("'") for key in wanted if key in row} for row in rows]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise SettingsError(f"{path}: too large for the result of an evaluation")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--evaluation: {path} cannot be read ({error!s:.100}); evaluate again") from error


def total(metrics: Mapping[str, Any]) -> Markup:
    """The figures of all films, in a line."""
    parts = [f"{metrics.get('films', '?')} films"]
    if isinstance(mean := metrics.get("mre_mm"), int | float):
        interval = metrics.get("mre_mm_ci95")
        spread = f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})" if _is_pair(interval) else ""
        parts.append(f"**MRE {mean:.2f} mm**{spread}")
    elif isinstance(mean := metrics.get("mre_pixels"), int | float):
        parts.append(f"MRE {mean:.1f} film pixels")
    rates = metrics.get("sdr")
    for key, rate in rates.items() if isinstance(rates, Mapping) else ():
        if isinstance(rate, int | float) and key in ("1", "2", "2.5", "3", "4"):
            parts.append(f"SDR@{key} {rate:.1f} %")
    return Markup(", ".join(part if part.startswith("**") else escaped(part) for part in parts) + ".")


def shown(evaluated: Evaluated) -> list[tuple[str, list[list[str]]]]:
    """The tables of an evaluation as the card shows them: title, then rows of a name and ``COLUMNS``."""
    titles = {"source": "data set", "machine": "machine"}
    return [
        (titles[name], [[row[name], *(_figure(column, row.get(column, "")) for column in COLUMNS)] for row in rows])
        for name, rows in evaluated.tables.items()
        if rows
    ]


def _figure(column: str, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return "-"
    return f"{number:.0f}" if column == "films" else f"{number:.1f}" if column.startswith("sdr") else f"{number:.2f}"


def _is_pair(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float) for each in value)
