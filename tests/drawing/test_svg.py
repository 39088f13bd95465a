import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cephkit.drawing.marks import HALO_OPACITY, ON_FILM, Ellipse, Name, Stroke
from cephkit.drawing.svg import View, document, film_svg, marks_svg, num, reduced


def test_numbers_are_short_and_exact_to_a_hundredth() -> None:
    assert [num(value) for value in (1.0, 1234.567, -0.001, 0.5, 100.0)] == ["1", "1234.57", "0", "0.5", "100"]


def test_a_stroke_goes_through_its_points_and_has_a_solid_halo() -> None:
    stroke = Stroke((((1, 2), (3.25, 4)), ((5, 6),)), "#123456", 2, rim=1.5, dash=10)
    halo, line, _ = marks_svg([stroke], (), ON_FILM).split("/>")
    assert line == '<path d="M1 2L3.25 4M5 6h.01" stroke="#123456" stroke-width="2" stroke-dasharray="10 7"'
    assert halo == f'<path d="M1 2L3.25 4M5 6h.01" stroke="#000000" stroke-width="5" stroke-opacity="{HALO_OPACITY}"'


def test_no_stroke_lies_under_the_halo_of_another() -> None:
    svg = marks_svg([Stroke((((1, 2), (3, 4)),), colour, 2, rim=1) for colour in ("#aaaaaa", "#bbbbbb")], (), ON_FILM)
    places = [svg.index(colour) for colour in ("#000000", "#aaaaaa", "#bbbbbb")]
    assert places == sorted(places)
    assert svg.rindex("#000000") < places[1]


def test_an_ellipse_turns_about_its_centre() -> None:
    svg = marks_svg([Stroke((Ellipse((100, 50), (20, 5), 30.0),), "#123456", 1)], (), ON_FILM)
    assert '<ellipse cx="100" cy="50" rx="20" ry="5" transform="rotate(30 100 50)"' in svg


def test_names_and_attributes_are_escaped() -> None:
    names = marks_svg((), [Name("<b>", (0, 0, 10, 5), 5, "#ffffff")], ON_FILM)
    svg = document(View(0, 0, 10, 10), [names], aria_label='<i>"x"')
    assert "&lt;b&gt;" in svg
    assert ElementTree.fromstring(svg).get("aria-label") == '<i>"x"'


@pytest.mark.parametrize(
    ("size", "reduced_to"), [((100, 50), (100, 50)), ((3000, 100), (1500, 50)), ((10, 5000), (2, 1000))]
)
def test_a_film_is_reduced_to_fit(size: tuple[int, int], reduced_to: tuple[int, int]) -> None:
    assert reduced(size, (1500, 1000)) == reduced_to


def test_the_part_of_the_film_in_view_is_embedded() -> None:
    svg = film_svg(np.zeros((100, 80), np.uint8), View(9.5, 19.5, 29.5, 49.5), (500, 500))
    assert 'x="8.5" y="18.5" width="22" height="32"' in svg
    picture = Image.open(io.BytesIO(base64.b64decode(svg.split("base64,")[1].split('"')[0])))
    assert picture.size == (22, 32)
    assert film_svg(np.zeros((100, 80), np.uint8), View(200, 200, 300, 300), (500, 500)) == ""
