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


def film_problems(films: Sequence[Film], facts: Sequence[FilmFacts]) -> list[Problem]:
    """Films that cannot be read, labels of another picture, and landmarks outside their film."""
    problems = []
    for film, known in zip(films, facts, strict=True):
        if known.size is None:
            problems.append(_problem(film, "film", known.reason or "cannot be read", known.remedy))
            continue
        height, width = known.size
        if film.marked_size not in (None, known.size):
            marked_height, marked_width = film.marked_size or known.size
            text = f"the film measures {width}x{height} pixels, its labels are for {marked_width}x{marked_height}"
            problems.append(_problem(film, "label", text, "add the film that was marked, or labels for this one"))
            continue
        for annotator, points in film.annotations.items():
            outside = [
                f"{symbol} ({x:.1f}, {y:.1f})"
                for symbol, (x, y) in points.items()
                if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)
            ]
            if outside:
                where = f"outside the film of {width}x{height} pixels"
                text = f"landmarks of {ANNOTATORS[annotator]} {where}: {some(outside)}"
                problems.append(_problem(film, "label", text, "correct or remove them"))
    return problems


def _problem(film: Film, kind: str, text: str, remedy: str) -> Problem:
    return Problem(kind, text, remedy, film_id=film.film_id, split=film.split, path=film.path)


def unlabelled(films: Iterable[Film], annotation: str) -> list[Problem]:
    """Films without a single landmark of the annotation that the run needs."""
    wanted = f" of {ANNOTATORS[annotation]}" if annotation in ANNOTATORS else ""
    return [
        _problem(film, "label", f"film without landmarks{wanted}", "label or remove it")
        for film in films
        if not film.points(annotation)
    ]


def with_facts(film: Film, known: FilmFacts) -> Film:
    """``film`` with its size, its content hash and, unless the data set gives its pixel size, that of its file."""
    return replace(film, size=known.size, content=known.content, spacing=film.spacing or known.spacing)


def leaked(films: Sequence[Film], facts: Sequence[FilmFacts]) -> tuple[set[Path], list[Note]]:
    """Train films whose pixels also occur in valid or test, and notes on every kind of duplicate."""
    groups: dict[str, list[Film]] = defaultdict(list)
    for film, known in zip(films, facts, strict=True):
        if known.pixels is not None:
            groups[known.pixels].append(film)
    left_out: set[Path] = set()
    leaks, within, held_out = [], [], []
    for group in (group for group in groups.values() if len(group) > 1):
        names = " = ".join(f"{film.split}/{film.film_id}" for film in group)
        train = [film for film in group if film.split == "train"]
        if train and len(train) < len(group):
            left_out |= {film.path for film in train}
            leaks.append(names)
        elif len({film.split for film in group}) == 1:
            within.append(names)
        else:
            held_out.append(names)
    notes = []
    if leaks:
        text = f"left out of train, same pixels as in valid or test: {len(left_out)} films: {some(leaks, 12)}"
        remedy = "nothing to do: training leaves them out; delete the copies in train to get rid of this line"
        notes.append(Note("duplicates across splits", text, remedy))
    if within:
        text = f"same pixels twice in one split, kept: {len(within)} groups: {some(within)}"
        notes.append(Note("duplicates", text, "delete one of each: it counts twice"))
    if held_out:
        text = f"same pixels in valid and test, kept: {len(held_out)} groups: {some(held_out)}"
        remedy = "delete one of each: a test film that helped to choose the model flatters the result"
        notes.append(Note("duplicates across splits", text, remedy))
    return left_out, notes


def label_notes(films: Sequence[Film]) -> list[Note]:
    """Films without a pixel size or with one that no head fits, and landmarks on which annotators are far apart."""
    notes = implausible_pixel_sizes(films)
    unspaced = [f"{film.split}/{film.film_id}" for film in films if film.spacing is None]
    if unspaced:
        text = f"no pixel size, counted in pixels and never in mm: {len(unspaced)} films: {some(unspaced)}"
        notes.append(Note("pixel sizes", text, f"add them to {FILE_NAME} to get errors in mm"))
    gaps = sorted((gap for film in films for gap in _large_gaps(film)), reverse=True)
    if gaps:
        limit = f"more than {LARGEST_GAP_MM:g} mm ({LARGEST_GAP_PX:g} px without a pixel size)"
        text = f"senior and junior {limit} apart, kept: {len(gaps)} labels: {some([label for _, label in gaps])}"
        notes.append(Note("outlying labels", text, "check these films: one of the two marks is far off; correct it"))
    return notes


def implausible_pixel_sizes(films: Sequence[Film]) -> list[Note]:
    """Machines whose pixel size makes heads that do not exist: their films were scaled after it was noted.

    Nothing is corrected: published figures use the pixel sizes as they stand.
    """
    remedy = (
        "compare with the original films; if they were scaled, correct pixel_size in the machine map. Errors in pixels "
        "are right in any case"
    )
    return [
        Note("pixel sizes", (
            f"pixel size in doubt, kept: S-N is {np.median(distances):.0f} mm on {len(distances)} films of {machine} "
            "(a head has 60 to 85): their errors in mm are off by that factor"
        ), remedy)
        for machine, distances in sorted(implausible_machines(films).items())
    ]  # fmt: skip


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


def _large_gaps(film: Film) -> Iterable[tuple[float, str]]:
    senior, junior = film.points("senior"), film.points("junior")
    for symbol in senior.keys() & junior.keys():
        gap = float(np.hypot(*np.subtract(senior[symbol], junior[symbol])))
        side = None if film.spacing is None else film.spacing.short_mm
        relative = gap * side / LARGEST_GAP_MM if side else gap / LARGEST_GAP_PX
        if relative > 1:
            size = f"{gap * side:.0f} mm" if side else f"{gap:.0f} px"
            yield relative, f"{film.split}/{film.film_id} {symbol} {size}"
