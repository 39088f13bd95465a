import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import cephkit
from cephkit import NOTICE
from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.norms import Norm, Subject
from cephkit.cephalometry.results import Result, class_text
from cephkit.cephalometry.sheet import FEW_ROWS, sheet_html
from cephkit.cephalometry.sheet_rows import value_text
from cephkit.data.film import Points
from cephkit.data.spacing import Plane, Spacing, square
from cephkit.geometry import covariance_of_error
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real

SPACING = Spacing(PIXEL_MM, PIXEL_MM, "machines.csv", "detector")
FACE = face_like_real(5)
ERRORS = {symbol: covariance_of_error(12.0) for symbol in FACE}
BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")


class Page(HTMLParser):
    """Collects what a browser would load, and the text that it would show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden = tag == "style"
        self.loaded += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data + " "


def page_of(points: Points = FACE, **more: object) -> str:
    """A sheet of all measurements; ``more`` are arguments of ``sheet_html``."""
    given = {"name": "film7", "grey": None, "spacing": SPACING, "subject": Subject(24, "female", 8), **more}
    spacing, subject = given["spacing"], given["subject"]
    assert isinstance(subject, Subject)
    size = spacing.mean_mm if isinstance(spacing, Spacing) else None
    analyses = given.pop("analyses", None)
    results = measure(points, spacing=size, covariances_px=ERRORS, subject=subject, analyses=analyses)
    name, grey = given.pop("name"), given.pop("grey")
    return sheet_html(name, grey, points, results, **given)  # type: ignore[arg-type]


def test_every_value_and_every_reason_for_none_stands_on_the_sheet() -> None:
    left = {symbol: point for symbol, point in FACE.items() if symbol not in ("Co", "LIA")}
    results = measure(left, spacing=PIXEL_MM, covariances_px=ERRORS)
    text = Page(sheet_html("film7", None, left, results)).text
    for result in results:
        if result.value is not None:
            assert value_text(result.value, result) in text, result
        else:
            assert f"({result.absent})" in text, result
        assert result.name in text


def test_norms_come_with_source_and_kind_and_classes_with_their_rule() -> None:
    results = measure(FACE, spacing=PIXEL_MM, covariances_px=ERRORS, subject=Subject(24, "female", 8))
    text = Page(page_of()).text
    for result in results:
        if result.norm is not None and result.value is not None:
            assert f"{result.norm.source} (" in text
            assert result.norm.kind in text
        if result.class_name is not None:
            assert result.class_name in text
            assert result.class_rule in text
    assert text.count("BORDERLINE") == sum(bool(result.class_on_border) for result in results)


def test_a_norm_says_whom_it_was_made_on_and_how_it_was_checked() -> None:
    text = Page(page_of(subject=Subject(15, "female", 8))).text
    assert "Downs 1948 AJO 34:812 (mean and SD, n 20, 12 to 17 years)" in text
    assert "read in a secondary source; not checked against the original" in text
    assert "Wits Wits (FOP)" in text.split("Norm withheld:")[1]
    assert "the sample of the norm was aged 18 years and older; the patient is 15" in text


def test_the_sheet_has_one_skeletal_class_with_its_probability() -> None:
    for seed in range(8):
        points = face_like_real(seed)
        text = Page(page_of(points)).text
        assert text.count("skeletal class") == 1
        results = measure(points, spacing=PIXEL_MM, covariances_px=ERRORS)
        (found,) = [result for result in results if result.class_name is not None]
        assert class_text(found).split(",")[0] in text
        assert found.class_probabilities is not None
        assert ("BORDERLINE" in text) == (max(found.class_probabilities.values()) < 0.8)


def test_an_open_bite_has_no_class_of_its_tips_and_says_why() -> None:
    x, y = ROUND["UIT"]
    results = measure({**ROUND, "UIT": (x, y - 100)}, spacing=PIXEL_MM, analyses=["ISBI"])
    text = Page(sheet_html("film7", None, ROUND, results)).text
    assert "no class: open bite" in text
    assert "large overjet" not in text


def test_limits_of_one_end_are_shown_as_such() -> None:
    flat = {**ROUND, "Go": (ROUND["Me"][0] - 600, ROUND["Me"][1] - 100)}
    text = Page(page_of(flat)).text
    assert "\N{LESS-THAN OR EQUAL TO} 92" in text
    assert "\N{GREATER-THAN OR EQUAL TO} 7" in text


def test_a_norm_withheld_is_named_with_its_reason() -> None:
    text = Page(page_of(subject=Subject())).text
    assert "Ricketts Facial depth, Ricketts Convexity" in text
    assert "(the norm depends on age, which is unknown)" in text
    assert "sex not known, age not known" in text


def test_the_facts_about_the_film_are_on_the_sheet() -> None:
    text = Page(page_of(film_hash="ab12", source="model.pth", facing="left", notes=["the pixel size is doubtful"])).text
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
    text = Page(page_of(spacing=Spacing(PIXEL_MM, PIXEL_MM, "machines.csv", plane), subject=Subject())).text
    assert "0.1 mm (machines.csv); " in text
    assert said in text


def test_an_enlargement_that_is_given_is_said() -> None:
    assert "lengths exceed those of the head by 8 %, as given" in Page(page_of()).text


def test_without_a_pixel_size_there_are_no_mm() -> None:
    text = Page(page_of(spacing=None)).text
    assert "not known: angles and ratios only" in text
    assert re.search(r"\d mm", text) is None
    assert "(unknown pixel size)" in text


def test_names_and_notes_are_escaped() -> None:
    bad = "<script>alert('x')</script>&\""
    html = page_of(name=bad, source=bad, film_hash=bad, notes=[bad], spacing=square(0.1, bad))
    page = Page(html)
    assert "script" not in page.tags
    assert "<script" not in html
    assert page.text.count("<script>alert('x')</script>&\"") == 6  # title, heading and four facts


def test_names_of_measurements_and_analyses_are_escaped() -> None:
    hostile = Result("<a>", "m", "<b>", "deg", 3.0, norm=Norm("goal", "<c>", 82.0), note='"<d>"')
    absent = Result("<e>", "m", "<f>", "deg", absent="without <g>")
    html = sheet_html("film7", None, FACE, [hostile, absent])
    assert not any(f"<{letter}>" in html for letter in "acdefg")
    assert "&lt;b&gt;</th>" in html
    assert 'title="&#34;&lt;d&gt;&#34;; norm: goal, &lt;c&gt;"' in html


def test_a_file_name_that_is_no_utf8_does_not_spoil_the_page() -> None:
    assert "film?7" in page_of(name="film\udce97").encode().decode()


def test_it_needs_no_other_file_and_runs_nothing() -> None:
    page = Page(page_of(grey=np.full((2400, 2000), 90, np.uint8)))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert [value[:23] for value in page.loaded] == ["data:image/jpeg;base64,"]
    assert "url(" not in page_of()
    assert "default-src 'none'" in page_of()


def test_small_print_is_legible() -> None:
    css = page_of().split("<style>")[1].split("</style>")[0]
    assert min(float(size) for size in re.findall(r"([\d.]+)pt", css)) >= 6.5


def test_a_face_without_landmarks_has_a_sheet_of_reasons() -> None:
    text = Page(page_of({})).text
    assert "Landmarks 0" in text
    assert "Norms:" not in text


def test_few_measurements_are_printed_larger() -> None:
    results = measure(FACE, spacing=PIXEL_MM, analyses=["Steiner", "Wits"])
    assert len(results) < FEW_ROWS
    assert '<div class="sheet wide">' in sheet_html("film7", None, FACE, results)
    assert '<div class="sheet">' in page_of()


def test_long_notes_are_shortened_and_many_are_counted() -> None:
    text = Page(page_of(notes=["doubtful " * 50] * 5)).text
    assert "and 2 more notes, see the JSON file" in text
    assert "doubtful " * 17 not in text


def _cases() -> dict[str, str]:
    film = np.full((2400, 2000), 90, np.uint8)
    regions = {symbol: np.eye(2) * 40.0**2 for symbol in FACE}
    long = {"name": "film " * 60, "source": "model " * 60, "film_hash": "0" * 32, "notes": ["doubtful " * 50] * 9}
    few = {symbol: ROUND[symbol] for symbol in ("S", "N", "A", "B")}
    return {
        "all": page_of(grey=film),
        "crowded": page_of(grey=film, subject=Subject(), regions=regions, **long),  # type: ignore[arg-type]
        "few": page_of(few, spacing=None),
        "challenge": page_of(grey=film, analyses=("ISBI",)),
        "unknown": page_of({**FACE, "B": (FACE["B"][0] - 450, FACE["B"][1])}, grey=film, subject=Subject()),
    }


@pytest.mark.skipif(not BROWSER, reason="needs Chromium to print")
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize(
    "case",
    ["all", "crowded", "few", *(pytest.param(name, marks=pytest.mark.slow) for name in ("challenge", "unknown"))],
)
def test_it_prints_on_one_page(case: str, paper: str, tmp_path: Path) -> None:
    html, pdf = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    html.write_text(_cases()[case].replace("@page {", f"@page {{ size: {paper};"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={tmp_path}"]
    subprocess.run(
        [BROWSER, *flags, f"--print-to-pdf={pdf}", html.as_uri()], check=True, capture_output=True, timeout=60
    )
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    (box,) = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert [round(float(side)) for side in box] == ([595, 842] if paper == "A4" else [612, 792])


def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sheet.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {"points": FACE, "covariances": ERRORS, "grey": None})
    assert "measured at the detector" in (tmp_path / "film7_sheet.html").read_text(encoding="utf-8")
