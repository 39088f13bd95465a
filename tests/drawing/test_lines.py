import numpy as np
import pytest

from cephkit.drawing.lines import BEYOND, LINES, OUTLINES, drawn_lines, drawn_outlines, extent
from cephkit.landmarks import LANDMARKS, SYMBOLS
from tests.cephalometry.faces import ROUND, face_like_real

ABSENT_IN_ISBI = ("R", "Co", "LPM", "LMT", "UPM", "UIA", "UMT", "LIA", "N`", "Pn")
ISBI = {symbol: ROUND[symbol] for symbol in SYMBOLS if symbol not in ABSENT_IN_ISBI}


def test_every_line_and_outline_is_of_known_landmarks() -> None:
    known = set(SYMBOLS)
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


@pytest.mark.parametrize("landmark", [landmark.symbol for landmark in LANDMARKS])
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
