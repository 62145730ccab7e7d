"""sendconn.Mailer, against a server on loopback that says what a script says."""

import asyncio
import contextlib
import email.message
import io
import os
import signal
import socket
import threading

import pytest

import sendconn
from sendconn import dkim
from sendconn.mailer import Mailer
from support import MESSAGE, interruptible, key, key_zone  # noqa: F401


class Server:
    """Takes messages: each in `messages` as (reverse-path, recipients, octets). `replies` changes what it answers to a
    verb; None: it never answers."""

    def __init__(self, **replies):
        self.replies = replies
        self.messages = []
        self.waits = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._connections = []

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else accept() goes on with it
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rwb") as stream:
            self._say(stream, b"220 server.example ready")
            sender, recipients = None, []
            for line in stream:
                verb = line[:4].decode().strip().upper()
                reply = self.replies.get(verb.lower(), {"EHLO": "250-server.example\r\n250 8BITMIME", "DATA": "354 go on",
                                                        "QUIT": "221 bye"}.get(verb, "250 2.0.0 ok"))  # fmt: skip
                if reply is None:
                    self.waits.set()
                    continue
                if verb == "MAIL":
                    sender, recipients = line[11:].split(b">")[0].decode(), []
                elif verb == "RCPT" and reply.startswith("250"):
                    recipients.append(line[9:].split(b">")[0].decode())
                self._say(stream, reply.encode(errors="surrogateescape"))
                if verb == "DATA" and reply.startswith("354"):
                    octets = b""
                    while not octets.endswith(b"\r\n.\r\n"):
                        octets += stream.readline()
                    self.messages.append((sender, recipients, octets[:-3]))
                    self._say(stream, self.replies.get("end", "250 2.0.0 queued").encode())

    @staticmethod
    def _say(stream, text):
        stream.write(text + b"\r\n")
        stream.flush()

    def mailer(self, **options):
        return Mailer("127.0.0.1", self.port, **{"tls": "off", "hello_name": "app.example.org", **options})


def message():
    made = email.message.EmailMessage()
    made["From"] = "Ada <ada@example.org>"
    made["To"] = "Bob <bob@example.net>, eve@example.net"
    made["Cc"] = "bob@example.net"
    made["Bcc"] = "secret@example.net"
    made["Subject"] = "Grüße"
    made.set_content("Hello\n")
    made.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="x.bin")
    return made


def test_a_message_that_is_sent_on_goes_to_whom_it_is_sent_on():
    made = message()
    made["Resent-From"] = "Carol <carol@example.org>"
    made["Resent-To"] = "dan@example.net"
    made["Resent-Bcc"] = "hidden@example.net"
    with Server() as server:
        report = server.mailer().send(made)
        assert [one.recipient for one in report.recipients] == ["dan@example.net", "hidden@example.net"]
        ((sender, _, octets),) = server.messages
        assert sender == "carol@example.org"
        assert b"hidden@" not in octets and b"secret@" not in octets and b"Resent-To: dan@" in octets
        made["Resent-To"] = "eve@example.net"
        with pytest.raises(sendconn.InputError, match="more than once"):
            server.mailer().send(made)
        server.mailer().send(made, sender="a@example.org", recipients=["b@example.net"])
        assert b"hidden@" not in server.messages[-1][2]
    assert made["Resent-Bcc"] == "hidden@example.net"


def test_what_a_server_says_can_be_printed():
    lines = []
    with Server(mail="550 5.7.1 gesch\udcfctzt \x1b[31m") as server:
        report = server.mailer().send(MESSAGE, sender="a@example.org", recipients=["b@example.org"], on_trace=lines.append)
    assert report.reply.text == "gesch\ufffdtzt  [31m" and lines
    for text in (str(report.reply), *lines):
        text.encode()  # else print() raises


def test_an_email_message_says_who_sends_and_who_receives():
    given = message()
    with Server() as server, server.mailer() as mailer:
        report = mailer.send(given)
    assert report.all_accepted and report.failed_at == "none" and not report.may_have_arrived and report.tls == ""
    (sender, recipients, octets) = server.messages[0]
    assert sender == "ada@example.org"
    assert recipients == ["bob@example.net", "eve@example.net", "secret@example.net"]
    assert b"secret" not in octets and b"Subject: =?utf-8?" in octets and given["Bcc"] == "secret@example.net"
    assert [one.recipient for one in report.recipients] == recipients
    assert str(report.reply) == "250 2.0.0 queued"


def test_bytes_and_files_need_an_envelope():
    with Server() as server:
        mailer = server.mailer()
        for form in (MESSAGE, io.BytesIO(MESSAGE), MESSAGE.replace(b"\r\n", b"\n")):
            assert mailer.send(form, sender="", recipients="bob@example.net").all_accepted
        with pytest.raises(TypeError, match="needs sender and recipients"):
            mailer.send(MESSAGE)
    assert server.messages == [("", ["bob@example.net"], MESSAGE)] * 3


def test_a_message_is_signed():
    signature = dkim.Signature(domain="example.org", selector="ed", key=key())
    with Server() as server:
        assert server.mailer(signatures=[signature]).send(message()).all_accepted
    zone = key_zone("example.org", ed=key())
    assert dkim.verify(server.messages[0][2], resolver=zone)[0].passed


def test_each_recipient_has_a_fate():
    with Server(rcpt="550 5.1.1 nobody here") as server:
        report = server.mailer().send(MESSAGE, sender="a@example.org", recipients=["b@example.net", "c@example.net"])
    assert not report.all_accepted
    assert [(one.fate, one.reply.code, one.reply.enhanced) for one in report.recipients] == [("permanent", 550, "5.1.1")] * 2
    assert report.as_dict()["recipients"][0]["fate"] == "permanent"
    with Server(end="451 4.3.0 later") as server:
        report = server.mailer().send(MESSAGE, sender="a@example.org", recipients=["b@example.net"])
    assert report.recipients[0].fate == "temporary"


def test_a_server_that_is_not_there_is_a_report():
    with Server() as server:
        port = server.port
    report = Mailer("127.0.0.1", port, tls="off").send(MESSAGE, sender="a@b.example", recipients=["c@d.example"])
    assert report.failed_at == "connect" and report.recipients[0].fate == "temporary"


def test_tls_is_required_unless_said_otherwise():
    with Server() as server:
        report = server.mailer(tls="required").send(MESSAGE, sender="a@b.example", recipients=["c@d.example"])
    assert report.failed_at == "tls" and not server.messages


def test_progress_trace_and_what_callbacks_raise():
    seen = []
    lines = []
    with Server() as server:
        mailer = server.mailer()
        arguments = {"sender": "a@b.example", "recipients": ["c@d.example"]}
        mailer.send(MESSAGE, on_progress=lambda *octets: seen.append(octets), on_trace=lines.append, **arguments)
        assert seen[-1] == (len(MESSAGE), len(MESSAGE)) and any("queued" in line for line in lines)

        def broken(*arguments):
            raise ZeroDivisionError

        for callback in ("on_progress", "is_cancelled", "on_trace"):
            with pytest.raises(ZeroDivisionError):
                mailer.send(MESSAGE, **{callback: broken}, **arguments)
        assert mailer.send(MESSAGE, is_cancelled=lambda: True, **arguments).failed_at == "cancelled"
        assert mailer.send(MESSAGE, **arguments).all_accepted


def test_sending_in_asyncio_and_cancelling_it():
    async def scenario(server, mailer):
        task = asyncio.ensure_future(mailer.send_async(MESSAGE, sender="a@b.example", recipients=["c@d.example"]))
        if server.replies:
            while not server.waits.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
        return await task

    with Server() as server:
        assert asyncio.run(scenario(server, server.mailer())).all_accepted
    with Server(mail=None) as server:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(scenario(server, server.mailer()))


def test_ctrl_c_ends_a_wait(interruptible):
    with Server(mail=None) as server:

        def interrupt():
            assert server.waits.wait(60)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            server.mailer().send(MESSAGE, sender="a@b.example", recipients=["c@d.example"])


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"host": 7}, TypeError),
        ({"host": ""}, sendconn.InputError),
        ({"tls": "maybe"}, ValueError),
        ({"port": 70_000}, ValueError),
        ({"connect_timeout": 0}, sendconn.InputError),
        ({"password": "secret"}, sendconn.InputError),
        ({"signatures": ["x"]}, TypeError),
        ({"authorities_file": "/nowhere.pem"}, sendconn.Error),
    ],
)
def test_wrong_options_are_refused(arguments, error):
    with pytest.raises(error):
        Mailer(**{"host": "mail.example.org", **arguments})


def test_a_mailer_belongs_to_one_call_at_a_time():
    with Server() as server:
        mailer = server.mailer()

        def again(line):
            with pytest.raises(sendconn.StateError, match="in use"):
                mailer.send(MESSAGE, sender="a@b.example", recipients=["c@d.example"])

        assert mailer.send(MESSAGE, sender="a@b.example", recipients=["c@d.example"], on_trace=again).all_accepted


def test_a_connection_is_kept_open_and_nothing_shows_the_password():
    with Server() as server:
        mailer = server.mailer(keep_open=30)
        for _ in range(2):
            assert mailer.send(MESSAGE, sender="a@b.example", recipients=["c@d.example"]).all_accepted
        assert mailer.is_open and len(server._connections) == 1
        mailer.close()
        assert not mailer.is_open
    assert repr(Mailer("mail.example.org", user="a", password="geheim")) == "Mailer('mail.example.org')"
    assert sendconn.Mailer is Mailer
