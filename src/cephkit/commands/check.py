"""``cephkit check``: every doubtful label of one or several data sets, on a page with its film."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cephkit.data.film import SPLITS, Split
from cephkit.settings.options import DataPaths, Twins, at_least
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Twins, DataPaths):
    """Check the films and labels of one or several data sets, of any layout and landmarks.

    Everything in doubt is shown on its film, with the remedy; nothing is changed.
    """

    splits: tuple[Split, ...] = ()
    """Splits to check, e.g. valid test; default: all that a data set has."""
    out: Path = Path("doubts")
    """Folder for doubts.html and doubts.csv, which cephkit review --doubts opens."""
    pictures: Annotated[int, at_least(0)] = 200
    """Findings that doubts.html shows on their films, the worst of each kind first; doubts.csv has all."""


def main(argv: list[str]) -> int:
    """Run ``cephkit check``; the status is 0, whatever is found.

    Raises:
        CephkitError: see ``check``.
    """
    check(parse(CheckOptions, argv, "cephkit check"))
    return 0


def check(options: CheckOptions) -> None:
    """Write the page and the table.

    Raises:
        SettingsError: see ``find_parts``.
        CephkitError: no data set can be read, or a file cannot be written.
    """
    # torch, which help and wrong settings do not need
    from cephkit.data.cache import film_cache
    from cephkit.datasets.find import find_parts
    from cephkit.doubts import page, table
    from cephkit.doubts.gather import gather
    from cephkit.files import write_csv

    parts = find_parts(options)
    splits = tuple(split for split in SPLITS if split in options.splits)
    gathered = gather(parts, splits, film_cache(options.cache_dir), options.keep_twins, print)
    for note in gathered.notes:
        print(note.text)
    path = options.out / table.NAME
    write_csv(path, table.COLUMNS, table.rows(gathered))
    review = page.review_command(gathered, options.dataset_path, path, _flags(options))
    hidden = page.write_page(options.out / page.PAGE, gathered, options.pictures, review, table.NAME)
    _print_summary(page.kinds_by_source(gathered), len(gathered.films), len(gathered.findings))
    print(f"page: {options.out / page.PAGE}" + (f" ({hidden} findings are in the table only)" if hidden else ""))
    print(f"table: {path}")
    if review:
        print(f"to review them: {review}")


def _flags(options: CheckOptions) -> list[str]:
    """Return what ``cephkit review`` needs to read the data sets alike."""
    given: Mapping[str, object | None] = {
        "landmarks": options.landmarks,
        "splits_from": options.splits_from,
        "split_seed": options.split_seed or None,
    }
    return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]


def _print_summary(kinds: list[tuple[str, dict[str, int], int]], films: int, findings: int) -> None:
    print(f"{films} films, {findings} findings")
    for title, counts, total in kinds:
        named = {name or "between data sets": count for name, count in counts.items()}
        by_source = ", ".join(f"{name} {count}" for name, count in named.items())
        print(f"  {total:>5}  {title}" + (f" ({by_source})" if len(counts) > 1 else ""))
