"""All that is found about the films of a run, in one list."""

from collections.abc import Sequence

from cephkit.data.check import far_apart, film_findings, implausible_pixel_sizes, unlabelled, with_facts
from cephkit.data.film import Film
from cephkit.data.findings import Finding, of_problem
from cephkit.data.index import FilmFacts
from cephkit.data.label_check import label_findings
from cephkit.data.labelled import LabelledFilms
from cephkit.data.twins import alike, left_out_of_train, same_pixels


def examine(
    labelled: LabelledFilms,
    facts: Sequence[FilmFacts],
    *,
    annotation: str | None = None,
    others: Sequence[tuple[Film, FilmFacts]] = (),
    keep_twins: bool = False,
    likeness: bool = False,
) -> list[Finding]:
    """Return everything that is wrong or in doubt: what is certain first, then copies, then doubts.

    Args:
        labelled: what a data set holds.
        facts: of its films.
        annotation: whose landmarks a run needs, as ``Film.points`` has them; None: anybody's.
        others: further films, to find copies; nothing else is said of them.
        keep_twins: train films that are also in valid or test stay in train.
        likeness: also look for films saved again, which takes some milliseconds a film.
    """
    certain = [of_problem(problem) for problem in labelled.problems]
    named = {(problem.split, problem.film_id) for problem in labelled.problems}
    certain += [
        of_problem(problem)
        for problem in unlabelled([film for film in labelled.films if _key(film) not in named], annotation)
    ]
    certain += film_findings(labelled.films, facts)
    checked = [with_facts(film, known) for film, known in zip(labelled.films, facts, strict=True)]
    of_labels = label_findings([film for film in checked if film.size is not None], labelled.schema)
    certain += [finding for finding in of_labels if finding.fault.certain]
    everything = [*checked, *(film for film, _ in others)]
    all_facts = [*facts, *(known for _, known in others)]
    twins = same_pixels(everything, all_facts, keep=keep_twins)
    left_out = set() if keep_twins else left_out_of_train(twins)
    unusable = {_key(finding.film) for finding in certain if finding.film is not None}
    usable = [film for film in checked if _key(film) not in unusable and film.path not in left_out]
    return [
        *certain,
        *twins,
        *(alike(everything, all_facts) if likeness else []),
        *implausible_pixel_sizes(usable),
        *far_apart(usable),
        *(finding for finding in of_labels if not finding.fault.certain),
    ]


def _key(film: Film) -> tuple[str, str]:
    return film.split, film.film_id
