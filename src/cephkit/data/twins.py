"""Films that are there twice: with the same pixels, or saved again in another size, format, exposure or crop."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cephkit.data.face_shapes import FEWEST_LANDMARKS, laid, table_shape
from cephkit.data.film import Film, Points
from cephkit.data.findings import Fault, Finding, Kind, film_title
from cephkit.data.index import FilmFacts
from cephkit.data.label_faults import as_array
from cephkit.data.label_pose import pose_of
from cephkit.data.likeness import ALIKE, SIDE, likenesses, nearest
from cephkit.data.spacing import stretch_of
from cephkit.errors import Note, some
from cephkit.landmarks.shipped import AARIZ

NEAREST = 5
"""Films that are compared with each film because they look most like it."""
NEAREST_FACES = 2
"""Films that are compared with each film because their landmarks lie most like its own."""
USUAL = 0.9
"""Share of the films that carry the landmarks by which faces are compared."""

Pairs = dict[tuple[int, int], tuple[float, float, float, float]]
"""Places of two films to compare -> where the search begins."""


def same_pixels(films: Sequence[Film], facts: Sequence[FilmFacts], *, keep: bool = False) -> list[Finding]:
    """Find films with the same pixels.

    Args:
        films: of all splits.
        facts: what is known of them.
        keep: train films that are also in valid or test are kept, so nobody should be told that they are not.
    """
    groups: dict[str, list[Film]] = defaultdict(list)
    for film, known in zip(films, facts, strict=True):
        if known.pixels is not None:
            groups[known.pixels].append(film)
    return [_same(group, keep) for group in groups.values() if len(group) > 1]


def _same(group: Sequence[Film], keep: bool) -> Finding:
    names = " = ".join(map(film_title, group))
    splits = {film.split for film in group}
    kind: Kind
    if len(splits) == 1:
        kind, text, remedy = "twins", "same pixels twice in one split", "delete one of each: it counts twice"
    elif "train" not in splits:
        kind, text = "held-out twins", "same pixels in valid and test"
        remedy = "delete one of each: a test film that helped to choose the model flatters the result"
    else:
        kind, text = "leak", "same pixels in train and in valid or test"
        remedy = _KEPT if keep else _LEFT_OUT
    return Finding(Fault(kind, (), f"{text}: {names}", remedy), film=group[0], others=tuple(group[1:]))


_LEFT_OUT = "nothing to do: training leaves them out; delete the copies in train to get rid of this line"
_KEPT = "delete the copies in train, or leave --keep_twins out: on films that were learnt, errors are too small"


def left_out_of_train(findings: Iterable[Finding]) -> set[Path]:
    """Return the train films whose pixels also occur in valid or test."""
    leaks = [finding for finding in findings if finding.fault.kind == "leak"]
    return {film.path for finding in leaks for film in finding.films if film.split == "train"}


def twin_notes(findings: Sequence[Finding], *, keep: bool = False) -> list[Note]:
    """Return a note for each kind of twins."""
    count = len(left_out_of_train(findings))
    lead = "left out of train, same pixels as in valid or test"
    if keep:
        lead = "same pixels in train and in valid or test, kept"
    kinds: list[tuple[Kind, str, str, int]] = [
        ("leak", "duplicates across splits", f"{lead}: {count} films", 12),
        ("twins", "duplicates", "same pixels twice in one split, kept: {} groups", 5),
        ("held-out twins", "duplicates across splits", "same pixels in valid and test, kept: {} groups", 5),
        ("alike", "likeness", "films that look like one, kept: {} pairs", 5),
    ]
    notes = []
    for kind, name, text, listed in kinds:
        own = [finding for finding in findings if finding.fault.kind == kind]
        if own:
            names = [" = ".join(map(film_title, finding.films)) for finding in own]
            notes.append(Note(name, f"{text.format(len(own))}: {some(names, listed)}", own[0].fault.remedy))
    return notes


def alike(films: Sequence[Film], facts: Sequence[FilmFacts]) -> list[Finding]:
    """Find films that look like one, of which the pixels differ; doubts, never certain.

    Each film is compared with those that look most like it and, if it is labelled, with those whose landmarks lie most
    like its own, however the film was cropped.
    """
    chosen = [(film, known) for film, known in zip(films, facts, strict=True) if known.picture]
    if len(chosen) < 2:
        return []
    pictures = np.stack([np.frombuffer(known.picture, dtype=np.uint8).reshape(SIDE, SIDE) for _, known in chosen])
    pairs: Pairs = {}
    for one, other in nearest(pictures, NEAREST):
        pairs.setdefault((min(one, other), max(one, other)), (1.0, 0.0, 1.0, 0.0))
    pairs |= dict(_like_faces([film for film, _ in chosen], [known for _, known in chosen]))
    wanted = [pair for pair in pairs if chosen[pair[0]][1].pixels != chosen[pair[1]][1].pixels]
    found = likenesses(pictures, wanted, np.array([pairs[pair] for pair in wanted]).reshape(-1, 4))
    findings = []
    for (one, other), likeness in zip(wanted, found, strict=True):
        if likeness >= ALIKE:
            pair = (chosen[one][0], chosen[other][0])
            findings.append(_alike(pair, float(likeness)))
    return findings


def _alike(pair: tuple[Film, Film], likeness: float) -> Finding:
    one, other = pair
    names = f"{film_title(one)} and {film_title(other)}"
    text = f"{names} look like one film, saved again or cropped (correlation {likeness:.2f})"
    if one.split == other.split:
        remedy = "if it is one film, delete one of them: it counts twice"
    else:
        remedy = "if it is one film, delete one of them: what was learnt, or chose the model, flatters the result"
    return Finding(Fault("alike", (), text, remedy, excess=likeness), film=one, others=(other,))


def _like_faces(
    films: Sequence[Film], facts: Sequence[FilmFacts]
) -> Iterator[tuple[tuple[int, int], tuple[float, float, float, float]]]:
    """Yield pairs of films whose landmarks lie most alike, and where one then lies on the other."""
    points = [film.points("mean") for film in films]
    faces = np.full((len(films), len(AARIZ.symbols)), complex(np.nan, np.nan))
    mean = table_shape().mean
    for row, film in enumerate(films):
        pose = pose_of(as_array(points[row], stretch_of(film.spacing)), mean)
        if pose is not None:
            faces[row] = laid(pose.upright, mean)
    labelled = np.flatnonzero(np.isfinite(faces).sum(axis=1) >= FEWEST_LANDMARKS)
    usual = np.isfinite(faces[labelled]).mean(axis=0) >= USUAL if len(labelled) else np.zeros(0, dtype=bool)
    if len(labelled) < 2 or usual.sum() < FEWEST_LANDMARKS:
        return
    flat = np.ascontiguousarray(np.nan_to_num(faces[labelled][:, usual] - mean[usual]))
    gaps = flat.view(np.float64).astype(np.float32)
    count, squares = min(NEAREST_FACES, len(gaps) - 1), (gaps**2).sum(axis=1)
    for start in range(0, len(gaps), 512):
        rows = squares[start : start + 512, None] + squares - 2 * gaps[start : start + 512] @ gaps.T
        rows[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        for row, others in enumerate(np.argpartition(rows, count - 1, axis=1)[:, :count]):
            for other in others:
                one, two = sorted((int(labelled[start + row]), int(labelled[other])))
                place = _place(points[one], facts[one], points[two], facts[two])
                if place is not None:
                    yield (one, two), place


def _place(one: Points, facts: FilmFacts, other: Points, others: FilmFacts) -> tuple[float, float, float, float] | None:
    """Find where the picture of one film lies on that of another by their landmarks; see ``likenesses``."""
    shared = [symbol for symbol in one if symbol in other]
    if len(shared) < FEWEST_LANDMARKS or facts.size is None or others.size is None:
        return None
    found: list[float] = []
    for axis in (0, 1):
        width, other_width = facts.size[1 - axis], others.size[1 - axis]
        at = (np.array([one[symbol][axis] for symbol in shared]) + 0.5) / width * 2 - 1
        there = (np.array([other[symbol][axis] for symbol in shared]) + 0.5) / other_width * 2 - 1
        if np.ptp(at) < 1e-6:
            return None
        found += np.polyfit(at, there, 1).tolist()
    return found[0], found[1], found[2], found[3]
