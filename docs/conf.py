"""Sphinx's configuration. docs/build.py copies the pages together, adds those that are made, and calls Sphinx with it."""

import json
import logging
import os
import re

project = "sendconn"
author = "the sendconn authors"
copyright = "2026, the sendconn authors"  # noqa: A001 - Sphinx's name
release = version = os.environ.get("SENDCONN_VERSION", "")

extensions = ["myst_parser"]
if os.environ.get("SENDCONN_DOXYGEN"):
    extensions.append("breathe")
    breathe_projects = json.loads(os.environ["SENDCONN_DOXYGEN"])
    breathe_default_project = "cpp"
    breathe_domain_by_extension = {"h": "c"}
    breathe_default_members = ("members",)

root_doc = "index"
primary_domain = None
highlight_language = "none"
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
html_theme = "alabaster"
html_theme_options = {
    "description": "E-mail for other people's domains, with proof",
    "fixed_sidebar": True,
    "page_width": "76em",
    "sidebar_width": "17em",
    "show_powered_by": False,
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sourcelink = False
html_copy_source = False

# (page, name, description, authors, section)
man_pages = [
    ("cli", "sendconn", "check, sign and send e-mail; manage the sendconn relay", "", 1),
    ("relay", "sendconn-relay", "relay that sends e-mail for other people's domains, with proof", "", 8),
    ("configuration", "sendconn.toml", "the configuration of sendconn-relay", "", 5),
    ("library", "libsendconn", "SMTP, SPF, DKIM and DMARC without I/O, for C++ and C", "", 3),
]
man_show_urls = True


def no_second_namespace(record: logging.LogRecord) -> bool:
    """A namespace goes over several headers, and stands on the page of each: that is no second declaration."""
    return not re.match(r"\s*Duplicate C\+\+ declaration.*\nDeclaration is '\.\. cpp:type:: [a-z]+'", record.getMessage())


def setup(app):
    from pygments.lexers.special import TextLexer

    app.add_lexer("zone", TextLexer)  # zone files; Pygments knows no such language
    logging.getLogger("sphinx.sphinx.domains.cpp").addFilter(no_second_namespace)
