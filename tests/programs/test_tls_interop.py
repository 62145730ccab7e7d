"""Our TLS endpoints against OpenSSL's own programs, over real sockets, in both roles and both protocol versions."""

import os
import re
import select
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
TOOL = BUILD / "tests" / "tls" / "tls-tool"
PATIENCE = 20  # seconds until a silent program counts as hanging
KEYS = {
    "rsa": ["-newkey", "rsa:2048"],
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["-newkey", "ed25519"],
}


@pytest.fixture(scope="module", params=KEYS)
def pair(request, tmp_path_factory):
    """A certificate for mail.example and its key, made by OpenSSL."""
    folder = tmp_path_factory.mktemp(request.param)
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", *KEYS[request.param], "-nodes", "-subj", "/CN=x", "-days", "2"]
        + ["-addext", "subjectAltName=DNS:mail.example", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


@pytest.fixture
def run():
    """Starts programs and ends those that are left, by process id."""
    started = []

    def start(*command):
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    """Without connecting: s_server -naccept counts every connection."""
    wanted = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted and fields[3] == "0A":
            return True
    return False


def start_s_server(run, pair, *options):
    port = free_port()
    server = run("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pair[0], "-key", pair[1],
                 "-naccept", "1", *options)
    deadline = time.monotonic() + PATIENCE
    while not is_listening(port):
        assert server.poll() is None, server.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return server, port


def start_our_server(run, pair):
    server = run(TOOL, "server", *pair)
    return server, server.stdout.readline().split()[1].decode()


TALK = b"".join(b"%d %s\n" % (n, b"x" * (n * 37 % 900)) for n in range(400)) + b"bye\n"
REVERSED = b"".join(line[::-1] + b"\n" for line in TALK.splitlines())


@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_our_client_talks_to_s_server(run, pair, version):
    _, port = start_s_server(run, pair, f"-tls{version}", "-rev")
    client = run(TOOL, "client", port, "mail.example", pair[0])
    out, err = client.communicate(TALK, PATIENCE)
    assert out == REVERSED
    assert err.startswith(b"open TLSv%s " % version.replace("_", ".").encode()), err
    assert b" verified " in err
    assert err.endswith(b"closed\n")
    assert client.returncode == 0


@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_s_client_talks_to_our_server(run, pair, version):
    server, port = start_our_server(run, pair)
    client = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", f"-tls{version}", "-CAfile", pair[0],
                 "-servername", "mail.example", "-verify_hostname", "mail.example", "-verify_return_error", "-quiet",
                 "-no_ign_eof")
    out, err = client.communicate(TALK, PATIENCE)  # ends its side when standard input does
    # Without -ign_eof it leaves once its input ends, maybe before the last echo came.
    assert TALK.startswith(out)
    _, told = server.communicate(timeout=PATIENCE)
    assert told.startswith(b"open TLSv%s " % version.replace("_", ".").encode()), told
    assert told.endswith(b"closed\n")
    assert server.returncode == 0
    assert client.returncode == 0, err


def test_s_client_hears_all_of_the_echo(run, pair):
    server, port = start_our_server(run, pair)
    client = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", pair[0], "-quiet")
    client.stdin.write(TALK)
    client.stdin.flush()
    assert client.stdout.read(len(TALK)) == TALK
    client.kill()
    _, told = server.communicate(timeout=PATIENCE)
    assert b"without close_notify" in told, "a killed client is a truncation"
    assert server.returncode == 1


def test_both_sides_export_the_same_key(run, pair):
    server, port = start_our_server(run, pair)
    client = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-keymatexport",
                 "EXPORTER-Channel-Binding", "-keymatexportlen", "32")
    assert select.select([server.stderr], [], [], PATIENCE)[0], "the handshake"
    told = server.stderr.readline()  # before the client leaves: a handshake that ends with its close tells no key
    out, _ = client.communicate(b"Q\n", PATIENCE)
    theirs = re.search(rb"Keying material: ([0-9A-F]{64})", out).group(1).lower()
    server.communicate(timeout=PATIENCE)
    assert told.split()[-1] == theirs


def test_a_foreign_ticket_falls_back_to_a_whole_handshake(run, pair, tmp_path):
    session = tmp_path / "session"
    reused = []
    # A ticket is good for the context that gave it, and the tool makes one for each connection.
    for option in ("-sess_out", "-sess_in"):
        server, port = start_our_server(run, pair)
        client = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", option, session, "-ign_eof")
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        seen = b""
        while not seen.endswith(b"hello\n"):
            line = client.stdout.readline()
            assert line, client.stderr.read()
            seen += line
            if line.startswith((b"New, TLS", b"Reused, TLS")):
                reused.append(line.split(b",")[0])
        client.kill()
        server.communicate(timeout=PATIENCE)
    assert reused == [b"New", b"New"], "a foreign ticket falls back to a whole handshake"


@pytest.mark.parametrize("name, authority, reason", [
    ("other.example", True, b"it is for mail.example, not for other.example (RFC 6125 section 6)"),
    ("127.0.0.1", True, b"it is for mail.example, not for 127.0.0.1"),
    ("mail.example", False, b"it is self-signed"),
])
def test_our_client_refuses_and_s_server_hears_the_alert(run, pair, tmp_path, name, authority, reason):
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "req", "-x509", *KEYS["p256"], "-nodes", "-subj", "/CN=other", "-days", "2", "-keyout",
                    tmp_path / "key", "-out", other], check=True, capture_output=True)
    server, port = start_s_server(run, pair, "-rev")
    client = run(TOOL, "client", port, name, pair[0] if authority else other)
    _, err = client.communicate(b"hello\n", PATIENCE)
    assert client.returncode == 1
    assert b"failed TLS: we refused the server's certificate: " in err
    assert reason in err
    _, told = server.communicate(timeout=PATIENCE)
    assert b"alert" in told, told


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_our_server_refuses_what_rfc_8996_ends(run, pair, option):
    server, port = start_our_server(run, pair)
    client = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", option, "-cipher", "ALL:@SECLEVEL=0")
    _, err = client.communicate(b"", PATIENCE)
    assert client.returncode != 0
    _, told = server.communicate(timeout=PATIENCE)
    assert told == b"failed TLS: we ended the handshake with the client: unsupported protocol\n"
    assert b"alert protocol version" in err


def test_a_client_that_does_not_speak_tls_is_told_nothing(run, pair):
    server, port = start_our_server(run, pair)
    with socket.create_connection(("127.0.0.1", int(port)), PATIENCE) as client:
        client.sendall(b"EHLO client.example\r\n")
        assert client.recv(100) == b""
    _, told = server.communicate(timeout=PATIENCE)
    assert told.endswith(b"; what came is not TLS\n"), told
