"""The examples in C++: each part once, and a server on an event loop of Asio beside a real name server."""

import smtplib
import socket
import subprocess

import pytest

from conftest import need_nsd
from harness import nsd
from harness.process import Process, wait_until
from harness.relay import BUILD

EACH_PART = BUILD / "examples" / "cpp" / "each-part"
RECEIVE = BUILD / "examples" / "cpp" / "receive-asio"
SECONDS = 60
RECORDS = """\
mail        TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.mail TXT "v=DMARC1; p=reject"
away        TXT "v=spf1 -all"
_dmarc.away TXT "v=DMARC1; p=reject"
"""
MESSAGE = b"From: ada@example\r\nSubject: test\r\n\r\nHello\r\n.dot\r\n"

PARTS = """\
ownership: verified
limit: granted
smtp: 250 2.0.0 ok
spf: pass
dkim: pass for example.org
dmarc: pass
Authentication-Results: mx.example
header: 9 fields
"""


def test_each_part_does_its_work():
    done = subprocess.run([EACH_PART], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (PARTS, "", 0)


@need_nsd
@pytest.mark.skipif(not RECEIVE.exists(), reason="the build has no Asio")
def test_receives_and_checks_on_one_loop(folder):
    log = folder / "receive.log"
    name_server = nsd.Nsd(folder / "nsd", "example", RECORDS)
    name_server.start()
    process = Process([RECEIVE, 0, f"127.0.0.1:{name_server.port}"], log)
    try:
        line = wait_until(lambda: log.exists() and next(iter(log.read_text().splitlines()), None), "the port", SECONDS)
        port = int(line.split()[-1])
        with socket.create_connection(("127.0.0.1", port)) as lost:  # leaves in the middle of a command
            lost.sendall(b"EHLO x.example\r\nMAIL FR")
        with smtplib.SMTP("127.0.0.1", port) as one, smtplib.SMTP("127.0.0.1", port) as two:
            for client, sender in ((one, "ada@mail.example"), (two, "eve@away.example"), (one, "ada@mail.example")):
                message = MESSAGE.replace(b"ada@example", sender.encode())
                assert client.sendmail(sender, ["bob@elsewhere.example"], message) == {}
        text = wait_until(lambda: log.read_text().count("\n dmarc=") == 3 and log.read_text(), "three messages", SECONDS)
        first, second, third = (part.replace("\n ", " ") for part in text.split("Authentication-Results: mx.example;")[1:])
        assert "spf=pass" in first and "dmarc=pass" in first and first == third
        assert "spf=fail" in second and "dmarc=fail" in second
        # A client that leaves while its message is being checked.
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as hasty:
            hasty.sendall(b"EHLO x.example\r\nMAIL FROM:<ada@mail.example>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\n")
            hasty.sendall(MESSAGE.replace(b".dot", b"..dot") + b".\r\n")
            hasty.shutdown(socket.SHUT_WR)
        wait_until(lambda: log.read_text().count("\n dmarc=") == 4, "the fourth message", SECONDS)
        assert process.running()
    finally:
        process.stop()
        name_server.process.stop()
