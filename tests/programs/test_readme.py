"""The README's examples of Python, the command line and the relay, as they stand there. tests/install has those of C++ and C."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from harness.document import blocks_of
from harness.relay import BUILD, ROOT, TOOL
from test_operator_guide import run_commands

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECONDS = 60


blocks = blocks_of(README)


def test_the_python_example():
    environment = {**os.environ, "PYTHONPATH": str(BUILD / "bindings" / "python")}
    if subprocess.run([sys.executable, "-c", "import sendconn"], env=environment, capture_output=True, check=False).returncode:
        pytest.skip("the build has no Python package for the interpreter of these tests")
    (program,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=SECONDS,
                          check=False)  # fmt: skip
    printed = re.search(r"# (.*)\n$", program).group(1)
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr


def test_the_command_line_prints_what_stands_below_it():
    (block,) = blocks("console")
    command, _, printed = block.partition("\n")
    words = shlex.split(command.removeprefix("$ sendconn "))
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout == printed, done.stderr


def test_the_relays_commands_lead_to_a_signed_message(make_relay, make_sink):
    (block,) = [block for block in blocks("sh") if "account add" in block]
    steps = run_commands([shlex.split(line, comments=True)[1:] for line in block.splitlines()], make_relay, make_sink)
    assert steps.index("domain verify") < steps.index("send --server")
