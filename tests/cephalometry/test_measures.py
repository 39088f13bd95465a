import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cephkit.cephalometry.measures import BY_ID, MEASUREMENTS
from cephkit.cephalometry.primitives import wrapped
from cephkit.data.film import Points
from cephkit.landmarks.shipped import AARIZ
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real, moved, rotation, values

MIRROR = [[-1, 0], [0, 1]]
faces = st.integers(0, 10_000).map(face_like_real)
coordinate = st.floats(0, 2000, allow_subnormal=False)
any_points = st.tuples(*(st.tuples(coordinate, coordinate) for _ in AARIZ.symbols)).map(
    lambda places: dict(zip(AARIZ.symbols, places, strict=True))
)

# Calculated from the coordinates in faces.py by hand, not with this package.
BY_HAND = {
    "sna": 90.0, "snb": 84.2894, "anb": 5.7106, "a_nperp": 0.0, "pog_nperp": 0.0, "facial_angle": 90.0,
    "maxillary_depth": 90.0, "convexity_deg": 0.0, "convexity_mm": 0.0, "ab_plane": -11.3099, "wits_fop": 10.0,
    "wits_bop": 7.6841, "apdi": 78.6901, "odi": 56.3099, "co_a": 85.4400, "co_gn": 118.5327,
    "mx_md_difference": 33.0927, "pog_nb": 11.9404, "fma": 45.0, "sn_gogn": 45.0, "sn_gome": 45.0, "sn_mxp": 0.0,
    "pp_fh": 0.0, "mmpa": 45.0, "facial_taper": 45.0, "y_axis": 70.2011, "lafh_percent": 65.3846, "ans_me": 87.3212,
    "facial_height_percent": 53.7604, "fhi": 0.537604, "saddle": 123.6901, "articular": 132.2737, "gonial": 149.0362,
    "upper_gonial": 62.8504, "lower_gonial": 86.1859, "bjork_sum": 405.0, "s_n": 70.0, "s_ar": 36.0555,
    "ar_go": 41.2311, "go_me": 84.8528, "sn_fop": 0.0, "occlusal_cant": 2.6425, "interincisal": 135.0,
    "u1_na_deg": 26.5651, "u1_na_mm": 5.0, "l1_nb_deg": 12.7244, "l1_nb_mm": 7.4628, "holdaway_ratio": 0.625,
    "u1_sn": 116.5651, "ui_mxp": 116.5651, "u1_apog_deg": 26.5651, "u1_apog_mm": 5.0, "u1_a_vertical": 5.0,
    "impa": 63.4349, "l1_mp": -26.5651, "fmia": 71.5651, "l1_occlusal": 15.7924, "l1_apog_deg": 18.4349,
    "l1_apog_mm": 0.0, "mw": 7.0711, "overjet": 5.2252, "overbite": 4.7642, "s_go": 70.7107, "n_me": 131.5295,
    "ls_e_line": -4.1208, "li_e_line": -4.8076, "soft_facial_angle": 90.0,
    "h_angle": 11.3099, "li_h_line": -1.9612, "sn_h_line": 6.8641, "nose_prominence": 10.0, "chin_thickness": 5.0,
    "z_angle": 78.6901, "ls_sn_pog": 5.8132, "li_sn_pog": 2.0761,
}  # fmt: skip


def test_every_measurement_has_a_value_calculated_by_hand() -> None:
    assert set(BY_HAND) | {"anb_corrected"} == set(BY_ID)
    assert len(BY_ID) == len(MEASUREMENTS)


@pytest.mark.parametrize("measurement", BY_HAND)
def test_values_of_the_round_face(measurement: str) -> None:
    assert values(ROUND)[measurement] == pytest.approx(BY_HAND[measurement], abs=1.1e-4)


def assert_same(found: dict[str, float | None], expected: dict[str, float | None]) -> None:
    """The same values are present, and they are equal."""
    present = {name: value for name, value in expected.items() if value is not None}
    assert {name for name, value in found.items() if value is not None} == set(present)
    assert {name: found[name] for name in present} == pytest.approx(present, rel=1e-6, abs=1e-7)


def changed(symbol: str, ahead: float = 0.0, up: float = 0.0) -> dict[str, float | None]:
    """Values of the round face with one landmark moved, in mm."""
    x, y = ROUND[symbol]
    return values({**ROUND, symbol: (x + ahead / PIXEL_MM, y - up / PIXEL_MM)})


@pytest.mark.parametrize(
    ("measurement", "symbol", "ahead", "up"),
    [
        ("sna", "A", 1, 0), ("snb", "B", 1, 0), ("anb", "A", 1, 0), ("wits_bop", "A", 1, 0), ("wits_fop", "A", 1, 0),
        ("convexity_deg", "A", 1, 0), ("convexity_mm", "A", 1, 0), ("ab_plane", "B", 1, 0), ("a_nperp", "A", 1, 0),
        ("pog_nperp", "Pog", 1, 0), ("pog_nb", "Pog", 1, 0), ("facial_angle", "Pog", 1, 0), ("apdi", "B", 1, 0),
        ("odi", "A", 1, 0), ("odi", "ANS", 0, -1), ("pp_fh", "ANS", 0, -1), ("sn_mxp", "ANS", 0, -1),
        ("fma", "Go", 0, 1), ("sn_gogn", "Go", 0, 1), ("mmpa", "Go", 0, 1), ("y_axis", "Gn", -1, 0),
        ("u1_na_deg", "UIT", 1, 0), ("u1_na_mm", "UIT", 1, 0), ("u1_apog_mm", "UIT", 1, 0),
        ("u1_apog_deg", "UIT", 1, 0),
        ("u1_sn", "UIT", 1, 0), ("ui_mxp", "UIT", 1, 0), ("mw", "UIT", 1, 0), ("u1_a_vertical", "UIT", 1, 0),
        ("l1_nb_deg", "LIT", 1, 0), ("l1_nb_mm", "LIT", 1, 0), ("impa", "LIT", 1, 0), ("l1_mp", "LIT", 1, 0),
        ("l1_occlusal", "LIA", -1, 0), ("l1_apog_deg", "LIA", -1, 0), ("l1_apog_mm", "LIT", 1, 0),
        ("ls_e_line", "Ls", 1, 0), ("li_e_line", "Li", 1, 0), ("li_h_line", "Li", 1, 0), ("sn_h_line", "Sn", -1, 0),
        ("h_angle", "Ls", 1, 0), ("ls_sn_pog", "Ls", 1, 0), ("li_sn_pog", "Li", 1, 0), ("nose_prominence", "Pn", 1, 0),
        ("chin_thickness", "Pog`", 1, 0), ("soft_facial_angle", "Pog`", 1, 0), ("z_angle", "Ls", -1, 0),
        ("occlusal_cant", "UIT", 0, -1), ("sn_fop", "UPM", 0, -1), ("fmia", "LIT", -1, 0),
        ("lafh_percent", "Me", 0, -1), ("overjet", "UIT", 1, 0), ("overbite", "UIT", 0, -1), ("s_go", "Go", 0, -1),
        ("n_me", "Me", 0, -1),
    ],
)  # fmt: skip
def test_a_measurement_increases_with_what_its_name_says(
    measurement: str, symbol: str, ahead: float, up: float
) -> None:
    before, after = values(ROUND)[measurement], changed(symbol, ahead, up)[measurement]
    assert before is not None
    assert after is not None
    assert after > before + 1e-3


@pytest.mark.parametrize(("ahead", "sign"), [(0.0, 1), (-20.0, -1)])
def test_an_upper_incisor_posterior_to_the_lower_makes_mw_negative(ahead: float, sign: int) -> None:
    found = changed("UIT", ahead)["mw"]
    assert found is not None
    assert found * sign > 0


@settings(deadline=None, max_examples=60)
@given(faces)
def test_identities_hold_on_realistic_faces(points: Points) -> None:
    assert_identities(points, up_to_turns=False)


@settings(deadline=None, max_examples=25)
@given(any_points)
def test_identities_hold_up_to_full_turns_on_arbitrary_points(points: Points) -> None:
    assert_identities(points, up_to_turns=True)


def assert_identities(points: Points, up_to_turns: bool) -> None:
    """Each holds to 1e-9, if all its measurements have a value."""
    at = values(points, facing="right")

    def total(expected: float, *terms: tuple[int, str]) -> None:
        known = [sign * value for sign, name in terms if (value := at[name]) is not None]
        if len(known) == len(terms):
            left = sum(known) - expected
            assert (wrapped(left) if up_to_turns else left) == pytest.approx(0, abs=1e-9), terms

    total(0, (1, "sna"), (-1, "snb"), (-1, "anb"))
    total(180, (1, "fma"), (1, "fmia"), (1, "impa"))
    total(180, (1, "u1_na_deg"), (1, "l1_nb_deg"), (1, "anb"), (1, "interincisal"))
    total(360, (1, "bjork_sum"), (-1, "sn_gome"))
    total(0, (1, "bjork_sum"), (-1, "saddle"), (-1, "articular"), (-1, "gonial"))
    total(0, (1, "upper_gonial"), (1, "lower_gonial"), (-1, "gonial"))
    total(0, (1, "sn_gome"), (-1, "sn_mxp"), (-1, "mmpa"))
    total(0, (1, "fma"), (-1, "mmpa"), (-1, "pp_fh"))
    total(0, (1, "apdi"), (-1, "facial_angle"), (-1, "ab_plane"), (-1, "pp_fh"))
    total(180, (1, "facial_angle"), (1, "fma"), (1, "facial_taper"))
    total(90, (1, "impa"), (-1, "l1_mp"))
    total(0, (1, "ui_mxp"), (-1, "u1_sn"), (-1, "sn_mxp"))
    total(180, (1, "u1_apog_deg"), (1, "l1_apog_deg"), (1, "interincisal"))


@settings(deadline=None, max_examples=40)
@given(faces, st.floats(-20, 20), st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_rotating_and_shifting_the_film_changes_nothing(points: Points, degrees: float, x: float, y: float) -> None:
    assert_same(values(moved(points, rotation(degrees), (x, y))), values(points))


@settings(deadline=None, max_examples=40)
@given(faces)
def test_mirroring_the_film_changes_nothing(points: Points) -> None:
    mirrored = moved(points, MIRROR, (2000.0, 0.0))
    assert_same(values(mirrored), values(points))
    assert values(mirrored, facing="left") == values(mirrored)
    # With the wrong facing the values are different.
    assert values(mirrored, facing="right")["sna"] != pytest.approx(values(points)["sna"], abs=20)


@settings(deadline=None, max_examples=40)
@given(faces, st.floats(0.2, 5))
def test_the_resolution_of_the_film_does_not_matter(points: Points, factor: float) -> None:
    scaled = moved(points, [[factor, 0], [0, factor]])
    before = values(points)
    assert_same(values(scaled, PIXEL_MM / factor), before)
    lengths = {entry.id for entry in MEASUREMENTS if entry.unit == "mm"}
    grown = {name: value and value * (factor if name in lengths else 1) for name, value in before.items()}
    assert_same(values(scaled), grown)
