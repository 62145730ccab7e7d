"""Fixtures: the documentation and the manual pages, built once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("SENDCONN_DOCS_PYTHON", "/usr/bin/python3")


def needs(*modules, programs=()):
    if not PYTHON or subprocess.run([PYTHON, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode != 0:
        pytest.skip(f"no python3 with the modules {', '.join(modules)} (scripts/setup installs them)")
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"no {program} (scripts/setup installs it)")


def build(what: str, out: Path) -> Path:
    done = subprocess.run([PYTHON, ROOT / "docs/build.py", what, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING:" not in done.stderr, done.stderr
    return out


@pytest.fixture(scope="session")
def html(tmp_path_factory) -> Path:
    needs("sphinx", "myst_parser", "breathe", programs=["doxygen"])
    return build("html", tmp_path_factory.mktemp("docs") / "html")


@pytest.fixture(scope="session")
def man(tmp_path_factory) -> Path:
    needs("sphinx", "myst_parser")
    return build("man", tmp_path_factory.mktemp("man") / "man")
