"""What is found about films and their labels: one list, of which problems and printed notes are views."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cephkit.data.film import Film
from cephkit.data.labelled import Problem
from cephkit.errors import Note

Kind = Literal[
    "data set", "film", "label", "off the film", "corner", "one pixel", "no face", "turned", "size", "annotators",
    "apart", "swapped", "out of place", "many out of place", "leak", "twins", "held-out twins", "alike", "pixel size",
]  # fmt: skip

TITLES: dict[Kind, str] = {
    "data set": "data set that cannot be read",
    "film": "film that cannot be read",
    "label": "label that cannot be read, or none",
    "off the film": "landmarks off the film",
    "corner": "landmarks in a corner of the film",
    "one pixel": "landmarks on one pixel",
    "no face": "not a face",
    "turned": "label mirrored or turned",
    "size": "label of a picture of another size",
    "annotators": "labels of two annotators that do not fit each other",
    "apart": "landmark on which the annotators are far apart",
    "swapped": "landmarks that appear to be swapped",
    "out of place": "landmark out of place",
    "many out of place": "many landmarks out of place",
    "leak": "same pixels in train and in valid or test",
    "twins": "same pixels twice in one split",
    "held-out twins": "same pixels in valid and test",
    "alike": "films that look like one",
    "pixel size": "pixel size in doubt",
}
"""The kinds of findings, for people; the worst first."""

MOST_LISTED = 50


@dataclass(frozen=True)
class Fault:
    """What is wrong with a label or a film."""

    kind: Kind
    landmarks: tuple[str, ...]
    """The landmarks concerned; none: the label or the film as a whole."""
    text: str
    remedy: str
    certain: bool = False
    """No face can have it, or the film cannot be used; otherwise a person has to check the film."""
    expected: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Where landmarks should lie as far as that is known, in the pixels of the points that were judged."""
    excess: float = 0.0
    """How far it is beyond what is usual, to compare findings of one kind."""

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}"


@dataclass(frozen=True)
class Finding:
    """A fault of a film, or of one annotator's label of it."""

    fault: Fault
    annotator: str = ""
    """Whose label it is in; empty: not in that of one annotator."""
    film: Film | None = None
    """None: it concerns all labels of an annotator, all films of a machine, or a data set."""
    others: tuple[Film, ...] = ()
    """Further films that it concerns, such as copies of ``film``."""
    source: str = ""
    """The data set, where there are several and there is no film."""

    @property
    def films(self) -> tuple[Film, ...]:
        """All films that it concerns."""
        return self.others if self.film is None else (self.film, *self.others)

    @property
    def where(self) -> str:
        """Film and annotator."""
        film = f"all films of {self.source}" if self.source else "all films"
        if self.film is not None:
            film = film_title(self.film)
        return f"{film} ({self.annotator})" if self.annotator else film

    def __str__(self) -> str:
        return f"{self.where}: {self.fault}"


def film_title(film: Film) -> str:
    """Return split and id of a film, which messages name it by."""
    return f"{film.split}/{film.film_id}"


def problems_of(findings: Iterable[Finding]) -> list[Problem]:
    """Return what is certain, as reasons not to use a film."""
    return [
        Problem(
            finding.fault.kind if finding.fault.kind in ("film", "data set") else "label",
            f"label of {finding.annotator}: {finding.fault.text}" if finding.annotator else finding.fault.text,
            finding.fault.remedy, film_id=film.film_id, split=film.split, path=film.path,
        )
        for finding in findings
        if finding.fault.certain and (film := finding.film) is not None
    ]  # fmt: skip


def of_problem(problem: Problem) -> Finding:
    """Return the finding of a film that a reader of data sets cannot use."""
    film = Film(problem.film_id, problem.path, problem.split, source=problem.source)
    kind: Kind = "film" if problem.kind == "film" else "label"
    return Finding(Fault(kind, (), problem.text, problem.remedy, certain=True), film=film)


DOUBTS: tuple[Kind, ...] = ("no face", "turned", "size", "annotators", "swapped", "out of place", "many out of place")
"""What only a shape suggests, unless it is certain."""


def doubts_note(findings: Iterable[Finding], films: Iterable[Film]) -> list[Note]:
    """A note on the labels of ``films`` that a person has to check, a line each; none if there are none."""
    kept = {film.path for film in films}
    of_kept = [finding for finding in findings if finding.film is None or finding.film.path in kept]
    lines = [str(each) for each in of_kept if each.fault.kind in DOUBTS and not each.fault.certain]
    more = [f"and {len(lines) - MOST_LISTED} more"] if len(lines) > MOST_LISTED else []
    text = "\n  ".join((f"labels in doubt, kept: {len(lines)}", *lines[:MOST_LISTED], *more))
    remedy = "check these films in a viewer, and correct the label files or keep them"
    return [Note("labels in doubt", text, remedy)] if lines else []
