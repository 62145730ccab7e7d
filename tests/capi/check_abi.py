#!/usr/bin/env python3
"""Compares the C library's binary interface with the committed one, by abidiff.

    check_abi.py LIBRARY DUMP HEADER                  additions pass; whatever else differs is printed
    check_abi.py --write HEADER DUMP                  writes the dump

What the dump has is the interface as a program sees it: a library is made whose functions are those of the header and do
nothing, so that no type of C++ gets in, which may change from day to day. Exit code 77 (skipped) where abidiff is not
installed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Bits of abidiff's exit code (its manual).
FAULT, CHANGED = 1 | 2, 4

DECLARATION = re.compile(r"^SENDCONN_API\s+([^;{]*?)\b(sendconn_\w+)\(([^;]*?)\)\s*SENDCONN_NOEXCEPT;", re.MULTILINE)


def make_library(header, folder):
    """A library whose functions have the header's types."""
    lines = [f'#include "{Path(header).resolve()}"']
    for result, name, arguments in DECLARATION.findall(Path(header).read_text(encoding="utf-8")):
        body = "" if result.strip() == "void" else "return 0;"
        lines.append(f"{result}{name}({arguments}) {{ {body} }}")
    source, library = folder / "interface.c", folder / "libsendconn-c.so.0"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    subprocess.run(["cc", "-g", "-shared", "-fPIC", "-Wl,-soname,libsendconn-c.so.0", "-o", library, source], check=True)
    return library


def write_dump(library, dump):
    subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file", dump, library],
                   check=True)


def differences(*words):
    run = subprocess.run(["abidiff", "--no-added-syms", *words], capture_output=True, text=True, check=False)
    if run.returncode & (FAULT | CHANGED):
        return run.stdout + run.stderr
    return ""


def check(library, dump, header):
    with tempfile.TemporaryDirectory() as name:
        stub = make_library(header, Path(name))
        # The types by the header, the functions by the library too.
        found = differences(dump, stub) + differences("--drop-private-types", "--headers-dir2", str(Path(header).parent),
                                                      "--no-architecture", "--harmless", stub, library)
    if found:
        print(found)
        print("the interface has changed: CONTRIBUTING.md says which changes there may be, and how to write the dump anew")
    return 1 if found else 0


def main(arguments):
    if shutil.which("abidiff") is None:
        print("skipped: no abidiff (package abigail-tools)")
        return 77
    if arguments[0] != "--write":
        return check(*arguments)
    with tempfile.TemporaryDirectory() as name:
        write_dump(make_library(arguments[1], Path(name)), arguments[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
