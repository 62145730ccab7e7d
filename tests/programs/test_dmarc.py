"""`sendconn dmarc`: policies from a zone file, faults of records, reports; and the examples of docs/dmarc.md."""

import gzip
import io
import json
import re
import shlex
import subprocess
import zipfile

import pytest

from harness.document import blocks_of
from harness.relay import ROOT, TOOL

OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
MANUAL = (ROOT / "docs/dmarc.md").read_text(encoding="utf-8")

REPORT = """<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <report_metadata><org_name>Receiver</org_name><email>d@receiver.example</email><report_id>4711</report_id>
    <date_range><begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>
  <policy_published><domain>example.org</domain><p>reject</p></policy_published>
  <record><row><source_ip>192.0.2.1</source_ip><count>11</count>
    <policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.org</header_from></identifiers><auth_results/></record>
  <record><row><source_ip>2001:db8::66</source_ip><count>1</count>
    <policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.org</header_from></identifiers><auth_results/></record>
</feedback>
"""


blocks = blocks_of(MANUAL)


@pytest.fixture
def zone(tmp_path):
    path = tmp_path / "example.zone"
    path.write_text("".join(blocks("zone")) + "$FAIL _dmarc.broken.example TXT servfail\n", encoding="utf-8")
    return path


def dmarc(*words, json_too=False, **options):
    words = [word if isinstance(word, bytes) else str(word) for word in words]
    return subprocess.run([TOOL, *(["--json"] if json_too else []), "dmarc", *words],
                          capture_output=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("words, code, result", [
    ("example.org", FAILED, {"result": "fail", "policy": "reject", "tag": "p"}),
    ("news.example.org", FAILED, {"policy": "quarantine", "tag": "sp", "policy_domain": "example.org"}),
    ("gone.example.org", FAILED, {"policy": "reject", "tag": "np"}),
    ("example.org --spf bounce.example.org", OK, {"result": "pass", "spf": "relaxed"}),
    ("example.org --dkim example.org", OK, {"dkim": [{"domain": "example.org", "alignment": "strict"}]}),
    ("example.org --dkim other.example", FAILED, {"dkim": [{"domain": "other.example", "alignment": "none"}]}),
    ("nothing.example", NOT_FOUND, {"result": "none"}),
    ("faulty.example", FAILED, {"policy": "none", "tag": ""}),
    ("broken.example", TEMPORARY, {"result": "temperror"}),
])  # fmt: skip
def test_check_finds_the_policy(zone, words, code, result):
    run = dmarc("check", *words.split(), "--zone", zone, json_too=True)
    assert run.returncode == code, run
    found = json.loads(run.stdout)
    assert {key: found[key] for key in result} == result
    for_people = dmarc("check", *words.split(), "--zone", zone)
    assert for_people.returncode == code and found["result"].encode() in for_people.stdout


def test_check_says_where_reports_may_go(zone):
    reports = json.loads(dmarc("check", "example.org", "--zone", zone, json_too=True).stdout)["reports"]
    assert [(one["published"], one["standing"]) for one in reports] == [
        ("mailto:d@example.org", "internal"), ("mailto:x@reports.example", "authorized")]  # fmt: skip


def test_lint_marks_the_place(zone):
    run = dmarc("lint", "faulty.example", "--zone", zone)
    assert run.returncode == FAILED
    lines = run.stdout.decode().splitlines()
    record = next(line for line in lines if "v=DMARC1" in line)
    marked = [record[line.index("^") : line.rindex("^") + 1] for line in lines if "^" in line]
    assert marked == ["p=refuse", "refuse"]
    assert dmarc("lint", "example.org", "--zone", zone).returncode == OK
    assert dmarc("lint", "nothing.example", "--zone", zone).returncode == FAILED
    assert dmarc("lint", "broken.example", "--zone", zone).returncode == TEMPORARY
    assert dmarc("lint").returncode == USAGE
    run = dmarc("lint", "--record", b"v=DMARC1; p=\x1b[2J\xff", json_too=True)
    assert run.returncode == FAILED and b"\x1b" not in run.stdout
    assert 12 in [finding["position"] for finding in json.loads(run.stdout)["findings"]]


@pytest.mark.parametrize("form", ["xml", "gz", "zip"])
def test_report_sums_up_what_receivers_sent(tmp_path, form):
    octets = REPORT.encode()
    if form == "gz":
        octets = gzip.compress(octets)
    elif form == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a!b!1!2.xml", octets)
        octets = packed.getvalue()
    path = tmp_path / "report"
    path.write_bytes(octets)
    found = json.loads(dmarc("report", path, json_too=True).stdout)
    assert found["total"] == {"messages": 12, "passed": 11, "dkim_aligned": 11, "spf_aligned": 0}
    assert found["by_source"]["2001:db8::66"]["passed"] == 0
    run = dmarc("report", "-", input=octets)
    assert run.returncode == OK
    shown = run.stdout.decode()
    assert re.search(r"messages +12", shown) and re.search(r"192\.0\.2\.1 +11 +11 +11 +0", shown)
    if form == "gz":  # the manual's example is this report's output
        example = next(block for block in blocks("") if "dmarc report" in block).splitlines()[1:]
        assert example == shown.splitlines()[: len(example)]


def test_report_refuses_what_is_none(tmp_path):
    path = tmp_path / "report"
    for octets in (b"", b"hello", gzip.compress(b"<html/>"), REPORT.replace("?>", '?><!DOCTYPE f [<!ENTITY a "b">]>').encode()):
        path.write_bytes(octets)
        run = dmarc("report", path, json_too=True)
        assert run.returncode == USAGE, run
        assert json.loads(run.stdout)["error"]["code"]
    assert dmarc("report", tmp_path / "none").returncode == FAILED


def test_the_examples_of_the_manual_run(zone):
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "sendconn"
        run = subprocess.run([TOOL, *words[1:]], capture_output=True, timeout=60, cwd=zone.parent, check=False)
        assert run.returncode in (OK, FAILED) and run.stdout and not run.stderr, run


def test_the_manual_names_each_key_of_the_json(zone, tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    named = set(re.findall(r"`([a-z_]+)`", MANUAL))
    for words in ("check example.org --dkim example.org", "lint example.org", "lint faulty.example"):
        run = dmarc(*words.split(), "--zone", zone, json_too=True)
        found = json.loads(run.stdout)
        assert set(found) <= named
        for inner in found.values():
            for one in inner if isinstance(inner, list) else []:
                assert set(one) <= named
    found = json.loads(dmarc("report", tmp_path / "report.xml", json_too=True).stdout)
    assert set(found) | set(found["total"]) | set(found["reports"][0]) <= named


def test_the_code_of_the_manual_is_compiled():
    compiled = "".join((ROOT / "tests/dmarc" / name).read_text(encoding="utf-8")
                       for name in ("manual_test.cpp", "manual_report_test.cpp"))
    assert blocks("cpp") and all(block in compiled for block in blocks("cpp"))
