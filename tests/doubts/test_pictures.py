import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film
from cephkit.data.findings import Fault, Finding, Kind
from cephkit.doubts.pictures import picture

GREY = np.full((400, 300), 90, dtype=np.uint8)
POINTS = {"A": (200.0, 150.0), "B": (190.0, 210.0), "S": (40.0, 60.0)}
FILM = Film("a", Path("a.png"), "train", annotations={"senior": POINTS, "junior": {**POINTS, "A": (205.0, 190.0)}},
            size=(400, 300))  # fmt: skip


def drawn(kind: Kind, *landmarks: str, film: Film = FILM, annotator: str = "senior", **more: object) -> str:
    fault = Fault(kind, landmarks, "text", "", **more)  # type: ignore[arg-type]
    return picture(Finding(fault, annotator, film), film, GREY)


def view(svg: str) -> tuple[float, ...]:
    (box,) = re.findall(r'viewBox="([^"]+)"', svg)
    return tuple(map(float, box.split()))


def test_a_landmark_out_of_place_is_shown_enlarged_with_its_place_its_neighbours_and_the_other_mark() -> None:
    svg = drawn("out of place", "A", expected={"A": (160.0, 150.0)})
    left, top, width, height = view(svg)
    assert width == height < 200
    assert left < 160 < 200 < left + width
    assert top < 150 < 190 < top + height
    names = re.findall(r">([^<>]+)</text>", svg)
    assert names == ["A", "B"]  # S lies outside
    assert svg.count('<ellipse cx="160" cy="150"') == 2  # a halo, and the ring where the others put it
    assert svg.count("#ffb000") == 1  # the junior's mark
    assert svg.count("<image ") == 1


def test_annotators_far_apart_are_both_named() -> None:
    svg = drawn("apart", "A", annotator="")
    assert {"A senior", "A junior"} <= set(re.findall(r">([^<>]+)</text>", svg))


@pytest.mark.parametrize("kind", ["turned", "size", "no face", "annotators"])
def test_a_label_as_a_whole_is_shown_on_the_whole_film(kind: Kind) -> None:
    assert view(drawn(kind)) == (-0.5, -0.5, 300, 400)


def test_a_point_off_the_film_is_in_the_picture_unless_it_is_far_away() -> None:
    off = replace(FILM, annotations={"senior": {**POINTS, "A": (390.0, 150.0)}})
    left, _, width, _ = view(drawn("off the film", "A", film=off))
    assert left + width > 390
    far = replace(FILM, annotations={"senior": {**POINTS, "A": (90_000.0, 150.0)}})
    assert view(drawn("off the film", "A", film=far)) == (-0.5, -0.5, 300, 400)


def test_copies_are_shown_without_their_landmarks() -> None:
    svg = drawn("alike", annotator="")
    assert "<path" not in svg
    assert "<image" in svg


def test_texts_are_escaped() -> None:
    film = replace(FILM, film_id='<b>"')
    assert "<b>" not in drawn("apart", "A", film=film)
