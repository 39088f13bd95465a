"""COCO keypoints, as Roboflow, FiftyOne and COCO itself arrange files and films."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cephkit.data.film import Split
from cephkit.datasets.films import files_in, folders_in, peek
from cephkit.datasets.layout import Listing
from cephkit.datasets.marked import LabelFile, list_marked
from cephkit.datasets.splits import spelled_split
from cephkit.errors import DataError, some
from cephkit.interchange.coco import read_coco
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN

BESIDE_FILMS = ("_annotations.coco.json", "labels.json")
"""Of Roboflow and FiftyOne, in the folder of each split."""
AUGMENTED = ".rf."
"""Roboflow puts it between the name of a film and the hash of a copy."""


class CocoKeypoints:
    """A file for all films, or one for each split."""

    title = "COCO keypoints"
    wanted = "train/_annotations.coco.json, train/labels.json, annotations/*.json or *.json with COCO keypoints"
    usual = None

    def recognises(self, root: Path) -> bool:
        """Whether there is a file of COCO keypoints that names them."""
        return any(not is_unnamed(file.path) for file in coco_files(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``. Keypoints without names are those of a schema that the user chose."""
        return list_coco(root, schema, () if schema is KNOWN else schema.symbols)


def list_coco(root: Path, schema: LandmarkSchema, unnamed: tuple[str, ...]) -> Listing:
    """List the films of all COCO files in ``root``.

    Raises:
        DataError: see ``list_marked``; or it is not clear which of several files to read.
    """
    files = coco_files(root)
    splits = [file.split for file in files]
    if len(files) > 1 and (None in splits or len(set(splits)) < len(splits)):
        names = some([str(file.path.relative_to(root)) for file in files])
        remedy = "name one of them with --dataset_path, or call them train, valid and test"
        raise DataError(f"{len(files)} COCO files, and no telling which to read: {names}", remedy, root)
    if set(splits) == {"train"}:  # not split yet
        files = [replace(file, split=None) for file in files]
    listing = list_marked(files, read_coco, schema, unnamed)
    listing.films = [replace(film, patient=_source(film.film_id)) for film in listing.films]
    return listing


def coco_files(root: Path) -> list[LabelFile]:
    """Return the COCO files of a data set, by the first arrangement that has some."""
    if root.is_file():
        return [LabelFile(root, (root.parent,))] if is_coco(root) else []
    beside = [
        LabelFile(folder / name, (folder,), split)
        for folder, split in [(root, None), *((folder, spelled_split(folder.name)) for folder in folders_in(root))]
        for name in BESIDE_FILMS
        if (folder is root or split) and is_coco(folder / name)
    ]
    return beside or list(_of_folder(root / "annotations", root)) or list(_of_folder(root, root))


def _of_folder(folder: Path, root: Path) -> Iterator[LabelFile]:
    for path in files_in(folder, ".json"):
        if is_coco(path):
            split = _split(path.stem)
            own = [each for each in _film_folders(root) if split and _split(each.name) == split]
            yield LabelFile(path, tuple(own) or (root,), split)


def _film_folders(root: Path) -> list[Path]:
    """Return the folders that may hold the films of one split: ``train2017`` or ``images/train``."""
    return [each for folder in folders_in(root) for each in (folder, *folders_in(folder))]


def _split(name: str) -> Split | None:
    """Return the split in a name such as ``person_keypoints_val2017``."""
    found = {split for part in re.split(r"[^a-z]+", name.lower()) if (split := spelled_split(part))}
    return found.pop() if len(found) == 1 else None


def is_coco(path: Path) -> bool:
    """Whether a file holds COCO keypoints, by its first and last megabyte."""
    if not path.is_file():
        return False
    seen = peek(path)
    is_object = seen.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    return is_object and all(word in seen for word in (b'"categories"', b'"file_name"', b'"keypoints"'))


def is_unnamed(path: Path) -> bool:
    """Whether it is one of the files that the challenge CL-Detection's baseline makes, without names of landmarks."""
    seen = peek(path)
    return b'"cephalometric"' in seen and b'"keypoints": ["' not in seen and b'"keypoints":["' not in seen


def _source(film_id: str) -> str:
    """Return the film that Roboflow made a copy of; empty for any other film."""
    return film_id.partition(AUGMENTED)[0] if AUGMENTED in film_id else ""
