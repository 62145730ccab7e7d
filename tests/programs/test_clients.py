"""Real clients deliver through the relay: each with each of its mechanisms, over STARTTLS and over implicit TLS."""

import pytest

from conftest import RECIPIENT, SENDER, SENDER_DOMAIN
from harness.clients import CLIENTS, Submission, gsasl_login
from harness.dkim_check import is_signed_by
from harness.relay import PASSWORD

# A lone dot, lines that begin with dots, a long line, and no line end but CRLF.
MESSAGE = "\r\n".join(
    [
        f"From: Ada <{SENDER}>",
        f"To: {RECIPIENT}",
        "Subject: a subject that is folded",
        "\tover two lines",
        "Date: Sun, 22 Nov 2026 15:00:00 +0000",
        f"Message-ID: <first@{SENDER_DOMAIN}>",
        "",
        "Hello",
        ".",
        "..two dots",
        "x" * 900,
        "",
    ]
).encode()

WAYS = [
    pytest.param(client, mechanism, mode, id=f"{client.name}-{mechanism}-{mode}")
    for client in CLIENTS
    for mechanism in client.mechanisms
    for mode in client.modes
]


def submission(relay, authority, folder, **changes) -> Submission:
    job = Submission(
        port=relay.tls_port if changes.get("tls") == "implicit" else relay.port,
        authorities=authority.file,
        folder=folder,
        user="office",
        password=PASSWORD,
        sender=SENDER,
        recipients=[RECIPIENT],
    )
    for name, value in changes.items():
        setattr(job, name, value)
    return job


@pytest.mark.parametrize("client, mechanism, mode", WAYS)
def test_a_client_delivers(client, mechanism, mode, relay_ready, sink_ready, authority, folder):
    if client.missing():
        pytest.skip(client.missing())
    job = submission(relay_ready, authority, folder, mechanism=mechanism, tls=mode)
    outcome = client.send(job, MESSAGE)
    assert outcome.sent, outcome.said
    (message,) = sink_ready.wait_for(1)
    assert (message.reverse_path, message.recipients) == (SENDER, [RECIPIENT])
    assert message.body == MESSAGE.partition(b"\r\n\r\n")[2]
    assert is_signed_by(message.content, relay_ready.zone, SENDER_DOMAIN)
    # RFC 3848: ESMTP, secured, authenticated.
    assert " with ESMTPSA " in message.field("Received")
    assert PASSWORD not in relay_ready.log_text()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_gsasl_logs_in(mechanism, relay_ready, authority, folder):
    outcome = gsasl_login(submission(relay_ready, authority, folder, mechanism=mechanism))
    assert outcome.has_reply(235, "2.7.0"), outcome.said


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_gsasl_is_refused_with_a_wrong_password(mechanism, relay_ready, authority, folder):
    outcome = gsasl_login(submission(relay_ready, authority, folder, mechanism=mechanism, password="wrong one"))
    assert outcome.has_reply(535, "5.7.8"), outcome.said


def test_a_client_without_extensions_delivers_from_its_network(make_relay, make_sink, folder):
    """HELO, no TLS, no AUTH: a device whose network stands for its login."""
    import smtplib

    from conftest import RECIPIENT_DOMAIN

    relay = make_relay(plaintext=True)
    relay.receive_mail_of(RECIPIENT_DOMAIN)
    relay.add_account()
    relay.add_connector(user="", network="127.0.0.0/8")
    relay.add_domain(SENDER_DOMAIN)
    sink = make_sink(port=relay.mx_port)
    with smtplib.SMTP("127.0.0.1", relay.plain_port) as client:
        client.helo("device.example")
        client.sendmail(SENDER, [RECIPIENT], MESSAGE)
    (message,) = sink.wait_for(1)
    assert " with SMTP " in message.field("Received")
    assert is_signed_by(message.content, relay.zone, SENDER_DOMAIN)
