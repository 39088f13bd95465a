"""``cephkit convert``: a data set of any layout, in the Aariz layout or as COCO keypoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cephkit.data.film import SPLITS
from cephkit.errors import SettingsError
from cephkit.settings.options import DataSet
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class ConvertOptions(DataSet):
    """Write one or several data sets, of any layout (docs/data.md), as one in the Aariz layout or as COCO keypoints.

    Splits that are drawn are fixed by it. Films are linked where the disk allows it, and copied where not.
    """

    format: Literal["aariz", "coco"] = "aariz"
    """Layout to write; coco has the landmarks of --truth only, aariz those of each annotator."""
    out: Path
    """Folder to write; must be new or empty."""


def main(argv: list[str]) -> int:
    """Run ``cephkit convert``; the status is 0.

    Raises:
        CephkitError: see ``convert``.
    """
    convert(parse(ConvertOptions, argv, "cephkit convert"))
    return 0


def convert(options: ConvertOptions) -> None:
    """Write the data set; nothing is written if something is wrong with it.

    Raises:
        SettingsError: the folder to write to is not empty.
        CephkitError: the data set cannot be read, or a file cannot be written.
    """
    # torch, which help and wrong settings do not need
    from cephkit.data.cache import film_cache
    from cephkit.datasets.converted import checked, write_aariz, write_coco
    from cephkit.datasets.find import find_dataset

    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise SettingsError(f"--out {options.out}: not a new or empty folder; choose another")
    labelled = checked(find_dataset(options), film_cache(options.cache_dir), options.skip_bad_films, print)
    if options.format == "aariz":
        write_aariz(labelled, options.out)
    else:
        write_coco(labelled, options.out, options.truth)
    counted = ", ".join(
        f"{count} {split}" for split in SPLITS if (count := sum(film.split == split for film in labelled.films))
    )
    print(f"{len(labelled.films)} films ({counted}) -> {options.out}")
