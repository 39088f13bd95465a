"""One page for one film: its tracing, all measurements with their norms, and the sources of everything."""

from dataclasses import asdict

from markupsafe import Markup

from cephkit.cephalometry.sheet_content import SheetContent
from cephkit.pages import render
from cephkit.pdf import render_pdf

SHEET_ENDING = "_sheet.html"
"""Ending of the files of sheets."""
PDF_ENDING = "_sheet.pdf"
"""The same as PDF."""


def sheet_html(content: SheetContent) -> str:
    """A self-contained HTML page that prints on one sheet of A4 or Letter."""
    page = render("cephalometry/templates/sheet.html.j2", sheet=content, tracing=Markup(content.tracing))
    # A file's name need not be UTF-8; the page must be.
    return page.encode("utf-8", "replace").decode("utf-8")


def sheet_pdf(content: SheetContent) -> bytes:
    """The same page as PDF, on one sheet of A4 with margins that leave everything on Letter.

    The film is an image; tracing and texts are not. It is tagged for screen readers, and holds neither a date nor a
    script: the same content gives the same bytes.

    Raises:
        SettingsError: the library or a font is missing; ``cephkit.pdf.check_pdf`` tells beforehand.
    """
    return render_pdf("cephalometry/templates/sheet.typ", asdict(content))
