"""Names and definitions of the landmarks in both languages."""

import re

from cephkit.definitions import DEFINITIONS
from cephkit.landmarks import SYMBOLS

LATIN = re.compile(r"[A-Za-z]+")


def test_every_landmark_has_its_own_definition_in_both_languages() -> None:
    assert set(DEFINITIONS) == set(SYMBOLS)
    for texts in zip(*((each.english, each.title_persian, each.persian) for each in DEFINITIONS.values()), strict=True):
        assert len(set(texts)) == len(SYMBOLS)


def test_definitions_are_sentences() -> None:
    for symbol, definition in DEFINITIONS.items():
        assert definition.english[0].isupper(), symbol
        assert definition.english.endswith("."), symbol
        assert definition.persian.endswith("."), symbol


def test_persian_is_written_with_persian_letters() -> None:
    for symbol, definition in DEFINITIONS.items():
        text = f"{definition.title_persian} {definition.persian}"
        assert not re.search("[\N{ARABIC LETTER KAF}\N{ARABIC LETTER YEH}]", text), symbol
        assert set(LATIN.findall(text)) <= {"A", "B", "UIT", "LIT"}, symbol  # names of points stay as they are
