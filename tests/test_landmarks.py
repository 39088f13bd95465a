import pytest

from cephkit.landmarks import BY_ID, BY_SYMBOL, LANDMARKS, SYMBOLS, canonical_symbol, in_canonical_order


def test_29_landmarks_with_unique_symbols_and_ids() -> None:
    assert len(LANDMARKS) == len(BY_SYMBOL) == len(BY_ID) == 29
    assert SYMBOLS[0] == "A"
    assert SYMBOLS[26:] == ("N`", "Pog`", "Sn")
    assert BY_ID["ckr6rysye3jz00y30fzx36g43"].symbol == "S"


def test_tissues() -> None:
    by_tissue = {
        tissue: {landmark.symbol for landmark in LANDMARKS if landmark.tissue == tissue}
        for tissue in ("bone", "tooth", "soft")
    }
    assert by_tissue["tooth"] == {"LPM", "LIT", "LMT", "UPM", "UIA", "UIT", "UMT", "LIA"}
    assert by_tissue["soft"] == {"Pn", "Li", "Ls", "N`", "Pog`", "Sn"}
    assert len(by_tissue["bone"]) == 15


@pytest.mark.parametrize("written", ["Pog`", "Pog'", "Pog\u2032", "Pog\u2019", " Pog` "])
def test_backtick_apostrophe_and_prime_are_equivalent(written: str) -> None:
    assert canonical_symbol(written) == "Pog`"


@pytest.mark.parametrize("written", ["", "pog", "Pog``", "X"])
def test_unknown_symbols_are_rejected(written: str) -> None:
    with pytest.raises(KeyError, match="unknown landmark symbol"):
        canonical_symbol(written)


def test_canonical_order_without_duplicates() -> None:
    assert in_canonical_order(["Sn", "A", "N'", "A", "S"]) == ("A", "S", "N`", "Sn")
