#!/usr/bin/env python3
"""Validates the aggregate reports that write_reports makes against the schema of RFC 9990, with xmllint.

    check_schema.py WRITE_REPORTS [COUNT]

The schema is dmarc-xml-0.2.xsd in the folder that SENDCONN_RFC_DIR names, by default shared/rfc beside the project.
Exits with 77 (skipped) and says so where it, or xmllint, is not there.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = "dmarc-xml-0.2.xsd"


def find_schema():
    named = os.environ.get("SENDCONN_RFC_DIR")
    folders = [pathlib.Path(named)] if named else [parent / "shared/rfc" for parent in PROJECT.parents]
    return next((folder / SCHEMA for folder in folders if (folder / SCHEMA).is_file()), None)


def validate(schema, paths):
    return subprocess.run(["xmllint", "--nonet", "--noout", "--schema", str(schema), *map(str, paths)],
                          capture_output=True, text=True, check=False)


def main(arguments):
    schema = find_schema()
    if schema is None or shutil.which("xmllint") is None:
        print(f"skipped: no {SCHEMA} (SENDCONN_RFC_DIR), or no xmllint (package libxml2-utils)")
        return 77
    count = arguments[2] if len(arguments) > 2 else "300"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([arguments[1], folder, count], check=True)
        paths = sorted(pathlib.Path(folder).glob("*.xml"))
        result = validate(schema, paths)
        if result.returncode != 0 or len(paths) != int(count):
            print(result.stderr[-4000:])
            return 1
        # The schema must be able to say no.
        broken = paths[0]
        broken.write_text(broken.read_text(encoding="utf-8").replace("<email>", "<mail>").replace("</email>", "</mail>"),
                          encoding="utf-8")
        if validate(schema, [broken]).returncode == 0:
            print("the schema accepts a report without <email>")
            return 1
    print(f"{len(paths)} reports are valid by {SCHEMA}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
