"""PDF pages from Typst templates: PDF/UA-1, so with embedded fonts and tags; the same bytes for the same values.

A template finds its values as JSON in ``sys.inputs.values``, so none of them is read as markup. Its fonts are
Liberation Sans, which is as wide as Arial, and Vazirmatn for Arabic script. The fonts of the machine are searched
only for letters that neither has, such as Chinese ones.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cephkit.errors import CephkitError, SettingsError

if TYPE_CHECKING:
    import typst

FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "Vazirmatn-Regular.ttf")
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Invisible, but Persian words need them. Other invisible characters can reverse a text."""
PROBE = b"""#set document(title: "Letters", date: none)
#set text(font: "Liberation Sans")
#for letter in json(bytes(sys.inputs.values)).clusters() [#letter #parbreak()]"""
"""Letter by letter: the library can panic over whole texts without shapes."""
UNKNOWN = "?"
"""Stands for a letter that no font has."""


def check_pdf() -> None:
    """Check that PDF files can be made.

    Raises:
        SettingsError: the library or a font is missing.
    """
    if find_spec("typst") is None:
        raise SettingsError("PDF files need the library typst, which is not installed", "pip install typst")
    for name in FONTS:
        if not (path := _fonts_folder() / name).is_file():
            raise SettingsError("is missing, but PDF files need it", "install cephkit again", path)


def render_pdf(template: str, values: Mapping[str, Any]) -> bytes:
    """The PDF of a template, as PDF/UA-1.

    Args:
        template: its path, relative to the package.
        values: numbers, texts, and lists and mappings of them.

    Raises:
        SettingsError: the library or a font is missing.
        CephkitError: the template cannot be used with these values.
    """
    check_pdf()
    source = resources.files("cephkit").joinpath(template).read_bytes()
    given = json.dumps(printable(values), ensure_ascii=False)
    beyond = set(given).difference(_letters(), JOINERS)
    is_helped = bool(beyond) and _machine_has("".join(sorted(beyond)))
    if not is_helped:
        given = given.translate(dict.fromkeys(map(ord, beyond), UNKNOWN))
    try:
        return _compiled(source, given, _fonts(system=is_helped))
    except _PdfError as error:
        raise CephkitError(f"no PDF could be made from {template} ({error})") from error


def printable(value: Any) -> Any:
    """``value`` with each text in it on one line, without invisible characters."""
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, Mapping):
        return {key: printable(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [printable(each) for each in value]
    return value


class _PdfError(Exception):
    """The library's own errors."""


def _compiled(source: bytes, values: str, fonts: "typst.Fonts") -> bytes:
    import typst  # 80 MB, which other commands need not load

    try:
        # A compiler serves one thread only. Making one is cheap, unlike reading fonts.
        compiler = typst.Compiler(source, font_paths=fonts, ignore_system_fonts=True, sys_inputs={"values": values})
        made = compiler.compile(source, format="pdf", pdf_standards="ua-1")
    except BaseException as error:
        # A panic of the library is none of Python's exceptions, and would end the program.
        if isinstance(error, typst.TypstError) or type(error).__name__ == "PanicException":
            raise _PdfError(str(error)) from error
        raise
    assert isinstance(made, bytes)
    return made


@lru_cache(maxsize=64)
def _machine_has(letters: str) -> bool:
    """Tell whether the fonts of the machine have all ``letters``: if not, a page of PDF/UA is refused."""
    try:
        _compiled(PROBE, json.dumps(letters), _fonts(system=True))
    except _PdfError:
        return False
    return True


@lru_cache(maxsize=2)
def _fonts(system: bool = False) -> "typst.Fonts":
    import typst

    folder = str(_fonts_folder())
    return typst.Fonts(include_system_fonts=system, include_embedded_fonts=False, font_paths=[folder])


@lru_cache(maxsize=1)
def _letters() -> frozenset[str]:
    """All that the fonts in the package have."""
    from matplotlib.ft2font import FT2Font

    return frozenset(chr(code) for name in FONTS for code in FT2Font(str(_fonts_folder() / name)).get_charmap())


def _fonts_folder() -> Path:
    return Path(str(resources.files("cephkit").joinpath("fonts")))


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    odd = {ord(letter): _replacement(letter) for letter in set(text) if not letter.isprintable()}
    return re.sub(r"\s+", " ", text.translate(odd))


def _replacement(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cf":
        return letter if letter in JOINERS else ""
    return UNKNOWN if kind in ("Cs", "Co", "Cn") else " "
