from dataclasses import replace

import pytest

from cephkit.cephalometry.norms import Norm
from cephkit.cephalometry.results import Result
from cephkit.cephalometry.sheet_rows import (
    by_reason,
    height,
    in_columns,
    norm_text,
    number,
    sheet_rows,
    value_text,
)

MEAN = Norm("mean and SD", "Downs", 87.8, 3.6, 82, 95)
PLAIN = Result("Downs", "facial_angle", "Facial angle", "deg", value=95.0, standard_error=1.26, norm=MEAN)


def test_numbers_have_a_true_minus_sign_and_none_before_zero() -> None:
    assert [number(value, 1) for value in (-4.56, -0.04, 0.0, 12.0)] == ["\N{MINUS SIGN}4.6", "0.0", "0.0", "12.0"]
    assert [number(value, 2, idle_zeros=False) for value in (-4.5, 20.0, 6.07)] == ["\N{MINUS SIGN}4.5", "20", "6.07"]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("deg", 81.25, "81.2°"),
        ("mm", -3.0, "\N{MINUS SIGN}3.0 mm"),
        ("%", 62.5, "62.5 %"),
        ("ratio", 0.6512, "0.651"),
        ("ratio", 1.234, "1.23"),
        ("ratio", 53.6, "54"),
    ],
)
def test_values_carry_their_unit(unit: str, value: float, text: str) -> None:
    result = replace(PLAIN, unit=unit, value=value)  # type: ignore[arg-type]
    assert value_text(value, result) == text


@pytest.mark.parametrize(
    ("norm", "text"),
    [
        (MEAN, "87.8 ± 3.6"),
        (Norm("mean and SD", "", 74.5, 6.07), "74.5 ± 6.07"),
        (Norm("goal", "", 82.0), "82 goal"),
        (Norm("mean by sex", "", -1.0), "\N{MINUS SIGN}1"),
        (Norm("goal range", "", 25.0, None, 20.0, 30.0), "20–30"),
        (Norm("range", "", None, None, -1.0, 5.0), "\N{MINUS SIGN}1 to 5"),
    ],
)
def test_norms_show_their_figures(norm: Norm, text: str) -> None:
    assert norm_text(norm, 1) == text


def test_a_deviation_in_sd_is_a_number_and_a_bar() -> None:
    (row,) = sheet_rows([replace(PLAIN, value=87.8 + 2 * 3.6 - 1e-9)])
    assert (row.value, row.error, row.norm, row.difference) == ("95.0°", "±1.3", "87.8 ± 3.6", "+2.0")
    assert row.bar is not None
    assert (row.bar.path, row.bar.dot, row.bar.is_far) == ("M2.00 .5", "M2.00 .5h.001", False)


def test_bars_are_joined_from_row_to_row_and_end_at_three_sd() -> None:
    far = replace(PLAIN, value=87.8 - 5 * 3.6)
    first, second, none, last = sheet_rows([PLAIN, far, replace(PLAIN, norm=None), PLAIN])
    assert first.bar is not None
    assert second.bar is not None
    assert last.bar is not None
    # From 2 SD to -5, drawn at -3: half way is -0.5, the end of one row and the start of the next.
    assert first.bar.path == "M2.00 .5M2.00 .5L-0.50 1"
    assert second.bar.path == "M-3.00 .5M-3.00 .5L-0.50 0"
    assert second.bar.is_far
    assert second.difference == "\N{MINUS SIGN}5.0"
    assert (none.bar, none.difference) == (None, "")
    assert "L" not in last.bar.path


def test_a_range_gives_a_position_and_a_goal_a_difference() -> None:
    ranged = replace(PLAIN, norm=Norm("range", "", None, None, 62, 65))
    rows = sheet_rows([ranged, replace(ranged, value=60.0), replace(ranged, value=65.0)])
    assert [row.difference for row in rows] == ["▲ above", "▼ below", "● within"]
    assert sheet_rows([replace(PLAIN, norm=Norm("goal", "", 82.0))])[0].difference == "Δ +13.0"


def test_a_norm_that_is_withheld_is_told_from_one_that_is_not_there() -> None:
    rows = sheet_rows([replace(PLAIN, norm=None, norm_withheld="the norm depends on age"), replace(PLAIN, norm=None)])
    assert [(row.norm, row.is_withheld) for row in rows] == [("withheld", True), ("", False)]


def test_the_hint_has_the_norm_with_its_source_and_the_note() -> None:
    (row,) = sheet_rows([replace(PLAIN, note="a note", norm=replace(MEAN, note="of the norm"))])
    assert row.hint == "a note; norm: mean and SD, Downs; range 82 to 95; of the norm"


def test_columns_keep_the_order_and_are_alike_in_height() -> None:
    counts = {"A": 9, "B": 6, "C": 2, "D": 8, "E": 4}
    results = [replace(PLAIN, analysis=name) for name, count in counts.items() for _ in range(count)]
    columns = in_columns(results, 3)
    assert [[analysis[0].analysis for analysis in column] for column in columns] == [["A"], ["B", "C"], ["D", "E"]]
    assert [height(column) for column in columns] == pytest.approx([10.4, 10.8, 14.8])
    assert in_columns([], 3) == []
    assert len(in_columns(results[:9], 3)) == 1


def test_each_reason_stands_once() -> None:
    groups = by_reason([("without S", "SNA"), ("without N", "ANB"), ("without S", "SNB"), ("without S", "SNA")])
    assert groups == [("SNA, SNB", "without S"), ("ANB", "without N")]
