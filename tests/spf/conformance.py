#!/usr/bin/env python3
"""Runs a suite of SPF cases in the Open SPF Project's YAML through the program spf-conformance.

    conformance.py PROGRAM [ARGUMENT...]      the suite of SENDCONN_CONFORMANCE_DIR, default ../shared/conformance

The program reads one line for each record and case, fields separated by tabs, octets in hexadecimal. Exits with 77
(skipped) where the suite or PyYAML is absent.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def octets(value):
    if isinstance(value, bytes):
        return value
    text = str(value)
    try:
        return text.encode("latin-1")  # "\x80" in the suite is an octet
    except UnicodeEncodeError:
        return text.encode("utf-8")


def line(*fields):
    return "\t".join(field if isinstance(field, str) else "x" + field.hex() for field in fields)


def zone_lines(zone):
    for owner, entries in zone.items():
        name = octets(owner)
        types = {kind for entry in entries if isinstance(entry, dict) for kind in entry}
        for entry in entries:
            if entry == "TIMEOUT":
                yield line("timeout", name)
                continue
            for kind, value in entry.items():
                # A record of type SPF stands for a TXT record, unless the name has TXT records of its own.
                if kind == "SPF" and "TXT" not in types:
                    kind = "TXT"
                if kind == "SPF":
                    continue
                if kind == "TXT" and value == "NONE":
                    yield line("empty", name)
                elif kind == "TXT":
                    strings = value if isinstance(value, list) else [value]
                    yield line("TXT", name, b"".join(map(octets, strings)))
                elif kind == "MX":
                    yield line("MX", name, str(value[0]), octets(value[1]))
                else:
                    yield line(kind, name, octets(value))


def case_lines(tests):
    for name, case in tests.items():
        results = case["result"] if isinstance(case["result"], list) else [case["result"]]
        explanation = case.get("explanation")
        yield line("case", name, octets(case["helo"]), octets(case["host"]), octets(case["mailfrom"]), ",".join(results),
                   "-" if explanation is None else octets(explanation))


def main(arguments):
    folder = pathlib.Path(os.environ.get("SENDCONN_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance"))
    suite = folder / "spf" / "rfc7208-tests.yml"
    if not suite.is_file():
        print(f"skipped: no {suite}; SENDCONN_CONFORMANCE_DIR names the folder of the conformance data")
        return 77
    try:
        import yaml
    except ImportError:
        print("skipped: no PyYAML (package python3-yaml)")
        return 77
    lines = []
    for scenario in yaml.safe_load_all(suite.read_text(encoding="utf-8")):
        lines.append(line("scenario", str(scenario["description"])))
        lines.extend(zone_lines(scenario["zonedata"]))
        lines.extend(case_lines(scenario["tests"]))
    return subprocess.run(arguments[1:], input="\n".join(lines) + "\n", text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv))
