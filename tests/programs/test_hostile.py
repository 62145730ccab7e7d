"""Peers that misbehave: clients that say nothing, servers that answer too much, too little, or only some of us."""

import base64
import contextlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import threading
import time
import types

import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, prepare
from harness.process import Process, wait_until
from harness.relay import PASSWORD, RELAY, Relay
from test_delivery import _session, send

MESSAGE = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: x\r\n\r\nHi\r\n".encode()


class Peer:
    """A recipient's server in a few lines: `answer(command, state)` returns the reply, or None to hang up.

    `command` is the verb in upper case, "" for the greeting and "." for the end of a message; `state` is a dictionary
    of the connection. Messages that were answered 250 are counted in `taken`.
    """

    REPLIES = {"": b"220 peer.example", "EHLO": b"250-peer.example\r\n250 PIPELINING", "DATA": b"354 go on",
               "QUIT": b"221 bye"}  # fmt: skip

    def __init__(self, port, answer=lambda command, state: Peer.REPLIES.get(command, b"250 2.0.0 fine")):
        self.answer = answer
        self.taken: list[bytes] = []
        self.open = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def start(self):
        return self

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def default(self, command):
        return Peer.REPLIES.get(command, b"250 2.0.0 fine")

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self._lock:
            self.open += 1
            state = {"open": self.open, "counted": 1}
        try:
            with connection, contextlib.suppress(OSError):
                self._talk(connection, state)
        finally:
            self._leave(state)

    def _leave(self, state):
        """Before QUIT is answered: then the relay may open the next connection while our thread still sleeps."""
        with self._lock:
            self.open -= state.pop("counted", 0)

    def _talk(self, connection, state):
        lines = connection.makefile("rb")

        def say(command) -> bytes:
            reply = self.answer(command, state)
            if reply is None:
                raise OSError
            connection.sendall(reply + b"\r\n")
            return reply

        if not say("").startswith(b"220"):
            return
        while line := lines.readline():
            verb = line.split()[0].decode().upper()
            if verb == "QUIT":
                self._leave(state)
            reply = say(verb)
            if verb == "QUIT":
                return
            if reply.startswith(b"354"):
                content = b""
                while (line := lines.readline()) not in (b".\r\n", b""):
                    content += line
                if say(".").startswith(b"250") and content:
                    with self._lock:
                        self.taken.append(content)


@pytest.fixture
def make_peer(running):
    return lambda *arguments: running(Peer(*arguments))


def submit(client, recipients=(RECIPIENT,), message=MESSAGE, sender=SENDER):
    client.sendmail(sender, list(recipients), message)


# ── Clients ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_client_that_never_begins_tls_is_let_go(make_relay):
    relay = make_relay(settings={"limits": {"command_timeout": "1s"}})
    with socket.create_connection(("127.0.0.1", relay.tls_port)) as silent:
        silent.settimeout(10)
        assert silent.recv(1) == b""


def test_a_client_that_never_goes_on_after_starttls_is_let_go(make_relay):
    relay = make_relay(settings={"limits": {"command_timeout": "1s"}})
    with socket.create_connection(("127.0.0.1", relay.port)) as client:
        client.settimeout(10)
        lines = client.makefile("rwb", buffering=0)
        lines.readline()
        lines.write(b"EHLO x.example\r\n")
        while lines.readline()[3:4] == b"-":
            pass
        lines.write(b"STARTTLS\r\n")
        assert lines.readline().startswith(b"220")
        assert client.recv(1) == b""


def test_the_null_reverse_path_does_not_dodge_the_rate(make_relay, authority):
    relay = prepare(make_relay(), rate="1/h, burst 1")
    with _session(relay, authority) as client:
        submit(client, sender="")
        with pytest.raises(smtplib.SMTPResponseException) as refusal:
            submit(client, sender="")
        assert refusal.value.smtp_code == 451


def test_a_recipient_named_twice_gets_one_copy(relay_ready, sink_ready, authority):
    with _session(relay_ready, authority) as client:
        submit(client, [RECIPIENT, RECIPIENT, RECIPIENT.replace(RECIPIENT_DOMAIN, RECIPIENT_DOMAIN.upper())])
    (message,) = sink_ready.wait_for(1)
    assert message.recipients == [RECIPIENT]


@pytest.mark.parametrize("twice", [False, True], ids=["drain", "at once"])
def test_the_end_of_the_relay_amid_logins(twice, make_relay, authority):
    # Wrong passwords keep the checker busy: its verdicts come when the loops are gone.
    relay = prepare(make_relay())
    context = ssl.create_default_context(cafile=str(authority.file))
    clients = []
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", relay.tls_port))
        client = context.wrap_socket(raw, server_hostname="relay.example")
        client.recv(1000)
        client.sendall(b"EHLO x.example\r\n")
        client.recv(1000)
        clients.append(client)
    for number, client in enumerate(clients):
        client.sendall(b"AUTH PLAIN " + _plain(f"user{number}", "wrong") + b"\r\n")
    relay.process.signal(signal.SIGTERM)
    if twice:
        relay.process.signal(signal.SIGTERM)
    assert relay.process.wait(30) == 0
    for client in clients:
        client.close()


def _fail_to_log_in(client, mechanism) -> bytes:
    """The reply to a wrong password, but for which all of the exchange is right."""
    if mechanism == "PLAIN":
        return client.docmd("AUTH PLAIN", _plain("office", "wrong").decode())
    if mechanism == "LOGIN":
        client.docmd("AUTH LOGIN", base64.b64encode(b"office").decode())
        return client.docmd(base64.b64encode(b"wrong").decode())
    _, challenge = client.docmd("AUTH SCRAM-SHA-256", base64.b64encode(b"n,,n=office,r=nonce").decode())
    nonce = base64.b64decode(challenge).split(b",")[0]
    return client.docmd(base64.b64encode(b"c=biws," + nonce + b",p=" + base64.b64encode(bytes(32))).decode())


@pytest.fixture(scope="module")
def guessed_at(request, tmp_path_factory):
    """A port of a relay that takes logins in clear, and lets the reply to a wrong password wait for half a second."""
    relay = Relay(tmp_path_factory.mktemp("guessed"), plaintext=True, settings={"limits": {"failed_login_delay": "500ms"}})
    request.addfinalizer(relay.stop)
    port = relay.add_listener(tls="none", auth=True)
    relay.start()
    relay.add_account()
    relay.add_connector(user="office")
    return port


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_the_reply_to_a_wrong_password_waits(mechanism, guessed_at):
    with smtplib.SMTP("127.0.0.1", guessed_at, timeout=10) as client:
        client.ehlo()
        began = time.monotonic()
        assert _fail_to_log_in(client, mechanism)[0] == 535
        assert 0.49 <= time.monotonic() - began < 5
        client.login("office", PASSWORD)


def test_passwords_sent_in_a_row_wait_one_by_one(guessed_at):
    guess = b"AUTH PLAIN " + _plain("office", "wrong") + b"\r\n"
    with socket.create_connection(("127.0.0.1", guessed_at), timeout=10) as client:
        replies = client.makefile("rb")
        replies.readline()
        began = time.monotonic()
        client.sendall(b"EHLO guesser.example\r\n" + 3 * guess + b"NOOP\r\n")
        while replies.readline().startswith(b"250-"):
            pass
        for guesses in (1, 2, 3):
            assert replies.readline().startswith(b"535 5.7.8 ")
            assert 0.49 * guesses <= time.monotonic() - began
        # Three are enough, and the client is told before it is thrown out.
        assert replies.readline().startswith(b"421 4.7.0 ")
        assert replies.read() == b""


def test_a_session_ends_with_the_login_that_it_proved(make_relay, authority, make_peer):
    """Another login of the same name, or another password, is another login."""
    relay = prepare(make_relay())
    make_peer(relay.mx_port)
    with _session(relay, authority) as client:
        submit(client)
        (relay.folder / "password").write_text("another password\n")
        relay.cli("connector", "passwd", "acme/office", "--password-file", relay.folder / "password")
        assert client.mail(SENDER)[0] == 530
        relay.cli("connector", "remove", "acme/office", "--yes")
        relay.add_account("beta")
        relay.add_connector("beta/own", user="office")
        relay.add_domain("beta.example", "beta/own")
        assert client.mail("x@beta.example")[0] == 530


def test_rights_that_end_before_the_message_does_count(make_relay, authority):
    relay = prepare(make_relay())
    with _session(relay, authority) as client:
        assert client.mail(SENDER)[0] == 250
        assert client.rcpt(RECIPIENT)[0] == 250
        assert client.docmd("DATA")[0] == 354
        relay.cli("domain", "remove", SENDER_DOMAIN, "--yes")
        client.send(MESSAGE + b".\r\n")
        code, text = client.getreply()
        assert code == 550 and text.startswith(b"5.7.1"), (code, text)


@pytest.mark.parametrize("lost", ["domain", "grant", "connector"])
@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted"])
def test_queued_mail_waits_while_its_sender_has_no_rights(lost, restarted, make_relay, make_peer, authority):
    """What was accepted does not leave for a domain that its connector may not use any more."""
    relay = prepare(make_relay(settings={"delivery": {"retry_waits": ["1s"], "retry_jitter_percent": 0}}))
    with _session(relay, authority) as client:
        submit(client)
    relay.wait_logged("deferred")
    if lost == "domain":
        relay.cli("domain", "remove", SENDER_DOMAIN, "--yes")
    elif lost == "grant":
        relay.cli("domain", "grant", SENDER_DOMAIN, "--connector", "office", "--withdraw")
    else:
        relay.cli("connector", "remove", "acme/office", "--yes")
    if restarted:
        relay.stop()
        relay.start()
    peer = make_peer(relay.mx_port)
    relay.cli("queue", "retry", "--all")
    relay.wait_logged('reply="451 4.7.1 ')
    assert not peer.taken
    (queued,) = relay.queue()
    assert "4.7.1" in queued["recipients"][0]["last_reply"]
    if lost == "connector":
        relay.add_connector("acme/office")
        relay.cli("domain", "grant", SENDER_DOMAIN, "--connector", "office")
    elif lost == "grant":
        relay.cli("domain", "grant", SENDER_DOMAIN, "--connector", "office")
    else:
        relay.add_domain(SENDER_DOMAIN, key="")
    wait_until(lambda: peer.taken, "the message whose sender has its rights again")


@pytest.mark.parametrize("reverse_path", ["", "ada@other.example"])
def test_the_rights_of_the_author_that_end_before_the_message_does_count(make_relay, authority, reverse_path):
    """From is judged at the end of the header section; a slow body must not keep what was judged there alive."""
    relay = prepare(make_relay(settings={"limits": {"max_memory_message_octets": "1 KiB"}}))
    relay.add_domain("other.example")
    with _session(relay, authority) as client:
        assert client.mail(reverse_path)[0] == 250
        assert client.rcpt(RECIPIENT)[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(MESSAGE + b"and more\r\n" * 200)
        large = relay.state / "spool" / "large"
        wait_until(lambda: any(large.iterdir()), "the relay to take the header section and some of the body")
        relay.cli("domain", "remove", SENDER_DOMAIN, "--yes")
        client.send(b".\r\n")
        code, text = client.getreply()
        assert code == 550 and text.startswith(b"5.7.1"), (code, text)
        assert SENDER_DOMAIN.encode() in text


def test_a_client_over_the_recipient_rate_is_told_when_both_rates_let_it_in(make_relay, authority):
    relay = prepare(make_relay(), rate="20/min, burst 2", recipient_rate="1/s, burst 1")
    with _session(relay, authority) as client:
        submit(client)
        assert client.mail(SENDER)[0] == 250
        code, text = client.rcpt(RECIPIENT)
        assert code == 450
        client.rset()
        time.sleep(int(re.search(rb"retry in (\d+) s", text)[1]))  # as it was told
        submit(client)


def test_a_full_disk_of_the_log_does_not_end_the_relay(make_relay, make_peer, authority):
    relay = prepare(make_relay(settings={"log": {"file": "/dev/full"}}))
    peer = make_peer(relay.mx_port)
    with _session(relay, authority) as client:
        assert client.mail("x@foreign.example")[0] == 550
        submit(client)
    wait_until(lambda: peer.taken, "the message")
    relay.process.signal(signal.SIGHUP)
    relay.wait_queue_empty()


def test_a_new_certificate_and_log_file_are_taken_at_sighup(make_relay, authority, folder):
    used = authority.issue("relay.example", "IP:127.0.0.1")
    mine = types.SimpleNamespace(chain=folder / "mine.pem", key=folder / "mine.key")
    shutil.copy(used.chain, mine.chain)
    shutil.copy(used.key, mine.key)
    log = folder / "own.log"
    relay = make_relay(certificate=mine, settings={"log": {"file": log}})
    first = _serial(relay, authority)
    log.rename(folder / "rotated.log")
    new = authority.issue("relay.example", "IP:127.0.0.1")
    shutil.copy(new.chain, mine.chain)
    shutil.copy(new.key, mine.key)
    relay.process.signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and " reloaded " in log.read_text(), "the new log file")
    second = _serial(relay, authority)
    assert first != second
    mine.chain.write_text("no certificate")
    relay.process.signal(signal.SIGHUP)
    wait_until(lambda: " reload-failed " in log.read_text(), "the refusal")
    assert str(mine.chain) in log.read_text()
    assert _serial(relay, authority) == second


def _serial(relay, authority) -> str:
    """Of the certificate that a client is shown."""
    context = ssl.create_default_context(cafile=str(authority.file))
    with socket.create_connection(("127.0.0.1", relay.tls_port), 10) as raw:
        with context.wrap_socket(raw, server_hostname="relay.example") as client:
            return client.getpeercert()["serialNumber"]


def test_internationalized_authors_need_smtputf8(relay_ready, authority):
    with _session(relay_ready, authority) as client:
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        code, text = client.data(MESSAGE.replace(SENDER.encode(), f"é@{SENDER_DOMAIN}".encode()))
        assert code == 550 and text.startswith(b"5.6.7"), (code, text)


def test_one_client_cannot_take_all_descriptors(make_relay, authority):
    """The admin socket and other clients are served while one address holds what it may."""
    relay = make_relay(start=False)
    command = ["prlimit", "--nofile=256:256", RELAY, "--config", relay.config]
    relay.process = Process(command, relay.log)
    relay.process.wait_listening(*relay.ports)
    prepare(relay)
    held = [socket.create_connection(("127.0.0.1", relay.port)) for _ in range(240)]
    assert relay.cli("queue", "list")["messages"] == []
    with socket.create_connection(("127.0.0.1", relay.port), source_address=("127.0.0.9", 0)) as other:
        other.settimeout(10)
        assert other.recv(3) == b"220"
    for one in held:
        one.close()


def test_a_second_relay_does_not_share_the_port(relay_ready, make_relay):
    second = make_relay("second", start=False)
    second.sections["listener"] = relay_ready.sections["listener"]
    second.write_config()
    second.process = Process([RELAY, "--config", second.config], second.log)
    assert second.process.wait(10) == 1
    assert "in use" in second.log_text()


def test_a_foreign_signal_does_not_end_the_relay(relay_ready, sink_ready, authority):
    relay_ready.process.signal(signal.SIGUSR1)
    with _session(relay_ready, authority) as client:
        submit(client)
    sink_ready.wait_for(1)


def _plain(user, password) -> bytes:
    return base64.b64encode(f"\0{user}\0{password}".encode())


# ── Servers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_destination_that_was_down_is_tried_again_while_mail_keeps_coming(relay_ready, make_peer, authority):
    with _session(relay_ready, authority) as client:
        submit(client)
        relay_ready.wait_logged("deferred")
        peer = make_peer(relay_ready.mx_port)
        # What comes while the destination counts as down must not make it count as down for longer.
        deadline = time.monotonic() + 40
        while not peer.taken and time.monotonic() < deadline:
            submit(client)
            time.sleep(3)
    assert peer.taken


def test_an_operators_retry_does_not_wait(relay_ready, make_peer, authority):
    with _session(relay_ready, authority) as client:
        submit(client)
    relay_ready.wait_logged("deferred")
    peer = make_peer(relay_ready.mx_port)
    relay_ready.cli("queue", "retry", "--all")
    wait_until(lambda: peer.taken, "the message", 10)


def test_a_server_that_takes_few_connections_gets_all_mail_over_those(make_relay, make_peer, authority):
    relay = prepare(make_relay(settings={"relay": {"loops": 1}}))

    def answer(command, state):
        if command == "" and state["open"] > 2:
            return b"421 4.7.0 too many connections from you"
        if command == ".":
            time.sleep(0.1)
        return peer.default(command)

    peer = make_peer(relay.mx_port, answer)
    with _session(relay, authority) as client:
        for _ in range(30):
            submit(client)
    relay.wait_queue_empty(30)
    assert len(peer.taken) == 30
    assert " deferred " not in relay.log_text()


@pytest.mark.parametrize("reply", [None, b"421 4.3.2 going away"], ids=["hangs up", "421"])
@pytest.mark.parametrize("stage", ["", "EHLO", "MAIL", "RCPT", "DATA", "."], ids=lambda stage: stage or "greeting")
def test_a_server_that_goes_away_at_any_stage_gets_the_message_later(
    relay_ready, make_peer, authority, stage, reply
):  # fmt: skip
    left = [stage]

    def answer(command, state):
        if command in left:
            left.remove(command)
            return reply
        return peer.default(command)

    peer = make_peer(relay_ready.mx_port, answer)
    with _session(relay_ready, authority) as client:
        submit(client)
    relay_ready.wait_logged(" deferred ")
    relay_ready.cli("queue", "retry", "--all")
    relay_ready.wait_queue_empty(20)
    assert len(peer.taken) == 1
    assert " failed " not in relay_ready.log_text()


def test_connections_are_bounded_shared_and_worn_out(make_relay, make_peer, authority):
    """At most so many to one destination, each for as many messages as it may carry."""
    bounds = {"max_connections_per_destination": 2, "max_deliveries_per_connection": 3}
    relay = prepare(make_relay(settings={"delivery": bounds}))
    seen = []

    def answer(command, state):
        if command == "":
            state["taken"] = 0
            seen.append(state)
        if command == ".":
            state["taken"] += 1
            time.sleep(0.1)
        return peer.default(command)

    peer = make_peer(relay.mx_port, answer)
    with _session(relay, authority) as client:
        for _ in range(12):
            submit(client)
    relay.wait_queue_empty(30)
    assert len(peer.taken) == 12
    assert max(state["open"] for state in seen) == 2
    assert max(state["taken"] for state in seen) == 3
    assert 4 <= len(seen) <= 8, "connections are used again"


def test_connections_without_work_end_while_mail_trickles(make_relay, make_peer, authority):
    relay = prepare(make_relay(settings={"relay": {"loops": 1}, "delivery": {"idle_timeout": "2s"}}))

    def answer(command, state):
        if command == "." and len(peer.taken) < 6:
            time.sleep(0.5)
        return peer.default(command)

    peer = make_peer(relay.mx_port, answer)
    with _session(relay, authority) as client:
        for _ in range(6):
            submit(client)
        wait_until(lambda: len(peer.taken) == 6, "the messages")
        assert peer.open > 2
        deadline = time.monotonic() + 20
        while peer.open > 1 and time.monotonic() < deadline:
            submit(client)
            time.sleep(0.7)
    assert peer.open <= 1


def test_a_very_long_refusal_bounces_within_the_length_of_a_line(relay_ready, make_peer, authority):
    relay_ready.receive_mail_of(SENDER_DOMAIN)

    def answer(command, state):
        if command == "RCPT" and not peer.refused:
            peer.refused = True
            return b"\r\n".join([b"550-5.1.1 " + b"no " * 150] * 100 + [b"550 5.1.1 \xff\x9b31m nobody"])
        return peer.default(command)

    peer = make_peer(relay_ready.mx_port, answer)
    peer.refused = False
    with _session(relay_ready, authority) as client:
        submit(client)
    wait_until(lambda: peer.taken, "the report")
    report = peer.taken[0]
    assert b"Diagnostic-Code: smtp; 550 5.1.1 no no" in report
    assert max(len(line) for line in report.split(b"\r\n")) <= 998  # RFC 5322 section 2.1.1
    relay_ready.wait_queue_empty()
    assert max(len(line) for line in relay_ready.log_text().splitlines()) < 4000
    relay_ready.log.read_text(encoding="utf-8")  # what a server says cannot make the log unreadable


def test_a_smarthost_whose_name_is_gone_keeps_its_mail(make_relay, authority):
    relay = prepare(make_relay(settings={"route": [{"domains": ["*"], "host": "gone.example", "tls": "off"}]}))
    with _session(relay, authority) as client:
        submit(client)
    wait_until(lambda: " deferred " in relay.log_text() or " failed " in relay.log_text(), "the first attempt")
    assert " failed " not in relay.log_text()
