"""Schemas as YAML files."""

from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.schema_file import read_schema, schema_dict, schema_of, schema_yaml
from cephkit.landmarks.shipped import KNOWN

GOOD = """\
name: My clinic
landmarks:
  - S
  - N
  - {symbol: Go, differs: the corner of the tangents, aliases: [gonion constructed]}
  - symbol: Xi'
    title: Xi point
    tissue: bone
    aliases: [xi, centre of the ramus]
    outline: mandible
    mirror: Xj
    title_fa: نقطهٔ Xi
  - {symbol: Xj, title: Xi point of the left side, tissue: bone, id: 17}
"""


def schema(tmp_path: Path, text: str = GOOD) -> LandmarkSchema:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return read_schema(file, KNOWN)


def test_known_landmarks_need_no_description_and_others_carry_theirs(tmp_path: Path) -> None:
    mine = schema(tmp_path)
    assert mine.name == "My clinic"
    assert mine.symbols == ("S", "N", "Go", "Xi`", "Xj")
    assert mine["S"] == KNOWN["S"]
    assert mine["Go"].definition == KNOWN["Go"].definition
    assert mine["Go"].differs == "the corner of the tangents"
    assert mine.symbol_of("Gonion constructed") == "Go"
    assert (mine["Xi`"].tissue, mine["Xi`"].mirror, mine["Xi`"].outline) == ("bone", "Xj", "mandible")
    assert mine.symbol_of("Centre of the Ramus") == "Xi`"
    assert mine.symbol_of("17") == "Xj"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    mine = schema(tmp_path)
    assert schema_of(schema_dict(mine, KNOWN), KNOWN, "x") == mine
    assert schema(tmp_path, schema_yaml(mine, KNOWN)) == mine
    assert schema_dict(KNOWN, KNOWN)["landmarks"] == list(KNOWN.symbols)


def test_a_part_without_the_mirror_of_a_landmark_is_written_and_read(tmp_path: Path) -> None:
    # A model may lack one side, and so may a prediction; only a person's file must be complete.
    part = schema(tmp_path).of(["Xi`"])
    assert schema_of(schema_dict(part, KNOWN), KNOWN, "x") == part


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty, expected a name and a list"),
        ("- S", "line 1, column 1: expected name and landmarks"),
        ("name: x", "landmarks must be a list"),
        ("landmarks: []", "landmarks must be a list"),
        ("landmarks: [S]\ncolour: red", "line 2, column 1: there is no 'colour'"),
        ("landmarks: [S, Xi]", "line 1, column 16: Xi is not known yet; give it a title and a tissue"),
        ("landmarks: [S, S]", "line 1, column 16: S is in the list already"),
        ("landmarks: [{symbol: Xi, tissue: bone}]", "Xi has no title"),
        ("landmarks: [{symbol: Xi, title: x}]", "tissue of Xi is None, expected bone, tooth, soft"),
        ("landmarks: [{symbol: Xi, title: x, tissue: skin}]", "tissue of Xi is 'skin'"),
        ("landmarks: [{title: x, tissue: bone}]", "symbol '' must begin with a letter"),
        ("landmarks: [{symbol: a b, title: x, tissue: bone}]", "symbol 'a b' must begin"),
        ("landmarks: [{symbol: ../x, title: x, tissue: bone}]", "symbol '../x' must begin"),
        (f"landmarks: [{{symbol: {'x' * 25}, title: x, tissue: bone}}]", "symbol has 25 characters, expected 1 to 24"),
        ("landmarks: [{symbol: Xi, title: x, tissue: bone, id: [1]}]", "id must be text"),
        ("landmarks: [{symbol: Xi, title: x, tissue: bone, aliases: x}]", "aliases must be a list"),
        ("landmarks: [{symbol: Xi, title: x, tissue: bone, mirror: Q}]", "the mirror of Xi, Q, is not in the list"),
        ("landmarks: [{symbol: Xi, title: x, tissue: bone, size: 3}]", "a landmark has no 'size'; expected some of"),
        ("landmarks: [[S]]", "expected a symbol, or symbol, title"),
        ("landmarks: [{symbol: S, title: Stomion, tissue: soft}]", "S is Sella .bone., not Stomion .soft."),
        (
            "landmarks: [{symbol: Xi, title: x, tissue: bone}, {symbol: XI, title: y, tissue: bone}]",
            "Xi and XI are too alike",
        ),
        (
            "landmarks: [{symbol: X-1, title: x, tissue: bone}, {symbol: X_1, title: y, tissue: bone}]",
            "X-1 and X_1 are too alike",
        ),
        (
            "landmarks: [{symbol: Xi, title: x, tissue: bone, aliases: [q]}, "
            "{symbol: Xj, title: y, tissue: bone, aliases: [q]}]",
            "q stands for both x and y",
        ),
        ("landmarks: [{symbol: Xi, title: 'x\\u0000', tissue: bone}]", ""),
        ('landmarks: [{symbol: Xi, title: "x\\x07", tissue: bone}]', "title contains a character that cannot"),
        (
            "landmarks: [" + ", ".join(f"{{symbol: X{n}, title: x, tissue: bone}}" for n in range(501)) + "]",
            "at most 500",
        ),
        ("landmarks: &a [*a]", "anchors and aliases"),
        ("landmarks: [{symbol: Xi, title: x, tissue: bone, aliases: [[q]]}]", "nested too deeply"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_is_one_message(tmp_path: Path, text: str, complaint: str) -> None:
    if not complaint:
        assert schema(tmp_path, text)["Xi"].title == r"x\u0000"  # single quotes: no escape
        return
    with pytest.raises(SettingsError) as caught:
        schema(tmp_path, text)
    assert complaint.replace(".bone.", "(bone)").replace(".soft.", "(soft)") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "plain",
    [
        None, [], {}, {"name": "x"}, {"name": 3, "landmarks": []}, {"name": "x", "landmarks": ["Xi"]},
        {"name": "x", "landmarks": [3]}, {"name": "x", "landmarks": [{"symbol": "Xi"}]},
        {"name": "x", "landmarks": [{"symbol": "Xi", "title": 3, "tissue": "bone"}]},
        {"name": "x", "landmarks": [{"symbol": "Xi", "title": "x", "tissue": "bone", "aliases": "abc"}]},
        {"name": "x", "landmarks": [{"symbol": "Xi", "title": "x", "tissue": "bone", "size": "1"}]},
        {"name": "x", "landmarks": [{"symbol": "S", "title": "Stomion", "tissue": "soft"}] * 2},
    ],
    ids=str,
)  # fmt: skip
def test_a_schema_in_a_file_of_ours_that_is_damaged_is_one_message(plain: object) -> None:
    with pytest.raises(SettingsError, match=r"^here"):
        schema_of(plain, KNOWN, "here")


def test_texts_in_a_file_of_ours_are_as_short_as_in_a_schema() -> None:
    def with_title(letters: int) -> dict[str, object]:
        return {"name": "x", "landmarks": [{"symbol": "X1", "title": "t" * letters, "tissue": "bone"}]}

    assert schema_of(with_title(80), KNOWN, "here")["X1"].title == "t" * 80
    with pytest.raises(SettingsError, match="title has 500 characters, at most 80 are possible"):
        schema_of(with_title(500), KNOWN, "here")
