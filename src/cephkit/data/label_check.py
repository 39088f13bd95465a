"""Finds impossible and doubtful labels: each compared with the others, each landmark with where they have it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cephkit.data.face_shapes import FEWEST_LABELS, FEWEST_LANDMARKS, Complex, laid, learn_shape, table_shape
from cephkit.data.film import Film
from cephkit.data.findings import Fault, Finding
from cephkit.data.label_faults import NO_FACE_MM, as_array, on_film, placed_wrong, point_faults, shape_faults, unlike
from cephkit.data.label_places import RARE_SIDE, Label, judge_places
from cephkit.data.label_pose import fault_of, pose_of
from cephkit.data.own_shapes import learn_own_shape
from cephkit.data.spacing import stretch_of
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN


def label_findings(films: Sequence[Film], schema: LandmarkSchema = KNOWN) -> list[Finding]:
    """Find what is wrong with the labels of ``films``, comparing each with the others and with the table of faces.

    Pictures are read only where landmarks alone cannot tell a mirrored or turned film from such a label. Fewer than six
    landmarks are only checked one by one. Landmarks that the table lacks are compared with the other labels alone.
    Those of different data sets are not compared: other people made them.
    """
    groups: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        groups[film.source].append(film)
    return [finding for source, group in groups.items() for finding in _of_source(group, schema, source)]


def _of_source(films: Sequence[Film], schema: LandmarkSchema, source: str) -> list[Finding]:
    mean = table_shape().mean
    labels = []
    for film in films:
        for annotator, points in film.annotations.items():
            faults = point_faults(points, film.size, schema)
            wrong = {symbol for fault in faults for symbol in fault.landmarks}
            kept = {symbol: point for symbol, point in points.items() if symbol not in wrong}
            array = as_array(kept, stretch_of(film.spacing))
            labels.append(Label(film, annotator, array, pose_of(array, mean), kept, faults))
    judge_places(labels)
    findings = []
    for annotator in dict.fromkeys(label.annotator for label in labels):
        own = [label for label in labels if label.annotator == annotator]
        good = [label.pose.upright for label in own if label.pose and not label.wrong_as_a_whole]
        shape = learn_shape(np.array(good).reshape(-1, len(AARIZ.symbols)))
        of_all = _faults_of_all(good)
        findings += [Finding(fault, annotator, source=source) for fault in of_all]
        known = {frozenset(fault.landmarks) for fault in of_all}
        for label in own:
            if label.pose and label.pose.gap_mm <= NO_FACE_MM:
                faults = shape_faults(label.pose.upright, shape)
                label.faults.extend(
                    on_film(fault, label.pose, stretch_of(label.film.spacing))
                    for fault in faults
                    if frozenset(fault.landmarks) not in known
                )
        _judge_other_landmarks(own, schema)
    return findings + [Finding(fault, label.annotator, label.film) for label in labels for fault in label.faults]


def _judge_other_landmarks(labels: Sequence[Label], schema: LandmarkSchema) -> None:
    """Add to the ``labels`` of one annotator what is wrong with landmarks that the table of faces lacks."""
    marked = {symbol for label in labels for symbol in label.kept}
    others = {symbol for symbol in marked if symbol not in AARIZ}
    if not others:
        return
    symbols = (*(s for s in schema.symbols if s in marked), *sorted(marked.difference(schema.symbols)))
    whole = [label for label in labels if not label.wrong_as_a_whole]
    arrays = {id(label): as_array(label.kept, stretch_of(label.film.spacing), symbols) for label in whole}
    sides = [label.film.spacing.short_mm if label.film.spacing else np.nan for label in whole]
    values = np.array([arrays[id(label)] for label in whole]).reshape(-1, len(symbols))
    shape = learn_own_shape(values, symbols, np.array(sides))
    if shape is None:
        return
    columns = [symbols.index(symbol) for symbol in shape.symbols]
    poses = [(label, pose_of(arrays[id(label)][columns], shape.mean)) for label in whole]
    left = sum(pose is not None and pose.mirrored for _, pose in poses)
    rare = min(left, len(poses) - left) <= RARE_SIDE * len(poses)
    for label, pose in poses:
        if pose is None:
            continue
        if label.pose is None:  # the table could not tell
            if pose.gap_mm > NO_FACE_MM:
                label.faults.append(unlike(pose))
                continue
            name = fault_of(pose, 2 * left > len(poses))
            if name and (rare or pose.quarters):
                label.faults.append(replace(placed_wrong(name), certain=False))
        found = [fault for fault in shape_faults(pose.upright, shape, schema) if others & set(fault.landmarks)]
        exchanged = {symbol for fault in found if fault.kind == "swapped" for symbol in fault.landmarks}
        # What is exchanged with a landmark that the table lacks had no better explanation before.
        label.faults[:] = [
            fault for fault in label.faults if not (fault.kind == "out of place" and set(fault.landmarks) <= exchanged)
        ]
        label.faults.extend(on_film(fault, pose, stretch_of(label.film.spacing)) for fault in found)


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
