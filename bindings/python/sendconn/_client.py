"""The client of sendconn.aio: one connection at a time to one server, and what became of each recipient."""

import asyncio
import base64
import ipaddress
import os
import socket
import ssl

from sendconn import smtp
from sendconn._errors import InputError, MalformedError
from sendconn._link import Link
from sendconn.address import Address
from sendconn.mailer import Fate, RecipientReport, Report, Stage, _authorities, _envelope
from sendconn.smtp import Reply, Tls

_PIECE = 65_536
_QUIT_SECONDS = 5.0
_NO_TLS = "4.7.10"  # what a session says where the server does not offer TLS
_LOST = "4.4.2"
_UNTOLD = Reply(code=0)


class _Failure(Exception):
    """A session that failed: everything that a report says of it."""

    def __init__(self, stage, fate, reply, may_have_arrived=False):
        super().__init__(reply.text)
        self.stage = stage
        self.fate = fate
        self.reply = reply
        self.may_have_arrived = may_have_arrived


def _fate(reply):
    if reply.code == 0 and reply.enhanced.startswith("5"):
        return Fate.PERMANENT  # the server lacks what the message needs
    if reply.positive:
        return Fate.ACCEPTED
    return Fate.PERMANENT if reply.permanent else Fate.TEMPORARY


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hello_name(transport):
    """The host's name if it has a dot, else the address that the connection comes from (RFC 5321 section 4.1.3)."""
    name = socket.gethostname()
    if "." in name:
        return name
    own = ipaddress.ip_address(transport.get_extra_info("sockname")[0].partition("%")[0])
    return f"[{own}]" if own.version == 4 else f"[IPv6:{own}]"


def _check_octets(message):
    """What SMTP cannot carry (RFC 5321 section 2.3.8)."""
    pairs = message.count(b"\r\n")
    if message.count(b"\r") == pairs == message.count(b"\n") and b"\0" not in message:
        return
    spared = message.replace(b"\r\n", b"..")
    position = min(at for at in (spared.find(octet) for octet in (b"\r", b"\n", b"\0")) if at >= 0)
    error = MalformedError(f"a CR or LF by itself, or NUL, at octet {position} of the message (RFC 5321 section 2.3.8)")
    error.position = position
    raise error


def _needs(message, addresses):
    """BODY= and SMTPUTF8 as the message needs them."""
    if message.isascii():
        return smtp.Body.SEVEN_BIT, any(one.needs_smtputf8 for one in addresses)
    header = message.partition(b"\r\n\r\n")[0]
    utf8 = not header.isascii() or any(one.needs_smtputf8 for one in addresses)
    return smtp.Body.EIGHT_BIT_MIME, utf8


def _secrets(user, password):
    """What must not stand in a report, even if the server repeats it: the password, and what a login says of it."""
    if user is None:
        return ()
    octets = password.encode("utf-8", "surrogateescape")
    plain = b"\0" + user.encode("utf-8", "surrogateescape") + b"\0" + octets  # RFC 4616 section 2
    return tuple(one for one in (_base64(plain), _base64(octets), password) if one)


def _base64(octets):
    return base64.b64encode(octets).decode("ascii")


class _Outcome:
    """What becomes of one message."""

    def __init__(self, recipients, secrets=()):
        self.recipients = recipients
        self._secrets = secrets
        self.settled = {}  # index -> reply
        self.is_sent = False
        self.reply = _UNTOLD
        self.tls = ""

    def settle(self, index, reply):
        # A yes before the message settles nothing; one after it is LMTP's last word.
        if self.is_sent or not reply.positive:
            self.settled[index] = reply

    def _shown(self, reply):
        text = reply.text
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        return reply if text == reply.text else reply.replace(text=text)

    def report(self, rest, fate, *, failed_at=Stage.NONE, may_have_arrived=False):
        """`rest`: what was said of all that have no refusal of their own."""
        rest = self._shown(rest)
        return Report(
            recipients=[
                RecipientReport(
                    recipient=str(one),
                    fate=_fate(self.settled[index]) if index in self.settled else fate,
                    reply=self._shown(self.settled[index]) if index in self.settled else rest,
                )
                for index, one in enumerate(self.recipients)
            ],
            reply=rest,
            failed_at=failed_at,
            may_have_arrived=may_have_arrived,
            tls=self.tls,
        )


class Client:
    """Sends mail to one server. It connects when the first message is sent, keeps the connection for the next one, and
    connects anew when it was lost. send() may be called by several tasks: one message goes at a time.

    port 0: 465 for implicit TLS, else 587. tls: a Tls. ssl_context: by default one that checks the certificate against
    `host` (with opportunistic TLS: if there is a login); verify=False, for tests, checks nothing. login_without_tls: the
    password may go without TLS, by PLAIN and LOGIN to this machine's own addresses alone. lmtp: RFC 2033.
    connect_timeout: to find the host and connect. The other timeouts are whole seconds.
    """

    def __init__(
        self,
        host,
        port=0,
        *,
        tls=Tls.REQUIRED,
        ssl_context=None,
        verify=True,
        user=None,
        password="",
        mechanisms=tuple(smtp.Mechanism),
        login_without_tls=False,
        hello_name="",
        lmtp=False,
        max_messages=100,
        connect_timeout=30.0,
        command_timeout=300,
        data_timeout=180,
        message_timeout=600,
    ):
        tls = Tls(tls)
        if password and user is None:
            raise InputError("a password needs its user")
        if user is not None and tls == Tls.OFF and not login_without_tls:
            raise InputError("a login needs TLS, or login_without_tls=True")
        if not 0 <= port <= 65_535:
            raise InputError("port must be 0 to 65535")
        self._host = host
        self._port = port or (465 if tls == Tls.IMPLICIT else 587)
        self._tls = tls
        self._ssl_context = ssl_context
        if ssl_context is None and tls != Tls.OFF:
            self._ssl_context = _make_context(verify=verify and (tls != Tls.OPPORTUNISTIC or user is not None))
        self._options = smtp.ClientOptions(
            hello_name=hello_name,
            tls=tls,
            user=user,
            password=password,
            mechanisms=mechanisms,
            allow_plaintext=login_without_tls and _is_loopback(host),
            lmtp=lmtp,
            greeting_timeout=command_timeout,
            command_timeout=command_timeout,
            data_timeout=data_timeout,
            message_timeout=message_timeout,
        )
        smtp.ClientSession(self._options)  # says what is wrong with them now
        self._connect_timeout = connect_timeout
        self._max_messages = max_messages
        self._secrets = _secrets(user, password)
        self._lock = None  # made in the loop that needs it
        self._link = None
        self._sent = 0

    async def send(self, message, *, sender=None, recipients=None):
        """Sends a message and returns the mailer.Report. What servers and the network say stands there; exceptions are
        for arguments that cannot be used. A cancelled task drops the connection.

        message: an EmailMessage, whose fields say who sends and who receives, and whose Bcc nobody sees; or bytes or a
        binary file, which need `sender` and `recipients`. sender: an address, or "" for the null reverse-path.
        """
        octets, sender, recipients = _envelope(message, sender, recipients)
        recipients = [_address(one) for one in recipients]
        sender = None if sender is None else _address(sender)
        if not recipients:
            raise InputError("the message has no recipient")
        _check_octets(octets)
        async with self._turn():
            try:
                return await self._deliver(octets, sender, recipients)
            except BaseException:
                self._drop()
                raise

    def _turn(self):
        if self._lock is None:
            self._lock = asyncio.Lock()
        return self._lock

    async def _deliver(self, octets, sender, recipients):
        outcome = _Outcome(recipients, self._secrets)
        try:
            is_kept = await self._connect()
            try:
                return await self._transact(outcome, octets, sender)
            except _Failure as failure:
                # A server may close an idle connection at the moment when it is used again. Nothing was said then.
                is_untouched = failure.reply.code in (0, 421) and not failure.may_have_arrived and not outcome.settled
                if not (is_kept and is_untouched):
                    raise
                self._drop()
                outcome = _Outcome(recipients, self._secrets)
                await self._connect()
                return await self._transact(outcome, octets, sender)
        except _Failure as failure:
            if self._link is not None:
                outcome.tls = _protocol(self._link)
            self._drop()
            return outcome.report(
                failure.reply,
                Fate.TEMPORARY if failure.may_have_arrived else failure.fate,
                failed_at=failure.stage,
                may_have_arrived=failure.may_have_arrived,
            )

    async def _transact(self, outcome, octets, sender):
        link = self._link
        outcome.tls = _protocol(link)
        body, smtputf8 = _needs(octets, [*outcome.recipients, *([] if sender is None else [sender])])
        link.session.begin(sender, outcome.recipients, body=body, smtputf8=smtputf8, size=len(octets))
        while True:
            event = await link.next_event()
            kind = type(event)
            if kind is smtp.RecipientReply:
                outcome.settle(event.index, event.reply)
            elif kind is smtp.SendContent:
                outcome.is_sent = True
                await self._send_content(octets)
            elif kind is smtp.MessageDone:
                self._sent += 1
                report = outcome.report(event.reply, _fate(event.reply))
                if self._sent >= self._max_messages:
                    await self._quit()
                return report
            else:
                raise _failure(event, Stage.MESSAGE)

    async def _send_content(self, octets):
        link = self._link
        view = memoryview(octets)
        for start in range(0, len(view), _PIECE):
            link.session.content(view[start : start + _PIECE])
            link.flush()
            if not await link.drain():
                return  # the session says why
        link.session.end_content()

    # ------------------------------------------------------------ connections

    async def _connect(self):
        """True: a connection that was kept."""
        if self._link is not None:
            # Anything that came on an idle connection is its end.
            if self._link.is_idle():
                return True
            self._drop()
        loop = asyncio.get_running_loop()
        self._link = await self._reach(loop)
        self._sent = 0
        while True:
            event = await self._link.next_event()
            kind = type(event)
            if kind is smtp.Ready:
                return False
            if kind is not smtp.StartTls:
                raise _failure(event, Stage.GREETING)
            try:
                await self._link.start_tls(self._ssl_context, server_side=False, server_hostname=self._host)
            except OSError as error:
                raise self._tls_failure(error) from None

    async def _reach(self, loop):
        """A connection to the server, in TLS if it is implicit."""

        def connected(link):
            options = self._options
            if not options.hello_name:
                options = options.replace(hello_name=_hello_name(link.transport))
            link.session = smtp.ClientSession(options, clock=loop.time)

        implicit = {"ssl": self._ssl_context, "server_hostname": self._host} if self._tls == Tls.IMPLICIT else {}
        place = f"{self._host} port {self._port}"
        try:
            connecting = loop.create_connection(lambda: Link(None, loop, connected), self._host, self._port, **implicit)
            return (await asyncio.wait_for(connecting, self._connect_timeout))[1]
        except asyncio.TimeoutError:
            raise _local(Stage.CONNECT, f"cannot connect to {place}: no answer in time") from None
        except socket.gaierror as error:
            raise _local(Stage.LOOKUP, f"{self._host}: {error.strerror}") from None
        except ssl.SSLError as error:
            raise self._tls_failure(error) from None
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise _local(Stage.CONNECT, f"cannot connect to {place}: {why}") from None

    def _tls_failure(self, error):
        if isinstance(error, ssl.SSLCertVerificationError):
            text = f"the certificate of {self._host} was refused: {error.verify_message}"
            return _local(Stage.TLS, text, Fate.PERMANENT)
        return _local(Stage.TLS, f"TLS with {self._host} failed: {error.strerror or error}")

    def _drop(self):
        link, self._link = self._link, None
        if link is not None:
            link.abort()

    async def _quit(self):
        link, self._link = self._link, None
        if link is None:
            return
        try:
            await asyncio.wait_for(_say_quit(link), _QUIT_SECONDS)
        except asyncio.TimeoutError:
            pass
        finally:
            link.abort()

    async def close(self):
        """Says QUIT and closes the connection, if there is one."""
        async with self._turn():
            await self._quit()

    @property
    def is_open(self):
        """A connection is kept for the next message; the server may have closed it meanwhile."""
        return self._link is not None and not self._link.lost

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.close()

    def __repr__(self):
        return f"<Client of {self._host}:{self._port}>"


async def _say_quit(link):
    link.session.quit()
    while not isinstance(await link.next_event(), smtp.Closed):
        pass
    await link.close()


async def send(message, *, host, port=0, sender=None, recipients=None, **options):
    """One message over a connection of its own; `options` as for Client. Returns the mailer.Report."""
    async with Client(host, port, **options) as client:
        return await client.send(message, sender=sender, recipients=recipients)


def _address(given):
    return given if isinstance(given, Address) else Address.parse(given)


def _make_context(*, verify):
    context = ssl.create_default_context(cafile=_authorities() or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _protocol(link):
    ssl_object = link.transport.get_extra_info("ssl_object")
    return "" if ssl_object is None else ssl_object.version() or ""


def _local(stage, text, fate=Fate.TEMPORARY):
    return _Failure(stage, fate, Reply(code=0, text=text))


def _failure(event, stage):
    """Of Failed, or of Closed where something else was due."""
    if isinstance(event, smtp.Closed):
        return _local(stage, "the server closed the connection")
    reply = event.reason
    if event.login:
        stage = Stage.LOGIN
    elif event.local and reply.enhanced == _NO_TLS:
        stage = Stage.TLS
    if not event.local:
        return _Failure(stage, _fate(reply), reply, event.sent_final_dot)
    # A connection that was lost may be better next time; without a mechanism in common it will not.
    fate = Fate.PERMANENT if event.login and reply.enhanced != _LOST else Fate.TEMPORARY
    return _Failure(stage, fate, reply.replace(code=0), event.sent_final_dot)
