"""Prepares a data set for a run: from its source to checked films, landmarks of the model, and datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cephkit.data.cache import film_cache
from cephkit.data.check import THREADS, label_notes, scan, unlabelled, with_facts
from cephkit.data.dataset import FilmDataset
from cephkit.data.examine import examine
from cephkit.data.film import SPLITS, Film, Split
from cephkit.data.findings import doubts_note, problems_of
from cephkit.data.index import FilmFacts, FilmIndex, Sink
from cephkit.data.labelled import LabelledFilms, Problem, Source
from cephkit.data.store import FilmStore
from cephkit.data.store_builder import StoreBuilder, check_memory, folder_bytes
from cephkit.data.twins import left_out_of_train, twin_notes
from cephkit.errors import DataError, Note, some
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.notice import Notify

OfFilm = TypeVar("OfFilm", Film, Problem)
MOST_PROBLEMS = 50
UNREAD = "unread films"
"""Kind of the note on films of other splits that cannot be read."""


@dataclass(frozen=True)
class PreparedData:
    """Films that have been read and found whole, with what a run needs to use them."""

    source: Source
    films: dict[Split, tuple[Film, ...]]
    symbols: tuple[str, ...]
    """Landmarks that films of train (or of any split, without train) carry, in canonical order."""
    schema: LandmarkSchema
    """What the landmarks are."""
    annotation: str
    canvas_size: Size
    store: FilmStore
    notes: tuple[Note, ...]
    left_out: tuple[Problem, ...] = ()
    """Why films that cannot be used are not among ``films``."""
    keep_twins: bool = False
    """Whether train films whose pixels also occur in valid or test are among ``films``."""

    def sources(self) -> dict[str, dict[str, Any]]:
        """What each of several data sets brings: films by split, landmarks, weight; plain types, empty for one."""
        found: dict[str, dict[str, Any]] = {}
        films = [film for group in self.films.values() for film in group]
        for name in dict.fromkeys(film.source for film in films if film.source):
            own = [film for film in films if film.source == name]
            carried = {symbol for film in own for symbol in film.points(self.annotation)}
            found[name] = {
                **{split: sum(film.split == split for film in own) for split in self.films},
                "landmarks": list(self.schema.in_order(carried)),
                "weight": own[0].weight,
            }
        return found

    def dataset(self, split: Split, symbols: tuple[str, ...] = ()) -> FilmDataset:
        """The films of ``split``; with the symbols of this data by default."""
        return FilmDataset(self.films[split], symbols or self.symbols, self.annotation, self.canvas_size, self.store)


def prepare(
    source: Source,
    *,
    splits: Sequence[Split] = SPLITS,
    annotation: str = "senior",
    canvas_size: Size,
    hold: int | None = 0,
    cache_dir: Path | None = None,
    skip_bad_films: bool = False,
    keep_twins: bool = False,
    likeness: bool = False,
    notify: Notify = print,
) -> PreparedData:
    """Reads, checks and remembers the data set ``source``.

    Args:
        source: the data set.
        splits: those that the run uses. With train among them the others are checked too, for leaked films.
        annotation: ``senior``, ``junior``, ``mean`` or ``official``; a film without such labels is a problem.
        canvas_size: (height, width) of the network's input.
        hold: films to hold in memory: None all, N the first N in the order of ``splits``, 0 none.
        cache_dir: where hashes and canvases are kept between runs; None for the user's cache folder.
        skip_bad_films: leave films with a problem out, one line each, instead of one error for all.
        keep_twins: keep train films whose pixels also occur in valid or test.
        likeness: also note films that look like one.
        notify: takes lines for the user.

    Raises:
        DataError: no such data set, films or labels with problems, an empty split, no room for what to hold.
    """
    root = source.root
    folder = film_cache(cache_dir)
    splits = tuple(split for split in SPLITS if split in splits)
    labelled = source.read(splits)
    known_problems = [*labelled.problems, *unlabelled(_without(labelled.films, labelled.problems), annotation)]
    _refuse_foreign_annotation(labelled, annotation, root)
    # If the run will be refused anyway nothing is stored, but every film is still checked.
    refused = bool(known_problems) and not skip_bad_films
    planned = [] if refused else _without(labelled.films, known_problems)[:hold]
    check_memory(len(planned), canvas_size)

    builder = StoreBuilder(folder, canvas_size, len(planned))
    try:
        others = _other_films(source, splits)
        everything = (*labelled.films, *others)
        facts = film_facts(everything, folder, notify, {film.path: builder.add for film in planned})
        own_facts, other_facts = facts[: len(labelled.films)], facts[len(labelled.films) :]
        findings = examine(
            labelled, own_facts, annotation=annotation, others=list(zip(others, other_facts, strict=True)),
            keep_twins=keep_twins, likeness=likeness,
        )  # fmt: skip
        unusable = problems_of(findings)
        if unusable:
            report_problems(unusable, skip_bad_films, root, notify)
        left_out = set() if keep_twins else left_out_of_train(findings)
        notes = [*labelled.notes, *twin_notes(findings, keep=keep_twins), *_unread_others(others, other_facts)]
        checked = [with_facts(film, known) for film, known in zip(labelled.films, own_facts, strict=True)]
        usable = [film for film in _without(checked, unusable) if film.path not in left_out]
        films = {split: tuple(film for film in usable if film.split == split) for split in splits}
        empty = [split for split in splits if not films[split]]
        if empty:
            text, remedy = f"no usable film in {' and '.join(empty)}", "see the lines above for what was left out"
            raise DataError(text, remedy, root, problems=unusable)
        store = _hold(usable[:hold], folder, canvas_size, builder, notify)
    except OSError as error:
        text, remedy = f"the cache cannot be written: {error}", "name another folder with --cache_dir"
        raise DataError(text, remedy, folder, problems=known_problems) from error
    finally:
        builder.discard()

    symbols, absent = _symbols(films, annotation, labelled.schema, source.usual)
    if absent and "train" in splits:
        text = f"left out of the model, as no train film has them: {len(absent)} landmarks: {' '.join(absent)}"
        notes.append(Note("landmarks", text, "nothing to do, unless these landmarks should be there"))
    notes += label_notes(findings, usable)
    notes += doubts_note(findings, usable)
    for note in notes:
        notify(note.text)
    return PreparedData(
        source,
        films,
        symbols,
        labelled.schema,
        annotation,
        canvas_size,
        store,
        tuple(notes),
        tuple(unusable),
        keep_twins,
    )


def _without(items: Sequence[OfFilm], problems: Sequence[Problem]) -> list[OfFilm]:
    """Films (or problems) that no problem names."""
    named = {(problem.split, problem.film_id) for problem in problems}
    return [item for item in items if (item.split, item.film_id) not in named]


def _refuse_foreign_annotation(labelled: LabelledFilms, annotation: str, root: Path) -> None:
    if labelled.films and not any(film.points(annotation) for film in labelled.films) and not labelled.problems:
        present = sorted({name for film in labelled.films for name in film.annotations})
        text = f"no film has landmarks of {annotation}, only of {', '.join(present) or 'nobody'}"
        raise DataError(text, "choose the annotator that the films have", root)


def _other_films(source: Source, splits: Sequence[Split]) -> tuple[Film, ...]:
    """Films of the splits that the run does not use: a train film may be a copy of one of them."""
    if "train" not in splits:
        return ()
    others = [split for split in SPLITS if split not in splits and source.has(split)]
    return source.read(others).films if others else ()


def _unread_others(films: Sequence[Film], facts: Sequence[FilmFacts]) -> list[Note]:
    unread = [f"{film.split}/{film.film_id}" for film, known in zip(films, facts, strict=True) if known.pixels is None]
    text = f"not read, hence not compared with train: {len(unread)} films: {some(unread)}"
    return [Note(UNREAD, text, "repair or remove them")] if unread else []


def film_facts(
    films: Sequence[Film], folder: Path, notify: Notify, sinks: Mapping[Path, Sink] | None = None
) -> list[FilmFacts]:
    """Return what is known of each film, from ``folder`` or by decoding it, and remember it there.

    Args:
        films: the films.
        folder: see ``film_cache``.
        notify: takes a line for the user if it cannot be remembered.
        sinks: take the pixels of films that are decoded.
    """
    index = FilmIndex(folder)
    facts = scan(films, index, sinks or {})
    try:
        index.save()
    except OSError as error:
        notify(f"{folder}: the check is not remembered and will be repeated next time: {error}")
    return facts


def report_problems(problems: list[Problem], skip: bool, root: Path, notify: Notify) -> None:
    """Tell the user which films cannot be used.

    Raises:
        DataError: there are some, and ``skip`` is not set; lists all of them.
    """
    problems.sort(key=lambda problem: (SPLITS.index(problem.split), problem.film_id))
    lines = [str(problem) for problem in problems]
    if skip:
        for line in lines:
            notify(f"left out: {line}")
        return
    count = len({(problem.split, problem.film_id) for problem in problems})
    listed = "\n".join(f"  {line}" for line in lines[:MOST_PROBLEMS])
    more = f"\n  and {len(lines) - MOST_PROBLEMS} more" if len(lines) > MOST_PROBLEMS else ""
    remedy = "Fix them or skip them with --skip_bad_films"
    raise DataError(f"{root}: {count} films cannot be used:\n{listed}{more}\n{remedy}", problems=problems)


def _hold(films: Sequence[Film], folder: Path, canvas_size: Size, builder: StoreBuilder, notify: Notify) -> FilmStore:
    if not films:
        return FilmStore.empty(canvas_size)
    store = builder.finish(films, THREADS, notify)
    total = folder_bytes(folder)
    notify(
        f"film store: {len(store)} films, {store.bytes / 2**20:.0f} MiB, in {folder} "
        f"({total / 2**20:.0f} MiB there in all; safe to delete while no command is using it)"
    )
    return store


def _symbols(
    films: dict[Split, tuple[Film, ...]], annotation: str, schema: LandmarkSchema, usual: LandmarkSchema
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the landmarks that films to learn from carry, and the expected ones that none has."""
    learnt = films["train"] if "train" in films else [film for group in films.values() for film in group]
    symbols = schema.in_order(symbol for film in learnt for symbol in film.points(annotation))
    expected = usual if schema is KNOWN else schema
    return symbols, tuple(symbol for symbol in expected.symbols if symbol not in symbols)
