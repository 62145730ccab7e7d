"""The server of sendconn.aio: one task for each connection, which turns a session's decisions into calls of a handler."""

import asyncio
import logging

from sendconn import _core, smtp
from sendconn._errors import InputError
from sendconn._link import Link
from sendconn._value import Value
from sendconn.smtp import Reply, ScramVerifier

_log = logging.getLogger("sendconn.smtp")

_FAILED = Reply(code=451, enhanced="4.3.0", text="an error here; try again later")
# RFC 4954 section 6 has a code of its own for a login that cannot be decided.
_LOGIN_FAILED = Reply(code=454, enhanced="4.7.0", text="an error here; try again later")
_WRONG_LOGIN = Reply(code=535, enhanced="5.7.8", text="wrong name or password")
_REFUSED = Reply(code=550, enhanced="5.7.1", text="refused")
_FULL = Reply(code=421, enhanced="4.3.2", text="too many connections; try again later")
_NO_TLS = Reply(code=421, enhanced="4.7.0", text="TLS failed")
_BACKLOG = 512


class Message(Value):
    """A message with its envelope. reverse_path: an Address, or None for MAIL FROM:<>; octets: as they came, CRLF line
    ends; user: who logged in, or None; tls: "TLSv1.3", or empty."""

    __slots__ = (
        "reverse_path",
        "recipients",
        "octets",
        "body",
        "smtputf8",
        "eight_bit",
        "ip",
        "hello",
        "user",
        "tls",
    )

    @property
    def sender(self):
        """The reverse-path as text, "" for none."""
        return "" if self.reverse_path is None else str(self.reverse_path)

    def parse(self):
        """The message as an email.message.EmailMessage."""
        import email
        import email.policy

        return email.message_from_bytes(self.octets, policy=email.policy.SMTPUTF8)


class Peer:
    """Who is at the other end. `data` is a dict for the handler's own use."""

    __slots__ = ("data", "extended", "hello", "ip", "port", "tls", "user")

    def __init__(self, ip, port):
        self.ip = ip
        self.port = port
        self.hello = ""
        self.extended = False
        self.user = None
        self.tls = ""
        self.data = {}

    def __repr__(self):
        return f"Peer(ip={self.ip!r}, hello={self.hello!r}, user={self.user!r}, tls={self.tls!r})"


class Handler:
    """What a server does; every method may be a coroutine. To refuse, return a Reply, its text ("550 5.1.1 nobody here")
    or False; None and True accept, except at on_login, where only True or a positive reply lets in. What is raised
    becomes 451 (454 at a login), and is logged with its traceback.

    Any object with some of these methods will do. A server offers AUTH if there is on_login or on_verifier, and
    SCRAM-SHA-256 if there is on_verifier.
    """

    def on_connect(self, peer):
        """A client has come."""

    def on_login(self, peer, user, password):
        """Is that the password?"""
        return False

    def on_verifier(self, peer, user):
        """The user's smtp.ScramVerifier, or None if there is no such user."""

    def on_mail(self, peer, mail):
        """A sender: a smtp.Mail."""

    def on_rcpt(self, peer, recipient):
        """A recipient: an address.Address."""

    def on_message(self, peer, message):
        """A Message that is complete; who accepts it answers for it."""

    def on_close(self, peer):
        """The connection is over."""


def _method(handler, name):
    """The handler's own, or None."""
    found = getattr(handler, name, None)
    if found is None or getattr(found, "__func__", None) is getattr(Handler, name):
        return None
    return found


def _is_being_cancelled():
    """This task is to end; otherwise something that it waited for was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() > 0 if hasattr(task, "cancelling") else True  # Python 3.11


class _Connection:
    def __init__(self, server, link):
        self.link = link
        self.session = link.session
        self.server = server
        address = link.transport.get_extra_info("peername")
        is_internet = isinstance(address, tuple)
        self.peer = Peer(address[0] if is_internet else "", address[1] if is_internet else 0)
        self.mail = None
        self.recipients = []
        self.pieces = []
        self.handlers = {
            smtp.Greeting: self.on_greeting,
            smtp.Hello: self.on_hello,
            smtp.Login: self.on_login,
            smtp.ScramLogin: self.on_scram_login,
            smtp.LoginDone: self.on_login_done,
            smtp.Mail: self.on_mail,
            smtp.Rcpt: self.on_rcpt,
            smtp.DataStart: self.on_data_start,
            smtp.Content: self.on_content,
            smtp.MessageEnd: self.on_message_end,
            smtp.Reset: self.on_reset,
        }

    async def run(self):
        try:
            self.note_tls()
            while True:
                event = await self.link.next_event()
                if isinstance(event, smtp.Closed):
                    break
                if isinstance(event, smtp.StartTls):
                    await self.link.start_tls(self.server._ssl_context, server_side=True)
                    self.note_tls()
                    continue
                await self.handlers[type(event)](event)
            await self.link.close()
        except OSError as error:  # ssl.SSLError is one
            _log.info("connection of %s failed: %s", self.peer.ip, error)
        except Exception:
            _log.exception("connection of %s failed", self.peer.ip)
        finally:
            self.link.abort()
            self.handlers.clear()  # which refer back to this
            self.link.session = self.session = _OVER
            await self.call("on_close")

    def note_tls(self):
        ssl_object = self.link.transport.get_extra_info("ssl_object")
        if ssl_object is not None:
            self.peer.tls = ssl_object.version() or ""
            self.peer.hello = ""
            self.peer.user = None

    async def call(self, name, *arguments, failed=_FAILED, also=()):
        """What the handler says, as None, a bool, a Reply or a kind of `also`; the reply `failed` where it raised."""
        method = _method(self.server.handler, name)
        if method is None:
            return None
        try:
            answer = method(self.peer, *arguments)
            if hasattr(answer, "__await__"):
                answer = await answer
            if isinstance(answer, (str, Reply)):
                answer = _core.smtp_parse_reply(answer)  # checked here, where it is the handler's mistake
            elif not isinstance(answer, (bool, type(None), *also)):
                raise TypeError(f"{name}() must return None, a bool, a Reply or its text, not {type(answer).__name__}")
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            _log.exception("%s was cancelled for %r", name, self.peer)
            return failed
        except Exception:
            _log.exception("%s failed for %r", name, self.peer)
            return failed
        return answer

    def answer(self, answer):
        """Replies; True if it was a yes."""
        if answer is None or answer is True:
            self.session.accept()
            return True
        reply = _REFUSED if answer is False else answer
        self.session.reply(reply)
        return reply.positive

    # ------------------------------------------------------------ events

    async def on_greeting(self, event):
        if len(self.server._connections) > self.server._max_connections:
            self.session.reply(_FULL)
            return
        answer = await self.call("on_connect")
        self.answer(Reply(code=554, enhanced="5.7.1", text="no mail from you") if answer is False else answer)

    async def on_hello(self, event):
        self.peer.hello = event.name
        self.peer.extended = event.extended

    async def on_login(self, event):
        if _method(self.server.handler, "on_login") is not None:
            answer = await self.call("on_login", event.user, event.password, failed=_LOGIN_FAILED)
        else:
            answer = await self.check_verifier(event)
        if answer is True:
            self.session.accept()
        else:
            self.session.reply(answer if isinstance(answer, Reply) else _WRONG_LOGIN)
        if self.session.authenticated:
            self.peer.user = event.user

    async def check_verifier(self, event):
        verifier = await self.call("on_verifier", event.user, failed=_LOGIN_FAILED, also=(ScramVerifier,))
        if isinstance(verifier, Reply):
            return verifier
        against = verifier if isinstance(verifier, ScramVerifier) else smtp._decoy(event.user)
        # It costs a PBKDF2, for unknown users too.
        good = await asyncio.get_running_loop().run_in_executor(None, against.check_password, event.password)
        return good and against is verifier

    async def on_scram_login(self, event):
        answer = await self.call("on_verifier", event.user, failed=_LOGIN_FAILED, also=(ScramVerifier,))
        if isinstance(answer, Reply):
            self.session.reply(answer)
        else:
            known = answer if isinstance(answer, ScramVerifier) else None
            self.session.reply_verifier(known, user=event.user)

    async def on_login_done(self, event):
        if event.ok:
            self.peer.user = event.user

    async def on_mail(self, event):
        if self.answer(await self.call("on_mail", event)):
            self.mail = event

    async def on_rcpt(self, event):
        if self.answer(await self.call("on_rcpt", event.forward_path)):
            self.recipients.append(event.forward_path)

    async def on_data_start(self, event):
        self.session.accept()

    async def on_content(self, event):
        self.pieces.append(event.octets)

    async def on_message_end(self, event):
        message = Message(
            reverse_path=self.mail.reverse_path,
            recipients=tuple(self.recipients),
            octets=b"".join(self.pieces),
            body=self.mail.body,
            smtputf8=self.mail.smtputf8,
            eight_bit=event.eight_bit,
            ip=self.peer.ip,
            hello=self.peer.hello,
            user=self.peer.user,
            tls=self.peer.tls,
        )
        self.forget()
        self.answer(await self.call("on_message", message))

    async def on_reset(self, event):
        self.forget()

    def forget(self):
        self.mail = None
        self.recipients = []
        self.pieces = []


class _Over:
    """In the place of a session whose connection is over: takes what a transport may still bring, and says nothing."""

    pending = 0
    next_deadline = None
    authenticated = False

    def feed(self, octets):
        pass

    def input_closed(self):
        pass

    def on_time(self):
        pass

    def output(self):
        return b""

    def shut_down(self, reply=None):
        pass


_OVER = _Over()


class Server:
    """Takes mail. port 0: a free one. options: a smtp.ServerOptions; by default a client must log in over TLS.

    ssl_context: for STARTTLS, or, with implicit_tls, from the first octet. max_connections: more are told to come later.
    """

    def __init__(
        self,
        handler=None,
        host="127.0.0.1",
        port=0,
        *,
        options=None,
        ssl_context=None,
        implicit_tls=False,
        max_connections=1000,
    ):
        self.handler = Handler() if handler is None else handler
        options = smtp.ServerOptions() if options is None else options
        self._check(options, ssl_context, implicit_tls)
        has_verifiers = _method(self.handler, "on_verifier") is not None
        has_logins = has_verifiers or _method(self.handler, "on_login") is not None
        mechanisms = [
            one
            for one in options.mechanisms
            if has_logins and (has_verifiers or one != smtp.Mechanism.SCRAM_SHA_256)
        ]
        self._options = options.replace(
            offer_starttls=ssl_context is not None and not implicit_tls, mechanisms=mechanisms
        )
        smtp.ServerSession(self._options)  # says what is wrong with them now
        self._host = host
        self._port = port
        self._ssl_context = ssl_context
        self._implicit_tls = implicit_tls
        self._max_connections = max_connections
        self._server = None
        self._loop = None
        self._connections = {}  # task -> link
        self._closing = False

    def _check(self, options, ssl_context, implicit_tls):
        if implicit_tls and ssl_context is None:
            raise InputError("implicit_tls needs ssl_context")
        if options.require_tls and ssl_context is None:
            raise InputError("require_tls is the default and needs ssl_context; or set require_tls=False in the options")
        has_logins = any(_method(self.handler, name) is not None for name in ("on_login", "on_verifier"))
        if options.require_auth and not has_logins:
            raise InputError(
                "require_auth is the default and needs a handler with on_login or on_verifier; or set "
                "require_auth=False in the options"
            )

    @property
    def host(self):
        return self._host

    @property
    def port(self):
        """Where it listens; the port that was found if 0 was asked for."""
        if self._server is not None and self._server.sockets:
            return self._server.sockets[0].getsockname()[1]
        return self._port

    @property
    def connections(self):
        """How many are open."""
        return len(self._connections)

    async def start(self):
        """Listens from now on."""
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._server = await self._loop.create_server(
            self._make,
            self._host,
            self._port,
            ssl=self._ssl_context if self._implicit_tls else None,
            backlog=_BACKLOG,
        )
        return self

    def _make(self):
        session = smtp.ServerSession(self._options, clock=self._loop.time)
        if self._implicit_tls:
            session.set_tls()
        return Link(session, self._loop, self._on_connected)

    def _on_connected(self, link):
        task = self._loop.create_task(_Connection(self, link).run())
        self._connections[task] = link
        task.add_done_callback(self._connections.pop)
        if self._closing:
            link.session.shut_down()

    async def serve_forever(self):
        """Until the task is cancelled."""
        await self._loop.create_future()

    async def close(self, *, timeout=30.0):
        """Listens no more, lets messages that are under way be answered, and cuts what is left after `timeout` seconds."""
        if self._server is None:
            return
        self._closing = True
        self._server.close()
        for link in list(self._connections.values()):
            link.session.shut_down()
            link.wake()
        try:
            if self._connections:
                await asyncio.wait(list(self._connections), timeout=timeout)
        finally:
            for task, link in list(self._connections.items()):
                link.abort()
                task.cancel()
        if self._connections:
            await asyncio.wait(list(self._connections))
        await self._server.wait_closed()

    async def __aenter__(self):
        return await self.start()

    async def __aexit__(self, *error):
        await self.close()

    def __repr__(self):
        return f"<Server at {self._host}:{self.port}>"
