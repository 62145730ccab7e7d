from collections.abc import Awaitable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Callable, Final, NamedTuple, Union

from sendconn import _core
from sendconn._core import Cache as Cache
from sendconn._core import Zone as Zone
from sendconn._errors import DnsError as DnsError
from sendconn._errors import MalformedAnswer as MalformedAnswer
from sendconn._errors import NoData as NoData
from sendconn._errors import NoSuchName as NoSuchName
from sendconn._errors import ServerFailure as ServerFailure
from sendconn._errors import Timeout as Timeout
from sendconn._value import Value
from sendconn._word import Word
from typing_extensions import TypeAlias

__all__ = [
    "Answer",
    "Cache",
    "DnsError",
    "MalformedAnswer",
    "NoData",
    "NoSuchName",
    "Question",
    "RecordType",
    "Resolver",
    "ServerFailure",
    "Status",
    "Timeout",
    "Zone",
    "default_resolver",
    "dnspython",
]

class RecordType(Word):
    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    TXT = "TXT"
    TLSA = "TLSA"

class Status(Word):
    NO_ERROR = "no-error"
    NO_SUCH_NAME = "no-such-name"
    NO_DATA = "no-data"
    TIMEOUT = "timeout"
    SERVER_FAILURE = "server-failure"
    MALFORMED = "malformed"

class Question(NamedTuple):
    name: str
    type: RecordType

class Answer(Value):
    values: Final[tuple[Any, ...]]
    ttl: Final[int]
    authenticated: Final[bool]
    status: Final[Status]
    aliases: Final[tuple[str, ...]]
    def __init__(
        self,
        values: Iterable[_AnyRecord] = (),
        ttl: int = 0,
        authenticated: bool = False,
        status: Status | str = Status.NO_ERROR,
        aliases: Iterable[str] = (),
    ) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...

class Resolver(_core.Resolver):
    async def resolve_async(self, name: str, type: RecordType | str) -> Answer: ...

# What may stand in an answer, and what may be one.
_AnyRecord: TypeAlias = Union[
    bytes, str, IPv4Address, IPv6Address, tuple[int, str], Sequence[bytes]
]
_AnyAnswer: TypeAlias = Union[Answer, Sequence[_AnyRecord]]
_BlockingResolver: TypeAlias = Union[
    Zone, Resolver, Callable[[str, RecordType], _AnyAnswer]
]
_AnyResolver: TypeAlias = Union[
    _BlockingResolver, Callable[[str, RecordType], Awaitable[_AnyAnswer]]
]

def default_resolver() -> Resolver: ...
def resolver_or_default(resolver: Any) -> Any: ...
def dnspython(resolver: Any = None) -> Callable[[str, RecordType], Any]: ...
