#!/usr/bin/env python3
"""Builds the documentation: HTML with the reference, or the manual pages.

    build.py html OUT     needs Sphinx, myst-parser, breathe and doxygen
    build.py man OUT      needs Sphinx and myst-parser
    build.py sources      prints the files that they are made from

Warnings are errors, unless --allow-warnings says otherwise.

The pages are docs/*.md and docs/guides/*.md; beside them come the files of BESIDE, the page of the configuration (made from
packaging/sendconn.toml.example), and the reference (made from the public headers, capi/sendconn.h and the Python package).
All are put together in a folder beside OUT, so that the tree stays clean.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import configuration  # noqa: E402
import headers  # noqa: E402
import python_package  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "packaging/sendconn.toml.example"
# Pages from elsewhere in the tree, and their names here.
BESIDE = {
    "SECURITY.md": "project/SECURITY.md",
    "CONTRIBUTING.md": "project/CONTRIBUTING.md",
    "CHANGELOG.md": "project/CHANGELOG.md",
    "bindings/python/README.md": "project/python.md",
}
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def version() -> str:
    found = re.search(r"^ *version: '([^']+)',$", (ROOT / "meson.build").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1)


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def pages_of_the_tree() -> dict[Path, str]:
    """Each file that becomes a page, and the page's name."""
    own = {file: str(file.relative_to(DOCS)) for file in sorted(DOCS.rglob("*.md"))}
    return own | {ROOT / file: name for file, name in BESIDE.items()} | {EXAMPLE: "configuration.md"}


def moved_links(source: Path, name: str, pages: Path) -> str:
    """The text with links that lead from page to page. What is no page, such as an example, is copied into files/."""
    names = pages_of_the_tree()
    up = "../" * name.count("/")

    def moved(found: re.Match) -> str:
        path, anchor = found.group(1), found.group(2) or ""
        target = (source.parent / path).resolve()
        if target in names:
            return f"]({up}{names[target]}{anchor})"
        if target.is_file():
            copy = pages / "files" / target.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, copy)
            return f"]({up}{copy.relative_to(pages)})"
        return found.group()  # a mistake, which Sphinx reports

    return LINK.sub(moved, source.read_text(encoding="utf-8"))


def copy_pages(pages: Path):
    for source, name in pages_of_the_tree().items():
        target = pages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        made = source == EXAMPLE
        text = configuration.page_of(source.read_text(encoding="utf-8")) if made else moved_links(source, name, pages)
        target.write_text(text, encoding="utf-8")
    shutil.copy(DOCS / "conf.py", pages)


def plain_tables(page: str) -> str:
    """A manual page without the boxes around its tables, which groff cannot draw everywhere, and with a wide last column."""

    def plain(found: re.Match) -> str:
        # docutils writes "center;" and "|l|l|.", or, later, "box center;" and "l|l.".
        table = re.sub(r"^(?:box )?center;\n\|?((?:l\|?)+)\.$", lambda columns: " ".join("l" * columns.group(1).count("l")) + "x.",
                       found.group(), count=1, flags=re.MULTILINE)
        return ".na\n" + re.sub(r"^_\n", "", table, flags=re.MULTILINE) + "\n.ad"

    return re.sub(r"^\.TS\n.*?^\.TE$", plain, page, flags=re.MULTILINE | re.DOTALL)


# ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────────


def sources() -> list[Path]:
    return [*pages_of_the_tree(), *headers.CPP_HEADERS, headers.C_HEADER, *sorted(DOCS.glob("*.py")),
            *sorted(python_package.PACKAGE.rglob("*.py")), *sorted(python_package.PACKAGE.rglob("*.pyi"))]


def build(what: str, out: Path, *, strict: bool = True) -> int:
    work = out.parent / f"docs-work-{what}"
    shutil.rmtree(work, ignore_errors=True)
    pages = work / "pages"
    pages.mkdir(parents=True)
    copy_pages(pages)
    environment = {**os.environ, "SENDCONN_VERSION": version(), "PYTHONDONTWRITEBYTECODE": "1"}
    reference = pages / "reference"
    if what == "html":
        environment["SENDCONN_DOXYGEN"] = json.dumps(headers.write_pages(reference, work))
        python_package.write_pages(reference)
    else:
        reference.mkdir()
        for name in ("cpp", "c", "python"):  # the contents name them
            (reference / f"{name}.rst").write_text(f"{name}\n======\n", encoding="utf-8")
    strictness = ["-W", "--keep-going"] if strict else []
    command = [sys.executable, "-m", "sphinx", "-q", *strictness, "-b", what, "-d", work / "trees", pages, out]
    code = subprocess.run(command, env=environment, check=False).returncode
    if what == "man" and code == 0:
        for page in out.glob("*.[1-9]"):
            page.write_text(plain_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["html", "man", "sources"])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--allow-warnings", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "sources":
        print(*sources(), sep="\n")
        return 0
    if arguments.out is None:
        parser.error("OUT is missing")
    return build(arguments.what, arguments.out.resolve(), strict=not arguments.allow_warnings)


if __name__ == "__main__":
    sys.exit(main())
