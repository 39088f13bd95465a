"""How Sphinx builds the site from these pages: ``make docs``."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

import cephkit

project = "cephkit"
author = "The cephkit authors"
copyright = author
version = release = cephkit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"cephkit {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "separated"
autodoc_default_options = {"exclude-members": "__new__, __init__"}
autodoc_preserve_defaults = True


def refuse_remote_parts(app: Sphinx, exception: Exception | None) -> None:
    """Fail if a page would load a script, style, font or picture from the network.

    Raises:
        SphinxError: it names the page.
    """
    for page in [] if exception else sorted(Path(app.outdir).rglob("*.html")):
        if found := re.search(r'(?:\bsrc=|<link\b[^>]*\bhref=)"(?:https?:)?//[^"]*"', page.read_text(encoding="utf-8")):
            raise SphinxError(f"{page.name} loads {found[0]}; the site must open without a network")


def setup(app: Sphinx) -> None:
    """Sphinx calls this once."""
    app.connect("build-finished", refuse_remote_parts)
