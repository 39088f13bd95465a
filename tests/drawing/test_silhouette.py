import numpy as np
import pytest

from cephkit.data.film import Points
from cephkit.data.synthetic.anatomy import MEAN
from cephkit.data.synthetic.shapes import draw_face
from cephkit.drawing.silhouette import FEWEST, Silhouette, kriging, silhouettes
from cephkit.landmarks.shipped import AARIZ

FACE = draw_face(np.random.default_rng(5)).points(0.1)


def by_name(present: Points, facing: str = "right") -> dict[str, Silhouette]:
    return {each.name: each for each in silhouettes(present, facing)}  # type: ignore[arg-type]


def nearest(outline: Silhouette, points: Points, symbol: str) -> float:
    return float(np.hypot(*(outline.points(points) - points[symbol]).T).min())


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("mandible", ("B", "Pog", "Gn", "Me", "Go", "R", "Ar", "Co")),
        ("symphysis", ("B", "Pog", "Gn", "Me")),
        ("maxilla", ("ANS", "A", "PNS")),
        ("orbit", ("Or",)),
        ("nasal bone", ("N",)),
        ("upper incisor", ("UIT", "UIA")),
        ("lower incisor", ("LIT", "LIA")),
        ("upper molar", ("UMT",)),
        ("lower molar", ("LMT",)),
        ("lips and chin", ("Pog`", "Li", "Ls", "Sn")),
        ("nose and forehead", ("Sn", "Pn", "N`")),
    ],
)
def test_an_outline_passes_through_its_landmarks_on_every_face(name: str, symbols: tuple[str, ...]) -> None:
    for seed in range(3):
        face = draw_face(np.random.default_rng(seed)).points(0.1)
        for symbol in symbols:
            assert nearest(by_name(face)[name], face, symbol) < 1e-6


def test_all_outlines_are_drawn_on_a_whole_face_and_none_without_landmarks() -> None:
    assert len(by_name(FACE)) == 14
    assert by_name({}) == {}
    assert silhouettes([*FACE, "Ba", "nose"]) == silhouettes(FACE)


@pytest.mark.parametrize(
    ("lost", "names"),
    [
        ("Go", {"mandible", "symphysis"}),
        ("UIA", {"upper incisor"}),
        ("Pn", {"nose and forehead"}),
        ("S", {"sella", "anterior cranial base", "frontal bone", "nasal bone", "orbit"}),
        ("R", set()),
    ],
)
def test_nothing_is_drawn_by_a_landmark_that_is_missing(lost: str, names: set[str]) -> None:
    present = {symbol: point for symbol, point in FACE.items() if symbol != lost}
    drawn = by_name(present)
    assert by_name(FACE).keys() - drawn.keys() == names
    assert all(lost not in outline.symbols and len(outline.symbols) >= min(2, FEWEST) for outline in drawn.values())


def test_a_turned_enlarged_and_moved_face_has_the_same_outlines_so_treated() -> None:
    turn = 1.7 * np.exp(0.4j)
    moved = {symbol: turn * complex(*point) + (50 - 20j) for symbol, point in FACE.items()}
    other = {symbol: (place.real, place.imag) for symbol, place in moved.items()}
    for name, outline in by_name(FACE).items():
        here = outline.points(FACE) @ (1, 1j)
        there = by_name(other)[name].points(other) @ (1, 1j)
        assert there == pytest.approx(turn * here + (50 - 20j), abs=1e-6)


def test_a_left_facing_face_has_mirrored_outlines() -> None:
    mirrored = {symbol: (2000 - x, y) for symbol, (x, y) in FACE.items()}
    for name, outline in by_name(mirrored, "left").items():
        expected = by_name(FACE)[name].points(FACE) * (-1, 1) + (2000, 0)
        assert outline.points(mirrored) == pytest.approx(expected, abs=1e-6)


def test_the_template_itself_is_placed_as_it_is() -> None:
    source = np.array([complex(*place) for place in MEAN.values()])
    places = np.array([10 + 20j, -30 - 40j])
    weights = kriging(source, places)
    assert weights @ source == pytest.approx(places)
    assert weights.sum(axis=1) == pytest.approx(np.ones(2))


def test_only_what_is_near_follows_a_landmark() -> None:
    moved = {**FACE, "Go": (FACE["Go"][0] - 60, FACE["Go"][1] + 60)}
    shift = {name: np.hypot(*(o.points(moved) - o.points(FACE)).T) for name, o in by_name(FACE).items()}
    assert shift["mandible"].max() == pytest.approx(np.hypot(60, 60), rel=0.2)
    assert shift["symphysis"].max() < 10
    assert all(shift[name].max() == 0 for name in ("maxilla", "sella", "upper incisor"))


def test_plain_types_give_the_same_points() -> None:
    outline = by_name(FACE)["mandible"]
    plain = outline.to_dict()
    weights = np.array(plain["weights"]) @ (1, 1j)
    assert weights.shape == outline.weights.shape
    assert weights == pytest.approx(outline.weights, abs=1e-6)
    assert (plain["tissue"], plain["closed"]) == ("bone", True)
    assert set(plain["symbols"]) <= set(AARIZ.symbols)
