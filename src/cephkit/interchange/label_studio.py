"""Label Studio: tasks with the landmarks as predictions, and the labelling configuration for a project.

Label Studio writes a keypoint in percent of the picture's width and height, from the picture's corner: the centre of
pixel i of n lies at 100 (i + 0.5) / n. Sources: labelstud.io/guide/predictions and labelstud.io/tags/keypointlabels.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from cephkit.files import json_bytes
from cephkit.interchange.films import LABEL, Files, colour, mean_score, model_tag, schema_of_all, size_of
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import NOTICE, VERSION
from cephkit.records.record import LandmarkRecord

TASKS, CONFIGURATION = "label_studio_tasks.json", "label_studio_config.xml"
IMAGE, CONTROL = "film", "landmark"
"""Names of the picture and of the landmarks in the configuration."""
LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio serves files of its own machine: below its LOCAL_FILES_DOCUMENT_ROOT."""
POINT_WIDTH = 0.3
"""How wide a point is drawn, percent of the picture."""
DIGITS = 8
"""Of percents: 1e-7 pixels of a film of 10,000."""


def label_studio_files(films: Sequence[LandmarkRecord], image_prefix: str = LOCAL_FILES) -> Files:
    """Make the tasks of all films and the configuration."""
    return {
        TASKS: lambda: json_bytes([task(film, image_prefix) for film in films]),
        CONFIGURATION: lambda: configuration(schema_of_all(films)).encode(),
    }


def task(film: LandmarkRecord, image_prefix: str = LOCAL_FILES) -> dict[str, Any]:
    """Return one film's task; a film without landmarks has no prediction.

    Args:
        film: the film.
        image_prefix: what stands before the film's name, for Label Studio to find the film.
    """
    data = {"image": f"{image_prefix}{quote(film.file, safe='')}", "file": film.file, "film": film.film_id}
    hashed = {"film_hash": film.film_hash} if film.film_hash else {}
    prediction = {
        "model_version": f"{model_tag(film)} (cephkit {VERSION})",
        **mean_score(film),
        "result": [_region(film, symbol) for symbol in film.points],
    }
    return {"data": {**data, **hashed, "notice": NOTICE}, "predictions": [prediction] if film.points else []}


def _region(film: LandmarkRecord, symbol: str) -> dict[str, Any]:
    (x, y), (height, width) = film.points[symbol], size_of(film)
    score = film.scores.get(symbol)
    return {
        "id": f"landmark-{symbol}",
        "type": "keypointlabels",
        "from_name": CONTROL,
        "to_name": IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "x": round(100 * (x + 0.5) / width, DIGITS),
            "y": round(100 * (y + 0.5) / height, DIGITS),
            "width": POINT_WIDTH,
            "keypointlabels": [symbol],
        },
        **({} if score is None else {"score": round(score, 4)}),
    }


def configuration(schema: LandmarkSchema) -> str:
    """Return the labelling configuration: one picture, keypoint labels coloured by tissue, numbered for COCO."""
    labels = [
        f"    <Label value={quoteattr(landmark.symbol)} background={quoteattr(colour(landmark))} "
        f'hint={quoteattr(landmark.title)} model_index="{index}"/>'
        for index, landmark in enumerate(schema)
    ]
    return "\n".join(
        [
            "<View>",
            f'  <Image name="{IMAGE}" value="$image" zoom="true" zoomControl="true" brightnessControl="true" '
            'contrastControl="true"/>',
            f'  <KeyPointLabels name="{CONTROL}" toName="{IMAGE}" strokeWidth="2" opacity="0.9">',
            *labels,
            "  </KeyPointLabels>",
            # Label Studio offers COCO only where there is a rectangle; nobody needs to draw it.
            '  <View style="display: none">',
            f'    <RectangleLabels name="box" toName="{IMAGE}">',
            f'      <Label value="{LABEL}"/>',
            "    </RectangleLabels>",
            "  </View>",
            "</View>",
            "",
        ]
    )
