import os
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Callable, Final, TypeVar

from sendconn._core import Address, Signature, SignedFields
from sendconn._message import _AnyMessage
from sendconn._value import Value
from sendconn._word import Word
from sendconn.smtp import Reply as Reply
from sendconn.smtp import Tls as Tls

__all__ = ["Fate", "Mailer", "RecipientReport", "Reply", "Report", "Stage", "Tls"]

_M = TypeVar("_M", bound=Mailer)

class Fate(Word):
    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"

class Stage(Word):
    NONE = "none"
    LOOKUP = "lookup"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    LOGIN = "login"
    MESSAGE = "message"
    CANCELLED = "cancelled"

class RecipientReport(Value):
    recipient: Final[str]
    fate: Final[Fate]
    reply: Final[Reply]

class Report(Value):
    recipients: Final[tuple[RecipientReport, ...]]
    reply: Final[Reply]
    failed_at: Final[Stage]
    may_have_arrived: Final[bool]
    tls: Final[str]
    @property
    def all_accepted(self) -> bool: ...

class Mailer:
    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        tls: Tls | str = Tls.REQUIRED,
        user: str | None = None,
        password: str = "",
        login_without_tls: bool = False,
        verify: bool = True,
        authorities_file: str | os.PathLike[str] | None = None,
        cleartext_beyond_loopback: bool = False,
        hello_name: str = "",
        signatures: Iterable[Signature] = (),
        fields: SignedFields | None = None,
        keep_open: int = 0,
        max_messages: int = 100,
        connect_timeout: int = 30,
        command_timeout: int = 300,
        data_timeout: int = 180,
        message_timeout: int = 600,
        send_timeout: int = 3600,
        dns_servers: Iterable[str] = (),
        max_message_octets: int = 52_428_800,
        max_recipients: int = 1000,
    ) -> None: ...
    def send(
        self,
        message: _AnyMessage,
        *,
        sender: str | Address | None = None,
        recipients: str | Sequence[str | Address] | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        on_trace: Callable[[str], object] | None = None,
    ) -> Report: ...
    async def send_async(
        self,
        message: _AnyMessage,
        *,
        sender: str | Address | None = None,
        recipients: str | Sequence[str | Address] | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        on_trace: Callable[[str], object] | None = None,
    ) -> Report: ...
    def close(self) -> None: ...
    @property
    def is_open(self) -> bool: ...
    def __enter__(self: _M) -> _M: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
