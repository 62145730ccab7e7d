#!/usr/bin/env python3
"""Checks that the tree's includes point the way the architecture says, and that the documents name files that exist.

    check_layout.py [ROOT]

Prints one line for each offence, `file:line: what is wrong`, and exits with 1 if there is any. The rules stand in the
tables below; docs/architecture.md explains them.
"""

import glob
import pathlib
import re
import sys
from dataclasses import dataclass

# A library part may include its own files and those of the layers in front of its own; parts of one layer do not know
# each other.
LAYERS = [
    ["base"],
    ["mail", "dns", "crypto"],
    ["mime", "tls", "spf", "dkim", "ownership", "limit", "smtp", "authres"],
    ["dmarc", "spf2"],
    ["authenticate"],
    ["policy", "route", "doctor"],
    ["io"],
    ["mailer"],
]
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}

# Parts that must not meet although their layers would allow it: the relay joins them.
STRANGERS = {frozenset({"smtp", "policy"})}

# Public headers whose name is not that of the part that implements them.
HEADER_PART = {
    "address": "mail",
    "ip": "base",
    "message": "mail",
    "reply": "base",
    "resolver": "io",
    "result": "base",
    "sasl": "smtp",
    "spf_engine": "io",
    "time": "base",
    "zone": "dns",
}

# The one public header that belongs to no part.
UMBRELLA = pathlib.Path("include/sendconn/sendconn.hpp")

# Everything here is built on the public headers alone.
PROGRAMS = ["relay", "tools", "capi", "bindings"]

# The headers that a part may include besides the C++ standard library's and the project's. lib/io is free.
FOREIGN = {
    "mail": ["idn2.h"],
    "crypto": ["openssl/", "immintrin.h"],
    "tls": ["openssl/"],
    "dmarc": ["expat.h", "zlib.h"],  # aggregate reports
    "spf2": ["spf2/", "arpa/", "netinet/", "sys/", "netdb.h"],  # a module of its own
    "dkim": ["emmintrin.h"],  # the compiler's own SSE2 intrinsics
    "smtp": ["stringprep.h", "emmintrin.h"],  # SASLprep by libidn; the same
}

# Time, randomness and files are arguments in lib/; lib/io is free here too. lib/crypto is where random octets come from,
# by OpenSSL; certificates and keys are named by their files in the interface of lib/tls.
# A Mailer composes and signs with the time of sending; its other clock is lib/io's.
NAMED_INPUT = {"tls": {"fopen"}, "mailer": {"system_clock::now"}}
HIDDEN_INPUT = re.compile(
    r"\b(?:(?:steady|system|high_resolution|utc)_clock::now|random_device|std::rand|srand|[io]?fstream|fopen|getenv"
    r"|setlocale|std::time)\b"
)

SOURCE_SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')

# What a document calls a file: a path under one of the project's folders.
DOCUMENTED = re.compile(
    r"(?<![\w./-])((?:\.ci|bench|bindings|capi|docs|examples|fuzz|include|lib|packaging|relay|scripts|tests|tools)"
    r"/[\w./*{},-]*\w[\w*}/]*)"
)
# What a document calls a function or a type: `Class::member`, `namespace::Class`.
QUALIFIED = re.compile(r"`(\w+(?:::\w+)+)")
LINK = re.compile(r"\]\(([^)#\s]+)")


@dataclass(frozen=True)
class Offence:
    path: pathlib.Path
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def sources(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES and path.is_file():
                yield path.relative_to(root)


def includes(root, path):
    """The includes of a file as (line number, name with its brackets or quotes)."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def header_part(stem):
    """dns.hpp and dns_cache.hpp belong to dns; the others stand in the table."""
    first = stem.split("_")[0]
    return HEADER_PART.get(stem, first if first in LAYER else None)


def included_part(name):
    """The library part that an include leads to; None if it leads elsewhere."""
    path = pathlib.PurePosixPath(name.strip('<>"'))
    if name == "<sendconn/sendconn.hpp>":
        return "sendconn"  # no part: nothing in lib/ may include it
    if name.startswith("<") and path.parts[0] == "sendconn":
        return header_part(path.stem)
    if name.startswith('"') and path.parts[0] == "lib" and len(path.parts) > 2:
        return path.parts[1]
    return None


def own_part(path):
    """The library part that a file belongs to; None for what is in no part."""
    if path.parts[:2] == ("include", "sendconn"):
        return header_part(path.stem)
    if path.parts[0] == "lib" and len(path.parts) > 2:
        return path.parts[1]
    return None


def check_direction(path, number, own, name):
    other = included_part(name)
    if other is None or other == own:
        return
    if frozenset({own, other}) in STRANGERS:
        yield Offence(path, number, f"lib/{own} and lib/{other} must not know each other, found {name}")
    elif other not in LAYER:
        yield Offence(path, number, f"{name} leads to a part without a layer")
    elif LAYER[other] >= LAYER[own]:
        yield Offence(path, number, f"lib/{own} must not include lib/{other}, found {name}")


def check_foreign(path, number, own, name):
    if own == "io" or not name.startswith("<"):
        return
    inner = name.strip("<>")
    standard = re.fullmatch(r"[a-z_]+", inner)
    if standard or inner.startswith("sendconn/"):
        return
    if not any(inner == allowed or (allowed.endswith("/") and inner.startswith(allowed))
               for allowed in FOREIGN.get(own, [])):
        yield Offence(path, number, f"lib/{own} must not include {name}: no system or third-party header here")


def check_umbrella(root):
    """sendconn.hpp includes every public header."""
    if not (root / UMBRELLA).is_file():
        return
    included = {name for _, name in includes(root, UMBRELLA)}
    for path in sources(root, "include/sendconn"):
        if path != UMBRELLA and f"<sendconn/{path.name}>" not in included:
            yield Offence(UMBRELLA, 1, f"does not include <sendconn/{path.name}>")


def check_library(root):
    for path in sources(root, "include/sendconn", "lib"):
        own = own_part(path)
        if path == UMBRELLA:
            continue
        if own not in LAYER:
            yield Offence(path, 1, "belongs to no part; name its part in tests/layout/check_layout.py")
            continue
        for number, name in includes(root, path):
            if name.startswith('"') and not name.startswith('"lib/'):
                yield Offence(path, number, f"{name} must be written as <sendconn/...> or \"lib/<part>/...\"")
            if name.startswith('"') and path.parts[0] == "include":
                yield Offence(path, number, f"a public header must not include the private {name}")
            yield from check_direction(path, number, own, name)
            yield from check_foreign(path, number, own, name)
        if own != "io":
            for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
                for found in HIDDEN_INPUT.finditer(line.split("//")[0]):
                    if found.group() in NAMED_INPUT.get(own, ()):
                        continue
                    yield Offence(path, number, f"{found.group()} is a hidden input; let the caller pass it")


def check_programs(root):
    for path in sources(root, *PROGRAMS):
        program = path.parts[0]
        for number, name in includes(root, path):
            if name.startswith('"') and not name.startswith(f'"{program}/'):
                yield Offence(path, number, f"{program}/ must include <sendconn/...> and its own folders, found {name}")
            if name.startswith("<openssl/"):
                yield Offence(path, number, f"OpenSSL belongs to lib/crypto and lib/tls, found {name}")


def folder_of(path):
    own = own_part(path)
    return f"lib/{own}" if own else str(path.parent)


def check_cycles(root):
    """No two folders may include each other, directly or around several corners."""
    edges = {}
    for path in sources(root, "include/sendconn", "lib", *PROGRAMS):
        for number, name in includes(root, path):
            part = included_part(name)
            if part is not None:
                target = f"lib/{part}"
            elif name.startswith('"') and "/" in name:
                target = str(pathlib.PurePosixPath(name.strip('"')).parent)
            else:
                continue
            if target != folder_of(path):
                edges.setdefault(folder_of(path), {}).setdefault(target, (path, number))

    def way(start, goal, seen):
        for target in edges.get(start, {}):
            if target == goal:
                return [start, target]
            if target not in seen:
                seen.add(target)
                rest = way(target, goal, seen)
                if rest:
                    return [start, *rest]
        return None

    reported = set()
    for folder in sorted(edges):
        cycle = way(folder, folder, set())
        if cycle and frozenset(cycle) not in reported:
            reported.add(frozenset(cycle))
            path, number = edges[cycle[0]][cycle[1]]
            yield Offence(path, number, "folders in a cycle: " + " -> ".join(cycle))


def check_build_order(root):
    """lib/meson.build builds the parts in the order of their layers."""
    build = root / "lib/meson.build"
    if not build.is_file():
        return
    path = build.relative_to(root)
    found = re.search(r"foreach part : \[([^\]]*)\]", build.read_text(encoding="utf-8"))
    if not found:
        yield Offence(path, 1, "no list of parts found")
        return
    parts = re.findall(r"'(\w+)'", found.group(1))
    for part in parts:
        if part not in LAYER:
            yield Offence(path, 1, f"part {part} has no layer in tests/layout/check_layout.py")
    known = [part for part in parts if part in LAYER]
    for before, after in zip(known, known[1:]):
        if LAYER[before] > LAYER[after]:
            yield Offence(path, 1, f"part {before} stands before {after}, which is in a layer below it")


def expand_braces(text):
    found = re.search(r"\{([^{}]*)\}", text)
    if not found:
        return [text]
    return [expanded for choice in found.group(1).split(",")
            for expanded in expand_braces(text[:found.start()] + choice + text[found.end():])]


def named_files(line):
    for found in DOCUMENTED.finditer(line):
        yield from expand_braces(found.group(1))


def documents(root):
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def words_of_sources(root):
    """The identifiers of each source file: a name that a document gives stands in one of them, with all its parts."""
    return [set(re.findall(r"\w+", (root / path).read_text(encoding="utf-8", errors="replace")))
            for path in sources(root, "include", "lib", *PROGRAMS)]


def check_documents(root):
    words = words_of_sources(root)
    for document in documents(root):
        path = document.relative_to(root)
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            for name in named_files(line):
                if not glob.glob(str(root / name)):
                    yield Offence(path, number, f"names {name}, which does not exist")
            for name in QUALIFIED.findall(line):
                if not any(set(name.split("::")) <= of_file for of_file in words):
                    yield Offence(path, number, f"names {name}, which no source file knows")
            for target in LINK.findall(line):
                if "://" not in target and not target.startswith("mailto:") and not (document.parent / target).exists():
                    yield Offence(path, number, f"links to {target}, which does not exist")


def check(root):
    root = pathlib.Path(root)
    for rule in (check_library, check_umbrella, check_programs, check_cycles, check_build_order, check_documents):
        yield from rule(root)


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parents[2])
    if not list(sources(root, "lib")):
        print(f"check_layout: no sources under {root / 'lib'}", file=sys.stderr)
        return 2
    offences = list(check(root))
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
