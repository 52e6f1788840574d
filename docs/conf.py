"""Sphinx's configuration of the site; `nox -s docs` builds it, offline.

The pages are plain Markdown that a code host shows as it is.  What Sphinx needs besides, the
navigation and the pages of the API, is made of them by the extensions in docs/site.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnnlite.version import __version__

project = "cnnlite"
author = "the cnnlite authors"
copyright = "the cnnlite authors, MIT licence"
release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.site.repository",
    "docs.site.navigation",
    "docs.site.api",
    "docs.site.mathml",
]
source_suffix = {".md": "markdown", ".markdown": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["figures/**", "site/**"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "repository"]

default_role = "code"
napoleon_use_ivar = True
napoleon_custom_sections = ["Source", "Sources"]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 70

html_theme = "furo"
html_title = f"cnnlite {release}"
html_baseurl = ""
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = ["site/static"]
html_css_files = ["cnnlite.css"]
html_math_renderer = "mathml"
html_theme_options = {"top_of_page_buttons": []}
