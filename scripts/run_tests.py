"""Runs `meson test` in a build folder and counts single test cases.

Meson knows programs; this looks into what they report: GoogleTest's XML, pytest's JUnit XML, or the exit code alone
(77: skipped, the last line says why). Prints a line for each program, then the cases that failed and those that were
skipped with their reasons; what a failed program printed stands above, from Meson. Exit code 1 if anything failed.
"""

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Suite:
    name: str
    seconds: float
    output: str
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # case, reason


def report_file(build: Path, name: str, command: list[str]) -> Path:
    """Where this program wrote its cases: Meson names GoogleTest's files after the test, in the build folder."""
    for word in command:
        if word.startswith("--junit-xml="):
            return Path(word.removeprefix("--junit-xml="))
    return build / f"{name}.xml"


def read_cases(suite: Suite, file: Path):
    for case in ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            suite.failed.append(name)
        elif skip is not None or case.get("result") == "skipped":
            suite.skipped.append((name, reason_of(skip)))
        elif case.get("status") != "notrun":  # GoogleTest's for a disabled case, which is no case
            suite.passed += 1


def reason_of(skip) -> str:
    text = "" if skip is None else (skip.get("message") or skip.text or "")
    # GoogleTest puts file and line in front and "Skipped" above.
    lines = [line.strip() for line in text.splitlines() if line.strip() not in ("", "Skipped")]
    return lines[-1] if lines else "no reason given"


def read_suite(build: Path, started: float, test: dict) -> Suite:
    name = test["name"].split(" / ")[-1]  # "project:suite / name"
    suite = Suite(name, test["duration"], (test.get("stdout") or "") + (test.get("stderr") or ""))
    file = report_file(build, name, test["command"])
    if file.exists() and file.stat().st_mtime >= started:
        read_cases(suite, file)
        if test["result"] not in ("OK", "SKIP") and not suite.failed:
            suite.failed.append(f"{suite.name}: the program itself ({test['result']}, exit code {test['returncode']})")
    elif test["result"] == "OK":
        suite.passed = 1
    elif test["result"] == "SKIP":
        lines = suite.output.strip().splitlines()
        suite.skipped.append((suite.name, lines[-1] if lines else "no reason given"))
    else:
        suite.failed.append(f"{suite.name} ({test['result']}, exit code {test['returncode']})")
    return suite


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    started = time.time() - 2  # file systems keep coarser times than clocks
    run = subprocess.run(["meson", "test", "-C", build, "--print-errorlogs", *sys.argv[2:]])
    if not log.exists():
        print("run_tests: meson test left no log; nothing was tested", file=sys.stderr)
        return 1
    suites = [read_suite(build, started, json.loads(line)) for line in log.read_text().splitlines()]
    print()
    for suite in suites:
        figures = f"{suite.passed} passed"
        figures += f", {len(suite.failed)} FAILED" if suite.failed else ""
        figures += f", {len(suite.skipped)} skipped" if suite.skipped else ""
        print(f"{suite.name:24} {figures} ({suite.seconds:.1f} s)")
    failed = [name for suite in suites for name in suite.failed]
    skipped = [entry for suite in suites for entry in suite.skipped]
    if skipped:
        print("\nskipped:")
        for name, reason in skipped:
            print(f"  {name}: {reason}")
    if failed:
        print("\nfailed:")
        for name in failed:
            print(f"  {name}")
    print(f"\n{sum(suite.passed for suite in suites)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or run.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
