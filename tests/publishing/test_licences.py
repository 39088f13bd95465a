import pytest

from cephkit.datasets.origins import AARIZ, SYNTHETIC, DataOrigin
from cephkit.errors import SettingsError
from cephkit.publishing.licences import (
    AARIZ_2025,
    CL_DETECTION_2023,
    ISBI_2015,
    SYNTHETIC_FILMS,
    Terms,
    hinted,
    licensed,
    parsed,
    terms_of,
)

MACHINES = {"ART Plus": 3, "ProMax 2D": 1}


@pytest.mark.parametrize(
    ("origin", "terms"),
    [
        (DataOrigin("isbi2015"), ISBI_2015),
        (DataOrigin("IEEE-ISBI 2015"), ISBI_2015),
        (DataOrigin("films", "ISBI 2015"), ISBI_2015),
        (DataOrigin("Aariz", AARIZ, {"ART Plus": 3, "ISBI2015": 1}), ISBI_2015),
        (DataOrigin("cl_detection_2023"), CL_DETECTION_2023),
        (DataOrigin("CL-Detection"), CL_DETECTION_2023),
        (DataOrigin("films", "CL-Detection 2023 (COCO)"), CL_DETECTION_2023),
        (DataOrigin("Aariz"), AARIZ_2025),
        (DataOrigin("Aariz", AARIZ, MACHINES), AARIZ_2025),
        (DataOrigin("drawn", SYNTHETIC, MACHINES), SYNTHETIC_FILMS),
    ],
)
def test_what_is_known_is_recognised_a_restricted_one_by_any_hint(origin: DataOrigin, terms: Terms) -> None:
    assert terms_of(origin) is terms


@pytest.mark.parametrize(
    "origin",
    [
        DataOrigin("clinic"),
        DataOrigin("clinic", AARIZ, MACHINES),
        DataOrigin("Aariz", AARIZ, {"ART Plus": 3, "our machine": 1}),
        DataOrigin("Aariz", AARIZ),
        DataOrigin("Aariz", "COCO keypoints", MACHINES),
        DataOrigin("synthetic"),
        DataOrigin("drawn", SYNTHETIC, {"our machine": 1}),
    ],
)
def test_a_data_set_is_free_only_if_it_fits_in_all_that_is_recorded(origin: DataOrigin) -> None:
    assert terms_of(origin) is None


def test_a_calibration_on_restricted_films_is_a_hint_too() -> None:
    assert hinted("129 films of valid (truth: mean; machines: ISBI2015)") == [ISBI_2015]
    assert hinted("20 films of valid (truth: senior; machines: ART Plus)") == []


def test_stated_terms_are_for_data_sets_that_are_not_known() -> None:
    given = [DataOrigin("Aariz"), DataOrigin("clinic"), DataOrigin("clinic"), DataOrigin("other")]
    free, clinic, other = licensed(given, {"clinic": "CC BY 4.0, clinic of X"})
    assert (free.terms, free.is_stated) == (AARIZ_2025, False)
    assert clinic.terms is not None
    assert (clinic.terms.licence, clinic.is_stated) == ("CC BY 4.0, clinic of X", True)
    assert other.terms is None
    with pytest.raises(SettingsError, match="'Aariz': the data sets whose licence is not known are: clinic, other"):
        licensed(given, {"Aariz": "mine"})
    with pytest.raises(SettingsError, match="'clinik'"):
        licensed(given, {"clinik": "mine"})
    with pytest.raises(SettingsError, match="not known are: none"):
        licensed([DataOrigin("isbi2015")], {"isbi2015": "I may"})


def test_terms_are_written_as_name_and_text() -> None:
    assert parsed(["a: CC BY 4.0", "b : by agreement: ask"]) == {"a": "CC BY 4.0", "b": "by agreement: ask"}
    for wrong in ("a", "a:", ": text"):
        with pytest.raises(SettingsError, match='write "NAME: TEXT"'):
            parsed([wrong])
