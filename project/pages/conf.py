"""How Sphinx makes the site: https://www.sphinx-doc.org/en/master/usage/configuration.html."""

from factory import __version__

project = "flash-attn wheel factory"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"{project} {__version__}"
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 4  # as GitHub makes them, for links into a page
# What runs beside a wheel, in its environment, imports what is not here.
autodoc_mock_imports = ["flash_attn", "torch"]
autodoc_default_options = {"members": True, "member-order": "bysource", "ignore-module-all": True, "no-value": True}
autodoc_preserve_defaults = True  # as they are written, not as they came out on the machine that made the site
# Several modules have a class of one short name, as an annotation spells it: then it is text, and no link.
suppress_warnings = ["ref.python"]
