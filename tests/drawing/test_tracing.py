import base64
import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing, square
from cephkit.drawing.marks import shared_area
from cephkit.drawing.tracing import (
    BEYOND,
    FONT,
    LINES,
    OUTLINES,
    SMALL_FONT,
    drawn_lines,
    drawn_outlines,
    extent,
    tracing_svg,
    view_of,
)
from cephkit.landmarks.shipped import AARIZ
from tests.cephalometry.faces import ROUND, face_like_real, moved

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def paths(svg: str) -> list[list[tuple[float, float]]]:
    """Points of all paths that are one line."""
    found = [element.get("d", "") for element in parsed(svg).iter(f"{SVG}path")]
    rows = [path.removeprefix("M").split("L") for path in found if path.count("M") == 1]
    return [[(float(x), float(y)) for x, y in (place.split() for place in row)] for row in rows if len(row) > 1]


def names(svg: str) -> dict[str, tuple[float, float, float]]:
    """Text -> x of its middle, y of its baseline, font size."""
    return {
        text.text or "": (float(text.get("x", 0)), float(text.get("y", 0)), float(text.get("font-size", 0)))
        for text in parsed(svg).iter(f"{SVG}text")
    }


def viewbox(svg: str) -> list[float]:
    return [float(value) for value in parsed(svg).get("viewBox", "").split()]


def test_lines_are_drawn_at_the_landmarks_film_pixels() -> None:
    drawn = paths(tracing_svg(ROUND))
    assert any(piece[1:3] == [ROUND["S"], ROUND["N"]] for piece in drawn)
    assert any(piece[1:3] == [ROUND["Po"], ROUND["Or"]] for piece in drawn)
    assert [ROUND[s] for s in ("N`", "Pn", "Sn", "Ls", "Li", "Pog`")] in drawn


def test_landmarks_that_are_not_there_leave_no_name_and_no_line() -> None:
    left: Points = {symbol: point for symbol, point in ROUND.items() if symbol not in ("S", "Pn")}
    drawn = names(tracing_svg(left))
    assert not {"S", "SN", "Pn", "E"} & drawn.keys()
    assert {"N", "FH", "PP", "Go-Me"} <= drawn.keys()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("facing", ["right", "left"])
def test_names_do_not_lie_upon_each_other(seed: int, facing: str) -> None:
    face = face_like_real(seed)
    face = face if facing == "right" else moved(face, [[-1, 0], [0, 1]], (2500, 0))
    boxes = {}
    for text, (x, baseline, size) in names(tracing_svg(face)).items():
        half = 0.31 * size * len(text)
        boxes[text] = (x - half, baseline - 0.75 * size, x + half, baseline)
    assert boxes.keys() >= set(AARIZ.symbols)
    for (one, box), (other, beside) in itertools.combinations(boxes.items(), 2):
        area = (box[2] - box[0]) * (box[3] - box[1])
        assert shared_area(box, beside) < 0.15 * area, f"{one} and {other}"


def test_names_stay_in_the_picture() -> None:
    svg = tracing_svg(ROUND)
    left, top, width, height = viewbox(svg)
    for x, y, _ in names(svg).values():
        assert left < x < left + width
        assert top < y < top + height


def test_the_film_lies_behind_at_its_own_pixels() -> None:
    grey = np.zeros((2000, 2000), np.uint8)
    grey[1000:, :] = 200
    svg = tracing_svg(ROUND, grey)
    (image,) = parsed(svg).iter(f"{SVG}image")
    x, y, width, height = (float(image.get(name, 0)) for name in ("x", "y", "width", "height"))
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.get("href", "").split(",")[1]))))
    assert max(picture.shape) <= 1400
    # The edge between rows 999 and 1000 lies at 999.5 where pixel centres are integers.
    edge = y + (picture[:, 5] < 100).sum() / picture.shape[0] * height
    assert edge == pytest.approx(999.5, abs=1.5)
    assert (x + 0.5, y + 0.5) == (int(x + 0.5), int(y + 0.5))
    assert width < 2000
    assert "<image" not in tracing_svg(ROUND)


def test_the_view_has_the_landmarks_and_no_emptiness_beside_the_film() -> None:
    view = view_of({"S": (100, 100), "N": (900, 300)}, (1000, 950))
    assert view.box == (-0.5, -0.5, 949.5, 412)
    beside = view_of({"S": (-50, 100), "N": (900, 300)}, (1000, 950))
    assert beside.left == -50
    assert view_of({}, (1000, 950)).box == (-0.5, -0.5, 949.5, 999.5)
    far = view_of({"S": (3000, 3000), "N": (3900, 3300)}, (1000, 950))
    assert far.right >= 3900
    assert tracing_svg({"S": (3000, 3000), "N": (3900, 3300)}, np.zeros((1000, 950), np.uint8)).count("<image") == 0


@pytest.mark.parametrize(("pixel_mm", "label", "length"), [(0.1, "50 mm", 500), (0.234375, "50 mm", 213.33)])
def test_the_scale_bar_is_as_long_as_it_says(pixel_mm: float, label: str, length: float) -> None:
    face = moved(ROUND, np.eye(2) * 0.1 / pixel_mm)
    svg = tracing_svg(face, spacing=square(pixel_mm, "test"))
    assert label in names(svg)
    (start, end) = paths(svg)[-1][1:3]
    assert end[0] - start[0] == pytest.approx(length, abs=0.02)
    assert start[1] == end[1]


def test_the_scale_bar_runs_across_pixels_that_are_not_square() -> None:
    svg = tracing_svg(ROUND, spacing=Spacing(0.12, 0.1, "test"))
    (start, end) = paths(svg)[-1][1:3]
    assert end[0] - start[0] == pytest.approx(500, abs=0.02)
    assert not any(text.endswith("mm") for text in names(tracing_svg(ROUND)))


def test_regions_are_drawn_of_landmarks_that_are_there() -> None:
    circle = np.eye(2) * 30.0**2
    svg = tracing_svg({"S": (100, 100), "N": (800, 90)}, regions={"S": circle, "Go": circle})
    ellipses = list(parsed(svg).iter(f"{SVG}ellipse"))
    assert len(ellipses) == 2  # halo and line
    assert {(e.get("cx"), e.get("cy"), e.get("rx")) for e in ellipses} == {("100", "100", "30")}


def test_names_are_large_enough_to_read_and_the_title_is_escaped() -> None:
    svg = tracing_svg(ROUND, title='<b>"x"')
    unit = max(viewbox(svg)[2:]) / 1000
    assert {round(size / unit) for _, _, size in names(svg).values()} == {round(FONT), round(SMALL_FONT)}
    assert parsed(svg).get("aria-label") == '<b>"x"'
    assert not re.search(r"nan|inf\b", svg)


ABSENT_IN_ISBI = ("R", "Co", "LPM", "LMT", "UPM", "UIA", "UMT", "LIA", "N`", "Pn")
ISBI = {symbol: ROUND[symbol] for symbol in AARIZ.symbols if symbol not in ABSENT_IN_ISBI}


def test_every_line_and_outline_is_of_known_landmarks() -> None:
    known = set(AARIZ.symbols)
    assert all({*line.start, *line.end} <= known for line in LINES)
    assert all(set(outline.symbols) <= known and outline.optional < set(outline.symbols) for outline in OUTLINES)


def test_a_face_of_29_landmarks_has_all_lines_but_the_stand_in() -> None:
    names = [drawn.line.name for drawn in drawn_lines(ROUND)]
    assert names == ["SN", "FH", "PP", "Go-Me", "N-A", "N-B", "N-Pog", "BOP", "U1", "L1", "E"]


def test_lines_go_through_the_landmarks_and_a_little_beyond() -> None:
    face = face_like_real(3)
    beyond = BEYOND * extent(face)
    for drawn in drawn_lines(face):
        start, end = (np.mean([face[s] for s in ends], axis=0) for ends in (drawn.line.start, drawn.line.end))
        assert drawn.path[1:3] == (pytest.approx(tuple(start)), pytest.approx(tuple(end)))
        direction = (end - start) / np.hypot(*(end - start))
        np.testing.assert_allclose(np.subtract(drawn.beyond_end, drawn.end), beyond * direction)
        np.testing.assert_allclose(np.subtract(drawn.before_start, drawn.start), -beyond * direction)


def test_the_bisected_plane_ends_in_the_middle_of_two_landmarks() -> None:
    (plane,) = (drawn for drawn in drawn_lines(ROUND) if drawn.line.name == "BOP")
    assert plane.start == pytest.approx((900, 1160))  # UMT (40, -75), LMT (40, -77) mm on a film of 0.1 mm
    assert plane.end == pytest.approx((1225, 1175))


@pytest.mark.parametrize("landmark", [landmark.symbol for landmark in AARIZ.landmarks])
def test_a_missing_landmark_takes_its_lines_along_and_no_others(landmark: str) -> None:
    left = {symbol: point for symbol, point in ROUND.items() if symbol != landmark}
    names = {drawn.line.name for drawn in drawn_lines(left)}
    expected = {line.name for line in LINES if landmark not in (*line.start, *line.end)}
    expected -= {"Go-Gn"} if landmark != "Me" else set()
    assert names == expected
    place = ROUND[landmark]
    assert all(place not in piece for _, piece in drawn_outlines(left))


def test_without_menton_gnathion_stands_in() -> None:
    left = {symbol: point for symbol, point in ROUND.items() if symbol != "Me"}
    assert "Go-Gn" in {drawn.line.name for drawn in drawn_lines(left)}


def test_19_landmarks_have_what_they_allow() -> None:
    assert [drawn.line.name for drawn in drawn_lines(ISBI)] == ["SN", "FH", "PP", "Go-Me", "N-A", "N-B", "N-Pog"]
    pieces = [piece for _, piece in drawn_outlines(ISBI)]
    assert pieces[0] == tuple(ROUND[symbol] for symbol in ("Ar", "Go", "Me", "Gn", "Pog", "B"))
    assert pieces[2] == tuple(ROUND[symbol] for symbol in ("Sn", "Ls", "Li", "Pog`"))


def test_an_outline_breaks_where_a_landmark_is_missing() -> None:
    left = {symbol: point for symbol, point in ROUND.items() if symbol != "Go"}
    pieces = [piece for _, piece in drawn_outlines(left)]
    assert pieces[0] == (ROUND["Co"], ROUND["Ar"], ROUND["R"])
    assert pieces[1] == tuple(ROUND[symbol] for symbol in ("Me", "Gn", "Pog", "B"))


def test_nothing_is_drawn_from_nothing_or_between_points_that_coincide() -> None:
    assert drawn_lines({}) == ()
    assert list(drawn_outlines({"S": (1, 2)})) == []
    assert drawn_lines({"S": (5, 5), "N": (5, 5)}) == ()
