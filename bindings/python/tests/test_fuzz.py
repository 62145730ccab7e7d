"""A short run of the fuzzer, in a process of its own; fuzz.py says how to search longer."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("seed", [1, 100_000])
def test_no_call_crashes(seed, tmp_path):
    program = Path(__file__).with_name("fuzz.py")
    log = tmp_path / "round"
    done = subprocess.run(
        [sys.executable, str(program), "--rounds", "1500", "--seed", str(seed), "--log", str(log)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"round {log.read_text().strip()}: exit code {done.returncode}\n{done.stderr[-4000:]}"
    assert "1500 rounds" in done.stdout
