"""docs/sending.md: its examples against servers of other projects and our relay, over authenticated TLS with DKIM; and
what `sendconn send`, which is the same Mailer, makes of servers that refuse.
"""

import base64
import email
import email.policy
import os
import subprocess
import sys

import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, need_postfix
from harness import postfix
from harness.dkim_check import verdicts
from harness.document import blocks_of
from harness.process import free_port, wait_until
from harness.relay import BUILD, PASSWORD, ROOT, TOOL
from harness.zone import ZoneFile

GUIDE = (ROOT / "docs/sending.md").read_text(encoding="utf-8")
EXAMPLES = {
    "cpp": [BUILD / "examples" / "cpp" / "send-attachment-cpp"],
    "python": [sys.executable, ROOT / "examples/python/send_attachment.py"],
}
PACKAGE = BUILD / "bindings" / "python"
CONTENT = bytes(range(256)) * 300
OK, FAILED, USAGE, NOT_FOUND, TEMPORARY = range(5)
SECONDS = 60


blocks = blocks_of(GUIDE)


@pytest.fixture
def files(folder, authority):
    """What the example reads: a password, the authorities, a key, and a file to send."""
    (folder / "password.txt").write_text(PASSWORD)
    (folder / "ca.pem").write_bytes(authority.file.read_bytes())
    (folder / "overview.pdf").write_bytes(CONTENT)
    subprocess.run(["openssl", "genrsa", "-out", folder / "s1.pem", "2048"], check=True, capture_output=True)
    return folder


def publish_key(files, zone):
    """The record of the example's key, and the zone it stands in."""
    public = subprocess.run(["openssl", "rsa", "-in", files / "s1.pem", "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    zone.add_txt(f"s1._domainkey.{SENDER_DOMAIN}", "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode())
    return zone


def run_example(language, port, files, *, password="password.txt", host="127.0.0.1"):
    words = [*EXAMPLES[language], host, port, "office", password, "ca.pem", "s1.pem", "overview.pdf"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONIOENCODING": "utf-8"}
    if language == "python" and subprocess.run([sys.executable, "-c", "import sendconn"], env=environment,
                                               capture_output=True, check=False).returncode != 0:  # fmt: skip
        pytest.skip("the build has no Python package for the interpreter of these tests")
    return subprocess.run([str(word) for word in words], cwd=files, capture_output=True, text=True, timeout=SECONDS,
                          env=environment, check=False)


def check_message(content, zone):
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"] == "Die Übersicht für März" and message["From"].addresses[0].display_name == "Ada Lovelace"
    assert message.get_body().get_content().split() == "Hello Bob, the overview is attached.".split()
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "Übersicht.pdf" and attachment.get_content() == CONTENT
    assert (f"{SENDER_DOMAIN} rsa-sha256", True) in verdicts(content, zone)


def test_the_examples_of_the_guide_are_the_files():
    assert blocks("cpp")[0] == (ROOT / "examples/cpp/send_attachment.cpp").read_text(encoding="utf-8")
    assert blocks("python")[0] == (ROOT / "examples/python/send_attachment.py").read_text(encoding="utf-8")
    assert len(blocks("cpp")[0].splitlines()) < 40 and len(blocks("python")[0].splitlines()) < 40
    compiled = (ROOT / "tests/mailer/manual_test.cpp").read_text(encoding="utf-8")
    assert all(block in compiled for block in blocks("cpp")[1:])


@pytest.mark.parametrize("language", EXAMPLES)
def test_an_example_sends_to_aiosmtpd(language, files, make_sink, relay_certificate):
    sink = make_sink(certificate=relay_certificate, login=f"office:{PASSWORD}", require_tls=True)
    run = run_example(language, sink.port, files)
    assert (run.returncode, run.stderr) == (OK, "")
    (shown,) = blocks("console")
    assert run.stdout == shown.partition("\n")[2]
    (received,) = sink.wait_for(1)
    assert (received.reverse_path, received.recipients, received.user) == (SENDER, [RECIPIENT], "office")
    assert received.tls
    check_message(received.content, publish_key(files, ZoneFile(files / "zone.txt")))


@pytest.mark.parametrize("language", EXAMPLES)
def test_an_example_sends_to_the_relay(language, files, relay_ready, sink_ready):
    run = run_example(language, relay_ready.port, files)
    assert (run.returncode, run.stderr) == (OK, "") and "250 2.0.0 queued as" in run.stdout
    (received,) = sink_ready.wait_for(1)
    check_message(received.content, publish_key(files, relay_ready.zone))


@pytest.mark.parametrize("language", EXAMPLES)
def test_an_example_tells_what_went_wrong(language, files, make_sink, relay_certificate):
    sink = make_sink(certificate=relay_certificate, login=f"office:{PASSWORD}", require_tls=True)
    (files / "wrong.txt").write_text("swordfish")
    run = run_example(language, sink.port, files, password="wrong.txt")
    assert run.returncode == FAILED and "535 5.7.8" in run.stdout and "swordfish" not in run.stdout + run.stderr
    sink.behave(RCPT={RECIPIENT: "550 5.1.1 nobody"})
    run = run_example(language, sink.port, files)
    assert run.returncode == FAILED and run.stdout == f"{RECIPIENT}: 550 5.1.1 nobody\n"
    run = run_example(language, sink.port, files, host="localhost")
    assert run.returncode == FAILED and "not for localhost" in run.stdout, "the certificate is for another name"
    run = run_example(language, free_port(), files)
    assert run.returncode == FAILED and "cannot connect" in run.stdout
    assert sink.count() == 0


# ── The same Mailer behind `sendconn send` ───────────────────────────────────────────────────────────────────────────

MESSAGE = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: test\r\n\r\n.dot\r\nlast line\r\n"


def send(folder, port, *words, to=(RECIPIENT,), message=MESSAGE):
    file = folder / "message.eml"
    file.write_bytes(message.encode())
    line = [TOOL, "send", "--server", f"127.0.0.1:{port}", "--from", SENDER, file]
    for one in to:
        line += ["--to", one]
    return subprocess.run([str(word) for word in [*line, *words]], capture_output=True, text=True, timeout=SECONDS,
                          check=False)


@pytest.mark.parametrize("mechanism", ["plain", "login", ""])
@pytest.mark.parametrize("implicit", [False, True])
def test_send_logs_in_to_aiosmtpd(mechanism, implicit, files, authority, make_sink, relay_certificate):
    sink = make_sink(certificate=relay_certificate, login=f"office:{PASSWORD}", implicit=implicit)
    words = ["--ca", authority.file, "--user", "office", "--password-file", files / "password.txt"]
    words += ["--tls", "implicit" if implicit else "required"]
    run = send(files, sink.port, *words, *(["--mechanism", mechanism] if mechanism else []))
    assert run.returncode == OK, run
    (received,) = sink.wait_for(1)
    assert received.user == "office" and received.content == MESSAGE.encode()


@need_postfix
def test_send_hands_over_to_postfix(folder, authority, relay_certificate, running):
    port = free_port()
    running(postfix.receiver(folder / "postfix", port, certificate=relay_certificate))
    large = MESSAGE + "0123456789" * 7 + "\r\n" + ".\r\n" * 100_000
    run = send(folder, port, "--ca", authority.file, "-v", message=large, to=[RECIPIENT, f"carl@{RECIPIENT_DOMAIN}"])
    assert run.returncode == OK, run
    assert "TLSv1.3" in run.stderr and "certificate verified" in run.stderr
    wait_until(lambda: len(postfix.inbox(folder / "postfix")) >= 1, "the message")
    body = postfix.inbox(folder / "postfix")[0].partition(b"\n\n")[2]
    assert body == large.replace("\r\n", "\n").encode().partition(b"\n\n")[2]


def test_send_tells_recipients_apart(folder, make_sink):
    sink = make_sink()
    sink.behave(RCPT={RECIPIENT: "450 4.2.2 full"})
    run = send(folder, sink.port, "--tls", "off", to=[RECIPIENT, f"carl@{RECIPIENT_DOMAIN}"])
    assert run.returncode == TEMPORARY and f"{RECIPIENT}: 450 4.2.2 full" in run.stderr
    assert sink.wait_for(1)[0].recipients == [f"carl@{RECIPIENT_DOMAIN}"]


@pytest.mark.parametrize("options, message, to, lacks", [
    ({"no_8bitmime": True, "no_smtputf8": True}, MESSAGE + "Grüße\r\n", RECIPIENT, "8BITMIME"),
    ({"no_smtputf8": True}, MESSAGE, f"jörg@{RECIPIENT_DOMAIN}", "SMTPUTF8"),
    ({"size": 50}, MESSAGE, RECIPIENT, "at most 50")],
    ids=["8BITMIME", "SMTPUTF8", "SIZE"])
def test_send_never_changes_a_message_that_the_server_cannot_take(options, message, to, lacks, folder, make_sink):
    sink = make_sink(**options)
    run = send(folder, sink.port, "--tls", "off", message=message, to=[to])
    assert run.returncode == FAILED and lacks in run.stderr
    assert sink.count() == 0


def test_send_writes_to_an_address_in_any_language(folder, make_sink):
    sink = make_sink()
    run = send(folder, sink.port, "--tls", "off", to=["jörg@müller.example"])
    assert run.returncode == OK, run
    assert sink.wait_for(1)[0].recipients == ["jörg@xn--mller-kva.example"]


def test_send_finds_no_host_that_is_none(folder):
    words = [TOOL, "send", "--server", "no-such-host.invalid:25", "--timeout", "5", "--from", SENDER, "--to", RECIPIENT]
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode == TEMPORARY and "cannot find the host no-such-host.invalid" in run.stderr
