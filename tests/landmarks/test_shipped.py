"""The schemas that come with cephkit."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.landmarks.schema import TISSUES, LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, SHIPPED, in_known_order, named_schema, shipped

LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def test_sizes_and_orders_are_those_of_the_publications() -> None:
    assert [len(shipped(name)) for name in SHIPPED] == [29, 19, 38]
    assert AARIZ.symbols[0] == "A"
    assert AARIZ.symbols[26:] == ("N`", "Pog`", "Sn")
    assert AARIZ["S"].key == "ckr6rysye3jz00y30fzx36g43"
    assert len({landmark.key for landmark in AARIZ}) == 29
    # CL-Detection's first 19 are ISBI's, number by number.
    isbi, cl_detection = shipped("isbi2015").symbols, shipped("cl_detection2023").symbols
    assert cl_detection[:19] == isbi
    assert [isbi[number - 1] for number in (1, 4, 10, 11, 19)] == ["S", "Po", "Go", "LIT", "Ar"]
    assert [cl_detection[number - 1] for number in (20, 24, 27, 37, 38)] == ["D", "Ptm", "Ba", "U6", "L6"]


def test_the_union_has_one_name_for_one_point() -> None:
    assert KNOWN.symbols[:29] == AARIZ.symbols
    assert set(KNOWN.symbols) == {symbol for name in SHIPPED for symbol in shipped(name).symbols}
    assert len(KNOWN) == 43
    names = [{mark.symbol, mark.title.casefold(), *map(str.casefold, mark.aliases)} for mark in KNOWN]
    assert not any(one & other for one, other in combinations(names, 2))


def test_tissues() -> None:
    by_tissue = {tissue: {mark.symbol for mark in AARIZ if mark.tissue == tissue} for tissue in TISSUES}
    assert by_tissue["tooth"] == {"LPM", "LIT", "LMT", "UPM", "UIA", "UIT", "UMT", "LIA"}
    assert by_tissue["soft"] == {"Pn", "Li", "Ls", "N`", "Pog`", "Sn"}
    assert len(by_tissue["bone"]) == 15
    # A backtick marks skin, everywhere.
    assert all(mark.tissue == "soft" for mark in KNOWN if mark.symbol.endswith("`"))


def test_every_landmark_has_its_own_definition_in_both_languages() -> None:
    for texts in zip(
        *((mark.title, mark.definition, mark.title_fa, mark.definition_fa) for mark in KNOWN), strict=True
    ):
        assert "" not in texts
        assert len(set(texts)) == len(KNOWN)


def test_definitions_are_sentences() -> None:
    for mark in KNOWN:
        assert mark.definition[0].isupper(), mark.symbol
        assert mark.definition.endswith("."), mark.symbol
        assert mark.definition_fa.endswith("."), mark.symbol
        assert mark.outline, mark.symbol


def test_persian_is_written_with_persian_letters() -> None:
    for mark in KNOWN:
        text = f"{mark.title_fa} {mark.definition_fa}"
        assert not re.search("[\N{ARABIC LETTER KAF}\N{ARABIC LETTER YEH}]", text), mark.symbol
        assert set(LATIN.findall(text)) <= set(KNOWN.symbols), mark.symbol  # names of points stay as they are


def test_definitions_that_differ_between_data_sets_are_told() -> None:
    for name in ("isbi2015", "cl_detection2023"):
        assert {"Go", "Po", "Or"} <= {mark.symbol for mark in shipped(name) if mark.differs}
    assert not any(mark.differs for mark in AARIZ)


def test_a_schema_is_named_by_its_name_or_its_file(tmp_path: Path) -> None:
    assert named_schema(None) is KNOWN
    assert named_schema("aariz").symbols == AARIZ.symbols
    # In the order of the union, whatever the order of the data set: a model is the same from either layout.
    assert named_schema("isbi2015").symbols == tuple(s for s in AARIZ.symbols if s in shipped("isbi2015"))
    file = tmp_path / "mine.yaml"
    file.write_text("landmarks: [{symbol: X1, title: Ours, tissue: bone}, N, A]", encoding="utf-8")
    assert named_schema(str(file)).symbols == ("A", "N", "X1")
    with pytest.raises(SettingsError, match=r"--landmarks my\.yaml: no such file; .*aariz, isbi2015"):
        named_schema("my.yaml")


def test_schemas_that_contradict_each_other_are_refused() -> None:
    ours, theirs = (LandmarkSchema(name, (AARIZ["A"], _made(title))) for name, title in (("a", "One"), ("b", "Two")))
    assert in_known_order(ours, ours).symbols == ("A", "X1")
    with pytest.raises(SettingsError, match=r"X1 is One \(bone\), but in b Two \(bone\)"):
        in_known_order(ours, theirs)


def _made(title: str):  # type: ignore[no-untyped-def]
    from cephkit.landmarks.schema import Landmark

    return Landmark("X1", title, "bone")
