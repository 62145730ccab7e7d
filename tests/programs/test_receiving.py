"""The relay as a receiver on port 25: for whom it takes mail, what it checks, and what follows from each verdict."""

import base64
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time

import dkim
import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, need_nsd
from harness.clients import CLIENTS, Smtplib
from harness.dkim_check import is_signed_by
from harness.document import blocks_of
from harness.nsd import Nsd
from harness.process import Process, free_port, wait_until
from harness.relay import BUILD, RELAY, ROOT
from harness.sink import Sink
from test_clients import submission

HERE = "inside.example"  # whose mail is received
THERE = "outside.example"  # who sends
ALICE, BOB = f"alice@{THERE}", f"bob@{HERE}"
LISTENER = {"relay_domains": [HERE, f".{HERE}"], "check": True, "name": "inbound"}
SPF_PASS, SPF_FAIL = "v=spf1 ip4:127.0.0.1 -all", "v=spf1 ip4:192.0.2.1 -all"


def message(author: str = ALICE, *, extra: str = "", body: str = "Hello\r\n") -> bytes:
    return (
        f"{extra}From: {author}\r\nTo: {BOB}\r\nSubject: x\r\nDate: Sun, 22 Nov 2026 15:02:50 +0000\r\n"
        f"Message-ID: <1@{THERE}>\r\n\r\n{body}"
    ).encode()


class SigningKey:
    """The key of those who sign: as PEM, and as the record to publish."""

    def __init__(self):
        self.pem = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True).stdout
        public = subprocess.run(
            ["openssl", "rsa", "-pubout", "-outform", "DER"], input=self.pem, check=True, capture_output=True
        )
        self.record = "v=DKIM1; p=" + base64.b64encode(public.stdout).decode()


class Receiver:
    """A relay that receives for HERE, and the server that takes its mail."""

    def __init__(self, make_relay, sink, key, settings=None, start=True, source="127.0.0.1", **listener):
        self.sink, self.key, self.source = sink, key, source
        settings = settings or {}
        checks = {"deadline": "10s", **settings.pop("checks", {})}
        route = [{"domains": [HERE, f".{HERE}"], "host": "127.0.0.1", "port": sink.port, "tls": "off"}]
        self.relay = make_relay(start=False, settings={"checks": checks, "route": route, **settings})
        self.port = self.relay.add_listener(**{**LISTENER, **listener})
        if start:
            self.relay.start()

    def publish(self, spf: str = SPF_PASS, dmarc: str = "", domain: str = THERE):
        if spf:
            self.relay.zone.add_txt(domain, spf)
        if dmarc:
            self.relay.zone.add_txt(f"_dmarc.{domain}", dmarc)

    def sign(self, content: bytes, domain: str = THERE) -> bytes:
        """By dkimpy, with a key that is published."""
        name = f"s1._domainkey.{domain}"
        if not self.relay.zone.txt(name):
            self.relay.zone.add_txt(name, self.key.record)
        return dkim.sign(content, b"s1", domain.encode(), self.key.pem, include_headers=[b"from", b"subject"]) + content

    def connect(self, hello: str = f"mx.{THERE}"):
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=60, source_address=(self.source, 0))
        client.ehlo(hello)
        return client

    def send(self, content: bytes, sender: str = ALICE, recipient: str = BOB):
        """The last reply: (code, text)."""
        with self.connect() as client:
            return self.send_on(client, content, sender, recipient)

    @staticmethod
    def send_on(client, content, sender=ALICE, recipient=BOB):
        code, text = client.mail(sender)
        if code == 250:
            code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(content)
        return code, text.decode()

    def deliver(self, content: bytes, sender: str = ALICE):
        """What came out at the other end."""
        before = self.sink.count()
        code, text = self.send(content, sender)
        assert code == 250, text
        return self.sink.wait_for(before + 1)[-1]

    def checked(self, count: int = 1) -> str:
        """The log's line about the message number `count` that was checked."""

        def lines():
            return [line for line in self.relay.log_text().splitlines() if " info checked " in line]

        wait_until(lambda: len(lines()) >= count, f"the log's line about check {count}", 10)
        return lines()[count - 1]


@pytest.fixture(scope="session")
def signing_key():
    return SigningKey()


@pytest.fixture
def receiver(make_relay, make_sink, signing_key):
    def make(settings=None, start=True, **listener):
        return Receiver(make_relay, make_sink(), signing_key, settings, start, **listener)

    return make


def results(received, host: str = "relay.example") -> dict[str, str]:
    """method -> result of the one field that carries our id; the others do not count."""
    ours = [
        value.strip()
        for name, _, value in (one.partition(":") for one in received.fields())
        if name.lower() == "authentication-results" and value.strip().partition(";")[0].strip() == host
    ]
    assert len(ours) == 1, received.fields()
    found = {}
    for statement in re.sub(r'"[^"]*"|\([^)]*\)', "", ours[0]).split(";")[1:]:
        method, _, result = statement.split()[0].partition("=")
        found.setdefault(method, result)
    return found


# ── For whom ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mail_for_its_domains_is_taken_without_a_login_and_handed_on_as_it_came(receiver):
    one = receiver()
    one.publish()
    sent = message(extra="Bcc: hidden@elsewhere.example\r\nX-Odd:  spaced  \r\n")
    received = one.deliver(sent)
    assert (received.reverse_path, received.recipients) == (ALICE, [BOB])
    assert received.content.endswith(sent)
    assert "DKIM-Signature" not in received.content.decode()
    assert received.content.startswith(b"Authentication-Results: relay.example;")
    assert received.field("Received").startswith(f"from mx.{THERE} ([127.0.0.1])")
    one.relay.wait_queue_empty()


NOT_RELAYED, MALFORMED = "550 5.7.1", "501 5.1.3"
STRANGERS = [
    ("<victim@elsewhere.example>", NOT_RELAYED),
    (f"<victim@not-{HERE}>", NOT_RELAYED),
    (f"<victim@{HERE}.elsewhere.example>", NOT_RELAYED),
    ("<victim@relay.example>", NOT_RELAYED),
    (f"<victim%elsewhere.example@{HERE}>", NOT_RELAYED),
    (f"<elsewhere.example!victim@{HERE}>", NOT_RELAYED),
    (f'<"victim@elsewhere.example"@{HERE}>', NOT_RELAYED),
    (f'<"victim%elsewhere.example"@{HERE}>', NOT_RELAYED),
    (f"<{HERE}!victim@elsewhere.example>", NOT_RELAYED),
    (f"<@{HERE}:victim@elsewhere.example>", NOT_RELAYED),
    (f"<@{HERE},@relay.example:victim@elsewhere.example>", NOT_RELAYED),
    (f"<victim@elsewhere.example@{HERE}>", MALFORMED),
    ("<victim%elsewhere.example@[127.0.0.1]>", ""),
    ("<victim@[127.0.0.1]>", ""),
    (f"<victim@elsewhere.example,{BOB}>", MALFORMED),
    ('<"victim@elsewhere.example">', ""),
    ("<victim%elsewhere.example>", ""),
    ("<victim@elsewhere.example@>", MALFORMED),
    ("victim@elsewhere.example", ""),
]


@pytest.mark.parametrize("recipient, reply", STRANGERS)
def test_nobody_relays_through_it(recipient, reply, receiver):
    one = receiver(check=False)
    with one.connect() as client:
        assert client.mail(ALICE)[0] == 250
        code, text = client.docmd(f"RCPT TO:{recipient}")
        said = f"{code} {text.decode()}"
        assert 500 <= code < 600 and said.startswith(reply), said
        assert client.docmd("DATA")[0] in (503, 554)
    assert one.relay.queue() == []


@pytest.mark.parametrize("tls", ["starttls", "none"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda one: one.name)
def test_real_clients_hand_in_mail_with_and_without_tls(client, tls, receiver, authority, folder):
    if client.missing():
        pytest.skip(client.missing())
    one = receiver()
    one.publish(SPF_PASS, "v=DMARC1; p=reject")
    to_us = {"port": one.port, "user": "", "password": "", "sender": ALICE, "recipients": [BOB], "tls": tls}
    outcome = client.send(submission(one.relay, authority, folder, **to_us), message())
    assert outcome.sent, outcome.said
    (received,) = one.sink.wait_for(1)
    assert results(received) == {"spf": "pass", "dkim": "none", "dmarc": "pass"}
    assert ("(using TLS" in received.field("Received")) == (tls == "starttls")
    refused = client.send(submission(one.relay, authority, folder, **{**to_us, "recipients": [RECIPIENT]}), message())
    assert refused.has_reply(550, "5.7.1") and not refused.sent, refused.said


def test_a_source_route_to_ourselves_is_only_its_last_address(receiver):
    one = receiver(check=False)
    with one.connect() as client:
        client.mail(ALICE)
        assert client.docmd(f"RCPT TO:<@elsewhere.example:{BOB}>")[0] == 250
        assert client.data(message())[0] == 250
    (received,) = one.sink.wait_for(1)
    assert received.recipients == [BOB]


def test_the_postmaster_without_a_domain_is_that_of_the_first_domain(receiver):
    one = receiver(check=False)
    with one.connect() as client:
        client.mail(ALICE)
        assert client.docmd("RCPT TO:<PostMaster>")[0] == 250
        assert client.data(message())[0] == 250
    (received,) = one.sink.wait_for(1)
    assert received.recipients == [f"postmaster@{HERE}"]


def test_a_subdomain_is_received_by_its_pattern(receiver):
    one = receiver(check=False)
    assert one.send(message(), recipient=f"bob@a.b.{HERE}")[0] == 250


def test_tls_is_offered_and_not_demanded_and_auth_is_not_offered(receiver, authority):
    one = receiver(check=False)
    with one.connect() as client:
        assert client.has_extn("starttls") and not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AG9mZmljZQBzZWNyZXQ=")[0] >= 500
        context = ssl.create_default_context(cafile=str(authority.file))
        client._host = "relay.example"
        client.starttls(context=context)
        client.ehlo(f"mx.{THERE}")
        assert one.send_on(client, message())[0] == 250
    (received,) = one.sink.wait_for(1)
    assert " with ESMTPS id " in received.field("Received")


def test_a_client_in_a_connectors_network_is_a_stranger_there(receiver):
    one = receiver(check=False)
    one.relay.add_account()
    one.relay.add_connector(user="", network=["127.0.0.0/8"])
    code, text = one.send(message(), recipient="victim@elsewhere.example")
    assert (code, text.split()[0]) == (550, "5.7.1")


def test_one_client_is_limited(receiver):
    one = receiver({"limits": {"received_message_rate": "2/h, burst 2"}}, check=False)
    replies = [one.send(message()) for _ in range(3)]
    assert [code for code, _ in replies] == [250, 250, 451]
    assert "4.7.1" in replies[2][1] and "retry in" in replies[2][1]


def test_form_is_not_judged_but_loops_are(receiver):
    one = receiver({"limits": {"max_received": 5}}, check=False)
    for fine in (b"Subject: no author\r\n\r\nHi\r\n", b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nHi\r\n", b"\r\nHi\r\n"):
        assert one.deliver(fine).content.endswith(fine)
    assert "Message-ID" not in one.sink.messages()[0].content.decode()
    code, text = one.send(b"Received: x\r\n" * 6 + message())
    assert (code, text.split()[0]) == (554, "5.4.6")
    code, text = one.send(b"no field at all\r\n\r\nHi\r\n")
    assert (code, text.split()[0]) == (550, "5.6.0")


# ── Reports about failures ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("record, reported", [(SPF_PASS, True), (SPF_FAIL, False), ("", False)])
def test_a_failure_is_reported_to_proven_senders_alone(record, reported, receiver):
    one = receiver()
    one.publish(record)
    one.relay.receive_mail_of(THERE)
    one.sink.behave(RCPT={BOB: "550 5.1.1 no such user"})
    with Sink(one.relay.folder / "home", port=one.relay.mx_port) as home:
        assert one.send(message())[0] == 250
        one.relay.wait_logged(" failed ")
        one.relay.wait_queue_empty()
        if reported:
            (report,) = home.wait_for(1)
            assert (report.reverse_path, report.recipients) == ("", [ALICE])
        assert home.count() == int(reported)
        assert one.send(message(), sender="")[0] == 250
        wait_until(lambda: one.relay.log_text().count(" failed ") == 2, "the second failure")
        one.relay.wait_queue_empty()
        assert home.count() == int(reported)


# ── Verdicts and actions ──────────────────────────────────────────────────────────────────────────────────────────

TEMPERROR = "temperror"


def provoke(one: Receiver, method: str, verdict: str) -> tuple[bytes, str]:
    """Arranges for the verdict; the message and its sender."""
    zone, content = one.relay.zone, message()
    if method == "spf":
        records = {
            "pass": SPF_PASS, "fail": SPF_FAIL, "softfail": "v=spf1 ~all", "neutral": "v=spf1 ?all", "none": "",
            "permerror": "v=spf1 foo:bar", TEMPERROR: "",
        }  # fmt: skip
        one.publish(records[verdict])
        if verdict == TEMPERROR:
            zone.fail(THERE, "TXT", "servfail")
        return content, ALICE
    if method == "dkim":
        one.publish()
        if verdict == "none":
            return content, ALICE
        if verdict == "foreign":
            return one.sign(content, "mailer.example"), ALICE
        signed = one.sign(content)
        if verdict == "fail":
            signed += b"Added\r\n"
        if verdict == "policy":
            signed = signed.replace(b"a=rsa-sha256", b"a=rsa-sha1")
        if verdict == "neutral":
            signed = signed.replace(b"v=1;", b"v=2;", 1)
        if verdict in ("permerror", TEMPERROR):
            zone.remove(f"s1._domainkey.{THERE}")
        if verdict == TEMPERROR:
            zone.fail(f"s1._domainkey.{THERE}", "TXT", "timeout")
        return signed, ALICE
    dmarc = "" if verdict == "none" else "v=DMARC1; p=none"
    one.publish(SPF_PASS if verdict == "pass" else SPF_FAIL, "" if verdict == TEMPERROR else dmarc)
    if verdict == TEMPERROR:
        zone.fail(f"_dmarc.{THERE}", "TXT", "timeout")
    return (message(f"{ALICE}, eve@evil.example") if verdict == "permerror" else content), ALICE


VERDICTS = {
    "spf": ["pass", "fail", "softfail", "neutral", "none", "permerror", TEMPERROR],
    "dkim": ["pass", "foreign", "none", "fail", "policy", "neutral", "permerror", TEMPERROR],
    "dmarc": ["pass", "fail", "none", "permerror", TEMPERROR],
}
CODES = {
    ("spf", "permerror"): "5.7.24", ("spf", TEMPERROR): "4.7.24", ("dkim", "foreign"): "5.7.22",
    ("dkim", "policy"): "5.7.21", ("dkim", TEMPERROR): "4.7.20", ("dmarc", TEMPERROR): "4.7.26",
}  # fmt: skip
DEFAULT_CODES = {"spf": "5.7.23", "dkim": "5.7.20", "dmarc": "5.7.26"}
CASES = [(method, verdict) for method, verdicts in VERDICTS.items() for verdict in verdicts]


@pytest.mark.parametrize("method, verdict", CASES, ids=lambda one: one)
def test_each_verdict_leads_to_each_action(method, verdict, receiver):
    actions = ["record", "tag"]
    if verdict != "pass":
        actions += ["quarantine", "defer" if verdict == TEMPERROR else "reject"]
    one = receiver(start=False)
    content, sender = provoke(one, method, verdict)
    listener = one.relay.sections["listener"][-1]
    listener.pop("check")
    others = {f"{m}.{v}": "record" for m, v in [*CASES, ("dkim", "foreign")] if m != method}
    ports = {
        action: one.relay.add_listener(
            relay_domains=[HERE], check=True, name=action, **{**others, f"{method}.{verdict}": action}
        )
        for action in actions
    }
    one.relay.start()
    shown = "pass" if verdict == "foreign" else verdict
    for count, action in enumerate(actions, 1):
        one.port = ports[action]
        if action in ("reject", "defer"):
            code, text = one.send(content, sender)
            enhanced = CODES.get((method, verdict), DEFAULT_CODES[method])
            assert (code, text.split()[0]) == (451 if action == "defer" else 550, enhanced), text
        else:
            received = one.deliver(content, sender)
            if action == "record":
                assert b"Authentication-Results" not in received.content
            else:
                assert results(received) == {method: shown}
            assert (received.field("X-Quarantine") == f"{method}={verdict}") == (action == "quarantine")
            spf = received.field("Received-SPF")
            assert (spf is None) == (method != "spf" or action == "record")
            assert spf is None or spf.lower().startswith(verdict)
        line = one.checked(count)
        assert f"action={action}" in line and " id=" in line, line
        assert re.search(rf' {method}="?{verdict}\b', line), line


@pytest.mark.parametrize(
    "record, outcome",
    [("p=reject", "reject"), ("p=quarantine", "quarantine"), ("p=none", "tag"), ("p=reject; t=y", "quarantine"),
     ("p=none; sp=reject", "tag")],
)  # fmt: skip
def test_dmarc_follows_the_owner_by_default(record, outcome, receiver):
    one = receiver()
    one.publish(SPF_FAIL, f"v=DMARC1; {record}")
    if outcome == "reject":
        code, text = one.send(message())
        assert (code, text.split()[0]) == (550, "5.7.26"), text
        assert one.sink.count() == 0
    else:
        received = one.deliver(message())
        assert results(received)["dmarc"] == "fail"
        assert (received.field("X-Quarantine") == "dmarc=fail") == (outcome == "quarantine")


def test_an_aligned_signature_by_dkimpy_passes_dmarc_though_spf_fails(receiver):
    one = receiver()
    one.publish(SPF_FAIL, "v=DMARC1; p=reject")
    received = one.deliver(one.sign(message()))
    assert results(received) == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}


def test_another_library_reads_the_field(receiver):
    authres = pytest.importorskip("authres")
    one = receiver()
    one.publish(SPF_FAIL, "v=DMARC1; p=none")
    received = one.deliver(one.sign(message(), "mailer.example"), f'"a;b (c)"@{THERE}')
    field = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {received.field('Authentication-Results')}")
    assert field.authserv_id == "relay.example"
    found = {result.method: result for result in reversed(field.results)}
    assert [(name, found[name].result) for name in ("spf", "dkim", "dmarc")] == [
        ("spf", "fail"), ("dkim", "pass"), ("dmarc", "fail"),
    ]  # fmt: skip
    assert {one.name: one.value for one in found["dkim"].properties}["d"] == "mailer.example"


def test_several_failures_are_one_refusal(receiver):
    one = receiver(**{"spf.fail": "reject", "dkim.none": "reject"})
    one.publish(SPF_FAIL + " exp=why.outside.example")
    one.relay.zone.add_txt("why.outside.example", "Ask %{d}.")
    code, text = one.send(message())
    assert (code, text.split()[0]) == (550, "5.7.26"), text
    assert f"The domain {THERE} explains: Ask {THERE}." in text
    assert "no DKIM signature that passes" in text


def test_fields_in_our_name_are_removed_on_every_listener(receiver, authority):
    one = receiver()
    one.publish()
    forged = (
        "Authentication-Results: relay.example; dmarc=pass header.from=bank.example\r\n"
        "authentication-results :\r\n\tRELAY.example.\r\n\t; spf=pass\r\n"
        "Authentication-Results: friend.example; dkim=pass header.d=friend.example\r\n"
        "X-Quarantine: no\r\nx-quarantine: never\r\n"
    )
    sent = message(extra=forged)
    received = one.deliver(sent)
    assert results(received) == {"spf": "pass", "dkim": "none", "dmarc": "none"}
    assert b"friend.example; dkim=pass" in received.content
    assert b"bank.example" not in received.content and b"uarantine" not in received.content

    one.relay.receive_mail_of(RECIPIENT_DOMAIN)
    one.relay.add_account()
    one.relay.add_connector()
    one.relay.add_domain(SENDER_DOMAIN)
    with Sink(one.relay.folder / "elsewhere", port=one.relay.mx_port) as sink:
        outcome = Smtplib().send(submission(one.relay, authority, one.relay.folder), message(SENDER, extra=forged))
        assert outcome.sent, outcome.said
        (submitted,) = sink.wait_for(1)
    found = [field for field in submitted.fields() if field.lower().startswith("authentication-results")]
    assert len(found) == 1 and "friend.example" in found[0]
    assert b"uarantine" not in submitted.content


def test_a_listener_with_a_login_checks_for_its_clients(receiver, authority):
    """What others would see of the customer's own server, before the relay signs."""
    one = receiver(start=False)
    one.relay.sections["listener"][0].update({"check": True, "spf.softfail": "record"})
    one.relay.write_config()
    one.relay.start()
    one.relay.receive_mail_of(RECIPIENT_DOMAIN)
    one.relay.add_account()
    one.relay.add_connector()
    one.relay.add_domain(SENDER_DOMAIN)
    one.publish("v=spf1 ~all", "v=DMARC1; p=none", SENDER_DOMAIN)
    with Sink(one.relay.folder / "elsewhere", port=one.relay.mx_port) as sink:
        outcome = Smtplib().send(submission(one.relay, authority, one.relay.folder), message(SENDER))
        assert outcome.sent, outcome.said
        (submitted,) = sink.wait_for(1)
    assert results(submitted) == {"dkim": "none", "dmarc": "fail"}
    assert is_signed_by(submitted.content, one.relay.zone, SENDER_DOMAIN)


def test_a_message_above_memory_is_checked_as_well(receiver):
    one = receiver({"limits": {"max_memory_message_octets": 10_000}})
    one.publish(SPF_FAIL, "v=DMARC1; p=reject")
    body = "".join(f"line {n} of a long message that goes to a file\r\n" for n in range(40_000))
    received = one.deliver(one.sign(message(body=body)))
    assert len(received.content) > 1_500_000
    assert results(received) == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}
    code, text = one.send(one.sign(message(body=body)) + b"one line more\r\n")
    assert (code, text.split()[0]) == (550, "5.7.26"), text


def test_the_deadline_ends_the_wait_and_other_clients_go_on(receiver, folder):
    """A resolver that never answers: the reply comes at the deadline, as a temperror."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        one = receiver(
            {"checks": {"deadline": "2s"}}, start=False, **{"spf.temperror": "defer"}
        )
        one.relay.sections["dns"] = {"servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "timeout": "30s", "tries": 1}
        one.relay.sections["relay"]["loops"] = 1
        one.relay.write_config()
        one.relay.start()
        with one.connect() as client, one.connect() as other:
            client.mail(ALICE)
            client.rcpt(BOB)
            client.putcmd("DATA")
            assert client.getreply()[0] == 354
            client.send(message() + b".\r\n")
            started = time.monotonic()
            assert other.noop()[0] == 250
            assert time.monotonic() - started < 1
            code, text = client.getreply()
            waited = time.monotonic() - started
        assert (code, text.split()[0]) == (451, b"4.7.24"), text
        assert 1.5 < waited < 8, waited


@need_nsd
def test_through_a_real_name_server(receiver, running, folder):
    records = f'outside TXT "{SPF_FAIL}"\n_dmarc.outside TXT "v=DMARC1; p=reject"\nfine.outside TXT "{SPF_PASS}"'
    name_server = running(Nsd(folder / "nsd", "example", records))
    one = receiver(start=False)
    one.relay.sections["dns"] = {"servers": [f"127.0.0.1:{name_server.port}"], "timeout": "2s", "tries": 1}
    one.relay.write_config()
    one.relay.start()
    code, text = one.send(message())
    assert (code, text.split()[0]) == (550, "5.7.26"), text
    fine = f"alice@fine.{THERE}"
    assert results(one.deliver(message(fine), fine)) == {"spf": "pass", "dkim": "none", "dmarc": "pass"}


# ── libspf2, in a process of its own ──────────────────────────────────────────────────────────────────────────────

LIBSPF2 = BUILD / "lib" / "spf2" / "libsendconn-spf2.so"
MISBEHAVING = BUILD / "tests" / "relay" / "libmisbehaving-spf.so"
need_libspf2 = pytest.mark.skipif(not LIBSPF2.exists(), reason="the module of libspf2 is not built")


def with_libspf2(receiver, module, deadline="10s", **listener):
    checks = {"spf_engine": "libspf2", "spf_module": module, "deadline": deadline}
    return receiver({"checks": checks, "relay": {"loops": 1}}, start=False, **listener)


def other_address() -> str:
    """An address of this machine besides loopback's, which libspf2 lets pass unasked. Nothing leaves the machine: a
    datagram socket that is connected has sent nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        return probe.getsockname()[0]


def helper_of(one: Receiver) -> int:
    """The process id of the helper that was started last."""
    one.relay.wait_logged("spf-helper-started")
    return int(re.findall(r"spf-helper-started pid=(\d+)", one.relay.log_text())[-1])


def pass_again(one: Receiver, seconds: float = 20):
    """SPF is checked again, once the pause after a failure is over."""

    def passes():
        return results(one.deliver(message()))["spf"] == "pass"

    wait_until(passes, "SPF to be checked again", seconds)


@need_libspf2
def test_libspf2_checks_as_our_own_engine_does(receiver):
    address = other_address()
    one = with_libspf2(receiver, LIBSPF2, source=address, **{"spf.fail": "reject"})
    one.publish("v=spf1 include:_spf.outside.example -all")
    one.relay.zone.add_txt("_spf.outside.example", f"v=spf1 ip4:{address} -all")
    one.publish("v=spf1 ip4:198.51.100.1 -all", domain="bad.example")
    one.relay.start()
    assert results(one.deliver(message()))["spf"] == "pass"
    code, text = one.send(message(), sender="eve@bad.example")
    assert (code, text.split()[0]) == (550, "5.7.23"), text
    # Nothing of the relay's is open there: no socket of a client, no file of the spool.
    assert sorted(os.listdir(f"/proc/{helper_of(one)}/fd")) == ["0", "1", "2"]


@need_libspf2
def test_a_killed_helper_is_a_temperror_and_started_anew(receiver):
    """Killed in the middle of a check: the answer of the DNS is still to come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        one = with_libspf2(receiver, LIBSPF2, deadline="3s", source=other_address(), **{"spf.temperror": "defer"})
        one.relay.sections["dns"] = {"servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "timeout": "30s", "tries": 1}
        one.relay.write_config()
        one.relay.start()
        first = helper_of(one)
        with one.connect() as client:
            client.mail(ALICE)
            client.rcpt(BOB)
            os.kill(first, signal.SIGKILL)
            code, text = client.data(message())
        assert (code, text.split()[0]) == (451, b"4.7.24"), text
        assert b"broke off" in text
        # The next one has a helper again: it waits for the DNS, whatever comes of that.
        wait_until(
            lambda: b"broke off" not in one.send(message())[1].encode() and helper_of(one) != first, "a new helper", 30
        )
    assert one.relay.process.running()


@pytest.mark.parametrize("how", ["abort", "hang", "garbage", "late"])
def test_whatever_the_helper_does_the_relay_goes_on(how, receiver):
    if not MISBEHAVING.exists():
        pytest.skip("the module that misbehaves is not built")
    one = with_libspf2(receiver, MISBEHAVING)
    one.relay.start()
    pass_again(one)
    first = helper_of(one)
    started = time.monotonic()
    received = one.deliver(message(f"{how}@{THERE}"), f"{how}@{THERE}")
    assert time.monotonic() - started < 5
    assert results(received)["spf"] == "temperror"
    assert received.field("Received-SPF").lower().startswith("temperror")
    assert "broke off" in one.checked(one.relay.log_text().count(" info checked "))
    one.relay.wait_logged("spf-helper-failed")
    pass_again(one)
    assert helper_of(one) != first
    assert one.relay.process.running()


def test_a_relay_without_the_module_says_so(receiver, folder):
    one = with_libspf2(receiver, folder / "missing.so")
    run = subprocess.run([RELAY, "--config", one.relay.config, "--check-config"], capture_output=True, text=True)
    assert run.returncode == 1 and "missing.so" in run.stderr, run


# ── The guide ─────────────────────────────────────────────────────────────────────────────────────────────────────

GUIDE = (ROOT / "docs/receiving.md").read_text(encoding="utf-8")


blocks = blocks_of(GUIDE)


def guide_config(folder, block: str, port: int, sink_port: int = 25) -> str:
    """A configuration of the guide on loopback ports."""
    for old, new in [
        ("0.0.0.0:25", f"127.0.0.1:{port}"), ("192.0.2.25", "127.0.0.1"), ("port = 25", f"port = {sink_port}"),
        ('hostname = "mx.example.org"', f'hostname = "mx.example.org"\nstate_folder = "{folder}/state"'),
    ]:  # fmt: skip
        assert old in block or old == "port = 25", old
        block = block.replace(old, new)
    return block + f'\n[dns]\nzone_file = "{folder}/guide.zone"\n'


@pytest.mark.parametrize("number", range(len(blocks("toml"))))
def test_the_configurations_of_the_guide_are_good(number, folder):
    (folder / "guide.zone").write_text(blocks("zone")[0])
    (folder / "guide.toml").write_text(guide_config(folder, blocks("toml")[number], free_port()))
    run = subprocess.run([RELAY, "--config", folder / "guide.toml", "--check-config"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_what_arrives_is_what_the_guide_shows(make_sink, running, folder):
    sink, port = make_sink(), free_port()
    (folder / "guide.zone").write_text(blocks("zone")[0])
    (folder / "guide.toml").write_text(guide_config(folder, blocks("toml")[0], port, sink.port))
    relay = Process([RELAY, "--config", folder / "guide.toml"], folder / "relay.log")
    try:
        relay.wait_listening(port)
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.ehlo("mail.sender.example")
            client.sendmail("ada@sender.example", ["bob@example.org"], message("ada@sender.example"))
        (received,) = sink.wait_for(1)
    finally:
        relay.stop()
    assert received.content.decode().partition("Received:")[0].replace("\r\n", "\n") == blocks("text")[0]
