from pathlib import Path
from typing import get_args

import pytest

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.measures import BY_ID
from cephkit.cephalometry.norms import Norm, NormRow, Subject, norm_for, norm_rows, true_enlargement
from cephkit.data.spacing import Plane
from cephkit.errors import SettingsError


def find(
    measurement: str, analysis: str, subject: Subject | None = None, **others: float
) -> tuple[Norm | None, str]:  # fmt: skip
    is_length = BY_ID[measurement].unit == "mm"
    return norm_for(measurement, analysis, subject or Subject(), others.get, is_length)


def mean_of(measurement: str, analysis: str, subject: Subject | None = None, **others: float) -> float | None:
    norm, _ = find(measurement, analysis, subject, **others)
    assert norm is not None
    return norm.mean


def test_every_row_belongs_to_a_measurement_and_names_its_source() -> None:
    for row in norm_rows():
        assert row.analysis in ANALYSES
        assert row.analysis in BY_ID[row.measurement].analyses, row
        assert row.given in (None, "age", *BY_ID)
        assert row.norm.source
        assert row.norm.kind
        assert row.norm.sd is None or row.norm.sd > 0
        assert row.norm.low is None or row.norm.high is None or row.norm.low < row.norm.high
        assert not (row.norm.mean is row.norm.low is row.norm.high is None)
        assert (row.norm.low is None) == (row.norm.high is None) or row.norm.kind in ("lower limit", "upper limit")
        assert row.norm.verification
        assert row.norm.sample.sex in ("", "female", "male", "both")
        assert row.start < row.end


def test_unverified_rows_are_not_used() -> None:
    assert find("facial_taper", "Ricketts") == (None, "")
    assert find("nose_prominence", "Holdaway") == (None, "")
    unchecked = {(row.measurement, row.analysis) for row in norm_rows() if not row.verified}
    assert len(unchecked) == 27
    adult = Subject(30, "female", 8)
    assert all(find(measurement, analysis, adult) == (None, "") for measurement, analysis in unchecked)


def test_a_goal_has_no_sd_and_a_mean_has_one() -> None:
    goal, _ = find("sna", "Steiner")
    assert goal is not None
    assert (goal.kind, goal.source, goal.mean, goal.sd) == ("goal", "Steiner 1953 AJO 39:729", 82.0, None)
    assert goal.verification == "read in a secondary source; not checked against the original"
    downs, _ = find("fma", "Downs", Subject(15))
    assert downs is not None
    assert (downs.mean, downs.sd, downs.low, downs.high) == (21.9, 3.2, 17.0, 28.0)


@pytest.mark.parametrize(("age", "mean"), [(9, 87.0), (12, 87.99), (18, 89.97), (18.5, 90.0), (40, 90.0)])
def test_ricketts_norms_change_with_age_until_18(age: float, mean: float) -> None:
    assert mean_of("facial_angle", "Ricketts", Subject(age)) == pytest.approx(mean)


def test_a_norm_by_age_is_withheld_if_the_age_is_unknown_or_out_of_range() -> None:
    assert find("fma", "Ricketts") == (None, "the norm depends on age, which is unknown")
    assert find("fma", "Ricketts", Subject(7)) == (None, "the norm does not cover age 7")
    assert "the patient is 12" in find("z_angle", "Merrifield", Subject(12))[1]
    assert mean_of("z_angle", "Merrifield", Subject(18)) == 80


def test_a_norm_by_sex_is_withheld_if_the_sex_is_unknown() -> None:
    assert mean_of("wits_fop", "Wits", Subject(30, "male")) == -1
    assert mean_of("wits_fop", "Wits", Subject(30, "female")) == 0
    assert find("wits_fop", "Wits") == (None, "the norm depends on sex, which is unknown")


def test_tweeds_impa_decreases_with_a_steep_mandible() -> None:
    assert mean_of("impa", "Tweed", fma=22) == 90
    assert mean_of("impa", "Tweed", fma=25) == 90
    steep, _ = find("impa", "Tweed", fma=31)
    assert steep is not None
    assert (steep.mean, steep.low, steep.high) == (84, 79, 89)
    assert [mean_of("fmia", "Tweed", fma=fma) for fma in (20.6, 21, 29, 29.4, 29.6, 35)] == [68, 68, 68, 68, 65, 65]
    assert find("impa", "Tweed") == (None, "the norm depends on fma, which is unknown")


@pytest.mark.parametrize("fma", [-10.0, 5.0, 15.0, 20.0])
def test_tweeds_rule_for_a_flat_mandible_limits_impa(fma: float) -> None:
    impa, _ = find("impa", "Tweed", fma=fma)
    fmia, _ = find("fmia", "Tweed", fma=fma)
    assert impa is not None
    assert fmia is not None
    assert (impa.kind, impa.mean, impa.low, impa.high) == ("upper limit", None, None, 92)
    # The three angles add up to 180 degrees, so the same rule is a lower limit for FMIA, not a goal of 65.
    assert (fmia.kind, fmia.mean, fmia.low, fmia.high) == ("lower limit", None, pytest.approx(180 - 92 - fma), None)


@pytest.mark.parametrize(("age", "applied"), [(None, False), (11.9, False), (12, True), (17.9, True), (18, False)])
def test_a_norm_applies_to_the_ages_of_its_sample(age: float | None, applied: bool) -> None:
    norm, reason = find("fma", "Downs", Subject(age))
    assert (norm is not None) == applied
    assert applied or "the sample of the norm was aged 12 to 17 years" in reason
    assert norm is None or (norm.sample.n, str(norm.sample)) == (20, "n 20, 12 to 17 years")


def test_jacobsons_sample_was_adult() -> None:
    assert find("wits_fop", "Wits", Subject(14, "male"))[0] is None
    assert find("wits_fop", "Wits", Subject(None, "male"))[0] is None
    norm, _ = find("wits_fop", "Wits", Subject(18, "male"))
    assert norm is not None
    assert str(norm.sample) == "n 21, 18 years and older, men"


def test_a_norm_without_a_citable_source_is_not_used() -> None:
    uncitable = [row for row in norm_rows() if row.norm.verification == "no citable source"]
    assert {row.measurement for row in uncitable} == {"mmpa", "ui_mxp"}
    for row in uncitable:
        assert find(row.measurement, row.analysis, Subject(30, "male", 0)) == (None, "")


def test_a_film_with_its_pixel_size_in_the_head_is_not_enlarged() -> None:
    assert true_enlargement("head", None) == 0
    assert true_enlargement("head", 0.0) == 0
    for plane in get_args(Plane):
        if plane != "head":
            assert (true_enlargement(plane, None), true_enlargement(plane, 8.0)) == (None, 8.0)
    with pytest.raises(
        SettingsError, match=r"f\.json: the pixel size already applies to the midplane of the head.* 10 %"
    ):
        true_enlargement("head", 10.0, Path("f.json"))


def test_mcnamaras_lengths_need_the_enlargement_of_the_film() -> None:
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


def test_the_reason_for_withholding_a_norm_is_that_of_the_same_sex() -> None:
    reason = "the sample of the norm was aged 18 years and older; the patient is 12"
    assert find("co_a", "McNamara", Subject(12, "female", 8)) == (None, reason)
    assert find("co_a", "McNamara", Subject(12, "male", 8)) == (None, reason)
    women = (NormRow("sna", "Mine", Norm("mean and SD", "we", 80, 2), verified=True, sex="female"),)
    assert norm_for("sna", "Mine", Subject(sex="male"), {}.get, rows=women) == (None, "no norm for male patients")


def test_custom_rows_replace_the_published_norms() -> None:
    mine = (NormRow("sna", "Mine", Norm("mean and SD", "we", 80, 2), verified=True),)
    assert norm_for("sna", "Mine", Subject(), {}.get, rows=mine) == (mine[0].norm, "")
