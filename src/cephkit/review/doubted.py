"""Films that ``cephkit check`` found doubtful, which come first in the list."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cephkit.data.names import film_key
from cephkit.doubts.reader import Doubt, read_doubts
from cephkit.errors import SettingsError
from cephkit.review.films import ReviewFilm


def with_doubts(films: Sequence[ReviewFilm], path: Path, datasets: Sequence[str]) -> list[ReviewFilm]:
    """Return ``films`` with what the table at ``path`` says of them, the doubtful ones first.

    Args:
        films: of a review.
        path: the ``doubts.csv`` of ``cephkit check``.
        datasets: names of the data sets that they are from.

    Raises:
        SettingsError: the table cannot be read, or is about none of the films.
    """
    doubts = read_doubts(path)
    sources = list(dict.fromkeys(doubt.source for doubt in doubts))
    if len(datasets) == 1 and (datasets[0] in sources or len(sources) == 1):
        # The only data set of the table may have been renamed since.
        name = datasets[0] if datasets[0] in sources else sources[0]
        doubts = [replace(doubt, source="") for doubt in doubts if doubt.source == name]
    of_film: dict[str, list[Doubt]] = defaultdict(list)
    for doubt in doubts:
        for name, between in ((doubt.file, "/"), (doubt.film_id, "_")):
            of_film[film_key(f"{doubt.source}{between}{name}" if doubt.source else name)].append(doubt)
    found = [
        replace(film, doubts=tuple(dict.fromkeys(of_film[film_key(film.file)] + of_film[film_key(film.film_id)])))
        for film in films
    ]
    if doubts and not any(film.doubts for film in found):
        raise SettingsError(
            f"is about none of these films, but about {', '.join(sources[:5])}",
            "name the data set that was checked, and its table", path,
        )  # fmt: skip
    found.sort(key=lambda film: not film.doubts)
    return [replace(film, n=n) for n, film in enumerate(found)]
