"""sendconn authenticate: the examples of docs/authentication.md as they stand there, exit codes, JSON, what it writes
into the header, hostile messages, and the other engine."""

import base64
import json
import re
import shlex
import subprocess
import time

import pytest

from harness.document import blocks_of
from harness.relay import BUILD, ROOT, TOOL

DOCUMENT = (ROOT / "docs/authentication.md").read_text(encoding="utf-8")
OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
SECONDS = 60
OURS = ["--ip", "192.0.2.25", "--helo", "mail.example.org", "--mail-from", "ada@example.org"]
STRANGER = ["--ip", "203.0.113.7", "--helo", "relay.example.com", "--mail-from", "ada@example.org"]


blocks = blocks_of(DOCUMENT)


EXAMPLES = [example for block in blocks("console") for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
MESSAGE = blocks("eml")[0].encode()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "auth.zone").write_text(blocks("zone")[0], encoding="utf-8")
    (tmp_path / "message.eml").write_bytes(MESSAGE)
    return tmp_path


def authenticate(folder, *words, message=MESSAGE, first=()):
    return subprocess.run([TOOL, *first, "authenticate", "--zone", folder / "auth.zone", *words], input=message, cwd=folder,
                          capture_output=True, timeout=SECONDS, check=False)


def found(folder, *words, **options):
    run = authenticate(folder, *words, first=["--json"], **options)
    return run.returncode, json.loads(run.stdout)


def test_the_document_has_examples():
    assert EXAMPLES and blocks("cpp")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0][:60])
def test_examples_of_the_document_are_true(folder, example):
    command, _, expected = example.partition("\n")
    words = shlex.split(command)
    run = subprocess.run([TOOL, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert words[0] == "sendconn" and run.stdout == expected, run


def test_the_code_of_the_document_is_compiled():
    compiled = (ROOT / "tests/authenticate/manual_test.cpp").read_text(encoding="utf-8")
    assert all(block in compiled for block in blocks("cpp"))


def test_the_document_names_each_key_of_the_json(folder):
    _, result = found(folder, *OURS)
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert set(result) | set(result["spf"]) | set(result["dmarc"]) | {"alignment"} <= named


def test_all_three_are_told_with_their_reasons(folder):
    code, result = found(folder, *OURS, "--authserv-id", "mx.example.net")
    assert (code, result["result"], result["spf"]["verdict"], result["helo"]["verdict"]) == (OK, "pass", "pass", "pass")
    assert [(one["domain"], one["verdict"], one["alignment"]) for one in result["dkim"]] == [("example.org", "pass", "strict")]
    assert (result["authors"], result["problem"], result["dmarc"]["policy"]) == (["example.org"], "", "reject")
    field = result["authentication_results"]
    assert field.startswith("Authentication-Results: mx.example.net;") and field.endswith("\r\n")
    for word in ("spf=pass", "dkim=pass", "dmarc=pass", "smtp.mailfrom=ada@example.org", "smtp.helo=mail.example.org",
                 "header.d=example.org", "header.from=example.org"):
        assert word in field
    assert [("identity=mailfrom" in one, "identity=helo" in one) for one in result["received_spf"]] == [(True, False), (False, True)]


def test_each_signature_has_its_own_alignment(folder):
    message = b"From: ada@example.org\r\n\r\nHello\r\n"
    key = folder / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    record = base64.b64encode(der[-32:]).decode()
    fields = b"DKIM-Signature: v=1; d=not a domain\r\n"
    for domain in ("example.org", "esp.example", "news.example.org"):
        run = subprocess.run([TOOL, "dkim", "sign", "--fields-only", "--domain", domain, "--selector", "s1", "--key", key],
                             input=message, capture_output=True, timeout=SECONDS, check=True)
        fields += run.stdout
        with open(folder / "auth.zone", "a", encoding="utf-8") as file:
            file.write(f's1._domainkey.{domain}. TXT "v=DKIM1; k=ed25519; p={record}"\n')
    code, result = found(folder, *STRANGER, message=fields + message)
    assert code == OK and [(one["verdict"], one["alignment"]) for one in result["dkim"]] == [
        ("neutral", "none"), ("pass", "strict"), ("pass", "none"), ("pass", "relaxed")]  # fmt: skip


@pytest.mark.parametrize("words, change, code, result", [
    (STRANGER, lambda m: m, OK, "pass"),  # forwarded: the signature holds
    (OURS, lambda m: m.replace(b"hungry", b"angry"), OK, "pass"),  # changed on a list: SPF holds
    (STRANGER, lambda m: m.replace(b"hungry", b"angry"), FAILED, "fail"),
    (STRANGER, lambda m: m.replace(b"From: Ada <ada@example.org>", b"From: x@nothing.example"), NOT_FOUND, "none"),
    (OURS, lambda m: m.replace(b"From: Ada <ada@example.org>\n", b""), FAILED, "permerror"),
    (OURS, lambda m: b"From: eve@example.net\n" + m, FAILED, "permerror"),
    (STRANGER, lambda m: m.replace(b"From: Ada <ada@example.org>", b"From: x@slow.example"), TEMPORARY, "temperror"),
])  # fmt: skip
def test_the_exit_code_is_that_of_dmarc(folder, words, change, code, result):
    with open(folder / "auth.zone", "a", encoding="utf-8") as file:
        file.write("$FAIL _dmarc.slow.example. TXT timeout\n")
    returned, told = found(folder, *words, message=change(MESSAGE))
    assert (returned, told["result"], told["dmarc"]["result"]) == (code, result, result), told
    assert f"dmarc={result}" in told["authentication_results"]
    for_people = authenticate(folder, *words, message=change(MESSAGE))
    assert for_people.returncode == code and result.encode() in for_people.stdout


def test_a_null_reverse_path_is_checked_by_helo(folder):
    code, result = found(folder, "--ip", "192.0.2.25", "--helo", "mail.example.org", "--mail-from", "<>")
    assert code == OK and result["null_sender"] and result["helo"] is None
    assert (result["spf"]["sender"], len(result["received_spf"])) == ("postmaster@mail.example.org", 1)


def test_trace_and_several_authors_are_there_on_request(folder):
    assert found(folder, *OURS)[1]["spf"]["trace"] == [] != found(folder, *OURS, "--trace")[1]["spf"]["trace"]
    two = MESSAGE.replace(b"From: Ada <ada@example.org>", b"From: ada@example.org, bob@example.org, eve@nothing.example")
    assert found(folder, *OURS, message=two)[1]["result"] == "permerror"
    _, result = found(folder, *OURS, "--each-author", message=two)
    assert [one["author"] for one in result["dmarc_checks"]] == ["example.org", "nothing.example"]


def test_options_of_dkim_count_here_too(folder):
    with open(folder / "auth.zone", "a", encoding="utf-8") as file:
        file.write("example.net. TXT \"v=spf1 -all\"\n")
    code, result = found(folder, *STRANGER, "--now", "2026-11-01T00:00:00Z", "--refuse-future")
    assert code == FAILED and result["dkim"][0]["option"] == "--refuse-future"


def test_the_other_engine_is_asked_if_it_is_there(folder):
    run = authenticate(folder, *OURS, "--spf-engine", "libspf2", "--spf-module", folder / "none.so")
    assert run.returncode == NOT_FOUND and b"none.so" in run.stderr
    module = BUILD / "lib/spf2/libsendconn-spf2.so"
    if not module.exists():
        pytest.skip("libsendconn-spf2.so is not built")
    code, result = found(folder, *OURS, "--spf-engine", "libspf2", "--spf-module", module)
    assert code == OK and result["spf"]["verdict"] == result["helo"]["verdict"] == "pass"


def test_wrong_values_are_refused(folder):
    for words in (["--ip", "192.0.2.300", "--mail-from", "a@b.example"], ["--ip", "192.0.2.1"], ["--mail-from", "a@b.example"],
                  [*OURS, "--authserv-id", ""], [*OURS, "--now", "soon"], [*OURS, "--policy", "kind"]):
        assert authenticate(folder, *words).returncode == USAGE, words
    assert authenticate(folder, folder / "none.eml", *OURS).returncode == FAILED
    assert authenticate(folder, folder, *OURS).returncode == FAILED


SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=x%d.example; s=s; h=from; bh=" + b"A" * 43 + b"=; b=%08d\r\n"
HOSTILE = {
    "empty": b"",
    "no-from": b"Subject: x\r\n\r\nbody\r\n",
    "junk": bytes(range(256)) * 40,
    "long-header": b"From: a@example.org\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
    "broken-from": b"From: \x1b[2J <a@example.org\xff\r\n\r\n",
    "group": b"From: nobody:;\r\n\r\n",
    "thousand-signatures": b"".join(SIGNATURE % (i, i) for i in range(995)) + b"From: a@example.org\r\n\r\n",
    "thousand-authors": b"From: " + b",\r\n ".join(b"a@x%d.example" % i for i in range(1000)) + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_pass_for_nobody(folder, name):
    start = time.monotonic()
    for words in (OURS, ["--ip", "::1", "--helo", "\x1b]0;x\x07", "--mail-from", "\"a\r\nX: y\"@\u00fc.example; dmarc=pass"]):
        code, result = found(folder, *words, "--each-author", message=HOSTILE[name])
        assert code in (FAILED, NOT_FOUND) or name == "thousand-signatures", result
        field = result["authentication_results"]
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', field)  # what is quoted is said by a stranger, and only said
        assert "dkim=pass" not in outside and "X:" not in outside
        assert words == OURS or "dmarc=pass" not in outside
        for line in field.removesuffix("\r\n").split("\r\n")[1:]:
            assert line[0] in " \t" and len(line) < 998
        run = authenticate(folder, *words, message=HOSTILE[name])
        shown = (run.stdout + run.stderr).replace(b"\n\t", b"\n ")  # Received-SPF is folded so
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", shown), run
    assert time.monotonic() - start < SECONDS / 3
