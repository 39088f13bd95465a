"""``cephkit check``: the page and the table, from data sets on disk."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.datasets.published import write_isbi
from tests.doubts.conftest import clean, ids, spoilt
from tests.doubts.sets import check, film_file, label_file, put_copy, shift, spoil, swap

__all__ = ["clean", "ids", "spoilt"]


def table(out: Path) -> list[dict[str, str]]:
    with (out / "doubts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page(out: Path) -> str:
    return (out / "doubts.html").read_text(encoding="utf-8")


def test_a_clean_data_set_has_no_findings(clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--dataset_path", clean, "--out", tmp_path / "out", "--cache_dir", tmp_path / "cache") == 0
    assert "24 films, 0 findings" in capsys.readouterr().out
    assert table(tmp_path / "out") == []
    assert "Nothing was found" in page(tmp_path / "out")
    assert "cephkit review" not in page(tmp_path / "out")


def test_each_fault_is_named_with_its_film_and_shown(
    spoilt: Path, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(spoilt, ids[0], swap("A", "B"))
    spoil(spoilt, ids[1], shift("S", 0, 30))
    spoil(spoilt, ids[2], lambda marks: marks.update(Go={"x": 0, "y": 0}))
    spoil(spoilt, ids[3], shift("Pn", 400, 0))
    spoil(spoilt, ids[4], lambda marks: marks.update(ANS=marks["A"]))
    film_file(spoilt, "train", ids[5]).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    label_file(spoilt, "train", ids[6]).write_text("{", encoding="utf-8")
    put_copy(spoilt, ids[7], "train", "twin")
    put_copy(spoilt, ids[8], "test", "leak")
    put_copy(spoilt, ids[9], "valid", "saved_again", scale=0.7)
    out = tmp_path / "out"
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    found = {(row["kind"], row["film"], row["landmarks"]) for row in table(out)}
    expected = {
        ("swapped", ids[0], "A B"), ("out of place", ids[1], "S"), ("corner", ids[2], "Go"),
        ("off the film", ids[3], "Pn"), ("one pixel", ids[4], "A ANS"), ("film", ids[5], ""), ("label", ids[6], ""),
        ("twins", ids[7], ""), ("twins", "twin", ""), ("leak", ids[8], ""), ("leak", "leak", ""),
        ("alike", ids[9], ""), ("alike", "saved_again", ""),
    }  # fmt: skip
    assert expected <= found
    consequences = {("apart", ids[0], "A"), ("apart", ids[0], "B"), ("apart", ids[1], "S")}
    assert found - expected - consequences <= {("out of place", ids[3], "Pn")}
    shown = page(out)
    for _, film, _ in expected:
        assert film in shown
    numbers = {row["finding"] for row in table(out)}
    assert {int(number) for number in re.findall(r'<article id="n(\d+)"', shown)} == set(map(int, numbers))
    assert shown.count("<image ") == len([row for row in table(out) if row["kind"] not in ("film", "label")])
    said = capsys.readouterr().out
    assert "1  landmarks that appear to be swapped" in said
    assert f"to review them: cephkit review --dataset_path {spoilt} --doubts {out / 'doubts.csv'}" in said


def test_names_that_hold_html_are_escaped_and_the_page_runs_nothing(
    spoilt: Path, ids: list[str], tmp_path: Path
) -> None:
    put_copy(spoilt, ids[0], "train", "=x<img src=x onerror=alert(1)>&\"'")
    out = tmp_path / "out"
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    shown = page(out)
    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<script" not in shown
    assert not re.search(r'(?:src|href)="(?!data:image/jpeg|doubts\.csv)', shown)
    assert any(row["film"].startswith("'=x<img") for row in table(out))  # no spreadsheet runs it


def test_several_data_sets_of_any_layout_are_checked_together(
    spoilt: Path, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    isbi = write_isbi(tmp_path / "isbi")
    shutil.copy(film_file(spoilt, "train", ids[0]), isbi / "RawImage" / "Test1Data" / "152.bmp")
    for annotator in ("senior", "junior"):
        folder = isbi / "AnnotationsByMD" / f"400_{annotator}"
        shutil.copy(folder / "151.txt", folder / "152.txt")
    out = tmp_path / "out"
    assert check("--dataset_path", spoilt, isbi, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    leak = [row for row in table(out) if row["kind"] == "leak"]
    assert [(row["data_set"], row["split"], row["film"]) for row in leak] == [
        ("spoilt", "train", ids[0]), ("isbi", "valid", "152"),
    ]  # fmt: skip
    assert "between them" in page(out)
    assert f"to review them: cephkit review --dataset_path {spoilt} {isbi} --doubts" in capsys.readouterr().out


def test_a_data_set_that_cannot_be_read_hides_no_other(
    spoilt: Path, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(spoilt, ids[0], swap("A", "B"))
    out = tmp_path / "out"
    cache = tmp_path / "cache"
    assert check("--dataset_path", tmp_path / "none", spoilt, "--out", out, "--cache_dir", cache) == 0
    assert (table(out)[0]["kind"], table(out)[0]["data_set"]) == ("data set", "none")
    assert "swapped" in {row["kind"] for row in table(out)}
    assert "no such folder" in page(out)
    assert f"cephkit review --dataset_path {spoilt} --doubts" in page(out)
    capsys.readouterr()
    assert check("--dataset_path", tmp_path / "none", "--out", out, "--cache_dir", cache) == 2
    assert "no such folder" in capsys.readouterr().err


def test_pictures_are_limited_and_the_page_says_so(spoilt: Path, ids: list[str], tmp_path: Path) -> None:
    for film_id in ids[:4]:
        spoil(spoilt, film_id, swap("A", "B"))
    out, cache = tmp_path / "out", tmp_path / "cache"
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", cache, "--pictures", 2) == 0
    rows = table(out)
    assert len(rows) == 12  # each swap, and the two landmarks on which the annotators are apart
    shown = page(out)
    assert f"{len(rows) - 2} more findings are not shown here" in shown
    assert shown.count("<image ") == 2
    # One of each kind, before a second of any.
    assert {row["kind"] for row in rows if f'id="n{row["finding"]}"' in shown} == {"swapped", "apart"}


def test_no_folder_of_the_user_is_named(
    spoilt: Path, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(spoilt, ids[0], swap("A", "B"))
    shutil.copy(film_file(spoilt, "train", ids[1]), spoilt / "train" / "Cephalograms" / f"{ids[1]}.tif")
    monkeypatch.setenv("HOME", str(tmp_path))
    out = tmp_path / "my doubts"
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    assert str(tmp_path) not in page(out)
    assert str(tmp_path) not in (out / "doubts.csv").read_text(encoding="utf-8")
    assert "cephkit review --dataset_path ~/spoilt --doubts ~/&#39;my doubts/doubts.csv&#39;" in page(out)
    monkeypatch.chdir(tmp_path)
    assert check("--dataset_path", "spoilt", "--out", "doubts", "--cache_dir", "cache") == 0
    assert "cephkit review --dataset_path spoilt --doubts doubts/doubts.csv" in page(tmp_path / "doubts")


def test_splits_and_twins_as_the_user_wants_them(
    spoilt: Path, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(spoilt, ids[0], swap("A", "B"))
    put_copy(spoilt, ids[1], "test", "leak")
    out, cache = tmp_path / "out", tmp_path / "cache"
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", cache, "--splits", "valid", "test") == 0
    assert table(out) == []
    assert check("--dataset_path", spoilt, "--out", out, "--cache_dir", cache, "--keep_twins") == 0
    (remedy,) = {row["remedy"] for row in table(out) if row["kind"] == "leak"}
    assert remedy.startswith("delete the copies in train, or leave --keep_twins out")
    capsys.readouterr()
    assert check("--dataset_path", spoilt, "--out", out, "--landmarks", "nothing.yaml") == 2
    assert "no such file" in capsys.readouterr().err


def test_any_landmarks(tmp_path: Path) -> None:
    from tests.data.test_own_shapes import MADE_UP, with_made_up

    root = tmp_path / "ours"
    root.mkdir()
    from tests.datasets.published import picture

    entries = [{"symbol": symbol, "title": f"Point {symbol}", "tissue": "bone"} for symbol in MADE_UP]
    (root / "landmarks.yaml").write_text(json.dumps({"name": "ours", "landmarks": entries}), encoding="utf-8")
    lines = ["film,symbol,x,y,split"]
    for seed in range(20):
        picture(seed, (560, 520)).save(root / f"f{seed}.png")
        points = with_made_up(seed, ())
        if seed == 7:
            points["X0"], points["X9"] = points["X9"], points["X0"]
        lines += [f"f{seed}.png,{symbol},{x:.1f},{y:.1f},train" for symbol, (x, y) in points.items()]
    (root / "marks.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    assert check("--dataset_path", root, "--out", out, "--cache_dir", tmp_path / "cache") == 0
    assert [(row["film"], row["kind"], row["landmarks"]) for row in table(out)] == [("f7", "swapped", "X0 X9")]
    assert "X0 and X9 appear to be swapped" in page(out)
