"""Label Studio's exports, JSON and JSON-MIN, as landmarks; who annotated is used to choose and never passed on.

Of several annotations of a film the newest counts, or the newest of one annotator; cancelled ones, drafts and
predictions never do. Regions that are not keypoints are ignored; all that is ignored is counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cephkit.data.film import Points
from cephkit.data.json_values import count, number, object_list, read_json
from cephkit.errors import LabelError
from cephkit.geometry import Size
from cephkit.interchange.address import film_files
from cephkit.interchange.imported import Imported, Kind, Reading, put, record_of_file

_EXPORT = "export JSON or JSON-MIN from Label Studio"
_CANCELLED = Kind("annotation was cancelled", "annotations were cancelled")
_OLDER = Kind("annotation is older than another of its task", "annotations are older than another of their task")
_OTHERS = Kind("annotation is another annotator's", "annotations are other annotators'")
_DRAFT = Kind("draft was not submitted", "drafts were not submitted")
_PREDICTION = Kind("prediction was not submitted by anybody", "predictions were not submitted by anybody")


@dataclass(frozen=True)
class _Annotation:
    """What one annotator did on one task."""

    annotator: object
    """Label Studio's id of the annotator, or an object with id and email."""
    when: datetime
    regions: Sequence[Mapping[str, Any]]

    def is_by(self, annotator: str) -> bool:
        """Tell whether ``annotator``, an id or an email, made the annotation."""
        if isinstance(self.annotator, dict):
            return annotator in (str(self.annotator.get("id")), str(self.annotator.get("email")))
        return annotator == str(self.annotator)


def read_label_studio(path: Path, annotator: str | None = None, reading: Reading | None = None) -> Imported:
    """Read an export.

    Args:
        path: JSON or JSON-MIN.
        annotator: id or email of the only annotator to take; None: the newest annotation, whoever made it.
        reading: which landmarks to read, and what to do about faults.

    Raises:
        LabelError: another structure, a label that is unknown or there twice, a size that changes, a picture that
            was turned, or no annotation by ``annotator`` in the whole file; names the task.
    """
    reading = reading or Reading()
    tasks, ignored = _tasks(path)
    if annotator is not None and not any(each.is_by(annotator) for task in tasks for each in task.made):
        raise LabelError(f"nobody with the id or email {annotator!r:.80} annotated", "check --annotator", path)
    records = []
    for task in tasks:
        chosen = [each for each in task.made if annotator is None or each.is_by(annotator)]
        ignored[_OTHERS] += len(task.made) - len(chosen)
        if not chosen:
            continue
        newest = max(chosen, key=lambda each: each.when)
        ignored[_OLDER] += len(chosen) - 1
        with reading.film(task.data.get("file") or task.data.get("image")):
            points, size = _landmarks(newest.regions, task.where, ignored, reading)
            if points:
                film = _film(task.data, task.where)
                records.append(record_of_file(film, points, size, task.where, reading.schema))
    return Imported(records, len(tasks) - len(records), +ignored)


@dataclass(frozen=True)
class _Task:
    """One film's task."""

    where: str
    data: Mapping[str, Any]
    made: list[_Annotation]


def _tasks(path: Path) -> tuple[list[_Task], Counter[Kind]]:
    """Return all tasks, and count what was not submitted in them."""
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise LabelError("not a list of tasks", _EXPORT, path)
    tasks: dict[str, _Task] = {}
    ignored: Counter[Kind] = Counter()
    for index, task in enumerate(content):
        name = str(task.get("id", f"number {index + 1}"))
        where = f"{path}: task {name:.40}"
        whole = "data" in task
        if not whole and "annotation_id" not in task:
            raise LabelError("neither data nor annotation_id", _EXPORT, where)
        data = task["data"] if whole else task
        if not isinstance(data, dict):
            raise LabelError("data is not an object", "export it again", where)
        known = tasks.setdefault(name, _Task(where, data, []))
        if known.data is not data and (whole or _film(data, where) != _film(known.data, where)):
            raise LabelError("appears twice", "export the projects into files of their own", where)
        found = _annotations(task, where, ignored) if whole else [_of_min(task, where)]
        known.made.extend(found)
    return list(tasks.values()), ignored


def _annotations(task: Mapping[str, Any], where: str, ignored: Counter[Kind]) -> list[_Annotation]:
    for key, kind in (("drafts", _DRAFT), ("predictions", _PREDICTION)):
        ignored[kind] += len(task[key]) if isinstance(task.get(key), list) else 0
    entries = object_list(task, "annotations", where) if "annotations" in task else []
    counted = [entry for entry in entries if not entry.get("was_cancelled")]
    ignored[_CANCELLED] += len(entries) - len(counted)
    return [
        _Annotation(entry.get("completed_by"), _when(entry, where), object_list(entry, "result", where))
        for entry in counted
    ]


def _of_min(task: Mapping[str, Any], where: str) -> _Annotation:
    """Read an entry of JSON-MIN: one annotation, its regions beside the task's data, under the control's name."""
    regions = [
        {
            "type": next((key for key in region if str(key).endswith("labels")), "region"),
            "value": region,
            **{key: region.get(key) for key in ("original_width", "original_height", "image_rotation")},
        }
        for value in task.values()
        if isinstance(value, list)
        for region in value
        if isinstance(region, dict)
    ]
    return _Annotation(task.get("annotator"), _when(task, where), regions)


def _when(entry: Mapping[str, Any], where: str) -> datetime:
    written = entry.get("updated_at") or entry.get("created_at")
    if written is None:
        return datetime.min.replace(tzinfo=UTC)
    try:
        when = datetime.fromisoformat(str(written))
    except ValueError as error:
        raise LabelError(f"its time is {written!r:.40}, expected a date", "export it again", where) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _landmarks(
    regions: Sequence[Mapping[str, Any]], where: str, ignored: Counter[Kind], reading: Reading
) -> tuple[Points, Size]:
    points: Points = {}
    sizes: set[Size] = set()
    for region in regions:
        kind = region.get("type")
        if kind != "keypointlabels":
            ignored[
                Kind(f"region is {kind!s:.40}, not keypointlabels", f"regions are {kind!s:.40}, not keypointlabels")
            ] += 1
            continue
        value = region.get("value")
        labels = value.get("keypointlabels") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(labels, list) or len(labels) != 1:
            raise LabelError(f"a keypoint has {labels!r:.60} for labels, expected one", "correct it there", where)
        if region.get("image_rotation"):
            raise LabelError("its picture was turned", "turn it back in Label Studio and export again", where)
        width, height = (
            count(region.get(side), side, where, digits=True) for side in ("original_width", "original_height")
        )
        sizes.add((height, width))
        x, y = (number(value.get(axis), f"{axis} of {labels[0]!r:.40}", where, digits=True) for axis in ("x", "y"))
        put(points, labels[0], x * width / 100 - 0.5, y * height / 100 - 0.5, where, reading)
    if len(sizes) > 1:
        raise LabelError(f"its keypoints belong to pictures of different sizes: {sorted(sizes)}", "correct it", where)
    return points, next(iter(sizes), (0, 0))


def _film(data: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the film's file name: what cephkit wrote into the task, else what the picture's address may mean."""
    written = data.get("file") or data.get("image")
    if not isinstance(written, str):
        raise LabelError('its data has no "image"', "name the picture so in the configuration", where)
    return film_files(written, where, by_label_studio=not data.get("file"))
