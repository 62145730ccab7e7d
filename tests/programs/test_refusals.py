"""Each refusal, by each kind of client: the code, and that nothing is delivered.

docs/refusals.md is made from the tables below and from the code (scripts/make_refusals.py).
"""

import smtplib
import ssl
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, prepare
from harness.clients import CLIENTS
from harness.relay import PASSWORD, ROOT
from test_clients import submission


def message(sender: str = SENDER, octets: int = 100, recipient: str = RECIPIENT) -> bytes:
    lines = ("x" * 78 + "\r\n") * (octets // 80 + 1)
    return f"From: {sender}\r\nTo: {recipient}\r\nSubject: x\r\n\r\n{lines}".encode()


@dataclass
class Refusal:
    name: str
    code: int
    enhanced: str
    advice: str  # what the page of refusals says to do
    job: dict = field(default_factory=dict)  # what the client does otherwise than a good one
    message: bytes = field(default_factory=message)
    settings: dict = field(default_factory=dict)  # of the relay
    connector: dict = field(default_factory=dict)
    pending: str = ""  # a domain that is added but not verified
    accepted_before: int = 0  # messages that are fine


FEW = [f"r{n}@{RECIPIENT_DOMAIN}" for n in range(3)]

REFUSALS = [
    Refusal(
        "wrong password", 535, "5.7.8",
        "check user name and password; `sendconn connector passwd` sets a new one",
        job={"password": "not the password"},
    ),
    Refusal(
        "MAIL before STARTTLS", 530, "5.7.0",
        "turn TLS on in the client: STARTTLS on port 587, or TLS from the start on port 465",
        job={"tls": "none", "user": ""},
    ),
    Refusal(
        "MAIL before AUTH", 530, "5.7.0",
        "give the client the connector's login, or the connector the client's network (`--network`)",
        job={"user": ""},
    ),
    Refusal(
        "foreign reverse-path", 550, "5.7.1",
        "add the domain to the account, publish the record it shows, verify it",
        job={"sender": "a@bank.example"}, message=message("a@bank.example"),
    ),
    Refusal(
        "reverse-path of an unverified domain", 550, "5.7.1",
        "publish the TXT record that the reply names, then `sendconn domain verify`",
        job={"sender": "a@pending.example"}, message=message("a@pending.example"), pending="pending.example",
    ),
    Refusal(
        "reverse-path of a subdomain", 550, "5.7.1",
        "each subdomain stands on its own: add and verify it",
        job={"sender": f"a@sub.{SENDER_DOMAIN}"},
    ),
    Refusal(
        "foreign From", 550, "5.7.1",
        "the From field needs the same right as the reverse-path; the reply comes after the message",
        message=message("ceo@bank.example"),
    ),
    Refusal(
        "over the rate of messages", 451, "4.7.1",
        "wait as long as the reply says; clients do so by themselves",
        connector={"rate": "1/h, burst 1"}, accepted_before=1,
    ),
    Refusal(
        "over the rate of recipients", 450, "4.7.1",
        "as above, for the recipients that were refused",
        connector={"recipient_rate": "2/h, burst 2"}, job={"recipients": FEW},
    ),
    Refusal(
        "message too large", 552, "5.3.4",
        "send less, or raise `max_message_octets`",
        message=message(octets=50_000),
        settings={"limits": {"max_message_octets": 20_000, "max_memory_message_octets": 10_000}},
    ),
    Refusal(
        "too many recipients", 452, "4.5.3",
        "send the rest in another transaction; servers do so by themselves",
        job={"recipients": FEW}, settings={"limits": {"max_recipients": 2}},
    ),
    Refusal(
        "disk full", 452, "4.3.1",
        "make room on the spool's disk; the relay takes mail again by itself",
        settings={"spool": {"min_free_octets": "1000 TiB"}},
    ),
]  # fmt: skip

# Provoked otherwise than by what a client sends, each by a test of its own below.
OTHERS = [
    Refusal(
        "AUTH without TLS", 538, "5.7.11",
        "turn TLS on in the client; AUTH is not offered before",
    ),
    Refusal(
        "a recipient's domain with a null MX (in the bounce)", 556, "5.1.10",
        "the domain takes no mail at all (RFC 7505): take the address off the list",
    ),
]  # fmt: skip

# Clients that know what to do, so that no refusal shows: what stands in their log instead.
COPES = {
    # Postfix reads SIZE in the reply to EHLO and does not even begin.
    ("message too large", "Postfix"): "exceeds size limit 20000 of server",
    # Exim sends the rest in a second transaction, as 452 4.5.3 asks it to.
    ("too many recipients", "Exim"): f"=> {FEW[2]}",
}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda one: one.name)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.name.replace(" ", "_"))
def test_a_client_is_told(refusal, client, make_relay, make_sink, authority, folder):
    if client.missing():
        pytest.skip(client.missing())
    relay = prepare(make_relay(settings=refusal.settings), **refusal.connector)
    sink = make_sink(port=relay.mx_port)
    if refusal.pending:
        relay.add_domain(refusal.pending, verify=False, key="")
    for _ in range(refusal.accepted_before):
        outcome = client.send(submission(relay, authority, folder), message())
        assert outcome.sent, outcome.said
    outcome = client.send(submission(relay, authority, folder, **refusal.job), refusal.message)
    copes = COPES.get((refusal.name, client.name))
    if copes:
        assert copes in outcome.said, outcome.said
    else:
        assert outcome.has_reply(refusal.code, refusal.enhanced), outcome.said
        # swaks takes a message for sent once one of its recipients was accepted.
        assert not outcome.sent or (client.name == "swaks" and len(refusal.job.get("recipients", [])) > 1), outcome.said
    relay.wait_queue_empty()
    delivered = sorted(one for message in sink.messages() for one in message.recipients)
    assert delivered[: refusal.accepted_before] == [RECIPIENT] * refusal.accepted_before
    # Recipients that were accepted before a refused one get the message from clients that go on.
    more = delivered[refusal.accepted_before :]
    assert more in ([], FEW[:2], FEW if copes else []), more
    assert PASSWORD not in relay.log_text()


@pytest.fixture
def session(relay_ready, authority):
    """A plain connection to the STARTTLS listener, greeted and EHLO said."""
    with smtplib.SMTP("127.0.0.1", relay_ready.port, timeout=30) as client:
        client.ehlo("client.example")
        yield client


def test_auth_without_tls_is_not_offered_and_refused(session):
    assert not session.has_extn("auth")
    code, text = session.docmd("AUTH", "PLAIN AG9mZmljZQBzZWNyZXQ=")
    row = OTHERS[0]
    assert (code, text.partition(b" ")[0].decode()) == (row.code, row.enhanced)


def test_a_refusal_names_the_domain_the_right_and_the_record(session, relay_ready, authority):
    added = relay_ready.add_domain("pending.example", verify=False, key="")
    context = ssl.create_default_context(cafile=str(authority.file))
    session._host = "relay.example"
    session.starttls(context=context)
    session.ehlo("client.example")
    session.login("office", PASSWORD)
    code, text = session.mail("a@pending.example")
    said = text.decode()
    assert code == 550
    assert "5.7.1" in said and "pending.example" in said
    record = added["records"][0]
    assert record["name"] in said and record["text"].partition("=")[2] in said


def test_a_limited_client_that_waits_as_told_succeeds(make_relay, make_sink, authority, folder):
    import re
    import time

    relay = prepare(make_relay(), rate="1/s, burst 1")
    make_sink(port=relay.mx_port)
    client = next(one for one in CLIENTS if one.name == "smtplib")
    job = submission(relay, authority, folder)
    limited = 0
    deadline = time.monotonic() + 60
    while not limited and time.monotonic() < deadline:
        outcome = client.send(job, message())
        if outcome.sent:
            continue
        assert outcome.has_reply(451, "4.7.1"), outcome.said
        limited += 1
        seconds = int(re.search(r"retry in (\d+) s", outcome.said)[1])
        time.sleep(seconds)  # what the reply asks for is what is tested
        assert client.send(job, message()).sent
    assert limited, "the limit was never reached"


def test_null_mx_comes_back_as_a_bounce(relay_ready, make_sink, authority, folder):
    relay_ready.zone.add("nullmx.example", "MX", "0 .")
    relay_ready.receive_mail_of(SENDER_DOMAIN)
    sink = make_sink(port=relay_ready.mx_port)
    client = next(one for one in CLIENTS if one.name == "smtplib")
    outcome = client.send(submission(relay_ready, authority, folder, recipients=["x@nullmx.example"]), message())
    assert outcome.sent, outcome.said
    (bounce,) = sink.wait_for(1)
    assert (bounce.reverse_path, bounce.recipients) == ("", [SENDER])
    row = OTHERS[1]
    assert f"Status: {row.enhanced}".encode() in bounce.content
    assert f"{row.code} {row.enhanced}".encode() in bounce.content
    relay_ready.wait_queue_empty()


def test_the_page_of_refusals_is_what_the_code_says():
    page = ROOT / "docs" / "refusals.md"
    run = subprocess.run([sys.executable, ROOT / "scripts" / "make_refusals.py", "--print"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert page.read_text() == run.stdout, "run scripts/make_refusals.py"
