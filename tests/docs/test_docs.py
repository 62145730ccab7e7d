"""The documentation as it is read: links, the reference, the configuration's page, the manual pages."""

import ast
import html.parser
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import zlib
from pathlib import Path

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import build as builder  # noqa: E402
import configuration  # noqa: E402

MAN_PAGES = ["sendconn.1", "sendconn-relay.8", "sendconn.toml.5", "libsendconn.3"]
MARKDOWN = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "bindings/python/README.md"]
CPP_HEADERS = [path for path in sorted((ROOT / "include/sendconn").glob("*.hpp")) if path.name != "sendconn.hpp"]
C_HEADER = (ROOT / "capi/sendconn.h").read_text(encoding="utf-8")
PACKAGE = ROOT / "bindings/python/sendconn"


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Page(html.parser.HTMLParser):
    def __init__(self, file: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.text: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def pages(html) -> dict[Path, Page]:
    return {file: Page(file) for file in sorted(html.rglob("*.html"))}


def broken_links(pages: dict[Path, Page]) -> list[str]:
    broken = []
    for file, page in pages.items():
        for link in page.links:
            target = urllib.parse.urlsplit(link)
            if target.scheme or target.netloc:
                continue
            path = (file.parent / urllib.parse.unquote(target.path)).resolve() if target.path else file
            anchor = urllib.parse.unquote(target.fragment)
            if not path.exists():
                broken.append(f"{file.name}: {link}")
            elif anchor and path in pages and anchor not in pages[path].anchors:
                broken.append(f"{file.name}: {link}: no such anchor")
    return broken


def test_every_local_link_of_the_pages_leads_somewhere(pages, html):
    assert html / "index.html" in pages and len(pages) > 50
    assert broken_links(pages) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">x</a><a href="b.html#gone">y</a><a href="c.html">z</a>')
    (tmp_path / "b.html").write_text('<p id="here">')
    found = broken_links({file: Page(file) for file in sorted(tmp_path.glob("*.html"))})
    assert found == ["a.html: b.html#gone: no such anchor", "a.html: c.html"]


def anchors_of(markdown: str) -> set[str]:
    """What headings are called in links: lower case, without punctuation, spaces as hyphens."""
    text = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_markdown_links(file: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`(?!\])", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (file.parent / path).resolve() if path else file
        if not target.exists():
            broken.append(link)
        elif anchor and anchor not in anchors_of(target.read_text(encoding="utf-8")):
            broken.append(f"{link}: no such heading")
    return broken


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_local_link_in_the_sources_leads_somewhere(file):
    assert broken_markdown_links(file) == []


def test_a_link_in_the_sources_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.md").write_text("# One, two\n[x](#one-two) [y](#three) [z](gone.md) [`w`](b.md)\n```\n[q](r)\n```\n")
    assert broken_markdown_links(tmp_path / "a.md") == ["#three: no such heading", "gone.md", "b.md"]


def test_every_page_can_be_reached_from_the_front_page(pages, html):
    def leads_to(file):
        for link in pages[file].links:
            target = urllib.parse.urlsplit(link)
            path = (file.parent / urllib.parse.unquote(target.path)).resolve()
            if not target.scheme and path in pages:
                yield path

    reached, waiting = set(), [html / "index.html"]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting.extend(leads_to(file))
    assert {file.name for file in set(pages) - reached} <= {"genindex.html", "py-modindex.html", "search.html"}


# ── The reference ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def inventory(html) -> dict[str, dict[str, set[str]]]:
    """What Sphinx says that it documents: for each page and domain, the full names."""
    octets = (html / "objects.inv").read_bytes()
    lines = zlib.decompress(octets.split(b"\n", 4)[4]).decode().splitlines()
    found: dict[str, dict[str, set[str]]] = {}
    for line in lines:
        name, kind, _, place, _ = re.match(r"(.+?) (\S+:\S+) (-?\d+) (\S*) (.*)", line).groups()
        page = place.partition("#")[0].removesuffix(".html")
        name = re.sub(r"^@\d+\.", "", name)  # what an enumeration without a name holds
        found.setdefault(page, {}).setdefault(kind.partition(":")[0], set()).add(name)
    return found


# Declarations of the public headers, roughly: enough to notice one that the reference lacks.
TYPE = re.compile(r"^ *(?:class|struct|enum class)(?: \[\[\w+\]\])? (\w+)(?: final)?(?: :[^:].*)? \{", re.MULTILINE)
FUNCTION = re.compile(
    r"^ *(?:\[\[nodiscard\]\] )?(?:static |virtual |constexpr |inline |explicit )*[\w:<>,&* ]+?[ &*](\w+)\(", re.MULTILINE)
CONSTANT = re.compile(r"^ *(?:inline |static )*constexpr [\w:]+ (\w+) =", re.MULTILINE)
MEMBER = re.compile(r"^  (?!return|using|friend|static_assert|operator)[\w:<>,&* ]+? ([a-z]\w*)(?: = [^;(]*|\{[^;(]*\})?;",
                    re.MULTILINE)
ENUMERATOR_LIST = re.compile(r"enum class \w+ (?:: [\w:]+ )?\{([^}]*)\}")


def public_names(header: Path) -> set[str]:
    text = re.sub(r"//.*", "", header.read_text(encoding="utf-8"))
    text = re.sub(r"\n private:.*?(?=\n};)", "\n", text, flags=re.DOTALL)
    lines = "\n".join(line for line in text.splitlines()
                      if not re.match(r" *(?:return|if|for|friend|using namespace)\b", line))
    names = {name for pattern in (TYPE, FUNCTION, CONSTANT, MEMBER) for name in pattern.findall(lines)}
    for values in ENUMERATOR_LIST.findall(text):
        names |= {value.split("=")[0].strip() for value in values.split(",") if value.strip()}
    names = {name for name in names if not name.endswith("_")}  # private ones
    return names - {"if", "for", "while", "switch", "sizeof", "operator", "Impl", "bool", "noexcept"}


@pytest.mark.parametrize("header", CPP_HEADERS, ids=lambda path: path.stem)
def test_the_reference_has_every_public_name_of_the_cpp_headers(header, inventory):
    there = {name.rpartition("::")[2] for name in inventory[f"reference/cpp/{header.stem}"]["cpp"]}
    names = public_names(header)
    assert names - there == set()
    assert names or header.stem in ("time",), "nothing was found to look for"


def test_the_reference_has_every_function_of_the_c_interface(inventory):
    lines = (ROOT / "capi/symbols.txt").read_text(encoding="utf-8").splitlines()
    functions = {line for line in lines if line and not line.startswith("#")}
    assert len(functions) > 200
    assert functions - inventory["reference/c"]["c"] == set()


def test_the_reference_has_every_type_constant_and_member_of_the_c_interface(inventory):
    text = re.sub(r"//.*", "", C_HEADER)
    types = set(re.findall(r"^typedef (?:struct )?\w+ (sendconn_\w+);", text, re.MULTILINE))
    types |= set(re.findall(r"^typedef [\w ]+\(\*(\w+)\)", text, re.MULTILINE))
    structs = dict(re.findall(r"^typedef struct (\w+) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    constants = {name for body in re.findall(r"^enum \{(.*?)\}", text, re.MULTILINE | re.DOTALL)
                 for name in re.findall(r"SENDCONN_\w+", body)}  # fmt: skip
    # What the header needs for itself.
    macros = set(re.findall(r"^#define (SENDCONN_\w+)", text, re.MULTILINE)) - {
        "SENDCONN_H", "SENDCONN_API", "SENDCONN_NOEXCEPT", "SENDCONN_INIT"}  # fmt: skip
    members = {f"{struct}.{member}" for struct, body in structs.items()
               for member in re.findall(r"(\w+)(?:\[\d+\])?;", body)}  # fmt: skip
    assert len(types) > 30 and len(structs) > 30 and len(constants) > 100 and len(macros) > 30 and len(members) > 300
    assert (types | set(structs) | constants | macros | members) - inventory["reference/c"]["c"] == set()


def python_modules():
    files = [*PACKAGE.glob("[a-z]*.py"), PACKAGE / "__init__.py", *(PACKAGE / "compat").glob("[a-z]*.py")]
    for file in sorted(files):
        name = ".".join(("sendconn", *file.relative_to(PACKAGE).with_suffix("").parts))
        yield name.removesuffix(".__init__"), file


def public_python_names(module: str, file: Path) -> set[str]:
    """Those of __all__, and the members of the classes that the types declare there."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names |= {f"{module}.{name}" for name in ast.literal_eval(node.value)}
    whole = set(names) if names else None
    for node in ast.parse(file.with_suffix(".pyi").read_text(encoding="utf-8")).body:
        name = f"{module}.{getattr(node, 'name', '_')}"
        if whole is None and isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(name)
        if isinstance(node, ast.ClassDef) and name in (whole or names):
            for member in node.body:
                own = getattr(member, "name", None) or getattr(getattr(member, "target", None), "id", "_")
                if not own.startswith("_"):
                    names.add(f"{name}.{own}")
    return names


@pytest.mark.parametrize("module, file", list(python_modules()), ids=lambda value: str(value).rpartition("/")[2])
def test_the_reference_has_every_public_name_of_the_python_package(module, file, inventory):
    names = public_python_names(module, file)
    assert names, "nothing was found to look for"
    modules = {name for name, _ in python_modules()}
    assert names - modules - inventory[f"reference/python/{module}"]["py"] == set()


def test_the_python_reference_has_what_its_classes_inherit(inventory):
    there = inventory["reference/python/sendconn.spf"]["py"]
    assert {"sendconn.spf.Check.questions", "sendconn.spf.Check.answer", "sendconn.spf.RecordCache"} <= there


# ── The configuration ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_configuration_has_every_key(pages, html):
    keys = re.findall(r"^#?([a-z_.0-9]+) = ", builder.EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(keys) > 80
    text = "".join(pages[html / "configuration.html"].text)
    assert [key for key in keys if not re.search(rf"(?m)^{re.escape(key)} = ", text)] == []


def test_a_line_of_the_configuration_that_is_no_comment_and_no_key_is_an_error():
    with pytest.raises(ValueError):
        configuration.page_of("[relay]\nhostname: x\n")


# ── Manual pages ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", MAN_PAGES)
def test_a_manual_page_has_no_warnings(page, man):
    file = man / page
    environment = {**os.environ, "MANROFFSEQ": "t", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings=w", "-l", file], capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert "NAME" in done.stdout and page.rpartition(".")[0] in done.stdout
    if shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    if not shutil.which("man") and not shutil.which("mandoc"):
        pytest.skip("neither man nor mandoc is installed")


def test_the_manual_page_of_the_relay_has_its_options(man):
    text = (man / "sendconn-relay.8").read_text(encoding="utf-8").replace("\\-", "-")
    source = (ROOT / "relay/main.cpp").read_text(encoding="utf-8")
    for option, rest in re.findall(r'add_(?:option|flag)\("(--[a-z-]+)"([^;]*);', source):
        assert (option in text) != ('->group("")' in rest), option
