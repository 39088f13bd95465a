"""PDF pages of any template; what stands on the sheet of a film is tested in cephalometry."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pypdfium2
import pytest

from cephkit import pdf
from cephkit.errors import CephkitError, SettingsError
from cephkit.pdf import FONTS, check_pdf, printable, render_pdf

TEMPLATE = """#let values = json(bytes(sys.inputs.values))
#set document(title: values.name, date: none)
#set text(font: ("Liberation Sans", "Vazirmatn"), lang: "en")
#values.name
"""
RARE = "\N{DESERET CAPITAL LETTER LONG I}"


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A template of one text."""
    (tmp_path / "page.typ").write_text(TEMPLATE, encoding="utf-8")
    files = pdf.resources.files
    monkeypatch.setattr(pdf.resources, "files", lambda name: Both(tmp_path, Path(str(files(name)))))
    return "page.typ"


class Both:
    """The package with one more file."""

    def __init__(self, more: Path, package: Path) -> None:
        self.more, self.package = more, package

    def joinpath(self, name: str) -> Path:
        return self.more / name if name.endswith(".typ") else self.package / name


def text_of(content: bytes) -> str:
    return str(pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range())


def test_texts_are_never_markup(template: str) -> None:
    name = '#panic("x") $ [ *b* \\ "'
    assert text_of(render_pdf(template, {"name": name})) == name


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain", "plain"),
        (" edges stay ", " edges stay "),
        ("one\n\ttwo\x00three\u2028four", "one two three four"),
        ("e\u0301", "\u00e9"),
        ("a\u202eb\u2066c\ufeffd\u00ade", "abcde"),
        ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\u0645\u06cc\u200c\u0631\u0648\u0645"),
        ("half \udce9", "half ?"),
        ("\ue000\uffff", "??"),
    ],
)
def test_a_text_has_one_line_and_no_invisible_letters(text: str, printed: str) -> None:
    assert printable({"a": [text, 1.5, None]}) == {"a": [printed, 1.5, None]}


def test_a_letter_that_no_font_has_becomes_a_question_mark(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_machine_has", lambda letters: False)
    assert text_of(render_pdf(template, {"name": f"A{RARE}B"})) == "A?B"


def test_a_letter_without_a_shape_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = pdf._fonts()
    monkeypatch.setattr(pdf, "_fonts", lambda system=False: bundled)
    assert pdf._machine_has.__wrapped__("A\u00e9")
    assert not pdf._machine_has.__wrapped__(f"A{RARE}")


def test_fonts_of_the_machine_are_used_for_letters_that_they_have(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The machine's fonts are not known; Vazirmatn stands for them here.
    monkeypatch.setattr(pdf, "_letters", lambda: frozenset(map(chr, range(32, 127))))
    assert text_of(render_pdf(template, {"name": "A \u0627"})) == "A \u0627"


def test_pages_can_be_made_side_by_side(template: str) -> None:
    names = [f"film{number}" for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda name: render_pdf(template, {"name": name}), names))
    assert [text_of(page) for page in pages] == names


def test_a_template_that_fails_is_named(template: str) -> None:
    with pytest.raises(CephkitError, match=r"no PDF could be made from page\.typ .*name"):
        render_pdf(template, {})


def test_a_panic_of_the_library_is_an_error_like_others(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    class Compiler:
        def __init__(self, *_: object, **__: object) -> None:
            raise PanicException("index out of bounds")

    monkeypatch.setattr("typst.Compiler", Compiler)
    with pytest.raises(CephkitError, match="index out of bounds"):
        render_pdf(template, {"name": "film7"})


def test_a_missing_library_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="need the library typst, which is not installed; pip install typst"):
        check_pdf()


@pytest.mark.parametrize("name", FONTS)
def test_a_missing_font_is_named_with_the_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: path.name != name and is_file(path))
    with pytest.raises(SettingsError, match=f"{name}: is missing, but PDF files need it; install cephkit again"):
        check_pdf()


def test_fonts_come_with_their_licences() -> None:
    folder = Path(pdf.__file__).parent / "fonts"
    check_pdf()
    for family in {name.split("-")[0].removesuffix("Sans") for name in FONTS}:
        assert "SIL OPEN FONT LICENSE" in (folder / f"LICENSE-{family}.txt").read_text(encoding="utf-8").upper()
