"""sendconn spf: the examples of docs/spf.md as they stand there, the exit codes, and JSON."""

import json
import re
import shlex
import subprocess

import pytest

from harness.document import blocks_of
from harness.relay import BUILD, ROOT, TOOL

DOCUMENT = (ROOT / "docs/spf.md").read_text(encoding="utf-8")
OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
SECONDS = 60


blocks = blocks_of(DOCUMENT)


@pytest.fixture
def zone(tmp_path):
    (tmp_path / "spf.zone").write_text(blocks("zone")[0], encoding="utf-8")
    return tmp_path


def spf(folder, *words, **options):
    return subprocess.run([TOOL, *options.get("first", ()), "spf", *words], cwd=folder, capture_output=True, text=True,
                          timeout=SECONDS, check=False)


EXAMPLES = [example for block in blocks("console") for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def test_the_document_has_examples():
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0][:60])
def test_examples_of_the_document_are_true(zone, example):
    command, _, expected = example.partition("\n")
    words = shlex.split(command)
    assert words[:2] == ["sendconn", "spf"]
    run = spf(zone, *words[2:])
    assert run.stdout == expected, run


def keys_of(value):
    """Every key of a JSON value, at any depth."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set(value).union(*map(keys_of, value.values())) if isinstance(value, dict) else set()


@pytest.mark.parametrize("words", [
    "check --ip 203.0.113.9 --from joe@example.org --trace --zone spf.zone", "explain example.org --zone spf.zone",
    "explain twice.example --zone spf.zone", "lint 'v=spf1 ptr' --zone spf.zone", "edit 'v=spf1 mx -all'"])
def test_the_document_names_each_key_of_the_json(zone, words):
    run = spf(zone, *shlex.split(words), first=["--json"])
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert keys_of(json.loads(run.stdout)) <= named


def test_the_code_of_the_document_is_compiled():
    compiled = (ROOT / "tests/spf/manual_test.cpp").read_text(encoding="utf-8")
    assert blocks("cpp") and all(block in compiled for block in blocks("cpp"))


def test_the_other_engine_is_asked_if_it_is_there(zone):
    words = ["check", "--ip", "203.0.113.9", "--from", "joe@example.org", "--zone", "spf.zone", "--spf-engine", "libspf2"]
    run = spf(zone, *words, "--spf-module", zone / "none.so")
    assert run.returncode == NOT_FOUND and "none.so" in run.stderr
    assert spf(zone, *words[:-1], "pyspf").returncode == USAGE
    module = BUILD / "lib/spf2/libsendconn-spf2.so"
    if not module.exists():
        pytest.skip("libsendconn-spf2.so is not built")
    run = spf(zone, *words, "--spf-module", module, first=["--json"])
    assert run.returncode == OK and json.loads(run.stdout)["verdict"] == "pass"


def test_check_tells_its_verdict_by_the_exit_code(zone):
    with open(zone / "spf.zone", "a", encoding="utf-8") as file:
        file.write("$FAIL slow.example. ANY timeout\nbroken.example. TXT \"v=spf1 foo\"\n")
    for sender, code in [("joe@example.org", FAILED), ("joe@none.example", NOT_FOUND), ("joe@slow.example", TEMPORARY),
                         ("joe@broken.example", FAILED)]:
        assert spf(zone, "check", "--ip", "192.168.1.1", "--from", sender, "--zone", "spf.zone").returncode == code
    run = spf(zone, "check", "--ip", "192.0.2.300", "--from", "joe@example.org", "--zone", "spf.zone")
    assert run.returncode != OK and "192.0.2.300" in run.stderr


def test_check_as_json_has_the_way_and_the_field(zone):
    run = spf(zone, "check", "--ip", "203.0.113.9", "--from", "<>", "--helo", "example.org", "--trace", "--zone",
              "spf.zone", first=["--json"])
    found = json.loads(run.stdout)
    assert (run.returncode, found["verdict"], found["sender"]) == (OK, "pass", "postmaster@example.org")
    assert [step["domain"] for step in found["path"]] == ["example.org", "_spf.example.net"]
    assert found["received_spf"].startswith("Received-SPF: pass (")
    assert any("include:_spf.example.net" in line for line in found["trace"])


def test_explain_survives_loops_and_gaps(zone):
    (zone / "spf.zone").write_text('a.example. TXT "v=spf1 include:b.example include:gone.example exists:%{i}.x.example"\n'
                                   'b.example. TXT "v=spf1 include:a.example"\n', encoding="utf-8")
    run = spf(zone, "explain", "a.example", "--zone", "spf.zone")
    assert "a loop" in run.stdout and "no SPF record" in run.stdout and "depends on the client" in run.stdout
    assert "takes 4 of at most 10" in run.stdout


def test_lint_and_edit_refuse_what_is_wrong(zone):
    assert spf(zone, "lint", "v=spf1 mx -all").returncode == OK
    assert spf(zone, "lint", "v=spf1 ip4:1.2.3 -all").returncode == FAILED
    assert spf(zone, "lint", "twice.example", "--zone", "spf.zone").returncode == FAILED
    assert spf(zone, "lint", "none.example", "--zone", "spf.zone").returncode == NOT_FOUND
    found = json.loads(spf(zone, "lint", "v=spf1 \u201call\u201d", first=["--json"]).stdout)
    assert found["records"][0]["findings"][0]["code"] == "typographic-quote"
    assert spf(zone, "edit", "v=spf1 mx -all", "--remove", "ptr").returncode == NOT_FOUND
    assert spf(zone, "edit", "v=spf1 mx -all", "--add", "redirect=a.example").returncode == FAILED
    found = json.loads(spf(zone, "edit", "v=spf1 " + " ".join(f"ip4:192.0.2.{i}" for i in range(40)), first=["--json"]).stdout)
    assert len(found["strings"]) == 3 and "".join(found["strings"]) == found["record"]
