import re

import pytest

import cephkit
from cephkit import NOTICE
from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.results import class_text
from cephkit.cephalometry.sheet_content import FEW_ROWS, sheet_content
from cephkit.cephalometry.sheet_rows import value_text
from cephkit.data.spacing import Plane, Spacing
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real
from tests.cephalometry.sheets import ERRORS, FACE, content_of, text_of


def test_every_value_and_every_reason_for_none_stands_on_the_sheet() -> None:
    left = {symbol: point for symbol, point in FACE.items() if symbol not in ("Co", "LIA")}
    results = measure(left, spacing=PIXEL_MM, covariances_px=ERRORS)
    text = text_of(sheet_content("film7", None, left, results))
    for result in results:
        if result.value is not None:
            assert value_text(result.value, result) in text, result
        else:
            assert f"({result.absent})" in text, result
        assert result.name in text


def test_norms_come_with_source_and_kind_and_classes_with_their_rule() -> None:
    results = measure(FACE, spacing=PIXEL_MM, covariances_px=ERRORS, subject=Subject(24, "female", 8))
    text = text_of(content_of())
    for result in results:
        if result.norm is not None and result.value is not None:
            assert f"{result.norm.source} (" in text
            assert result.norm.kind in text
        if result.class_name is not None:
            assert result.class_name in text
            assert result.class_rule in text
    assert text.count("BORDERLINE") == sum(bool(result.class_on_border) for result in results)


def test_a_norm_says_whom_it_was_made_on_and_how_it_was_checked() -> None:
    text = text_of(content_of(subject=Subject(15, "female", 8)))
    assert "Downs 1948 AJO 34:812 (mean and SD, n 20, 12 to 17 years)" in text
    assert "read in a secondary source; not checked against the original" in text
    assert "Wits Wits (FOP)" in text.split("Norm withheld:")[1]
    assert "the sample of the norm was aged 18 years and older; the patient is 15" in text


def test_the_sheet_has_one_skeletal_class_with_its_probability() -> None:
    for seed in range(8):
        points = face_like_real(seed)
        text = text_of(content_of(points))
        assert text.count("skeletal class") == 1
        results = measure(points, spacing=PIXEL_MM, covariances_px=ERRORS)
        (found,) = [result for result in results if result.class_name is not None]
        assert class_text(found).split(",")[0] in text
        assert found.class_probabilities is not None
        assert ("BORDERLINE" in text) == (max(found.class_probabilities.values()) < 0.8)


def test_an_open_bite_has_no_class_of_its_tips_and_says_why() -> None:
    x, y = ROUND["UIT"]
    results = measure({**ROUND, "UIT": (x, y - 100)}, spacing=PIXEL_MM, analyses=["ISBI"])
    text = text_of(sheet_content("film7", None, ROUND, results))
    assert "no class: open bite" in text
    assert "large overjet" not in text


def test_limits_of_one_end_are_shown_as_such() -> None:
    flat = {**ROUND, "Go": (ROUND["Me"][0] - 600, ROUND["Me"][1] - 100)}
    text = text_of(content_of(flat))
    assert "\N{LESS-THAN OR EQUAL TO} 92" in text
    assert "\N{GREATER-THAN OR EQUAL TO} 7" in text


def test_a_norm_withheld_is_named_with_its_reason() -> None:
    text = text_of(content_of(subject=Subject()))
    assert "Ricketts Facial depth, Ricketts Convexity" in text
    assert "(the norm depends on age, which is unknown)" in text
    assert "sex not known, age not known" in text


def test_the_facts_about_the_film_are_on_the_sheet() -> None:
    text = text_of(
        content_of(film_hash="ab12", source="model.pth", facing="left", notes=["the pixel size is doubtful"])
    )
    for fact in ("film7", "ab12", "29, model.pth", "faces left", "female, 24 years", "the pixel size is doubtful"):
        assert fact in text
    assert NOTICE in text
    assert f"cephkit {cephkit.__version__}" in text


@pytest.mark.parametrize(
    ("plane", "said"),
    [
        ("head", "lengths are those in the middle of the head"),
        ("detector", "measured at the detector, where lengths are larger than in the head"),
        ("film", "measured on the film, where lengths are larger than in the head"),
        ("unknown", "is not known, so lengths may be enlarged"),
    ],
)
def test_the_pixel_size_says_where_it_holds_in_words(plane: Plane, said: str) -> None:
    text = text_of(content_of(spacing=Spacing(PIXEL_MM, PIXEL_MM, "machines.csv", plane), subject=Subject()))
    assert "0.1 mm (machines.csv); " in text
    assert said in text


def test_an_enlargement_that_is_given_is_said() -> None:
    assert "lengths exceed those of the head by 8 %, as given" in text_of(content_of())


def test_without_a_pixel_size_there_are_no_mm() -> None:
    text = text_of(content_of(spacing=None))
    assert "not known: angles and ratios only" in text
    assert re.search(r"\d mm", text) is None
    assert "(unknown pixel size)" in text


def test_a_face_without_landmarks_has_a_sheet_of_reasons() -> None:
    text = text_of(content_of({}))
    assert "Landmarks 0" in text
    assert "Norms:" not in text


def test_few_measurements_are_printed_larger() -> None:
    results = measure(FACE, spacing=PIXEL_MM, analyses=["Steiner", "Wits"])
    assert len(results) < FEW_ROWS
    assert sheet_content("film7", None, FACE, results).is_wide
    assert not content_of().is_wide


def test_long_notes_are_shortened_and_many_are_counted() -> None:
    text = text_of(content_of(notes=["doubtful " * 50] * 5))
    assert "and 2 more notes, see the JSON file" in text
    assert "doubtful " * 17 not in text
