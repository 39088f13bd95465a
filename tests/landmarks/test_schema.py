"""Looking up landmarks."""

import pytest

from cephkit.errors import SettingsError
from cephkit.landmarks.schema import Landmark, LandmarkSchema, merged
from cephkit.landmarks.shipped import AARIZ, KNOWN


@pytest.mark.parametrize("written", ["Pog`", "Pog'", "Pog\u2032", "Pog\u2019", "Pog\u00b4", " Pog` "])
def test_backtick_apostrophe_and_prime_are_equivalent(written: str) -> None:
    assert AARIZ.symbol_of(written) == "Pog`"


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("Na", "N"), ("nasion", "N"), ("ckr6rysye3jz00y30fzx36g43", "S"), ("SUBSPINALE", "A"), ("upper lip", "Ls"),
        ("Pg'", "Pog`"), ("Soft Tissue Pogonion", "Pog`"), ("Basion", "Ba"),
    ],
)  # fmt: skip
def test_aliases_keys_and_titles_are_found(written: str, symbol: str) -> None:
    assert KNOWN.symbol_of(written) == symbol


@pytest.mark.parametrize("written", ["", "pog", "Pog``", "X", "LI", "na", "L1", "SN"])
def test_unknown_names_are_rejected_and_the_case_of_abbreviations_counts(written: str) -> None:
    assert KNOWN.find(written) is None
    with pytest.raises(KeyError, match="unknown landmark"):
        KNOWN.symbol_of(written)


def test_order_without_duplicates() -> None:
    assert AARIZ.in_order(["Sn", "A", "N`", "A", "S"]) == ("A", "S", "N`", "Sn")
    assert AARIZ.of(["Sn", "A"]).symbols == ("A", "Sn")
    with pytest.raises(KeyError, match="unknown landmarks Ba"):
        AARIZ.in_order(["A", "Ba"])


def test_one_name_for_two_landmarks_is_refused() -> None:
    one, other = Landmark("A1", "One", "bone", aliases=("Z",)), Landmark("A2", "Two", "bone", aliases=("Z",))
    with pytest.raises(ValueError, match="Z stands for both One and Two"):
        LandmarkSchema("x", (one, other))
    with pytest.raises(SettingsError, match="do not go together: Z stands for both"):
        merged("x", [LandmarkSchema("a", (one,)), LandmarkSchema("b", (other,))])


def test_merging_adds_aliases_and_keeps_the_first_description() -> None:
    one = LandmarkSchema("a", (Landmark("A1", "One", "bone", aliases=("U",), definition="First."),))
    other = LandmarkSchema("b", (Landmark("A1", "One", "bone", aliases=("V",), definition="Second."),))
    (landmark,) = merged("ab", [one, other])
    assert (landmark.aliases, landmark.definition) == (("U", "V"), "First.")
    assert one.is_part_of(one)
    assert not one.is_part_of(other)
