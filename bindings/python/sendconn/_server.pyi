import ssl
from collections.abc import Awaitable, Iterable
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Final, TypeVar, Union

from sendconn._core import Address, ScramVerifier
from sendconn._value import Value
from sendconn.smtp import Body, Mail, Reply, ServerOptions
from typing_extensions import TypeAlias

_S = TypeVar("_S", bound=Server)

_Answer: TypeAlias = Union[Reply, str, bool, None]

class Message(Value):
    reverse_path: Final[Address | None]
    recipients: Final[tuple[Address, ...]]
    octets: Final[bytes]
    body: Final[Body]
    smtputf8: Final[bool]
    eight_bit: Final[bool]
    ip: Final[str]
    hello: Final[str]
    user: Final[str | None]
    tls: Final[str]
    def __init__(
        self,
        *,
        reverse_path: Address | None,
        recipients: Iterable[Address],
        octets: bytes,
        body: Body,
        smtputf8: bool,
        eight_bit: bool,
        ip: str,
        hello: str,
        user: str | None,
        tls: str,
    ) -> None: ...
    @property
    def sender(self) -> str: ...
    def parse(self) -> EmailMessage: ...

class Peer:
    ip: str
    port: int
    hello: str
    extended: bool
    user: str | None
    tls: str
    data: dict[Any, Any]
    def __init__(self, ip: str, port: int) -> None: ...

# Each may be a coroutine function.
class Handler:
    def on_connect(self, peer: Peer) -> _Answer | Awaitable[_Answer]: ...
    def on_login(self, peer: Peer, user: str, password: str) -> _Answer | Awaitable[_Answer]: ...
    def on_verifier(
        self, peer: Peer, user: str
    ) -> ScramVerifier | Reply | str | None | Awaitable[ScramVerifier | Reply | str | None]: ...
    def on_mail(self, peer: Peer, mail: Mail) -> _Answer | Awaitable[_Answer]: ...
    def on_rcpt(self, peer: Peer, recipient: Address) -> _Answer | Awaitable[_Answer]: ...
    def on_message(self, peer: Peer, message: Message) -> _Answer | Awaitable[_Answer]: ...
    def on_close(self, peer: Peer) -> object: ...

class Server:
    handler: Any
    def __init__(
        self,
        handler: object | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        options: ServerOptions | None = None,
        ssl_context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        max_connections: int = 1000,
    ) -> None: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def connections(self) -> int: ...
    async def start(self: _S) -> _S: ...
    async def serve_forever(self) -> None: ...
    async def close(self, *, timeout: float = 30.0) -> None: ...
    async def __aenter__(self: _S) -> _S: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
