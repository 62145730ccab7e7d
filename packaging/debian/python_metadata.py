#!/usr/bin/env python3
"""Writes the metadata of the installed Python package, from pyproject.toml: its name, version and entry points.

    python_metadata.py PYPROJECT VERSION FOLDER     into FOLDER/sendconn-VERSION.dist-info
"""

import sys
import tomllib
from pathlib import Path


def main(pyproject, version, folder):
    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]
    info = Path(folder) / f"{project['name']}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}", f"Summary: {project['description']}",
             f"License: {project['license']['text']}", f"Requires-Python: {project['requires-python']}"]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
              for group, entries in project["entry-points"].items()]
    (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    (info / "INSTALLER").write_text("debian\n", encoding="utf-8")


main(*sys.argv[1:])
