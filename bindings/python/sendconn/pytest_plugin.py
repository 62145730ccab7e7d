"""A pytest plugin: an SMTP server that keeps what it is sent, with TLS and AUTH.

    def test_the_welcome_mail(smtp_server):
        welcome("new@customer.example", host=smtp_server.host, port=smtp_server.port)
        (message,) = smtp_server.messages
        assert message.recipients[0].domain == "customer.example"
        assert message.parse()["Subject"] == "Welcome"

Installed with the package, pytest finds it by itself; elsewhere `pytest_plugins = ["sendconn.pytest_plugin"]` in
conftest.py does. The server runs in a thread of its own, so that blocking code can be tested.
"""

import asyncio
import ssl
import threading

import pytest

from sendconn import aio, smtp

_START_SECONDS = 30.0
_HOSTNAME = "localhost"


class SmtpServer:
    """What the fixtures give. It offers STARTTLS and AUTH to everybody and asks for neither, unless its options do.

    host, port: where it listens. user, password: the one login. messages: what it took, an aio.Message each, in order.
    authorities_file: PEM, and ssl_context: what a client needs to trust its certificate, which is for "localhost".
    refusals: replies by recipient, e.g. smtp_server.refusals["nobody@example.org"] = "550 5.1.1 no such user"; the key
    "MAIL" refuses all senders, "DATA" all messages.
    """

    def __init__(self, folder, *, options=None, implicit_tls=False, user="user", password="secret"):
        self.user = user
        self.password = password
        self.refusals = {}
        certificate, key = smtp.make_self_signed(_HOSTNAME)
        self.authorities_file = folder / "certificate.pem"
        self.authorities_file.write_text(certificate, encoding="ascii")
        key_file = folder / "key.pem"
        key_file.touch(mode=0o600)
        key_file.write_text(key, encoding="ascii")
        self.ssl_context = ssl.create_default_context(cafile=str(self.authorities_file))
        self._verifier = smtp.ScramVerifier.from_password(password)
        self._changed = threading.Condition()
        self._messages = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.authorities_file, key_file)
        if options is None:
            options = smtp.ServerOptions(hostname=_HOSTNAME, require_tls=False, require_auth=False)
        self._server = aio.Server(self, options=options, ssl_context=context, implicit_tls=implicit_tls)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp_server", daemon=True)

    # ------------------------------------------------------------ what the server asks, in its thread

    def on_verifier(self, peer, user):
        return self._verifier if user == self.user else None

    def on_mail(self, peer, mail):
        return self.refusals.get("MAIL")

    def on_rcpt(self, peer, recipient):
        return self.refusals.get(str(recipient))

    def on_message(self, peer, message):
        refusal = self.refusals.get("DATA")
        if refusal is None:
            with self._changed:
                self._messages.append(message)
                self._changed.notify_all()
        return refusal

    # ------------------------------------------------------------ what tests use

    @property
    def host(self):
        return _HOSTNAME  # the address is what the server listens on; the certificate is for the name

    @property
    def port(self):
        return self._server.port

    @property
    def messages(self):
        with self._changed:
            return list(self._messages)

    def clear(self):
        """Forgets the messages."""
        with self._changed:
            self._messages.clear()

    def wait_for(self, count=1, *, timeout=10.0):
        """The messages, once there are so many; TimeoutError if there are not in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._messages) >= count, timeout):
                raise TimeoutError(f"{len(self._messages)} of {count} messages came within {timeout} s")
            return list(self._messages)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    def start(self):
        self._thread.start()
        self._call(self._server.start())
        return self

    def stop(self):
        try:
            self._call(self._server.close(timeout=5.0))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __repr__(self):
        return f"<SmtpServer at {self.host}:{self.port}, {len(self.messages)} messages>"


@pytest.fixture
def make_smtp_server(tmp_path_factory):
    """make_smtp_server(options=smtp.ServerOptions(…), implicit_tls=True, user=…, password=…): further servers."""
    made = []

    def make(**options):
        made.append(SmtpServer(tmp_path_factory.mktemp("smtp_server"), **options).start())
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def smtp_server(make_smtp_server):
    """An SmtpServer that takes everything, with or without TLS and login."""
    return make_smtp_server()
