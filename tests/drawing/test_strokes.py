import re

import numpy as np
import pytest

from cephkit.drawing.strokes import ON_FILM, ON_WHITE, marker, num, path, region


def luminance(colour: str) -> float:
    """Relative luminance as of WCAG 2, of #rgb, #rrggbb or rgb(r,g,b)."""
    digits = colour.removeprefix("#")
    if colour.startswith("rgb"):
        values = [int(value) for value in re.findall(r"\d+", colour)]
    else:
        wide = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
        values = [int(wide[start : start + 2], 16) for start in (0, 2, 4)]
    linear = [value / 3294.6 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in values]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_numbers_are_short_and_exact_to_a_hundredth() -> None:
    assert [num(value) for value in (1.0, 1234.567, -0.001, 0.5, 100.0)] == ["1", "1234.57", "0", "0.5", "100"]


def test_a_path_goes_through_its_points() -> None:
    stroke = path([(1, 2), (3.25, 4)], "#123456", 2, dash=10)
    assert stroke.svg() == ('<polyline points="1,2 3.25,4" stroke="#123456" stroke-width="2" stroke-dasharray="10 7"/>')
    assert 'stroke-width="5"' in stroke.halo("#000", 1.5)
    assert "dasharray" not in stroke.halo("#000", 1.5)


def test_markers_lie_at_their_landmark_and_differ_by_tissue() -> None:
    assert 'd="M92 50h16M100 42v16"' in marker((100, 50), "bone", "#000", 8, 1).svg()
    assert marker((100, 50), "tooth", "#000", np.sqrt(2) * 8, 1).shape == 'path d="M92 42l16 16m0 -16l-16 16"'
    assert marker((100, 50), "soft", "#000", 10, 1).shape.startswith('path d="M92 50a8 8')


def test_an_ellipse_has_the_axes_of_its_region() -> None:
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = region((100, 50), turn @ np.diag([400.0, 25.0]) @ turn.T, "#000", 1).shape
    assert 'cx="100" cy="50" rx="20" ry="5"' in shape
    degrees = float(re.findall(r"rotate\((\S+) 100 50\)", shape)[0])
    assert degrees % 180 == pytest.approx(30)


@pytest.mark.parametrize("ink", [ON_FILM, ON_WHITE])
def test_all_colours_stand_out_from_their_halo(ink: object) -> None:
    chosen = ON_FILM if ink is ON_FILM else ON_WHITE
    assert all(contrast(colour, chosen.halo) >= 4.5 for colour in (*chosen.tissues.values(), chosen.look, chosen.text))
