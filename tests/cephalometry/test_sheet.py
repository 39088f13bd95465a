import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pypdfium2 import raw

from cephkit import NOTICE
from cephkit.cephalometry.norms import Norm
from cephkit.cephalometry.results import Result
from cephkit.cephalometry.sheet import sheet_html, sheet_pdf
from cephkit.cephalometry.sheet_content import SheetContent, sheet_content
from cephkit.data.film import Points
from cephkit.data.spacing import square
from tests.cephalometry.sheets import CASES, ERRORS, FACE, FILM, content_of, texts_of

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
PERSIAN = "\u0641\u06cc\u0644\u0645 \u0628\u06cc\u0645\u0627\u0631 \u06f7"


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
    """The same as HTML."""
    return sheet_html(content_of(points, **more))


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
    html = sheet_html(sheet_content("film7", None, FACE, [hostile, absent]))
    assert not any(f"<{letter}>" in html for letter in "acdefg")
    assert "&lt;b&gt;</th>" in html
    assert 'title="&#34;&lt;d&gt;&#34;; norm: goal, &lt;c&gt;"' in html


def test_a_file_name_that_is_no_utf8_does_not_spoil_the_page() -> None:
    assert "film?7" in page_of(name="film\udce97").encode().decode()


def test_it_needs_no_other_file_and_runs_nothing() -> None:
    page = Page(page_of(grey=FILM))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert [value[:23] for value in page.loaded] == ["data:image/jpeg;base64,"]
    assert "url(" not in page_of()
    assert "default-src 'none'" in page_of()


def test_small_print_is_legible() -> None:
    css = page_of().split("<style>")[1].split("</style>")[0]
    assert min(float(size) for size in re.findall(r"([\d.]+)pt", css)) >= 6.5


class Pdf:
    """What a PDF reader finds in a page."""

    def __init__(self, content: SheetContent) -> None:
        self.bytes = sheet_pdf(content)
        self.document = pypdfium2.PdfDocument(self.bytes)
        self.page = self.document[0]
        # A hyphen at the end of a line.
        self.text = self.page.get_textpage().get_text_range().replace("\ufffe", "-")

    def fonts(self) -> dict[str, bool]:
        """Names of the fonts, and whether they are embedded."""
        texts = self.page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT])
        fonts = [text.get_font() for text in texts]
        return {font.get_base_name().split("+")[-1]: font.is_embedded for font in fonts}

    def images(self) -> int:
        return len(list(self.page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE])))

    def ink(self) -> tuple[float, float, float, float]:
        """Distances from the edges of the page to what is printed: left, top, right, bottom, in mm."""
        grey = np.asarray(self.page.render(scale=2, grayscale=True).to_pil())
        rows, columns = np.nonzero((grey < 200).any(axis=1))[0], np.nonzero((grey < 200).any(axis=0))[0]
        mm = 25.4 / 72 / 2
        sides = (columns[0], rows[0], grey.shape[1] - 1 - columns[-1], grey.shape[0] - 1 - rows[-1])
        left, top, right, bottom = (float(side) * mm for side in sides)
        return left, top, right, bottom


def together(text: str) -> str:
    """The text without spaces and line ends, which readers find where they like."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("case", CASES)
def test_both_pages_say_the_same(case: str) -> None:
    content = CASES[case]()
    html, pdf = together(Page(sheet_html(content)).text), together(Pdf(content).text)
    for text in texts_of(content):
        assert together(text) in html
        assert together(text) in pdf


@pytest.mark.parametrize("case", CASES)
def test_a_pdf_is_one_page_of_a4_that_a_printer_with_letter_can_print(case: str) -> None:
    pdf = Pdf(CASES[case]())
    assert len(pdf.document) == 1
    assert [round(side) for side in pdf.page.get_size()] == [595, 842]
    left, top, right, bottom = pdf.ink()
    assert min(left, right) > 7.9
    # Letter is 18 mm lower, and printers leave 4 mm.
    assert min(top, bottom) > 9 + 4


def test_a_pdf_has_a_title_a_language_and_tags_but_no_script() -> None:
    pdf = Pdf(content_of(name=PERSIAN, grey=FILM))
    assert pdf.document.get_metadata_value("Title") == f"{PERSIAN}: cephalometric measurements"
    assert pdf.document.is_tagged()
    assert b"/Lang" in pdf.bytes
    assert raw.FPDFDoc_GetJavaScriptActionCount(pdf.document) == 0
    assert NOTICE in pdf.text


def test_the_film_is_a_picture_and_the_tracing_is_not() -> None:
    assert Pdf(content_of(grey=FILM)).images() == 1
    on_white = Pdf(content_of())
    assert on_white.images() == 0
    assert {"Pog`", "Go-Me", "UIA"} <= set(on_white.text.split())


def test_the_same_content_gives_the_same_bytes() -> None:
    assert sheet_pdf(content_of(grey=FILM)) == sheet_pdf(content_of(grey=FILM))


def test_fonts_are_embedded_and_those_of_the_package() -> None:
    fonts = Pdf(content_of(name=PERSIAN)).fonts()
    assert fonts == {"LiberationSans": True, "LiberationSans-Bold": True, "Vazirmatn-Regular": True}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        (PERSIAN, PERSIAN),
        ("\u03b1\u03b2\u03b3 \u2264 5 \u00b1 \u221e", "\u03b1\u03b2\u03b3 \u2264 5 \u00b1 \u221e"),
        ("M\u00fcller-\u0141\u00f3d\u017a", "M\u00fcller-\u0141\u00f3d\u017a"),
        ("e\u0301", "\u00e9"),
        ('#import "x" $a$ *b* <c> @d \\e', '#import "x" $a$ *b* <c> @d \\e'),
        ("left\u202eright\u2066", "leftright"),
        ("tab\tbell\x07line\n", "tab bell line "),
        ("film\udce97", "film?7"),
        ("\U000f0000", "?"),
        ("W" * 60, "W" * 50),
    ],
)
def test_hostile_and_foreign_names_are_printed(name: str, printed: str) -> None:
    assert together(printed) in together(Pdf(content_of(name=name, notes=[name])).text)


@pytest.mark.skipif(not BROWSER, reason="needs Chromium to print")
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize(
    "case",
    ["all", "crowded", "few", *(pytest.param(name, marks=pytest.mark.slow) for name in ("challenge", "unknown"))],
)
def test_html_prints_on_one_page(case: str, paper: str, tmp_path: Path) -> None:
    html, pdf = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    html.write_text(sheet_html(CASES[case]()).replace("@page {", f"@page {{ size: {paper};"), encoding="utf-8")
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
    assert (tmp_path / "film7_sheet.pdf").read_bytes().startswith(b"%PDF")
