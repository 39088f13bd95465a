import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cephkit.cephalometry.primitives import (
    DegenerateError,
    along,
    beside,
    interior,
    length,
    line,
    mid,
    signed_as,
    smallest,
    turn,
    wrapped,
)

AT = {symbol: np.array(xy, dtype=float) for symbol, xy in
      {"S": (0, 0), "N": (10, 0), "A": (10, -10), "B": (0, -10), "Me": (4, -20)}.items()}  # fmt: skip


def test_a_turn_is_counter_clockwise_and_counts_the_lines_directions() -> None:
    assert turn(line("S", "A"), line("S", "N")).value(AT) == pytest.approx(-45)
    assert turn(line("S", "N"), line("S", "A")).value(AT) == pytest.approx(45)
    assert turn(line("N", "S"), line("S", "A")).value(AT) == pytest.approx(-135)
    assert turn(line("N", "S"), line("S", "N")).value(AT) == 180


def test_an_interior_angle_goes_on_beyond_180() -> None:
    assert interior(line("S", "A"), line("S", "N")).value(AT) == pytest.approx(315)


@given(st.floats(-2000, 2000))
def test_wrapped_is_the_same_direction_within_half_a_turn(degrees: float) -> None:
    assert -180 < wrapped(degrees) <= 180
    assert (wrapped(degrees) - degrees) / 360 == pytest.approx(round((wrapped(degrees) - degrees) / 360), abs=1e-9)


def test_beside_is_positive_in_front_of_a_line_that_runs_down() -> None:
    down = line("N", "A")
    assert beside("S", down).value(AT) == -10
    assert beside("N", line("S", "B")).value(AT) == 10
    assert beside("N", line("B", "A")).value(AT) == 10  # above a line that runs to the front


def test_along_measures_in_a_lines_direction() -> None:
    assert along("A", "S", line("S", "N")).value(AT) == 10
    assert along("S", "A", line("S", "N")).value(AT) == -10
    assert along(mid("A", "B"), "S", line("S", "B")).value(AT) == 10


def test_formulas_add_subtract_scale_and_know_what_they_need() -> None:
    formula = 2 * length("S", "N") - length("N", "A") / length("S", "B") + 1
    assert formula.value(AT) == pytest.approx(20)
    assert formula.needs == ("A", "B", "N", "S")
    assert str(formula) == "2 * length(S, N) - (length(N, A) / length(S, B)) + 1"
    assert (90 - length("S", "N")).value(AT) == 80
    assert (-length("S", "N")).value(AT) == -10


def test_smallest_and_sign() -> None:
    assert smallest(length("S", "N"), length("N", "A") - 3).value(AT) == 7
    assert signed_as(length("S", "N"), along("S", "N", line("S", "N"))).value(AT) == -10


def test_a_line_without_length_has_no_direction() -> None:
    at = {**AT, "A": AT["N"]}
    with pytest.raises(DegenerateError, match="N and A coincide"):
        turn(line("N", "A"), line("S", "N")).value(at)
    with pytest.raises(DegenerateError, match="divided by zero"):
        (length("S", "N") / length("N", "A")).value(at)
    assert length("N", "A").value(at) == 0


def test_a_symbol_that_is_none_is_refused_where_it_is_written() -> None:
    with pytest.raises(KeyError, match="unknown landmark symbol 'X'"):
        line("N", "X")
    assert mid("Pog'").symbols == ("Pog`",)
