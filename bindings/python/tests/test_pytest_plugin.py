"""sendconn.pytest_plugin: the server of its fixtures, against smtplib, Mailer and aio.Client."""

import asyncio
import email
import smtplib

import pytest

import sendconn
from sendconn import aio, smtp
from sendconn.mailer import Stage
from support import ENVELOPE, MESSAGE, ROOT

pytest_plugins = ["sendconn.pytest_plugin"]


def test_pytest_finds_the_plugin_of_the_installed_package():
    # By the module's own name, or naming it in pytest_plugins, too, would be an error.
    entry = '[project.entry-points.pytest11]\n"sendconn.pytest_plugin" = "sendconn.pytest_plugin"\n'
    assert entry in (ROOT / "pyproject.toml").read_text()


def test_the_fixture_keeps_what_smtplib_sends(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.send_message(email.message_from_bytes(MESSAGE))
    (message,) = smtp_server.wait_for(1)
    assert message.parse()["Subject"] == "Is dinner ready?" and message.tls == ""
    smtp_server.clear()
    assert smtp_server.messages == []
    with pytest.raises(TimeoutError):
        smtp_server.wait_for(1, timeout=0.01)


def test_the_fixture_has_tls_login_and_refusals(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.starttls(context=smtp_server.ssl_context)
        client.login(smtp_server.user, smtp_server.password)
        smtp_server.refusals["no@example.org"] = "550 5.1.1 nobody"
        refused = client.sendmail("a@example.org", ["no@example.org", "yes@example.org"], MESSAGE)
        assert refused == {"no@example.org": (550, b"5.1.1 nobody")}
        smtp_server.refusals["DATA"] = "451 4.3.0 later"
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("a@example.org", ["yes@example.org"], MESSAGE)
        smtp_server.refusals["MAIL"] = "550 5.7.1 no"
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@example.org", ["yes@example.org"], MESSAGE)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtplib.SMTP("localhost", smtp_server.port).login("user", "wrong")
    (message,) = smtp_server.messages
    assert message.user == smtp_server.user and message.tls == "TLSv1.3" and len(message.recipients) == 1


def test_opportunistic_tls_gives_a_password_to_nobody_unknown(smtp_server):
    async def by_client(**options):
        async with aio.Client("localhost", smtp_server.port, tls="opportunistic", **options) as client:
            return await client.send(MESSAGE, **ENVELOPE)

    def by_mailer(**options):
        mailer = sendconn.Mailer("localhost", smtp_server.port, tls="opportunistic", **options)
        return mailer.send(MESSAGE, **ENVELOPE)

    login = {"user": smtp_server.user, "password": smtp_server.password}
    trusted = {"authorities_file": smtp_server.authorities_file}
    for report in (asyncio.run(by_client()), by_mailer()):
        assert report.all_accepted and report.tls
    for report in (asyncio.run(by_client(**login)), by_mailer(**login)):
        assert report.failed_at is Stage.TLS and not report.all_accepted
    for report in (asyncio.run(by_client(ssl_context=smtp_server.ssl_context, **login)), by_mailer(**trusted, **login)):
        assert report.all_accepted
    assert [message.user for message in smtp_server.messages] == [None, None, "user", "user"]


def test_the_fixture_serves_a_mailer(make_smtp_server):
    server = make_smtp_server(options=smtp.ServerOptions(), user="ada", password="other")
    report = sendconn.Mailer(
        "localhost", server.port, authorities_file=server.authorities_file, user="ada", password="other"
    ).send(MESSAGE, **ENVELOPE)
    assert report.all_accepted and server.messages[0].user == "ada"
    implicit = make_smtp_server(implicit_tls=True)
    with smtplib.SMTP_SSL("localhost", implicit.port, context=implicit.ssl_context) as client:
        client.sendmail("a@example.org", ["b@example.org"], MESSAGE)
    assert implicit.messages[0].tls == "TLSv1.3"
