"""What the relay delivers, and to whom: Postfix, Exim and aiosmtpd, over TLS and plain; retries, bounces, smarthosts."""

import re
from pathlib import Path

import pytest

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN, need_exim, need_postfix, prepare
from harness import exim, postfix
from harness.clients import Smtplib
from harness.dkim_check import is_signed_by
from harness.relay import PASSWORD, sanitized
from harness.process import wait_until
from test_clients import MESSAGE, submission


def send(relay, authority, folder, message: bytes = MESSAGE, **changes):
    outcome = Smtplib().send(submission(relay, authority, folder, **changes), message)
    assert outcome.sent, outcome.said


def as_sent(stored: bytes) -> bytes:
    """A maildir has LF; and the receiver's own fields in front do no harm to a signature."""
    return re.sub(rb"\r?\n", b"\r\n", stored)


@pytest.mark.parametrize("tls", ["tls", "plain"])
@pytest.mark.parametrize(
    "module", [pytest.param(postfix, marks=need_postfix, id="Postfix"), pytest.param(exim, marks=need_exim, id="Exim")]
)
def test_a_mail_server_takes_what_is_delivered(
    module, tls, relay_ready, running, sink_certificate, authority, folder
):
    certificate = sink_certificate if tls == "tls" else None
    server = running(module.receiver(folder / "server", relay_ready.mx_port, certificate=certificate))
    send(relay_ready, authority, folder)
    (stored,) = wait_until(lambda: module.inbox(folder / "server"), "the message", 30)
    assert is_signed_by(as_sent(stored), relay_ready.zone, SENDER_DOMAIN)
    assert as_sent(stored).endswith(MESSAGE.partition(b"\r\n\r\n")[2])
    received = re.search(rb"^Received:(.*?\r\n)(?=\S)", as_sent(stored), re.DOTALL | re.MULTILINE)[1]
    assert (b"TLS" in received or b"esmtps" in received) == (tls == "tls"), received
    relay_ready.wait_queue_empty()
    assert server.process.running()


@pytest.mark.parametrize("tls", ["tls", "plain"])
def test_aiosmtpd_takes_what_is_delivered(tls, relay_ready, make_sink, sink_certificate, authority, folder):
    sink = make_sink(port=relay_ready.mx_port, certificate=sink_certificate if tls == "tls" else None)
    send(relay_ready, authority, folder)
    (message,) = sink.wait_for(1)
    assert bool(message.tls) == (tls == "tls")
    assert is_signed_by(message.content, relay_ready.zone, SENDER_DOMAIN)
    assert message.hello == "relay.example"


def test_a_smarthost_is_logged_in_to_over_checked_tls(make_relay, make_sink, authority, sink_certificate, folder):
    sink = make_sink(certificate=sink_certificate, require_tls=True, login="us:their secret")
    password = folder / "smarthost-password"
    password.write_text("their secret\n")
    password.chmod(0o600)
    route = {
        "domains": ["*"],
        "host": f"mx.{RECIPIENT_DOMAIN}",
        "port": sink.port,
        "tls": "required",
        "authorities_file": authority.file,
        "user": "us",
        "password_file": password,
    }
    relay = prepare(make_relay(settings={"route": [route]}))
    send(relay, authority, folder)
    (message,) = sink.wait_for(1)
    assert message.user == "us" and message.tls
    assert "their secret" not in relay.log_text()


def test_a_smarthost_with_a_wrong_certificate_gets_nothing(make_relay, make_sink, authority, folder):
    sink = make_sink(certificate=authority.issue("somebody-else.example"))
    route = {
        "domains": ["*"],
        "host": f"mx.{RECIPIENT_DOMAIN}",
        "port": sink.port,
        "tls": "required",
        "authorities_file": authority.file,
    }
    relay = prepare(make_relay(settings={"route": [route]}))
    send(relay, authority, folder)
    wait_until(lambda: any(one["recipients"][0]["attempts"] for one in relay.queue()), "the first attempt")
    assert sink.count() == 0


def test_a_refused_recipient_bounces_and_the_others_get_theirs(relay_ready, sink_ready, authority, folder):
    relay_ready.receive_mail_of(SENDER_DOMAIN)
    sink_ready.behave(RCPT={f"nobody@{RECIPIENT_DOMAIN}": "550 5.1.1 Nobody of that name"})
    send(relay_ready, authority, folder, recipients=[RECIPIENT, f"nobody@{RECIPIENT_DOMAIN}"])
    messages = sink_ready.wait_for(2)
    bounce = next(one for one in messages if not one.reverse_path)
    mail = next(one for one in messages if one.reverse_path)
    assert mail.recipients == [RECIPIENT]
    assert bounce.recipients == [SENDER]
    # RFC 3464: a report a program can read, about this recipient and not the other.
    assert bounce.field("Content-Type").startswith("multipart/report")
    assert b"Final-Recipient: rfc822; nobody@" in bounce.content.replace(b"rfc822;nobody", b"rfc822; nobody")
    assert b"Status: 5.1.1" in bounce.content
    assert b"Action: failed" in bounce.content
    assert b"Nobody of that name" in bounce.content
    assert f"Final-Recipient: rfc822; {RECIPIENT}".encode() not in bounce.content
    relay_ready.wait_queue_empty()


def test_a_bounce_of_a_null_reverse_path_is_never_made(relay_ready, sink_ready, authority, folder):
    relay_ready.receive_mail_of(SENDER_DOMAIN)
    sink_ready.behave(RCPT={RECIPIENT: "550 5.1.1 Nobody of that name"})
    send(relay_ready, authority, folder, sender="")
    relay_ready.wait_queue_empty()
    assert sink_ready.count() == 0


def test_a_temporary_refusal_is_tried_again(make_relay, make_sink, authority, folder):
    relay = prepare(make_relay(settings={"delivery": {"retry_waits": ["1s"], "retry_jitter_percent": 0}}))
    sink = make_sink(port=relay.mx_port)
    sink.behave(RCPT={RECIPIENT: "450 4.2.1 Later please"})
    send(relay, authority, folder)
    wait_until(
        lambda: any(one["recipients"][0]["attempts"] >= 2 for one in relay.queue()), "two attempts in vain", 30
    )
    assert sink.count() == 0
    sink.behave()
    sink.wait_for(1)
    relay.wait_queue_empty()


def test_what_waits_survives_a_restart(relay_ready, make_sink, authority, folder):
    send(relay_ready, authority, folder)  # nobody listens at the MX
    wait_until(lambda: any(one["recipients"][0]["attempts"] for one in relay_ready.queue()), "the first attempt")
    before = relay_ready.queue()
    assert relay_ready.stop() == 0
    relay_ready.start()
    after = relay_ready.queue()
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert after[0]["recipients"][0]["attempts"] == before[0]["recipients"][0]["attempts"]
    sink = make_sink(port=relay_ready.mx_port)
    relay_ready.cli("queue", "retry", "--all")
    (message,) = sink.wait_for(1)
    assert is_signed_by(message.content, relay_ready.zone, SENDER_DOMAIN)
    relay_ready.wait_queue_empty()


def test_eight_bits_that_the_next_hop_cannot_take_bounce(relay_ready, make_sink, authority, folder):
    relay_ready.receive_mail_of(SENDER_DOMAIN)
    sink = make_sink(port=relay_ready.mx_port, no_8bitmime=True)
    message = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: x\r\n\r\nGrüße\r\n".encode()
    with _session(relay_ready, authority) as client:
        client.sendmail(SENDER, [RECIPIENT], message, mail_options=["BODY=8BITMIME"])
    (bounce,) = sink.wait_for(1)
    assert bounce.reverse_path == "" and b"Status: 5.6.3" in bounce.content


def test_utf8_addresses_that_the_next_hop_cannot_take_bounce(relay_ready, make_sink, authority, folder):
    # The sender's server takes what the recipient's does not: the report names the recipient, so it needs SMTPUTF8 too.
    relay_ready.receive_mail_of(SENDER_DOMAIN, "127.0.0.2")
    recipients = make_sink(port=relay_ready.mx_port, no_smtputf8=True)
    senders = make_sink(port=relay_ready.mx_port, address="127.0.0.2")
    message = f"From: {SENDER}\r\nTo: grüße@{RECIPIENT_DOMAIN}\r\nSubject: x\r\n\r\nHi\r\n".encode()
    with _session(relay_ready, authority) as client:
        client.sendmail(SENDER, [f"grüße@{RECIPIENT_DOMAIN}"], message, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    (bounce,) = senders.wait_for(1)
    assert bounce.reverse_path == "" and b"Status: 5.6.7" in bounce.content
    relay_ready.wait_queue_empty()
    assert recipients.count() == 0


def test_missing_fields_are_added_and_bcc_is_removed(relay_ready, sink_ready, authority, folder):
    message = (
        f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nBcc: secret@{RECIPIENT_DOMAIN},\r\n other@{RECIPIENT_DOMAIN}\r\n"
        "Subject: x\r\n\r\nHi\r\n"
    ).encode()
    send(relay_ready, authority, folder, message)
    (delivered,) = sink_ready.wait_for(1)
    assert delivered.field("Date") and delivered.field("Message-ID")
    assert delivered.field("Bcc") is None and b"secret@" not in delivered.content
    assert is_signed_by(delivered.content, relay_ready.zone, SENDER_DOMAIN)


@pytest.mark.parametrize(
    "header, code",
    [
        (f"From: {SENDER}\r\nFrom: {SENDER}\r\n", b"5."),
        ("Subject: no author\r\n", b"5."),
        (f"From: {SENDER}, ceo@bank.example\r\n", b"5.7.1"),
        (f"From: {SENDER}\r\nSender: ceo@bank.example\r\n", b"5.7.1"),
        (f"From: {SENDER}\r\nResent-From: ceo@bank.example\r\n", b"5.7.1"),
        ("From: undisclosed:;\r\n", b"5."),
    ],
)
def test_a_message_that_deceives_about_its_author_is_refused(header, code, relay_ready, sink_ready, authority):
    with _session(relay_ready, authority) as client:
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        reply, text = client.data(f"{header}To: {RECIPIENT}\r\n\r\nHi\r\n".encode())
    assert reply in (550, 554) and text.startswith(code), text
    assert sink_ready.count() == 0


def test_an_mx_at_a_private_address_gets_nothing_unless_allowed(make_relay, make_sink, authority, folder):
    relay = prepare(make_relay(settings={"delivery": {"allowed_special": []}}))
    relay.receive_mail_of(SENDER_DOMAIN)
    sink = make_sink(port=relay.mx_port)
    send(relay, authority, folder)
    wait_until(lambda: RECIPIENT in relay.log_text(), "the attempt in the log")
    assert sink.count() == 0


def test_a_revoked_domain_sends_no_more(relay_ready, sink_ready, authority, folder):
    send(relay_ready, authority, folder)
    sink_ready.wait_for(1)
    relay_ready.zone.remove(f"_sendconn-challenge.{SENDER_DOMAIN}")
    with pytest.raises(Exception, match=SENDER_DOMAIN):
        relay_ready.cli("domain", "verify", SENDER_DOMAIN)
    outcome = Smtplib().send(submission(relay_ready, authority, folder), MESSAGE)
    assert not outcome.sent and outcome.has_reply(550, "5.7.1"), outcome.said


def test_a_message_of_50_megabytes_streams_through(relay_ready, sink_ready, authority, folder):
    line = b"x" * 76 + b"\r\n"
    body = line * (50_000_000 // len(line))
    message = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: large\r\n\r\n".encode() + body
    send(relay_ready, authority, folder)
    sink_ready.wait_for(1)
    before = _peak_octets(relay_ready.process.pid)
    send(relay_ready, authority, folder, message)
    delivered = sink_ready.wait_for(2, seconds=120)[1]
    relay_ready.wait_queue_empty()
    grown = _peak_octets(relay_ready.process.pid) - before
    assert delivered.body == body
    assert is_signed_by(delivered.content, relay_ready.zone, SENDER_DOMAIN)
    if sanitized():
        pytest.skip("delivered; its memory is not measured, since a sanitizer keeps what was freed")
    assert grown < 4_000_000, f"the relay's memory grew by {grown} octets"


def _peak_octets(pid: int) -> int:
    """The most that was ever resident."""
    status = Path("/proc", str(pid), "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def _session(relay, authority):
    import smtplib
    import ssl

    client = smtplib.SMTP("127.0.0.1", relay.port, timeout=60)
    client._host = "relay.example"
    client.ehlo("client.example")
    client.starttls(context=ssl.create_default_context(cafile=str(authority.file)))
    client.ehlo("client.example")
    client.login("office", PASSWORD)
    return client
