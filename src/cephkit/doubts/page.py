"""``doubts.html``: the findings by kind and data set, and each on its film. One file, without scripts."""

import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from cephkit.data.film import Film
from cephkit.data.findings import TITLES, Finding, Kind, film_title
from cephkit.data.opened import read_grey, to_uint8
from cephkit.doubts.gather import Gathered
from cephkit.doubts.pictures import picture
from cephkit.doubts.table import file_below, homeless, own_id
from cephkit.errors import FilmError
from cephkit.files import utf8, write_whole
from cephkit.notice import NOTICE
from cephkit.pages import render
from cephkit.screen import track

PAGE = "doubts.html"
MOST_WITHOUT_FILM = 200
"""Findings about no single film that the page lists; the table has all."""


@dataclass
class Card:
    """A finding as the page shows it."""

    number: int
    title: str
    certain: bool
    where: str
    text: str
    remedy: str
    pictures: list[Markup] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    unseen: str = ""
    """Why a film is not shown."""


def write_page(path: Path, gathered: Gathered, most: int, review: str, table: str) -> int:
    """Write the page, and return how many findings about films it does not show.

    Args:
        path: of the page.
        gathered: what was found.
        most: findings to show on their films.
        review: the command line that opens the films in question for review; empty: there are none.
        table: name of the table beside the page.

    Raises:
        CephkitError: it cannot be written.
    """
    findings = list(enumerate(gathered.findings, 1))
    on_film = [(number, finding) for number, finding in findings if _is_on_film(finding)]
    rest = [(number, finding) for number, finding in findings if not _is_on_film(finding)]
    chosen = worst(on_film, most)
    cards = {number: _card(number, finding, gathered) for number, finding in [*chosen, *rest[:MOST_WITHOUT_FILM]]}
    _draw(cards, chosen)
    films: dict[tuple[str, str], list[Card]] = defaultdict(list)
    for number, finding in chosen:
        film = finding.films[0]
        films[gathered.source_of(finding) or film.source, f"{film.split}/{own_id(film)}"].append(cards[number])
    page = render(
        "doubts/templates/doubts.html.j2",
        notice=NOTICE,
        tiles=_tiles(gathered),
        kinds=kinds_by_source(gathered),
        sources=list(gathered.roots),
        review=review,
        general=[cards[number] for number, _ in rest[:MOST_WITHOUT_FILM]],
        films=dict(films),
        hidden=len(on_film) - len(chosen),
        hidden_general=max(0, len(rest) - MOST_WITHOUT_FILM),
        table=table,
        notes=[homeless(note.text) for note in gathered.notes],
    )
    write_whole(path, utf8(page))
    return len(on_film) - len(chosen)


def worst(findings: Sequence[tuple[int, Finding]], most: int) -> list[tuple[int, Finding]]:
    """Choose at most ``most`` numbered findings: the worst of each kind in turn, so that no kind hides another."""
    kinds: dict[Kind, list[tuple[int, Finding]]] = defaultdict(list)
    for number, finding in findings:
        kinds[finding.fault.kind].append((number, finding))
    ranked = [
        (rank, list(TITLES).index(kind), entry)
        for kind, entries in kinds.items()
        for rank, entry in enumerate(sorted(entries, key=_by_weight))
    ]
    ranked.sort(key=lambda each: each[:2])
    return sorted((entry for *_, entry in ranked[:most]), key=_by_film)


def _by_weight(entry: tuple[int, Finding]) -> tuple[bool, float]:
    fault = entry[1].fault
    return not fault.certain, -fault.excess


def _by_film(entry: tuple[int, Finding]) -> tuple[str, str, str, int]:
    number, finding = entry
    film = finding.films[0]
    return film.source, film.split, film.film_id, number


def _is_on_film(finding: Finding) -> bool:
    return bool(finding.films) and finding.fault.kind != "pixel size"


def _card(number: int, finding: Finding, gathered: Gathered) -> Card:
    fault = finding.fault
    where = finding.annotator
    if not _is_on_film(finding):
        labels = f"all labels of {finding.annotator}" if finding.annotator else ""
        where = " · ".join(filter(None, (gathered.source_of(finding), labels)))
    elif finding.films[0].size is None:
        where = file_below(finding.films[0], gathered)
    return Card(number, TITLES[fault.kind], fault.certain, where, homeless(fault.text), homeless(fault.remedy))


def _draw(cards: Mapping[int, Card], chosen: Iterable[tuple[int, Finding]]) -> None:
    """Draw the findings on their films, each of which is opened once."""
    wanted: dict[Path, list[tuple[Card, Finding, Film]]] = defaultdict(list)
    for number, finding in chosen:
        for film in finding.films:
            wanted[film.path].append((cards[number], finding, film))
    for path, uses in track(wanted.items(), "drawing", len(wanted)):
        if uses[0][2].size is None:  # it could not be read, which is what the finding says
            continue
        try:
            grey = to_uint8(read_grey(path))
        except FilmError as error:
            for card, _, _ in uses:
                card.unseen = homeless(error.text)
            continue
        for card, finding, film in uses:
            card.pictures.append(Markup(picture(finding, film, grey)))
            card.captions.append(film_title(film) if len(finding.films) > 1 else "")


def _tiles(gathered: Gathered) -> list[tuple[str, int]]:
    certain = sum(finding.fault.certain for finding in gathered.findings)
    concerned = {film.path for finding in gathered.findings if _is_on_film(finding) for film in finding.films}
    return [
        ("films read", len(gathered.films)),
        ("films in question", len(concerned)),
        ("certain", certain),
        ("doubts", len(gathered.findings) - certain),
    ]


def kinds_by_source(gathered: Gathered) -> list[tuple[str, dict[str, int], int]]:
    """Return title, number by data set and number in all of each kind that was found; "" is between data sets."""
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    for finding in gathered.findings:
        counts[finding.fault.kind][gathered.source_of(finding)] += 1
    return [(title, dict(counts[kind]), counts[kind].total()) for kind, title in TITLES.items() if kind in counts]


def review_command(gathered: Gathered, given: Sequence[Path], table: Path, flags: Sequence[str] = ()) -> str:
    """Return the command line that opens the films in question, paths as the user gave them; empty: there are none.

    Args:
        gathered: what was found.
        given: data sets, and lists of some; those that cannot be read are left out.
        table: the table.
        flags: further ones.
    """
    if not any(map(_is_on_film, gathered.findings)):
        return ""
    unread = {gathered.roots[name] for name in gathered.unread}
    paths = [_quoted(path) for path in given if path not in unread]
    return " ".join(["cephkit review --dataset_path", *paths, *map(shlex.quote, flags), "--doubts", _quoted(table)])


def _quoted(path: Path) -> str:
    """Return ``path`` for a shell, relative if it lies below the current folder, never with the home folder's name."""
    if path.is_absolute():
        here, home = Path.cwd(), Path.home()
        if path.is_relative_to(here):
            return shlex.quote(os.fspath(path.relative_to(here)))
        if path.is_relative_to(home) and len(home.parts) > 1:
            return f"~/{shlex.quote(path.relative_to(home).as_posix())}"
    return shlex.quote(os.fspath(path))
