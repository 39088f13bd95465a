from cephkit.interchange.skeleton import EDGES, colour, layout
from cephkit.landmarks import SYMBOLS


def test_edges_join_landmarks_once() -> None:
    assert {symbol for edge in EDGES for symbol in edge} == set(SYMBOLS)
    assert len({frozenset(edge) for edge in EDGES}) == len(EDGES)


def test_the_template_is_a_face_that_looks_right_within_its_square() -> None:
    place = layout()
    assert tuple(place) == SYMBOLS
    assert all(5 <= value <= 95 for point in place.values() for value in point)
    assert place["N"][0] > place["S"][0]
    assert place["Me"][1] > place["N"][1]


def test_tissues_have_colours_of_their_own() -> None:
    assert (colour("A"), colour("UIT"), colour("Ls")) == ("#56b4e9", "#f0e442", "#ff8c3c")
