"""The data set's health, checked as training checks it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cephkit.config import TrainConfig
from cephkit.data.film import Film, Split, pixel_sizes_mm
from cephkit.data.labelled import Source
from cephkit.data.prepare import UNREAD, PreparedData, prepare
from cephkit.datasets.find import find_dataset
from cephkit.doctor.checks import Check, failure, noted, ok, refused, warning
from cephkit.errors import CephkitError, DataError, Note, some
from cephkit.geometry import Size
from cephkit.landmarks.shipped import AARIZ
from cephkit.settings.options import SOURCES, AnnotationType
from cephkit.training.finish import detail_size

LAYOUT = "put the films into train/Cephalograms and valid/Cephalograms, as docs/data.md shows"


@dataclass
class Examination:
    """The lines about a data set, and what other checks need to know about it."""

    checks: list[Check] = field(default_factory=list)
    train: int = 0
    """Number of films that training would use."""
    valid: int = 0
    landmarks: int = len(AARIZ.symbols)
    """Number of landmarks of the model."""
    detail: Size = (0, 0)
    """Canvas of the second stage."""


def examine(config: TrainConfig) -> Examination:
    """Check everything; one fault never hides another."""
    result = Examination()
    try:
        source = find_dataset(config)
        has_test = source.has("test")
    except CephkitError as error:
        result.checks.append(refused("data set", error, LAYOUT))
        return result
    prepared = partial(_prepared, config, source, result.checks)
    parts = prepared(("train", "valid"))
    if not all(path.exists() for path in config.dataset_path):
        return result
    if not parts:  # one split may still be fine, or have faults of its own
        parts = [*prepared(("train",)), *prepared(("valid",))]
    used = [film for part in parts for group in part.films.values() for film in group]
    if has_test:
        tested = prepared(("test",))
        films = [*used, *(film for part in tested for film in part.films["test"])]
    else:
        films = used
        remedy = "keep some films in test/: the validation films choose the model, so its error on them is too low"
        result.checks.append(warning("test films", "there is no test split", remedy))
    result.checks = list(dict.fromkeys(result.checks))
    if not films:
        return result
    splits = Counter(film.split for film in films)
    result.train, result.valid = splits["train"], splits["valid"]
    trained = [film for film in films if film.split == "train" and film.size is not None]
    if trained:
        result.detail = detail_size(trained, config.refine_size)
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
        found = f"no valid film has landmarks of --truth {config.truth}, so validation could not score"
        result.checks.append(failure("landmarks", found, "choose another --truth, such as mean"))
    return result


def _prepared(
    config: TrainConfig, source: Source, checks: list[Check], splits: tuple[Split, ...]
) -> list[PreparedData]:
    """Prepare the data as training does, without films that cannot be used; what was found goes to ``checks``."""
    annotation = "mean" if splits == ("test",) else SOURCES[config.annotation_type]
    try:
        data = prepare(
            source, splits=splits, annotation=annotation, canvas_size=config.image_size, hold=0,
            cache_dir=config.cache_dir, skip_bad_films=True, keep_twins=config.keep_twins, likeness=splits != ("test",),
            notify=lambda line: None,
        )  # fmt: skip
    except DataError as error:
        checks += [*_broken(error.problems, config, splits), refused("data set", error, LAYOUT)]
        return []
    checks += _broken(data.left_out, config, splits)
    checks += [noted(note) for note in data.notes if note.kind != UNREAD]  # broken test films have a line of their own
    return [data]


def _broken(problems: Sequence[Note], config: TrainConfig, splits: tuple[Split, ...]) -> list[Check]:
    if not problems:
        return []
    found = "\n".join((f"{len(problems)} films or labels cannot be used", *map(str, problems)))
    if splits == ("test",):
        return [warning("broken test films", found, "fix or remove them; training does not use them")]
    if config.skip_bad_films:
        return [warning("broken films", found, "fix them; --skip_bad_films leaves them out")]
    return [failure("broken films", found, "fix them or skip them with --skip_bad_films")]


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
            f"nothing is wrong, but --image_size {enough[0]} {enough[1]} keeps all their detail, in less time "
            "and memory",
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
        return warning("machines", found, "add cephalogram_machine_mappings.csv: no pixel size, no errors in mm")
    return ok("machines", found)


def _labels(films: Sequence[Film], symbols: Sequence[str], annotation: AnnotationType) -> Check:
    absent = [[symbol for symbol in symbols if symbol not in film.points(SOURCES[annotation])] for film in films]
    missing = Counter(symbol for of_film in absent for symbol in of_film)
    incomplete = sum(map(bool, absent))
    both = sum(len(film.annotations) == 2 for film in films)
    found = f"{len(symbols)} landmarks by {annotation}; {both} of {len(films)} films marked by both annotators"
    gaps = _annotator_gap(films)
    found += f", a median of {gaps} apart" if gaps else ""
    if not missing:
        return ok("landmarks", f"{found}; none missing")
    worst = some([f"{symbol} on {count}" for symbol, count in missing.most_common()])
    return warning(
        "landmarks", f"{found}; {sum(missing.values())} marks missing on {incomplete} films: {worst}",
        "nothing to do: loss and error leave out what is not marked; mark these if they are visible",
    )  # fmt: skip


def _annotator_gap(films: Sequence[Film]) -> str:
    """Format the median distance between both annotators, in mm, or in pixels if no film has a pixel size."""
    in_mm = any(film.spacing for film in films)
    scales = pixel_sizes_mm(films) if in_mm else np.ones(len(films))
    gaps = []
    for film, scale in zip(films, scales, strict=True):
        senior, junior = film.points("senior"), film.points("junior")
        gaps += [scale * np.hypot(*np.subtract(senior[name], junior[name])) for name in senior.keys() & junior.keys()]
    if not gaps:
        return ""
    return f"{np.nanmedian(gaps):.1f} {'mm' if in_mm else 'px'}"
