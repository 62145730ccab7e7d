"""Every Python block of the package's README runs."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["sendconn.pytest_plugin"]

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_example_runs(number, request):
    names = {"__name__": f"readme_{number}"}
    exec(compile(BLOCKS[number], f"README.md, block {number}", "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value(request.getfixturevalue("smtp_server"))


def test_there_are_examples():
    assert len(BLOCKS) >= 7
