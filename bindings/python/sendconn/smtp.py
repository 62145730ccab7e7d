"""SMTP sessions without I/O (RFC 5321): bytes in, events out; decisions in, bytes out. sendconn.aio has both sides ready
for asyncio.

    session = smtp.ServerSession(smtp.ServerOptions(hostname="mx.example.org", require_tls=False, require_auth=False))
    while True:
        event = session.next_event()             # what happened; None: feed more
        send(session.output())
        if event is None: session.feed(receive())
        elif isinstance(event, smtp.Rcpt) and nobody(event.forward_path): session.reply("550 5.1.1 nobody here")
        elif event.is_decision: session.accept()
        elif isinstance(event, smtp.Closed): break

A session pauses at every decision until it is answered, now or later: next_event() gives Paused meanwhile. Where the
input is cut into pieces changes nothing. A session belongs to one call at a time.
"""

import time

from sendconn import _core
from sendconn._value import Value
from sendconn._word import Word

__all__ = [
    "BareNewlines",
    "Body",
    "Capabilities",
    "ClientOptions",
    "ClientSession",
    "Closed",
    "Content",
    "DataStart",
    "Event",
    "Failed",
    "Greeting",
    "Hello",
    "Login",
    "LoginDone",
    "Mail",
    "Mechanism",
    "MessageDone",
    "MessageEnd",
    "Paused",
    "Rcpt",
    "Ready",
    "RecipientReply",
    "Reply",
    "Reset",
    "ScramLogin",
    "ScramVerifier",
    "SendContent",
    "ServerOptions",
    "ServerSession",
    "StartTls",
    "Tls",
    "make_self_signed",
]


class Tls(Word):
    """required: STARTTLS, and nothing else is said without it. implicit: encrypted from the first octet (port 465)."""

    OFF = "off"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    IMPLICIT = "implicit"


class Body(Word):
    """BODY= of MAIL (RFC 6152)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"


class BareNewlines(Word):
    """What becomes of a message with a CR or LF by itself."""

    REFUSE = "refuse"
    NORMALIZE = "normalize"


class Mechanism(Word):
    """How to log in (RFC 4616, RFC 7677)."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"


ScramVerifier = _core.ScramVerifier


class Reply(Value):
    """What a server says. enhanced: "5.7.1", or empty. Several lines of text are separated by line feeds."""

    __slots__ = ("code", "enhanced", "text")
    _defaults = {"enhanced": "", "text": ""}

    @staticmethod
    def parse(text):
        """Of "550 5.1.1 nobody here"."""
        return _core.smtp_parse_reply(text)

    @property
    def positive(self):
        """2xx or 3xx (RFC 5321 section 4.2.1)."""
        return 200 <= self.code < 400

    @property
    def temporary(self):
        """4xx: it may be better later."""
        return 400 <= self.code < 500

    @property
    def permanent(self):
        """5xx."""
        return self.code >= 500

    def __str__(self):
        return " ".join(str(part) for part in (self.code or "", self.enhanced, self.text) if part)


# ---------------------------------------------------------------- events


class Event(Value):
    """What happened. is_decision: the session waits for reply() or accept()."""

    __slots__ = ()
    is_decision = False


class Paused(Event):
    """A decision is open, or TLS is about to start."""

    __slots__ = ()


class StartTls(Event):
    """Send output(), run the handshake on the socket, then call tls_started() or drop the connection. What was fed
    before is gone (RFC 3207 section 5): octets that your socket had in the clear must not be fed afterwards."""

    __slots__ = ()


class Closed(Event):
    """The session is over: send output(), then close the socket. orderly: QUIT was exchanged. reason: what was said or
    seen last, or None."""

    __slots__ = ("orderly", "reason")
    _defaults = {"reason": None}


class Greeting(Event):
    """A client has come; anything but accept() or a 220 ends the session."""

    __slots__ = ()
    is_decision = True


class Hello(Event):
    """extended: EHLO."""

    __slots__ = ("name", "extended")


class Login(Event):
    """Check the password; accept(), or "535 5.7.8 wrong name or password"."""

    __slots__ = ("user", "password", "mechanism")
    is_decision = True

    def __repr__(self):
        return f"Login(user={str(self.user)!r}, mechanism={str(self.mechanism)!r})"  # a log is no place for a password

    def as_dict(self):
        """Without the password."""
        return {"user": self.user, "mechanism": str(self.mechanism)}


class ScramLogin(Event):
    """Answer with reply_verifier(), None for an unknown user; LoginDone follows. Or refuse with reply()."""

    __slots__ = ("user",)
    is_decision = True


class LoginDone(Event):
    """SCRAM ended; the reply was given."""

    __slots__ = ("user", "ok")


class Mail(Event):
    """reverse_path: an Address, or None for MAIL FROM:<>. size: as declared, or None. auth: AUTH=, never trusted."""

    __slots__ = ("reverse_path", "body", "smtputf8", "size", "auth")
    _defaults = {"body": Body.SEVEN_BIT, "smtputf8": False, "size": None, "auth": ""}
    is_decision = True


class Rcpt(Event):
    """A recipient, an Address: its form is good, whether it exists is yours to say."""

    __slots__ = ("forward_path",)
    is_decision = True


class DataStart(Event):
    """DATA, behind at least one recipient that was accepted; after accept() the message comes."""

    __slots__ = ()
    is_decision = True


class Content(Event):
    """The next octets of the message, dots unstuffed, CRLF line ends."""

    __slots__ = ("octets",)


class MessageEnd(Event):
    """The message is complete and sound; the reply is the answer to it. octets: its length. eight_bit: some octets are
    above 0x7f, whatever BODY= said."""

    __slots__ = ("octets", "eight_bit")
    is_decision = True


class Reset(Event):
    """The transaction is over without a message: drop what belongs to it. reason: the reply, or None if the connection
    was lost."""

    __slots__ = ("reason",)
    _defaults = {"reason": None}


class Ready(Event):
    """Greeted, encrypted and logged in as asked: begin() may be called."""

    __slots__ = ()


class SendContent(Event):
    """The server took MAIL, at least one RCPT and DATA: send the message with content() and end_content()."""

    __slots__ = ()


class RecipientReply(Event):
    """What became of the recipient with this index. LMTP: once more at the end, for each that was accepted."""

    __slots__ = ("index", "reply")


class MessageDone(Event):
    """reply.positive: the server has the message for every recipient that was accepted; otherwise nobody has it. Code 0:
    nothing was said, reply.text says what the server lacks."""

    __slots__ = ("reply",)


class Failed(Event):
    """The connection failed; Closed follows. sent_final_dot: the message may have been taken. local: the reason was made
    here. login: it failed at the login."""

    __slots__ = ("reason", "sent_final_dot", "local", "login")
    _defaults = {"sent_final_dot": False, "local": False, "login": False}


# ---------------------------------------------------------------- sessions


class ServerOptions(Value):
    """hostname: in the greeting. Timeouts are whole seconds. max_message_octets, max_line_octets: 0 for no bound."""

    __slots__ = (
        "hostname",
        "max_message_octets",
        "max_recipients",
        "max_command_octets",
        "max_auth_octets",
        "max_line_octets",
        "offer_starttls",
        "require_tls",
        "require_auth",
        "mechanisms",
        "bare_newlines",
        "postmaster_domain",
        "max_auth_failures",
        "max_errors",
        "max_idle_commands",
        "command_timeout",
        "data_timeout",
    )
    _defaults = {
        "hostname": "localhost",
        "max_message_octets": 52_428_800,
        "max_recipients": 100,
        "max_command_octets": 2048,
        "max_auth_octets": 12_288,
        "max_line_octets": 0,
        "offer_starttls": False,
        "require_tls": True,
        "require_auth": True,
        "mechanisms": tuple(Mechanism),
        "bare_newlines": BareNewlines.REFUSE,
        "postmaster_domain": None,
        "max_auth_failures": 3,
        "max_errors": 20,
        "max_idle_commands": 100,
        "command_timeout": 300,
        "data_timeout": 180,
    }


# What accept() says at each decision; the session fills in the text of the greeting.
_ACCEPTED = {
    Greeting: Reply(code=220),
    Login: Reply(code=235, enhanced="2.7.0", text="welcome"),
    Mail: Reply(code=250, enhanced="2.1.0", text="sender is fine"),
    Rcpt: Reply(code=250, enhanced="2.1.5", text="recipient is fine"),
    DataStart: Reply(code=354, text="go ahead"),
    MessageEnd: Reply(code=250, enhanced="2.0.0", text="taken"),
}

_NONCE_OCTETS = 24
_secret = None


def _decoy(user):
    """For a user who is not known: the same for the same name as long as the process lives."""
    global _secret
    if _secret is None:
        _secret = _core.random_octets(32)
    return _core.scram_decoy(user, _secret)


def _octets(given):
    return bytes(given) if isinstance(given, (bytearray, memoryview)) else given


class ServerSession:
    """The server's side. clock: gives seconds that do not go back."""

    __slots__ = ("_clock", "_decision", "_session")

    def __init__(self, options=None, *, clock=time.monotonic):
        self._clock = clock
        self._decision = None
        self._session = _core.SmtpServerSession(ServerOptions() if options is None else options, clock())

    def set_tls(self):
        """The connection is encrypted from its first octet (port 465)."""
        self._session.set_tls()

    def trust_client(self, *, also_without_tls=True):
        """The client's network stands for a login, and for TLS if also_without_tls: they are not asked for."""
        self._session.trust_client(also_without_tls)

    def feed(self, octets):
        """What the client sent, cut anywhere; all of it is kept until events have come of it."""
        self._session.feed(_octets(octets))

    def input_closed(self):
        """The client will send no more."""
        self._session.input_closed()

    def next_event(self):
        """The next Event, or None: feed more. Paused while a decision is open."""
        event = self._session.next_event(self._clock())
        if event is not None and event.is_decision:
            self._decision = type(event)
        return event

    def reply(self, reply):
        """Answers the open decision with a Reply or its text; ignored if none is open. 421 ends the session."""
        self._session.reply(reply, self._clock())

    def accept(self):
        """Answers the open decision with yes; a ScramLogin needs reply_verifier()."""
        reply = _ACCEPTED.get(self._decision)
        if reply is not None:
            self._session.reply(reply, self._clock())

    def reply_verifier(self, verifier, *, user=""):
        """Answers ScramLogin. verifier None: `user` is not known here; the exchange fails at its end, so that nobody
        learns who exists."""
        verifier = _decoy(user) if verifier is None else verifier
        self._session.reply_verifier(verifier, _core.random_octets(_NONCE_OCTETS).hex(), self._clock())

    def tls_started(self):
        """The handshake after StartTls is done. What is fed since StartTls counts as encrypted."""
        self._session.tls_started(self._clock())

    def shut_down(self, reply="421 4.3.2 shutting down"):
        """Ends the session; within a message, once it has been answered."""
        self._session.shut_down(reply)

    def output(self):
        """What to send now, as bytes; it is given out once."""
        return self._session.output()

    @property
    def next_deadline(self):
        """When on_time() must be called at the latest, by the clock; None: no need."""
        return self._session.next_deadline

    def on_time(self):
        """Ends the session with 421 4.4.2 if its deadline has passed."""
        self._session.on_time(self._clock())

    @property
    def pending(self):
        """Octets that were fed and not used yet: stop reading while there are many."""
        return self._session.pending

    @property
    def tls(self):
        return self._session.tls

    @property
    def authenticated(self):
        return self._session.authenticated

    @property
    def extended(self):
        """EHLO rather than HELO."""
        return self._session.extended

    @property
    def hello_name(self):
        """What the client calls itself; checked for form, never trusted."""
        return self._session.hello_name


class ClientOptions(Value):
    """hello_name: a domain or an address literal. user None: no login. allow_plaintext: PLAIN and LOGIN without TLS, for
    loopback only. lmtp: RFC 2033. Timeouts are whole seconds."""

    __slots__ = (
        "hello_name",
        "tls",
        "user",
        "password",
        "mechanisms",
        "allow_plaintext",
        "lmtp",
        "greeting_timeout",
        "command_timeout",
        "data_start_timeout",
        "data_timeout",
        "message_timeout",
        "max_reply_octets",
    )
    _defaults = {
        "hello_name": "localhost",
        "tls": Tls.OPPORTUNISTIC,
        "user": None,
        "password": "",
        "mechanisms": tuple(Mechanism),
        "allow_plaintext": False,
        "lmtp": False,
        "greeting_timeout": 300,
        "command_timeout": 300,
        "data_start_timeout": 120,
        "data_timeout": 180,
        "message_timeout": 600,
        "max_reply_octets": 65_536,
    }

    def __repr__(self):
        return Value.__repr__(self if not self.password else self.replace(password="***"))


class Capabilities(Value):
    """What the server announced. max_octets: of SIZE; None: not announced, 0: no bound."""

    __slots__ = (
        "extended",
        "pipelining",
        "eight_bit_mime",
        "smtputf8",
        "starttls",
        "enhanced_codes",
        "max_octets",
        "mechanisms",
    )


class ClientSession:
    """The client's side. clock: gives seconds that do not go back."""

    __slots__ = ("_clock", "_session")

    def __init__(self, options=None, *, clock=time.monotonic):
        self._clock = clock
        nonce = _core.random_octets(_NONCE_OCTETS).hex()
        self._session = _core.SmtpClientSession(ClientOptions() if options is None else options, nonce, clock())

    def feed(self, octets):
        """What the server sent, cut anywhere; all of it is kept until events have come of it."""
        self._session.feed(_octets(octets))

    def input_closed(self):
        """The server will send no more."""
        self._session.input_closed()

    def next_event(self):
        """The next Event, or None: feed more."""
        return self._session.next_event(self._clock())

    def tls_started(self):
        """The handshake after StartTls is done."""
        self._session.tls_started(self._clock())

    def begin(self, reverse_path, recipients, *, body=Body.SEVEN_BIT, smtputf8=False, size=0):
        """Starts a transaction; after Ready or MessageDone, and with PIPELINING after end_content(). reverse_path None:
        MAIL FROM:<>. body, smtputf8: what the message needs. size: in octets, 0: unknown."""
        self._session.begin(reverse_path, recipients, body, smtputf8, size, self._clock())

    def content(self, octets):
        """The next piece of the message, CRLF line ends; dots are stuffed here."""
        self._session.content(_octets(octets), self._clock())

    def end_content(self):
        """The message is complete."""
        self._session.end_content(self._clock())

    def quit(self):
        """Says QUIT, behind whatever is under way; Closed comes with its reply."""
        self._session.quit(self._clock())

    def output(self):
        """What to send now, as bytes; it is given out once."""
        return self._session.output(self._clock())

    @property
    def next_deadline(self):
        """When on_time() must be called at the latest, by the clock; None: no need."""
        return self._session.next_deadline

    def on_time(self):
        """Fails the session if its deadline has passed."""
        self._session.on_time(self._clock())

    @property
    def pending(self):
        """Octets that were fed and not used yet."""
        return self._session.pending

    @property
    def capabilities(self):
        return self._session.capabilities

    @property
    def tls(self):
        return self._session.tls


def make_self_signed(hostname, *, days=30, now=None):
    """A certificate and its key for a name or an IP address, as two PEM texts: for tests and first steps. Store the key
    where only you can read it."""
    return _core.make_self_signed(hostname, days, now)
