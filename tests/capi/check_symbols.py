#!/usr/bin/env python3
"""Compares what the libraries of the C interface define with the committed list and with the header.

    check_symbols.py HEADER LIST SHARED STATIC     prints each difference; exit code 1 if there is any

The shared library exports the functions of the list and nothing else, the static one defines no other global name either
and is one object. Neither needs libspf2, which may end the process.
"""

import re
import subprocess
import sys
from pathlib import Path


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def listed(path):
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def declared(path):
    text = Path(path).read_text(encoding="utf-8")
    return set(re.findall(r"^SENDCONN_API\b[^;{]*?\b(sendconn_\w+)\(", text, re.MULTILINE))


def defined(*words):
    """Names by their type, without the version's own name (type A) and the version behind an @."""
    names = {}
    for line in run("nm", *words).splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] != "A":
            names[fields[2].split("@")[0]] = fields[1]
    return names


def differences(found, wanted, what):
    for name in sorted(set(found) - set(wanted)):
        yield f"{what}: {name} is too much"
    for name in sorted(set(wanted) - set(found)):
        yield f"{what}: {name} is missing"


def check(header, symbol_list, shared, static):
    wanted = listed(symbol_list)
    if wanted != sorted(set(wanted)):
        yield f"{symbol_list}: the names are not in order, or one stands there twice"
    yield from differences(declared(header), wanted, header)
    for library, words in (shared, ("-D", "--defined-only", shared)), (static, ("-g", "--defined-only", static)):
        names = defined(*words)
        yield from differences(names, wanted, library)
        for name, kind in names.items():
            if kind != "T":
                yield f"{library}: {name} is no function of its own, but of type {kind}"
    members = run("ar", "t", static).split()
    if len(members) != 1:
        yield f"{static}: {len(members)} objects instead of one"
    for library, words in (shared, ("readelf", "-d", shared)), (static, ("nm", "-u", static)):
        if re.search(r"spf2|SPF_server_new", run(*words)):
            yield f"{library}: needs libspf2"
    if "NODELETE" not in run("readelf", "-d", shared):
        yield f"{shared}: is not resident, as the header promises"


def main(arguments):
    offences = list(check(*arguments))
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
