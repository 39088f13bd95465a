import numpy as np
from PIL import Image, ImageColor

from cephkit.drawing import painter, raster, svg
from cephkit.drawing.marks import ON_FILM, Pen
from cephkit.landmarks.shipped import AARIZ

PEN = Pen(ON_FILM, arm=6.0, line=2.0, rim=1.0, font=12.0)
TRUTH = {"S": (20.0, 30.0), "N": (70.0, 30.0)}


def test_both_back_ends_draw_the_same_marks_at_the_same_points() -> None:
    strokes = painter.errors(TRUTH, {"S": (35.0, 30.0)}, PEN)
    picture = Image.new("RGB", (100, 60))
    raster.paint(picture, strokes, (), ON_FILM)
    for point, colour in (((20, 30), ON_FILM.truth), ((70, 30), ON_FILM.truth), ((35, 30), ON_FILM.prediction)):
        assert picture.getpixel(point) == ImageColor.getrgb(colour)
    assert picture.getpixel((27, 30)) == ImageColor.getrgb(ON_FILM.error)
    drawn = svg.marks_svg(strokes, (), ON_FILM)
    assert f'd="M20 30h.01" stroke="{ON_FILM.truth}"' in drawn
    assert f'd="M20 30L35 30" stroke="{ON_FILM.error}"' in drawn
    assert drawn.count(ON_FILM.prediction) == 1


def test_a_point_without_a_prediction_has_a_dot_and_a_ring_alone() -> None:
    colours = [stroke.colour for stroke in painter.errors({"N": (70.0, 30.0)}, {}, PEN, radius=9)]
    assert colours == [ON_FILM.ring, ON_FILM.truth]


def test_regions_are_those_of_landmarks_that_are_there() -> None:
    (stroke,) = painter.regions({"S": (1.0, 2.0)}, {"S": np.eye(2), "Go": np.eye(2)}, PEN)
    assert stroke.colour == ON_FILM.review


def test_names_avoid_what_is_taken_and_each_other() -> None:
    points = {"S": (50.0, 50.0), "N": (50.0, 62.0)}
    right = (56.0, 40.0, 90.0, 75.0)
    names = list(painter.names(points, PEN, svg.text_width, (0, 0, 100, 100), [right], (8.0,), AARIZ))
    assert {name.text for name in names} == {"S", "N"}
    assert all(name.box[2] <= 50 for name in names)
    assert {name.colour for name in names} == {ON_FILM.tissues["bone"]}


def test_a_legend_is_a_row_of_signs_and_texts() -> None:
    entries: list[painter.Entry] = [
        (lambda at: painter.dot(at, PEN), "truth", "#ffffff"),
        (None, "no sign", "#ffffff"),
    ]
    strokes, texts, end = painter.legend(entries, (10.0, 20.0), PEN, svg.text_width)
    assert len(strokes) == 1
    assert strokes[0].shapes == (((16.0, 20.0),),)
    assert texts[0].box[0] > 16
    assert texts[0].box[2] < texts[1].box[0] < texts[1].box[2] < end
