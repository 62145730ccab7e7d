"""sendconn dkim verify, lint and rotate: the examples of docs/dkim.md as they stand there, the RFCs' own messages, mail
signed by dkimpy and by us, hostile messages, records, and a rotation that never loses a key."""

import base64
import fcntl
import json
import os
import re
import shlex
import stat
import subprocess
import time
from pathlib import Path

import dkim
import pytest

from harness.document import blocks_of
from harness.relay import ROOT, TOOL
from harness.zone import ZoneFile

DOCUMENT = (ROOT / "docs/dkim.md").read_text(encoding="utf-8")
CONFORMANCE = Path(os.environ.get("SENDCONN_CONFORMANCE_DIR", ROOT.parent / "shared/conformance")) / "dkim"
OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
SECONDS = 60
MESSAGE = b"From: Ada <ada@example.org>\r\nTo: bob@example.net\r\nSubject: test\r\n\r\nHello\r\n"


blocks = blocks_of(DOCUMENT)


EXAMPLES = [example for block in blocks("console") for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def run_dkim(*words, first=(), **options):
    return subprocess.run([TOOL, *first, "dkim", *(word if isinstance(word, bytes) else str(word) for word in words)],
                          capture_output=True, timeout=SECONDS, check=False, **options)


def as_json(*words, **options):
    run = run_dkim(*words, first=["--json"], **options)
    return run.returncode, json.loads(run.stdout)


@pytest.fixture
def document(tmp_path):
    """A folder with the files that the document shows."""
    (tmp_path / "dkim.zone").write_text(blocks("zone")[0], encoding="utf-8")
    (tmp_path / "message.eml").write_text(blocks("eml")[0], encoding="utf-8")
    return tmp_path


def key(folder, name, kind="ed25519", bits=2048):
    """A new PEM file, made by OpenSSL rather than by us, and the text of its record."""
    path = folder / f"{name}.pem"
    options = ["-pkeyopt", f"rsa_keygen_bits:{bits}"] if kind == "rsa" else []
    subprocess.run(["openssl", "genpkey", "-algorithm", kind, *options, "-out", path], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    public = der if kind == "rsa" else der[-32:]
    return path, f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"


# ── The document ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_document_has_examples():
    assert len(EXAMPLES) >= 4 and blocks("sh") and blocks("cpp")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0][:60])
def test_examples_of_the_document_are_true(document, example):
    command, _, expected = example.partition("\n")
    words = shlex.split(command)
    assert words[:2] == ["sendconn", "dkim"]
    run = run_dkim(*words[2:], cwd=document)
    assert run.stdout.decode() == expected, run


def test_commands_of_the_document_run(document):
    for command in (line for block in blocks("sh") for line in block.splitlines()):
        words = shlex.split(command, comments=True)
        assert words[:2] == ["sendconn", "dkim"]
        run = run_dkim(*words[2:], cwd=document)
        assert run.returncode in (OK, FAILED) and run.stdout and not run.stderr, (command, run)


def test_the_code_of_the_document_is_compiled():
    compiled = (ROOT / "tests/dkim/manual_test.cpp").read_text(encoding="utf-8")
    assert all(block in compiled for block in blocks("cpp"))


def test_the_document_names_each_key_of_the_json(document):
    _, found = as_json("verify", "message.eml", "--zone", "dkim.zone", cwd=document)
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert set(found) | set(found["signatures"][0]) <= named


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rfc_zone(tmp_path):
    if not CONFORMANCE.is_dir():
        pytest.skip(f"no conformance data at {CONFORMANCE}")
    zone = ZoneFile(tmp_path / "rfc.zone")
    for line in (CONFORMANCE / "rfc/dns.tsv").read_text().splitlines():
        name, tab, text = line.partition("\t")
        if tab:
            zone.add_txt(name + ".", text)
    return zone.path


@pytest.mark.parametrize("name, algorithms", [
    ("rfc6376-a2-rsa", ["rsa-sha256"]),
    ("rfc8463-a3-dual", ["ed25519-sha256", "rsa-sha256"]),
    ("rsa-pkcs1-key", ["rsa-sha256"]),
])  # fmt: skip
def test_the_examples_of_the_rfcs_pass(rfc_zone, name, algorithms):
    path = CONFORMANCE / f"rfc/{name}.eml"
    code, found = as_json("verify", path, "--zone", rfc_zone)
    assert code == OK and found["passed"]
    assert [(one["algorithm"], one["verdict"]) for one in found["signatures"]] == [(a, "pass") for a in algorithms]
    # One octet of the body, and none passes.
    run = run_dkim("verify", "--zone", rfc_zone, input=path.read_bytes().replace(b"hungry", b"Hungry"))
    assert run.returncode == FAILED and run.stdout.count(b"body hash did not verify") == len(algorithms), run


def test_options_decide_and_are_named(rfc_zone):
    path = CONFORMANCE / "rfc/rfc6376-a2-rsa.eml"
    code, found = as_json("verify", path, "--zone", rfc_zone, "--min-bits", "2048")
    assert code == FAILED and not found["passed"]
    one = found["signatures"][0]
    assert (one["verdict"], one["reason"], one["option"], one["key_bits"]) == ("policy", "key too short", "--min-bits", 1024)
    assert b"--min-bits" in run_dkim("verify", path, "--zone", rfc_zone, "--min-bits", "2048").stdout


@pytest.fixture
def signer(tmp_path):
    """sign(message, **options of dkimpy) by a new RSA key, and the zone with its record."""
    path, record = key(tmp_path, "dkimpy", "rsa")
    zone = ZoneFile(tmp_path / "keys.zone")
    zone.add_txt("s1._domainkey.example.org.", record)

    def sign(message=MESSAGE, **options):
        return dkim.sign(message, b"s1", b"example.org", path.read_bytes(), **options) + message

    sign.zone, sign.key, sign.record = zone, path, record
    return sign


def test_what_dkimpy_signed_passes(signer):
    for forms in [(b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple")]:
        signed = signer(canonicalize=forms)
        code, found = as_json("verify", "--zone", signer.zone.path, input=signed)
        assert code == OK and found["signatures"][0]["canonicalization"] == b"/".join(forms).decode(), found
        # A file with the line ends of Unix is the same message.
        assert run_dkim("verify", "-", "--zone", signer.zone.path, input=signed.replace(b"\r\n", b"\n")).returncode == OK


def test_a_message_as_smtp_had_it_stays_as_it_is(signer):
    signed = signer(b"From: ada@example.org\r\n\r\none\rtwo\r\n", canonicalize=(b"simple", b"simple"))
    assert run_dkim("verify", "--zone", signer.zone.path, input=signed).returncode == OK


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_what_we_signed_passes_dkimpy(tmp_path, kind):
    path, record = key(tmp_path, "ours", kind)
    (tmp_path / "message.eml").write_bytes(MESSAGE)
    run = run_dkim("sign", tmp_path / "message.eml", "--domain", "example.org", "--selector", "s1", "--key", path)
    assert run.returncode == OK, run
    assert dkim.verify(run.stdout, dnsfunc=lambda name, timeout=5: record.encode())
    zone = ZoneFile(tmp_path / "zone")
    zone.add_txt("s1._domainkey.example.org.", record)
    code, found = as_json("verify", "--zone", zone.path, input=run.stdout)
    assert code == OK and found["signatures"][0]["algorithm"] == f"{kind}-sha256"


def test_what_a_length_leaves_open_is_said_and_may_be_refused(signer):
    signed = signer(length=True)
    longer = signed + b"Buy now\r\n"
    code, found = as_json("verify", "--zone", signer.zone.path, input=longer)
    assert code == OK
    assert (found["signatures"][0]["body_length"], found["signatures"][0]["unsigned_octets"]) == (7, 9)
    assert b"9 octets of the body behind it are not covered" in run_dkim("verify", "--zone", signer.zone.path, input=longer).stdout
    for message, how, expected in [(longer, "refuse-unsigned", FAILED), (signed, "refuse-unsigned", OK), (signed, "refuse", FAILED)]:
        assert run_dkim("verify", "--zone", signer.zone.path, "--body-length", how, input=message).returncode == expected


def test_the_time_decides_about_expiry(tmp_path):
    path, record = key(tmp_path, "k")
    zone = ZoneFile(tmp_path / "zone")
    zone.add_txt("s1._domainkey.example.org.", record)
    d = dkim.DKIM(MESSAGE)
    fields = d.sign(b"s1", b"example.org", base64.b64encode(_seed(path)), signature_algorithm=b"ed25519-sha256")
    at = int(re.search(rb"t=(\d+)", fields).group(1))
    for now, words, code in [(at, [], OK), (at - 10_000, ["--refuse-future"], FAILED), (at - 10_000, [], OK),
                             (at - 10_000, ["--refuse-future", "--clock-skew", "20000"], OK)]:
        run = run_dkim("verify", "--zone", zone.path, "--now", now, *words, input=fields + MESSAGE)
        assert run.returncode == code, (now, words, run)
    assert run_dkim("verify", "--now", "2026-11-22T15:02:50Z", input=b"").returncode == NOT_FOUND
    for wrong in ("yesterday", "2026-02-30T00:00:00Z", "-1", "1234567890123"):
        assert run_dkim("verify", f"--now={wrong}", input=b"").returncode == USAGE


def _seed(path):
    der = subprocess.run(["openssl", "pkey", "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout
    return der[-32:]


def test_verify_tells_by_its_exit_code_what_the_dns_did(signer):
    signed = signer()
    signer.zone.remove("s1._domainkey.example.org")
    assert run_dkim("verify", "--zone", signer.zone.path, input=signed).returncode == FAILED
    signer.zone.fail("s1._domainkey.example.org.", "TXT", "servfail")
    code, found = as_json("verify", "--zone", signer.zone.path, input=signed)
    assert code == TEMPORARY and found["signatures"][0]["verdict"] == "temperror"
    assert run_dkim("verify", "--zone", signer.zone.path.parent / "none", input=signed).returncode == FAILED


def test_a_faulty_record_is_shown_with_its_place(signer):
    signer.zone.remove("s1._domainkey.example.org")
    signer.zone.add_txt("s1._domainkey.example.org.", signer.record[:-40])
    run = run_dkim("verify", "--zone", signer.zone.path, input=signer())
    shown = run.stdout.decode()
    assert run.returncode == FAILED and "permerror" in shown and "error [" in shown and "^" in shown


HOSTILE = {
    "empty": (b"", NOT_FOUND),
    "no-header": (b"\r\nbody\r\n", NOT_FOUND),
    "no-from": (b"Subject: x\r\n\r\nbody\r\n", NOT_FOUND),
    "junk": (bytes(range(256)) * 40, USAGE),
    "zeros": (b"\0" * 5000, USAGE),
    "no-lines": (b"x" * 400_000, FAILED),
    "long-header": (b"From: a@b.example\r\nX: " + b"y" * 300_000 + b"\r\n\r\n", FAILED),
    "broken-field": (b"DKIM-Signature: \x1b[2J\xff v=2; =;;\r\nFrom: a@b.example\r\n\r\n", FAILED),
    "terminal": (b"DKIM-Signature: v=1; a=\x1b]0;x\x07; d=\xc2\x9b.example\r\nFrom: a@b.example\r\n\r\n", FAILED),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_end_with_a_plain_word(tmp_path, name):
    message, code = HOSTILE[name]
    (tmp_path / "zone").write_text("")
    for words in ([], ["--policy", "legacy"]):
        run = run_dkim("verify", "--zone", tmp_path / "zone", *words, input=message)
        assert run.returncode == code, run
        shown = run.stdout + run.stderr
        assert shown and len(shown) < 20_000 and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", shown), shown
    assert json.loads(run_dkim("verify", "--zone", tmp_path / "zone", first=["--json"], input=message).stdout)


def test_a_thousand_signatures_cost_little(signer):
    field = signer()[: -len(MESSAGE)]
    many = b"".join(field.replace(b"s=s1;", b"s=x%d;" % i) for i in range(990)) + field + MESSAGE
    start = time.monotonic()
    run = run_dkim("verify", "--zone", signer.zone.path, first=["--json"], input=many)
    assert time.monotonic() - start < SECONDS / 3
    # The header holds more octets than a header may.
    assert run.returncode == FAILED and "error" in json.loads(run.stdout)
    short = b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=%d; h=from; bh=" + b"A" * 43 + b"=; b=AAAA\r\n"
    many = b"".join(short % i for i in range(995)) + MESSAGE
    code, found = as_json("verify", "--zone", signer.zone.path, input=many)
    assert code == FAILED and len(found["signatures"]) == 995
    reasons = [one["reason"] for one in found["signatures"]]
    assert reasons.count("too many signatures") == 985 and reasons.count("no key for signature") == 10


def test_a_folder_is_no_file(tmp_path):
    for words in (["verify", tmp_path], ["verify", "--zone", tmp_path], ["lint", "v=DKIM1; p=", "--key", tmp_path],
                  ["rotate", "--state", tmp_path]):
        run = run_dkim(*words, input=MESSAGE)
        assert run.returncode in (FAILED, USAGE, NOT_FOUND) and b"terminate" not in run.stderr, run


# ── lint ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lint_marks_the_place():
    record = "v=DKIM1; k=rsa; p=; t=y"
    run = run_dkim("lint", record)
    lines = run.stdout.decode().splitlines()
    assert run.returncode == FAILED
    marked = [lines[at - 1][line.index("^"):].strip() for at, line in enumerate(lines) if "^" in line]
    assert any(place.startswith("y") for place in marked), lines
    code, found = as_json("lint", record)
    assert code == FAILED and found["records"][0]["record"] == record
    for finding in found["records"][0]["findings"]:
        assert set(finding) == {"severity", "code", "position", "octets", "text"}
    assert {"revoked", "testing"} <= {finding["code"] for finding in found["records"][0]["findings"]}


def test_lint_marks_places_in_long_and_foreign_records():
    for filling in (b"\x80", b"\xc3\xa9", b"\xe2\x80\x9c", b"x", b"\xff", b"\xf0\x9f\x98\x80"):
        for count in (1, 45, 46, 47, 48, 49, 50, 51, 300, 3000):
            record = b"v=DKIM1; n=" + filling * count + b"; t=y; p=" + b"A" * count
            run = run_dkim("lint", record)
            assert run.returncode == FAILED and b"^" in run.stdout and not run.stderr, (filling, count, run)
            assert max(map(len, run.stdout.decode(errors="replace").splitlines())) < 250


def test_lint_says_whether_key_and_record_belong_together(tmp_path):
    path, record = key(tmp_path, "mine", "rsa")
    other, other_record = key(tmp_path, "other", "rsa")
    zone = ZoneFile(tmp_path / "zone")
    zone.add_txt("s1._domainkey.example.org.", record)
    place = ["--domain", "example.org", "--selector", "s1", "--zone", zone.path]
    assert run_dkim("lint", *place).returncode == OK
    code, found = as_json("lint", *place, "--key", path)
    assert code == OK and found["name"] == "s1._domainkey.example.org" and not found["several"]
    assert found["records"][0]["key"]["match"] == "matches"
    for words, match in [(["lint", *place, "--key", other], "other key"), (["lint", other_record, "--key", path], "other key")]:
        code, found = as_json(*words)
        assert code == FAILED and found["records"][0]["key"]["match"].replace("-", " ") == match
    zone.add_txt("s1._domainkey.example.org.", other_record)
    code, found = as_json("lint", *place)
    assert code == FAILED and found["several"] and len(found["records"]) == 2
    zone.add("s2._domainkey.example.org.", "CNAME", "s3._domainkey.esp.example.")
    zone.add_txt("s3._domainkey.esp.example.", record)
    run = run_dkim("lint", "--domain", "example.org", "--selector", "s2", "--zone", zone.path)
    assert run.returncode == OK and b"alias of s3._domainkey.esp.example" in run.stdout


def test_lint_refuses_what_it_cannot_look_at(tmp_path):
    zone = ZoneFile(tmp_path / "zone")
    zone.fail("s1._domainkey.broken.example.", "TXT", "timeout")
    for words, code in [([], USAGE), (["--domain", "example.org"], USAGE),
                        (["--domain", "example.org", "--selector", "s1"], NOT_FOUND),
                        (["--domain", "broken.example", "--selector", "s1"], TEMPORARY),
                        (["--domain", "example..org", "--selector", "s1"], USAGE),
                        (["--domain", "example.org", "--selector", "a b"], USAGE),
                        (["v=spf1 -all"], FAILED), ([b"v=DKIM1; p=\xff\x1b[2J"], FAILED),
                        (["v=DKIM1; p=", "--key", tmp_path / "none.pem"], FAILED)]:  # fmt: skip
        run = run_dkim("lint", *words, "--zone", zone.path)
        assert run.returncode == code, (words, run)
        assert b"\x1b" not in run.stdout + run.stderr
    assert as_json("lint", b"v=DKIM1; p=\xff\x1b[2J")[0] == FAILED


# ── rotate ───────────────────────────────────────────────────────────────────────────────────────────────────────────

HOUR = 3600
START = 1_795_000_000


class Rotation:
    def __init__(self, folder):
        self.folder = folder
        self.state = folder / "state.json"
        self.zone = ZoneFile(folder / "zone")

    def run(self, *words, hours=0, **options):
        return run_dkim("rotate", "--state", self.state, "--zone", self.zone.path, "--now", START + round(hours * HOUR),
                        *words, **options)

    def look(self, *words, hours=0, code=OK):
        run = self.run(*words, hours=hours, first=["--json"])
        assert run.returncode == code, run
        return json.loads(run.stdout)


@pytest.fixture
def rotation(tmp_path):
    made = Rotation(tmp_path)
    made.current, made.record = key(tmp_path, "current", "rsa")
    made.zone.add_txt("old._domainkey.example.org.", made.record)
    return made


def publish(rotation, selector, found):
    text = "".join(re.findall(r'"([^"]*)"', found["publish"][-1]))
    rotation.zone.add_txt(f"{selector}._domainkey.example.org.", text)


def signs(found):
    return found["phase"], found["signing"]["selector"]


def test_a_key_is_replaced_without_a_gap(rotation):
    found = rotation.look("--domain", "example.org", "--current", "old", "--key", rotation.current)
    assert signs(found) == ("steady", "old") and found["signing"]["seen"] == "matches" and found["publish"] == []
    found = rotation.look("--begin", "new", "--type", "ed25519", hours=1)
    assert signs(found) == ("prepared", "old") and found["other"]["seen"] == "absent" and "publish" in found["advice"]
    made = Path(found["other"]["key"])
    assert stat.S_IMODE(made.stat().st_mode) == 0o600 == stat.S_IMODE(rotation.state.stat().st_mode)
    publish(rotation, "new", found)
    assert signs(rotation.look(hours=2)) == ("settling", "old")
    for hours in range(3, 26):
        assert signs(rotation.look(hours=hours)) == ("settling", "old")
    found = rotation.look(hours=26)
    assert signs(found) == ("switched", "new") and found["signing"]["key"] == str(made)
    # What it says signs does sign, and verifies.
    run = run_dkim("sign", "--domain", "example.org", "--selector", "new", "--key", made, input=MESSAGE)
    assert run_dkim("verify", "--zone", rotation.zone.path, input=run.stdout).returncode == OK
    found = rotation.look(hours=26 + 168)
    assert signs(found) == ("retiring", "new") and "remove the record of old" in found["advice"]
    rotation.zone.remove("old._domainkey.example.org")
    found = rotation.look(hours=26 + 169)
    assert signs(found) == ("steady", "new") and found["other"] is None
    assert rotation.current.exists() and made.exists()


def test_a_record_that_vanishes_takes_the_switch_back(rotation):
    rotation.look("--domain", "example.org", "--current", "old", "--key", rotation.current, "--settle", "1")
    publish(rotation, "new", rotation.look("--begin", "new", hours=1))
    rotation.look(hours=2)
    assert signs(rotation.look(hours=3)) == ("switched", "new")
    rotation.zone.remove("new._domainkey.example.org")
    assert signs(rotation.look(hours=4)) == ("prepared", "old")


def test_a_silent_dns_changes_nothing(rotation):
    rotation.look("--domain", "example.org", "--current", "old", "--key", rotation.current)
    rotation.zone.remove("old._domainkey.example.org")
    rotation.zone.fail("old._domainkey.example.org.", "TXT", "servfail")
    found = rotation.look(hours=1, code=TEMPORARY)
    assert signs(found) == ("steady", "old") and found["signing"]["seen"] == "matches"


def test_a_first_key_needs_none_before_it(rotation):
    found = rotation.look("--domain", "example.net", "--begin", "s1", "--type", "ed25519")
    assert signs(found) == ("steady", "s1") and found["signing"]["seen"] == "absent"
    assert found["publish"][0].startswith("s1._domainkey.example.net.") and found["advice"].endswith("publish it")
    found = rotation.look("--begin", "s2", hours=1)
    assert [line.split(".")[0] for line in found["publish"]] == ["s1", "s2"]


def test_no_key_is_ever_lost(rotation):
    start = ["--domain", "example.org", "--current", "old", "--key", rotation.current]
    rotation.look(*start)
    first = Path(rotation.look("--begin", "new", hours=1)["other"]["key"])
    content = first.read_bytes()
    # Given up and begun anew, the key is the same one: its record may be published already.
    assert signs(rotation.look("--cancel", hours=2)) == ("steady", "old")
    assert rotation.look("--begin", "new", hours=3)["other"]["key"] == str(first) and first.read_bytes() == content
    # As if the machine had stopped between the key and the state: the key that is there is taken.
    rotation.state.unlink()
    rotation.look(*start, hours=4)
    rotation.look("--begin", "new", hours=4)
    assert first.read_bytes() == content
    # What is no key is not written over.
    rotation.look("--cancel", hours=5)
    (rotation.folder / "bad._domainkey.example.org.pem").write_text("no key")
    before = rotation.state.read_bytes()
    assert rotation.run("--begin", "bad", hours=6).returncode == USAGE
    assert rotation.state.read_bytes() == before
    assert (rotation.folder / "bad._domainkey.example.org.pem").read_text() == "no key"


def test_a_key_survives_an_end_at_any_instant(rotation):
    """Killed wherever it stands, a command leaves a state that reads, with the key of each selector in it."""
    rotation.look("--domain", "example.org", "--current", "old", "--key", rotation.current)
    kept = {}
    for attempt in range(40):
        words = [TOOL, "dkim", "rotate", "--state", rotation.state, "--zone", rotation.zone.path, "--begin", f"s{attempt // 8}",
                 "--type", "ed25519", "--now", str(START + attempt)]
        started = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            started.wait(attempt * 0.001)
        except subprocess.TimeoutExpired:
            started.kill()
        started.wait()
        for path, content in kept.items():
            assert path.read_bytes() == content
        kept = {path: path.read_bytes() for path in rotation.folder.glob("s*._domainkey.*.pem")}
        found = rotation.look(hours=(attempt + 1) / HOUR)
        for one in filter(None, (found["signing"], found["other"])):
            assert Path(one["key"]).read_bytes().startswith(b"-----BEGIN")
        if found["other"]:
            rotation.look("--cancel", hours=(attempt + 1) / HOUR)
    assert kept


def test_a_disk_that_refuses_leaves_the_state_as_it_was(rotation):
    rotation.look("--domain", "example.org", "--current", "old", "--key", rotation.current)
    before = rotation.state.read_bytes()
    (rotation.folder / "state.json.new").mkdir()  # where the next state would be written
    run = rotation.run("--begin", "new", hours=1)
    assert run.returncode == FAILED and rotation.state.read_bytes() == before
    (rotation.folder / "state.json.new").rmdir()
    assert signs(rotation.look("--begin", "new", hours=1)) == ("prepared", "old")


def test_rotate_refuses_what_does_not_fit(rotation):
    start = ["--domain", "example.org", "--current", "old", "--key", rotation.current]
    assert rotation.run().returncode == USAGE
    assert rotation.run("--domain", "example.org").returncode == USAGE
    assert rotation.run("--domain", "example.org", "--current", "old").returncode == USAGE
    assert not rotation.state.exists()
    rotation.look(*start, hours=5)
    assert rotation.run(*start, hours=6).returncode == FAILED
    assert rotation.run("--domain", "example.net", hours=6).returncode == FAILED
    assert rotation.run("--begin", "old", hours=6).returncode == FAILED
    assert rotation.run("--cancel", hours=6).returncode == FAILED
    assert rotation.run(hours=1).returncode == FAILED  # the clock went back
    good = rotation.state.read_text()
    for wrong in ("", "{}", "[]", good.replace("steady", "sleepy"), good.replace('"version": 1', '"version": 2'),
                  good.replace('"old"', '"a b"'), good.replace("steady", "prepared"), "x" * 100_000):
        rotation.state.write_text(wrong)
        assert rotation.run(hours=7).returncode in (FAILED, USAGE), wrong[:200]
        assert rotation.state.read_text() == wrong


def test_keys_may_be_encrypted(rotation):
    (rotation.folder / "secret").write_text("correct horse\n")
    words = ["--passphrase-file", rotation.folder / "secret"]
    found = rotation.look("--domain", "example.net", "--begin", "s1", *words)
    assert b"ENCRYPTED" in Path(found["signing"]["key"]).read_bytes()
    rotation.look(*words, hours=1)
    assert rotation.run(hours=2).returncode == FAILED


def test_two_commands_do_not_work_on_one_folder(rotation):
    held = os.open(rotation.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)  # even beside a reader
    assert rotation.run("--domain", "example.net", "--begin", "s1").returncode == TEMPORARY
    os.close(held)
    rotation.look("--domain", "example.net", "--begin", "s1")
