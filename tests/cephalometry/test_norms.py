import pytest

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.measures import BY_ID
from cephkit.cephalometry.norms import Norm, NormRow, Subject, norm_for, norm_rows


def find(
    measurement: str, analysis: str, subject: Subject | None = None, **others: float
) -> tuple[Norm | None, str]:  # fmt: skip
    is_length = BY_ID[measurement].unit == "mm"
    return norm_for(measurement, analysis, subject or Subject(), others.get, is_length)


def mean_of(measurement: str, analysis: str, subject: Subject | None = None, **others: float) -> float | None:
    norm, _ = find(measurement, analysis, subject, **others)
    assert norm is not None
    return norm.mean


def test_every_row_is_of_a_measurement_in_an_analysis_and_says_where_it_comes_from() -> None:
    for row in norm_rows():
        assert row.analysis in ANALYSES
        assert row.analysis in BY_ID[row.measurement].analyses, row
        assert row.given in (None, "age", *BY_ID)
        assert row.norm.source
        assert row.norm.kind
        assert row.norm.sd is None or row.norm.sd > 0
        assert row.norm.low is None or (row.norm.high is not None and row.norm.low < row.norm.high)
        assert (row.norm.low is None) == (row.norm.high is None)
        assert row.norm.mean is not None or row.norm.low is not None
        assert row.start < row.end


def test_a_row_that_nobody_has_checked_is_no_norm() -> None:
    assert find("facial_taper", "Ricketts") == (None, "")
    assert find("nose_prominence", "Holdaway") == (None, "")
    unchecked = {(row.measurement, row.analysis) for row in norm_rows() if not row.verified}
    assert len(unchecked) == 25
    adult = Subject(30, "female", 8)
    assert all(find(measurement, analysis, adult) == (None, "") for measurement, analysis in unchecked)


def test_a_goal_has_no_sd_and_a_mean_has_one() -> None:
    assert find("sna", "Steiner")[0] == Norm("goal", "Steiner 1953 AJO 39:729", 82.0, note="no SD published")
    downs, _ = find("fma", "Downs")
    assert downs is not None
    assert (downs.mean, downs.sd, downs.low, downs.high) == (21.9, 3.2, 17.0, 28.0)


@pytest.mark.parametrize(("age", "mean"), [(9, 87.0), (12, 87.99), (18, 89.97), (18.5, 90.0), (40, 90.0)])
def test_ricketts_norms_follow_the_age_until_18(age: float, mean: float) -> None:
    assert mean_of("facial_angle", "Ricketts", Subject(age)) == pytest.approx(mean)


def test_a_norm_by_age_is_withheld_where_the_age_is_unknown_or_outside() -> None:
    assert find("fma", "Ricketts") == (None, "the norm depends on age, which is not known")
    assert find("fma", "Ricketts", Subject(7)) == (None, "the norm does not reach to age 7")
    assert find("z_angle", "Merrifield", Subject(12)) == (None, "the norm does not reach to age 12")
    assert mean_of("z_angle", "Merrifield", Subject(18)) == 80


def test_a_norm_by_sex_is_withheld_where_the_sex_is_unknown() -> None:
    assert mean_of("wits_fop", "Wits", Subject(sex="male")) == -1
    assert mean_of("wits_fop", "Wits", Subject(sex="female")) == 0
    norm, reason = find("wits_fop", "Wits")
    assert norm is None
    assert "the sex is not known" in reason


def test_tweeds_incisor_gives_way_to_a_steep_mandible() -> None:
    assert mean_of("impa", "Tweed", fma=22) == 90
    assert mean_of("impa", "Tweed", fma=25) == 90
    steep, _ = find("impa", "Tweed", fma=31)
    assert steep is not None
    assert (steep.mean, steep.low, steep.high) == (84, 79, 89)
    assert [mean_of("fmia", "Tweed", fma=fma) for fma in (20.9, 21, 29, 29.1)] == [65, 68, 68, 65]
    assert find("impa", "Tweed") == (None, "the norm depends on fma, which is not known")


def test_mcnamaras_lengths_wait_for_the_films_enlargement() -> None:
    woman = Subject(30, "female")
    norm, reason = find("co_a", "McNamara", woman)
    assert norm is None
    assert "films enlarged by 8 %" in reason
    same, _ = find("co_a", "McNamara", Subject(30, "female", 8))
    true_size, _ = find("co_a", "McNamara", Subject(30, "female", 0))
    assert same is not None
    assert true_size is not None
    assert (same.mean, same.sd) == (91.0, 4.3)
    assert true_size.mean == pytest.approx(84.259, abs=1e-3)
    assert true_size.sd == pytest.approx(3.981, abs=1e-3)


def test_why_a_norm_is_withheld_is_said_of_the_own_sex() -> None:
    assert find("co_a", "McNamara", Subject(12, "female", 8)) == (None, "the norm does not reach to age 12")
    assert find("co_a", "McNamara", Subject(12, "male", 8)) == (None, "the norm does not reach to age 12")
    women = (NormRow("sna", "Mine", Norm("mean and SD", "we", 80, 2), verified=True, sex="female"),)
    assert norm_for("sna", "Mine", Subject(sex="male"), {}.get, rows=women) == (
        None,
        "there is no norm for the male sex",
    )


def test_rows_of_ones_own() -> None:
    mine = (NormRow("sna", "Mine", Norm("mean and SD", "we", 80, 2), verified=True),)
    assert norm_for("sna", "Mine", Subject(), {}.get, rows=mine) == (mine[0].norm, "")
