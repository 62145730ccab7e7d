"""The reference of C++ and C: one page for each public header, and one for capi/sendconn.h by its sections. Doxygen reads
the headers, through for_doxygen(), and Breathe makes Sphinx's objects of what it found. A header's opening comment, and those
at the head of sendconn.h's sections, stand above the objects."""

import re
import subprocess
import sys
from pathlib import Path

from plain_text import to_rst

ROOT = Path(__file__).resolve().parents[1]
CPP_HEADERS = [header for header in sorted((ROOT / "include/sendconn").glob("*.hpp")) if header.name != "sendconn.hpp"]
C_HEADER = ROOT / "capi/sendconn.h"

# "// ── Title ──────": a section of sendconn.h.
SECTION = re.compile(r"// ── (.+?) ─+$")


def leading_comment(lines: list[str]) -> list[str]:
    text = []
    for line in lines:
        if not line.startswith("//") or line.startswith("///"):
            break
        text.append(line.removeprefix("//").removeprefix(" "))
    return text


# ── What Doxygen is to see ──────────────────────────────────────────────────────────────────────────────────────────


def for_doxygen(header: Path) -> str:
    """Comments are texts without markup; what is said to the compiler alone is not there."""
    lines = header.read_text(encoding="utf-8").splitlines()
    shown = c_lines(lines) if header == C_HEADER else cpp_lines(lines)
    return "\n".join(map(escaped_comment, shown)) + "\n"


def escaped_comment(line: str) -> str:
    if line.startswith("/**"):
        return line
    code, marker, text = re.match(r"(.*?)(///<?|$)(.*)", line).groups()
    pieces = re.split(r'("[^"]*")', text)  # between quotes "@" is no command for Doxygen, and no escape is one
    for i, piece in enumerate(pieces):
        pieces[i] = re.sub(r"([<>&])" if i % 2 else r"([\\@<>%&$])", r"\\\1", piece)
    return code + marker + "".join(pieces)


def cpp_lines(lines):
    for line in lines:
        if re.match(r" *friend .*= default;|#pragma GCC", line):
            continue
        # Doxygen takes "local " for a word of IDL, and Sphinx no digit separators.
        code, comment, text = line.partition("//")
        yield re.sub(r"(?<=\d)'(?=\d)", "", code.replace("local = ", "local= ")) + comment + text


def c_lines(lines):
    """The declarations alone, each section as a group; what makes them C++ is left out."""
    sections = 0
    hidden = True
    for line in lines:
        section = SECTION.match(line)
        if section:
            if sections:
                yield "/** @} */"
            yield f"/** @defgroup c_section_{sections} {section.group(1)} */"
            yield "/** @{ */"
            sections += 1
            hidden = False
        elif line.startswith("#ifdef __cplusplus") or line.startswith("#endif"):
            hidden = not line.startswith("#endif")
        elif not hidden:
            yield re.sub(r"SENDCONN_API | SENDCONN_NOEXCEPT", "", line)
    yield "/** @} */"


DOXYFILE = """
PROJECT_NAME = sendconn
INPUT = {inputs}
OUTPUT_DIRECTORY = {out}
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
EXTRACT_ALL = YES
EXTRACT_LOCAL_CLASSES = NO
HIDE_FRIEND_COMPOUNDS = YES
JAVADOC_AUTOBRIEF = YES
MULTILINE_CPP_IS_BRIEF = NO
INPUT_FILTER = "{filter}"
QUIET = YES
WARN_IF_UNDOCUMENTED = NO
WARN_AS_ERROR = FAIL_ON_WARNINGS
AUTOLINK_SUPPORT = NO
TYPEDEF_HIDES_STRUCT = YES
STRIP_FROM_PATH = {root}/include {root}/capi
"""


def run_doxygen(out: Path, inputs: list[Path]) -> Path:
    out.mkdir(parents=True)
    settings = DOXYFILE.format(inputs=" ".join(map(str, inputs)), out=out, root=ROOT,
                               filter=f"{sys.executable} {__file__}")
    subprocess.run(["doxygen", "-"], input=settings, text=True, check=True)
    return out / "xml"


# ── The pages ───────────────────────────────────────────────────────────────────────────────────────────────────────

SECTIONS = ("briefdescription detaileddescription innerclass innernamespace define enum typedef func var user-defined "
            "public-type public-func public-attrib public-static-func public-static-attrib")


def title(text: str, line: str = "=") -> list[str]:
    return [text, line * len(text), ""]


def cpp_page(header: Path) -> str:
    comment = leading_comment(header.read_text(encoding="utf-8").splitlines())
    return "\n".join([*title(f"<sendconn/{header.name}>"), *to_rst(comment), "",
                      f".. doxygenfile:: {header.name}", "   :project: cpp", f"   :sections: {SECTIONS}", ""])


def c_page() -> str:
    lines = C_HEADER.read_text(encoding="utf-8").splitlines()
    page = [*title("C: sendconn.h"), *to_rst(leading_comment(lines)), ""]
    number = 0
    for at, line in enumerate(lines):
        section = SECTION.match(line)
        if section:
            page += [*title(section.group(1), "-"), *to_rst(leading_comment(lines[at + 1:])), "",
                     f".. doxygengroup:: c_section_{number}", "   :project: c",
                     "   :content-only:", "   :members:", "   :undoc-members:", ""]
            number += 1
    return "\n".join(page)


def write_pages(folder: Path, work: Path) -> dict[str, str]:
    """The pages, and where Breathe finds what Doxygen wrote."""
    (folder / "cpp").mkdir(parents=True)
    for header in CPP_HEADERS:
        (folder / "cpp" / f"{header.stem}.rst").write_text(cpp_page(header), encoding="utf-8")
    rows = [f"   cpp/{header.stem}" for header in CPP_HEADERS]
    (folder / "cpp.rst").write_text("\n".join(
        [*title("C++"), "The public headers. ``<sendconn/sendconn.hpp>`` includes them all.", "",
         ".. toctree::", "   :maxdepth: 1", "", *rows, ""]), encoding="utf-8")
    (folder / "c.rst").write_text(c_page(), encoding="utf-8")
    return {"cpp": str(run_doxygen(work / "doxygen-cpp", CPP_HEADERS)), "c": str(run_doxygen(work / "doxygen-c", [C_HEADER]))}


if __name__ == "__main__":  # Doxygen's filter
    print(for_doxygen(Path(sys.argv[1])), end="")
