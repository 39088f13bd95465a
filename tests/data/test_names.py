import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cephkit.data.names import film_key, film_name

LETTERS = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\")
UIDS = st.lists(st.integers(0, 10**9), min_size=2, max_size=8).map(lambda parts: ".".join(map(str, parts)))
NAMES = st.one_of(
    st.text(LETTERS, min_size=1, max_size=300),
    UIDS,
    st.text(st.sampled_from("aA.%20 +é\u0301-_#&?"), min_size=1, max_size=40),
).filter(lambda name: name.strip(".") != "")
ENDINGS = st.sampled_from((".png", ".JPG", ".tiff", ".dcm", ".DICOM", ".Json", ".jfif"))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("f.png", "f"),
        ("folder.png/f.PNG", "f"),
        ("1.2.840.1", "1.2.840.1"),
        ("1.2.840.1.json", "1.2.840.1"),
        ("1.2.840.1.dcm", "1.2.840.1"),
        ("Smith.final", "Smith.final"),
        ("a.b.tif", "a.b"),
        ("a.png.dcm", "a.png"),
        ("IM0001", "IM0001"),
        ("dot.", "dot."),
        (".png", ".png"),
    ],
)
def test_nothing_but_a_films_ending_is_cut(file: str, name: str) -> None:
    assert film_name(file) == film_name(Path(file)) == name


@given(NAMES, ENDINGS, ENDINGS)
def test_a_film_and_its_label_have_one_name_whatever_their_endings(name: str, one: str, other: str) -> None:
    assert film_name(name + one) == film_name(name + other)
    if len(name.encode()) <= 150:
        assert film_name(name + one) == name


@given(NAMES)
def test_a_label_file_can_be_named_as_its_film_and_leads_back_to_it(file: str) -> None:
    name = film_name(file)
    assert 0 < len(name.encode()) <= 150
    assert film_name(f"{name}.json") == name


@given(NAMES, NAMES)
def test_two_films_have_two_names(one: str, other: str) -> None:
    if film_key(one) != film_key(other):
        assert film_key(film_name(f"{one}.png")) != film_key(film_name(f"{other}.png"))


@given(NAMES)
def test_a_name_is_known_in_any_case_and_unicode_form(name: str) -> None:
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    assert len({film_key(form) for form in forms}) == 1
    assert len({film_key(film_name(f"{form}.png")) for form in forms}) == 1
    assert film_key("Straße ÅÄ") == film_key("STRASSE A\u030aä")


def test_names_that_no_file_has_do_no_harm() -> None:
    for name in ("", "\ud800", "\udcff" * 200, "\ud800" * 200):
        assert film_key(name) == film_key(film_name(name))
