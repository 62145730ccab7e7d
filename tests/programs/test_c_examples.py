"""The examples of the C interface, as they stand in examples/: they sign for dkimpy, check what they are given, and send and
receive over STARTTLS, in C, in Pascal and by ctypes; and none of them touches memory that is not its own."""

import base64
import email
import email.policy
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys

import dkim
import pytest

from harness.process import Process, wait_until
from harness.relay import BUILD, ROOT

EXAMPLES = BUILD / "examples" / "c"
LIBRARY = BUILD / "capi" / "libsendconn-c.so.0"
SECONDS = 120
MESSAGE = b"From: Ada <ada@sender.example>\r\nTo: bob@elsewhere.example\r\nSubject: test\r\n\r\nHello\r\n.dot\r\n"
CHECKERS = ["plain", "valgrind"]

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="the build has no C interface")


def words_of(checker, name):
    if checker == "plain":
        return [EXAMPLES / name]
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind")
    if b"__asan_init" in LIBRARY.read_bytes() or b"__tsan_init" in LIBRARY.read_bytes():
        pytest.skip("a sanitizer looks already")
    return ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,possible",
            "--errors-for-leak-kinds=definite,possible", EXAMPLES / name]


def run(words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, timeout=SECONDS, check=False, **options)


@pytest.fixture
def key(folder):
    """An RSA key of OpenSSL's making, and its record."""
    path = folder / "key.pem"
    run(["openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path])
    der = run(["openssl", "pkey", "-in", path, "-pubout"]).stdout
    return path, b"v=DKIM1; k=rsa; p=" + b"".join(der.split(b"\n")[1:-2])


def passes(signed, record):
    return dkim.verify(signed, dnsfunc=lambda name, timeout=0: record)


@pytest.mark.parametrize("checker", CHECKERS)
def test_signs_what_dkimpy_verifies(key, checker):
    path, record = key
    signed = run([*words_of(checker, "c-sign-file"), path, "sender.example", "s1"],
                 input=MESSAGE.replace(b"\r\n", b"\n"))
    assert signed.returncode == 0, signed.stderr
    assert signed.stdout.endswith(MESSAGE)
    assert passes(signed.stdout, record)
    assert not passes(signed.stdout.replace(b"Hello", b"Hullo"), record)


def test_the_guide_compiles_and_does_what_it_says(folder):
    blocks = re.findall(r"^```c\n(.*?)^```$", (ROOT / "docs/c.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    (folder / "guide.c").write_text("#include <sendconn.h>\n#include <stdio.h>\nint main(void) {\n" + "".join(blocks) +
                                    "return request.mail_from_len != SENDCONN_NUL;\n}\n", encoding="utf-8")
    built = run(["cc", "-std=c99", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'capi'}", "-o",
                 folder / "guide", folder / "guide.c", LIBRARY])
    assert built.returncode == 0, built.stderr
    ran = run([folder / "guide"], env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARY.parent)})
    assert (ran.returncode, ran.stdout) == (0, b"xn--bcher-kva.example\n")


def test_says_why_it_does_not_sign(folder):
    refused = run([EXAMPLES / "c-sign-file", folder / "none.pem", "sender.example", "s1"], input=MESSAGE)
    assert refused.returncode == 1
    assert b"No such file" in refused.stderr


def test_signs_by_ctypes_alone(key):
    path, record = key
    signed = run([sys.executable, ROOT / "examples/python/ctypes_sign.py", LIBRARY, path, "sender.example", "s1"],
                 input=MESSAGE)
    assert signed.returncode == 0, signed.stderr
    assert passes(signed.stdout, record)
    refused = run([sys.executable, ROOT / "examples/python/ctypes_sign.py", LIBRARY, path, "-", "s1"], input=MESSAGE)
    assert b"ctypes_sign: " in refused.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_checks_a_message(folder, key, checker):
    path, record = key
    signed = run([EXAMPLES / "c-sign-file", path, "sender.example", "s1"], input=MESSAGE).stdout
    text = record.decode()
    zone = folder / "zone"
    zone.write_text(f'$TTL 300\nsender.example. TXT "v=spf1 ip4:192.0.2.1 -all"\n'
                    f'_dmarc.sender.example. TXT "v=DMARC1; p=reject"\n'
                    f's1._domainkey.sender.example. TXT "{text[:200]}" "{text[200:]}"\n')
    envelope = ["192.0.2.1", "mail.sender.example", "ada@sender.example", zone]
    good = run([*words_of(checker, "c-check-message"), *envelope], input=signed)
    assert good.returncode == 0, good.stderr + good.stdout
    assert b"spf: pass\ndkim: pass for sender.example" in good.stdout
    assert good.stdout.startswith(b"Authentication-Results: checker.example;")
    envelope[0] = "198.51.100.1"
    bad = run([*words_of(checker, "c-check-message"), *envelope], input=signed.replace(b"Hello", b"Hullo"))
    assert bad.returncode == 1, bad.stderr
    assert b"spf: fail\ndkim: fail for sender.example (body hash did not verify)\ndmarc: fail" in bad.stdout


class ExampleServer:
    """The example server, which prints its port first."""

    def __init__(self, folder, certificate, checker, connections):
        words = [*words_of(checker, "c-smtp-server"), 0, certificate.chain, certificate.key, "ada", "secret", connections]
        self.log = folder / "server.log"
        self.process = Process(words, self.log)
        line = wait_until(lambda: next(iter(self.text().splitlines()), None), "the port", SECONDS)
        self.port = int(line.split()[-1])

    def text(self):
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def start_server(folder, authority):
    certificate = authority.issue("127.0.0.1", "IP:127.0.0.1")
    started = []

    def start(checker="plain", connections=1):
        started.append(ExampleServer(folder, certificate, checker, connections))
        return started[-1]

    yield start
    for server in started:
        server.process.stop()


@pytest.mark.parametrize("checker", CHECKERS)
def test_client_and_server_speak_starttls(start_server, authority, checker):
    server = start_server(checker)
    sent = run([*words_of(checker, "c-smtp-client"), "127.0.0.1", server.port, authority.file, "ada", "secret",
                "ada@sender.example", "bob@elsewhere.example", "eve@elsewhere.example"], input=MESSAGE)
    assert sent.returncode == 0, sent.stderr
    assert sent.stdout == b"250 printed\n"
    text = wait_until(lambda: "END" in server.text() and server.text(), "the message", SECONDS)
    assert "MAIL <ada@sender.example> over TLSv1.3\nRCPT <bob@elsewhere.example>\nRCPT <eve@elsewhere.example>\n" in text
    assert "\nHello\n.dot\nEND" in text
    if checker == "valgrind":
        assert "==" not in text


def test_client_refuses_a_server_that_it_cannot_trust(start_server, folder, authority):
    other = type(authority)(folder / "other")
    server = start_server()
    refused = run([EXAMPLES / "c-smtp-client", "127.0.0.1", server.port, other.file, "ada", "secret",
                   "ada@sender.example", "bob@elsewhere.example"], input=MESSAGE)
    assert refused.returncode == 1
    assert b"we refused the server's certificate" in refused.stderr
    assert "MAIL" not in server.text()


def test_client_tells_a_wrong_password(start_server, authority):
    server = start_server()
    refused = run([EXAMPLES / "c-smtp-client", "127.0.0.1", server.port, authority.file, "ada", "wrong",
                   "ada@sender.example", "bob@elsewhere.example"], input=MESSAGE)
    assert refused.returncode == 1
    assert b"535" in refused.stderr


def test_server_serves_smtplib(start_server, authority):
    server = start_server()
    context = ssl.create_default_context(cafile=str(authority.file))
    with smtplib.SMTP("127.0.0.1", server.port, timeout=SECONDS) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("ada@sender.example", "bob@elsewhere.example", MESSAGE)
        client.starttls(context=context)
        client.login("ada", "secret")
        client.sendmail("ada@sender.example", ["bob@elsewhere.example"], MESSAGE)
    wait_until(lambda: "END" in server.text(), "the message", SECONDS)


def test_server_tells_nobody_who_exists(start_server, authority):
    server = start_server()
    context = ssl.create_default_context(cafile=str(authority.file))
    with smtplib.SMTP("127.0.0.1", server.port, timeout=SECONDS) as client:
        client.starttls(context=context)
        client.ehlo()
        for user in (b"ada", b"nobody"):
            first = base64.b64encode(b"n,,n=" + user + b",r=abcdefghijklmnop").decode()
            assert client.docmd("AUTH", f"SCRAM-SHA-256 {first}")[0] == 334, user
            assert client.docmd("*")[0] == 501


@pytest.mark.parametrize("checker", CHECKERS)
def test_server_survives_a_client_that_speaks_no_tls(start_server, checker):
    server = start_server(checker, 2)
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as client:
            client.recv(1000)
            client.sendall(b"EHLO x.example\r\n")
            while b"STARTTLS" not in client.recv(4096):
                pass
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(1000).startswith(b"220")
            client.sendall(b"MAIL FROM:<ada@sender.example>\r\n")
            while client.recv(1000):
                pass
    wait_until(lambda: not server.process.running(), "the end of the server", SECONDS)
    assert server.process.stop() == 0, server.text()


def test_client_sends_to_another_server(make_sink, sink_certificate, authority):
    sink = make_sink(certificate=sink_certificate, require_tls=True, login="ada:secret")
    sent = run([EXAMPLES / "c-smtp-client", "127.0.0.1", sink.port, authority.file, "ada", "secret",
                "ada@sender.example", "bob@elsewhere.example"], input=MESSAGE)
    assert sent.returncode == 0, sent.stderr
    (message,) = sink.messages()
    assert message.content == MESSAGE
    assert message.tls


def send_file(words, sink, folder, authority, key):
    """The message that arrived, after it was found good."""
    path, record = key
    (folder / "a file.bin").write_bytes(bytes(range(256)))
    environment = {**os.environ, "LD_LIBRARY_PATH": str(LIBRARY.parent)}
    sent = run([*words, "127.0.0.1", sink.port, authority.file, "ada", "secret", path, "s1", "ada@sender.example",
                "bob@elsewhere.example", folder / "a file.bin"], env=environment)
    assert sent.returncode == 0, sent.stderr
    (message,) = sink.messages()
    assert message.user == "ada" and message.tls
    assert passes(message.content, record)
    (attachment,) = email.message_from_bytes(message.content, policy=email.policy.default).iter_attachments()
    assert attachment.get_filename() == "a file.bin" and attachment.get_content() == bytes(range(256))


@pytest.mark.parametrize("checker", CHECKERS)
def test_sends_an_attachment_from_c(make_sink, sink_certificate, folder, authority, key, checker):
    sink = make_sink(certificate=sink_certificate, require_tls=True, login="ada:secret")
    send_file(words_of(checker, "c-send-attachment"), sink, folder, authority, key)


def test_sends_an_attachment_from_pascal(make_sink, sink_certificate, folder, authority, key):
    if shutil.which("fpc") is None:
        pytest.skip("no Free Pascal")
    sink = make_sink(certificate=sink_certificate, require_tls=True, login="ada:secret")
    source = ROOT / "examples/pascal"
    built = run(["fpc", "-v0", f"-Fu{source}", f"-Fl{LIBRARY.parent}", f"-FU{folder}", f"-o{folder / 'send'}",
                 source / "send_attachment.pas"])
    assert built.returncode == 0, built.stdout + built.stderr
    send_file([folder / "send"], sink, folder, authority, key)
