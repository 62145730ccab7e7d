import ssl
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from sendconn._core import Address
from sendconn._message import _AnyMessage
from sendconn.mailer import Report
from sendconn.smtp import Mechanism, Tls

_C = TypeVar("_C", bound=Client)

class Client:
    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        tls: Tls | str = Tls.REQUIRED,
        ssl_context: ssl.SSLContext | None = None,
        verify: bool = True,
        user: str | None = None,
        password: str = "",
        mechanisms: Iterable[Mechanism | str] = ...,
        login_without_tls: bool = False,
        hello_name: str = "",
        lmtp: bool = False,
        max_messages: int = 100,
        connect_timeout: float = 30.0,
        command_timeout: int = 300,
        data_timeout: int = 180,
        message_timeout: int = 600,
    ) -> None: ...
    async def send(
        self,
        message: _AnyMessage,
        *,
        sender: str | Address | None = None,
        recipients: str | Sequence[str | Address] | None = None,
    ) -> Report: ...
    async def close(self) -> None: ...
    @property
    def is_open(self) -> bool: ...
    async def __aenter__(self: _C) -> _C: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

async def send(
    message: _AnyMessage,
    *,
    host: str,
    port: int = 0,
    sender: str | Address | None = None,
    recipients: str | Sequence[str | Address] | None = None,
    **options: Any,
) -> Report: ...
