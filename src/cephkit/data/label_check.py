"""Finds impossible and doubtful labels: each compared with the others, each landmark with where they have it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cephkit.data.face_shapes import FEWEST_LABELS, FEWEST_LANDMARKS, Complex, laid, learn_shape, table_shape
from cephkit.data.film import Film
from cephkit.data.label_faults import NO_FACE_MM, Fault, as_array, point_faults, shape_faults
from cephkit.data.label_places import Label, judge_places
from cephkit.data.label_pose import pose_of
from cephkit.data.labelled import Problem
from cephkit.data.spacing import stretch_of
from cephkit.errors import Note
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN

MOST_LISTED = 50


@dataclass(frozen=True)
class Finding:
    """A fault in one annotator's label of a film; without a film, it concerns all of the annotator's labels."""

    fault: Fault
    annotator: str
    film: Film | None = None

    @property
    def where(self) -> str:
        """Film and annotator."""
        film = "all films" if self.film is None else f"{self.film.split}/{self.film.film_id}"
        return f"{film} ({self.annotator})"

    def __str__(self) -> str:
        return f"{self.where}: {self.fault}"


def label_findings(films: Sequence[Film], schema: LandmarkSchema = KNOWN) -> list[Finding]:
    """Find what is wrong with the labels of ``films``, comparing each with the others and with the table of faces.

    Pictures are read only where landmarks alone cannot tell a mirrored or turned film from such a label. Fewer than six
    landmarks are only checked one by one.
    """
    mean = table_shape().mean
    labels = []
    for film in films:
        for annotator, points in film.annotations.items():
            faults = point_faults(points, film.size, schema)
            wrong = {symbol for fault in faults for symbol in fault.landmarks}
            kept = {symbol: point for symbol, point in points.items() if symbol not in wrong}
            array = as_array(kept, stretch_of(film.spacing))
            labels.append(Label(film, annotator, array, pose_of(array, mean), faults))
    judge_places(labels)
    findings = []
    for annotator in dict.fromkeys(label.annotator for label in labels):
        own = [label for label in labels if label.annotator == annotator]
        good = [label.pose.upright for label in own if label.pose and not label.wrong_as_a_whole]
        shape = learn_shape(np.array(good).reshape(-1, len(AARIZ.symbols)))
        of_all = _faults_of_all(good)
        findings += [Finding(fault, annotator) for fault in of_all]
        known = {frozenset(fault.landmarks) for fault in of_all}
        for label in own:
            if label.pose and label.pose.gap_mm <= NO_FACE_MM:
                faults = shape_faults(label.pose.upright, shape)
                label.faults.extend(fault for fault in faults if frozenset(fault.landmarks) not in known)
    return findings + [Finding(fault, label.annotator, label.film) for label in labels for fault in label.faults]


def certain_problems(findings: Iterable[Finding]) -> list[Problem]:
    """Return the faults that no face can have, as reasons not to use a film."""
    return [
        Problem(
            "label", f"label of {finding.annotator}: {fault.text}", fault.remedy,
            film_id=film.film_id, split=film.split, path=film.path,
        )
        for finding in findings
        if (fault := finding.fault).certain and (film := finding.film) is not None
    ]  # fmt: skip


def doubts_note(findings: Iterable[Finding], films: Iterable[Film]) -> list[Note]:
    """A note on the labels of ``films`` that a person has to check, a line each; none if there are none."""
    kept = {film.path for film in films}
    of_kept = [finding for finding in findings if finding.film is None or finding.film.path in kept]
    lines = [str(finding) for finding in of_kept if not finding.fault.certain]
    more = [f"and {len(lines) - MOST_LISTED} more"] if len(lines) > MOST_LISTED else []
    text = "\n  ".join((f"labels in doubt, kept: {len(lines)}", *lines[:MOST_LISTED], *more))
    remedy = "check these films in a viewer, and correct the label files or keep them"
    return [Note("labels in doubt", text, remedy)] if lines else []


def _faults_of_all(faces: Sequence[Complex]) -> list[Fault]:
    """Find what is wrong with the median of all labels of an annotator: a habit that no face explains."""
    if len(faces) < FEWEST_LABELS:
        return []
    shape = table_shape()
    all_laid = np.stack([laid(face, shape.mean) for face in faces])
    usual = np.isfinite(all_laid).mean(axis=0) > 0.5
    middle = np.full(len(AARIZ.symbols), complex(np.nan, np.nan))
    middle[usual] = np.nanmedian(all_laid.real[:, usual], axis=0) + 1j * np.nanmedian(all_laid.imag[:, usual], axis=0)
    return shape_faults(middle, shape) if usual.sum() >= FEWEST_LANDMARKS else []
