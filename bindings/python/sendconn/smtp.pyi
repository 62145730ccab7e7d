from collections.abc import Iterable, Sequence
from typing import Any, Callable, ClassVar, Final, Union

from sendconn._core import Address
from sendconn._core import ScramVerifier as ScramVerifier
from sendconn._value import Value
from sendconn._word import Word
from typing_extensions import TypeAlias

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

_Octets: TypeAlias = Union[bytes, bytearray, memoryview]

class Tls(Word):
    OFF = "off"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    IMPLICIT = "implicit"

class Body(Word):
    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"

class BareNewlines(Word):
    REFUSE = "refuse"
    NORMALIZE = "normalize"

class Mechanism(Word):
    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"

class Reply(Value):
    code: Final[int]
    enhanced: Final[str]
    text: Final[str]
    def __init__(self, *, code: int, enhanced: str = "", text: str = "") -> None: ...
    @staticmethod
    def parse(text: str) -> Reply: ...
    @property
    def positive(self) -> bool: ...
    @property
    def temporary(self) -> bool: ...
    @property
    def permanent(self) -> bool: ...

class Event(Value):
    is_decision: ClassVar[bool]

class Paused(Event): ...
class StartTls(Event): ...

class Closed(Event):
    orderly: Final[bool]
    reason: Final[Reply | None]
    def __init__(self, *, orderly: bool, reason: Reply | None = None) -> None: ...

class Greeting(Event): ...

class Hello(Event):
    name: Final[str]
    extended: Final[bool]
    def __init__(self, *, name: str, extended: bool) -> None: ...

class Login(Event):
    user: Final[str]
    password: Final[str]
    mechanism: Final[Mechanism]
    def __init__(self, *, user: str, password: str, mechanism: Mechanism) -> None: ...
    def as_dict(self) -> dict[str, Any]: ...

class ScramLogin(Event):
    user: Final[str]
    def __init__(self, *, user: str) -> None: ...

class LoginDone(Event):
    user: Final[str]
    ok: Final[bool]
    def __init__(self, *, user: str, ok: bool) -> None: ...

class Mail(Event):
    reverse_path: Final[Address | None]
    body: Final[Body]
    smtputf8: Final[bool]
    size: Final[int | None]
    auth: Final[str]
    def __init__(
        self,
        *,
        reverse_path: Address | None,
        body: Body = Body.SEVEN_BIT,
        smtputf8: bool = False,
        size: int | None = None,
        auth: str = "",
    ) -> None: ...

class Rcpt(Event):
    forward_path: Final[Address]
    def __init__(self, *, forward_path: Address) -> None: ...

class DataStart(Event): ...

class Content(Event):
    octets: Final[bytes]
    def __init__(self, *, octets: bytes) -> None: ...

class MessageEnd(Event):
    octets: Final[int]
    eight_bit: Final[bool]
    def __init__(self, *, octets: int, eight_bit: bool) -> None: ...

class Reset(Event):
    reason: Final[Reply | None]
    def __init__(self, *, reason: Reply | None = None) -> None: ...

class Ready(Event): ...
class SendContent(Event): ...

class RecipientReply(Event):
    index: Final[int]
    reply: Final[Reply]
    def __init__(self, *, index: int, reply: Reply) -> None: ...

class MessageDone(Event):
    reply: Final[Reply]
    def __init__(self, *, reply: Reply) -> None: ...

class Failed(Event):
    reason: Final[Reply]
    sent_final_dot: Final[bool]
    local: Final[bool]
    login: Final[bool]
    def __init__(
        self, *, reason: Reply, sent_final_dot: bool = False, local: bool = False, login: bool = False
    ) -> None: ...

class ServerOptions(Value):
    hostname: Final[str]
    max_message_octets: Final[int]
    max_recipients: Final[int]
    max_command_octets: Final[int]
    max_auth_octets: Final[int]
    max_line_octets: Final[int]
    offer_starttls: Final[bool]
    require_tls: Final[bool]
    require_auth: Final[bool]
    mechanisms: Final[tuple[Mechanism | str, ...]]
    bare_newlines: Final[BareNewlines | str]
    postmaster_domain: Final[str | None]
    max_auth_failures: Final[int]
    max_errors: Final[int]
    max_idle_commands: Final[int]
    command_timeout: Final[int]
    data_timeout: Final[int]
    def __init__(
        self,
        *,
        hostname: str = "localhost",
        max_message_octets: int = 52_428_800,
        max_recipients: int = 100,
        max_command_octets: int = 2048,
        max_auth_octets: int = 12_288,
        max_line_octets: int = 0,
        offer_starttls: bool = False,
        require_tls: bool = True,
        require_auth: bool = True,
        mechanisms: Iterable[Mechanism | str] = ...,
        bare_newlines: BareNewlines | str = BareNewlines.REFUSE,
        postmaster_domain: str | None = None,
        max_auth_failures: int = 3,
        max_errors: int = 20,
        max_idle_commands: int = 100,
        command_timeout: int = 300,
        data_timeout: int = 180,
    ) -> None: ...

class ServerSession:
    def __init__(self, options: ServerOptions | None = None, *, clock: Callable[[], float] = ...) -> None: ...
    def set_tls(self) -> None: ...
    def trust_client(self, *, also_without_tls: bool = True) -> None: ...
    def feed(self, octets: _Octets) -> None: ...
    def input_closed(self) -> None: ...
    def next_event(self) -> Event | None: ...
    def reply(self, reply: Reply | str) -> None: ...
    def accept(self) -> None: ...
    def reply_verifier(self, verifier: ScramVerifier | None, *, user: str = "") -> None: ...
    def tls_started(self) -> None: ...
    def shut_down(self, reply: Reply | str = "421 4.3.2 shutting down") -> None: ...
    def output(self) -> bytes: ...
    @property
    def next_deadline(self) -> float | None: ...
    def on_time(self) -> None: ...
    @property
    def pending(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def authenticated(self) -> bool: ...
    @property
    def extended(self) -> bool: ...
    @property
    def hello_name(self) -> str: ...

class ClientOptions(Value):
    hello_name: Final[str]
    tls: Final[Tls | str]
    user: Final[str | None]
    password: Final[str]
    mechanisms: Final[tuple[Mechanism | str, ...]]
    allow_plaintext: Final[bool]
    lmtp: Final[bool]
    greeting_timeout: Final[int]
    command_timeout: Final[int]
    data_start_timeout: Final[int]
    data_timeout: Final[int]
    message_timeout: Final[int]
    max_reply_octets: Final[int]
    def __init__(
        self,
        *,
        hello_name: str = "localhost",
        tls: Tls | str = Tls.OPPORTUNISTIC,
        user: str | None = None,
        password: str = "",
        mechanisms: Iterable[Mechanism | str] = ...,
        allow_plaintext: bool = False,
        lmtp: bool = False,
        greeting_timeout: int = 300,
        command_timeout: int = 300,
        data_start_timeout: int = 120,
        data_timeout: int = 180,
        message_timeout: int = 600,
        max_reply_octets: int = 65_536,
    ) -> None: ...

class Capabilities(Value):
    extended: Final[bool]
    pipelining: Final[bool]
    eight_bit_mime: Final[bool]
    smtputf8: Final[bool]
    starttls: Final[bool]
    enhanced_codes: Final[bool]
    max_octets: Final[int | None]
    mechanisms: Final[tuple[Mechanism, ...]]
    def __init__(
        self,
        *,
        extended: bool,
        pipelining: bool,
        eight_bit_mime: bool,
        smtputf8: bool,
        starttls: bool,
        enhanced_codes: bool,
        max_octets: int | None,
        mechanisms: Iterable[Mechanism],
    ) -> None: ...

class ClientSession:
    def __init__(self, options: ClientOptions | None = None, *, clock: Callable[[], float] = ...) -> None: ...
    def feed(self, octets: _Octets) -> None: ...
    def input_closed(self) -> None: ...
    def next_event(self) -> Event | None: ...
    def tls_started(self) -> None: ...
    def begin(
        self,
        reverse_path: str | Address | None,
        recipients: Sequence[str | Address],
        *,
        body: Body | str = Body.SEVEN_BIT,
        smtputf8: bool = False,
        size: int = 0,
    ) -> None: ...
    def content(self, octets: _Octets) -> None: ...
    def end_content(self) -> None: ...
    def quit(self) -> None: ...
    def output(self) -> bytes: ...
    @property
    def next_deadline(self) -> float | None: ...
    def on_time(self) -> None: ...
    @property
    def pending(self) -> int: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def tls(self) -> bool: ...

def make_self_signed(hostname: str, *, days: int = 30, now: float | None = None) -> tuple[str, str]: ...
