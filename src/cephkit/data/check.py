"""Checks every film before a run starts: each is decoded once, in parallel, and all faults are reported at once."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from cephkit.data.aariz import ANNOTATORS
from cephkit.data.film import Film
from cephkit.data.findings import Fault, Finding, film_title
from cephkit.data.index import FilmFacts, FilmIndex, Sink
from cephkit.data.labelled import Problem
from cephkit.data.machines import FILE_NAME
from cephkit.errors import Note, some
from cephkit.screen import track

THREADS = min(8, os.cpu_count() or 1)
LARGEST_GAP_MM = 20.0
"""Between senior and junior for one landmark; beyond it one of them has surely slipped."""
LARGEST_GAP_PX = 200.0
"""The same on a film without a pixel size."""
SELLA_NASION_MM = (55.0, 95.0)
"""Median of a machine's films: a head has 60 to 85 mm, children and magnified films included."""
FEWEST_HEADS = 5
"""Fewer say nothing about a machine."""


def scan(films: Sequence[Film], index: FilmIndex, sinks: Mapping[Path, Sink]) -> list[FilmFacts]:
    """The facts of each film; what the index does not know is decoded, and handed to the path's sink."""
    facts = [index.known(film.path) for film in films]
    unknown = [position for position, known in enumerate(facts) if known is None]
    paths = [films[position].path for position in unknown]
    with ThreadPoolExecutor(THREADS) as pool:
        read = pool.map(lambda path: index.facts_of(path, sinks.get(path)), paths)
        for position, found in zip(unknown, track(read, "checking films", len(unknown)), strict=True):
            facts[position] = found
    return [known for known in facts if known is not None]


def film_findings(films: Sequence[Film], facts: Sequence[FilmFacts]) -> list[Finding]:
    """Find films that cannot be read, labels of another picture, and landmarks outside their film."""
    findings = []
    for film, known in zip(films, facts, strict=True):
        if known.size is None:
            fault = Fault("film", (), known.reason or "cannot be read", known.remedy, certain=True)
            findings.append(Finding(fault, film=film))
            continue
        height, width = known.size
        if film.marked_size not in (None, known.size):
            marked_height, marked_width = film.marked_size or known.size
            text = f"the film measures {width}x{height} pixels, its labels are for {marked_width}x{marked_height}"
            fault = Fault("size", (), text, "add the film that was marked, or labels for this one", certain=True)
            findings.append(Finding(fault, film=film))
            continue
        for annotator, points in film.annotations.items():
            outside = {
                symbol: f"{symbol} ({x:.1f}, {y:.1f})"
                for symbol, (x, y) in points.items()
                if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)
            }
            if outside:
                text = f"landmarks outside the film of {width}x{height} pixels: {some(list(outside.values()))}"
                fault = Fault("off the film", tuple(outside), text, "correct or remove them", certain=True)
                findings.append(Finding(fault, annotator, film))
    return findings


def unlabelled(films: Iterable[Film], annotation: str | None) -> list[Problem]:
    """Films without a single landmark of the annotation that the run needs; None: of anybody's."""
    wanted = f" of {ANNOTATORS[annotation]}" if annotation in ANNOTATORS else ""
    return [
        Problem(
            "label", f"film without landmarks{wanted}", "label or remove it",
            film_id=film.film_id, split=film.split, path=film.path, source=film.source,
        )
        for film in films
        if not film.points(annotation or "mean")
    ]  # fmt: skip


def with_facts(film: Film, known: FilmFacts) -> Film:
    """``film`` with its size, its content hash and, unless the data set gives its pixel size, that of its file."""
    return replace(film, size=known.size, content=known.content, spacing=film.spacing or known.spacing)


def far_apart(films: Iterable[Film]) -> list[Finding]:
    """Find landmarks on which senior and junior are so far apart that one of them has surely slipped."""
    findings = []
    for film in films:
        senior, junior = film.points("senior"), film.points("junior")
        for symbol in senior.keys() & junior.keys():
            gap = float(np.hypot(*np.subtract(senior[symbol], junior[symbol])))
            side = None if film.spacing is None else film.spacing.short_mm
            excess = gap * side / LARGEST_GAP_MM if side else gap / LARGEST_GAP_PX
            if excess > 1:
                fault = Fault("apart", (symbol,), "", CHECK_BOTH, excess=excess)
                text = f"senior and junior are {_gap(Finding(fault, film=film))} apart on {symbol}"
                findings.append(Finding(replace(fault, text=text), film=film))
    return findings


def _gap(finding: Finding) -> str:
    in_mm = finding.film is not None and finding.film.spacing is not None
    excess = finding.fault.excess
    return f"{excess * LARGEST_GAP_MM:.0f} mm" if in_mm else f"{excess * LARGEST_GAP_PX:.0f} px"


CHECK_BOTH = "check the film: one of the two marks is far off; correct it"


def label_notes(findings: Iterable[Finding], films: Sequence[Film]) -> list[Note]:
    """Notes on ``films`` without a pixel size or with one that no head fits, and on annotators that are far apart."""
    kept = {film.path for film in films}
    notes = [Note("pixel sizes", f.fault.text, f.fault.remedy) for f in findings if f.fault.kind == "pixel size"]
    unspaced = [film_title(film) for film in films if film.spacing is None]
    if unspaced:
        text = f"no pixel size, counted in pixels and never in mm: {len(unspaced)} films: {some(unspaced)}"
        notes.append(Note("pixel sizes", text, f"add them to {FILE_NAME} to get errors in mm"))
    gaps = [f for f in findings if f.fault.kind == "apart" and f.film is not None and f.film.path in kept]
    if gaps:
        gaps.sort(key=lambda finding: -finding.fault.excess)
        limit = f"more than {LARGEST_GAP_MM:g} mm ({LARGEST_GAP_PX:g} px without a pixel size)"
        named = [f"{finding.where} {finding.fault.landmarks[0]} {_gap(finding)}" for finding in gaps]
        text = f"senior and junior {limit} apart, kept: {len(gaps)} labels: {some(named)}"
        notes.append(Note("outlying labels", text, "check these films: one of the two marks is far off; correct it"))
    return notes


def implausible_pixel_sizes(films: Sequence[Film]) -> list[Finding]:
    """Find machines whose pixel size makes heads that do not exist: their films were scaled after it was noted.

    Nothing is corrected: published figures use the pixel sizes as they stand.
    """
    remedy = (
        "compare with the original films; if they were scaled, correct pixel_size in the machine map. Errors in pixels "
        "are right in any case"
    )
    findings = []
    for machine, distances in sorted(implausible_machines(films).items()):
        own = [film for film in films if machine_of(film) == machine]
        text = (
            f"pixel size in doubt, kept: S-N is {np.median(distances):.0f} mm on {len(distances)} films of {machine} "
            "(a head has 60 to 85): their errors in mm are off by that factor"
        )
        findings.append(Finding(Fault("pixel size", (), text, remedy), others=tuple(own), source=own[0].source))
    return findings


def implausible_machines(films: Sequence[Film]) -> dict[str, list[float]]:
    """Return S-N in mm on the films of the machines, by ``machine_of``, where it is not that of a human head."""
    distances: dict[str, list[float]] = defaultdict(list)
    for film in films:
        points = film.points("mean")
        if film.spacing is not None and {"S", "N"} <= points.keys():
            distance = float(np.hypot(*np.subtract(points["S"], points["N"]))) * film.spacing.short_mm
            distances[machine_of(film)].append(distance)
    low, high = SELLA_NASION_MM
    return {
        machine: of_machine
        for machine, of_machine in distances.items()
        if len(of_machine) >= FEWEST_HEADS and not low <= np.median(of_machine) <= high
    }


def machine_of(film: Film, unknown: str = "unknown machine") -> str:
    """The film's machine, with its data set where there are several."""
    machine = film.machine or unknown
    return f"{film.source}: {machine}" if film.source else machine
