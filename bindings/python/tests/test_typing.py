"""The types: a program that uses everything is clean under mypy --strict, and the stubs say what the modules have."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sendconn

needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="no mypy")


def run(module, *arguments, cwd):
    folder = Path(sendconn.__file__).parent.parent
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    if folder.name not in ("site-packages", "dist-packages"):  # there mypy looks by itself, and wants no second way
        environment["MYPYPATH"] = str(folder)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


@needs_mypy
def test_a_program_is_clean_under_mypy_strict(tmp_path):
    program = Path(__file__).with_name("typed_program.py")
    done = run("mypy", "--strict", "--cache-dir", str(tmp_path), str(program), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_a_wrong_program_is_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from sendconn import spf\n"
        "found = spf.check(ip=7)\n"
        "found.result = spf.Verdict.PASS\n"
        "found.nothing\n"
    )
    done = run("mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(wrong), cwd=tmp_path)
    assert [line.partition(": error")[0] for line in done.stdout.splitlines()[:3]] == [
        "wrong.py:2",
        "wrong.py:3",
        "wrong.py:4",
    ], done.stdout


@needs_mypy
def test_stubs_say_what_the_modules_have(tmp_path):
    # Newer releases of mypy take it for a mistake that an enum has no members; Word is what others derive from.
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\n[mypy-sendconn._word]\ndisable_error_code = misc\n")
    done = run("mypy.stubtest", "--mypy-config-file", str(settings), "sendconn", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
