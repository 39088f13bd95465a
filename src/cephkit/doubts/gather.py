"""Reads data sets of any layout and finds all that is wrong or in doubt; one that cannot be read hides no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.check import with_facts
from cephkit.data.examine import examine
from cephkit.data.film import SPLITS, Film, Split
from cephkit.data.findings import Fault, Finding
from cephkit.data.labelled import LabelledFilms
from cephkit.data.prepare import film_facts
from cephkit.datasets.combined import Part, together
from cephkit.errors import CephkitError, DataError, Note
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import Notify


@dataclass(frozen=True)
class Gathered:
    """What is in the data sets, and what was found."""

    roots: Mapping[str, Path]
    """The data sets by name, as the user named them."""
    films: tuple[Film, ...]
    findings: tuple[Finding, ...]
    schema: LandmarkSchema
    notes: tuple[Note, ...]
    unread: tuple[str, ...] = ()
    """The data sets that cannot be read."""

    def source_of(self, finding: Finding) -> str:
        """Return the name of the data set that a finding is about; empty: of several."""
        names = {film.source for film in finding.films} or {finding.source}
        name = names.pop() if len(names) == 1 else ""
        return name or (next(iter(self.roots)) if len(self.roots) == 1 else "")


def gather(
    parts: Mapping[str, Part], splits: Sequence[Split], cache: Path, keep_twins: bool, notify: Notify
) -> Gathered:
    """Read ``parts``, decode each film once, and examine everything.

    Args:
        parts: the data sets by name.
        splits: to read; none: all that a data set has.
        cache: the folder of what is known of films.
        keep_twins: see ``examine``.
        notify: takes lines for the user.

    Raises:
        DataError: no data set can be read.
        SettingsError: a landmark's name stands for two landmarks.
    """
    read: dict[str, LabelledFilms] = {}
    broken: list[Finding] = []
    errors: list[CephkitError] = []
    for name, part in parts.items():
        wanted = [split for split in splits or SPLITS if part.source.has(split)] or splits or SPLITS
        try:
            read[name] = part.source.read([split for split in SPLITS if split in wanted])
        except DataError as error:
            errors.append(error)
            fault = Fault("data set", (), str(error.text), error.remedy, certain=True)
            broken.append(Finding(fault, source=name if len(parts) > 1 else ""))
    if not read:
        raise errors[0]
    labelled = next(iter(read.values())) if len(parts) == 1 else together(parts, read)
    facts = film_facts(labelled.films, cache, notify)
    findings = examine(labelled, facts, keep_twins=keep_twins, likeness=True)
    films = tuple(with_facts(film, known) for film, known in zip(labelled.films, facts, strict=True))
    sized = {film.path: film for film in films}
    found = [_with_sizes(finding, sized) for finding in findings]
    roots = {name: part.source.root for name, part in parts.items()}
    return Gathered(
        roots,
        films,
        (*broken, *found),
        labelled.schema,
        labelled.notes,
        tuple(name for name in parts if name not in read),
    )


def _with_sizes(finding: Finding, films: Mapping[Path, Film]) -> Finding:
    film = finding.film and films.get(finding.film.path, finding.film)
    return replace(finding, film=film, others=tuple(films.get(other.path, other) for other in finding.others))
