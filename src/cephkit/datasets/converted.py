"""A data set of any layout, written in the Aariz layout or as COCO keypoints."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cephkit.data.aariz import ANNOTATORS, SCHEMA_FILE
from cephkit.data.aariz_files import COLUMNS, ending_of, linked, map_row
from cephkit.data.check import film_findings, with_facts
from cephkit.data.film import SPLITS, Film
from cephkit.data.findings import problems_of
from cephkit.data.labelled import LabelledFilms, Source
from cephkit.data.labels import landmarks_json
from cephkit.data.machines import FILE_NAME
from cephkit.data.names import LABEL_ENDING, film_key, first_free
from cephkit.data.prepare import film_facts, report_problems
from cephkit.errors import DataError
from cephkit.files import csv_lines, json_bytes, replacing_out, write_whole
from cephkit.interchange.coco import coco_json
from cephkit.landmarks.schema_file import schema_yaml
from cephkit.landmarks.shipped import KNOWN
from cephkit.notice import Notify
from cephkit.records.record import LandmarkRecord


def checked(source: Source, cache: Path, skip_bad_films: bool, notify: Notify) -> LabelledFilms:
    """Read all films and labels of ``source``, and check that each film can be read and holds its landmarks.

    Args:
        source: the data set.
        cache: where what is known of films is kept.
        skip_bad_films: leave films with a problem out, one line each.
        notify: takes lines for the user.

    Raises:
        DataError: the data set cannot be read; or films have problems, and they are not to be left out.
    """
    labelled = source.read([split for split in SPLITS if source.has(split)] or SPLITS)
    facts = film_facts(labelled.films, cache, notify)
    problems = [*labelled.problems, *problems_of(film_findings(labelled.films, facts))]
    if problems:
        report_problems(problems, skip_bad_films, source.root, notify)
    bad = {(problem.split, problem.film_id) for problem in problems}
    films = [
        with_facts(film, known)
        for film, known in zip(labelled.films, facts, strict=True)
        if (film.split, film.film_id) not in bad
    ]
    if not films:
        raise DataError("no usable film", "see the lines above for what was left out", source.root, problems=problems)
    for note in labelled.notes:
        notify(note.text)
    return replace(labelled, films=tuple(_with_file_names(films)))


def _with_file_names(films: Sequence[Film]) -> list[Film]:
    """Return the films with ids that files can have; those of several data sets have folders in theirs."""
    taken: set[str] = set()
    named = []
    for film in films:
        name = first_free(film.film_id.replace("/", "_"), lambda name: film_key(name) not in taken)
        taken.add(film_key(name))
        named.append(replace(film, film_id=name))
    return named


def write_aariz(labelled: LabelledFilms, out: Path) -> None:
    """Write films, labels of each annotator, and the machine map to ``out``; films are linked, or copied if need be.

    The machine map comes last: without it the data set is not complete.

    Raises:
        CephkitError: a file cannot be written.
    """
    rows = []
    for film in labelled.films:
        picture = f"{film.film_id}{ending_of(film.path)}"
        linked(film.path, out / film.split / "Cephalograms" / picture)
        for annotator, points in film.annotations.items():
            folder = out / film.split / "Annotations" / "Cephalometric Landmarks" / ANNOTATORS[annotator]
            label = landmarks_json(film.film_id, points, labelled.schema)
            write_whole(folder / f"{film.film_id}{LABEL_ENDING}", json_bytes(label))
        rows.append(map_row(film.film_id, film.split, picture, film.machine, film.spacing))
    carried = labelled.schema.of(symbol for film in labelled.films for symbol in film.points("mean"))
    if not carried.is_part_of(KNOWN):
        write_whole(out / SCHEMA_FILE, schema_yaml(carried, KNOWN).encode())
    with replacing_out(out / FILE_NAME) as file:  # verbatim: a film's name must be found again as it is
        file.writelines(csv_lines(COLUMNS, rows, verbatim=True))


def write_coco(labelled: LabelledFilms, out: Path, truth: str) -> None:
    """Write films to ``out/<split>`` and their ``truth`` to ``out/annotations/keypoints_<split>.json``.

    Raises:
        CephkitError: a file cannot be written.
    """
    for split in SPLITS:
        records = []
        for film in labelled.films:
            if film.split != split:
                continue
            picture = f"{film.film_id}{ending_of(film.path)}"
            linked(film.path, out / split / picture)
            points = {symbol: film.points(truth)[symbol] for symbol in labelled.schema.in_order(film.points(truth))}
            records.append(
                LandmarkRecord(
                    points, schema=labelled.schema, film_id=film.film_id, file=picture, size=film.size,
                    spacing=film.spacing,
                )
            )  # fmt: skip
        if records:
            write_whole(out / "annotations" / f"keypoints_{split}.json", json_bytes(coco_json(records)))
