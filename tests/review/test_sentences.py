"""Whether the page has a Persian sentence for all that the server says: what code writes, and what tables hold."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import cephkit
from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.classes import RULES
from cephkit.cephalometry.limits import LIMITS
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.cephalometry.norms import norm_rows
from cephkit.data.aariz import ANNOTATORS
from cephkit.data.about import Sex
from cephkit.data.findings import TITLES
from cephkit.geometry import Facing
from cephkit.interchange.formats import FORMATS
from cephkit.landmarks.shipped import KNOWN

PACKAGE = Path(cephkit.__file__).parent
TABLE = json.loads((PACKAGE / "review/page/src/i18n/sentences.json").read_text(encoding="utf-8"))
SENTENCES: list[str] = [english for section in TABLE.values() for english in section]
FILLING = "\N{BLACK SQUARE}"
"""Stands for what the code fills into a sentence."""
PROSE = re.compile(r"[a-z]{3}")
"""Not in symbols such as ANB and Sn-Pog`, nor in figures."""

ELSEWHERE = {
    *("review/datasets.py", "review/doubted.py", "review/predicted_files.py", "review/serving.py", "errors.py"),
    *("data/dataset.py", "data/store.py", "data/store_builder.py"),
}
"""What these say is for the terminal, before there is a page or where a network is trained."""
SPEAKING: dict[str, tuple[str, ...]] = {
    **{file.relative_to(PACKAGE).as_posix(): () for file in sorted((PACKAGE / "review").glob("*.py"))},
    "cephalometry/analyses.py": ("_value", "_withhold_impossible", "_why_uncertain"),
    "cephalometry/classes.py": (),
    "cephalometry/limits.py": (),
    "cephalometry/measured.py": ("measure_film", "_withheld", "_doubted_size"),
    "cephalometry/norms.py": ("ages", "__str__", "norm_for", "_why_not"),
    "cephalometry/primitives.py": ("vector", "quotient"),
    "data/aariz.py": ("_list_split", "read_labels"),
    "data/check.py": ("film_findings", "far_apart", "CHECK_BOTH"),
    "data/dicom/decoding.py": (),
    "data/dicom/header.py": (),
    "data/dicom/layout.py": (),
    "data/dicom/levels.py": (),
    "data/dicom/pixels.py": (),
    "data/dicom/read.py": (),
    "data/grey.py": (),
    "data/jpeg.py": (),
    "data/json_values.py": (),
    "data/label_faults.py": (),
    "data/label_places.py": ("_judged", "_judge_pairs"),
    "data/label_pose.py": (),
    "data/labels.py": (),
    "data/machines.py": ("ORIGIN",),
    "data/opened.py": ("read_bytes", "open_film", "_upright", "straightened"),
    "data/pictures.py": (),
    "data/spacing.py": ("__post_init__",),
    "data/twins.py": ("_same", "_LEFT_OUT", "_KEPT", "_alike"),
    "datasets/isbi.py": ("_points",),
    "datasets/layout.py": ("_once", "_faults"),
    "datasets/table.py": ("_add_points", "_add_facts"),
    "files.py": ("replacing_out",),
    "inference/find_again.py": (),
    "inference/plausible.py": ("note", "check"),
    "inference/pose.py": ("ADVICE",),
    "inference/predictor.py": ("way", "lacks"),
    "inference/preprocess.py": ("preprocess",),
    "inference/uncertainty.py": ("unlike_notes",),
    "interchange/aariz.py": (),
    "interchange/dicom_sr.py": ("film_header", "dicom_sr_files"),
    "interchange/films.py": ("check_inside",),
    "pdf.py": (),
    "records/reader.py": (),
}
"""Files whose sentences reach the page, below the package -> functions and constants in them; none: all."""
FAULTS_OF_CODE = {"ValueError", "KeyError", "TypeError", "RuntimeError", "AssertionError"}
"""Their texts stay in the terminal."""
NOT_SHOWN: dict[str, set[str]] = {
    "headers, names of folders, types": {
        *("private, max-age=31536000, immutable", "private, max-age=86400", "private, no-cache"),
        *("Cephalometric Landmarks", "CEPHA29: Cephalometric Landmark Detection Dataset"),
        *("Identity | None", "_Ratio | None", "Image Storage"),
    },
    "kinds of findings, for tables": {*TITLES},
    "data sets, when they are trained on": {
        *("one film id with ■ files: ■", "label without a film ■ (■) in ■", "add the film or remove the label"),
        *("■: CVM stage of ■ films cannot be read: ■", "nothing to do: training does not use them"),
        *("CVM stage is ■, expected 1 to 6", "correct the label file, if it is wrong"),
    },
    "files of other tools, when they are imported": {
        *('"■" is not a list of objects', "check --format, or export it again"),
    },
}


def is_known(text: str) -> bool:
    """Whether the page can say ``text`` in Persian, by the rules of sentences.ts."""
    return not PROSE.search(text) or _is_sentence(text.strip()) or _is_sentence(text)


@cache
def _is_sentence(text: str) -> bool:
    matches = filter(None, (pattern.fullmatch(text) for pattern in _patterns()))
    if any(all(is_known(part) for part in match.groups()) for match in matches):
        return True
    marks = [match for mark in ("; ", ": ", ", ") for match in re.finditer(mark, text)]
    return any(is_known(text[: mark.start()]) and is_known(text[mark.end() :]) for mark in marks)


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """The sentences of the table, those that say most first."""
    ordered = sorted(SENTENCES, key=lambda english: -len(re.sub(r"\{\w+\}", "", english)))
    return tuple(
        re.compile("(.*?)".join(map(re.escape, re.split(r"\{\w+\}", english))), re.DOTALL) for english in ordered
    )


def written(file: str) -> Iterator[str]:
    """Yield the texts that a file of the package writes, with ``FILLING`` for what is filled in."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    wanted = SPEAKING[file]
    for part in ast.walk(tree):
        if part is tree if not wanted else _name(part) in wanted:
            yield from _texts(part)


def _name(node: ast.AST) -> str:
    """Name of a function, or of a constant where it is set."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in FAULTS_OF_CODE:
        return
    if isinstance(node, ast.JoinedStr):
        literal = (part.value if isinstance(part, ast.Constant) else FILLING for part in node.values)
        yield re.sub(f"{FILLING}+", FILLING, "".join(map(str, literal)))
        fillings = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        for filled in fillings:
            yield from _texts(filled)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.sub(r"\{\w+\}", FILLING, node.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def is_prose(text: str) -> bool:
    """Whether a text of the code is for people: words, but no page of its own and no header of a browser."""
    return bool(re.search(r"[a-z]{2,} |[a-z]{3,}.* [a-z]", text)) and not text.startswith(("<!doctype", "default-src"))


@pytest.mark.parametrize("file", sorted(SPEAKING.keys() - ELSEWHERE))
def test_the_page_knows_every_sentence_that_the_code_writes(file: str) -> None:
    sentences = set(filter(is_prose, written(file)))

    assert {text for text in sentences if not is_known(text)} - set().union(*NOT_SHOWN.values()) == set()


def test_every_file_that_says_why_a_film_cannot_be_read_is_looked_at() -> None:
    files = {file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")}
    speaking = {name for name, text in files.items() if re.search(r"\b(?:FilmError|EditError)\(", text)}

    assert len(speaking) > 10
    assert speaking - SPEAKING.keys() - ELSEWHERE == set()


def in_tables() -> Iterator[str]:
    """Yield the words and sentences that tables of the package hold for the page."""
    yield from (*ANALYSES, *ANNOTATORS, *ANNOTATORS.values(), *get_args(Facing), *get_args(Sex))
    yield from (each.title for each in FORMATS.values())
    for rule in RULES.values():
        yield from (rule.name, rule.question, *(band.name for band in rule.bands))
        yield from (condition.reason for condition in rule.conditions)
    for measurement in MEASUREMENTS:
        yield from (*measurement.analyses.values(), measurement.note)
        yield from () if measurement.condition is None else (measurement.condition.reason,)
    yield from (limits.reason for limits in LIMITS.values())
    for row in norm_rows():
        if row.verified:
            yield from (row.norm.note, str(row.norm.sample), row.norm.sample.ages, row.given or "")


def test_the_page_knows_every_word_and_sentence_of_the_tables() -> None:
    assert {text for text in in_tables() if not is_known(text)} == set()


def test_every_landmark_has_a_persian_title_and_definition() -> None:
    assert all(landmark.title_fa and landmark.definition_fa for landmark in KNOWN)


def test_a_new_sentence_is_noticed() -> None:
    assert is_known(
        f"S-N would measure {FILLING} mm, in a head it is {FILLING} to {FILLING}: the pixel size is "
        "doubtful, and with it all lengths"
    )
    assert not is_known(f"S-N would measure {FILLING} inches")
    assert not is_known("the edit is not saved: something new")
    assert not is_known("class IV of something")
