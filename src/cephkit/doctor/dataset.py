"""The data set's health, by the very look that training takes at it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cephkit.config import SOURCES, AnnotationType, TrainConfig
from cephkit.data.aariz import has_split, some
from cephkit.data.film import Film, Split, pixel_sizes_mm
from cephkit.data.prepare import PreparedData, prepare
from cephkit.doctor.checks import Check, failure, ok, refused, warning
from cephkit.errors import DataError
from cephkit.landmarks import SYMBOLS

LAYOUT = "put the films into train/Cephalograms and valid/Cephalograms, as docs/data.md shows"
_LEFT_OUT = "left out: "

NOTES: tuple[tuple[str, str, str], ...] = (
    ("left out of train, same pixels", "duplicates across splits", (
        "training leaves them out by itself; delete the copies in train to be rid of this line"
    )),
    ("same pixels in valid and test", "duplicates across splits", (
        "delete one of each: a test film that helped to choose the model flatters the result"
    )),
    ("same pixels twice in one split", "duplicates", "delete one of each: it counts twice"),
    ("pixel size in doubt", "pixel sizes", (
        "compare with the original films; where they were scaled, correct pixel_size in the machine map. Errors in "
        "pixels are right in any case"
    )),
    ("no pixel size", "pixel sizes", "add them to cephalogram_machine_mappings.csv to have errors in mm"),
    ("senior and junior", "outlying labels", "look at these films: one of the two marks has slipped; correct it"),
    ("films without a row", "machine map", "add their rows, or correct the names there"),
    ("rows of cephalogram", "machine map", "nothing to do where the folder is a part of a data set; else correct them"),
    ("labels in doubt", "labels in doubt", "look at these films in a viewer, and correct the label files or keep them"),
    ("left out of the model", "landmarks", "nothing to do, unless these landmarks should be there"),
    ("cephalogram_machine_mappings.csv", "machine map", "correct these rows of the file"),
    ("no cephalogram_machine_mappings.csv", "machine map", "add the file that came with the data set"),
)  # fmt: skip
"""How a note of ``prepare`` begins -> name of the line, remedy."""


@dataclass
class Examination:
    """The lines about a data set, and what other checks want to know of it."""

    checks: list[Check] = field(default_factory=list)
    train: int = 0
    """Films that training would use."""
    valid: int = 0
    landmarks: int = len(SYMBOLS)
    """Of the model."""


def examine(config: TrainConfig) -> Examination:
    """Look at everything; one fault never hides another."""
    result = Examination()
    parts = _prepared(config, ("train", "valid"), result.checks)
    if not config.dataset_path.is_dir():
        return result
    if not parts:  # what can be said of each split is said all the same
        parts = [*_prepared(config, ("train",), result.checks), *_prepared(config, ("valid",), result.checks)]
    used = [film for part in parts for group in part.films.values() for film in group]
    if has_split(config.dataset_path, "test"):
        tested = _prepared(config, ("test",), result.checks)
        films = [*used, *(film for part in tested for film in part.films["test"])]
    else:
        films = used
        remedy = "keep some films in test/: the validation films choose the model, so their error flatters it"
        result.checks.append(warning("test films", "there is no test split", remedy))
    result.checks = list(dict.fromkeys(result.checks))
    if not films:
        return result
    splits = Counter(film.split for film in films)
    result.train, result.valid = splits["train"], splits["valid"]
    symbols = parts[0].symbols if parts else ()
    result.landmarks = len(symbols) or result.landmarks
    counted = ", ".join(f"{count} {split}" for split, count in splits.items())
    own = [
        ok("films", f"{counted}; {_formats(films)}"),
        _sizes(films, config),
        _machines(films),
        *([_labels(used, symbols, config.annotation_type)] if used else []),
    ]
    result.checks = [*own, *result.checks]
    if splits["valid"] and not any(film.points(config.truth) for film in used if film.split == "valid"):
        found = f"no valid film has landmarks of --truth {config.truth}: validation could not score"
        result.checks.append(failure("landmarks", found, "choose another --truth, such as mean"))
    return result


def _prepared(config: TrainConfig, splits: tuple[Split, ...], checks: list[Check]) -> list[PreparedData]:
    """The data as training prepares it, with broken films left out; what was said about it goes to ``checks``."""
    lines: list[str] = []
    annotation = "mean" if splits == ("test",) else SOURCES[config.annotation_type]
    data = None
    try:
        data = prepare(
            config.dataset_path, splits=splits, annotation=annotation, canvas_size=config.image_size, hold=0,
            cache_dir=config.cache_dir, skip_bad_films=True, notify=lines.append,
        )  # fmt: skip
    except DataError as error:
        checks.append(refused("data set", error, LAYOUT))
    broken = [line.removeprefix(_LEFT_OUT) for line in lines if line.startswith(_LEFT_OUT)]
    if broken:
        found = f"{len(broken)} films or labels cannot be used" + "".join(f"\n{line}" for line in broken)
        if splits == ("test",):
            checks.append(warning("broken test films", found, "mend or remove them; training does not use them"))
        elif config.skip_bad_films:
            checks.append(warning("broken films", found, "mend them; --skip_bad_films leaves them out"))
        else:
            checks.append(failure("broken films", found, "mend them, or train without them: --skip_bad_films"))
    checks += [_noted(note) for note in (data.notes if data else ()) if not note.startswith("not read, hence")]
    return [data] if data else []


def _noted(note: str) -> Check:
    for start, name, remedy in NOTES:
        if note.startswith(start):
            return warning(name, note, remedy)
    return warning("data set", note, "see docs/data.md")


def _formats(films: Sequence[Film]) -> str:
    formats = Counter(film.path.suffix.lower().lstrip(".") for film in films)
    return ", ".join(f"{count} {ending}" for ending, count in formats.most_common())


def _sizes(films: Sequence[Film], config: TrainConfig) -> Check:
    sizes = Counter((film.size[1], film.size[0]) for film in films if film.size is not None)
    smallest, largest = min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])
    (usual_width, usual_height), _ = sizes.most_common(1)[0]
    found = f"all {usual_width} x {usual_height} pixels" if len(sizes) == 1 else (
        f"{len(sizes)} sizes from {smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]} pixels, mostly "
        f"{usual_width} x {usual_height}"
    )  # fmt: skip
    height, width = config.image_size
    enlarged = sum(count for (w, h), count in sizes.items() if w < width and h < height)
    if 2 * enlarged > len(films):
        enough = [max(64, -(-max(sides) // 32) * 32) for sides in zip(*sizes, strict=True)][::-1]
        return warning(
            "film sizes", f"{found}; {enlarged} of {len(films)} are enlarged for --image_size {height} {width}",
            f"nothing is wrong, but --image_size {enough[0]} {enough[1]} shows the network all detail that there is, "
            "in less time and memory",
        )  # fmt: skip
    return ok("film sizes", found)


def _machines(films: Sequence[Film]) -> Check:
    machines = Counter(film.machine or "unknown" for film in films)
    spacings = [film.spacing.short_mm for film in films if film.spacing is not None]
    listed = [f"{name} ({count} films)" for name, count in machines.most_common()]
    span = " to ".join(dict.fromkeys(f"{size:g}" for size in (min(spacings), max(spacings)))) if spacings else ""
    known = f"{span} mm a pixel" if spacings else "no pixel size"
    found = f"{len(listed)}: {some(listed, 8)}; {known}"
    if not spacings:
        return warning("machines", found, "add cephalogram_machine_mappings.csv: without pixel sizes there is no mm")
    return ok("machines", found)


def _labels(films: Sequence[Film], symbols: Sequence[str], annotation: AnnotationType) -> Check:
    absent = [[symbol for symbol in symbols if symbol not in film.points(SOURCES[annotation])] for film in films]
    missing = Counter(symbol for of_film in absent for symbol in of_film)
    incomplete = sum(map(bool, absent))
    both = sum(len(film.annotations) == 2 for film in films)
    found = f"{len(symbols)} landmarks by {annotation}; {both} of {len(films)} films marked by both annotators"
    gaps = _annotator_gap(films)
    found += f", {gaps} apart in the median" if gaps else ""
    if not missing:
        return ok("landmarks", f"{found}; none missing")
    worst = some([f"{symbol} on {count}" for symbol, count in missing.most_common()])
    return warning(
        "landmarks", f"{found}; {sum(missing.values())} marks missing on {incomplete} films: {worst}",
        "nothing to do: what is not marked is left out of loss and error; mark them if they can be seen",
    )  # fmt: skip


def _annotator_gap(films: Sequence[Film]) -> str:
    """The median distance between the two annotators, in mm, or pixels where no film has a pixel size."""
    in_mm = any(film.spacing for film in films)
    scales = pixel_sizes_mm(films) if in_mm else np.ones(len(films))
    gaps = []
    for film, scale in zip(films, scales, strict=True):
        senior, junior = film.points("senior"), film.points("junior")
        gaps += [scale * np.hypot(*np.subtract(senior[name], junior[name])) for name in senior.keys() & junior.keys()]
    if not gaps:
        return ""
    return f"{np.nanmedian(gaps):.1f} {'mm' if in_mm else 'px'}"
