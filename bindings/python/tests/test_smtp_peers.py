"""sendconn.aio among others: its server takes mail from real clients, its client hands mail to real servers."""

import asyncio
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sendconn import aio, smtp
from support import MESSAGE, ROOT

sys.path.insert(0, str(ROOT / "tests" / "programs"))

pytest.importorskip("aiosmtpd")

from harness import exim, postfix  # noqa: E402
from harness.clients import CLIENTS, SERVER_NAME, Submission  # noqa: E402
from harness.process import free_port, wait_until  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.tls import Authority  # noqa: E402

USER, PASSWORD = "ada@sender.example", "a pass, with a comma"
ENVELOPE = {"sender": "ada@sender.example", "recipients": ["bob@elsewhere.example", "eve@elsewhere.example"]}
SECONDS = 60.0


@pytest.fixture
def folder():
    """Short, and where daemons that are not root may pass."""
    made = Path(tempfile.mkdtemp(prefix="sendconn-test-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue(SERVER_NAME, "localhost", "IP:127.0.0.1")


class InThread(aio.Handler):
    """A server of sendconn.aio in a thread, so that programs can be waited for."""

    def __init__(self, certificate, *, implicit, login):
        self.messages = []
        self._verifier = smtp.ScramVerifier.from_password(PASSWORD)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.chain, certificate.key)
        options = smtp.ServerOptions(hostname=SERVER_NAME, require_auth=login)
        self._server = aio.Server(self, options=options, ssl_context=context, implicit_tls=implicit)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def on_verifier(self, peer, user):
        return self._verifier if user == USER else None

    def on_rcpt(self, peer, recipient):
        return "550 5.1.1 nobody here" if recipient.local == "nobody" else None

    def on_message(self, peer, message):
        self.messages.append(message)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    def __enter__(self):
        self._thread.start()
        self._call(self._server.start())
        self.port = self._server.port
        return self

    def __exit__(self, *error):
        self._call(self._server.close(timeout=5))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def submission(server, folder, authority, **changes):
    return Submission(
        port=server.port, authorities=authority.file, folder=folder, **{**ENVELOPE, **changes}
    )  # fmt: skip


def cases():
    for client in CLIENTS:
        for mode in client.modes:
            for mechanism in client.mechanisms if mode == "starttls" else client.mechanisms[:1]:
                yield pytest.param(client, mode, mechanism, id=f"{client.name}-{mode}-{mechanism}")


@pytest.mark.parametrize(("client", "mode", "mechanism"), list(cases()))
def test_the_server_takes_mail_from(client, mode, mechanism, folder, authority, certificate):
    if client.missing():
        pytest.skip(client.missing())
    with InThread(certificate, implicit=mode == "implicit", login=True) as server:
        job = submission(
            server, folder, authority, tls=mode, user=USER, password=PASSWORD, mechanism=mechanism
        )
        outcome = client.send(job, MESSAGE)
        assert outcome.sent, outcome.said
    # A program may hand the recipients over one by one; a server on the way adds a field of its own.
    assert sorted(str(one) for message in server.messages for one in message.recipients) == ENVELOPE["recipients"]
    for message in server.messages:
        assert message.octets.endswith(MESSAGE) and message.user == USER and message.tls.startswith("TLSv1.")
        assert message.sender == ENVELOPE["sender"]


@pytest.mark.parametrize("client", [client for client in CLIENTS if client.mechanisms[0] == "PLAIN"], ids=lambda one: one.name)
def test_a_refusal_reaches(client, folder, authority, certificate):
    if client.missing():
        pytest.skip(client.missing())
    with InThread(certificate, implicit=False, login=False) as server:
        # Without a sender, or a mail server would tell of it by a message, which would be taken.
        job = submission(server, folder, authority, sender="", recipients=["nobody@elsewhere.example"])
        outcome = client.send(job, MESSAGE)
        assert not outcome.sent and outcome.has_reply(550, "5.1.1"), outcome.said
    assert server.messages == []


def test_many_messages_from_postfix(folder, authority, certificate):
    """Its many connections at once, each with a handshake."""
    if postfix.missing():
        pytest.skip(postfix.missing())
    import smtplib

    with InThread(certificate, implicit=False, login=True) as server:
        job = submission(server, folder, authority, user=USER, password=PASSWORD)
        port = free_port()
        with postfix.smarthost_client(folder / "postfix", port, job) as program:
            with smtplib.SMTP("127.0.0.1", port) as client:
                for number in range(100):
                    client.sendmail(ENVELOPE["sender"], ["bob@elsewhere.example"], b"Subject: %d\r\n\r\nx\r\n" % number)
            wait_until(lambda: len(server.messages) >= 100, "100 messages", SECONDS)
            wait_until(program.queue_is_empty, "Postfix's queue to empty", SECONDS)
    assert sorted(int(message.parse()["Subject"]) for message in server.messages) == list(range(100))


# ---------------------------------------------------------------- the client


@pytest.mark.parametrize("module", [postfix, exim], ids=["Postfix", "Exim"])
def test_the_client_hands_mail_to(module, folder, authority, certificate):
    if module.missing():
        pytest.skip(module.missing())
    port = free_port()
    context = ssl.create_default_context(cafile=str(authority.file))
    dotted = MESSAGE + b".\r\n..\r\n" + "Grüße\r\n".encode()

    async def send():
        async with aio.Client("localhost", port, ssl_context=context) as client:
            first = await client.send(MESSAGE, **ENVELOPE)
            second = await client.send(dotted, sender="", recipients=["bob@elsewhere.example"])
        plain = await aio.send(MESSAGE, host="127.0.0.1", port=port, tls="off", **ENVELOPE)
        return first, second, plain

    with module.receiver(folder, port, certificate=certificate):
        first, second, plain = asyncio.run(asyncio.wait_for(send(), SECONDS))
        assert first.all_accepted and second.all_accepted and plain.all_accepted, (first, second, plain)
        assert first.tls == "TLSv1.3" and plain.tls == ""
        expected = sorted([MESSAGE, dotted, MESSAGE])

        def arrived():
            # One copy for each recipient or one for all; each ends as it was sent.
            found = [message.replace(b"\n", b"\r\n") for message in module.inbox(folder)]
            return all(any(one.endswith(sent) for one in found) for sent in expected) and len(found) >= 3

        wait_until(arrived, "the messages to be delivered", SECONDS)


@pytest.mark.parametrize("implicit", [False, True])
def test_the_client_hands_mail_to_aiosmtpd(implicit, folder, authority, certificate):
    context = ssl.create_default_context(cafile=str(authority.file))
    sink = Sink(folder, certificate=certificate, implicit=implicit, require_tls=True, login=f"{USER}:{PASSWORD}")

    async def send():
        options = {"tls": "implicit" if implicit else "required", "ssl_context": context, "user": USER}
        async with aio.Client("localhost", sink.port, password=PASSWORD, **options) as client:
            sink.behave(RCPT={"eve@elsewhere.example": "550 5.1.1 nobody"})
            reports = [await client.send(MESSAGE, **ENVELOPE) for _ in range(3)]
            sink.behave(DATA="451 4.3.0 later")
            reports.append(await client.send(MESSAGE, **ENVELOPE))
        reports.append(await aio.send(MESSAGE, host="localhost", port=sink.port, password="wrong", **options, **ENVELOPE))
        return reports

    with sink:
        *taken, later, wrong = asyncio.run(asyncio.wait_for(send(), SECONDS))
        for report in taken:
            assert [one.fate for one in report.recipients] == ["accepted", "permanent"], report
        assert [one.fate for one in later.recipients] == ["temporary", "temporary"]
        assert wrong.failed_at == "login" and wrong.reply.code == 535
        received = sink.wait_for(3)
    assert [one.content for one in received] == [MESSAGE] * 3 and received[0].user == USER


# ---------------------------------------------------------------- memory


def test_five_thousand_messages_through_both_leak_nothing():
    program = Path(__file__).with_name("many_messages.py")
    done = subprocess.run([sys.executable, str(program), "5000"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    count, python, resident = map(int, done.stdout.split())
    assert count == 5000
    # The second half: 20 octets a message that Python keeps, or 2 KB of anything, would show.
    assert python < 50_000 and resident < 5_000_000
    assert done.stderr == ""
