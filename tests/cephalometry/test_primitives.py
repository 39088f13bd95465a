import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cephkit.cephalometry.primitives import (
    DegenerateError,
    along,
    angle,
    copysign,
    interior,
    length,
    line,
    midpoint,
    minimum,
    offset,
    wrapped,
)

AT = {symbol: np.array(xy, dtype=float) for symbol, xy in
      {"S": (0, 0), "N": (10, 0), "A": (10, -10), "B": (0, -10), "Me": (4, -20)}.items()}  # fmt: skip


def test_an_angle_is_counter_clockwise_between_directed_lines() -> None:
    assert angle(line("S", "A"), line("S", "N")).value(AT) == pytest.approx(-45)
    assert angle(line("S", "N"), line("S", "A")).value(AT) == pytest.approx(45)
    assert angle(line("N", "S"), line("S", "A")).value(AT) == pytest.approx(-135)
    assert angle(line("N", "S"), line("S", "N")).value(AT) == 180


def test_an_interior_angle_may_exceed_180() -> None:
    assert interior(line("S", "A"), line("S", "N")).value(AT) == pytest.approx(315)


@given(st.floats(-2000, 2000))
def test_wrapped_is_the_same_direction_within_180_degrees(degrees: float) -> None:
    assert -180 < wrapped(degrees) <= 180
    assert (wrapped(degrees) - degrees) / 360 == pytest.approx(round((wrapped(degrees) - degrees) / 360), abs=1e-9)


def test_an_offset_is_positive_anterior_to_a_descending_line() -> None:
    down = line("N", "A")
    assert offset("S", down).value(AT) == -10
    assert offset("N", line("S", "B")).value(AT) == 10
    assert offset("N", line("B", "A")).value(AT) == 10  # above a line that points forward


def test_along_projects_onto_the_direction_of_a_line() -> None:
    assert along("A", "S", line("S", "N")).value(AT) == 10
    assert along("S", "A", line("S", "N")).value(AT) == -10
    assert along(midpoint("A", "B"), "S", line("S", "B")).value(AT) == 10


def test_formulas_can_be_combined_and_know_their_landmarks() -> None:
    formula = 2 * length("S", "N") - length("N", "A") / length("S", "B") + 1
    assert formula.value(AT) == pytest.approx(20)
    assert formula.needs == ("A", "B", "N", "S")
    assert str(formula) == "2 * length(S, N) - (length(N, A) / length(S, B)) + 1"
    assert (90 - length("S", "N")).value(AT) == 80
    assert (-length("S", "N")).value(AT) == -10


def test_minimum_and_copysign() -> None:
    assert minimum(length("S", "N"), length("N", "A") - 3).value(AT) == 7
    assert copysign(length("S", "N"), along("S", "N", line("S", "N"))).value(AT) == -10


def test_a_line_without_length_has_no_direction() -> None:
    at = {**AT, "A": AT["N"]}
    with pytest.raises(DegenerateError, match="N and A coincide"):
        angle(line("N", "A"), line("S", "N")).value(at)
    with pytest.raises(DegenerateError, match="division by zero"):
        (length("S", "N") / length("N", "A")).value(at)
    assert length("N", "A").value(at) == 0


def test_an_unknown_symbol_is_rejected_when_the_line_is_defined() -> None:
    with pytest.raises(KeyError, match="unknown landmark 'X'"):
        line("N", "X")
    assert midpoint("Pog'").needs == ("Pog`",)
